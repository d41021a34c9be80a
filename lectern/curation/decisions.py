"""What is written down of a row that curation leaves out."""

from lectern.core.schema import Decision, Example


def drop(
    row: Example,
    reason: str,
    kept: Example | None = None,
    similarity: float | None = None,
    detail: str | None = None,
) -> Decision:
    """The decision to leave `row` out; `kept` stands in its place, and is as similar to it as `similarity` says."""
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
