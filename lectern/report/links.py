"""Describe a place in the sources, and link to it if that is safe."""

from urllib.parse import urlsplit

from lectern.core.schema import Provenance
from lectern.report import wording


def describe_place(where: Provenance) -> str:
    """Return the item with the second, page or line."""
    parts = [wording.short(where.item)]
    if where.start is not None:
        parts.append(wording.clock(where.start))
    if where.page is not None:
        parts.append(f"page {where.page}")
    if where.row is not None:
        parts.append(f"line {where.row}")
    return ", ".join(parts)


def web_link(url: str | None) -> str | None:
    """Return `url` if it is safe as a link: http or https with a host; else None."""
    try:
        parts = urlsplit(url or "")
        return url if parts.scheme in ("http", "https") and parts.hostname else None
    except ValueError:
        return None
