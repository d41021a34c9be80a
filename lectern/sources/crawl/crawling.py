"""The crawl of a site, level by level from its starts, so that the result does not depend on who answers first."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lectern.core import secrets
from lectern.core.errors import LecternError
from lectern.core.item import FATAL
from lectern.sources import addresses
from lectern.sources.addresses import Scope
from lectern.sources.crawl import browser, folding, pages, reading, robots, sitemaps
from lectern.sources.crawl.browser import Browser
from lectern.sources.crawl.fetching import FetchError, Web, redirect_of
from lectern.sources.crawl.frontier import Found, Frontier
from lectern.sources.crawl.job import Job, Report
from lectern.sources.crawl.journal import Journal, Visit, VisitOutcome
from lectern.sources.crawl.pages import Page

_MOST_REDIRECTS = 10
_AT_ONCE = 16
"""Most pages in memory. The job limits the requests to one host at a time."""


@dataclass
class Crawl:
    """A running crawl."""

    job: Job
    scope: Scope
    web: Web
    journal: Journal
    tell: Callable[[int, int], None]
    """Called with the numbers of addresses that are done and that are known."""
    known: dict[str, Page] = field(init=False)
    frontier: Frontier = field(init=False)
    rules: dict[str, asyncio.Task[robots.Rules]] = field(default_factory=dict)
    visits: dict[str, Visit] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.folder = Path(self.job.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.known = pages.read_all(self.folder)
        self.frontier = Frontier(self.scope, self.job.max_pages, self.job.max_alike)
        self.at_once = asyncio.Semaphore(_AT_ONCE)
        self.browser = _browser(self.job, self._ask_for_script)

    async def run(self) -> Report:
        """Crawl. Returns the report."""
        try:
            return await self._run()
        finally:
            if self.browser is not None:
                await self.browser.close()

    async def _run(self) -> Report:
        level = await self._starts()
        for depth in range(self.job.max_depth + 1):
            visits = await self._visit_level(level)
            seen = self.frontier.seen
            level = [Found(link, depth + 1, v.url) for v in visits for link in v.links if link not in seen]
        # Pages that no page links to any more may still exist, or be gone.
        await self._visit_level(
            [
                Found(page.url, page.depth, page.referrer or "", vouched=True)
                for page in self.known.values()
                if self.scope.keeps(page.url)
            ]
        )
        return self._settle()

    async def _starts(self) -> list[Found]:
        starts = [Found(url, 0, vouched=True, root=True) for url in self.job.start]
        for url in self.job.start:
            rules = await self._rules(url)
            if not rules.allow(url):
                reason = rules.closed or "its robots.txt does not allow it (`obey_robots`)"
                self.problems.append(f"{url}: {reason}")
        named, wanted = await self._sitemaps()
        for url in named:
            try:
                listed = await sitemaps.read(self.web, url, self.scope.allows_host)
            except FetchError as error:
                if url in wanted:
                    self.problems.append(f"{url}: {error}")
                continue
            starts += [Found(found, 0, vouched=True) for found in listed]
        return starts

    async def _sitemaps(self) -> tuple[list[str], set[str]]:
        """The sitemaps to read, and the set of those that must exist."""
        if self.job.sitemaps is not None:
            return self.job.sitemaps, set(self.job.sitemaps)
        named: dict[str, None] = {}
        for origin in sorted({addresses.origin(url) for url in self.job.start}):
            rules = await self._rules(origin)
            stated = [addresses.canonical(url, origin + "/") for url in rules.sitemaps] or [
                f"{origin}/sitemap.xml"
            ]
            named |= dict.fromkeys(
                url for url in stated if url and self.scope.allows_host(url) and rules.allow(url)
            )
        return list(named), set()

    async def _rules(self, url: str) -> robots.Rules:
        if not self.job.obey_robots:
            return robots.Rules()
        origin = addresses.origin(url)
        if origin not in self.rules:
            self.rules[origin] = asyncio.ensure_future(robots.read(self.web, origin))
        return await self.rules[origin]

    async def _visit_level(self, level: Sequence[Found]) -> list[Visit]:
        """Visit addresses, and those that they redirect to."""
        done: list[Visit] = []
        while level:
            admitted = await self.frontier.admit(level, self._is_allowed)
            self.tell(len(self.visits), self.frontier.admitted)
            visits = await asyncio.gather(*(self._visit(found) for found in admitted))
            done += visits
            level = [
                Found(
                    visit.target,
                    found.depth,
                    found.referrer,
                    (*found.chain, found.url),
                    found.vouched,
                    found.root,
                )
                for found, visit in zip(admitted, visits, strict=True)
                if visit.target is not None
            ]
        return done

    async def _is_allowed(self, url: str) -> bool:
        return (await self._rules(url)).allow(url)

    async def _visit(self, found: Found) -> Visit:
        visit = self.journal.visits.pop(found.url, None)
        if visit is None:
            async with self.at_once:
                try:
                    visit = await self._fetch(found)
                except FetchError as error:
                    visit = Visit(url=found.url, outcome="failed", note=str(error))
                except Exception as error:  # parsers may raise anything on a stranger's page
                    if isinstance(error, OSError) and error.errno in FATAL:
                        raise
                    visit = Visit(url=found.url, outcome="failed", note=f"{type(error).__name__}: {error}")
            if visit.outcome != "failed":
                self.journal.add(visit)
        if visit.outcome == "failed":
            self.failures[found.url] = visit.note
            if found.root:
                self.problems.append(f"{found.url}: {visit.note}")
        elif visit.note:
            self.notes.append(f"{found.url}: {visit.note}")
        self.visits[found.url] = visit.model_copy(
            update={"links": []}
        )  # the links of a large site would fill the memory
        self.tell(len(self.visits), self.frontier.admitted)
        return visit

    async def _fetch(self, found: Found) -> Visit:
        url, old = found.url, self.known.get(found.url)
        self._refuse_secrets(url)
        kept = pages.content(self.folder, old) if old else None
        response = await self.web.ask(
            url, self._conditions(old if kept is not None else None), self._wanted(url)
        )
        if (place := redirect_of(response)) is not None:
            return self._redirect(found, place)
        if response.status == 304 and old and kept is not None:
            return await self._read(found, old, kept, old.content_type, response)
        if response.status in (404, 410) and old:
            return Visit(url=url, outcome="gone", note=f"is gone (HTTP {response.status})")
        if response.status != 200:
            raise FetchError(f"HTTP {response.status}")
        content_type = _header(response, "Content-Type") or _guess(response)
        return await self._read(found, old, response.body, content_type, response)

    def _conditions(self, old: Page | None) -> dict[str, str]:
        """Headers that let the server answer that a page is unchanged, without sending it."""
        if old is None or old.rendered or self.job.refresh or self.job.render == "always":
            return {}
        stated = {"If-None-Match": old.etag, "If-Modified-Since": old.last_modified}
        return {name: value for name, value in stated.items() if value}

    def _wanted(self, url: str) -> Callable[[str], bool]:
        return lambda content_type: not content_type or self._ending(content_type, url) is not None

    def _ending(self, content_type: str, url: str) -> str | None:
        ending = pages.kind_of(content_type, url)
        return ending if ending == ".html" or self.job.documents else None

    def _redirect(self, found: Found, place: str) -> Visit:
        target = addresses.canonical(place, found.url)
        if target is None:
            raise FetchError("redirects to an address that is neither http nor https, or holds a user's name")
        self._refuse_secrets(target)
        if target == found.url or target in found.chain:
            raise FetchError("redirects in a circle")
        if len(found.chain) >= _MOST_REDIRECTS:
            raise FetchError("redirects on and on")
        if not self.scope.allows_host(target) and found.root:
            raise FetchError(
                f"redirects to {addresses.netloc(target)}, which is not one of the source's `hosts`"
            )
        if not self.scope.may_ask(target):
            return Visit(url=found.url, outcome="skipped")
        return Visit(url=found.url, outcome="redirect", target=target)

    async def _read(
        self, found: Found, old: Page | None, body: bytes, content_type: str, response: Any
    ) -> Visit:
        """Keep the page if it is to be kept. Returns the visit."""
        url, ending = found.url, self._ending(content_type, found.url)
        if ending is None:
            return Visit(url=url, outcome="skipped")
        if not body.strip():
            raise FetchError("is empty")
        self._refuse_secrets(body)
        canonical, links, note, rendered = None, [], "", False
        if ending == ".html":
            body, content_type, rendered, note = await self._render(found, old, body, content_type)
            self._refuse_secrets(body)
            read = reading.links(
                reading.parse(body, url, content_type),
                _header(response, "X-Robots-Tag"),
                self.job.obey_robots,
                self.job.documents,
            )
            canonical, links = read.canonical, read.found
            self._refuse_secrets(*links)
            if read.no_index:
                gone = "asks not to be indexed any more (noindex)"
                return Visit(
                    url=url, outcome="gone" if old else "noindex", links=links, note=gone if old else ""
                )
            if canonical is not None and self.scope.may_ask(canonical):
                links = sorted({*links, canonical})
        if not self.scope.keeps(url):
            return Visit(url=url, outcome="skipped", links=links)
        page = Page(
            url=url,
            asked=found.chain[0] if found.chain else url,
            status=200,
            content_type=content_type,
            etag=None if rendered else _header(response, "ETag") or None,
            last_modified=None if rendered else _header(response, "Last-Modified") or None,
            language=_header(response, "Content-Language") or None,
            depth=found.depth,
            referrer=found.referrer or None,
            rendered=rendered,
            file=pages.page_id(url) + ending,
            sha256=hashlib.sha256(body).hexdigest(),
        )
        self._refuse_secrets(page.model_dump_json())
        same = old is not None and (old.sha256, old.file) == (page.sha256, page.file)
        if old is not None and same:
            # Headers may change with each answer; that is no change of the page.
            place = {"asked": page.asked, "depth": page.depth, "referrer": page.referrer}
            page = old.model_copy(update=place)
        if page != old or pages.content(self.folder, page) is None:
            if old is not None and old.file != page.file:
                pages.remove(self.folder, old)
            pages.write(self.folder, page, body)
        outcome: VisitOutcome = "unchanged" if same else "changed" if old else "new"
        return Visit(url=url, outcome=outcome, links=links, canonical=canonical, page=page, note=note)

    def _refuse_secrets(self, *texts: str | bytes) -> None:
        """Raise FetchError if a text contains a secret of the source's headers, which a site may send back."""
        for text in texts:
            plain = text.decode("utf-8", "ignore") if isinstance(text, bytes) else text
            if any(secret and secrets.pattern(secret).search(plain) for secret in self.job.secrets):
                raise FetchError("contains a secret of `headers`, which may not be stored")

    def _masked(self, texts: Iterable[str]) -> list[str]:
        """Messages about addresses, sorted, with the secrets masked that a site may have sent back."""
        for secret in self.job.secrets:
            texts = [secrets.mask(text, secret) for text in texts]
        return sorted(texts)

    async def _render(
        self, found: Found, old: Page | None, body: bytes, content_type: str
    ) -> tuple[bytes, str, bool, str]:
        """The body, its content type, whether a browser rendered it, and a note."""
        as_it_came = body, content_type, False, ""
        if self.job.render == "never":
            return as_it_came
        page = reading.parse(body, found.url, content_type)
        said = reading.words(page)
        if self.job.render == "empty" and (said >= self.job.render_below or not reading.has_scripts(page)):
            return as_it_came
        if self.browser is None:
            if old is not None and old.rendered:
                raise FetchError(f"needs a browser: {browser.MISSING}")
            return body, content_type, False, f"has only {said} words and uses scripts, but {browser.MISSING}"
        html = (await self.browser.render(found.url, body, content_type)).encode("utf-8", "replace")
        made = "text/html; charset=utf-8"
        if self.job.render == "empty" and reading.words(reading.parse(html, found.url, made)) <= said:
            return as_it_came
        return html, made, True, ""

    async def _ask_for_script(self, url: str, method: str, headers: dict[str, str], body: bytes) -> Any:
        """Fetch what a page's scripts request: anything on the source's hosts, elsewhere only by reading methods."""

        def allows(address: str) -> bool:
            # A private host is allowed by name, but on other ports it may offer other services.
            named = self.scope.names_host(urlsplit(address).hostname or "")
            return self.scope.allows_host(address) or (method in ("GET", "HEAD", "OPTIONS") and not named)

        target = addresses.canonical(url)
        if target is None or not allows(target) or not await self._is_allowed(target):
            raise FetchError("may not be asked")
        return await self.web.subresource(url, allows, method=method, headers=headers, body=body)

    def _settle(self) -> Report:
        """Fold duplicates, keep or remove gone pages as the source says, and count."""
        counts: Counter[str] = Counter()
        folded = folding.fold(self.visits)
        present = pages.read_all(self.folder)
        for url, kept in sorted(folded.items()):
            if url in present:
                pages.remove(self.folder, present.pop(url))
                counts["folded"] += 1
                self.notes.append(f"{url}: is the same page as {kept}, which is kept")
        for url, visit in sorted(self.visits.items()):
            if visit.outcome == "gone" and self.job.gone == "remove" and url in present:
                pages.remove(self.folder, present.pop(url))
            if url not in folded:
                counts[visit.outcome] += 1
        pages.remove_halves(self.folder)
        counts["left out"] = len(self.frontier.beyond)
        counts["disallowed"] = len(self.frontier.disallowed)
        for form, number in sorted(self.frontier.alike.items()):
            self.notes.append(f"{number} addresses of the form {form} were left out (`max_alike`)")
        if not present and not self.problems:
            self.problems.append("no page was found to keep: correct `start`, `include` or `exclude`")
        return Report(
            pages=len(present),
            counts=dict(sorted(counts.items())),
            failures=self._masked(f"{url}: {reason}" for url, reason in self.failures.items()),
            problems=self._masked(self.problems),
            notes=self._masked(self.notes),
        )


def _header(response: Any, name: str) -> str:
    return (response.headers.get(name) or b"").decode("latin-1").strip()


def _guess(response: Any) -> str:
    """The content type of a response without Content-Type, by its bytes."""
    from scrapy.http import HtmlResponse

    return "text/html" if isinstance(response, HtmlResponse) else "application/octet-stream"


def _browser(job: Job, ask: browser.Ask) -> Browser | None:
    """The browser for a job; `None` if it needs none or there is none. It starts with the first page that needs it."""
    executable = browser.find() if job.render != "never" else None
    if executable is None and job.render == "always":
        raise LecternError(f"`render: always`, but {browser.MISSING}")
    return Browser(executable, ask, job.timeout, job.max_bytes) if executable else None
