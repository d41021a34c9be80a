"""What a rebuild changed: outputs, rows, and the figures that moved."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from lectern.core import io
from lectern.core.errors import LecternError
from lectern.core.schema import Decision, Example
from lectern.report.comparison.differences import flatten

SHOWN = 50
"""Rows and figures that are listed; all are counted."""


@dataclass(frozen=True)
class Snapshot:
    """The outputs at one time."""

    outputs: Mapping[str, Mapping[str, str]]
    """stage -> path -> hash, as dvc.lock has them"""
    rows: Mapping[tuple[str, str], str]
    """row and item -> kept, or why it was dropped"""
    curated: Mapping[str, tuple[str, str]]
    """row that is kept -> its item and first message"""
    figures: Mapping[str, str]
    """file and key -> value"""


@dataclass(frozen=True)
class Changes:
    """What differs between two times."""

    outputs: dict[str, list[str]] = field(default_factory=dict)
    """stage -> its paths that changed"""
    rows: list[tuple[str, str, str, str]] = field(default_factory=list)
    """row, item, before, after; empty where there was none"""
    counts: dict[tuple[str, str], int] = field(default_factory=dict)
    """before and after -> rows"""
    questions: dict[str, str] = field(default_factory=dict)
    figures: list[tuple[str, str, str]] = field(default_factory=list)
    """figure, before, after"""

    @property
    def nothing(self) -> bool:
        """No output changed."""
        return not (self.outputs or self.rows or self.figures)


def take(root: Path) -> Snapshot:
    """The outputs as they are now; what is not there is left out.

    Raises:
        LecternError: an output is broken; names the file.
    """
    decisions = _read(root / "data/curation_decisions.jsonl", Decision)
    curated = _read(root / "data/curated.jsonl", Example)
    return Snapshot(
        outputs=_read_lock(root / "dvc.lock"),
        rows={(row.id, row.item): row.reason for row in decisions},
        curated={row.id: (row.provenance.item, row.messages[0].content) for row in curated},
        figures=dict(_read_figures(root / "metrics")),
    )


def _read(path: Path, record: type) -> list[Any]:
    return io.read_jsonl(path, record) if path.is_file() else []


def _read_lock(path: Path) -> dict[str, dict[str, str]]:
    if not path.is_file():
        return {}
    try:
        stages = yaml.safe_load(path.read_text(encoding="utf-8")).get("stages", {})
        return {
            stage: {out["path"]: str(out.get("md5", "")) for out in parts.get("outs", [])}
            for stage, parts in stages.items()
        }
    except (yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
        raise LecternError(
            f"{path} cannot be read ({error}). `git checkout {path.name}` brings it back."
        ) from error


def _read_figures(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.glob("*.json")):
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:  # half written by a stage that was stopped
            continue
        for key, value in flatten(found):
            yield f"{path.stem}: {key}", value


def compare(before: Snapshot, after: Snapshot) -> Changes:
    """What differs."""
    outputs = {}
    for stage, paths in after.outputs.items():
        old = before.outputs.get(stage, {})
        if changed := [path for path, digest in paths.items() if old.get(path) != digest]:
            outputs[stage] = changed
    ours, theirs = before.rows, after.rows
    moved = [
        (row, item, ours.get((row, item), ""), theirs.get((row, item), ""))
        for row, item in ours.keys() | theirs.keys()
        if ours.get((row, item)) != theirs.get((row, item))
    ]
    told = {row for row, *_ in moved}
    # a row that a person edited is decided on under its old id, and kept under a new one
    for row in before.curated.keys() - after.curated.keys() - told:
        moved.append((row, before.curated[row][0], "kept", ""))
    for row in after.curated.keys() - before.curated.keys() - told:
        moved.append((row, after.curated[row][0], "", "kept"))
    moved.sort(key=lambda move: (move[1], move[0]))
    figures = [
        (key, before.figures.get(key, ""), after.figures.get(key, ""))
        for key in sorted(before.figures.keys() | after.figures.keys())
        if before.figures.get(key) != after.figures.get(key)
    ]
    return Changes(
        outputs=outputs,
        rows=moved,
        counts=dict(Counter((old, new) for _, _, old, new in moved)),
        questions={row: said for row, (_, said) in {**before.curated, **after.curated}.items()},
        figures=figures,
    )
