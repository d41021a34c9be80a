"""The record of a row that curation drops."""

from lectern.core.schema import Decision, Example


def drop(
    row: Example,
    reason: str,
    kept: Example | None = None,
    similarity: float | None = None,
    detail: str | None = None,
) -> Decision:
    """The decision to drop `row`. `kept` is the row that stays in its place, `similarity` how similar the two are."""
    p = row.provenance
    return Decision(
        id=row.id,
        item=p.item,
        start=p.start,
        page=p.page,
        method=p.method,
        outcome="dropped",
        reason=reason,
        kept_id=kept.id if kept else None,
        kept_item=kept.provenance.item if kept else None,
        similarity=None if similarity is None else round(similarity, 4),
        detail=detail,
    )
