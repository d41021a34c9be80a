"""Choose the cases to label, their order and the sides of the answers; write and read the verdicts."""

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
from lectern.evaluation import cases, labels
from lectern.evaluation import kappa as agreement

Kind = Literal["pair", "row"]
FOLDER = "data/labels"
UNSAID = {"pair": "tie", "row": "accept"}
"""A placeholder verdict for each kind, for cases without a verdict."""


@dataclass(frozen=True)
class Case:
    """A case that a person labels; answer `a` is shown on the left."""

    kind: Kind
    messages: Sequence[Message]
    passage: str | None
    reference: str | None = None
    a: str | None = None
    b: str | None = None
    source: str | None = None
    """what is shown as the passage of a row: with names that people gave since, which must not change the case's id"""

    @property
    def id(self) -> str:
        """The id of the case, which does not depend on the person or on the sides of the answers."""
        return labels.case_id(self.label("", by="x"))

    def label(self, verdict: str, by: str, note: str = "") -> Label:
        """Make the label with a verdict, as it is written to a file."""
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
    """Return the contestants that have answers, base and tuned first."""
    found = sorted(path.stem for path in (root / "data/predictions").glob("[a-z0-9]*.jsonl"))
    return sorted(found, key=lambda name: (name not in ("base", "tuned"), name))


def list_pairs(root: Path, one: str, other: str, reviewer: str) -> list[Case]:
    """Return the answers of two contestants to each question that both answered differently.

    The order is the same for everybody, so that people can be compared; the sides are drawn for each person.

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


def explain_nothing(root: Path, one: str, other: str) -> str:
    """Say why there is no pair to label, although two contestants have answered; empty if there are no questions.

    Raises:
        LecternError: there are no answers yet.
    """
    found = [
        [case.answers.get(name, "").strip() for name in (one, other)]
        for case in cases.read(root / "data/predictions", root / "data/passages", None)
    ]
    blank = sum("" in answers for answers in found)
    told = [f"{blank} have an answer without a word"] if blank else []
    told += [f"{len(found) - blank} have two answers that are the same"] if len(found) > blank else []
    return (
        f"There is nothing to compare: of {len(found)} questions, {' and '.join(told)}. Answers that say nothing come "
        "from a model that was trained too little, or on too few rows."
        if found
        else ""
    )


def list_rows(root: Path, rows: Rows, methods: Sequence[str], most: int = 500) -> list[Case]:
    """Draw rows to accept or reject, by their ids: from those that the judge rates, or from all if it rates none.

    Args:
        root: root of the repository.
        rows: all rows.
        methods: `rate.methods`.
        most: greatest number of rows.
    """
    rated = {number for number, name in enumerate(rows.methods) if name in methods}
    chosen = [number for number in range(len(rows)) if not rated or int(rows.method[number]) in rated]
    drawn = sorted(chosen, key=lambda number: rows.ids[number])[:most]
    found = []
    for number in drawn:
        row = rows.read(number)
        parts = origin.find(root, row.provenance).parts
        text = "".join(part.text if part.written is None else part.written for part in parts).strip()
        shown = "".join(part.text for part in parts).strip()
        found.append(Case("row", row.messages, text or None, source=shown or None))
    return found


def _draw(key: str) -> int:
    return hashlib.sha256(key.encode()).digest()[0]


def folder_of(root: Path, reviewer: str) -> Path:
    """Return the folder with the labels of a person.

    Raises:
        LecternError: the name has no letter or digit, or the folder holds somebody else's labels.
    """
    name = re.sub(r"[^a-z0-9]+", "-", reviewer.casefold()).strip("-")
    if not name:
        raise LecternError(
            f"the name {reviewer!r} has no letter from a to z and no digit: give another one with --by"
        )
    folder = root / FOLDER / name
    if (root / FOLDER / f"{name}.jsonl").is_file():
        raise LecternError(
            f"{FOLDER}/{name}.jsonl is already a set of labels with this name: give another name with --by"
        )
    for path, label in record_files.read(folder, Label)[:1]:
        if label.by != reviewer:
            raise LecternError(
                f"{path} is a label by {label.by!r}, not by {reviewer!r}: give another name with --by"
            )
    return folder


def read_own(root: Path, reviewer: str) -> dict[str, Label]:
    """Return case -> label of this person."""
    return {path.stem: label for path, label in record_files.read(folder_of(root, reviewer), Label)}


class MeanwhileError(LecternError):
    """The same person labelled the case in another tab; `theirs` is that label, or None if it was removed there."""

    def __init__(self, theirs: Label | None) -> None:
        super().__init__(
            f"the case was labelled in the meantime: {theirs.verdict}"
            if theirs
            else "the label was removed in the meantime"
        )
        self.theirs = theirs


def digest(label: Label | None) -> str:
    """Return a hash of a label, by which a tab notices that another tab changed it."""
    return "" if label is None else hashlib.sha256(label.model_dump_json().encode()).hexdigest()[:16]


def write(root: Path, case: Case, verdict: str, reviewer: str, note: str, seen: str | None = None) -> Label:
    """Write a verdict; it replaces an earlier one of this person on the same case.

    Args:
        root: root of the repository.
        case: the case that was shown.
        verdict: a verdict of `Label`.
        reviewer: name of the person.
        note: a note; may be empty.
        seen: `digest` of the label that the person saw; None replaces any label.

    Raises:
        MeanwhileError: there is another label now.
    """
    label = case.label(verdict, reviewer, note)
    path = folder_of(root, reviewer) / f"{case.id}.json"
    text = io.to_json(label.model_dump(mode="json")) + "\n"
    versions.update(path, lambda now: _unless_changed(path, now, seen, label, text))
    return label


def take_back(root: Path, case: str, reviewer: str, seen: str | None = None) -> None:
    """Remove the verdict of this person on a case; arguments and errors are those of `write`."""
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
    """Say how many labels this person gave, and how far they agree with others on cases that both labelled.

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
        return f"{told}; nobody else has labelled the same cases"
    others = [_majority(each.by, reviewer) for each in both]
    classes = labels.PAIR_VERDICTS if kind == "pair" else labels.ROW_VERDICTS
    mine = [each.by[reviewer] for each in both]
    same = sum(a == b for a, b in zip(mine, others, strict=True))
    statistic = agreement.cohen_kappa(mine, others, classes)
    kappa = float(statistic.finish(statistic.columns.sum(axis=0, keepdims=True).astype(np.float64))[0])
    return f"{told}; the same verdict as others on {same} of {len(both)}, " + (
        f"kappa {kappa:.2f}" if kappa == kappa else "kappa is undefined, since all verdicts are the same"
    )


def _majority(by: Mapping[str, str], without: str) -> str | None:
    votes = Counter(verdict for name, verdict in by.items() if name != without).most_common()
    return None if len(votes) > 1 and votes[0][1] == votes[1][1] else votes[0][0]
