"""Read what a page tells a crawler: its links, its metadata, and what it asks crawlers not to do."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from lectern.sources import addresses
from lectern.sources.crawl import pages

# Elements around the main text on every page of a site, and elements that hold no text.
_AROUND = " or ".join(
    f"self::{tag}"
    for tag in ("script", "style", "noscript", "template", "svg", "nav", "header", "footer", "aside")
)
# In scripts without spaces, each character counts as a word.
_WORD = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]|[^\W_]+")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_BASE = re.compile(r"<base\b[^>]*>", re.IGNORECASE)
_CODE = re.compile(r"[A-Za-z]{2,3}")


@dataclass(frozen=True)
class Links:
    """The links of a page, and its wishes."""

    found: list[str]
    """Normalized addresses, sorted; empty if the page asks not to follow them."""
    canonical: str | None
    """The address that the page names as its canonical one, if it is another."""
    no_index: bool
    """Whether the page asks not to be indexed."""


def parse(body: bytes, url: str, content_type: str) -> Any:
    """A page parsed by Scrapy, in the encoding that a browser would use (a header overrides the page itself)."""
    from scrapy.http import HtmlResponse
    from scrapy.utils.response import get_base_url

    page = HtmlResponse(url, body=body, headers={"Content-Type": content_type})
    try:
        get_base_url(page)
    except ValueError:  # the address of <base> is malformed, and Scrapy would read nothing
        return page.replace(body=_BASE.sub("", page.text).encode(page.encoding, "replace"))
    return page


def links(page: Any, robots_header: str, obey: bool, documents: bool) -> Links:
    """The links of a parsed page.

    Args:
        page: as `parse` returned it.
        robots_header: its X-Robots-Tag; empty without one.
        obey: whether to obey noindex and nofollow, in the page, its header and single links.
        documents: whether to include links to PDF and similar files.
    """
    from scrapy.linkextractors import IGNORED_EXTENSIONS, LinkExtractor
    from w3lib.html import get_meta_refresh

    kept = {ending.removeprefix(".") for ending in pages.DOCUMENTS.values()} if documents else set()
    extractor = LinkExtractor(deny_extensions=[e for e in IGNORED_EXTENSIONS if e not in kept])
    stated = " ".join([robots_header, *_meta(page, "robots")]).lower()
    asked = set(re.split(r"[\s,;:]+", stated)) if obey else set()
    targets = [link.url for link in extractor.extract_links(page) if not (obey and link.nofollow)]
    with suppress(ValueError):  # the refresh address may be malformed
        targets.append(get_meta_refresh(page.text, page.url, page.encoding)[1] or "")
    found = {addresses.canonical(target, page.url) for target in targets if target}
    real = page.xpath(
        "//link[contains(concat(' ', translate(@rel, 'CANOIL', 'canoil'), ' '), ' canonical ')]/@href"
    )
    canonical = addresses.canonical(real[0].get(), page.url) if real else None
    return Links(
        found=[] if asked & {"nofollow", "none"} else sorted(url for url in found if url and url != page.url),
        canonical=canonical if canonical != page.url else None,
        no_index=bool(asked & {"noindex", "none"}),
    )


def is_readable_alone(page: Any) -> bool:
    """Whether a page reads the same without the server's headers: it is UTF-8, or declares its encoding itself."""
    from w3lib.encoding import html_body_declared_encoding

    if html_body_declared_encoding(page.body) is not None:
        return bool(parse(page.body, page.url, "text/html").text == page.text)
    try:
        return bool(page.body.decode("utf-8-sig") == page.text)
    except UnicodeDecodeError:
        return False


def words(page: Any) -> int:
    """The number of words outside of menus, headers and footers."""
    texts = page.xpath(f"//body//text()[not(ancestor::*[{_AROUND}])]").getall()
    return sum(len(_WORD.findall(text)) for text in texts)


def has_scripts(page: Any) -> bool:
    """Whether the page would run scripts."""
    return bool(page.xpath("//script[not(@type) or contains(@type, 'javascript') or @type='module']"))


def about(page: Any) -> Mapping[str, str | None]:
    """Title, author, day of publication, licence and language, as far as the page states them."""
    heading = " ".join(page.xpath("(//h1)[1]//text()").getall())
    titles = [
        _plain(text) for text in (*page.xpath("//head/title/text() | //title/text()").getall(), heading)
    ]
    day = _DAY.match(_first(_meta(page, "article:published_time", "datePublished", "date", "dc.date")) or "")
    code = _CODE.match(page.xpath("/html/@lang").get() or "")
    return {
        "title": _first(titles),
        "author": _first(_meta(page, "author", "dc.creator")),
        "published": day[0] if day else None,
        "licence": page.xpath("//link[@rel='license']/@href | //a[@rel='license']/@href").get(),
        "language": code[0].lower() if code else None,
    }


def _meta(page: Any, *names: str) -> list[str]:
    """The content of the `meta` elements of these names, in the order of the names."""
    stated = [
        (next((tag.attrib[key] for key in ("name", "property", "itemprop") if key in tag.attrib), ""), tag)
        for tag in page.xpath("//meta[@content]")
    ]
    return [
        _plain(tag.attrib["content"])
        for name in names
        for said, tag in stated
        if said.lower() == name.lower()
    ]


def _first(texts: Sequence[str]) -> str | None:
    return next((text for text in texts if text), None)


def _plain(text: str) -> str:
    """The text on one line, without characters that control a terminal."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
