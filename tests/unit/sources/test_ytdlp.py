"""What goes wrong on the way: waited out within reason, resumed, or one failed item with what to do about it."""

import io
import time
from pathlib import Path

import pytest

from lectern.core import items, secrets
from lectern.core.errors import ItemError, LecternError
from lectern.core.items import SyncResult
from lectern.settings.sources import Network
from lectern.sources import template, ytdlp
from lectern.sources.addresses import Reach
from lectern.sources.template import Template
from lectern.tools import update
from stages import fetch
from tests.support.corpora import RAW, corpus, entry, feed, podcast, record, videos
from tests.support.server import Reply, Site

pytestmark = pytest.mark.usefixtures("project")


def reach(site: Site) -> Reach:
    return Reach((site.address.removeprefix("http://"),))


def fetch_one(site: Site, kind: str, **network: object) -> SyncResult:
    """Fetch /a.mp3 by way of a playlist or of a feed, which are asked first."""
    address = site.address + "/a.mp3"
    if kind == "podcast":
        source = podcast(site.put("/feed", feed(entry(1, address))))
    else:
        track = f"<track><title>T</title><location>{address}</location></track>"
        playlist = (
            f'<playlist version="1" xmlns="http://xspf.org/ns/0/"><trackList>{track}</trackList></playlist>'
        )
        source = videos(site.put("/list.xspf", f'<?xml version="1.0"?>{playlist}', "application/xspf+xml"))
    chosen = corpus(source | {"network": network})
    assert update.main(chosen) == 0
    site.hits.clear()
    return fetch.main(chosen, RAW)


BOTH = pytest.mark.parametrize("kind", ["podcast", "youtube"])


@BOTH
def test_a_cut_connection_is_resumed_where_it_broke(site: Site, mp3: bytes, kind: str) -> None:
    site.put("/a.mp3", mp3)
    site.once["/a.mp3"] = [Reply(mp3, "audio/mpeg", only=40_000)]
    fetch_one(site, kind, retries=2)
    (resumed,) = site.ranges
    assert 0 < int(resumed.removeprefix("bytes=").removesuffix("-")) <= 40_000
    assert (RAW / record().item / "recording.mp3").read_bytes() == mp3


@BOTH
def test_a_connection_that_is_always_cut_fails_its_item(site: Site, mp3: bytes, kind: str) -> None:
    site.pages["/a.mp3"] = Reply(mp3, "audio/mpeg", only=0)
    with pytest.raises(LecternError, match=r"Check the network and run it again"):
        fetch_one(site, kind, retries=2)
    assert site.asked("/a.mp3") == 3
    assert items.read(RAW) == {}


@BOTH
@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_waited_for(site: Site, mp3: bytes, kind: str, status: int) -> None:
    site.put("/a.mp3", mp3)
    site.once["/a.mp3"] = [Reply(status=status, headers={"Retry-After": "0"})]
    assert fetch_one(site, kind).made == 1


def test_as_long_as_the_server_asks_and_no_longer_than_allowed(site: Site) -> None:
    network = Network(sleep=0.0, retries=1, longest_wait=1.0)
    site.pages["/a"] = Reply(b"here")
    site.once["/a"] = [Reply(status=429, headers={"Retry-After": "1"})]
    began = time.monotonic()
    assert ytdlp.read(network, reach(site), site.address + "/a") == b"here"
    assert time.monotonic() - began >= 1.0
    for asked in ("4", "Wed, 01 Jan 2125 00:00:00 GMT"):
        site.once["/a"] = [Reply(status=429, headers={"Retry-After": asked})]
        with pytest.raises(
            ItemError, match=r"429: Too Many Requests\. It asks to wait \d+ s\. Run it again later"
        ):
            ytdlp.read(network, reach(site), site.address + "/a")
    site.once["/a"] = [Reply(status=429, headers={"Retry-After": "soon"})]
    assert ytdlp.read(network, reach(site), site.address + "/a") == b"here"


@pytest.mark.parametrize(
    ("status", "tries", "remedy"),
    [
        (404, 1, "It no longer exists: remove its line"),
        (410, 1, "It no longer exists: remove its line"),
        (401, 1, "LECTERN_COOKIES"),
        (403, 1, "LECTERN_COOKIES"),
        (429, 2, "Run it again later, or raise network.sleep"),
        (500, 2, "The site has an error"),
    ],
)
@BOTH
def test_what_is_refused_fails_its_item_with_a_remedy(
    site: Site, kind: str, status: int, tries: int, remedy: str
) -> None:
    site.pages["/a.mp3"] = Reply(status=status)
    with pytest.raises(LecternError, match=rf"127\.0\.0\.1:\d+/[a-z.3]+: .*{status}.*{remedy}"):
        fetch_one(site, kind)
    assert site.asked("/a.mp3") == tries


@BOTH
def test_a_server_that_says_nothing_is_given_up(site: Site, kind: str) -> None:
    site.pages["/a.mp3"] = Reply(hang=True)
    with pytest.raises(LecternError, match=r"read timeout=0\.2.*Check the network"):
        fetch_one(site, kind, timeout=0.2, retries=0)


def test_nobody_there_is_told(site: Site) -> None:
    network = Network(sleep=0.0, retries=0)
    with pytest.raises(ItemError, match=r"refused.*Check the network"):
        ytdlp.read(network, Reach(("127.0.0.1:1",)), "http://127.0.0.1:1/feed")


@BOTH
@pytest.mark.parametrize("length", [True, False])
def test_a_file_above_the_limit_is_not_downloaded(site: Site, mp3: bytes, kind: str, length: bool) -> None:
    body = mp3 * 20  # 2.1 MB
    # without its length the limit only shows on the way
    site.pages["/a.mp3"] = Reply(
        body, "audio/mpeg", headers={} if length else {"Content-Length": None}, only=len(body)
    )
    with pytest.raises(LecternError, match=r"larger than network\.max_megabytes \(1\)"):
        fetch_one(site, kind, max_megabytes=1)


@BOTH
@pytest.mark.parametrize("stated", [True, False])
def test_a_file_above_the_limit_is_given_up_as_soon_as_it_shows(
    site: Site, mp3: bytes, kind: str, stated: bool
) -> None:
    """By the length that a site states before it has sent so much, and else by what came, though it never ends."""
    body = mp3 * 20  # 2.1 MB
    if stated:
        site.pages["/a.mp3"] = Reply(body, "audio/mpeg", only=40_000, stays=True)
    else:
        site.pages["/a.mp3"] = Reply(body, "audio/mpeg", headers={"Content-Length": None}, stays=True)
    with pytest.raises(LecternError, match=r"larger than network\.max_megabytes \(1\)"):
        fetch_one(site, kind, max_megabytes=1, timeout=0.5, retries=0)


def test_a_large_feed_is_not_read_to_its_end(site: Site) -> None:
    site.put("/feed", b" " * 2000)
    with pytest.raises(ItemError, match="larger than"):
        ytdlp.read(Network(sleep=0.0), reach(site), site.address + "/feed", limit=1000)


def failed_by(cause: Exception, way: str) -> Exception:
    """An error of yt-dlp, which names the true one in one of four ways."""
    from yt_dlp.utils import DownloadError, ExtractorError

    error: Exception = DownloadError("it failed", (type(cause), cause, None) if way == "exc_info" else None)
    if way == "cause":
        error = ExtractorError("it failed", cause=cause)
    elif way != "exc_info":
        setattr(error, way, cause)
    return error


@pytest.mark.parametrize("way", ["exc_info", "cause", "__cause__", "__context__"])
@pytest.mark.parametrize(("status", "tries"), [(503, 3), (404, 1)])
def test_what_a_site_answered_is_found_behind_the_errors_that_it_led_to(
    way: str, status: int, tries: int
) -> None:
    from yt_dlp.networking import Response
    from yt_dlp.networking.exceptions import HTTPError

    asked: list[int] = []

    def ask() -> None:
        asked.append(1)
        reply = Response(io.BytesIO(), "https://example.org/a", {}, status=status)
        raise failed_by(failed_by(HTTPError(reply), way), way)

    remedy = "The site has an error" if status == 503 else "It no longer exists"
    with pytest.raises(ItemError, match=remedy):
        ytdlp.persistently("https://example.org/a", Network(sleep=0.0, retries=2), ask)
    assert len(asked) == tries


def test_a_full_disk_stops_the_stage_and_is_no_fault_of_the_item(
    site: Site, mp3: bytes, tmp_path: Path
) -> None:
    import errno

    def write() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        ytdlp.persistently("https://example.org", Network(), write)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("see https://ada:pw@example.org/a?token=x#y.", "see https://example.org/a"),
        ("(https://example.org/a?b) and http://c.d", "(https://example.org/a) and http://c.d"),
        ("no address at all?", "no address at all?"),
    ],
)
def test_no_query_and_no_user_is_in_a_message(text: str, kept: str) -> None:
    assert secrets.without_secrets(text) == kept


def test_a_secret_is_hidden_in_every_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LECTERN_A", "x/y z")
    url = Template("https://example.org/?t={LECTERN_A}")
    assert url.expand() == "https://example.org/?t=x/y z"
    forms = ["x/y z", "x/y%20z", "x%2Fy%20z", "x%2fy+z", "%78/y z", "x%252Fy%2520z", r"x\/y z"]
    assert template.hide(", ".join(forms), url) == ", ".join(["{LECTERN_A}"] * len(forms))
    assert template.hide("x/y z", Template("https://example.org")) == "x/y z"
    monkeypatch.delenv("LECTERN_A")
    with pytest.raises(ItemError, match="export LECTERN_A="):
        url.expand()


def test_only_variables_for_this_purpose_are_filled_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    monkeypatch.setenv("LECTERN_A", "x")
    monkeypatch.delenv("NOT_SET", raising=False)
    url = Template("https://example.org/{HOME}/{NOT_SET}/{LECTERN_A}")
    assert url.expand() == "https://example.org/{HOME}/{NOT_SET}/x"
    assert template.fill("https://example.org/{HOME}?{LECTERN_A}", [url]) == "https://example.org/{HOME}?x"


def test_a_secret_that_holds_another_is_hidden_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"LECTERN_A": "word", "LECTERN_B": "password1", "LECTERN_C": "swor"}.items():
        monkeypatch.setenv(name, value)
    texts = [
        Template(f"https://example.org/?k={{{name}}}") for name in ("LECTERN_A", "LECTERN_B", "LECTERN_C")
    ]
    for order in (texts, texts[::-1]):
        assert template.hide("password1, word, swor", *order) == "{LECTERN_B}, {LECTERN_A}, {LECTERN_C}"
