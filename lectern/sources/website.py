"""Web sites: pages as they came, in data/sources/<name>, which `lectern update` alone crawls into; `fetch` copies them.

guide-9f86d081884c.html     the page as it came, or as a browser made it by running its scripts (or .pdf, .docx ...)
guide-9f86d081884c.json     its address, status, some headers, and where it was found (`lectern/sources/crawl/pages.py`)
"""

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from lectern.core.errors import LecternError
from lectern.core.io import write_json
from lectern.core.item import Item
from lectern.core.schema import Source
from lectern.sources import listing, template
from lectern.sources.crawl import addresses, job, pages, reading
from lectern.sources.crawl.addresses import Scope
from lectern.sources.listing import Updated
from lectern.sources.template import Template

FOLDER = Path("data/sources")
_SECRET_HEADERS = re.compile(
    r"(?i)(proxy-)?authorization|cookie|.*(token|key|secret|auth|session|password).*"
)


@dataclass(frozen=True)
class WebsiteParams:
    """An entry of `corpus.sources` with `kind: website`."""

    name: str
    """of the folder, data/sources/<name>; it holds nothing else"""
    start: list[str]
    """addresses to begin at"""
    sitemaps: list[str] | None = None
    """addresses of sitemaps, packed ones and indexes too; null takes those that robots.txt names, else /sitemap.xml"""
    hosts: list[str] = field(default_factory=list)
    """hosts whose pages count: `example.org`, `*.example.org` for all below it, `example.org:8080` for a port of its
    own; empty means those of `start`"""
    include: list[str] = field(default_factory=list)
    """regular expressions; only addresses that hold one of them are asked, besides `start`, and kept"""
    exclude: list[str] = field(default_factory=list)
    """regular expressions; an address that holds one of them is never asked"""
    max_depth: int = 10
    """links from the start"""
    max_pages: int = 1000
    """addresses asked in one crawl, at most"""
    max_alike: int = 200
    """addresses that differ in numbers or in values of the query only, as a calendar's do, at most; what a sitemap
    lists does not count"""
    delay: float = 1.0
    """seconds between requests to a host, and the first pause before a retry (each doubles); robots.txt may ask more"""
    concurrency: int = 4
    """requests to a host that may wait for their answers at a time"""
    retries: int = 2
    """further tries after a cut connection, or an answer such as 429 or 503"""
    longest_wait: float = 120.0
    """seconds: a site that asks for a longer pause is not waited for"""
    timeout: float = 30.0
    """seconds for a page, from the request to its last byte, and as many again to render it"""
    max_megabytes: float = 10.0
    """a larger page fails"""
    render: str = "empty"
    """run the scripts of pages in a headless Chromium: `never`, `always`, or `empty`, where it has hardly any words"""
    render_below: int = 50
    """words outside of menus, below which a page with scripts counts as empty"""
    documents: bool = False
    """keep PDF, DOCX, PPTX, EPUB, Markdown and text files that pages link to"""
    gone: str = "keep"
    """`keep` or `remove` pages that the site answers with 404 or 410 by now"""
    obey_robots: bool = True
    """keep to robots.txt, noindex and nofollow; false is for a site of your own"""
    allow_private: bool = False
    """let the `hosts` be in a private network, or on this machine"""
    headers: dict[str, str] = field(default_factory=dict)
    """sent to `hosts` only; {LECTERN_X} in a value stands for that environment variable"""
    kind: str = "website"

    def __post_init__(self) -> None:
        listing.check_name(self.name)
        if not self.start:
            raise ValueError("start is empty; it lists the addresses to begin at")
        for url in [*self.start, *(self.sitemaps or [])]:
            template.check_url(url)
            if Template(url).is_private or addresses.canonical(url) is None:
                raise ValueError(
                    f"{template.without_secrets(url)!r} is no address of a page; secrets go into `headers`"
                )
        for host in self.hosts:
            addresses.check_host(host)
        for pattern in [*self.include, *self.exclude]:
            _check_pattern(pattern)
        for key in ("max_depth", "delay", "retries", "longest_wait", "render_below"):
            if getattr(self, key) < 0:
                raise ValueError(f"{key} is {getattr(self, key)}; it may not be negative")
        for key in ("max_pages", "max_alike", "concurrency", "timeout", "max_megabytes"):
            if getattr(self, key) <= 0:
                raise ValueError(f"{key} is {getattr(self, key)}; it must be above 0")
        for key, choices in (("render", job.RENDER), ("gone", job.GONE)):
            if getattr(self, key) not in choices:
                raise ValueError(f"{key} is {getattr(self, key)!r}; it is one of {', '.join(choices)}")
        for header, value in self.headers.items():
            _check_header(header, value)


def list_items(source: WebsiteParams) -> Iterator[Item]:
    """Yield an item for each page that is kept and belongs to the source. Asks no site.

    Raises:
        LecternError: there is no page, or a file is not one.
    """
    folder = FOLDER / source.name
    found = pages.read_all(folder) if folder.is_dir() else {}
    scope = _scope(source)
    chosen = [page for page in found.values() if scope.keeps(page.url)]
    if not chosen:
        what = (
            f"not one of the {len(found)} pages in it fits hosts, include and exclude"
            if found
            else "has no page"
        )
        raise LecternError(
            f"{folder}: {what}. `lectern update` crawls the site of the source {source.name!r}."
        )
    for page in chosen:
        path = folder / page.file
        if not path.is_file():
            raise LecternError(
                f"{path} is missing. `dvc checkout` restores it, `lectern update` fetches it again."
            )
        values = {"url": page.url, "content_type": page.content_type, "extension": path.suffix}
        yield Item(pages.page_id(page.url), {"page": path}, values | {"language": page.language})


def fetch_item(item: Item, out: Path) -> Mapping[str, Any]:
    """Copy the page into the folder `out`, with `item.json`.

    A page whose encoding only the server knew is written in UTF-8 with its mark, since whoever reads it sees no header.
    """
    out.mkdir()
    body, url = item.inputs["page"].read_bytes(), item.values["url"]
    known: Mapping[str, str | None] = {}
    if item.values["extension"] == ".html":
        document = "page.html"
        page = reading.parse(body, url, item.values["content_type"])
        known = reading.about(page)
        if reading.is_readable_alone(page):
            shutil.copyfile(item.inputs["page"], out / document)
        else:
            (out / document).write_text(page.text, encoding="utf-8-sig", newline="")
    else:
        document = "document" + item.values["extension"]
        shutil.copyfile(item.inputs["page"], out / document)
    stated = (item.values["language"] or "").partition(",")[0].partition("-")[0].strip().lower()
    source = Source(
        item=item.id,
        kind="website",
        title=known.get("title")
        or unquote(urlsplit(url).path.rstrip("/").rpartition("/")[2])
        or urlsplit(url).netloc,
        url=url,
        document=document,
        author=known.get("author"),
        published=known.get("published"),
        licence=known.get("licence"),
        language=known.get("language") or (stated if re.fullmatch(r"[a-z]{2,3}", stated) else None),
    )
    write_json(out / "item.json", source)
    return {"bytes": (out / document).stat().st_size}


def update(source: WebsiteParams, refresh: bool) -> Updated:
    """Crawl the site into data/sources/<name>.

    Pages that have not changed are not sent again, except with `refresh`. One that fails is reported; the others go on.

    Raises:
        ItemError: a secret is not set.
        LecternError: the crawl could not go on.
    """
    folder = FOLDER / source.name
    report = job.run(
        job.Job(
            folder=str(folder),
            scratch=str(folder.with_name(f".{source.name}.tmp")),
            start=[url for url in map(addresses.canonical, source.start) if url],
            sitemaps=None
            if source.sitemaps is None
            else [u for u in map(addresses.canonical, source.sitemaps) if u],
            hosts=list(_scope(source).hosts),
            include=source.include,
            exclude=source.exclude,
            max_depth=source.max_depth,
            max_pages=source.max_pages,
            max_alike=source.max_alike,
            delay=source.delay,
            concurrency=source.concurrency,
            retries=source.retries,
            longest_wait=source.longest_wait,
            timeout=source.timeout,
            max_bytes=int(source.max_megabytes * 1e6),
            render=source.render,
            render_below=source.render_below,
            documents=source.documents,
            gone=source.gone,
            obey_robots=source.obey_robots,
            allow_private=source.allow_private,
            headers={name: Template(value).expand() for name, value in source.headers.items()},
            secrets=[os.environ[name] for value in source.headers.values() for name in Template(value).names],
            refresh=refresh,
        ),
        source.name,
    )
    counted = [f"{report.counts.get(outcome, 0)} {outcome}" for outcome in ("new", "changed", "unchanged")]
    counted += [
        f"{n} {outcome}" for outcome in ("gone", "failed", *_RARE) if (n := report.counts.get(outcome, 0))
    ]
    line = f"{source.name}: {report.pages} pages: {', '.join(counted)}"
    if report.counts.get("new") or report.counts.get("changed"):
        line += f". `dvc add {folder}` keeps them"
    asides = [text for text in [*report.failures, *report.notes] if text not in report.problems]
    return Updated(line, report.problems, asides)


_RARE = ("folded", "noindex", "disallowed", "left out")


def _scope(source: WebsiteParams) -> Scope:
    starts = [addresses.netloc(url) for url in map(addresses.canonical, source.start) if url]
    return Scope(tuple(source.hosts or dict.fromkeys(starts)), tuple(source.include), tuple(source.exclude))


def _check_pattern(pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} in include or exclude is no regular expression ({error})") from error


def _check_header(name: str, value: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9-]+", name) or not value.isprintable():
        raise ValueError(f"headers: {name!r} is no header's name, or its value holds a line break")
    named = Template(value).names
    if any(not variable.startswith("LECTERN_") for variable in named):
        raise ValueError(f"headers: {name}: only variables named LECTERN_... are put into headers")
    if _SECRET_HEADERS.fullmatch(name) and not named:
        raise ValueError(
            f"headers: {name} holds a secret, which git would keep. Write {{LECTERN_SITE_TOKEN}} (or another name that "
            "begins with LECTERN_) in its place and set that variable in the environment"
        )
