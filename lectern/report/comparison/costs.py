"""Compare what two runs took: seconds, CPU time, memory, and money if it was recorded."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from lectern.report import wording
from lectern.report.comparison.inputs import Run

MISSING = "not measured here"


def _gigabytes(megabytes: float) -> str:
    return f"{megabytes / 1000:.2f} GB"


def _seconds(value: float) -> str:
    return f"{value:.1f} s" if value < 60 else wording.duration(value)


COLUMNS: Mapping[str, tuple[str, Callable[[float], str], Callable[[Iterable[float]], float]]] = {
    "seconds": ("Time", _seconds, sum),
    "cpu_seconds": ("CPU time", _seconds, sum),
    "peak_memory_mb": ("Peak memory", _gigabytes, max),
    "cost": ("Cost", lambda value: f"{value:.4g}", sum),
}
"""Figure of metrics/runtime -> its name, a function that formats a value, and one that combines those of all stages."""


def compare_costs(a: Run, b: Run) -> dict[str, Any]:
    """Return a row for each stage, in order of the pipeline, and one for all; only columns that a run has."""
    stages = [*b.lock, *sorted({*a.lock, *a.runtime, *b.runtime} - b.lock.keys())]
    stages = [stage for stage in stages if stage in a.runtime or stage in b.runtime]
    columns = {
        key: column
        for key, column in COLUMNS.items()
        if any(key in figures for run in (a, b) for figures in run.runtime.values())
    }
    rows = [
        {
            "stage": stage,
            "cells": [_pair(key, a.runtime.get(stage, {}), b.runtime.get(stage, {})) for key in columns],
        }
        for stage in stages
    ]
    whole = [_pair(key, *({key: _sum(key, run)} for run in (a, b))) for key in columns]
    return {
        "columns": [name for name, _, _ in columns.values()],
        "rows": [*rows, {"stage": "in all", "cells": whole}] if rows else [],
        "missing": [run.name for run in (a, b) if not run.runtime],
    }


def _sum(key: str, run: Run) -> float | None:
    values = [figures[key] for figures in run.runtime.values() if figures.get(key) is not None]
    return COLUMNS[key][2](values) if values else None


def _pair(key: str, a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, str]:
    show = COLUMNS[key][1]
    return {
        side: MISSING if figures.get(key) is None else show(figures[key])
        for side, figures in (("a", a), ("b", b))
    }
