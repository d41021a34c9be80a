"""Write the scores as a table for `dvc plots`, which draws experiments side by side, each figure on its own axis."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lectern.core import io
from lectern.core.schema import BASE, TUNED

DRAWN = ("nll", "bits_per_byte", "rougeL", "chrf", "similarity", "repetition4", "copied_share", "finished")
"""The figures that are drawn. More would be unreadable side by side; metrics/scores.json has all."""
COLUMNS = ("figure", "contestant", "value", "low", "high", "n")


def list_points(scores: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a row for each figure and contestant of the headline set, in the order of DRAWN.

    Args:
        scores: content of metrics/scores.json.

    Returns: rows with the keys COLUMNS; `low` and `high` are None if there are too few answers for an interval.
    """
    sides = dict(_list_contestants(scores))
    return [
        {"figure": figure, "contestant": name, **{key: part[key] for key in COLUMNS[2:]}}
        for figure in DRAWN
        for name, figures in sides.items()
        if (part := figures.get(figure))
    ]


def _list_contestants(scores: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield BASE, scores[BASE]
    yield TUNED, scores[TUNED]
    for name, part in sorted(scores.get("comparators", {}).items()):
        yield name, part["scores"]


def write_plot(path: Path, scores: Mapping[str, Any]) -> None:
    """Write the points as tab-separated values, None as blank. No value holds a tab, since names are `[a-z0-9_]+`."""
    rows = [COLUMNS, *(tuple(point[key] for key in COLUMNS) for point in list_points(scores))]
    lines = ("\t".join("" if value is None else str(value) for value in row) for row in rows)
    io.write_text(path, "".join(f"{line}\n" for line in lines))
