"""What people say of pairs of answers, and of training rows: data/labels, several people brought together."""

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
    """A pair of answers, or a row, with all that people say of it."""

    id: str
    question: str
    """hash of the question and what came before it: two pairs or rows of one question are not independent"""
    label: Label
    """as it was first labelled: the sides are this one's"""
    by: Mapping[str, str]
    """person -> verdict"""

    @property
    def verdict(self) -> str | None:
        """What most people say. Where they are split, a pair is a tie, and a row has no verdict."""
        (first, most), *others = Counter(self.by.values()).most_common()
        if others and others[0][1] == most:
            return "tie" if self.label.kind == "pair" else None
        return first


def read(folder: Path, names: Sequence[str] | None = None) -> list[Label]:
    """The labels of all sets of a folder, or of those named, in order of the sets' names and of their lines or files.

    A set is a file `<name>.jsonl` with a label a line, or a folder `<name>` with a label a file, as the page of the
    review writes them.

    Raises:
        LecternError: there is no set of that name, there are two, or a line or file is no label; names the file.
    """
    files = {path.stem: path for path in folder.glob("*.jsonl")}
    folders = {path.parent.name: path.parent for path in folder.glob("[!.]*/*.json")}
    if twice := sorted(files.keys() & folders.keys()):
        raise LecternError(f"{folder} has both {twice[0]}.jsonl and a folder {twice[0]}. Rename one of them.")
    sets = files | folders
    if unknown := [name for name in names or () if name not in sets]:
        raise LecternError(
            f"judging.labels names {unknown[0]!r}, and {folder} has no {unknown[0]}.jsonl and no folder of that name; "
            f"there is {', '.join(sorted(sets)) or 'none'}"
        )
    chosen = sorted(sets if names is None else set(names))
    return [label for name in chosen for label in _read_set(sets[name])]


def _read_set(place: Path) -> list[Label]:
    if place.is_file():
        return io.read_jsonl(place, Label)
    return [label for _, label in record_files.read(place, Label)]


def gather(labels: Iterable[Label], kind: Literal["pair", "row"], most: int | None = None) -> list[Labelled]:
    """Each pair or row once, in order of its id, whichever answer stood on which side.

    Of a person's verdicts on one the last counts. `most` leaves that many, drawn by their ids.
    """
    found: dict[str, tuple[Label, dict[str, str]]] = {}
    for label in labels:
        if label.kind == kind:
            first, by = found.setdefault(case_id(label), (label, {}))
            same_side = (label.a, label.b) == (first.a, first.b)
            by[label.by] = label.verdict if same_side else OTHER_SIDE[label.verdict]
    return [
        Labelled(id, _digest(_said(label.messages[:-1] if kind == "row" else label.messages)), label, by)
        for id, (label, by) in sorted(found.items())[:most]  # an id is a hash, and draws as well as any
    ]


def case_id(label: Label) -> str:
    """What is labelled, whoever does it and on whichever side an answer stands: 16 hex digits of a hash."""
    return _digest([_said(label.messages), label.passage, sorted([label.a or "", label.b or ""])])


def _said(messages: Sequence[Message]) -> list[list[str]]:
    return [[message.role, message.content] for message in messages]


def _digest(content: list) -> str:
    return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()[:16]


def as_row(labelled: Labelled) -> tuple[Example, dict[str, str]]:
    """A row that people have judged, as an example, and the text of its passage by the id that the example gives."""
    row = Example.of(labelled.label.messages, Provenance(item="labels", method="label", passage="passage"))
    return row, {} if labelled.label.passage is None else {"passage": labelled.label.passage}
