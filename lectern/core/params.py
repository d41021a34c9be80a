"""A section of params.yaml as a frozen dataclass.

OmegaConf does the work: types are checked, an unknown key is an error, and `1e-4` is a number (PyYAML reads it as a
string). The dataclass checks the values in `__post_init__`.
"""

import dataclasses
import difflib
import io
import types
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from lectern.core import yaml_bombs
from lectern.core.errors import LecternError, WrongValuesError
from lectern.core.printing import first_line

P = TypeVar("P")
LONGEST = 200_000
"""Most characters of a parameter file; that of the demo has 12,000."""
NAMES: Mapping[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    Any: "any value",
}
PLURALS: Mapping[Any, str] = {int: "whole numbers", float: "numbers", str: "texts"}


def load(section: str, cls: type[P], path: Path = Path("params.yaml")) -> P:
    """Read `section` of the parameter file into `cls`.

    Raises:
        LecternError: the file or the section is missing, a key is unknown or missing, or a value has the wrong type or
            is out of bounds; the message names each of them.
    """
    chosen = OmegaConf.select(read_file(path), section)
    if chosen is None:
        raise LecternError(f"{path} has no section {section!r}. `lectern params` writes it from conf/.")
    return parse(chosen, cls, f"{path}: section {section!r}")


def read_file(path: Path) -> DictConfig:
    """Read a whole parameter file, which cannot be changed through what is returned.

    Raises:
        LecternError: the file is missing, is no YAML or has no sections.
    """
    try:
        found = _read_text(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise LecternError(f"{path} does not exist. `lectern params` writes it from conf/.") from error
    except (OmegaConfBaseException, YAMLError, OSError, UnicodeDecodeError, RecursionError) as error:
        raise LecternError(
            f"{path} cannot be read ({first_line(error)}). `lectern params` writes it again."
        ) from error
    if not isinstance(found, DictConfig):
        raise LecternError(f"{path} has no sections. `lectern params` writes it from conf/.")
    return found


@lru_cache(maxsize=4)
def _read_text(text: str) -> Any:
    """The parsed file. A stage reads a section at a time, and parsing takes a hundred times as long as reading."""
    if len(text) > LONGEST:
        raise YAMLError(f"it has {len(text):,} characters; no configuration needs more than {LONGEST:,}")
    if (bomb := yaml_bombs.find(text, aliases=False)) is not None:
        raise YAMLError(f"line {bomb[0]}: {bomb[1]}")
    found = OmegaConf.load(io.StringIO(text))
    OmegaConf.set_readonly(found, True)
    return found


def parse(values: Any, cls: type[P], where: str) -> P:
    """Check plain values against `cls`; `where` begins the error message.

    Raises:
        LecternError: a key is unknown or missing, or a value has the wrong type or is out of bounds.
    """
    parsed = read(values, cls)
    if isinstance(parsed, cls):
        return parsed
    problems = "; ".join(parsed)  # type: ignore[arg-type]
    raise LecternError(f"{where}: {problems}. Correct it under conf/ and run `lectern params`.")


def read(values: Any, cls: type[P]) -> P | list[str]:
    """The plain values as `cls`, or what is wrong with them: each problem names the key, the value and the remedy."""
    try:
        return OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(cls), values))  # type: ignore[return-value]
    except WrongValuesError as error:
        return error.problems
    except (OmegaConfBaseException, ValueError) as error:
        plain = OmegaConf.to_container(values) if OmegaConf.is_config(values) else values
        return list(_find_problems(plain, cls)) or [str(error).splitlines()[0]]


def suggest(name: str, known: Mapping[str, Any]) -> str:
    """A hint after an unknown name: the nearest of the known ones, or all of them."""
    near = difflib.get_close_matches(name, known, 1)
    return f" (did you mean {near[0]}?)" if near else f"; it has {', '.join(known)}"


def describe(kind: Any) -> str:
    """What a value of this type is, in words: `a whole number, or null`."""
    if isinstance(kind, types.UnionType) or get_origin(kind) is Union:
        return ", or ".join("null" if one is type(None) else describe(one) for one in get_args(kind))
    if get_origin(kind) is list:
        [inner] = get_args(kind)
        return f"a list of {PLURALS[inner]}" if inner in PLURALS else "a list"
    if get_origin(kind) is dict:
        _, inner = get_args(kind)
        return f"a mapping of names to {PLURALS[inner]}" if inner in PLURALS else "a mapping"
    return "a mapping" if dataclasses.is_dataclass(kind) else NAMES[kind]


def _find_problems(values: Any, cls: type, prefix: str = "") -> Iterator[str]:
    if not isinstance(values, Mapping):
        yield f"{prefix.removesuffix('.') or 'it'} is {_show(values)}; give a mapping of names to values"
        return
    fields = {field.name: field for field in dataclasses.fields(cls)}
    hints = get_type_hints(cls)
    for name in values:
        if name not in fields:
            yield f"there is no {prefix}{name}{suggest(str(name), fields)}"
    missing = []
    for name, field in fields.items():
        value = values.get(name, dataclasses.MISSING)
        if value is not dataclasses.MISSING and value != "???":
            yield from _find_wrong_types(value, hints[name], prefix + name)
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            missing.append(prefix + name)
    if missing:
        yield f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not given"


def _find_wrong_types(value: Any, kind: Any, key: str) -> Iterator[str]:
    of = get_args(kind)
    if isinstance(kind, types.UnionType) or get_origin(kind) is Union:
        of = tuple(one for one in of if one is not type(None))
        inner = of[0] if len(of) == 1 else None
    else:
        inner = kind
    if value is None and inner is not kind:
        return
    if dataclasses.is_dataclass(inner) and isinstance(inner, type):
        yield from _find_problems(value, inner, f"{key}.")
    elif get_origin(inner) is list and isinstance(value, list):
        for number, one in enumerate(value):
            yield from _find_wrong_types(one, get_args(inner)[0], f"{key}[{number}]")
    elif get_origin(inner) is dict and isinstance(value, Mapping):
        for name, one in value.items():
            yield from _find_wrong_types(one, get_args(inner)[1], f"{key}.{name}")
    elif not _fits(value, kind):
        yield f"{key} is {_show(value)}; give {describe(kind)}"


def _show(value: Any) -> str:
    """The value as YAML writes it, where that differs from Python."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _fits(value: Any, kind: Any) -> bool:
    holder = dataclasses.make_dataclass("Holder", [("value", kind)])
    try:
        OmegaConf.merge(OmegaConf.structured(holder), {"value": value})
    except (OmegaConfBaseException, ValueError):
        return False
    return True
