"""A crawl in this process over a site that is a dictionary: what becomes of each kind of answer, word by word."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lectern.core.errors import LecternError
from lectern.sources.addresses import Scope
from lectern.sources.crawl import browser, journal, pages
from lectern.sources.crawl.job import Job, Report
from tests.support.lazily import Lazily

crawling, fetching, robots, sitemaps = (
    Lazily(f"lectern.sources.crawl.{name}") for name in ("crawling", "fetching", "robots", "sitemaps")
)

HTML = {"Content-Type": "text/html"}


def answer(body: str | bytes = b"", status: int = 200, **headers: str) -> dict[str, Any]:
    data = body.encode() if isinstance(body, str) else body
    named = {name.replace("_", "-"): value for name, value in headers.items()} or dict(HTML)
    return {"body": data, "status": status, "headers": {k: v for k, v in named.items() if v}}


class Web:
    """Answers from a dictionary, and keeps what it was asked."""

    delay, longest_wait = 0.5, 10.0

    def __init__(self, site: Mapping[str, Any], scope: Scope) -> None:
        self.site, self.scope = site, scope
        self.asked: list[tuple[str, Mapping[str, str]]] = []
        self.pauses: list[tuple[str, float]] = []
        self.options: list[Any] = []

    async def ask(self, url: str, headers: Any = None, wanted: Any = None, **options: Any) -> Any:
        from scrapy.http import HtmlResponse, Response

        self.asked.append((url, headers or {}))
        self.options.append(options)
        found = self.site.get(url, answer(status=404))
        if isinstance(found, str | Exception):
            raise fetching.FetchError(found) if isinstance(found, str) else found
        kind = found["headers"].get("Content-Type", "")
        body = b"" if wanted is not None and not wanted(kind) else found["body"]
        made = HtmlResponse if "html" in kind or body.startswith(b"<html") else Response
        return made(url, status=found["status"], headers=found["headers"], body=body)

    async def follow(self, url: str, allows: Any, **options: Any) -> Any:
        return await self.ask(url, **options)

    async def subresource(self, url: str, allows: Any, **options: Any) -> Any:
        self.options.append((allows("http://h/"), allows("http://other/"), allows("http://h:8080/")))
        return await self.ask(url, **options)

    def pause(self, place: str, delay: float) -> None:
        self.pauses.append((place, delay))


def job(folder: Path, **values: Any) -> Job:
    usual: dict[str, Any] = {
        "folder": str(folder / "pages"), "scratch": str(folder / ".pages.tmp"), "start": ["http://h/"], "sitemaps": [],
        "hosts": ["h"], "include": [], "exclude": [], "max_depth": 3, "max_pages": 100, "max_alike": 100, "delay": 0.0,
        "concurrency": 1, "retries": 0, "longest_wait": 1.0, "timeout": 1.0, "max_bytes": 1000, "render": "never",
        "render_below": 5, "documents": True, "gone": "keep", "obey_robots": False, "allow_private": False,
        "headers": {}, "secrets": [], "refresh": False,
    }  # fmt: skip
    return Job(**{**usual, **values})


def crawl(
    folder: Path, site: Mapping[str, Any], *, rendering: Any = None, **values: Any
) -> tuple[Report, Web]:
    chosen = job(folder, **values)
    scope = Scope(tuple(chosen.hosts), tuple(chosen.include), tuple(chosen.exclude))
    web = Web(site, scope)
    with journal.opened(chosen) as opened:
        made: Any = crawling.Crawl(chosen, scope, web, opened, lambda *_: None)  # type: ignore[arg-type]
        if rendering is not None:
            made.browser = rendering
        return asyncio.run(made.run()), web


def kept(folder: Path) -> dict[str, pages.Page]:
    return pages.read_all(folder / "pages")


def links(*urls: str, text: str = "words") -> str:
    return f"<html><body>{text} {' '.join(f'<a href={url!r}>x</a>' for url in urls)}</body></html>"


def test_each_answer_has_its_outcome_and_the_report_counts_them(tmp_path: Path) -> None:
    names = (
        "a",
        "gone",
        "broken",
        "moved",
        "far",
        "empty",
        "film",
        "paper.pdf",
        "plain",
        "no",
        "circle",
        "cut",
        "odd",
    )
    site = {
        "http://h/": answer(links(*names)),
        "http://h/a": answer(
            links(text="one"), Content_Type="text/html", ETag='"1"', Last_Modified="Mon", Content_Language="en"
        ),
        "http://h/gone": answer(status=410),
        "http://h/broken": answer(status=500),
        "http://h/moved": answer(status=301, Location="/target"),
        "http://h/target": answer(links(text="two")),
        "http://h/far": answer(status=302, Location="http://other/"),
        "http://h/empty": answer(" \n"),
        "http://h/film": answer(b"x", Content_Type="video/mp4"),
        "http://h/paper.pdf": answer(b"%PDF", Content_Type="application/octet-stream"),
        "http://h/plain": answer("a text", Content_Type="text/plain; charset=utf-8"),
        "http://h/no": answer(f"<meta name=robots content=noindex>{links('b')}"),
        "http://h/circle": answer(status=302, Location="circle"),
        "http://h/cut": "the connection was cut",
        "http://h/odd": answer(links(text="three"), Content_Type=""),
        "http://h/b": answer(links(text="four")),
    }  # fmt: skip
    report, _ = crawl(tmp_path, site)
    assert report.pages == 8
    assert report.counts == {
        "new": 8, "failed": 5, "skipped": 2, "left out": 0, "disallowed": 0
    }  # fmt: skip
    assert report.failures == [
        "http://h/broken: HTTP 500", "http://h/circle: redirects in a circle", "http://h/cut: the connection was cut",
        "http://h/empty: is empty", "http://h/gone: HTTP 410",
    ]  # fmt: skip
    assert (report.problems, report.notes) == ([], [])
    found = kept(tmp_path)
    assert sorted(found) == [
        f"http://h/{name}" for name in ("", "a", "b", "no", "odd", "paper.pdf", "plain", "target")
    ]
    named = [found[f"http://h/{name}"] for name in ("", "target", "b")]
    assert {page.url: (page.depth, page.referrer, page.asked) for page in named} == {
        "http://h/": (0, None, "http://h/"), "http://h/target": (1, "http://h/", "http://h/moved"),
        "http://h/b": (2, "http://h/no", "http://h/b"),
    }  # fmt: skip
    page = found["http://h/a"]
    assert (page.etag, page.last_modified, page.language, page.status, page.rendered) == (
        '"1"',
        "Mon",
        "en",
        200,
        False,
    )
    assert found["http://h/odd"].content_type == "text/html"
    assert found["http://h/paper.pdf"].file.endswith(".pdf")
    # a second crawl asks whether pages changed, and counts what it finds
    changed = {
        **site, "http://h/a": answer(status=304), "http://h/plain": answer("another text", Content_Type="text/plain"),
        "http://h/b": answer(status=404), "http://h/": answer(links(*names, "new")),
        "http://h/new": answer(links(text="five")),
    }  # fmt: skip
    before = {path.name: path.read_bytes() for path in (tmp_path / "pages").iterdir()}
    report, web = crawl(tmp_path, changed)
    assert report.counts == {
        "new": 1, "changed": 2, "unchanged": 5, "gone": 1, "failed": 5, "skipped": 2, "left out": 0,
        "disallowed": 0,
    }  # fmt: skip
    assert report.notes == ["http://h/b: is gone (HTTP 404)"]
    assert dict(web.asked)["http://h/a"] == {"If-None-Match": '"1"', "If-Modified-Since": "Mon"}
    assert dict(web.asked)["http://h/new"] == {}
    assert "http://h/b" in kept(tmp_path)
    after = {path.name: path.read_bytes() for path in (tmp_path / "pages").iterdir()}
    stem = pages.page_id("http://h/a")
    assert {name: data for name, data in before.items() if name.startswith(stem)} == {
        name: data for name, data in after.items() if name.startswith(stem)
    }
    # `gone: remove` removes, and `refresh` asks for every page anew
    report, web = crawl(tmp_path, changed, gone="remove", refresh=True)
    assert "http://h/b" not in kept(tmp_path)
    assert not any(headers for _, headers in web.asked)


def test_without_documents_only_pages_are_kept_and_robots_are_obeyed_where_they_are(tmp_path: Path) -> None:
    site = {
        "http://h/robots.txt": answer(
            "User-agent: *\nDisallow: /b\nSitemap: /map.xml\n", Content_Type="text/plain"
        ),
        "http://h/map.xml": answer(
            "<urlset><url><loc>http://h/listed</loc></url><url><loc>http://other/</loc></url></urlset>",
            Content_Type="application/xml",
        ),
        "http://h/": answer(links("a", "b", "n", "t.txt")),
        "http://h/a": answer(links(text="one")),
        "http://h/b": answer(links(text="two")),
        "http://h/t.txt": answer("text", Content_Type="text/plain"),
        "http://h/n": answer(links("hidden"), Content_Type="text/html", X_Robots_Tag="noindex, nofollow"),
        "http://h/hidden": answer(links(text="three")),
        "http://h/listed": answer(links(text="four")),
    }
    report, web = crawl(tmp_path, site, documents=False, obey_robots=True, sitemaps=None)
    assert sorted(kept(tmp_path)) == ["http://h/", "http://h/a", "http://h/listed"]
    assert report.counts == {"new": 3, "noindex": 1, "skipped": 1, "left out": 0, "disallowed": 1}
    assert [url for url, _ in web.asked][:2] == ["http://h/robots.txt", "http://h/map.xml"]
    assert kept(tmp_path)["http://h/listed"].referrer is None
    # a page that asks not to be indexed any more is gone
    report, _ = crawl(
        tmp_path, {**site, "http://h/a": answer(links(text="one"), Content_Type="text/html", X_Robots_Tag="none")},
        documents=False, obey_robots=True, sitemaps=None, gone="remove",
    )  # fmt: skip
    assert report.notes == ["http://h/a: asks not to be indexed any more (noindex)"]
    assert "http://h/a" not in kept(tmp_path)
    closed = {**site, "http://h/robots.txt": answer("User-agent: *\nDisallow: /", Content_Type="text/plain")}
    report, _ = crawl(tmp_path / "closed", closed, obey_robots=True)
    assert report.problems == ["http://h/: its robots.txt does not allow it (`obey_robots`)"]
    assert (report.pages, report.counts["disallowed"]) == (0, 1)


def test_what_a_start_or_the_limits_leave_out_is_told(tmp_path: Path) -> None:
    site = {"http://h/": answer(links(*(f"p{n}" for n in range(6)), "q/1", "deep"))}
    site |= {f"http://h/p{n}": answer(links(text=f"page {n}")) for n in range(6)}
    site |= {"http://h/q/1": answer(links(text="q")), "http://h/deep": answer(links("deeper"))}
    report, _ = crawl(tmp_path / "alike", site, max_alike=2)
    assert report.notes == ["4 addresses of the form h/p0 were left out (`max_alike`)"]
    assert sum(url.startswith("http://h/p") for url in kept(tmp_path / "alike")) == 2
    report, _ = crawl(tmp_path / "few", site, max_pages=3)
    assert (report.pages, report.counts["left out"]) == (3, 7)
    report, web = crawl(tmp_path / "flat", site, max_depth=0)
    assert [url for url, _ in web.asked] == ["http://h/"]
    report, web = crawl(tmp_path / "flat1", site, max_depth=1)
    assert "http://h/deeper" not in dict(web.asked)
    report, _ = crawl(tmp_path / "in", site, include=["/p[01]"], exclude=["p1"])
    assert sorted(kept(tmp_path / "in")) == ["http://h/p0"]
    report, _ = crawl(tmp_path / "none", {"http://h/": "no such host"})
    assert report.problems == ["http://h/: no such host"]
    report, _ = crawl(tmp_path / "nothing", site, include=["/nothing"])
    assert report.problems == ["no page was found to keep: correct `start`, `include` or `exclude`"]
    report, _ = crawl(tmp_path / "far", {"http://h/": answer(status=301, Location="http://other/")})
    assert report.problems == ["http://h/: redirects to other, which is not one of the source's `hosts`"]
    report, _ = crawl(tmp_path / "user", {"http://h/": answer(status=301, Location="mailto:a@b")})
    assert report.problems == [
        "http://h/: redirects to an address that is neither http nor https, or holds a user's name"
    ]
    round_trip = {f"http://h/{n}": answer(status=301, Location=f"/{n + 1}") for n in range(20)}
    report, web = crawl(tmp_path / "on", round_trip, start=["http://h/0"])
    assert report.problems == ["http://h/10: redirects on and on"]
    assert len(web.asked) == 11


def test_pages_at_several_addresses_are_kept_once(tmp_path: Path) -> None:
    site = {
        "http://h/": answer(links("a", "b", "c")),
        "http://h/a": answer("<html><head><link rel=canonical href=/c></head><body>one</body></html>"),
        "http://h/b": answer(links(text="same")),
        "http://h/c": answer(links("d", text="two")),
        "http://h/d": answer(links(text="same")),
    }
    report, _ = crawl(tmp_path, site)
    assert sorted(kept(tmp_path)) == ["http://h/", "http://h/b", "http://h/c"]
    assert report.counts == {"new": 3, "folded": 2, "left out": 0, "disallowed": 0}
    assert report.notes == [
        "http://h/a: is the same page as http://h/c, which is kept",
        "http://h/d: is the same page as http://h/b, which is kept"
    ]  # fmt: skip


def test_a_secret_that_a_site_sends_back_is_not_stored(tmp_path: Path) -> None:
    site = {
        "http://h/": answer(links("a", "b?key=hush123", "c", "d")), "http://h/a": answer(links(text="hush123")),
        "http://h/c": answer(links(text="x"), Content_Type="text/html", ETag="hush123"),
        "http://h/d": answer(links(text="fine")),
    }  # fmt: skip
    report, _ = crawl(tmp_path, {**site, "http://h/": answer(links("a", "c", "d"))}, secrets=["hush123", ""])
    assert sorted(kept(tmp_path)) == ["http://h/", "http://h/d"]
    assert report.failures == [
        f"http://h/{name}: contains a secret of `headers`, which may not be stored" for name in ("a", "c")
    ]
    report, _ = crawl(tmp_path / "links", site, secrets=["hush123"])
    assert report.problems == ["http://h/: contains a secret of `headers`, which may not be stored"]
    report, _ = crawl(tmp_path / "told", {"http://h/": "said hush123"}, secrets=["hush123"])
    assert report.problems == ["http://h/: said ***"]


def test_pages_that_scripts_make_are_rendered_where_there_is_a_browser(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browser, "find", lambda: "/usr/bin/chromium")  # the stand-in below takes its place
    script = "<html><body>two words<script>1</script></body></html>"
    plain = "<html><body>two words</body></html>"
    many = "<html><body>more than five words are here<script>1</script></body></html>"

    class Rendering:
        made = "<html><body>what the scripts of {} wrote<a href='new'>x</a></body></html>"
        asked: list[tuple[str, bytes, str]] = []  # noqa: RUF012
        closed = False

        async def render(self, url: str, body: bytes, kind: str) -> str:
            self.asked.append((url, body, kind))
            return "<html><body>a word</body></html>" if url.endswith("less") else self.made.format(url)

        async def close(self) -> None:
            self.closed = True

    rendering = Rendering()
    site = {
        "http://h/": answer(script), "http://h/plain": answer(plain), "http://h/many": answer(many),
        "http://h/less": answer(script.replace("two", "less")), "http://h/new": answer(plain.replace("two", "new")),
    }  # fmt: skip
    start = [url for url in site if not url.endswith("new")]
    crawl(tmp_path, site, rendering=rendering, render="empty", start=start)
    assert rendering.closed
    assert sorted(url for url, *_ in rendering.asked) == ["http://h/", "http://h/less"]
    found = kept(tmp_path)
    assert {url for url, page in found.items() if page.rendered} == {"http://h/"}
    assert found["http://h/"].content_type == "text/html; charset=utf-8"
    assert (
        pages.content(tmp_path / "pages", found["http://h/"]) == Rendering.made.format("http://h/").encode()
    )
    assert "http://h/new" in found, "links that scripts make are followed"
    # a rendered page is always asked for whole, and without a browser it is left as it is
    _, web = crawl(tmp_path, site, rendering=rendering, render="always", start=start)
    assert {url for url, page in kept(tmp_path).items() if page.rendered} == {*start, "http://h/new"}
    assert not any(headers for _, headers in web.asked)


def test_without_a_browser_it_is_told_what_one_would_be_needed_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browser, "find", lambda: None)
    script = "<html><body>two words<script>1</script></body></html>"
    report, _ = crawl(tmp_path, {"http://h/": answer(script)}, render="empty")
    assert report.notes == [f"http://h/: has only 2 words and uses scripts, but {browser.MISSING}"]
    assert report.pages == 1
    with pytest.raises(LecternError) as caught:
        crawl(tmp_path, {"http://h/": answer(script)}, render="always")
    assert str(caught.value) == f"`render: always`, but {browser.MISSING}"


def test_scripts_ask_the_sources_hosts_anything_and_others_only_to_read(tmp_path: Path) -> None:
    async def ask(method: str, url: str) -> Any:
        chosen = job(tmp_path)
        web = Web({url: answer("x")}, Scope(("h",)))
        with journal.opened(chosen) as opened:
            made: Any = crawling.Crawl(chosen, web.scope, web, opened, lambda *_: None)  # type: ignore[arg-type]
            await made._ask_for_script(url, method, {"accept": "*/*"}, b"body")
        return web

    web = asyncio.run(ask("POST", "http://h/api"))
    assert web.asked == [("http://h/api", {"accept": "*/*"})]
    assert web.options == [(True, False, False), {"method": "POST", "body": b"body"}]
    assert asyncio.run(ask("GET", "http://other/api")).options[0] == (True, True, False)
    for method, url in (
        ("POST", "http://other/api"),
        ("GET", "http://h:8080/"),
        ("GET", "file:///etc/passwd"),
    ):
        with pytest.raises(fetching.FetchError, match=r"^may not be asked$"):
            asyncio.run(ask(method, url))


def read_robots(site: Mapping[str, Any]) -> tuple[Any, Web]:
    web = Web(site, Scope(("h",)))
    return asyncio.run(robots.read(web, "http://h")), web  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("found", "closed"),
    [
        (answer(status=404), None), (answer(status=403), None), (answer(status=428), None),
        (answer(status=429), "its robots.txt cannot be fetched (HTTP 429)"),
        (answer(status=500), "its robots.txt cannot be fetched (HTTP 500)"),
        ("no such host", "its robots.txt cannot be fetched (no such host)"),
        (answer("User-agent: *\nCrawl-delay: 10"), None),
        (answer("User-agent: *\nCrawl-delay: 11"), "its robots.txt asks for 11 s between requests (`longest_wait`)"),
    ],
)  # fmt: skip
def test_a_robots_txt_that_cannot_be_had_or_asks_too_much_closes_its_host(
    found: Any, closed: str | None
) -> None:
    rules, web = read_robots({"http://h/robots.txt": found})
    assert rules.closed == closed
    assert rules.allow("http://h/a") is (closed is None)
    assert web.pauses == ([("h", 10.0)] if rules.delay == 10 else [])
    assert [url for url, _ in web.asked] == ["http://h/robots.txt"]


def test_the_pause_and_the_sitemaps_of_a_robots_txt() -> None:
    text = (
        "User-agent: *\nCrawl-delay: 0.5\nDisallow: /x\n\nSitemap: http://h/1.xml\nSitemap: http://h/2.xml\n"
    )
    rules, web = read_robots({"http://h/robots.txt": answer(text)})
    assert (rules.sitemaps, rules.delay, web.pauses) == (["http://h/1.xml", "http://h/2.xml"], 0.5, [])
    assert (rules.allow("http://h/x"), rules.allow("http://h/y")) == (False, True)
    assert (robots.Rules().sitemaps, robots.Rules().delay) == ([], 0.0)


def read_map(site: Mapping[str, Any], url: str = "http://h/map.xml") -> list[str]:
    web = Web(site, Scope(("h",)))
    return asyncio.run(sitemaps.read(web, url, web.scope.allows_host))  # type: ignore[arg-type]


def urlset(*urls: str) -> str:
    return f"<urlset>{''.join(f'<url><loc>{url}</loc></url>' for url in urls)}</urlset>"


def index(*urls: str) -> str:
    return f"<sitemapindex>{''.join(f'<sitemap><loc>{url}</loc></sitemap>' for url in urls)}</sitemapindex>"


def test_sitemaps_are_read_through_their_index_packed_or_not() -> None:
    import gzip

    site = {
        "http://h/map.xml": answer(index("http://h/b.gz", "/a.xml", "http://h/map.xml", "http://other/c.xml", "http://h/no.xml")),
        "http://h/a.xml": answer(urlset("http://h/2", "http://h/1#part", "mailto:x@y", "")),
        "http://h/b.gz": answer(gzip.compress(urlset("http://h/3", "http://h/1").encode())),
    }  # fmt: skip
    assert read_map(site) == ["http://h/1", "http://h/2", "http://h/3"]
    assert read_map(site, "http://h/b.gz") == ["http://h/1", "http://h/3"]


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (answer(status=404), "HTTP 404"), (answer("<html></html>"), "is not a sitemap"),
        (answer(b"\x1f\x8bxxxx"), "is not a sitemap"), (answer("no xml at all"), "is not a sitemap"),
    ],
)  # fmt: skip
def test_what_is_no_sitemap_is_told(found: Any, message: str) -> None:
    with pytest.raises(fetching.FetchError, match=f"^{message}"):
        read_map({"http://h/map.xml": found})


def test_an_index_of_many_sitemaps_is_read_up_to_a_hundred(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sitemaps, "_MOST", 4)
    site = {"http://h/map.xml": answer(index(*(f"http://h/{n}.xml" for n in range(9))))}
    site |= {f"http://h/{n}.xml": answer(urlset(f"http://h/page{n}")) for n in range(9)}
    assert read_map(site) == ["http://h/page0", "http://h/page1", "http://h/page2"]


class Route:
    """A request of a page, as Playwright hands it over, and what was done with it."""

    def __init__(self, kind: str, url: str = "http://h/x.js", method: str = "GET", **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.request = SimpleNamespace(
            resource_type=kind,
            url=url,
            method=method,
            headers=named,
            post_data_buffer=None if method == "GET" else b"sent",
        )
        self.done: list[Any] = []

    async def fulfill(self, **values: Any) -> None:
        self.done.append(values)

    async def abort(self) -> None:
        self.done.append("aborted")


def test_a_page_in_the_browser_gets_itself_and_what_its_scripts_may_ask_for() -> None:
    asked: list[Any] = []

    async def ask(url: str, **options: Any) -> Any:
        asked.append((url, options))
        if url.endswith("bad.js"):
            raise fetching.FetchError("may not be asked")
        headers = {
            b"Content-Type": [b"text/javascript"],
            b"Content-Encoding": [b"gzip"],
            b"SET-COOKIE": [b"a=b"],
            b"Vary": [b"a", b"b"],
        }
        return SimpleNamespace(status=201, headers=headers, body=b"1")

    serving = browser.Serving("http://h/", b"<html>", "text/html", ask)

    def give(route: Route) -> list[Any]:
        asyncio.run(serving(route))
        return route.done

    assert give(Route("document")) == [{"status": 200, "content_type": "text/html", "body": b"<html>"}]
    assert give(Route("document")) == [{"status": 204}], "a page stays where it is, and frames stay empty"
    for kind in ("image", "media", "font", "websocket", "other"):
        assert give(Route(kind)) == ["aborted"]
    assert asked == []
    headers = {"accept": "*/*", "cookie": "a=b", "origin": "http://h", "user_agent": "x"}
    for kind in ("script", "xhr", "fetch", "stylesheet"):
        assert give(Route(kind, **headers)) == [
            {"status": 201, "headers": {"content-type": "text/javascript", "vary": "a, b"}, "body": b"1"}
        ]
    sent = {"accept": "*/*", "origin": "http://h"}
    assert asked[0] == ("http://h/x.js", {"method": "GET", "headers": sent, "body": b""})
    give(Route("xhr", method="POST"))
    assert asked[-1][1] == {"method": "POST", "headers": {}, "body": b"sent"}
    assert give(Route("script", "http://h/bad.js")) == ["aborted"]
    serving.requests = 199
    assert give(Route("script")) != ["aborted"]
    assert give(Route("script")) == ["aborted"], "a page that asks without end is stopped"
