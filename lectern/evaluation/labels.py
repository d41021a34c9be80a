"""Read people's labels of pairs of answers and of training rows (data/labels), and combine those of several people."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lectern.core import io, record_files
from lectern.core.errors import LecternError
from lectern.core.schema import Example, Label, Message, Provenance

PAIR_VERDICTS = ("a", "b", "tie")
ROW_VERDICTS = ("accept", "reject")
OTHER_SIDE = {"a": "b", "b": "a", "tie": "tie"}


@dataclass(frozen=True)
class Labelled:
    """A pair of answers, or a training row, with the verdicts of all people."""

    id: str
    question: str
    """hash of the question and the messages before it; two pairs or rows of one question are not independent"""
    label: Label
    """the first label, whose order of the answers counts"""
    by: Mapping[str, str]
    """person -> verdict"""

    @property
    def verdict(self) -> str | None:
        """The verdict of most people. If they are split, a pair is a tie, and a row has no verdict (None)."""
        (first, most), *others = Counter(self.by.values()).most_common()
        if others and others[0][1] == most:
            return "tie" if self.label.kind == "pair" else None
        return first


def read(folder: Path, names: Sequence[str] | None = None) -> list[Label]:
    """Read the labels of all sets of a folder, or of the named sets, in order of the sets' names.

    A set is a file `<name>.jsonl` with one label per line, or a folder `<name>` with one label per file, as the review
    page writes them. The order within a set is that of its lines or files.

    Raises:
        LecternError: there is no set of that name, there are two, or a line or file is not a label. The message names
            the file.
    """
    files = {path.stem: path for path in folder.glob("*.jsonl")}
    folders = {path.parent.name: path.parent for path in folder.glob("[!.]*/*.json")}
    if twice := sorted(files.keys() & folders.keys()):
        raise LecternError(f"{folder} has both {twice[0]}.jsonl and a folder {twice[0]}. Rename one of them.")
    sets = files | folders
    if unknown := [name for name in names or () if name not in sets]:
        raise LecternError(
            f"judging.labels names {unknown[0]!r}, but {folder} has no {unknown[0]}.jsonl and no folder of that name. "
            f"It has: {', '.join(sorted(sets)) or 'no labels at all'}"
        )
    chosen = sorted(sets if names is None else set(names))
    return [label for name in chosen for label in _read_set(sets[name])]


def _read_set(place: Path) -> list[Label]:
    if place.is_file():
        return io.read_jsonl(place, Label)
    return [label for _, label in record_files.read(place, Label)]


def gather(labels: Iterable[Label], kind: Literal["pair", "row"], most: int | None = None) -> list[Labelled]:
    """Combine labels, so that each pair or row is there once, in order of its id, in whichever order its answers stood.

    If a person labelled one several times, the last verdict counts. `most` limits their number; ids draw them.
    """
    found: dict[str, tuple[Label, dict[str, str]]] = {}
    for label in labels:
        if label.kind == kind:
            first, by = found.setdefault(case_id(label), (label, {}))
            same_side = (label.a, label.b) == (first.a, first.b)
            by[label.by] = label.verdict if same_side else OTHER_SIDE[label.verdict]
    return [
        Labelled(id, _digest(_said(label.messages[:-1] if kind == "row" else label.messages)), label, by)
        for id, (label, by) in sorted(found.items())[:most]  # ids are hashes, so this is a random sample
    ]


def case_id(label: Label) -> str:
    """Return the id of a labelled pair or row: 16 hex digits of a hash in which the answers' order does not count."""
    return _digest([_said(label.messages), label.passage, sorted([label.a or "", label.b or ""])])


def _said(messages: Sequence[Message]) -> list[list[str]]:
    return [[message.role, message.content] for message in messages]


def _digest(content: list) -> str:
    return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()[:16]


def as_row(labelled: Labelled) -> tuple[Example, dict[str, str]]:
    """A row that people have judged, as an example, and the text of its passage by the id that the example gives."""
    row = Example.of(labelled.label.messages, Provenance(item="labels", method="label", passage="passage"))
    return row, {} if labelled.label.passage is None else {"passage": labelled.label.passage}
