"""A crawl among what may go wrong: kills, slow and failing servers, private addresses, scripts that reach for more."""

import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from lectern.core.errors import LecternError
from lectern.settings.sources import parse_source
from lectern.sources import website
from lectern.sources.crawl import pages
from lectern.sources.listing import Updated
from lectern.tools import update
from stages import fetch
from tests.support import server
from tests.support import site as ledger
from tests.support.browsers import needs_chromium
from tests.support.corpora import everything_in_data
from tests.support.server import Reply, Site
from tests.unit.sources.test_website import FOLDER, corpus, snapshot, source

pytestmark = pytest.mark.usefixtures("project", "warm_crawls")
ROOT = Path.cwd()
PYTHON = sys.executable  # for a process that is killed: that of `warm_crawls` would end a moment later


def put(site: Site, path: str, *links: str, text: str = "", **more: Any) -> str:
    """A page of its own words that links others."""
    body = f"<title>{path}</title><p>This is {path}. {text}" + "".join(
        f'<a href="{link}">on</a>' for link in links
    )
    site.pages[path] = Reply(body.encode(), "text/html", **more)
    return site.address + path


def crawl(address: str, refresh: bool = False, **options: Any) -> Updated:
    parsed = parse_source(source(address, **{"render": "never", "sitemaps": [], **options}), 0)
    done: Updated = website.update(parsed, refresh)
    return done


def kept(site: Site) -> list[str]:
    """The paths of the pages in the folder."""
    return [url.removeprefix(site.address) for url in sorted(pages.read_all(FOLDER))]


def test_a_private_address_is_refused_however_it_is_written(site: Site) -> None:
    port = site.address.rpartition(":")[2]
    put(site, "/")
    names = ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1"]
    starts = [f"http://{name}:{port}/" for name in names]
    done = crawl(starts[0], start=starts, allow_private=False)
    assert len(done.problems) == len(names)
    assert all("private address 127.0.0.1" in p or "private address ::1" in p for p in done.problems)
    assert all("allow_private: true" in problem for problem in done.problems)
    assert site.hits == []
    assert kept(site) == []


def test_no_address_of_a_host_is_taken_when_one_of_them_is_private() -> None:
    from lectern.sources.crawl.fetching import CheckedResolver

    class Address:
        def __init__(self, host: str) -> None:
            self.host = host

    class Names:
        """A name server that mixes an address of its owner's network among its answers."""

        def __init__(self, *found: str) -> None:
            self.found = found

        def resolveHostName(self, receiver: Any, name: str) -> None:  # noqa: N802
            receiver.resolutionBegan(None)
            for host in self.found:
                receiver.addressResolved(Address(host))
            receiver.resolutionComplete()

    class Heard:
        def __init__(self) -> None:
            self.hosts: list[str] = []

        def resolutionBegan(self, _: object) -> None: ...  # noqa: N802
        def resolutionComplete(self) -> None: ...  # noqa: N802

        def addressResolved(self, address: Address) -> None:  # noqa: N802
            self.hosts.append(address.host)

    def ask(*found: str) -> list[str]:
        class Reactor:
            nameResolver = Names(*found)  # noqa: N815

        heard = Heard()
        CheckedResolver(Reactor()).resolveHostName(heard, "example.org")
        return heard.hosts

    assert ask("93.184.215.14") == ["93.184.215.14"]
    assert ask("93.184.215.14", "10.0.0.7") == []
    assert CheckedResolver.refused["example.org"] == "10.0.0.7"


def test_what_passes_is_asked_again_and_a_pause_that_is_too_long_is_not_waited_for(site: Site) -> None:
    put(site, "/", "/a", "/b", "/c")
    put(site, "/a"), put(site, "/b")
    site.once["/a"] = [
        Reply(status=503),
        Reply(b"<p>cut", "text/html", only=3),
        Reply(status=429, headers={"Retry-After": "0"}),
    ]
    site.once["/b"] = [Reply(status=429, headers={"Retry-After": "3600"})]
    site.pages["/c"] = Reply(status=404)
    done = crawl(site.address, retries=3)
    assert kept(site) == ["/", "/a"]
    assert [site.asked(path) for path in ("/a", "/b", "/c")] == [4, 1, 1]
    assert f"{site.address}/b: HTTP 429: the site asks to wait 3600 s. Run it again later." in done.asides
    assert done.problems == []


def test_a_silent_and_a_dripping_page_are_given_up_in_time(site: Site) -> None:
    put(site, "/", "/hang")
    site.pages["/hang"] = Reply(hang=True)
    began = time.monotonic()
    with ledger.serve() as slow:
        done = crawl(slow.address + "/drip", start=[slow.address + "/drip", site.address], timeout=2.0)
    assert (
        sorted(text.partition(": ")[2] for text in [*done.problems, *done.asides])
        == ["took longer than `timeout` (2 s)"] * 2
    )
    assert time.monotonic() - began < 18  # and the machine may be busy
    assert kept(site) == ["/"]


def test_a_start_that_cannot_be_asked_fails_the_command_and_keeps_what_there_was(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    put(site, "/")
    chosen = corpus(source(site.address, render="never", sitemaps=[]))
    assert update.main(chosen) == 0
    before = snapshot(FOLDER)
    site.pages["/"] = Reply(status=500)
    assert update.main(chosen) == 1
    assert f"update: ledger: {site.address}/: HTTP 500\n" in capsys.readouterr().err
    assert snapshot(FOLDER) == before


def test_a_page_that_fails_for_a_day_is_not_gone(site: Site) -> None:
    put(site, "/", "/a", "/never")
    put(site, "/a")
    done = crawl(site.address, gone="remove")
    assert f"{site.address}/never: HTTP 404" in done.asides, "what never was there cannot be gone"
    site.pages["/a"] = Reply(status=500)
    done = crawl(site.address, gone="remove")
    assert kept(site) == ["/", "/a"]
    assert "gone" not in done.line
    assert any(f"{site.address}/a: HTTP 500" in problem for problem in done.asides)


def test_what_changes_is_fetched_and_what_is_gone_is_kept_or_removed(site: Site) -> None:
    for path in ("/", "/a", "/b", "/c", "/moved"):
        put(site, path, *(["/a", "/b", "/c", "/moved"] if path == "/" else []))
    crawl(site.address)
    before = snapshot(FOLDER)
    put(site, "/a", text="Something new.")
    del site.pages["/b"]
    put(site, "/", "/a", "/moved")  # /c is linked no more, and still there
    put(site, "/new")
    site.pages["/moved"] = Reply(status=301, headers={"Location": "/new"})
    done = crawl(site.address)
    assert kept(site) == ["/", "/a", "/b", "/c", "/new"]
    assert done.line.startswith("ledger: 5 pages: 1 new, 2 changed, 1 unchanged, 1 gone, 1 folded")
    assert f"{site.address}/b: is gone (HTTP 404)" in done.asides
    after = snapshot(FOLDER)
    same = [name for name in before if name.startswith(("b-", "c-"))]
    assert len(same) == 4
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    assert crawl(site.address, gone="remove").line.startswith(
        "ledger: 4 pages: 0 new, 0 changed, 4 unchanged, 1 gone"
    )
    assert kept(site) == ["/", "/a", "/c", "/new"]


def test_headers_that_change_with_each_answer_change_nothing(site: Site) -> None:
    put(site, "/", headers={"ETag": '"one"', "Last-Modified": "Mon, 02 Nov 2026 10:00:00 GMT"})
    crawl(site.address)
    before = snapshot(FOLDER)
    put(site, "/", headers={"ETag": '"two"', "Last-Modified": "Tue, 03 Nov 2026 10:00:00 GMT"})
    crawl(site.address)
    assert snapshot(FOLDER) == before


def test_a_page_that_was_changed_on_disk_is_fetched_whole_again(site: Site) -> None:
    put(site, "/", headers={"ETag": '"one"'})
    crawl(site.address)
    before = snapshot(FOLDER)
    (page,) = FOLDER.glob("*.html")
    page.write_text("not what came")
    (FOLDER / "half-0123456789ab.html").write_text("a page without its JSON, which a kill left")
    crawl(site.address)
    assert snapshot(FOLDER) == before


def test_a_page_that_goes_on_by_itself_is_kept_and_its_target_is_a_link(site: Site) -> None:
    with server.serve() as other:
        refresh = '<p>Wait.<meta http-equiv="refresh" content="0; url={}">'
        put(site, "/", "/a", text=refresh.format("/b"))
        put(site, "/a", text=refresh.format(other.address))
        put(site, "/b")
        crawl(site.address)
        assert kept(site) == ["/", "/a", "/b"]
        assert other.hits == []


def test_no_page_however_broken_stops_the_others(site: Site) -> None:
    put(site, "/", *(f"/{n}" for n in range(6)), "http://[bad", "http://h:99999/", "/ok", "//", "?", "\x00")
    put(site, "/ok")
    site.put("/0", bytes(range(256)) * 50, "text/html")
    site.put(
        "/1", b"\xff\xfe<html>" + "\ud800".encode("utf-16-le", "surrogatepass"), "text/html; charset=nonsense"
    )
    site.put("/2", b"<a href='" * 5000, "text/html")
    site.put("/3", b"<div>" * 20000, "text/html")
    site.put(
        "/4",
        b"<title>" + b"\0" * 100 + b"<meta http-equiv=refresh content='0; url=http://[bad'>",
        "text/html",
    )
    site.pages["/5"] = Reply(b"x", "text/html", headers={"Content-Encoding": "gzip"})
    done = crawl(site.address, render="empty")
    assert {"/", "/ok"} < set(kept(site))
    assert done.problems == []
    chosen = corpus(source(site.address))
    assert fetch.main(chosen, Path("data/raw")).failed == 0


def test_limits_and_patterns_choose_the_same_pages_each_time(site: Site) -> None:
    put(site, "/", "/z", "/a", "/b/1", "/b/2", "/login")
    put(site, "/a", "/a/deep", "/z")
    put(site, "/a/deep", "/a/deep/er")
    for path in ("/z", "/b/1", "/b/2", "/a/deep/er", "/login"):
        put(site, path)

    def chosen(**options: Any) -> list[str]:
        for path in FOLDER.glob("*"):
            path.unlink()
        crawl(site.address, exclude=["/login"], **options)
        return kept(site)

    assert chosen(max_depth=1) == ["/", "/a", "/b/1", "/b/2", "/z"]
    assert chosen(max_pages=3) == ["/", "/a", "/b/1"]
    assert chosen(include=["/deep"]) == []  # what leads there is not asked
    assert site.asked("/a") == 2
    assert chosen(include=["/a"]) == ["/a", "/a/deep", "/a/deep/er"]
    assert chosen(max_alike=1) == ["/", "/a", "/a/deep", "/a/deep/er", "/b/1", "/z"]
    assert site.asked("/login") == 0


class Timed(list[str]):
    """Hits that know when they came."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[float] = []

    def append(self, hit: str) -> None:
        self.times.append(time.monotonic())
        super().append(hit)


def test_robots_txt_is_kept_to_and_one_that_cannot_be_had_closes_the_site(site: Site) -> None:
    put(site, "/", "/a", "/b")
    put(site, "/a"), put(site, "/b")
    text = "User-agent: Lectern\nDisallow: /b\nCrawl-delay: 1\n\nUser-agent: *\nDisallow: /\n"
    site.put("/robots.txt", text, "text/plain")
    site.hits = hits = Timed()
    done = crawl(site.address)
    assert [later - earlier > 0.3 for earlier, later in itertools.pairwise(hits.times)] == [True] * (
        len(hits) - 1
    )
    assert kept(site) == ["/", "/a"]
    assert "1 disallowed" in done.line
    assert crawl(site.address, obey_robots=False).line.startswith("ledger: 3 pages: 1 new")
    asked = len(site.hits)
    site.pages["/robots.txt"] = Reply(status=503)
    done = crawl(site.address)
    assert done.problems == [f"{site.address}/: its robots.txt cannot be fetched (HTTP 503)"]
    assert site.hits[asked:] == ["/robots.txt"]
    site.put("/robots.txt", "User-agent: *\nCrawl-delay: 5000\n", "text/plain")
    assert "asks for 5000 s between requests" in crawl(site.address).problems[0]


def test_a_secret_header_reaches_the_site_and_no_file_and_no_message(
    site: Site, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    secret = "s3cr3t-of-ours"
    ways = ["/echo", "/quoted", "/etag", "/link", "/go"]
    put(site, "/", *ways, "/cut", "/fine")
    put(site, "/fine")
    put(site, "/echo", text=f"You said {secret}.")
    put(site, "/quoted", text="You said " + secret.replace("-", "%2d") + ".")
    put(site, "/etag", headers={"ETag": f'"{secret}"'})
    put(site, "/link", f"/there?said={secret.replace('s', '&#115;')}")
    put(site, "/there")
    site.pages["/go"] = Reply(status=302, headers={"Location": f"/there?said={secret}"})
    listed = f"<urlset><url><loc>{site.address}/there?map={secret}</loc></url></urlset>"
    sitemap = site.put("/map.xml", listed, "application/xml")
    site.pages["/cut"] = Reply(b"<p>" + secret.encode(), "text/html", only=2)
    chosen = corpus(
        source(
            site.address,
            render="never",
            sitemaps=[sitemap],
            headers={"Cookie": "session={LECTERN_SITE_TOKEN}"},
        )
    )
    assert update.main(chosen) == 1
    assert "the environment has no LECTERN_SITE_TOKEN" in capfd.readouterr().err
    assert site.hits == []
    monkeypatch.setenv("LECTERN_SITE_TOKEN", secret)
    assert update.main(chosen) == 0
    assert site.cookies.count(f"session={secret}") == len(site.hits)
    said = "".join(capfd.readouterr())
    assert "contains a secret of `headers`, which may not be stored" in said
    assert kept(site) == ["/", "/fine"]
    for way in ways:
        assert f"{site.address}{way}: contains a secret" in said
    assert site.asked("/there") == 0
    assert secret.encode() not in everything_in_data() + said.encode()


class Ten:
    """A start and ten pages, of which the sixth does not answer until it may."""

    def __init__(self, site: Site) -> None:
        self.paths = [f"/p{n}" for n in range(10)]
        put(site, "/", *self.paths)
        for path in self.paths:
            put(site, path)
        site.once["/p5"] = [Reply(hang=True)]


def test_a_crawl_that_was_killed_goes_on_and_asks_for_no_page_again(site: Site, project: Path) -> None:
    ten = Ten(site)
    chosen = corpus(source(site.address, render="never", sitemaps=[], concurrency=1))
    OmegaConf.save({"corpus": vars(chosen)}, project / "params.yaml")
    running = subprocess.Popen(
        [PYTHON, "-m", "lectern", "update"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=project,
    )
    wait_for(lambda: site.asked("/p5") == 1)
    journal = Path("data/sources/.ledger.tmp/journal.jsonl")
    answered = {site.address + hit for hit in site.hits} - {site.address + p for p in ("/p5", "/robots.txt")}
    wait_for(
        lambda: {json.loads(line).get("url") for line in journal.read_text().splitlines() if line} >= answered
    )
    running.send_signal(signal.SIGKILL)
    running.wait()
    with journal.open("a") as file:
        file.write('{"url": "cut off in the mid')
    assert update.main(chosen) == 0  # which waits until the killed one's crawl has noticed
    assert [site.asked(path) for path in ["/", *ten.paths]] == [1, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1]
    assert not journal.parent.exists()
    killed = snapshot(FOLDER)
    for path in FOLDER.iterdir():
        path.unlink()
    assert update.main(chosen) == 0
    assert snapshot(FOLDER) == killed
    assert len(killed) == 22


def test_a_crawl_of_other_parameters_begins_anew(site: Site) -> None:
    ten = Ten(site)
    scratch = Path("data/sources/.ledger.tmp")
    scratch.mkdir(parents=True)
    done = {"url": f"{site.address}/p1", "outcome": "skipped"}
    (scratch / "journal.jsonl").write_text('{"job": "another"}\n' + json.dumps(done) + "\n")
    site.once.clear()
    crawl(site.address)
    assert kept(site) == ["/", *ten.paths]


def wait_for(condition: Callable[[], bool]) -> None:
    """Until it holds; a minute is more than any machine needs."""
    beat = threading.Event()
    for _ in range(6000):
        if condition():
            return
        beat.wait(0.01)
    raise AssertionError("it never came to that")


SHELL = "<!DOCTYPE html><title>Shell</title><body><main></main><script>{}</script></body>"
WORDS = "All of these words were put here by a script, one after another. " * 6


@needs_chromium
def test_scripts_reach_nothing_but_through_us(site: Site) -> None:
    with server.serve() as other, socket.create_server(("127.0.0.1", 0)) as raw:
        elsewhere, door = other.address, raw.getsockname()[1]
        other.put("/x", "{}", "application/json")
        tries = f"""
          const say = text => document.querySelector("main").append(text);
          for (const url of ["{elsewhere}/x", "http://localhost:{door}/x", "http://169.254.169.254/x", "file:///etc/passwd"])
            fetch(url, {{mode: "no-cors"}}).then(() => say("REACHED " + url), () => say("refused. "));
          new Image().src = "{elsewhere}/x";
          navigator.sendBeacon("{elsewhere}/x", "a");
          try {{ new WebSocket("ws://127.0.0.1:{door}/"); }} catch {{}}
          const call = new RTCPeerConnection({{iceServers: [
            {{urls: "turn:127.0.0.1:{door}?transport=tcp", username: "a", credential: "b"}}]}});
          call.createDataChannel("x");
          call.createOffer().then(offer => call.setLocalDescription(offer));
          document.body.insertAdjacentHTML("beforeend", '<iframe src="{elsewhere}/x"></iframe>'
            + '<link rel="preconnect" href="http://127.0.0.1:{door}"><link rel="dns-prefetch" href="//example.org">');
          fetch("/secret/data.json").then(() => say("REACHED what robots.txt forbids"), () => say("refused. "));
          fetch("/more.json").then(answer => answer.text()).then(text => {{
            say(text); setTimeout(() => location = "{elsewhere}/x", 300); }});
        """
        site.put("/", SHELL.format(tries), "text/html")
        site.put("/more.json", WORDS, "application/json")
        site.put("/secret/data.json", "{}", "application/json")
        site.put("/robots.txt", "User-agent: *\nDisallow: /secret/\n", "text/plain")
        crawl(site.address, render="empty")
        (page,) = FOLDER.glob("*.html")
        text = page.read_text()
        assert WORDS.strip() in text
        assert "REACHED" not in text.partition("<script>")[0]
        assert text.partition("<script>")[0].count("refused. ") == 5
        assert other.hits == []
        assert site.asked("/secret/data.json") == 0
        raw.settimeout(0)
        with pytest.raises(BlockingIOError):
            raw.accept()


@needs_chromium
@pytest.mark.slow
def test_a_page_that_computes_for_ever_fails_alone(site: Site) -> None:
    put(site, "/", "/busy", "/fine", text=WORDS)
    site.put("/busy", SHELL.format("while (true) {}"), "text/html")
    site.put("/fine", SHELL.format(f"document.querySelector('main').append('{WORDS}')"), "text/html")
    done = crawl(site.address, render="empty", timeout=5.0)
    assert kept(site) == ["/", "/fine"]
    assert f"{site.address}/busy: took longer than `timeout` (5 s) to render" in done.asides


@needs_chromium
@pytest.mark.slow
def test_a_short_page_whose_scripts_add_nothing_stays_as_it_came(site: Site) -> None:
    body = "<title>Short</title><p>Few words.</p><script>window.counter = 1</script>"
    site.put("/", body, "text/html")
    crawl(site.address, render="empty")
    (page,) = FOLDER.glob("*.html")
    assert page.read_text() == body
    crawl(site.address, render="always")
    assert page.read_text() != body  # now as the browser writes it
    assert crawl(site.address, render="always").line.startswith(
        "ledger: 1 pages: 0 new, 0 changed, 1 unchanged"
    )


def test_without_chromium_an_empty_page_is_told_and_kept(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    site.put("/", SHELL.format("document.title = 'x'"), "text/html")
    done = crawl(site.address, render="empty")
    assert kept(site) == ["/"]
    assert (
        "has only 0 words and uses scripts, but running the scripts of pages needs Chromium" in done.asides[0]
    )
    assert done.problems == []
    with pytest.raises(
        LecternError,
        match=r"`render: always`, but running .* needs Chromium .*`apt install chromium`; then `make extras`",
    ):
        crawl(site.address, render="always")
