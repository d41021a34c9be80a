"""Find held-out rows that say the same as a training row: a score on them would measure memory."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import Field
from tqdm import tqdm

from lectern.core.schema import Example, Record
from lectern.curation.dedupe import SHORT, NearIndex, Shingles, make_sketch, shingle, text_key, turns
from lectern.curation.partition import UNITS
from lectern.text.unspaced import count_words
from lectern.text.words import normalise

REMEMBERED = 12
"""Words from which a turn of a dialogue counts by itself: shorter ones are courtesies (`Thanks for having me.`), which
say nothing about what the model remembers."""
SHARE = 0.25
"""A shorter turn counts as well if it is at least this share of its row's words."""

KINDS = ("same_item", "same_row", "same_question", "near_row", "near_question", "near_answer")


class Leak(Record):
    """Two rows of two splits that say the same."""

    kind: str = Field(description="one of KINDS")
    splits: tuple[str, str] = Field(description="the training split first, or else the one nearer to it")
    ids: tuple[str, str]
    items: tuple[str, str]
    similarity: float = Field(description="Jaccard similarity of word triples; 1 for the same words")
    text: str = Field(description="the text that they share, from the second row, shortened")

    def __str__(self) -> str:
        (a, b), (p, q), (i, j) = self.splits, self.ids, self.items
        return f"{self.kind} {self.similarity:.2f}: {a} {p} ({i}) and {b} {q} ({j}): {self.text!r}"


def find_leaks(
    splits: Mapping[str, Sequence[Example]],
    threshold: float,
    home_of: Callable[[Example], str] = UNITS["item"],
) -> list[Leak]:
    """Compare the rows of every two splits.

    A leak is: an item (or whatever else `home_of` returns) in two splits; the same row, by id or by words; the same
    question; or rows, questions or answers whose word triples have a Jaccard similarity of at least `threshold`.
    Questions and answers are those that could be remembered, see `_telling`; others count as a part of their row only.
    Each row of the first split is reported once, with its most serious leak (in the order of KINDS), and so is each
    item. Without the reported rows of the first split, there is no leak.

    Args:
        splits: name -> rows, the training split first.
        threshold: Jaccard similarity, 0 to 1.
        home_of: returns what a row belongs to: its item or its section.
    """
    names = list(splits)
    held_out = {name: _HeldOut(splits[name], threshold, home_of) for name in names[1:]}
    worst: dict[tuple[str, str, str], Leak] = {}
    for i, first in enumerate(names[:-1]):
        for row in tqdm(splits[first], desc=f"leaks of {first}", unit="row", disable=None):
            exact, near = list(_exact_keys(row, home_of)), list(_near_units(row))
            for second in names[i + 1 :]:
                for kind, other, similarity, text in held_out[second].like(exact, near):
                    leak = _name(kind, (first, row), (second, other), similarity, text)
                    key = (first, second, home_of(row) if kind == "same_item" else row.id)
                    if key not in worst or _gravity(leak) < _gravity(worst[key]):
                        worst[key] = leak
    return sorted(worst.values(), key=lambda leak: (*_gravity(leak), leak.splits, leak.ids))


def _gravity(leak: Leak) -> tuple[int, float]:
    return (KINDS.index(leak.kind), -leak.similarity)


def _name(kind: str, a: tuple[str, Example], b: tuple[str, Example], similarity: float, text: str) -> Leak:
    return Leak(
        kind=kind,
        splits=(a[0], b[0]),
        ids=(a[1].id, b[1].id),
        items=(a[1].provenance.item, b[1].provenance.item),
        similarity=round(similarity, 4),
        text=text if len(text) <= 80 else text[:77] + "...",
    )


class _HeldOut:
    """An index of the rows of one split, the smaller one of each comparison."""

    def __init__(self, rows: Sequence[Example], threshold: float, home_of: Callable[[Example], str]) -> None:
        self._exact: dict[tuple[str, object], tuple[Example, str]] = {}
        self._near = {kind: NearIndex(threshold) for kind in KINDS if kind.startswith("near_")}
        self._owners: dict[str, list[tuple[Example, str]]] = {kind: [] for kind in self._near}
        for row in rows:
            for key, text in _exact_keys(row, home_of):
                self._exact.setdefault(key, (row, text))
            for unit in _near_units(row):
                self._near[unit.kind].add(unit.shingles, unit.sketch)
                self._owners[unit.kind].append((row, unit.text))

    def like(
        self, exact: Sequence[tuple[tuple[str, object], str]], near: Sequence["_Unit"]
    ) -> Iterator[tuple[str, Example, float, str]]:
        """(kind, row, similarity, shared text) of the row here that equals a key or is closest to a unit."""
        for key, _ in exact:
            if (found := self._exact.get(key)) is not None:
                yield key[0], found[0], 1.0, found[1]
        for unit in near:
            for similarity, number in self._near[unit.kind].near(unit.shingles, unit.sketch)[:1]:
                row, text = self._owners[unit.kind][number]
                yield unit.kind, row, similarity, text


class _Unit(NamedTuple):
    """A row, question or answer, prepared for an index."""

    kind: str
    shingles: Shingles
    sketch: Any
    text: str


def _exact_keys(row: Example, home_of: Callable[[Example], str]) -> Iterator[tuple[tuple[str, object], str]]:
    question = turns(row)[0][1]
    yield ("same_item", home_of(row)), home_of(row)
    yield ("same_row", row.id), question
    yield ("same_row", text_key(row)), question
    for role, text in _telling(row):
        if role == "user":
            yield ("same_question", normalise(text)), text


def _near_units(row: Example) -> Iterator[_Unit]:
    said = [("near_row", turns(row), turns(row)[0][1])]
    kinds = {"user": "near_question", "assistant": "near_answer"}
    said += [(kinds[role], [(role, text)], text) for role, text in _telling(row)]
    for kind, texts, shown in said:
        shingles = shingle(texts)
        yield _Unit(kind, shingles, make_sketch(shingles), shown)


def _telling(row: Example) -> list[tuple[str, str]]:
    """Return what the row asks and answers: (role, text) of the turns that say enough to be remembered.

    Of a single pair, these are the question and an answer of at least SHORT words. Of a dialogue, they are the turns of
    at least REMEMBERED words, and those that are a SHARE of it.
    """
    said = turns(row)
    if len(said) == 2:
        return [turn for turn in said if turn[0] == "user" or count_words(turn[1]) >= SHORT]
    counts = [count_words(text) for _, text in said]
    least = max(SHORT, min(REMEMBERED, SHARE * sum(counts)))
    return [turn for turn, count in zip(said, counts, strict=True) if count >= least]


def drop_leaks(splits: Mapping[str, Sequence[Example]], leaks: Sequence[Leak]) -> dict[str, list[Example]]:
    """Drop the first row of each leak, so that the held-out split keeps all its rows."""
    named = {(leak.splits[0], leak.ids[0]) for leak in leaks}
    return {name: [row for row in rows if (name, row.id) not in named] for name, rows in splits.items()}


def summarise(
    splits: Mapping[str, Sequence[Example]],
    written: Mapping[str, Sequence[Example]],
    leaks: Sequence[Leak],
    threshold: float,
) -> dict[str, Any]:
    """Return the content of metrics/leakage.json: the number of rows written, and of leaks by kind, and 50 leaks."""
    counts = Counter(leak.kind for leak in leaks)
    return {
        "rows": {name: len(rows) for name, rows in written.items()},
        "items": {name: len({row.provenance.item for row in rows}) for name, rows in written.items()},
        "dropped": {name: len(rows) - len(written[name]) for name, rows in splits.items()},
        "near_duplicate_threshold": threshold,
        "leaks": {kind: counts[kind] for kind in KINDS},
        "leaks_total": len(leaks),
        "first_leaks": [leak.model_dump(mode="json") for leak in leaks[:50]],
    }
