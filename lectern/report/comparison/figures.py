"""Compare other figures: those of the judge, if it is trusted, and all numbers of the other metrics."""

from collections.abc import Iterator, Mapping
from typing import Any

from lectern.evaluation.figure_type import Figure
from lectern.evaluation.judge_figures import RUBRIC, WIN_RATE
from lectern.report import wording
from lectern.report.comparison.inputs import Run
from lectern.report.figures import show, show_interval
from lectern.report.judgement import PAIR, is_trusted

LEFT_OUT = ("scores", "judge", "generation")
"""Metrics that are shown elsewhere, or hold no figures."""
BY_ITEM = "by_item"
"""Key of figures for each item, which are too many to show; their totals are shown."""
KINDS = {"pairs": "Pairs, tuned against base", "rubric": "Rubric"}


def compare_judge(a: Run, b: Run) -> list[dict[str, Any]]:
    """Return the judge's figures, or why they are not shown; empty if neither run asked a judge."""
    judges = [(run.name, run.metrics.get("judge") or {}) for run in (a, b)]
    if not any(judge for _, judge in judges):
        return []
    parts = []
    for kind, title in KINDS.items():
        reasons = [
            f"{name}: {_distrust(judge, kind)}" for name, judge in judges if not is_trusted(judge, kind)
        ]
        rows = [] if reasons else list(_list_judged(kind, *(judge for _, judge in judges)))
        parts.append({"name": title, "why": "; ".join(reasons), "rows": rows})
    return parts


def _distrust(judge: Mapping[str, Any], kind: str) -> str:
    return "no judge was asked" if not judge else judge.get("why", {}).get(kind) or wording.NOT_COMPARED


def _list_judged(kind: str, a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    figure, read = (WIN_RATE, _win_rates) if kind == "pairs" else (RUBRIC, _rubric_scores)
    ours, theirs = read(a), read(b)
    for name in sorted({*ours, *theirs}):
        yield {"name": name, "a": _show(figure, ours.get(name)), "b": _show(figure, theirs.get(name))}


def _win_rates(judge: Mapping[str, Any]) -> dict[str, Any]:
    return {name: part["win_rate"] for name, part in judge.get("pairs", {}).get(PAIR, {}).items()}


def _rubric_scores(judge: Mapping[str, Any]) -> dict[str, Any]:
    return {
        f"{name}, {who}": part["score"]
        for name, sides in judge.get("rubric", {}).items()
        for who, part in sides.items()
        if isinstance(part, Mapping) and part.get("score")
    }


def _show(figure: Figure, part: Mapping[str, Any] | None) -> str:
    if not part:
        return ""
    interval = show_interval(figure, part)
    return show(figure, part["value"]) + (f" ({interval})" if interval else "") + f", n {part['n']:,}"


def compare_others(a: Run, b: Run) -> list[dict[str, Any]]:
    """Return the files of metrics whose numbers differ, with name, both values and difference of each number."""
    found = []
    for name in sorted({*a.metrics, *b.metrics}.difference(LEFT_OUT)):
        ours, theirs = (dict(_numbers(run.metrics.get(name))) for run in (a, b))
        rows = [
            _row(key, ours.get(key), theirs.get(key))
            for key in sorted({*ours, *theirs})
            if ours.get(key) != theirs.get(key)
        ]
        if rows:
            found.append({"name": name, "rows": rows})
    return found


Number = tuple[float, str]
"""A figure, and its interval as text."""


def _numbers(value: Any, key: str = "") -> Iterator[tuple[str, Number]]:
    """Yield dotted names with their numbers; a figure with its interval is one number."""
    if isinstance(value, Mapping):
        if {"value", "low", "high"} <= value.keys():
            if value["value"] is not None:
                yield key, (value["value"], _interval(value))
            return
        for name, part in value.items():
            if name != BY_ITEM:
                yield from _numbers(part, f"{key}.{name}" if key else str(name))
    elif isinstance(value, int | float):
        yield key, (value, "")


def _interval(part: Mapping[str, Any]) -> str:
    return (
        "" if part["low"] is None or part["high"] is None else f" ({part['low']:.6g} to {part['high']:.6g})"
    )


def _row(name: str, a: Number | None, b: Number | None) -> dict[str, str]:
    change = round(b[0] - a[0], 6) if a and b else 0
    digits = 0 if change == int(change) else 6
    return {
        "name": name,
        "a": _write(a),
        "b": _write(b),
        "change": wording.signed(change, digits).rstrip("0" if digits else "") if change else "",
    }


def _write(number: Number | None) -> str:
    return "" if number is None else f"{number[0]:,}{number[1]}"
