"""Find what a rebuild changed: outputs, rows and figures."""

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
"""How many rows and figures are listed; all are counted."""


@dataclass(frozen=True)
class Snapshot:
    """The state of the outputs at one time."""

    outputs: Mapping[str, Mapping[str, str]]
    """stage -> path -> hash, from dvc.lock"""
    rows: Mapping[tuple[str, str], str]
    """(row, item) -> `kept`, or the reason why it was dropped"""
    curated: Mapping[str, tuple[str, str]]
    """kept row -> its item and first message"""
    figures: Mapping[str, str]
    """file and key -> value"""


@dataclass(frozen=True)
class Changes:
    """The differences between two snapshots."""

    outputs: dict[str, list[str]] = field(default_factory=dict)
    """stage -> its paths that changed"""
    rows: list[tuple[str, str, str, str]] = field(default_factory=list)
    """row, item, state before, state after; a state is empty if the row did not exist"""
    counts: dict[tuple[str, str], int] = field(default_factory=dict)
    """(state before, state after) -> number of rows"""
    questions: dict[str, str] = field(default_factory=dict)
    figures: list[tuple[str, str, str]] = field(default_factory=list)
    """figure, before, after"""

    @property
    def nothing(self) -> bool:
        """Whether no output changed."""
        return not (self.outputs or self.rows or self.figures)


def take(root: Path) -> Snapshot:
    """Take a snapshot of the outputs; missing ones are left out.

    Raises:
        LecternError: an output is broken; the message names the file.
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
            f"{path} cannot be read ({error}). `git checkout {path.name}` restores it."
        ) from error


def _read_figures(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.glob("*.json")):
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:  # written only in part by a stage that was stopped
            continue
        for key, value in flatten(found):
            yield f"{path.stem}: {key}", value


def compare(before: Snapshot, after: Snapshot) -> Changes:
    """Compare two snapshots."""
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
    # Decisions hold the old id of a row that a person edited; the curated rows hold its new id.
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
