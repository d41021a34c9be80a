"""Compare what two runs were made from: parameters, code and libraries; and which stages' outputs differ."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from lectern.core.revisions import call_git
from lectern.report.comparison.inputs import Run
from lectern.report.comparison.sides import Side

CODE = ("lectern", "stages", "dvc.yaml")


def compare_params(a: Run, b: Run) -> list[dict[str, str]]:
    """Return the parameters that differ, by dotted key; a parameter that a run does not have is empty there."""
    return _compare({key: value for key, value in flatten(a.params)}, dict(flatten(b.params)))


def compare_libraries(a: Run, b: Run) -> list[dict[str, str]]:
    """Return the packages whose locked versions differ; empty if a run has no lock file."""
    return _compare(a.libraries, b.libraries) if a.libraries and b.libraries else []


def _compare(a: Mapping[str, str], b: Mapping[str, str]) -> list[dict[str, str]]:
    return [
        {"name": key, "a": a.get(key, ""), "b": b.get(key, "")}
        for key in sorted({*a, *b})
        if a.get(key) != b.get(key)
    ]


def flatten(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield dotted keys with their values as JSON; a list without mappings is one value."""
    if isinstance(value, Mapping) and value:
        for name, part in value.items():
            yield from flatten(part, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list) and any(isinstance(part, Mapping) for part in value):
        for index, part in enumerate(value):
            yield from flatten(part, f"{key}[{index}]")
    elif key:
        yield key, json.dumps(value, ensure_ascii=False, default=str)


def compare_stages(a: Run, b: Run) -> dict[str, Any]:
    """Return the stages whose outputs differ, in the order of b's dvc.lock, and the number of the others."""
    rows, same = [], 0
    for stage in [*b.lock, *(stage for stage in a.lock if stage not in b.lock)]:
        if stage not in a.lock or stage not in b.lock:
            rows.append({"stage": stage, "outputs": [], "only": a.name if stage in a.lock else b.name})
            continue
        ours, theirs = a.lock[stage], b.lock[stage]
        changed = [path for path in sorted({*ours, *theirs}) if ours.get(path) != theirs.get(path)]
        if changed:
            rows.append({"stage": stage, "outputs": changed, "only": ""})
        same += not changed
    return {"rows": rows, "same": same}


def compare_code(a: Side, b: Side) -> list[dict[str, Any]]:
    """Return the files of code that differ, with the numbers of added and removed lines (None for binary files).

    Args:
        a: a revision.
        b: a revision, or the working tree.
    """
    assert a.revision
    commits = [a.revision.commit, *([b.revision.commit] if b.revision else [])]
    diff = call_git(a.root, "diff", "--numstat", "-z", "--no-renames", "--relative", *commits, "--", *CODE)
    rows = []
    for line in filter(None, diff.stdout.split("\0")):
        added, removed, path = line.split("\t", 2)
        rows.append({"path": path, "added": _number(added), "removed": _number(removed)})
    if not b.revision:
        listing = ("ls-files", "-z", "--others", "--exclude-standard", "--", *CODE)
        for path in filter(None, call_git(a.root, *listing).stdout.split("\0")):
            rows.append({"path": path, "added": len((b.read(path) or "").splitlines()), "removed": 0})
    return sorted(rows, key=lambda row: str(row["path"]))


def _number(text: str) -> int | None:
    return int(text) if text.isdigit() else None
