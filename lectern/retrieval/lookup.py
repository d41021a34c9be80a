"""Look up whole sets of questions, and say which of them found the place that holds the answer.

What is searched must not give the answer away: unless asked for, a held-out question does not find a passage or turn
that overlaps the place its true answer comes from, nor one that has this answer word for word.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lectern.core.schema import Example, Found, Message, Provenance, Retrieved, Unit
from lectern.retrieval.index import Hit, Index
from lectern.retrieval.units import holds, overlaps
from lectern.text.words import normalise, words

SHORT = 8
"""A question with fewer words (`And why is that?`) is searched for together with the question before it."""
BOTH = "both"
"""The ranking that joins all methods."""


def name_rankings(methods: Sequence[str]) -> list[str]:
    """Return the methods, and the ranking that joins them where there are several."""
    return [*methods, BOTH] if len(methods) > 1 else list(methods)


@dataclass(frozen=True)
class Query:
    """A question, and what is known of its answer."""

    set: str
    id: str
    text: str
    """what is searched for"""
    own: Provenance | None = None
    """the place that the row comes from; None for people's questions, which come from none"""
    reference: str | None = None
    """the true answer of a row"""
    evidence: tuple[Provenance, ...] = ()
    """places that hold the answer"""
    items: tuple[str, ...] = ()
    """items that hold the answer, where the place within them is unknown"""

    def is_own(self, unit: Unit) -> bool:
        """Whether a unit is the place that the row comes from, or has its answer word for word."""
        if self.own is None:
            return False
        if overlaps(unit.provenance, self.own):
            return True
        answer = normalise(self.reference or "")
        return bool(answer) and f" {answer} " in f" {normalise(unit.text)} "

    def is_answered_by(self, unit: Unit) -> bool:
        """Whether a unit holds the answer."""
        return unit.provenance.item in self.items or any(holds(unit.provenance, one) for one in self.evidence)


def write_query(messages: Sequence[Message]) -> str:
    """Return what is searched for: the last question, and those before it as long as there are few words."""
    asked = [message.content for message in messages if message.role == "user"]
    query = ""
    for text in reversed(asked):
        query = f"{text}\n{query}".strip()
        if len(words(query)) >= SHORT:
            break
    return query


def select_trained(
    units: Iterable[Unit], trained: Iterable[Example], held_out: Iterable[Example]
) -> list[Unit]:
    """Return the units that the tuned model could learn from: of items with training rows, but no held-out place.

    Args:
        units: of all items.
        trained: the rows of the training split.
        held_out: the rows of the other splits. They matter where sections of one document are in several splits.
    """
    items = {row.provenance.item for row in trained}
    places: dict[str, list[Provenance]] = {}
    for row in held_out:
        places.setdefault(row.provenance.item, []).append(row.provenance)
    return [
        unit
        for unit in units
        if (item := unit.provenance.item) in items
        and not any(overlaps(unit.provenance, place) for place in places.get(item, ()))
    ]


def look_up(
    queries: Sequence[Query], searched: Index, everything: Index, *, include_own: bool, most: int
) -> list[Retrieved]:
    """Return what each query finds in `searched`, and at which rank `everything` has the answer.

    Args:
        queries: in any order.
        searched: the units that the contestants are shown.
        everything: the units of all items, held-out ones too; only the ranks of the evidence come from it.
        include_own: whether a row may find its own place.
        most: number of passages for each query.
    """
    asked = [query.text for query in queries]
    found = searched.search(asked)
    known = [at for at, query in enumerate(queries) if query.evidence or query.items]
    ranked = found if everything is searched else everything.search([asked[at] for at in known])
    hits_of = dict(enumerate(found)) if everything is searched else dict(zip(known, ranked, strict=True))
    results = []
    for at, query in enumerate(queries):
        shown: list[Found] = []
        for hit in found[at]:
            own = query.is_own(hit.unit)
            if include_own or not own:
                shown.append(describe(hit, own=own))
            if len(shown) == most:
                break
        evidence = find_evidence(query, hits_of[at]) if query.evidence or query.items else None
        results.append(
            Retrieved(set=query.set, id=query.id, query=query.text, found=shown, evidence=evidence)
        )
    return results


def look_up_trained(queries: Sequence[Query], searched: Index, *, most: int) -> list[Retrieved]:
    """Return for each training row up to `most` passages that distract, and the best one of its own place.

    The own place is marked as `own`. It stands where the search ranks it, or last where the search does not find it.
    """
    results = []
    for query, hits in zip(queries, searched.search([query.text for query in queries]), strict=True):
        chosen: list[Found] = []
        distract = own = 0
        for hit in hits:
            is_own = query.is_own(hit.unit)
            if (own < 1) if is_own else (distract < most):
                chosen.append(describe(hit, own=is_own))
            own, distract = own + is_own, distract + (not is_own)
        if not own and (missed := [unit for unit in searched.units if query.is_own(unit)]):
            chosen.append(describe(Hit(missed[0], 0.0, {}), own=True))
        results.append(Retrieved(set=query.set, id=query.id, query=query.text, found=chosen))
    return results


def find_evidence(query: Query, hits: Sequence[Hit]) -> dict[str, int]:
    """Return method -> rank of the first hit that holds the answer; `both` is the joined ranking."""
    ranks: dict[str, int] = {}
    for place, hit in enumerate(hits, 1):
        if query.is_answered_by(hit.unit):
            for method, rank in {BOTH: place, **hit.ranks}.items():
                ranks[method] = min(rank, ranks.get(method, rank))
    return ranks


def describe(hit: Hit, *, own: bool = False) -> Found:
    """Return what is kept of a hit."""
    unit = hit.unit
    return Found(
        id=unit.id,
        text=unit.text,
        question=unit.question,
        provenance=unit.provenance,
        score=hit.score,
        ranks=dict(hit.ranks),
        own=own,
    )
