"""A web site, from its pages to data/raw: what is there is kept as it came, traps are left, and twice is the same."""

import contextlib
import io
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lectern.core import io as records
from lectern.core import items
from lectern.core.errors import LecternError
from lectern.core.schema import Source
from lectern.settings.corpus import Corpus
from lectern.settings.sources import parse_source
from lectern.sources import website
from lectern.sources.crawl import browser, pages
from lectern.tools import update
from stages import fetch
from tests.settings import configure
from tests.support import expected
from tests.support import site as ledger
from tests.support.browsers import needs_chromium
from tests.support.site import texts

FOLDER = Path("data/sources/ledger")


def source(address: str, **options: Any) -> dict[str, Any]:
    return {
        "kind": "website",
        "name": "ledger",
        "start": [address],
        "allow_private": True,
        "delay": 0.0,
        "retries": 0,
        **options,
    }


def corpus(*sources: dict[str, Any]) -> Corpus:
    return configure(Corpus, name="test", sources=list(sources))


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@dataclass
class Crawled:
    """Two crawls of the whole site, traps and all, and what `fetch` made of them."""

    site: ledger.Site
    other: ledger.Site
    chosen: Corpus
    folder: Path
    first: dict[str, bytes]
    second: dict[str, bytes]
    out: str
    err: str
    codes: list[int]
    hits: list[str]
    """of the first"""
    again: dict[str, int]
    """path -> status, of the second"""

    def page(self, path: str) -> dict[str, Any]:
        """What is known of a page."""
        name = pages.page_id(self.site.address + path)
        known: dict[str, Any] = json.loads(self.first[f"{name}.json"])
        return known

    def body(self, path: str) -> bytes:
        """A page as it is kept."""
        return self.first[self.page(path)["file"]]

    def item(self, path: str) -> tuple[Source, Path]:
        """The item of a page in data/raw."""
        folder = self.folder.parents[2] / "data/raw" / pages.page_id(self.site.address + path)
        return records.read_json(folder / "item.json", Source), folder


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crawled]:
    project = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch, ledger.serve() as site, ledger.serve() as other:
        patch.chdir(project)
        site.instead["/far"] = lambda handler: handler.send(b"", status=302, Location=other.address + "/bees")
        options = {"max_megabytes": 1.0, "max_alike": 5, "documents": True, "exclude": ["/drip"]}
        chosen = corpus(source(site.address, **options))
        out, err, codes, shots, hits, answers = io.StringIO(), io.StringIO(), [], [], [], []
        for _ in range(2):
            hits.append(len(site.hits))
            answers.append(len(site.answers))
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                codes.append(update.main(chosen))
            shots.append(snapshot(FOLDER))
        fetch.main(chosen, Path("data/raw"))
        said = out.getvalue(), err.getvalue(), codes
        again = dict(site.answers[answers[1] :])
        yield Crawled(site, other, chosen, project / FOLDER, *shots, *said, site.hits[: hits[1]], again)


def test_all_that_is_known_of_a_site(crawled: Crawled) -> None:
    paths = [path for path in texts.PAGES if path not in (*texts.BY_SCRIPT, texts.ONLY_BY_SCRIPT)]
    known = {path: [crawled.page(path), crawled.item(path)[0].model_dump(mode="json")] for path in paths}
    plain = json.dumps(known, indent=1, sort_keys=True).replace(crawled.site.address, "http://site")
    # of two pages that link to it, either may be read first
    plain = re.sub(r'"referrer": ".*"', '"referrer": "a page"', re.sub("[0-9a-f]{8,}", "HASH", plain))
    expected.check("website.json", plain)


def test_every_page_is_kept_as_it_came(crawled: Crawled) -> None:
    for path in texts.PAGES:
        if path in (*texts.BY_SCRIPT, texts.ONLY_BY_SCRIPT):
            continue
        title, sections = crawled.site.texts.get(path, crawled.site.texts["/compost"])
        encoding = "iso-8859-1" if path == texts.GERMAN else "utf-8"
        assert all(paragraph[:20].encode(encoding) in crawled.body(path) for _, paragraph in sections), title
        assert not crawled.page(path)["rendered"]
    assert crawled.page(texts.GERMAN)["content_type"] == "text/html; charset=iso-8859-1"
    assert crawled.page("/bees")["referrer"] == crawled.site.address + "/"
    assert (
        crawled.page(texts.ONLY_BY_SITEMAP)["referrer"] is None
    )  # a packed sitemap behind an index lists it
    assert crawled.page("/plan.pdf")["file"].endswith(".pdf")


@needs_chromium
def test_pages_made_by_scripts_are_kept_as_a_browser_makes_them(crawled: Crawled) -> None:
    for path in texts.BY_SCRIPT:
        (_, paragraph), *_ = texts.TEXTS[path][1]
        assert paragraph in crawled.body(path).decode()
        assert crawled.page(path)["rendered"]
    assert crawled.page(texts.ONLY_BY_SCRIPT)["referrer"].endswith("/js/index")  # a link that a script made


def test_a_second_crawl_leaves_the_same_bytes_and_is_sent_no_page_again(crawled: Crawled) -> None:
    assert crawled.second == crawled.first
    static = [path for path in texts.PAGES if path not in texts.BY_SCRIPT and path != texts.ONLY_BY_SCRIPT]
    assert {path: crawled.again[path] for path in [*static, "/plan.pdf"]} == dict.fromkeys(
        [*static, "/plan.pdf"], 304
    )


def test_the_summary_counts_and_the_command_fails_for_no_single_page(crawled: Crawled) -> None:
    kept = (
        len(texts.PAGES) + 5 + 1 - (0 if browser.find() else 1)
    )  # five months and the plan, less the cellar
    first, second = (line for line in crawled.out.splitlines() if line.startswith("update: "))
    more = "5 failed, 1 folded, 1 noindex, 1 disallowed"
    assert first == (
        f"update: ledger: {kept} pages: {kept} new, 0 changed, 0 unchanged, {more}. "
        "`dvc add data/sources/ledger` keeps them"
    )
    assert second == f"update: ledger: {kept} pages: 0 new, 0 changed, {kept} unchanged, {more}"
    assert crawled.codes == [0, 0]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/broken", "HTTP 500"),
        ("/missing", "HTTP 404"),
        ("/huge", "larger than `max_megabytes` (1)"),
        ("/loop/b", "redirects in a circle"),
        ("/file", "redirects to an address that is neither http nor https, or holds a user's name"),
    ],
)
def test_a_page_that_fails_is_named_with_the_reason_and_the_others_go_on(
    crawled: Crawled, path: str, reason: str
) -> None:
    assert crawled.err.count(f"update: ledger: {crawled.site.address}{path}: {reason}\n") == 2  # once a crawl
    assert not any(name.startswith(path[1:].replace("/", "-")) for name in crawled.first)


def test_no_more_of_a_huge_page_is_taken_than_it_may_have(crawled: Crawled) -> None:
    # Twice a megabyte, and what the system holds for a connection.
    assert 2_000_000 < crawled.site.sent < 30_000_000


def test_nothing_is_asked_that_may_not_be(crawled: Crawled) -> None:
    assert crawled.other.hits == []  # /far redirects there
    assert "/far" in crawled.hits
    assert not any(hit.startswith(("/secret", "/drip", "/latest")) for hit in crawled.site.hits)
    assert all(headers["user-agent"].startswith("Lectern/") for headers in crawled.site.headers)
    assert crawled.page("/bees")["url"] in {page["url"] for page in map(crawled.page, texts.PAGES[:11])}


def test_a_trap_of_endless_pages_has_an_end_that_is_told(crawled: Crawled) -> None:
    assert sorted(hit for hit in crawled.hits if hit.startswith("/calendar")) == [
        f"/calendar?month={n}" for n in range(1, 6)
    ]
    assert "addresses of the form 127.0.0.1" in crawled.err
    assert "/calendar?month were left out (`max_alike`)" in crawled.err


def test_one_page_under_several_addresses_is_kept_once(crawled: Crawled) -> None:
    names = [json.loads(body)["url"] for name, body in crawled.first.items() if name.endswith(".json")]
    compost = sorted(url.removeprefix(crawled.site.address) for url in names if "compost" in url)
    assert compost == ["/compost", "/print/compost"]  # the one for printing is another page, if only just
    assert "view=full: is the same page as" in crawled.err
    assert "/compost?view=full" in crawled.hits  # without utm_source
    assert not any("draft" in url for url in names)


def test_nothing_in_the_pages_folder_is_of_this_run_or_this_machine(crawled: Crawled) -> None:
    for name, body in crawled.first.items():
        if name.endswith(".json"):
            assert str(crawled.folder).encode() not in body
            assert set(json.loads(body)) == set(pages.Page.model_fields)
    scratch = [path.name for path in crawled.folder.parent.iterdir()]
    assert scratch == ["ledger"]


def test_items_know_their_page(crawled: Crawled) -> None:
    found, folder = crawled.item("/bees")
    assert (found.kind, found.document, found.url) == (
        "website",
        "page.html",
        f"{crawled.site.address}/bees",
    )
    assert (found.title, found.language) == ("Counting bees - The Green Ledger", "en")
    assert found.author == "The people of the house"
    assert (folder / "page.html").read_bytes() == crawled.body("/bees")
    plan, folder = crawled.item("/plan.pdf")
    assert (plan.document, plan.title) == ("document.pdf", "plan.pdf")
    assert (folder / "document.pdf").read_bytes().startswith(b"%PDF-")


def test_a_page_whose_encoding_only_its_header_names_is_readable_without_it(crawled: Crawled) -> None:
    found, folder = crawled.item(texts.GERMAN)
    assert (found.title, found.language) == ("Größere Brötchen für Gäste - The Green Ledger", "de")
    assert "Für das Frühstück mit Gästen" in (folder / "page.html").read_text(encoding="utf-8-sig")
    assert "Für das".encode("iso-8859-1") in crawled.body(texts.GERMAN)  # as it came


def test_a_title_is_only_data(crawled: Crawled) -> None:
    found, folder = crawled.item(texts.ODD)
    assert found.title == "<b>../../etc/passwd</b> {0} %s $HOME - The Green Ledger"
    assert sorted(path.name for path in folder.iterdir()) == ["item.json", "page.html"]
    for folder in items.read(crawled.folder.parents[2] / "data/raw").values():
        assert folder.name.replace("-", "").isalnum()


def test_fetch_asks_nothing_and_keeps_what_has_not_changed(
    crawled: Crawled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(crawled.folder.parents[2], tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    before = len(crawled.site.hits)
    made = fetch.main(crawled.chosen, Path("data/raw"))
    assert (made.made, made.failed) == (0, 0)
    # A source of fewer pages: `exclude` holds for what is kept already too.
    fewer = corpus({**crawled.chosen.sources[0], "exclude": ["/calendar", "compost"]})
    assert fetch.main(fewer, Path("data/raw")).removed == 7
    # The same pages under another name are the same items, each once.
    shutil.copytree(FOLDER, FOLDER.with_name("twice"))
    twice = corpus(crawled.chosen.sources[0], {**crawled.chosen.sources[0], "name": "twice"})
    assert fetch.main(twice, Path("data/raw")).made == 7
    assert len(crawled.site.hits) == before


@pytest.mark.usefixtures("project")
def test_a_folder_that_is_no_sites_is_named() -> None:
    parsed = parse_source(source("http://127.0.0.1:9"), 0)
    with pytest.raises(LecternError, match=r"data/sources/ledger: has no page. `lectern update` crawls"):
        list(website.list_items(parsed))
    FOLDER.mkdir(parents=True)
    (FOLDER / "talk.info.json").write_text("{}")
    with pytest.raises(
        LecternError, match=r"talk\.info\.json: .* holds pages of a web site only: choose another `name`"
    ):
        list(website.list_items(parsed))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"name": "../x"}, "name is '../x'"),
        ({"start": []}, "start is empty"),
        ({"start": ["file:///etc/passwd"]}, "not an http or https address"),
        ({"start": ["http://ann:word@example.org/"]}, "holds a secret"),
        ({"start": ["http://example.org/?token={LECTERN_X}"]}, "put secrets into `headers`"),
        ({"hosts": ["http://example.org"]}, "not a host such as"),
        ({"include": ["("]}, "not a regular expression"),
        ({"max_pages": 0}, "max_pages is 0"),
        ({"delay": -1}, "delay is -1"),
        ({"render": "sometimes"}, "one of never, empty, always"),
        ({"gone": "burn"}, "choose keep or remove"),
        ({"headers": {"Authorization": "Bearer abc"}}, "holds a secret, which git would keep"),
        ({"headers": {"Cookie": "session=abc"}}, "holds a secret"),
        ({"headers": {"X-Api-Key": "{HOME}"}}, "only variables whose names begin with LECTERN_"),
        ({"headers": {"A": "b\r\nX: y"}}, "line break"),
    ],
)
def test_a_wrong_parameter_is_named(values: dict[str, Any], message: str) -> None:
    with pytest.raises(LecternError, match=message):
        parse_source({"kind": "website", "name": "a", "start": ["https://example.org/"], **values}, 0)
