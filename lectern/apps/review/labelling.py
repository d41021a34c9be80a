"""What is labelled, in which order and with which answer on which side; and where the verdicts are written."""

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lectern.apps.review import origin
from lectern.apps.review.row_index import Rows
from lectern.apps.web import versions
from lectern.core import io, record_files
from lectern.core.errors import LecternError
from lectern.core.schema import Label, Message
from lectern.evaluation import agreement, cases, labels

Kind = Literal["pair", "row"]
FOLDER = "data/labels"
UNSAID = {"pair": "tie", "row": "accept"}
"""A verdict of each kind, which stands in a case before there is one."""


@dataclass(frozen=True)
class Case:
    """What a person is shown; `a` stands at the left."""

    kind: Kind
    messages: Sequence[Message]
    passage: str | None
    reference: str | None = None
    a: str | None = None
    b: str | None = None

    @property
    def id(self) -> str:
        """The same for everybody, whichever answer stands on which side."""
        return labels.case_id(self.label("", by="x"))

    def label(self, verdict: str, by: str, note: str = "") -> Label:
        """The verdict as it is written."""
        return Label.model_validate(
            {
                "kind": self.kind,
                "messages": [message.model_dump() for message in self.messages],
                "passage": self.passage,
                "reference": self.reference,
                "a": self.a,
                "b": self.b,
                "verdict": verdict or UNSAID[self.kind],
                "by": by,
                "note": note.strip() or None,
            }
        )


def list_contestants(root: Path) -> list[str]:
    """Those whose answers there are, base and tuned first."""
    found = sorted(path.stem for path in (root / "data/predictions").glob("[a-z0-9]*.jsonl"))
    return sorted(found, key=lambda name: (name not in ("base", "tuned"), name))


def list_pairs(root: Path, one: str, other: str, reviewer: str) -> list[Case]:
    """The answers of two contestants to each question that both answered, and not alike.

    Everybody has the same cases first, so that people can be compared; the sides are drawn for each of them.

    Raises:
        LecternError: there are no answers yet.
    """
    found = []
    for case in cases.read(root / "data/predictions", root / "data/passages", None):
        answers = [case.answers.get(name, "").strip() for name in (one, other)]
        if "" in answers or answers[0] == answers[1]:
            continue
        pair = Case("pair", case.messages, case.passage, case.reference, *answers)
        turned = Case("pair", case.messages, case.passage, case.reference, *reversed(answers))
        found.append(turned if _draw(f"{reviewer}/{pair.id}") % 2 else pair)
    return sorted(found, key=lambda case: case.id)


def list_rows(root: Path, rows: Rows, methods: Sequence[str], most: int = 500) -> list[Case]:
    """Rows to accept or reject, drawn by their ids: those that the judge rates, or all where it rates none.

    Args:
        root: of the repository.
        rows: all rows.
        methods: `rate.methods`.
        most: how many are drawn.
    """
    rated = {number for number, name in enumerate(rows.methods) if name in methods}
    chosen = [number for number in range(len(rows)) if not rated or int(rows.method[number]) in rated]
    drawn = sorted(chosen, key=lambda number: rows.ids[number])[:most]
    found = []
    for number in drawn:
        row = rows.read(number)
        text = "".join(part.text for part in origin.find(root, row.provenance).parts).strip()
        found.append(Case("row", row.messages, text or None))
    return found


def _draw(key: str) -> int:
    return hashlib.sha256(key.encode()).digest()[0]


def folder_of(root: Path, reviewer: str) -> Path:
    """Where the labels of a person are.

    Raises:
        LecternError: the name has no letter or digit, or the folder holds somebody else's labels.
    """
    name = re.sub(r"[^a-z0-9]+", "-", reviewer.casefold()).strip("-")
    if not name:
        raise LecternError(f"the name {reviewer!r} has no letter a to z or digit: give another one with --by")
    folder = root / FOLDER / name
    if (root / FOLDER / f"{name}.jsonl").is_file():
        raise LecternError(f"{FOLDER}/{name}.jsonl is a set of labels by hand: give another name with --by")
    for path, label in record_files.read(folder, Label)[:1]:
        if label.by != reviewer:
            raise LecternError(
                f"{path} is a label by {label.by!r}, not by {reviewer!r}: give another name with --by"
            )
    return folder


def read_own(root: Path, reviewer: str) -> dict[str, Label]:
    """Case -> the verdict of this person."""
    return {path.stem: label for path, label in record_files.read(folder_of(root, reviewer), Label)}


class MeanwhileError(LecternError):
    """The same person labelled the same case in another tab; `theirs` is that label, None where it was taken back."""

    def __init__(self, theirs: Label | None) -> None:
        super().__init__(
            f"it was labelled meanwhile: {theirs.verdict}" if theirs else "its label was taken back meanwhile"
        )
        self.theirs = theirs


def digest(label: Label | None) -> str:
    """What a tab shows of a label, in few characters: another one means that another tab changed it."""
    return "" if label is None else hashlib.sha256(label.model_dump_json().encode()).hexdigest()[:16]


def write(root: Path, case: Case, verdict: str, reviewer: str, note: str, seen: str | None = None) -> Label:
    """Write a verdict; one of this person on the same case is replaced.

    Args:
        root: of the repository.
        case: what was on the screen.
        verdict: of `Label`.
        reviewer: whose label it is.
        note: may be empty.
        seen: `digest` of the label that the person knows of; None replaces any.

    Raises:
        MeanwhileError: there is another label by now.
    """
    label = case.label(verdict, reviewer, note)
    path = folder_of(root, reviewer) / f"{case.id}.json"
    text = io.to_json(label.model_dump(mode="json")) + "\n"
    versions.update(path, lambda now: _unless_changed(path, now, seen, label, text))
    return label


def take_back(root: Path, case: str, reviewer: str, seen: str | None = None) -> None:
    """Remove the verdict of this person on a case that was labelled; arguments and errors as in `write`."""
    if re.fullmatch("[0-9a-f]{16}", case):
        path = folder_of(root, reviewer) / f"{case}.json"
        versions.update(path, lambda now: _unless_changed(path, now, seen, None, None))


def _unless_changed(
    path: Path, now: str | None, seen: str | None, label: Label | None, text: str | None
) -> str | None:
    theirs = None if now is None or seen is None else io.read_json(path, Label)
    if seen is not None and digest(theirs) != seen and theirs != label:
        raise MeanwhileError(theirs)
    return text


def summarise(root: Path, kind: Kind, reviewer: str) -> str:
    """How many labels this person gave, and how far they agree with others on what both labelled.

    Raises:
        LecternError: a label cannot be read.
    """
    import numpy as np

    known = labels.gather(labels.read(root / FOLDER), kind)
    own = [each for each in known if reviewer in each.by]
    told = f"{len(own)} {kind}s labelled by you"
    if own:
        counts = Counter(each.by[reviewer] for each in own)
        told += " (" + ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items())) + ")"
    both = [each for each in own if len(each.by) > 1]
    if not both:
        return f"{told}; nobody else labelled the same"
    others = [_majority(each.by, reviewer) for each in both]
    classes = labels.PAIR_VERDICTS if kind == "pair" else labels.ROW_VERDICTS
    mine = [each.by[reviewer] for each in both]
    same = sum(a == b for a, b in zip(mine, others, strict=True))
    statistic = agreement.cohen_kappa(mine, others, classes)
    kappa = float(statistic.finish(statistic.columns.sum(axis=0, keepdims=True).astype(np.float64))[0])
    return f"{told}; with others the same on {same} of {len(both)}, " + (
        f"kappa {kappa:.2f}" if kappa == kappa else "kappa is not defined for one verdict throughout"
    )


def _majority(by: Mapping[str, str], without: str) -> str | None:
    votes = Counter(verdict for name, verdict in by.items() if name != without).most_common()
    return None if len(votes) > 1 and votes[0][1] == votes[1][1] else votes[0][0]
