"""Corpora of the tests that download: how they are asked for, fetched and read."""

from pathlib import Path
from typing import Any

from lectern.core import io, items
from lectern.core.schema import Source
from lectern.settings.corpus import Corpus
from lectern.sources.kinds import LISTED
from lectern.tools import update
from stages import fetch
from tests.settings import configure

# No pauses: the server of the tests minds no haste.
HASTE = {"sleep": 0.0, "retries": 1, "timeout": 5.0}
RAW = Path("data/raw")


def corpus(*sources: dict[str, Any], allow_failed: float = 0.0) -> Corpus:
    network = [
        {**s, "network": {**HASTE, **s.get("network", {})}} if s["kind"] in LISTED else s for s in sources
    ]
    return configure(Corpus, name="test", sources=network, allow_failed=allow_failed)


def videos(*urls: str, name: str = "talks", **options: Any) -> dict[str, Any]:
    return {"kind": "youtube", "name": name, "urls": list(urls), "allow_private": True, **options}


def podcast(feed: str, name: str = "show", **options: Any) -> dict[str, Any]:
    return {"kind": "podcast", "name": name, "feed": feed, "allow_private": True, **options}


def get(chosen: Corpus) -> items.SyncResult:
    """`lectern update` and `dvc repro fetch`."""
    assert update.main(chosen) == 0
    return fetch.main(chosen, RAW)


def records() -> list[Source]:
    return [io.read_json(folder / "item.json", Source) for folder in items.read(RAW).values()]


def record() -> Source:
    (only,) = records()
    return only


def listing(name: str) -> bytes:
    return Path(f"data/listings/{name}.jsonl").read_bytes()


def everything_in_data() -> bytes:
    return b"\n".join(path.read_bytes() for path in sorted(Path("data").rglob("*")) if path.is_file())


def entry(number: int, media: str, more: str = "", title: str | None = None, day: int = 2) -> str:
    """An episode of a feed."""
    return (
        f"<item><title>{title or f'Episode {number}'}</title><guid isPermaLink='false'>guid-{number}</guid>"
        f"<pubDate>Mon, {day:02} Nov 2026 10:00:00 +0100</pubDate>"
        f"<enclosure url='{media}' type='audio/mpeg' length='1'/>{more}</item>"
    )


def feed(*entries: str, more: str = "") -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?><rss version="2.0" '
        'xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" '
        'xmlns:podcast="https://podcastindex.org/namespace/1.0" xmlns:psc="http://podlove.org/simple-chapters" '
        'xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:media="http://search.yahoo.com/mrss/" '
        'xmlns:atom="http://www.w3.org/2005/Atom">'
        f"<channel><title>The Show</title><language>en-GB</language>{more}{''.join(entries)}</channel></rss>"
    )
