"""Take the rows through curation. Each row gets exactly one decision, which records its reason."""

import json
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from lectern.core.schema import Decision, Example, Rating
from lectern.curation import dedupe
from lectern.curation.decisions import drop
from lectern.curation.row_corrections import Corrected

Step = Callable[[Sequence[Example]], tuple[Sequence[Example], Sequence[Decision]]]
"""Takes rows, and returns the rows that it keeps (the same objects) and a decision on each other row."""

KEPT = "kept"
REASONS = (
    "rejected",
    "low_rating",
    "unrated",
    "short_question",
    "long_question",
    "short_answer",
    "long_answer",
    "language",
    "housekeeping",
    "contaminated",
    "exact_duplicate",
    "near_duplicate",
    "semantic_duplicate",
)
"""Why rows are dropped, in the order in which the reasons are checked."""

ACCEPTED = 10.0
"""The rating of an accepted row. It is above any score, so an accepted row is the one kept among duplicates."""


def by_rating(
    rows: Sequence[Example],
    *,
    ratings: Mapping[str, Rating],
    minimum: float | None,
    by_criterion: Mapping[str, float],
    unrated: str,
) -> tuple[list[Example], list[Decision]]:
    """Drop the rows that the judge rated too low.

    Args:
        rows: in any order.
        ratings: by row id. Rows that the judge was not asked about have no rating and are kept.
        minimum: least mean of the scores; `None` for no limit.
        by_criterion: criterion -> least score; a row that was not rated by it passes.
        unrated: whether to `keep` or `drop` the rows whose rating failed.
    """
    kept: list[Example] = []
    decisions: list[Decision] = []
    for row in rows:
        rating = ratings.get(row.id)
        if rating is not None and rating.problem is not None and unrated == "drop":
            decisions.append(drop(row, "unrated", detail=rating.problem))
        elif rating is not None and (low := _find_low(rating, minimum, by_criterion)):
            decisions.append(drop(row, "low_rating", detail=low))
        else:
            kept.append(row)
    return kept, decisions


def _find_low(rating: Rating, minimum: float | None, by_criterion: Mapping[str, float]) -> str | None:
    if minimum is not None and rating.overall is not None and rating.overall < minimum:
        return f"rated {rating.overall:g}; at least {minimum:g} is wanted"
    for name, least in sorted(by_criterion.items()):
        if (score := rating.scores.get(name)) is not None and score < least:
            return f"{name} rated {score}; at least {least:g} is wanted"
    return None


def merge_ratings(found: Iterable[Rating]) -> dict[str, Rating]:
    """Row id -> its rating. A row that was rated in two items gets the lower one; a failed one only if all failed."""
    merged: dict[str, Rating] = {}
    for rating in found:
        if rating.id not in merged or _rank(rating) < _rank(merged[rating.id]):
            merged[rating.id] = rating
    return merged


def _rank(rating: Rating) -> tuple[bool, float, str]:
    return (rating.overall is None, rating.overall or 0.0, json.dumps(rating.scores, sort_keys=True))


def find_accepted(rows: Iterable[Corrected]) -> set[str]:
    """The ids of the rows that people accepted or edited."""
    return {row.row.id for row in rows if _is_accepted(row)}


def drop_duplicates(
    rows: Sequence[Example],
    *,
    near: float,
    semantic: float | None,
    ratings: Mapping[str, Rating],
    accepted: Collection[str],
) -> tuple[list[Example], list[Decision]]:
    """Keep one row of each group of duplicates (`dedupe`): an accepted row if there is one, else the best rated.

    Accepted rows that only have similar meanings are all kept, because an embedding may confuse two meanings.

    Args:
        rows: in any order.
        near: Jaccard similarity of word triples from which two rows count as duplicates.
        semantic: cosine similarity of meaning from which they do; `None` compares no meanings.
        ratings: by row id.
        accepted: ids of the rows that people accepted or edited.
    """
    worth = {id: rating.overall for id, rating in ratings.items() if rating.overall is not None}
    worth |= dict.fromkeys(accepted, ACCEPTED)
    kept, dropped = dedupe.drop_duplicates(rows, near=near, semantic=semantic, ratings=worth)
    wanted = {d.id for d in dropped if d.reason == "semantic_duplicate" and d.id in accepted}
    if not wanted:
        return kept, dropped
    back = [row for row in rows if row.id in wanted]
    kept, repeats = dedupe.drop_duplicates([*kept, *back], near=near, semantic=None, ratings=worth)
    return kept, [*(d for d in dropped if d.id not in wanted), *repeats]


def run(
    rows: Sequence[Corrected], filters: Sequence[Step], checks: Sequence[Step], ratings: Mapping[str, Rating]
) -> tuple[list[Example], list[Decision]]:
    """Decide on each row.

    Args:
        rows: with people's corrections. Rejected rows are dropped first.
        filters: steps that accepted and edited rows skip.
        checks: steps that all remaining rows then go through.
        ratings: by the id that a row came with; shown in its decision.

    Returns:
        the kept rows in the order of `dedupe.place`, and exactly one decision for each given row, in order of item and
        place. A decision has the id that the row came with; that of a kept, edited row has its new id as `kept_id`.
    """
    decided: list[tuple[Corrected, Decision]] = []
    open_rows: list[Corrected] = []
    for row in rows:
        if row.correction is not None and row.correction.action == "reject":
            decided.append((row, drop(row.row, "rejected")))
        else:
            open_rows.append(row)
    accepted = [row for row in open_rows if _is_accepted(row)]
    others = [row for row in open_rows if not _is_accepted(row)]
    for step in filters:
        others, dropped = _take(step, others)
        decided += dropped
    left = accepted + others
    for step in checks:
        left, dropped = _take(step, left)
        decided += dropped
    decided += [(row, _keep(row)) for row in left]
    decisions = [_complete(row, decision, ratings) for row, decision in decided]
    decisions.sort(key=lambda d: (d.item, d.start or 0.0, d.page or 0, d.id, d.method, d.reason))
    return sorted((row.row for row in left), key=dedupe.place), decisions


def _keep(row: Corrected) -> Decision:
    edited = row.row.id if row.row.id != row.came_as else None
    return drop(row.row, KEPT).model_copy(update={"outcome": "kept", "kept_id": edited})


def _is_accepted(row: Corrected) -> bool:
    return row.correction is not None and row.correction.action in ("accept", "edit")


def _take(step: Step, rows: Sequence[Corrected]) -> tuple[list[Corrected], list[tuple[Corrected, Decision]]]:
    """The rows that a step keeps, and the rows that it drops with their decisions."""
    kept, decisions = step([row.row for row in rows])
    stays = {id(row) for row in kept}
    gone: dict[tuple[Any, ...], deque[Corrected]] = defaultdict(deque)
    for row in rows:
        if id(row.row) not in stays:
            p = row.row.provenance
            gone[row.row.id, p.item, p.start, p.page, p.method].append(row)
    dropped = [(gone[d.id, d.item, d.start, d.page, d.method].popleft(), d) for d in decisions]
    assert not any(gone.values()), "a step of curation left rows without a decision"
    return [row for row in rows if id(row.row) in stays], dropped


def _complete(row: Corrected, decision: Decision, ratings: Mapping[str, Rating]) -> Decision:
    """The decision under the id that the row came with, completed by its rating and its correction."""
    rating = ratings.get(row.came_as)
    details = [decision.detail, None if row.correction is None else str(row.correction)]
    if decision.outcome == "dropped" and row.row.id != row.came_as:
        details.append(f"as row {row.row.id}")
    return decision.model_copy(
        update={
            "id": row.came_as,
            "overall": None if rating is None else rating.overall,
            "detail": "; ".join(filter(None, details)) or None,
        }
    )


def summarise(decisions: Sequence[Decision]) -> dict[str, Any]:
    """Count the rows in and out: in total, by reason, by method and by item."""
    kept = [d for d in decisions if d.outcome == "kept"]
    reasons = Counter(d.reason for d in decisions if d.outcome == "dropped")
    return {
        "rows_in": len(decisions),
        "rows_out": len(kept),
        "items_in": len({d.item for d in decisions}),
        "items_out": len({d.item for d in kept}),
        "dropped": {reason: reasons[reason] for reason in sorted({*REASONS, *reasons})},
        "by_method": _count_by(decisions, lambda d: d.method),
        "by_item": _count_by(decisions, lambda d: d.item),
    }


def _count_by(decisions: Iterable[Decision], key: Callable[[Decision], str]) -> dict[str, Any]:
    groups: dict[str, list[Decision]] = defaultdict(list)
    for decision in decisions:
        groups[key(decision)].append(decision)
    counts: dict[str, Any] = {}
    for name, found in sorted(groups.items()):
        dropped = Counter(d.reason for d in found if d.outcome == "dropped")
        counts[name] = {
            "in": len(found),
            "out": len(found) - dropped.total(),
            "dropped": dict(sorted(dropped.items())),
        }
    return counts


def count_ratings(rows: Iterable[Example], ratings: Mapping[str, Rating]) -> dict[str, int]:
    """How many rows the judge rated, failed to rate, and was not asked about."""
    found = [ratings.get(row.id) for row in rows]
    return {
        "rated": sum(rating is not None and rating.problem is None for rating in found),
        "failed": sum(rating is not None and rating.problem is not None for rating in found),
        "not_asked": sum(rating is None for rating in found),
    }
