"""Find the examples that say the same thing twice.

Exact: the same words in the same turns (`words.normalise`). Near: the Jaccard similarity of the sets of word triples is
at or above a threshold. MinHash with locality-sensitive hashing finds candidates (Broder 1997; Leskovec, Rajaraman and
Ullman, Mining of Massive Datasets, ch. 3). Each candidate is then verified on the sets themselves, so the hash decides
how fast it is, but not what is dropped. Semantic: the same in other words (`curation.paraphrases`).
"""

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from tqdm import tqdm

from lectern.core.schema import Decision, Example
from lectern.curation.decisions import drop
from lectern.curation.paraphrases import Meanings
from lectern.text.words import normalise, words

SHINGLE = 3
"""Words in a shingle. Triples preserve word order, and one changed word changes three of them."""

PERMUTATIONS = 128
SHORT = 4
"""Follow-up turns of fewer words ("Why is that?", "Yes, exactly.") say nothing alone and are not compared alone."""
MISSED = 1e-4
"""Highest accepted chance that a pair exactly at the threshold is never compared."""

_BASE = np.uint64(0x9E3779B97F4A7C15)  # odd, so that no place of a shingle is lost modulo 2^64
Shingles = np.ndarray
"""Sorted unique 64-bit hashes of word triples: the set whose Jaccard similarity is computed."""


def turns(example: Example) -> list[tuple[str, str]]:
    """(role, content) of each message except system prompts, which many rows share."""
    return [(message.role, message.content) for message in example.messages if message.role != "system"]


def questions(example: Example) -> list[str]:
    """The user's messages; those of a dialogue without its short follow-ups."""
    said = [text for role, text in turns(example) if role == "user"]
    return said if len(turns(example)) == 2 else [text for text in said if len(words(text)) >= SHORT]


def text_key(example: Example) -> tuple[tuple[str, str], ...]:
    """A key that two examples share if they differ only in case, punctuation and system prompt."""
    return tuple((role, normalise(content)) for role, content in turns(example))


def shingle(texts: Iterable[tuple[str, str]]) -> Shingles:
    """The word triples of `texts`, which are pairs of (role, content). No triple spans two texts.

    A text with fewer words than a shingle is one shingle. The role is part of each shingle, so that a question never
    matches an answer.
    """
    parts = []
    for role, content in texts:
        tokens = words(content)
        codes = np.array([_code(token) for token in tokens], np.uint64)
        size = min(SHINGLE, len(tokens))
        total = np.full(max(1, len(tokens) - SHINGLE + 1), _code(f"\x1f{role}\x1f{size}"), np.uint64)
        for place in range(size):
            total = total * _BASE + codes[place : place + len(total)]
        parts.append(total ^ (total >> np.uint64(29)))
    found: Shingles = np.unique(np.concatenate(parts)) if parts else np.zeros(0, np.uint64)
    return found


@lru_cache(maxsize=1 << 17)
def _code(token: str) -> int:
    return int.from_bytes(hashlib.blake2b(token.encode(), digest_size=8).digest(), "little")


def jaccard(a: Shingles, b: Shingles) -> float:
    """Size of the intersection over size of the union; 0 for two empty sets."""
    shared = len(np.intersect1d(a, b, assume_unique=True))
    union = len(a) + len(b) - shared
    return shared / union if union else 0.0


@lru_cache
def bands(threshold: float) -> tuple[int, int]:
    """(bands, rows in a band) of the LSH index: the most rows for which a pair at `threshold` is missed by P <= MISSED.

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
    """The MinHash of a set. Each set needs only one, which all indexes accept."""
    sketch = _empty_sketch().copy()
    sketch.update_batch(shingles)
    return sketch


class NearIndex:
    """An index that finds the shingle sets similar to a given one without comparing it with all of them."""

    def __init__(self, threshold: float) -> None:
        from datasketch import MinHashLSH

        self.threshold = threshold
        self._lsh = MinHashLSH(num_perm=PERMUTATIONS, params=bands(threshold))
        self._sets: list[Shingles] = []

    def add(self, shingles: Shingles, sketch: Any) -> int:
        """Store a set with its sketch. Returns its number, counted from 0."""
        self._lsh.insert(len(self._sets), sketch, check_duplication=False)
        self._sets.append(shingles)
        return len(self._sets) - 1

    def near(self, shingles: Shingles, sketch: Any) -> list[tuple[float, int]]:
        """(similarity, number) of each stored set at or above the threshold, most similar first."""
        found = []
        for number in self._lsh.query(sketch):
            similarity = jaccard(shingles, self._sets[number])
            if similarity >= self.threshold:
                found.append((similarity, number))
        return sorted(found, key=lambda pair: (-pair[0], pair[1]))


def place(example: Example) -> tuple[str, float, str, str]:
    """The sort key of rows in data/curated.jsonl: recording, second, id, and the method for ties."""
    p = example.provenance
    return (p.item, p.start or 0.0, example.id, p.method)


def drop_duplicates(
    examples: Sequence[Example], *, near: float, semantic: float | None, ratings: Mapping[str, float]
) -> tuple[list[Example], list[Decision]]:
    """Keep one of each group of examples that say the same.

    Rows are considered from the best rated to the worst, then those without a rating, because nobody vouches for them;
    equal ones from the longest answer to the shortest, then by place. Each row is kept unless it repeats a row that
    was kept before. So no two kept rows are alike, and each dropped row is directly similar to the one that replaces
    it: no chain of small steps joins different rows. Single questions with their answers are compared with each other,
    and so are dialogues: a pair is no copy of the dialogue that it was taken from, unless all their words are the same.
    Meanings are compared for single pairs only, because that of a whole dialogue is hardly more than its topic.

    Args:
        examples: in any order.
        near: Jaccard similarity of word triples from which two rows count as the same.
        semantic: cosine similarity from which questions, and answers, mean the same (`paraphrases.Meanings`); `None`
            compares no meanings and loads no model.
        ratings: row id -> rating; higher is better.

    Returns:
        the kept rows and the decisions on the others, both in the order of `place`.
    """

    def quality(row: Example) -> tuple[Any, ...]:
        return (-ratings.get(row.id, -math.inf), -answer_length(row), place(row))

    kept: list[Example] = []
    dropped: list[tuple[Example, Decision]] = []
    singles, dialogues = list[Example](), list[Example]()
    for row in sorted(examples, key=quality):
        (dialogues if len(turns(row)) > 2 else singles).append(row)
    for rows, least in ((singles, semantic), (dialogues, None)):
        kept += _keep_distinct(rows, near, least, dropped)
    dropped.sort(key=lambda pair: place(pair[0]))
    return sorted(kept, key=place), [decision for _, decision in dropped]


BLOCK = 1024
"""Rows whose meanings are compared at a time."""


def _keep_distinct(
    rows: Sequence[Example], near: float, semantic: float | None, dropped: list[tuple[Example, Decision]]
) -> list[Example]:
    """The rows that repeat no row before them; the others are appended to `dropped` with their decisions."""
    copies: dict[tuple[tuple[str, str], ...], list[Example]] = {}
    for row in rows:
        copies.setdefault(text_key(row), []).append(row)
    firsts = [same[0] for same in copies.values()]
    kept: dict[int, Example] = {}  # by index in `firsts`
    index, stored = NearIndex(near), list[int]()
    meanings = None if semantic is None else Meanings([_pair(row) for row in firsts], semantic)
    same_meaning: Mapping[int, list[tuple[float, int]]] = {}
    progress = tqdm(copies.values(), desc="duplicates", unit="row", disable=None)
    for number, (row, *others) in enumerate(progress):
        if meanings and number % BLOCK == 0:
            block = range(number, min(number + BLOCK, len(firsts)))
            same_meaning = meanings.alike(block, [*kept, *block])
        shingles = shingle(turns(row))
        sketch = make_sketch(shingles)
        if near_ones := index.near(shingles, sketch):
            similarity, place_stored = near_ones[0]
            why = ("near_duplicate", firsts[stored[place_stored]], similarity)
        elif same := next((pair for pair in same_meaning.get(number, ()) if pair[1] in kept), None):
            why = ("semantic_duplicate", kept[same[1]], same[0])
        else:
            index.add(shingles, sketch)
            stored.append(number)
            kept[number] = row
            dropped += [(other, drop(other, "exact_duplicate", row, 1.0)) for other in others]
            continue
        # A row with the same words as a dropped row is dropped for the same reason.
        dropped += [(other, drop(other, *why)) for other in (row, *others)]
    return list(kept.values())


def _pair(row: Example) -> tuple[str, str]:
    (_, question), *_, (_, answer) = turns(row)
    return question, answer


def answer_length(example: Example) -> int:
    """Words in the assistant's messages."""
    return sum(len(words(m.content)) for m in example.messages if m.role == "assistant")
