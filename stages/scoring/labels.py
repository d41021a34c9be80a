"""What people say of pairs of answers, and of training rows: `data/labels/*.jsonl`, several people brought together."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from stages.core import io
from stages.core.errors import LecternError
from stages.core.schema import Label, Message

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
    """The labels of all files of a folder, or of those named, in order of the files' names and of their lines.

    Raises:
        LecternError: there is no file of that name, or a line is no label; names the file and the line.
    """
    files = {path.stem: path for path in folder.glob("*.jsonl")}
    if unknown := [name for name in names or () if name not in files]:
        raise LecternError(
            f"judging.labels names {unknown[0]!r}, and {folder} has no {unknown[0]}.jsonl; there is "
            f"{', '.join(sorted(files)) or 'none'}"
        )
    chosen = sorted(files if names is None else set(names))
    return [label for name in chosen for label in io.read_jsonl(files[name], Label)]


def gather(labels: Iterable[Label], kind: Literal["pair", "row"], most: int | None = None) -> list[Labelled]:
    """Each pair or row once, in order of its id, whichever answer stood on which side.

    Of a person's verdicts on one the last counts. `most` leaves that many, drawn by their ids.
    """
    found: dict[str, tuple[Label, dict[str, str]]] = {}
    for label in labels:
        if label.kind == kind:
            first, by = found.setdefault(_id(label), (label, {}))
            same_side = (label.a, label.b) == (first.a, first.b)
            by[label.by] = label.verdict if same_side else OTHER_SIDE[label.verdict]
    return [
        Labelled(id, _digest(_said(label.messages[:-1] if kind == "row" else label.messages)), label, by)
        for id, (label, by) in sorted(found.items())[:most]  # an id is a hash, and draws as well as any
    ]


def _id(label: Label) -> str:
    return _digest([_said(label.messages), label.passage, sorted([label.a or "", label.b or ""])])


def _said(messages: Sequence[Message]) -> list[list[str]]:
    return [[message.role, message.content] for message in messages]


def _digest(content: list) -> str:
    return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()[:16]
