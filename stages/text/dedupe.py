"""Find the examples that say the same thing twice.

Exact: the same words in the same turns (`words.normalise`). Near: the Jaccard similarity of the sets of word triples is
at or above a threshold. Candidates come from MinHash with locality-sensitive hashing (Broder 1997; Leskovec, Rajaraman
and Ullman, Mining of Massive Datasets, ch. 3), each is then verified on the sets themselves, so that the hash decides
how fast it is, and not what is dropped.
"""

import hashlib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from pydantic import Field
from tqdm import tqdm

from stages.core.schema import Example, Record
from stages.text.words import normalise, words

SHINGLE = 3
"""Words in a shingle. Triples hold word order, and a changed word costs three of them."""

PERMUTATIONS = 128
MISSED = 1e-4
"""Highest accepted chance that a pair exactly at the threshold is never compared."""

Shingles = np.ndarray
"""Sorted unique 64-bit hashes of word triples; as a set it is what the Jaccard similarity is taken of."""


class Decision(Record):
    """A line of `data/curation_decisions.jsonl`: why a row was left out, and what was kept in its place."""

    id: str
    item: str
    start: float | None
    method: str
    reason: Literal["exact_duplicate", "near_duplicate"]
    kept_id: str
    kept_item: str
    similarity: float = Field(description="Jaccard similarity to the kept row, of word triples")


def turns(example: Example) -> list[tuple[str, str]]:
    """(role, content) of each message but the system prompts, which many rows share and which say nothing of them."""
    return [(message.role, message.content) for message in example.messages if message.role != "system"]


def text_key(example: Example) -> tuple[tuple[str, str], ...]:
    """What two examples share when they differ in case, punctuation and system prompt only."""
    return tuple((role, normalise(content)) for role, content in turns(example))


def shingle(texts: Iterable[tuple[str, str]]) -> Shingles:
    """The word triples of `texts`, pairs of (role, content); none spans two texts.

    A text of fewer words than a shingle is one shingle. The role is part of it: a question is no answer.
    """
    found: set[int] = set()
    for role, content in texts:
        tokens = words(content)
        for i in range(max(1, len(tokens) - SHINGLE + 1)):
            key = "\x1f".join((role, *tokens[i : i + SHINGLE]))
            found.add(int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "little"))
    return np.array(sorted(found), dtype=np.uint64)


def jaccard(a: Shingles, b: Shingles) -> float:
    """Size of the intersection over size of the union; 0 for two empty sets."""
    shared = len(np.intersect1d(a, b, assume_unique=True))
    union = len(a) + len(b) - shared
    return shared / union if union else 0.0


@lru_cache
def bands(threshold: float) -> tuple[int, int]:
    """(bands, rows in a band) for the LSH index: the widest rows that miss a pair at `threshold` with P <= MISSED.

    A pair of similarity s becomes a candidate with probability 1 - (1 - s^rows)^bands.
    """
    for rows in range(PERMUTATIONS // 2, 1, -1):
        count = PERMUTATIONS // rows
        if (1 - threshold**rows) ** count <= MISSED:
            return count, rows
    return PERMUTATIONS, 1


@lru_cache
def _empty_sketch() -> Any:
    from datasketch import MinHash

    return MinHash(num_perm=PERMUTATIONS, scheme="affine64", hashfunc=lambda value: value)


def make_sketch(shingles: Shingles) -> Any:
    """The MinHash of a set; made once and taken by every index."""
    sketch = _empty_sketch().copy()
    sketch.update_batch(shingles)
    return sketch


class NearIndex:
    """An index of shingle sets that finds those similar to a given one without looking at all of them."""

    def __init__(self, threshold: float) -> None:
        from datasketch import MinHashLSH

        self.threshold = threshold
        self._lsh = MinHashLSH(num_perm=PERMUTATIONS, params=bands(threshold))
        self._sets: list[Shingles] = []

    def add(self, shingles: Shingles, sketch: Any) -> int:
        """Store a set with its sketch; returns its number, counted from 0."""
        self._lsh.insert(len(self._sets), sketch, check_duplication=False)
        self._sets.append(shingles)
        return len(self._sets) - 1

    def near(self, shingles: Shingles, sketch: Any) -> list[tuple[float, int]]:
        """(similarity, number) of the stored sets at or above the threshold, the most similar first."""
        found = []
        for number in self._lsh.query(sketch):
            similarity = jaccard(shingles, self._sets[number])
            if similarity >= self.threshold:
                found.append((similarity, number))
        return sorted(found, key=lambda pair: (-pair[0], pair[1]))


def place(example: Example) -> tuple[str, float, str, str]:
    """The order of rows in data/curated.jsonl: recording, second, id; the method settles a tie."""
    p = example.provenance
    return (p.item, p.start or 0.0, example.id, p.method)


def drop_duplicates(examples: Sequence[Example], threshold: float) -> tuple[list[Example], list[Decision]]:
    """Keep one of each group of examples that say the same.

    Rows are taken from the longest answer to the shortest, then by place; each is kept unless it repeats one that was
    kept before. So no two kept rows are alike, and each dropped row is directly like the one that replaces it: no
    chain of small steps joins unlike rows. A single question and answer is compared with its own kind, a dialogue with
    dialogues: a pair is no copy of the dialogue that it was taken from, unless all their words are the same.

    Returns:
        the kept rows and the decisions on the others, both in order of `place`.
    """
    by_key: dict[tuple[tuple[str, str], ...], Example] = {}
    indexes = {False: NearIndex(threshold), True: NearIndex(threshold)}
    stored: dict[bool, list[Example]] = {False: [], True: []}
    decisions: list[Decision] = []
    order = sorted(examples, key=lambda e: (-answer_length(e), place(e)))
    for example in tqdm(order, desc="duplicates", unit="row", disable=None):
        key = text_key(example)
        if (first := by_key.get(key)) is not None:
            decisions.append(_decide(example, first, "exact_duplicate", 1.0))
            continue
        is_dialogue = len(key) > 2
        index, kept = indexes[is_dialogue], stored[is_dialogue]
        shingles = shingle(turns(example))
        sketch = make_sketch(shingles)
        if alike := index.near(shingles, sketch):
            similarity, number = alike[0]
            decisions.append(_decide(example, kept[number], "near_duplicate", similarity))
            continue
        index.add(shingles, sketch)
        kept.append(example)
        by_key[key] = example
    decisions.sort(key=lambda d: (d.item, d.start or 0.0, d.id, d.method))
    return sorted(stored[False] + stored[True], key=place), decisions


def answer_length(example: Example) -> int:
    """Words in the assistant's messages."""
    return sum(len(words(m.content)) for m in example.messages if m.role == "assistant")


def _decide(
    row: Example, kept: Example, reason: Literal["exact_duplicate", "near_duplicate"], similarity: float
) -> Decision:
    p = row.provenance
    return Decision(
        id=row.id,
        item=p.item,
        start=p.start,
        method=p.method,
        reason=reason,
        kept_id=kept.id,
        kept_item=kept.provenance.item,
        similarity=round(similarity, 4),
    )
