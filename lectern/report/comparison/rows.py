"""Compare rows and sources of two runs: which were added, removed or changed, and in which split they are."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from lectern.core.schema import SPLITS, Decision
from lectern.report import wording
from lectern.report.comparison.inputs import Run

Place = tuple[str, str, int]
"""Id of the row, its item, and the number of the row among those with the same words in that item."""
KEPT = "kept"


def compare_decisions(a: Run, b: Run, *, examples: int) -> dict[str, Any] | None:
    """Count the rows that were added, removed or decided differently, by reason, with a few examples of each.

    A row is identified by its words and its item: if a new transcription changes its words, it counts as one row
    removed and another one added. The result is None if a run has no decisions.
    """
    if a.decisions is None or b.decisions is None:
        return None
    ours, theirs = _place(a.decisions), _place(b.decisions)
    moves: dict[tuple[str, str], list[Decision]] = {}
    for place in sorted({*ours, *theirs}):
        one, other = ours.get(place), theirs.get(place)
        before, after = (decision.reason if decision else "" for decision in (one, other))
        if before != after:
            moves.setdefault((before, after), []).append(other or one)  # type: ignore[arg-type]
    questions = {**a.questions, **b.questions}
    return {
        "a": len(ours),
        "b": len(theirs),
        "same": len(ours.keys() & theirs.keys()) - sum(len(m) for (x, y), m in moves.items() if x and y),
        "moves": [
            {
                "kind": "came" if not before else "changed" if after else "went",
                "a": _say(before),
                "b": _say(after),
                "rows": len(rows),
                "examples": [_example(row, questions) for row in rows[:examples]],
            }
            for (before, after), rows in sorted(moves.items(), key=lambda move: (-len(move[1]), move[0]))
        ],
    }


def _place(decisions: Sequence[Decision]) -> dict[Place, Decision]:
    seen = Counter[tuple[str, str]]()
    placed = {}
    for decision in decisions:
        placed[decision.id, decision.item, seen[decision.id, decision.item]] = decision
        seen[decision.id, decision.item] += 1
    return placed


def _say(reason: str) -> str:
    """Write a reason in words; it is empty if there was no such row."""
    return "" if not reason else KEPT if reason == KEPT else wording.reason(reason)


def _example(row: Decision, questions: Mapping[str, str]) -> dict[str, str]:
    where = "" if row.start is None else wording.clock(row.start)
    where = where if row.page is None else f"page {row.page}"
    text = questions.get(row.id) or row.detail or ""
    return {"id": row.id, "item": row.item, "where": where, "text": wording.short(text, 160)}


def compare_splits(a: Run, b: Run) -> list[dict[str, Any]] | None:
    """Return for each split the number of rows in each run and in both, and where the others came from or went to."""
    if a.splits is None or b.splits is None:
        return None
    rows = []
    for name in SPLITS:
        ours, theirs = ({id for id, split in side.items() if split == name} for side in (a.splits, b.splits))
        came = Counter(a.splits.get(id, "") for id in theirs - ours)
        went = Counter(b.splits.get(id, "") for id in ours - theirs)
        rows.append(
            {
                "name": name,
                "a": len(ours),
                "b": len(theirs),
                "common": len(ours & theirs),
                "came": _list_places(came, "new", "from"),
                "went": _list_places(went, "gone", "to"),
            }
        )
    return rows


def _list_places(places: Mapping[str, int], nowhere: str, preposition: str) -> str:
    """Write counts of places, such as `3 new, 2 from train`."""
    return ", ".join(
        f"{number:,} {f'{preposition} {place}' if place else nowhere}"
        for place, number in sorted(places.items())
    )


def compare_sources(a: Run, b: Run) -> dict[str, Any] | None:
    """Return the items that were added, removed or changed; None if this is unknown for a run."""
    if a.sources is None or b.sources is None:
        return None
    common = a.sources.keys() & b.sources.keys()
    return {
        "came": sorted(b.sources.keys() - common),
        "went": sorted(a.sources.keys() - common),
        "changed": sorted(item for item in common if a.sources[item] != b.sources[item]),
        "same": sum(a.sources[item] == b.sources[item] for item in common),
    }
