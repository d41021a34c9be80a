"""Which outputs of a rebuild differ from the committed ones, which stage was the first, and by what."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lectern.apps.repro import overlap
from lectern.core.errors import LecternError
from lectern.core.printing import one_line
from lectern.core.revisions import Copy
from lectern.report import wording
from lectern.tools.verifying.revision import Committed

SHOWN = 3
"""How many files of an output are described; all are counted."""
LONG = 60
"""Greatest number of characters of a value."""


@dataclass(frozen=True)
class Comparison:
    """The outputs of a rebuild beside the committed ones."""

    total: int
    """number of outputs"""
    changed: Mapping[str, list[str]]
    """stage -> its outputs whose hashes differ, in the order of the graph; without stages that have none"""
    by_themselves: list[str]
    """the stages among them that differ although everything that they read from other stages is the same"""

    @property
    def equal(self) -> int:
        """Number of outputs that are the same."""
        return self.total - sum(map(len, self.changed.values()))


def compare(committed: Committed, rebuilt: Mapping[str, Any]) -> Comparison:
    """Compare by the hashes of the two dvc.lock.

    Args:
        committed: the revision.
        rebuilt: stage -> its entry in the lock of the rebuild.
    """
    changed: dict[str, list[str]] = {}
    for stage, hashes in committed.outputs.items():
        now = {out["path"]: str(out.get("md5", "")) for out in rebuilt.get(stage, {}).get("outs", [])}
        if differing := [path for path, before in hashes.items() if now.get(path) != before]:
            changed[stage] = differing
    paths = [path for differing in changed.values() for path in differing]
    alone = [
        stage
        for stage in changed
        if not any(overlap(dep, path) for dep in committed.pipeline[stage].get("deps", []) for path in paths)
    ]
    total = sum(map(len, committed.outputs.values()))
    return Comparison(total, changed, alone)


def describe_output(path: str, rebuilt: Path, copy: Copy, folder: Path) -> Iterator[str]:
    """Yield by what an output differs: for a folder, how many of its files do, and then the first of them.

    Args:
        path: of the output.
        rebuilt: the same in the rebuild.
        copy: brings the committed output.
        folder: where it is brought to; it is not there yet.
    """
    try:
        there = copy(path, folder)
    except LecternError:
        there = False
    if not there:
        yield f"{path}: the hash differs. To say by what, DVC's cache or a remote must have the committed content."
        return
    if folder.is_file() or rebuilt.is_file():
        yield f"{path}: {describe_file(folder, rebuilt)}"
        return
    names = sorted(
        {
            file.relative_to(place).as_posix()
            for place in (folder, rebuilt)
            for file in place.rglob("*")
            if file.is_file()
        }
    )
    differing = [name for name in names if not _are_equal(folder / name, rebuilt / name)]
    yield f"{path}: {len(differing):,} of {wording.count(len(names), 'file')} differ"
    for name in differing[:SHOWN]:
        yield f"  {name}: {describe_file(folder / name, rebuilt / name)}"
    if len(differing) > SHOWN:
        yield f"  and {len(differing) - SHOWN:,} more"


def _are_equal(a: Path, b: Path) -> bool:
    return a.is_file() and b.is_file() and a.read_bytes() == b.read_bytes()


def describe_file(committed: Path, rebuilt: Path) -> str:
    """Say by what two files differ: the first record, figure, line or byte."""
    if not rebuilt.is_file():
        return "the rebuild did not write it"
    if not committed.is_file():
        return "only the rebuild wrote it"
    before, after = committed.read_bytes(), rebuilt.read_bytes()
    sizes = (
        f"{len(after):,} bytes"
        if len(before) == len(after)
        else f"{len(after):,} bytes, committed {len(before):,}"
    )
    return f"{sizes}; {_find_first(committed.name, before, after)}"


def _find_first(name: str, before: bytes, after: bytes) -> str:
    try:
        texts = before.decode("utf-8"), after.decode("utf-8")
    except UnicodeDecodeError:
        at = next(
            (n for n, (a, b) in enumerate(zip(before, after, strict=False)) if a != b),
            min(len(before), len(after)),
        )
        return f"they differ from byte {at:,} on"
    if name.endswith(".json"):
        try:
            return _say_values(*map(json.loads, texts)) or "only the layout of the JSON differs"
        except ValueError:
            pass
    lines = [text.split("\n") for text in texts]
    at = next((n for n, (a, b) in enumerate(zip(*lines, strict=False)) if a != b), min(map(len, lines)))
    pair = [part[at] if at < len(part) else "" for part in lines]
    if name.endswith(".jsonl"):
        try:
            return f"row {at + 1:,}: {_say_values(*map(json.loads, pair))}"
        except ValueError:
            pass
    return f"line {at + 1:,} is {_show(pair[1])}, committed {_show(pair[0])}"


def _say_values(before: Any, after: Any) -> str:
    found = next(_walk(before, after, ""), None)
    if found is None:
        return ""
    key, old, new = found
    return f"{key or 'the value'} is {_show(new)}, committed {_show(old)}"


class _Missing:
    """Stands for a value that is not there."""


def _walk(before: Any, after: Any, key: str) -> Iterator[tuple[str, Any, Any]]:
    """Yield the values that differ, with their dotted names."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in [*before, *(name for name in after if name not in before)]:
            inside = f"{key}.{name}" if key else str(name)
            yield from _walk(before.get(name, _Missing), after.get(name, _Missing), inside)
    elif isinstance(before, list) and isinstance(after, list):
        for index in range(max(len(before), len(after))):
            pair = [part[index] if index < len(part) else _Missing for part in (before, after)]
            yield from _walk(pair[0], pair[1], f"{key}[{index}]")
    elif type(before) is not type(after) or before != after:
        yield key, before, after


def _show(value: Any) -> str:
    if value is _Missing:
        return "missing"
    return one_line(json.dumps(value, ensure_ascii=False), LONG)
