"""Search passages and turns by words, by meanings, or by both.

Words are compared by BM25 (Robertson et al. 1994) in the form of Lucene, computed by bm25s (Lu 2024, arXiv:2407.03618).
Meanings are compared by the cosine of embeddings (`models.embeddings`, which reads English). The rankings are joined by
reciprocal rank fusion (Cormack et al. 2009): what has the ranks r1 and r2 has the score 1 / (60 + r1) + 1 / (60 + r2).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lectern.core.schema import Unit
from lectern.retrieval import terms, vectors
from lectern.retrieval.units import searched_text

K1, B = 1.2, 0.75
"""Lucene's parameters of BM25."""
FUSION = 60
"""Cormack et al.'s k: how little the first ranks differ."""
DEPTH = 100
"""Number of units that each method ranks."""
DIGITS = 5
"""Decimals of the similarities; smaller differences are those of another processor."""
BLOCK = 4096
"""Number of embeddings that are compared at once, which bounds the memory."""
TOGETHER = 64
"""Number of questions that are compared at once."""

Ranking = Mapping[int, int]
"""Position of a unit -> its rank, from 1; equal scores have equal ranks."""


@dataclass(frozen=True)
class Hit:
    """A unit that a search found."""

    unit: Unit
    score: float
    ranks: Mapping[str, int]
    """method -> rank; a method that did not find it is left out"""


class Index:
    """Units, ready to be searched. Their order does not matter."""

    def __init__(self, units: Sequence[Unit], methods: Sequence[str]) -> None:
        """Build the index.

        Args:
            units: what is searched; two with the same id count once. They have embeddings if `methods` has these.
            methods: `bm25`, `embeddings` or both.
        """
        unique = {unit.id: unit for unit in units}
        self.units = sorted(unique.values(), key=_place)
        self.methods = tuple(sorted(methods))
        if "bm25" in methods:
            self._words = _Words(terms.split(searched_text(unit)) for unit in self.units)
        if "embeddings" in methods:
            self._meanings = _Meanings(self.units)

    def search(self, queries: Sequence[str]) -> list[list[Hit]]:
        """Return what is found for each query, the best first; units with equal scores in the order of their places.

        A query without words finds nothing.
        """
        rankings: dict[str, list[Ranking]] = {}
        if "bm25" in self.methods:
            rankings["bm25"] = [self._words.rank(terms.split(query)) for query in queries]
        if "embeddings" in self.methods:
            rankings["embeddings"] = self._meanings.rank(vectors.make(queries))
        return [self._join({name: rankings[name][at] for name in self.methods}) for at in range(len(queries))]

    def count(self) -> dict[str, int]:
        """Return the number of units, and of the items that they belong to."""
        return {"units": len(self.units), "items": len({unit.provenance.item for unit in self.units})}

    def _join(self, rankings: Mapping[str, Ranking]) -> list[Hit]:
        return [
            Hit(
                self.units[at],
                round(score, 6),
                {name: ranking[at] for name, ranking in rankings.items() if at in ranking},
            )
            for at, score in fuse(list(rankings.values())).items()
        ]


def _place(unit: Unit) -> tuple[str, float, int, tuple[int, int], str]:
    """Order units as they follow each other in the items."""
    where = unit.provenance
    return where.item, where.start or 0.0, where.page or 0, where.span or (0, 0), unit.id


def fuse(rankings: Sequence[Ranking]) -> dict[int, float]:
    """Join rankings by reciprocal rank fusion. Returns position -> score, the best first; ties by position."""
    scores: dict[int, float] = {}
    for ranking in rankings:
        for at, rank in ranking.items():
            scores[at] = scores.get(at, 0.0) + 1 / (FUSION + rank)
    return dict(sorted(scores.items(), key=lambda pair: (-round(pair[1], 12), pair[0])))


def _rank(scores: np.ndarray, found: np.ndarray) -> Ranking:
    """Rank the positions `found` by their scores, at most DEPTH of them and those that equal the last."""
    if len(found) > DEPTH:
        least = np.partition(scores[found], len(found) - DEPTH)[len(found) - DEPTH]
        found = found[scores[found] >= least]
    ordered = found[np.argsort(-scores[found], kind="stable")]
    ranks: dict[int, int] = {}
    for place, at in enumerate(ordered, 1):
        same = place > 1 and scores[at] == scores[ordered[place - 2]]
        ranks[int(at)] = ranks[int(ordered[place - 2])] if same else place
    return ranks


class _Words:
    """BM25 over the terms of units."""

    def __init__(self, documents: Iterable[Sequence[str]]) -> None:
        import bm25s

        self._ids: dict[str, int] = {}
        # Numbers at once: the terms of all units as texts would take several times the memory.
        numbered = [
            [self._ids.setdefault(term, len(self._ids)) for term in document] for document in documents
        ]
        self._bm25 = None
        if self._ids:
            self._bm25 = bm25s.BM25(k1=K1, b=B, method="lucene")
            self._bm25.index((numbered, self._ids), create_empty_token=False, show_progress=False)

    def rank(self, query: Sequence[str]) -> Ranking:
        """Rank the units that have any term of a query. A term counts once, however often it is repeated."""
        known = [self._ids[term] for term in dict.fromkeys(query) if term in self._ids]
        if self._bm25 is None or not known:
            return {}
        scores = np.round(self._bm25.get_scores_from_ids(known).astype(np.float64), DIGITS)
        return _rank(scores, np.flatnonzero(scores > 0))


class _Meanings:
    """Cosines of embeddings."""

    def __init__(self, units: Sequence[Unit]) -> None:
        read = [
            (at, vectors.read(unit.vector, unit.scale))
            for at, unit in enumerate(units)
            if unit.vector is not None and unit.scale is not None
        ]
        self._at = np.array([at for at, _ in read], dtype=np.int64)
        self._whole = np.array([whole for _, (whole, _) in read], dtype=np.int8)
        self._scales = np.array([scale for _, (_, scale) in read], dtype=np.float64)
        self._count = len(units)

    def rank(self, queries: Sequence[vectors.Vector | None]) -> list[Ranking]:
        """Rank the units with embeddings for each query."""
        rankings: list[Ranking] = [{} for _ in queries]
        known = [at for at, query in enumerate(queries) if query is not None] if len(self._at) else []
        for first in range(0, len(known), TOGETHER):
            part = known[first : first + TOGETHER]
            for at, scores in zip(part, self._compare([queries[at] for at in part]), strict=True):  # type: ignore[misc]
                rankings[at] = _rank(scores, self._at)
        return rankings

    def _compare(self, queries: Sequence[vectors.Vector]) -> np.ndarray:
        """Return the cosines, of shape (queries, units)."""
        asked = np.array([whole for whole, _ in queries], dtype=np.float32).T
        scores = np.full((len(queries), self._count), -np.inf)
        for first in range(0, len(self._at), BLOCK):
            part = slice(first, first + BLOCK)
            exact = self._whole[part].astype(np.float32) @ asked  # whole numbers below 2 ** 24
            scores[:, self._at[part]] = (exact.astype(np.float64) * self._scales[part, None]).T
        scale = np.array([scale for _, scale in queries])
        return np.round(scores * scale[:, None], DIGITS)
