"""Collect the cases for a judge: the contestants' answers to each question, or a pair that people have labelled."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lectern.core import io, items
from lectern.core.schema import BASE, TUNED, Message, Passage, Prediction
from lectern.evaluation.labels import Labelled


@dataclass(frozen=True)
class Case:
    """A question, its true answer or source where they are known, and the answers to it."""

    id: str
    set: str
    unit: str
    """the unit that is redrawn for intervals: the recording, or the question"""
    messages: Sequence[Message]
    """the conversation, which ends with the user's question"""
    reference: str | None
    passage: str | None
    """text of the source"""
    answers: Mapping[str, str]
    """contestant -> its answer"""


def read(predictions: Path, passages: Path, most: int | None) -> list[Case]:
    """Read the contestants' answers to each question, in order of (set, id), with the passage if the row has one.

    Args:
        predictions: folder with a file for each contestant, at least base and tuned.
        passages: folder that the stage `parse` writes.
        most: greatest number of questions of a set, which are drawn by the hash of their ids; None for all.

    Raises:
        LecternError: a file is missing, or a line is not a prediction.
    """
    names = {BASE, TUNED} | {path.stem for path in predictions.glob("[a-z0-9]*.jsonl")}
    answers: dict[tuple[str, str], dict[str, Prediction]] = {}
    for name in sorted(names):
        for row in io.read_jsonl(predictions / f"{name}.jsonl", Prediction):
            answers.setdefault((row.set, row.id), {})[name] = row
    rows = {key: next(iter(found.values())) for key, found in sorted(answers.items())}
    texts = _read_passages(passages, rows.values())
    drawn = _draw(rows, most)
    return [
        Case(
            row.id,
            row.set,
            row.provenance.item,
            row.messages,
            row.reference,
            texts.get(row.provenance.passage or ""),
            {name: found.prediction for name, found in answers[key].items()},
        )
        for key, row in rows.items()
        if key in drawn
    ]


def of_label(labelled: Labelled) -> Case:
    """Make a case of a labelled pair, with the contestants `a` and `b`."""
    label = labelled.label
    return Case(
        labelled.id,
        "labels",
        labelled.question,
        label.messages,
        label.reference,
        label.passage,
        {"a": label.a or "", "b": label.b or ""},
    )


def _read_passages(passages: Path, rows: Iterable[Prediction]) -> dict[str, str]:
    """Return id -> text of all passages of the items that these rows come from."""
    wanted = {row.provenance.item for row in rows if row.provenance.passage is not None}
    found = items.read(passages) if wanted else {}
    return {
        p.id: p.text for item in sorted(wanted & found.keys()) for p in io.read_jsonl(found[item], Passage)
    }


def _draw(keys: Iterable[tuple[str, str]], most: int | None) -> set[tuple[str, str]]:
    """Draw up to `most` keys of each set by a hash, so that the choice changes little when other rows come or go."""
    by_set: dict[str, list[tuple[str, str]]] = {}
    for key in sorted(keys, key=lambda key: (hashlib.sha256(key[1].encode()).hexdigest(), key)):
        by_set.setdefault(key[0], []).append(key)
    return {key for found in by_set.values() for key in found[:most]}
