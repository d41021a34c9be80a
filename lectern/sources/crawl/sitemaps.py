"""Sitemaps (sitemaps.org): plain, compressed, and indexes of other sitemaps."""

from collections.abc import Callable

from scrapy.utils.gz import gunzip
from scrapy.utils.sitemap import Sitemap

from lectern.sources import addresses
from lectern.sources.crawl.fetching import FetchError, Web

_LARGEST = 50 * 1024 * 1024
"""Most bytes after decompression, as the protocol states."""
_MOST = 100
"""Most sitemaps that are read through one index."""


async def read(web: Web, url: str, allows: Callable[[str], bool]) -> list[str]:
    """The normalized addresses in a sitemap, or in the sitemaps that an index lists, sorted.

    Raises:
        FetchError: it cannot be fetched, or is not a sitemap. Parts of an index that cannot be read are left out.
    """
    found: dict[str, None] = {}
    asked = {url}
    waiting = [url]
    while waiting:
        here = waiting.pop(0)
        try:
            kind, listed = await _read_one(web, here, allows)
        except FetchError:
            if here == url:
                raise
            continue
        if kind == "sitemapindex":
            new = [part for part in listed if part not in asked and allows(part)][: _MOST - len(asked)]
            asked.update(new)
            waiting += new
        else:
            found |= dict.fromkeys(listed)
    return sorted(found)


async def _read_one(web: Web, url: str, allows: Callable[[str], bool]) -> tuple[str, list[str]]:
    response = await web.follow(url, allows, meta={"download_maxsize": _LARGEST})
    if response.status != 200:
        raise FetchError(f"HTTP {response.status}")
    try:
        packed = response.body[:2] == b"\x1f\x8b"
        body = gunzip(response.body, max_size=_LARGEST) if packed else response.body
        sitemap = Sitemap(body)
        listed = [addresses.canonical(entry["loc"], url) for entry in sitemap if entry.get("loc")]
    except Exception as error:  # lxml, zlib and Scrapy raise many kinds
        raise FetchError(f"is not a sitemap ({type(error).__name__})") from error
    if sitemap.type not in ("urlset", "sitemapindex"):
        raise FetchError("is not a sitemap")
    return sitemap.type, [address for address in listed if address]
