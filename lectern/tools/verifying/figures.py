"""Whether the figures of a rebuild agree with the committed ones: each lies in the committed interval."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lectern.report.comparison.figures import BY_ITEM

BOUNDS = ("value", "low", "high")


@dataclass(frozen=True)
class Outside:
    """A figure that does not agree."""

    name: str
    """file and dotted key"""
    before: str
    after: str


@dataclass(frozen=True)
class Agreement:
    """The figures of a rebuild beside the committed ones."""

    measured: int
    """number of committed figures with an interval"""
    outside: Sequence[Outside]
    """those whose rebuilt value is missing, or lies outside the committed interval"""
    others: int
    """number of committed figures without an interval"""
    changed: Sequence[Outside]
    """those of them that differ"""


def compare(committed: Mapping[str, str | None], rebuilt: Mapping[str, str | None]) -> Agreement:
    """Compare metrics.

    Args:
        committed: path -> the text of a file of metrics; None if there is none.
        rebuilt: likewise.
    """
    outside, changed = [], []
    measured = others = 0
    for path, text in committed.items():
        before, after = (dict(_list(_parse(side))) for side in (text, rebuilt.get(path)))
        for key, figure in before.items():
            now = after.get(key)
            if isinstance(figure, Mapping):
                measured += 1
                if not _agrees(figure, now):
                    outside.append(Outside(f"{path} {key}", _show(figure), _show(now)))
            else:
                others += 1
                if now != figure:
                    changed.append(Outside(f"{path} {key}", _show(figure), _show(now)))
    return Agreement(measured, outside, others, changed)


def _agrees(before: Mapping[str, Any], after: Any) -> bool:
    value = after.get("value") if isinstance(after, Mapping) else None
    return isinstance(value, int | float) and before["low"] <= value <= before["high"]


def _list(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Yield dotted names with their numbers; a figure with its interval is one mapping."""
    if isinstance(value, Mapping):
        if all(isinstance(value.get(name), int | float) for name in BOUNDS):
            yield key, value
            return
        for name, part in value.items():
            if name != BY_ITEM:
                yield from _list(part, f"{key}.{name}" if key else str(name))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield key, value


def _parse(text: str | None) -> Any:
    try:
        return json.loads(text or "{}")
    except ValueError:
        return {}


def _show(figure: Any) -> str:
    if isinstance(figure, Mapping):
        return f"{figure['value']:.6g} ({figure['low']:.6g} to {figure['high']:.6g})"
    return "missing" if figure is None else f"{figure:.6g}"
