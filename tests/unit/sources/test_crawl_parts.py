"""The parts of a crawl: addresses, what a page says, which of several pages is kept, what a killed crawl remembers."""

import asyncio
import contextlib
import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectern.core.errors import LecternError
from lectern.sources import addresses
from lectern.sources.addresses import Scope
from lectern.sources.crawl import folding, frontier, journal, pages, reading
from lectern.sources.crawl.frontier import Found, Frontier
from lectern.sources.crawl.job import Job
from lectern.sources.crawl.journal import Visit
from lectern.sources.crawl.pages import Page


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("HTTP://Example.ORG:80/a/../b?b=2&a=1&utm_source=x#part", "http://example.org/b?a=1&b=2"),
        ("https://example.org:443", "https://example.org/"),
        ("https://example.org.:8443/x", "https://example.org:8443/x"),
        ("http://münchen.example/straße", "http://xn--mnchen-3ya.example/stra%C3%9Fe"),
        ("/other?gclid=1", "https://example.org/other"),
        ("x;jsessionid=A1B2?PHPSESSID=3", "https://example.org/dir/x"),
        ("http://[::1]:8000/a", "http://[::1]:8000/a"),
        ("  http://example.org/a\n", "http://example.org/a"),
        ("http://user:word@example.org/", None),
        ("ftp://example.org/", None),
        ("file:///etc/passwd", None),
        ("javascript:alert(1)", None),
        ("mailto:ann@example.org", None),
        ("http://example.org:99999/", None),
        ("http:///nowhere", None),
        ("http://[bad/", None),
        ("http://example.org/" + "a" * 2000, None),
    ],
)
def test_an_address_has_one_form(url: str, expected: str | None) -> None:
    assert addresses.canonical(url, "https://example.org/dir/page") == expected


@given(st.text(max_size=60))
def test_no_text_breaks_the_canonical_form_and_it_is_its_own(text: str) -> None:
    found = addresses.canonical("http://example.org/" + text)
    assert found is None or addresses.canonical(found) == found
    assert found is None or found.isascii()


@pytest.mark.parametrize("address", ["93.184.215.14", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert addresses.may_connect(address, private=False)


@pytest.mark.parametrize(
    ("address", "on_request"),
    [
        ("127.0.0.1", True),
        ("10.1.2.3", True),
        ("172.16.0.1", True),
        ("192.168.1.1", True),
        ("100.64.0.1", True),
        ("::1", True),
        ("fd00::1", True),
        ("::ffff:127.0.0.1", True),
        ("64:ff9b::10.0.0.1", True),
        ("2002:7f00:1::", True),
        ("0.0.0.0", False),
        ("::", False),
        ("169.254.169.254", False),  # the metadata service of clouds
        ("::ffff:169.254.169.254", False),
        ("fe80::1%eth0", False),
        ("224.0.0.1", False),
        ("ff02::1", False),
    ],
)
def test_private_addresses_need_a_word_and_some_are_never_asked(address: str, on_request: bool) -> None:
    assert not addresses.may_connect(address, private=False)
    assert addresses.may_connect(address, private=True) == on_request


def test_a_scope_is_its_hosts_with_their_ports_and_patterns() -> None:
    scope = Scope(
        ("example.org", "*.example.com", "localhost:8000"), include=("/docs/",), exclude=("/private",)
    )
    asked = {
        "https://example.org/docs/a": True,
        "https://example.org:8443/docs/a": False,
        "https://www.example.org/docs/a": False,
        "https://a.b.example.com/docs/": True,
        "https://example.com/docs/": False,
        "https://evil-example.com/docs/": False,
        "http://localhost:8000/docs/": True,
        "http://localhost:22/docs/": False,
        "https://example.org/docs/private": False,
        "https://example.org/blog": False,
    }
    assert {url: scope.keeps(url) for url in asked} == asked
    assert scope.may_ask("https://example.org/blog")
    assert scope.names_host("localhost")
    assert not scope.names_host("example.net")


def test_secrets_go_to_the_hosts_of_the_source_only_and_in_the_clear_only_where_it_begins_so() -> None:
    from lectern.sources.crawl.fetching import secrets_for

    scope, headers = Scope(("example.org", "example.net")), {"Authorization": "x"}

    def sent(url: str) -> bool:
        return bool(secrets_for(url, scope, ["http://example.net/"], headers))

    assert sent("https://example.org/a")
    assert sent("http://example.net/a")
    assert not sent("http://example.org/a")  # where a redirect leads down from https
    assert not sent("https://cdn.example.com/script.js")
    assert not sent("https://example.org:8443/")


def test_names_of_pages_are_safe_and_different() -> None:
    urls = [
        "http://h/",
        "http://h/a",
        "http://h/a/",
        "http://h/A",
        "http://h/a?x=1",
        "http://h/..%2f..%2fetc",
        "http://h/%E6%97%A5",
    ]
    names = [pages.page_id(url) for url in urls]
    assert len(set(names)) == len(urls)
    assert all(name.replace("-", "").isalnum() and name.isascii() and len(name) <= 61 for name in names)


@pytest.mark.parametrize(
    ("content_type", "url", "ending"),
    [
        ("text/html; charset=utf-8", "http://h/a.pdf", ".html"),
        ("Application/PDF", "http://h/a", ".pdf"),
        ("application/octet-stream", "http://h/a.DOCX", ".docx"),
        ("application/octet-stream", "http://h/a.exe", None),
        ("image/png", "http://h/a.html", None),
        ("", "http://h/a.html", None),
    ],
)
def test_what_is_kept_is_told_by_its_type(content_type: str, url: str, ending: str | None) -> None:
    assert pages.kind_of(content_type, url) == ending


def read(body: str, header: str = "", obey: bool = True, documents: bool = False) -> reading.Links:
    page = reading.parse(body.encode(), "http://h/dir/page", "text/html; charset=utf-8")
    return reading.links(page, header, obey, documents)


def test_links_are_what_a_reader_could_follow() -> None:
    body = (
        '<base href="/base/"><a href="one">1</a><a href="one#x">again</a><a rel="nofollow" href="two">2</a>'
        '<a href="mailto:a@b.c">m</a><a href="/photo.jpg">p</a><a href="/plan.pdf">d</a><area href="http://g/3">'
        '<meta http-equiv="refresh" content="0; url=/next">'
    )
    plain = ["http://g/3", "http://h/base/one", "http://h/next"]
    assert read(body).found == plain
    assert read(body, documents=True).found == sorted([*plain, "http://h/plan.pdf"])
    assert read(body, obey=False).found == sorted([*plain, "http://h/base/two"])


@pytest.mark.parametrize(
    ("body", "header", "kept", "followed"),
    [
        ('<a href="/a">', "", True, True),
        ('<meta name="ROBOTS" content="NoIndex, follow"><a href="/a">', "", False, True),
        ('<meta name="robots" content="none"><a href="/a">', "", False, False),
        ('<a href="/a">', "noindex", False, True),
        ('<a href="/a">', "nofollow", True, False),
    ],
)
def test_a_page_may_ask_not_to_be_kept_or_followed(
    body: str, header: str, kept: bool, followed: bool
) -> None:
    found = read(body, header)
    assert (not found.no_index, bool(found.found)) == (kept, followed)
    careless = read(body, header, obey=False)
    assert (not careless.no_index, bool(careless.found)) == (True, True)


def test_words_are_counted_outside_of_menus_and_scripts() -> None:
    body = "<nav>not these</nav><p>one two <b>three</b></p><script>nor this</script><p>日本語</p><footer>no</footer>"
    assert reading.words(reading.parse(body.encode(), "http://h/", "text/html; charset=utf-8")) == 6


def test_what_a_page_says_of_itself() -> None:
    body = (
        '<html lang="pt-BR"><head><title>\n A <\u200bb>\x07 title </title><meta name="author" content="Ann">'
        '<meta property="article:published_time" content="2026-11-02T10:00:00Z">'
        '<link rel="license" href="https://creativecommons.org/licenses/by/4.0/"></head><body><h1>No</h1>'
    )
    known = reading.about(reading.parse(body.encode(), "http://h/", "text/html; charset=utf-8"))
    assert known == {
        "title": "A < b> title",
        "author": "Ann",
        "published": "2026-11-02",
        "licence": "https://creativecommons.org/licenses/by/4.0/",
        "language": "pt",
    }


def visit(url: str, canonical: str | None = None, body: str = "", depth: int = 1, **more: Any) -> Visit:
    page = Page(
        url=url, asked=url, status=200, content_type="text/html", depth=depth, referrer=None, rendered=False,
        file=f"{pages.page_id(url)}.html", sha256=body or url,
    )  # fmt: skip
    return Visit(url=url, outcome="new", canonical=canonical, page=page, **more)


def test_duplicates_are_folded_into_the_page_that_they_name_or_repeat() -> None:
    found = [
        visit("a", canonical="b"), visit("b", canonical="c"), visit("c"),  # a chain
        visit("x", canonical="y"), visit("y", canonical="x"),  # a circle
        visit("lost", canonical="nowhere"),  # what it names is not there: it stays
        visit("deep", body="same", depth=4), visit("near", body="same", depth=1),
        Visit(url="old", outcome="redirect", target="c"),
        Visit(url="gone", outcome="gone"),
    ]  # fmt: skip
    assert folding.fold({v.url: v for v in found}) == {
        "a": "c", "b": "c", "y": "x", "deep": "near", "old": "c",
    }  # fmt: skip


def admit(found: list[Found], **limits: int) -> tuple[list[str], Frontier]:
    async def allowed(url: str) -> bool:
        return "secret" not in url

    chosen = Frontier(Scope(("h",)), **{"max_pages": 100, "max_alike": 100, **limits})
    return [f.url for f in asyncio.run(chosen.admit(found, allowed))], chosen


def test_the_order_in_which_links_are_found_decides_nothing() -> None:
    found = [Found(f"http://h/{n}", 1, f"http://h/from/{n % 3}") for n in range(20)]
    forth, _ = admit(found, max_pages=7)
    back, kept = admit(found[::-1], max_pages=7)
    assert forth == back
    assert len(kept.beyond) == 13


def test_traps_have_an_end_and_what_a_sitemap_lists_is_no_trap() -> None:
    circles = "http://h" + "/a/b" * 5
    months = [Found(f"http://h/{year}/{month}?day={month}", 3) for year in range(9) for month in range(9)]
    chosen, kept = admit([*months, Found(circles, 3), Found("http://h/secret", 1)], max_alike=10)
    assert len(chosen) == 10
    assert kept.alike == {"h/0/0?day": 71, "paths that repeat themselves": 1}
    assert kept.disallowed == {"http://h/secret"}
    listed = [Found(month.url, 0, vouched=True) for month in months]
    assert len(admit(listed, max_alike=10)[0]) == 81
    assert frontier.addresses.form("http://h/a1/b22?q=1&p=2") == "h/a0/b0?p&q"


def job(tmp_path: Path, **values: Any) -> Job:
    empty = {name: [] for name in ("start", "hosts", "include", "exclude", "secrets")}
    numbers = dict.fromkeys(
        ["max_depth", "max_pages", "max_alike", "concurrency", "retries", "max_bytes", "render_below"], 1
    )
    flags = dict.fromkeys(["documents", "obey_robots", "allow_private", "refresh"], False)
    rest: dict[str, Any] = {
        "sitemaps": None,
        "delay": 0.0,
        "longest_wait": 1.0,
        "timeout": 1.0,
        "render": "never",
        "gone": "keep",
    }
    folders = {"folder": str(tmp_path / "pages"), "scratch": str(tmp_path / ".pages.tmp")}
    return Job(**{**empty, **numbers, **flags, **rest, **folders, "headers": {}, **values})


def cut_off(chosen: Job, *visits: Visit) -> list[str]:
    """What a crawl finds in its journal that makes some visits and is killed."""
    with contextlib.suppress(KeyboardInterrupt), journal.opened(chosen) as opened:
        found = list(opened.visits)
        for made in visits:
            opened.add(made)
        raise KeyboardInterrupt
    return found


def test_a_journal_remembers_until_its_crawl_has_ended(tmp_path: Path) -> None:
    chosen = job(tmp_path, headers={"Cookie": "s3cr3t"}, secrets=["s3cr3t"])
    assert cut_off(chosen, visit("http://h/a"), visit("http://h/b")) == []
    path = Path(chosen.scratch) / "journal.jsonl"
    assert "s3cr3t" not in path.read_text()
    path.write_bytes(path.read_bytes()[:-30])  # in the middle of a line
    assert cut_off(chosen, visit("http://h/c")) == ["http://h/a"]
    assert cut_off(chosen) == ["http://h/a", "http://h/c"]
    with journal.opened(chosen):
        pass
    assert not path.parent.exists()


def test_a_journal_is_of_one_day(tmp_path: Path) -> None:
    chosen = job(tmp_path)
    cut_off(chosen, visit("http://h/a"))
    path = Path(chosen.scratch) / "journal.jsonl"
    os.utime(path, (path.stat().st_atime, path.stat().st_mtime - 23 * 3600))
    assert cut_off(chosen) == ["http://h/a"]
    os.utime(path, (path.stat().st_atime, path.stat().st_mtime - 2 * 3600))
    assert cut_off(chosen) == []


def test_a_journal_is_of_one_job(tmp_path: Path) -> None:
    cut_off(job(tmp_path), visit("http://h/a"))
    assert cut_off(job(tmp_path, max_depth=2)) == []


def test_one_process_crawls_a_source_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "_PATIENCE", 0.0)
    with journal.opened(job(tmp_path)), pytest.raises(LecternError, match="another process is crawling"):
        cut_off(job(tmp_path))


def test_a_job_goes_through_json_whole(tmp_path: Path) -> None:
    chosen = job(tmp_path, headers={"A": "\u00fc"})
    assert Job(**json.loads(json.dumps(asdict(chosen)))) == chosen


class Named:
    """A crawl of http://h with these sitemaps: address -> what it lists, or None for an error."""

    def __init__(
        self,
        tmp_path: Path,
        patch: pytest.MonkeyPatch,
        listed: dict[str, list[str] | None],
        robots_txt: str | None = None,
        **values: Any,
    ) -> None:
        from protego import Protego

        from lectern.sources.crawl import robots, sitemaps
        from lectern.sources.crawl.crawling import Crawl
        from lectern.sources.crawl.fetching import FetchError

        async def read(web: Any, url: str, allows: Any) -> list[str]:
            if (found := listed[url]) is None:
                raise FetchError("HTTP 404")
            return found

        patch.setattr(sitemaps, "read", read)
        named = "\n".join(f"Sitemap: {url}" for url in listed) if robots_txt is None else robots_txt
        rules = robots.Rules(Protego.parse(named))
        chosen = job(tmp_path, start=["http://h/"], obey_robots=True, **values)
        self.crawl: Any = Crawl(chosen, Scope(("h",)), None, None, lambda *_: None)  # type: ignore[arg-type]

        async def known(url: str) -> Any:
            return rules

        patch.setattr(self.crawl, "_rules", known)

    def starts(self) -> list[str]:
        return [found.url for found in asyncio.run(self.crawl._starts())]


@pytest.mark.parametrize("bad", ["http://h/a.xml", "http://h/b.xml"])
def test_a_sitemap_that_cannot_be_had_costs_itself_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bad: str
) -> None:
    good = ({"http://h/a.xml", "http://h/b.xml"} - {bad}).pop()
    listed: dict[str, list[str] | None] = {
        "http://h/a.xml": ["http://h/1"],
        "http://h/b.xml": ["http://h/1"],
        bad: None,
    }
    found = Named(tmp_path, monkeypatch, listed)
    # property: one that only robots.txt names need not be there; what the others list is asked, and once
    assert found.starts() == ["http://h/", "http://h/1"]
    assert found.crawl.problems == []
    # property: one that the configuration names must be there, and the others count all the same
    wanted = Named(tmp_path, monkeypatch, listed, sitemaps=[bad, good])
    assert wanted.starts() == ["http://h/", "http://h/1"]
    assert wanted.crawl.problems == [f"{bad}: HTTP 404"]


def test_only_sitemaps_of_the_sources_hosts_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = Named(
        tmp_path, monkeypatch, {"http://other/a.xml": ["http://other/1"], "http://h/b.xml": ["http://h/2"]}
    )
    assert named.starts() == ["http://h/", "http://h/2"]
    # property: where robots.txt names none, the usual place is tried, unless that is closed
    usual: dict[str, list[str] | None] = {"http://h/sitemap.xml": ["http://h/3"]}
    assert Named(tmp_path, monkeypatch, usual, "").starts() == ["http://h/", "http://h/3"]
    closed = "User-agent: *\nDisallow: /sitemap.xml"
    assert Named(tmp_path, monkeypatch, usual, closed).starts() == ["http://h/"]


def test_a_host_that_is_closed_allows_nothing() -> None:
    from protego import Protego

    from lectern.sources.crawl.robots import Rules

    rules = Protego.parse("User-agent: *\nDisallow: /private")
    assert Rules(rules).allow("https://example.org/a")
    assert not Rules(rules).allow("https://example.org/private/a")
    assert Rules().allow("https://example.org/private/a")
    assert not Rules(closed="robots.txt cannot be had").allow("https://example.org/a")
    assert not Rules(rules, closed="robots.txt cannot be had").allow("https://example.org/a")


def write_page(folder: Path, url: str, kind: str = ".html") -> Page:
    """A page as a crawl writes it."""
    body = url.encode()
    page = Page(
        url=url,
        asked=url,
        status=200,
        content_type="text/html",
        depth=0,
        referrer=None,
        rendered=False,
        file=f"{pages.page_id(url)}{kind}",
        sha256=hashlib.sha256(body).hexdigest(),
    )
    pages.write(folder, page, body)
    return page


@pytest.mark.parametrize("lost", ["page", "json", "both"])
def test_a_page_whose_files_are_partly_gone_is_removed_all_the_same(tmp_path: Path, lost: str) -> None:
    gone, other = write_page(tmp_path, "http://h/a"), write_page(tmp_path, "http://h/b")
    files = {"page": [gone.file], "json": [f"{pages.page_id(gone.url)}.json"]}
    for name in files.get(lost, [*files["page"], *files["json"]]):
        (tmp_path / name).unlink()
    pages.remove(tmp_path, gone)
    # property: the other page is whole, and nothing of this one is left
    assert pages.read_all(tmp_path) == {other.url: other}
    assert {path.stem for path in tmp_path.iterdir()} == {pages.page_id(other.url)}
    assert pages.content(tmp_path, other) == b"http://h/b"
    assert pages.content(tmp_path, gone) is None


def test_only_halves_of_pages_are_removed(tmp_path: Path) -> None:
    whole, half = write_page(tmp_path, "http://h/a"), write_page(tmp_path, "http://h/b", ".pdf")
    (tmp_path / f"{pages.page_id(half.url)}.json").unlink()
    for name in ("notes.txt", "README.md", "a-0123456789ab.json"):
        (tmp_path / name).write_text("mine")
    pages.remove_halves(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [whole.file, f"{pages.page_id(whole.url)}.json", "notes.txt", "README.md", "a-0123456789ab.json"]
    )


def test_a_page_whose_bytes_are_not_the_fetched_ones_has_no_content(tmp_path: Path) -> None:
    page = write_page(tmp_path, "http://h/a")
    (tmp_path / page.file).write_bytes(b"cut off")
    assert pages.content(tmp_path, page) is None
