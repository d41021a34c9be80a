"""A section of params.yaml as a frozen dataclass.

OmegaConf does the work: it checks types, rejects unknown keys, and reads `1e-4` as a number (PyYAML reads it as a
string). Each dataclass checks its values in `__post_init__`.
"""

import dataclasses
import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from lectern.core.errors import LecternError
from lectern.core.printing import first_line

P = TypeVar("P")


def load(section: str, cls: type[P], path: Path = Path("params.yaml")) -> P:
    """Read `section` of the parameter file into `cls`.

    Raises:
        LecternError: the file or the section is missing, a key is unknown, or a value has the wrong type or is out
            of bounds; the message names the key.
    """
    try:
        everything = OmegaConf.load(path)
    except FileNotFoundError as error:
        raise LecternError(f"{path} does not exist. `lectern params` writes it from conf/.") from error
    chosen = OmegaConf.select(everything, section)
    if chosen is None:
        raise LecternError(f"{path} has no section {section!r}. `lectern params` writes it from conf/.")
    return parse(chosen, cls, f"{path}: section {section!r}")


def parse(values: Any, cls: type[P], where: str) -> P:
    """Check plain values against `cls`; `where` begins the error message.

    Raises:
        LecternError: a key is unknown, or a value has the wrong type or is out of bounds.
    """
    names = [field.name for field in dataclasses.fields(cls)]  # type: ignore[arg-type]
    given = values if isinstance(values, Mapping | DictConfig) else {}
    unknown = [str(key) for key in given if key not in names]
    reasons = [f"there is no {key}{_suggest(key, names)}" for key in unknown]
    known = {key: given[key] for key in given if key in names} if unknown else values
    try:
        parsed = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(cls), known))
    except OmegaConfBaseException as error:
        reasons.append(f"{error.full_key}: {first_line(error)}" if error.full_key else first_line(error))
    except ValueError as error:
        reasons.append(first_line(error))
    if reasons:
        raise LecternError(f"{where}: {'; '.join(reasons)}. Correct it under conf/ and run `lectern params`.")
    assert isinstance(parsed, cls)
    return parsed


def _suggest(key: str, names: list[str]) -> str:
    """The name that was probably meant, in words."""
    near = difflib.get_close_matches(key, names, 1)
    return f" (did you mean {near[0]}?)" if near else f"; it has {', '.join(names)}"
