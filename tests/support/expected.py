"""Whole outputs that are committed below tests/expected: a test compares all of one, so that no part changes unseen.

`LECTERN_WRITE_EXPECTED=1 make test` writes them anew. Read what changed in them before you commit it.
"""

import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

FOLDER = Path(__file__).parents[1] / "expected"
DIGITS = 6
"""Significant digits of a number that count: the last ones differ between processors."""
WIDTH = 110


def check(name: str, found: Any) -> None:
    """Compare a text, or a value as JSON, with the file of this name.

    Args:
        name: of the file, such as `scores.json`.
        found: a text, or what JSON can hold, with records, dataclasses, tuples and paths in it.
    """
    text = found if isinstance(found, str) else lay_out(plain(found)) + "\n"
    path = FOLDER / name
    if os.environ.get("LECTERN_WRITE_EXPECTED") == "1":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), f"{path.name}: see tests/support/expected.py"


def check_many(name: str, found: Mapping[str, Any]) -> None:
    """Compare each of many values by its hash: the file tells which of them came out otherwise, and no more.

    Args:
        name: of the file.
        found: what was done -> what came of it, as `check` takes it.
    """
    check(
        name,
        {case: hashlib.sha256(lay_out(plain(one)).encode()).hexdigest()[:10] for case, one in found.items()},
    )


def lay_out(value: Any, depth: int = 0) -> str:
    """JSON in which a value that fits stands on one line."""
    line = json.dumps(value, ensure_ascii=False)
    if len(line) + depth <= WIDTH or not isinstance(value, dict | list) or not value:
        return line
    inside = " " * (depth + 1)
    pairs = value.items() if isinstance(value, dict) else [(None, one) for one in value]
    lines = [
        ("" if key is None else f"{json.dumps(key, ensure_ascii=False)}: ") + lay_out(one, depth + 1)
        for key, one in pairs
    ]
    begin, end = "{}" if isinstance(value, dict) else "[]"
    return begin + "\n" + ",\n".join(inside + each for each in lines) + "\n" + " " * depth + end


def plain(value: Any) -> Any:
    """What JSON holds of a value, in the order of its keys."""
    if isinstance(value, BaseModel):
        return plain(value.model_dump(mode="json"))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    return value if isinstance(value, str | int | None) else str(value)
