"""Read YAML that people write by hand. An error names the file, the line, the value, and what could stand there."""

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import BaseModel, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from lectern.core import yaml_bombs
from lectern.core.errors import ItemError
from lectern.core.schema import Record

DEEPEST = 4
"""Greatest depth of nesting (keys and positions in lists) that a value of these files has."""

R = TypeVar("R", bound=BaseModel)
Name = Annotated[str, Field(min_length=1)]
Place = tuple[str | int, ...]
Locate = Callable[[Place], str]
"""Takes the place of a value in a file, such as ("split", 0, "to"); returns the beginning of an error: file, line and
place."""


class Entry(Record):
    """A mapping in a file that people write. The error for an unknown key names the allowed ones."""

    @model_validator(mode="before")
    @classmethod
    def _has_known_keys(cls, values: Any) -> Any:
        if isinstance(values, dict):
            for key in values.keys() - cls.model_fields.keys():
                allowed = ", ".join(cls.model_fields)
                raise PydanticCustomError(
                    "unknown_key", "there is no such key; use {allowed}", {"key": key, "allowed": allowed}
                )
        return values


def parse_yaml(text: str, record: type[R], where: str) -> tuple[R, Locate]:
    """Read a record from YAML; also return how to locate its values for errors.

    Every scalar is read as a string, so that a speaker may have the name `No`.

    Raises:
        ItemError: it is not YAML, has a key twice, or does not fit the record.
    """
    lines: dict[Place, int] = {}

    def locate(place: Place) -> str:
        known = next((place[:n] for n in range(len(place), -1, -1) if place[:n] in lines), ())
        shown = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")
        return f"{where}:{lines.get(known, 1)}" + (f": {shown}" if shown else "")

    built = 0

    def build(node: Any, place: Place) -> Any:
        nonlocal built
        built += 1
        if built > len(text) + 1:  # every value that is no alias takes a character
            raise ItemError(f"{where}: aliases repeat its values too often; write the values out")
        lines.setdefault(place, node.start_mark.line + 1)
        if len(place) > DEEPEST:  # an alias of YAML may contain itself
            raise ItemError(f"{locate(place)}: the values are nested too deeply, or an alias contains itself")
        if isinstance(node, yaml.SequenceNode):
            return [build(child, (*place, index)) for index, child in enumerate(node.value)]
        if not isinstance(node, yaml.MappingNode):
            return None if not node.style and node.value in ("", "~", "null") else node.value
        values: dict[str, Any] = {}
        for key, child in node.value:
            lines[(*place, str(key.value))] = key.start_mark.line + 1
            if str(key.value) in values:
                raise ItemError(f"{locate((*place, str(key.value)))}: this key stands here twice; delete one")
            values[str(key.value)] = build(child, (*place, str(key.value)))
        return {key: value for key, value in values.items() if value is not None}

    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("<<<<<<< "):
            raise ItemError(
                f"{where}:{number}: this is a merge conflict: git left two versions of the lines between <<<<<<< and "
                ">>>>>>>. Keep one of them, delete the marks, and `git add` the file"
            )
    try:
        if (bomb := yaml_bombs.find(text)) is not None:
            raise ItemError(f"{where}:{bomb[0]}: {bomb[1]}")
        node = yaml.compose(text, Loader=yaml_bombs.LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise ItemError(f"{where}:{mark.line + 1 if mark else 1}: not YAML ({error.problem})") from error
    except yaml.YAMLError as error:
        raise ItemError(f"{where}: not YAML ({error})") from error
    empty: Any = {} if issubclass(record, Entry) else []
    try:
        return record.model_validate(empty if node is None else build(node, ()) or empty), locate
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = (first.get("ctx") or {}).get("key")
        place = (*first["loc"], key) if key is not None else first["loc"]
        value = repr(first["input"])
        got = (
            ""
            if isinstance(first["input"], dict)
            else f" (got {value if len(value) <= 80 else value[:77] + '...'})"
        )
        raise ItemError(f"{locate(place)}: {first['msg'].removeprefix('Value error, ')}{got}") from error
