"""Web sites: pages as they came, in data/sources/<name>, which `lectern update` alone crawls into; `fetch` copies them.

guide-9f86d081884c.html     the page as fetched, or as a browser made it by running its scripts (or .pdf, .docx ...)
guide-9f86d081884c.json     its address, status, some headers, and where it was found (`lectern/sources/crawl/pages.py`)
"""

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from lectern.core.errors import LecternError
from lectern.core.io import write_json
from lectern.core.item import Item
from lectern.core.schema import Source
from lectern.settings.sources import WebsiteSource
from lectern.sources import addresses
from lectern.sources.addresses import Scope
from lectern.sources.crawl import job, pages, reading
from lectern.sources.listing import Updated
from lectern.sources.template import Template

FOLDER = Path("data/sources")


def list_items(source: WebsiteSource) -> Iterator[Item]:
    """Yield an item for each stored page that belongs to the source. Sends no request.

    Raises:
        LecternError: there is no page, or a file is not one.
    """
    folder = FOLDER / source.name
    found = pages.read_all(folder) if folder.is_dir() else {}
    scope = _scope(source)
    chosen = [page for page in found.values() if scope.keeps(page.url)]
    if not chosen:
        what = (
            f"none of the {len(found)} pages in it fits hosts, include and exclude"
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

    If only the server's header states the encoding of a page, the copy is in UTF-8 with a byte order mark, since its
    readers do not see the header.
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


def update(source: WebsiteSource, refresh: bool) -> Updated:
    """Crawl the site into data/sources/<name>.

    Unchanged pages are not downloaded again, except with `refresh`. A page that fails is reported; the others go on.

    Raises:
        ItemError: a secret is not set.
        LecternError: the crawl had to stop.
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


def _scope(source: WebsiteSource) -> Scope:
    starts = [addresses.netloc(url) for url in map(addresses.canonical, source.start) if url]
    return Scope(tuple(source.hosts or dict.fromkeys(starts)), tuple(source.include), tuple(source.exclude))
