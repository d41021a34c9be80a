"""What somebody else may not do, who writes a feed, a page or a redirect: read a secret, reach a private host.

`site` is the user's own; `elsewhere` is a stranger's host, or a service of this machine that nobody meant to be asked.
"""

import base64
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus, unquote

import pytest

from lectern.core.errors import ItemError, LecternError
from lectern.settings.sources import Network, parse_source
from lectern.sources import connecting, listing, ytdlp
from lectern.sources.addresses import Reach
from lectern.tools import update
from stages import fetch
from tests.support import server
from tests.support.corpora import HASTE, RAW, corpus, entry, everything_in_data, feed, podcast, record, videos
from tests.support.server import Reply, Site

pytestmark = pytest.mark.usefixtures("project")

SECRET = "k3y-0f-ours"
ASKED = "{LECTERN_API_KEY}"
MARK = "?k=" + ASKED
VTT = "WEBVTT\n\n00:00.000 --> 00:01.000\nWhy?\n"
CHAPTERS = json.dumps({"chapters": [{"startTime": 0, "title": "A"}]})


@pytest.fixture
def elsewhere() -> Iterator[Site]:
    with server.serve() as running:
        yield running


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LECTERN_API_KEY", SECRET)


def place(*sites: Site) -> list[str]:
    return [site.address.removeprefix("http://") for site in sites]


def run(chosen: dict[str, Any]) -> None:
    """`lectern update` and `dvc repro fetch`, whatever comes of them."""
    update.main(corpus(chosen))
    if listing.path(chosen["name"]).is_file():
        fetch.main(corpus(chosen, allow_failed=1.0), RAW)


def page(media: str) -> str:
    return f'<!DOCTYPE html><html><title>Talk</title><body><video src="{media}"></video></body></html>'


def playlist(media: str) -> str:
    return (
        '<?xml version="1.0"?><playlist version="1" xmlns="http://xspf.org/ns/0/"><trackList>'
        f"<track><title>T</title><location>{media}</location></track></trackList></playlist>"
    )


def stream(piece: str) -> str:
    return f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{piece}\n#EXT-X-ENDLIST\n"


Trap = Callable[[Site, str, bytes], dict[str, Any]]
"""Puts something on the user's site that leads to an address; returns the source that finds it."""


def enclosure(site: Site, url: str, mp3: bytes) -> dict[str, Any]:
    return podcast(site.put("/feed", feed(entry(1, url))))


def transcript(site: Site, url: str, mp3: bytes) -> dict[str, Any]:
    more = f"<podcast:transcript url='{url}' type='text/vtt'/>"
    return podcast(site.put("/feed", feed(entry(1, site.put("/1.mp3", mp3), more))))


def chapters(site: Site, url: str, mp3: bytes) -> dict[str, Any]:
    more = f"<podcast:chapters url='{url}' type='application/json+chapters'/>"
    return podcast(site.put("/feed", feed(entry(1, site.put("/1.mp3", mp3), more))))


def next_page(site: Site, url: str, mp3: bytes) -> dict[str, Any]:
    more = f"<atom:link rel='next' href='{url}'/>"
    return podcast(site.put("/feed", feed(entry(1, site.put("/1.mp3", mp3)), more=more)))


def redirect_of_a_feed(site: Site, url: str, mp3: bytes) -> dict[str, Any]:
    site.pages["/feed"] = Reply(status=302, headers={"Location": url})
    return podcast(site.address + "/feed")


def redirect_of_a_recording(site: Site, url: str, mp3: bytes) -> dict[str, Any]:
    site.pages["/1.mp3"] = Reply(status=302, headers={"Location": url})
    return podcast(site.put("/feed", feed(entry(1, site.address + "/1.mp3"))))


def entry_of_a_playlist(site: Site, url: str, mp3: bytes) -> dict[str, Any]:
    return videos(site.put("/list.xspf", playlist(url), "application/xspf+xml"))


def video_of_a_page(site: Site, url: str, mp3: bytes) -> dict[str, Any]:
    return videos(site.put("/page", page(url), "text/html"))


def entry_of_a_feed(site: Site, url: str, mp3: bytes) -> dict[str, Any]:
    """yt-dlp reads feeds too, as playlists of links."""
    item = f"<item><title>T</title><link>{url}</link></item>"
    return videos(site.put("/rss", feed(item), "application/rss+xml"))


def redirect_of_a_video(site: Site, url: str, mp3: bytes) -> dict[str, Any]:
    site.pages["/go"] = Reply(status=302, headers={"Location": url})
    return videos(site.address + "/go")


def piece_of_a_stream(site: Site, url: str, mp3: bytes) -> dict[str, Any]:
    return videos(site.put("/live.m3u8", stream(url), "application/vnd.apple.mpegurl"))


TRAPS: list[Trap] = [
    enclosure,
    transcript,
    chapters,
    next_page,
    redirect_of_a_feed,
    redirect_of_a_recording,
    entry_of_a_playlist,
    entry_of_a_feed,
    video_of_a_page,
    redirect_of_a_video,
    piece_of_a_stream,
]
EACH = pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.__name__)


def lay(trap: Trap, site: Site, url: str, mp3: bytes, **options: Any) -> dict[str, Any]:
    return trap(site, url, mp3) | options


@EACH
def test_a_secret_that_a_stranger_names_goes_nowhere(
    site: Site, elsewhere: Site, mp3: bytes, trap: Trap
) -> None:
    elsewhere.put("/a.mp3", mp3)
    run(lay(trap, site, elsewhere.address + "/a.mp3" + MARK, mp3, hosts=place(elsewhere)))
    hits = [unquote(hit) for hit in elsewhere.hits + site.hits]
    assert any(
        hit.startswith("/a.mp3") and hit.endswith(MARK) for hit in hits
    )  # it is asked, as it is written
    assert not any(SECRET in hit for hit in hits)
    assert SECRET.encode() not in everything_in_data()


@pytest.mark.parametrize("trap", [enclosure, transcript, chapters, next_page])
def test_not_even_where_the_feed_is_private(
    site: Site, elsewhere: Site, mp3: bytes, trap: Trap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LECTERN_FEED_TOKEN", "t0ken-0f-the-feed")
    elsewhere.put("/a.mp3", mp3)
    url = elsewhere.address + "/a.mp3?k={LECTERN_API_KEY}{LECTERN_FEED_TOKEN}"
    source = lay(trap, site, url, mp3, hosts=place(elsewhere))
    run(source | {"feed": source["feed"] + "?token={LECTERN_FEED_TOKEN}"})
    assert elsewhere.hits
    assert not any(SECRET in hit or "t0ken" in hit for hit in elsewhere.hits)
    assert any("t0ken" in hit for hit in site.hits)
    assert b"t0ken" not in everything_in_data()


def test_a_listing_gets_a_secret_back_for_the_host_alone_that_the_user_wrote_beside_it(
    site: Site, elsewhere: Site, mp3: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LECTERN_SITE_KEY", "s1te-key")
    site.put("/s1te-key/list.xspf", playlist(site.address + "/s1te-key/a.mp3"), "application/xspf+xml")
    site.put("/s1te-key/a.mp3", mp3)
    for other in (site, elsewhere):
        other.put("/b.mp3", mp3)
    source = videos(site.address + "/{LECTERN_SITE_KEY}/list.xspf", hosts=place(elsewhere))
    update.main(corpus(source))
    (row,) = listing.read("talks")
    assert row.url == site.address + "/{LECTERN_SITE_KEY}/list.xspf"
    lines = [row]
    for number, url in enumerate(
        [
            elsewhere.address + "/b.mp3?k={LECTERN_SITE_KEY}",
            site.address + "/b.mp3?k={LECTERN_API_KEY}",  # the user wrote this secret for no host
            site.address.replace("http://", "http://{LECTERN_SITE_KEY}@") + "/b.mp3?second",
            site.address + "@" + elsewhere.address.removeprefix("http://") + "/b.mp3?{LECTERN_SITE_KEY}",
            elsewhere.address + "\\@" + site.address.removeprefix("http://") + "/b.mp3?{LECTERN_SITE_KEY}",
        ]
    ):
        lines.append(row.model_copy(update={"item": f"b-{number}", "key": f"b{number}", "url": url}))
    listing.path("talks").write_text("".join(line.model_dump_json() + "\n" for line in lines))
    site.hits.clear()
    fetch.main(corpus(source, allow_failed=1.0), RAW)
    assert "/s1te-key/a.mp3" in site.hits
    assert not any("s1te-key" in hit for hit in elsewhere.hits)
    asked = [hit for hit in site.hits if hit.startswith("/b.mp3")]
    assert len(asked) >= 2
    assert not any(SECRET in hit for hit in asked), asked
    assert b"s1te-key" not in everything_in_data()


def test_a_page_whose_address_is_secret_tells_no_other_host_of_it(
    site: Site, elsewhere: Site, mp3: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LECTERN_SITE_KEY", "s1te-key")
    monkeypatch.setenv("LECTERN_USER", "ada")
    elsewhere.put("/a.mp3", mp3)
    site.put("/s1te-key/page", page(elsewhere.address + "/a.mp3"), "text/html")
    site.put("/s1te-key/page2", page(site.address + "/go.mp3"), "text/html")
    site.pages["/go.mp3"] = Reply(status=302, headers={"Location": elsewhere.address + "/a.mp3?redirected"})
    own = site.address.replace("http://", "http://{LECTERN_USER}:{LECTERN_SITE_KEY}@")
    run(
        videos(
            own + "/{LECTERN_SITE_KEY}/page",
            own + "/{LECTERN_SITE_KEY}/page2?k={LECTERN_SITE_KEY}",
            hosts=place(elsewhere),
        )
    )
    assert any("redirected" in hit for hit in elsewhere.hits)
    assert any("s1te-key" in hit for hit in site.hits)
    sent = [text for headers in elsewhere.headers for text in headers.values()]
    assert not any("s1te-key" in text for text in sent)
    assert not any("Authorization" in headers or "Cookie" in headers for headers in elsewhere.headers)
    assert any("Authorization" in headers for headers in site.headers)
    assert b"s1te-key" not in everything_in_data()


@pytest.mark.parametrize("status", [302, 307])
def test_a_private_feed_that_leads_elsewhere_takes_no_secret_along(
    site: Site,
    elsewhere: Site,
    mp3: bytes,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    status: int,
) -> None:
    secrets = {"LECTERN_USER": "ada-0f-ours", "LECTERN_PASS": "p4ss+w", "LECTERN_FEED_TOKEN": "t0ken+0f/us"}
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    elsewhere.put("/1.mp3", mp3)
    elsewhere.put("/c.json", CHAPTERS)
    more = f"<podcast:chapters url='{site.address}/c.json' type='application/json+chapters'/>"
    entries = [entry(n, f"{site.address}/{n}.mp3", more) for n in (1, 2)]
    elsewhere.put("/feed", feed(*entries))
    for path in ("/feed", "/1.mp3", "/2.mp3", "/c.json"):
        leads = {
            "Location": elsewhere.address + path,
            "Set-Cookie": "s=t0ken+0f/us",
            "WWW-Authenticate": "Basic",
        }
        site.pages[path] = Reply(b"t0ken+0f/us", status=status, headers=leads)
    own = site.address.replace("http://", "http://{LECTERN_USER}:{LECTERN_PASS}@")
    run(podcast(own + "/feed?token={LECTERN_FEED_TOKEN}", hosts=place(elsewhere)))
    assert {"/feed", "/1.mp3", "/c.json", "/2.mp3"} <= set(elsewhere.hits)
    assert any("t0ken" in hit for hit in site.hits)
    assert any("Authorization" in headers for headers in site.headers)
    sent = [f"{name}: {text}" for headers in elsewhere.headers for name, text in headers.items()]
    assert not any(text.startswith(("Authorization", "Referer")) and "/feed" in text for text in sent)
    pair = base64.b64encode(f"{secrets['LECTERN_USER']}:{secrets['LECTERN_PASS']}".encode()).decode()
    forms = [pair, *secrets.values(), *map(quote_plus, secrets.values()), "t0ken", "p4ss", "ada-0f"]
    told = "".join(capfd.readouterr())
    kept = everything_in_data().decode(errors="replace")
    assert record().item
    for form in forms:
        assert not any(
            form in unquote(text) for text in [*sent, *elsewhere.hits] if not text.startswith("Cookie")
        )
        assert form not in told
        assert form not in kept


def test_what_a_private_feed_links_to_is_kept_without_the_secrets_in_it(
    site: Site, mp3: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LECTERN_FEED_TOKEN", "t0ken/0f")
    more = (
        f"<podcast:chapters url='{site.address}/c.json' type='application/json+chapters'/>"
        f"<podcast:transcript url='{site.address}/t.vtt' type='text/vtt'/>"
    )
    marks = [
        {"startTime": 0, "title": "A t0ken/0f", "img": "https://example.org/x?token=t0ken%2f0f&u=personal-77"}
    ]
    site.put("/c.json", json.dumps({"chapters": marks}).replace("/", "\\/"))
    site.put("/t.vtt", VTT + "\n00:01.000 --> 00:02.000\nhttps://example.org/?a=personal-77 t0ken%252f0f\n")
    site.put("/feed", feed(entry(1, site.put("/1.mp3", mp3), more)))
    run(podcast(site.address + "/feed?token={LECTERN_FEED_TOKEN}"))
    assert [chapter.title for chapter in record().chapters] == ["A {LECTERN_FEED_TOKEN}"]
    kept = everything_in_data()
    assert b"Why?" in kept
    for trace in (b"t0ken", b"personal-77"):
        assert trace not in kept


SPELLINGS = [
    "localhost",
    "localhost.",
    "LOCALHOST",
    "127.1",
    "127.0.0.2",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "0.0.0.0",
    "0",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:127.0.0.1]",
    "public@127.0.0.1",
    "example.org:80@127.0.0.1",
    "１２７.0.0.1",
]


@EACH
def test_no_other_door_of_this_machine_is_reached_in_any_spelling(
    site: Site, elsewhere: Site, mp3: bytes, trap: Trap
) -> None:
    elsewhere.put("/a.mp3", mp3)
    port = elsewhere.address.rpartition(":")[2]
    # Each spelling is tried below; here, that each trap is in the same guard.
    for number, host in enumerate(["127.0.0.1", "0x7f.1"]):
        source = lay(trap, site, f"http://{host}:{port}/a.mp3", mp3)
        run(source | {"name": f"try-{number}", "network": {"retries": 0}})
        assert elsewhere.hits == [], host


@pytest.mark.parametrize("host", ["127.0.0.1", *SPELLINGS])
def test_no_connection_is_made_to_a_private_address_in_any_spelling(site: Site, host: str) -> None:
    with pytest.raises(
        ItemError, match=r"private address .*allow_private: true|Name or service|no host|Invalid|label"
    ):
        ytdlp.read(
            Network(**{**HASTE, "retries": 0}),
            Reach(),
            site.address.replace("127.0.0.1", host) + "/a",
        )
    assert site.hits == []


def test_the_own_host_needs_the_switch_as_a_web_site_does(
    site: Site, mp3: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    site.put("/feed", feed(entry(1, site.put("/1.mp3", mp3))))
    for source in (podcast(site.address + "/feed"), videos(site.address + "/1.mp3")):
        del source["allow_private"]
        assert update.main(corpus(source)) == 1
        assert (
            "private address 127.0.0.1, which a source may only ask with `allow_private: true`"
            in capsys.readouterr().err
        )
    assert site.hits == []


def test_a_secret_before_the_host_cannot_become_the_host(
    site: Site, elsewhere: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LECTERN_API_KEY", elsewhere.address.removeprefix("http://") + "/k3y-0f-ours")
    feed_of_mine = f"http://{ASKED}@{place(site)[0]}/feed"
    update.main(corpus(podcast(feed_of_mine, hosts=place(site, elsewhere))))
    said = "".join(capsys.readouterr())
    assert "LECTERN_API_KEY holds a character that may not stand before a host" in said
    assert elsewhere.hits == site.hits == []


def test_a_page_that_is_gone_does_not_hide_a_secret_video_of_another(site: Site, mp3: bytes) -> None:
    links = [site.put(f"/{name}.mp3", mp3) + "?token=an-0ther-secret" for name in ("a", "b")]
    pages = [
        site.put(f"/rss-{n}", feed(linked(link, f"Talk {n}")), "application/rss+xml")
        for n, link in enumerate(links)
    ]
    update.main(corpus(videos(*pages)))
    gone = next(path for path in site.pages if path.startswith("/rss"))
    del site.pages[gone]
    fetch.main(corpus(videos(*pages), allow_failed=0.5), RAW)
    assert len(list(RAW.glob("*/recording.*"))) == 1


def test_two_videos_that_only_a_secret_tells_apart_are_named(
    site: Site, mp3: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    links = [site.put("/v.mp3", mp3) + f"?token={name}" for name in ("an-0ther-secret", "a-th1rd-secret")]
    listed = feed(*(linked(link, title) for title, link in zip("AB", links, strict=True)))
    update.main(corpus(videos(site.put("/rss", listed, "application/rss+xml"))))
    assert "'A' and 'B' differ only in what may be a secret" in "".join(capsys.readouterr())


def linked(link: str, title: str = "T") -> str:
    return f"<item><title>{title}</title><link>{link}</link></item>"


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "[fe80::1]",
        "224.0.0.1",
        "0.0.0.0",
        "[::ffff:169.254.1.1]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:a9fe:a9fe::1]",
    ],
)
def test_some_addresses_are_asked_for_nobody(address: str) -> None:
    with pytest.raises(ItemError, match="private address"):
        ytdlp.read(Network(**HASTE), Reach((address,)), f"http://{address}/latest/meta-data")


@pytest.mark.parametrize(
    "address", ["64:ff9b::7f00:1", "2002:7f00:1::", "::1", "fd00::1", "10.0.0.1", "192.168.0.1"]
)
def test_no_address_of_a_host_is_tried_where_one_of_them_is_private(
    monkeypatch: pytest.MonkeyPatch, site: Site, address: str
) -> None:
    answers = ["93.184.215.14", address]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: [(2, 1, 6, "", (answer, 80)) for answer in answers])
    with pytest.raises(connecting.refused(), match="private address"):
        connecting.connect(Reach(), "example.org", 80)


def test_a_name_that_answers_differently_the_second_time_gains_nothing(
    site: Site, elsewhere: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each connection resolves the name once, and is made to what was checked."""
    real, asked = socket.getaddrinfo, []
    port = int(site.address.rpartition(":")[2])

    def resolve(host: str, *rest: Any, **more: Any) -> Any:
        if host != "rebind.example":
            return real(host, *rest, **more)
        asked.append(host)
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]
        return found if len(asked) == 1 else [(*found[0][:4], ("127.0.0.3", port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    site.put("/a", "here")
    reach = Reach((f"rebind.example:{port}",))
    assert ytdlp.read(Network(**HASTE), reach, f"http://rebind.example:{port}/a") == b"here"
    assert asked == ["rebind.example"]


@pytest.mark.parametrize(
    ("trap", "scheme"),
    [
        *((trap, scheme) for trap in TRAPS for scheme in ("ftp", "data")),
        *(
            (trap, "file")
            for trap in (enclosure, redirect_of_a_recording, video_of_a_page, piece_of_a_stream)
        ),
        *(
            (trap, scheme)
            for trap in (entry_of_a_playlist, video_of_a_page)
            for scheme in ("rtmp", "ws", "gopher")
        ),
    ],
)
def test_nothing_but_http_and_https_is_asked(
    site: Site, mp3: bytes, trap: Trap, scheme: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "private.mp3").write_bytes(mp3)
    with Door() as (port, callers):
        helpers(project, monkeypatch)
        url = {
            "file": f"file://{project}/private.mp3",
            "data": "data:audio/mpeg;base64,//uQxAAAAAAAAAAAAAAAAAAAAAAAWGluZwAAAA8AAAACAAACcQ==",
        }.get(scheme, f"{scheme}://127.0.0.1:{port}/a.mp3")
        run(lay(trap, site, url, mp3, network={"timeout": 1.0, "retries": 0}))
    assert callers == []
    assert not (project / "started").exists()
    recordings = list(RAW.glob("*/recording.*"))
    assert len(recordings) == (trap in (transcript, chapters, next_page))


def test_a_stream_is_read_by_no_helper_that_asks_by_itself(
    site: Site, mp3: bytes, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    helpers(project, monkeypatch)
    site.put("/a.mp3", mp3)
    unknown = stream("/a.mp3").replace("#EXTINF", '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="/key"\n#EXTINF')
    run(videos(site.put("/live.m3u8", unknown, "application/vnd.apple.mpegurl")))
    run(videos(site.put("/good.m3u8", stream("/a.mp3"), "application/vnd.apple.mpegurl"), name="good"))
    assert not (project / "started").exists()
    assert len(list(RAW.glob("*/recording.*"))) == 1  # the pieces of the second come from the user's own host


def test_over_https_the_address_is_checked_and_the_certificate_too(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server.serve(certificate(project)) as secure:
        secure.put("/a", "here")
        url = secure.address.replace("127.0.0.1", "localhost") + "/a"
        reach = Reach((url.split("/")[2],))
        with pytest.raises(ItemError, match=r"(?i)certificate"):
            ytdlp.read(Network(**HASTE), reach, url)
        monkeypatch.setattr("certifi.where", lambda: str(project / "certificate.pem"))
        assert ytdlp.read(Network(**HASTE), reach, url) == b"here"
        with pytest.raises(ItemError, match="private address"):
            ytdlp.read(Network(**HASTE), Reach(), url)
        assert secure.hits == ["/a"]


def certificate(folder: Path) -> Path:
    """A file with a key and a certificate for localhost that nobody has signed."""
    import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    begin = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + datetime.timedelta(days=9))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "certificate.pem"
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


def test_a_proxy_of_the_environment_is_not_used(
    site: Site, elsewhere: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It resolves names itself, so that no address could be checked."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, elsewhere.address)
    site.put("/a", "here")
    assert ytdlp.read(Network(**HASTE), Reach(tuple(place(site))), site.address + "/a") == b"here"
    assert elsewhere.hits == []


BAD_PAGES = {
    "gone": "/nothing",
    "no feed": "/1.mp3",
    "refused": "http://169.254.169.254/feed",
    "no address": "http://[bad/",
    "another scheme": "ftp://127.0.0.1/feed",
    "nobody there": "http://127.0.0.1:1/feed",
}


@pytest.mark.parametrize(
    ("url", "private"), [*((url, True) for url in BAD_PAGES.values()), (BAD_PAGES["refused"], False)]
)
def test_a_bad_next_page_costs_that_page_alone(
    site: Site,
    mp3: bytes,
    url: str,
    private: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("LECTERN_FEED_TOKEN", "t0ken")
    source = next_page(site, url, mp3) | {"network": {"retries": 0}}
    source["feed"] += "?token={LECTERN_FEED_TOKEN}" if private else ""
    problems = update.main(corpus(source))
    assert [episode.title for episode in listing.read("show")] == ["Episode 1"]
    said = capsys.readouterr().err
    if url.startswith(("http://[", "ftp:")):
        assert problems == 0  # no page at all
    else:
        assert problems == 1
        assert ("page 2" if private else "/") in said
        assert "The pages before it were read" in said
    assert "t0ken" not in said
    fetch.main(corpus(source), RAW)
    assert record().title == "Episode 1"


def test_an_enclosure_that_is_no_address_costs_its_episode_alone(site: Site, mp3: bytes) -> None:
    bad = entry(2, "http://[bad/2.mp3", title="Bad")
    run(podcast(site.put("/feed", feed(bad, entry(1, site.put("/1.mp3", mp3))))))
    assert record().title == "Episode 1"


# What a secret looks like is known in one place; each trap asks there.
@pytest.mark.parametrize(
    ("trap", "query"),
    [
        (enclosure, "?token=an-0ther-secret"),
        (enclosure, "?X-Amz-Signature=an-0ther-secret"),
        (transcript, "?Expires=1&Signature=an-0ther-secret"),
        (entry_of_a_playlist, "?X-Amz-Signature=an-0ther-secret"),
        (entry_of_a_feed, "?token=an-0ther-secret"),
        (video_of_a_page, "?Expires=1&Signature=an-0ther-secret"),
    ],
)
def test_an_address_with_a_secret_of_its_own_is_asked_and_not_kept(
    site: Site, mp3: bytes, trap: Trap, query: str
) -> None:
    site.put("/a.mp3", mp3)
    url = (site.address + "/a.mp3" + query).replace("&", "&amp;")
    source = trap(site, url, mp3)
    run(source)
    assert any(query in hit for hit in site.hits)
    assert len(list(RAW.glob("*/recording.*"))) == 1
    assert b"an-0ther-secret" not in everything_in_data()
    before = listing.path(source["name"]).read_bytes()
    update.main(corpus(source))
    assert listing.path(source["name"]).read_bytes() == before


def test_a_secret_address_that_an_earlier_version_listed_leaves_the_listing(site: Site, mp3: bytes) -> None:
    url = site.put("/1.mp3", mp3)
    source = podcast(site.put("/feed", feed(entry(1, url))))
    update.main(corpus(source))
    path = listing.path("show")
    path.write_text(path.read_text().replace("/1.mp3", "/1.mp3?token=an-0ther-secret"))
    update.main(corpus(source))
    assert "an-0ther-secret" not in path.read_text()
    fetch.main(corpus(source), RAW)
    assert record().title == "Episode 1"


def test_a_user_and_a_password_in_an_address_of_a_site_reach_no_file(site: Site, mp3: bytes) -> None:
    site.put("/a.mp3", mp3)
    url = site.address.replace("http://", "http://ada:an-0ther-secret@") + "/a.mp3"
    show = podcast(site.put("/feed", feed(entry(1, url, f"<link>{url}</link>").replace("guid-1", url))))
    for source in (show, entry_of_a_playlist(site, url, mp3)):
        run(source)
        assert len(list(RAW.glob("*/recording.*"))) == 1
        assert b"an-0ther-secret" not in everything_in_data()


class Door:
    """A port of this machine that notes who connects."""

    def __enter__(self) -> tuple[int, list[Any]]:
        self.socket, self.callers = socket.create_server(("127.0.0.1", 0)), []  # type: ignore[var-annotated]
        threading.Thread(target=self._accept, daemon=True).start()
        return self.socket.getsockname()[1], self.callers

    def _accept(self) -> None:
        try:
            while True:
                caller, address = self.socket.accept()
                self.callers.append(address)
                caller.close()
        except OSError:
            return

    def __exit__(self, *_: object) -> None:
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


def helpers(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs that yt-dlp would start; each notes that it was asked for more than its version."""
    folder = project / "bin"
    folder.mkdir(exist_ok=True)
    for name in ("ffmpeg", "ffprobe", "rtmpdump", "curl", "wget", "aria2c", "mplayer"):
        (folder / name).write_text(
            '#!/bin/sh\ncase "$*" in -bsfs|-version|--version|-h|"") echo "$0 version 7.0" ;; '
            f"*) echo \"$0 $*\" >> '{project}/started' ;; esac\n"
        )
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_a_wrong_host_is_named() -> None:
    for source in (podcast("https://example.org/feed"), videos("https://example.org/a")):
        with pytest.raises(LecternError, match=r"hosts: 'http://nas/' is not a host such as"):
            parse_source(source | {"hosts": ["http://nas/"]}, 0)
