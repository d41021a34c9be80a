"""Videos and playlists by the real yt-dlp, from a site of the test's own."""

import json
from pathlib import Path
from typing import Any, ClassVar

import av
import numpy as np
import pytest

from lectern.core import io, items
from lectern.core.errors import LecternError
from lectern.sources import kinds, listing
from lectern.tools import update
from stages import fetch
from tests.support.corpora import RAW, corpus, everything_in_data, get, record, records, videos
from tests.support.corpora import listing as listed
from tests.support.server import Reply, Site

pytestmark = pytest.mark.usefixtures("project")


def page(*media: str, title: str = "Talks") -> str:
    shown = "".join(f'<video src="{address}"></video>' for address in media)
    return f"<!DOCTYPE html><html><head><title>{title}</title></head><body>{shown}</body></html>"


def xspf(*tracks: tuple[str, str]) -> str:
    rows = "".join(
        f"<track><title>{title}</title><location>{url}</location></track>" for title, url in tracks
    )
    return (
        '<?xml version="1.0"?><playlist version="1" xmlns="http://xspf.org/ns/0/"><trackList>'
        f"{rows}</trackList></playlist>"
    )


def film(path: Path, sound: str, container: str) -> bytes:
    """A second of grey picture and of a tone."""
    with av.open(str(path), "w", format=container) as out:
        video, audio = out.add_stream("mpeg4", rate=5), out.add_stream(sound, rate=48000, layout="mono")
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        for _ in range(5):
            out.mux(
                video.encode(av.VideoFrame.from_ndarray(np.full((72, 64), 128, np.uint8), format="yuv420p"))
            )
        tone = (np.sin(np.arange(48000) / 20) * 9000).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(tone, format="s16", layout="mono")
        frame.sample_rate = 48000
        resampler = av.AudioResampler(
            audio.codec_context.format, "mono", 48000, audio.codec_context.frame_size or None
        )
        for resampled in [*resampler.resample(frame), *resampler.resample(None)]:
            out.mux(audio.encode(resampled))
        for stream in (video, audio):
            out.mux(stream.encode(None))
    return path.read_bytes()


def packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(p) for p in container.demux(container.streams.audio[0]) if p.size]


def test_a_recording_a_page_and_a_playlist_come_in_one_source(site: Site, mp3: bytes) -> None:
    a, b = site.put("/a.mp3", mp3), site.put("/b.mp3", mp3 + b"\0")
    site.put("/page", page("/a.mp3"), "text/html")
    site.put("/list.xspf", xspf(("T1", a), ("T2", b)), "application/xspf+xml")
    chosen = corpus(videos(a, site.address + "/page", site.address + "/list.xspf"))
    assert str(get(chosen)) == "made 4, kept 0, removed 0, failed 0"
    assert [e.title for e in listing.read("talks")] == ["a", "Talks (1)", "T1", "T2"]
    assert (
        RAW / next(r.item for r in records() if r.title == "T2") / "recording.mp3"
    ).read_bytes() == mp3 + b"\0"
    assert {(r.kind, r.media) for r in records()} == {("youtube", "recording.mp3")}


def test_what_is_known_of_a_video_is_kept_and_what_changes_daily_is_not(site: Site, mp3: bytes) -> None:
    get(corpus(videos(site.put("/a.mp3", mp3))))
    info = io.read_plain(RAW / record().item / "info.json")
    assert (info["id"], info["extractor"], info["webpage_url"]) == ("a", "generic", site.address + "/a.mp3")
    assert not set(info) & {
        "epoch",
        "formats",
        "url",
        "http_headers",
        "filename",
        "_filename",
        "cookies",
        "timestamp",
    }
    assert str(Path.cwd()) not in json.dumps(info)


def test_a_second_update_and_fetch_change_nothing_and_fetch_nothing(site: Site, mp3: bytes) -> None:
    a, b = site.put("/a.mp3", mp3), site.put("/b.mp3", mp3)
    chosen = corpus(videos(site.put("/list.xspf", xspf(("T1", a), ("T2", b)), "application/xspf+xml")))
    get(chosen)
    before, asked = (listed("talks"), everything_in_data()), len(site.hits)
    assert str(fetch.main(chosen, RAW)) == "made 0, kept 2, removed 0, failed 0"
    assert len(site.hits) == asked
    update.main(chosen)
    assert set(site.hits[asked:]) == {"/list.xspf"}
    assert (listed("talks"), everything_in_data()) == before


def test_a_new_video_of_a_playlist_is_one_row_and_a_vanished_one_stays(site: Site, mp3: bytes) -> None:
    a, b, c = (site.put(f"/{name}.mp3", mp3) for name in "abc")
    chosen = corpus(videos(site.put("/list.xspf", xspf(("T1", a), ("T2", b)), "application/xspf+xml")))
    get(chosen)
    before = listed("talks")
    site.put("/list.xspf", xspf(("T3", c), ("T2", b)), "application/xspf+xml")
    del site.pages["/a.mp3"]
    assert str(get(chosen)) == "made 1, kept 2, removed 0, failed 0"
    assert listed("talks").startswith(before)
    assert [e.title for e in listing.read("talks")] == ["T1", "T2", "T3"]


def test_two_pages_whose_files_have_one_name_are_two_items(site: Site, mp3: bytes) -> None:
    # yt-dlp's archive would call both of them `generic talk`
    chosen = corpus(videos(site.put("/one/talk.mp3", mp3), site.put("/two/talk.mp3", mp3)))
    assert get(chosen).made == 2


def test_one_video_in_two_lists_is_one_item(site: Site, mp3: bytes) -> None:
    a = site.put("/a.mp3", mp3)
    assert get(corpus(videos(a, name="first"), videos(a, name="second"))).made == 1


@pytest.mark.parametrize(
    ("sound", "container", "expected"),
    [
        ("aac", "mp4", "recording.m4a"),
        ("libopus", "webm", "recording.ogg"),
        ("mp2", "mpegts", "recording.mka"),
    ],
)
def test_of_a_film_only_the_sound_is_kept_and_not_coded_again(
    site: Site, project: Path, sound: str, container: str, expected: str
) -> None:
    if container == "webm":
        body = film(project / "film", sound, "matroska")
    else:
        body = film(project / "film", sound, container)
    get(corpus(videos(site.put("/film.mp4", body, "video/mp4"))))
    found = record()
    assert found.media == expected
    kept = RAW / found.item / expected
    with av.open(str(kept)) as container_kept:
        assert [s.type for s in container_kept.streams] == ["audio"]
    assert packets(kept) == packets(project / "film")
    before = kept.read_bytes()
    for path in RAW.glob("*/*"):
        path.unlink()
    fetch.main(corpus(videos(site.address + "/film.mp4")), RAW)
    assert kept.read_bytes() == before  # no random serial number, no time


def test_a_film_without_sound_is_named(site: Site, project: Path) -> None:
    with av.open(str(project / "silent"), "w", format="mp4") as out:
        video = out.add_stream("mpeg4", rate=5)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        out.mux(video.encode(av.VideoFrame.from_ndarray(np.full((72, 64), 128, np.uint8), format="yuv420p")))
        out.mux(video.encode(None))
    body = (project / "silent").read_bytes()
    with pytest.raises(LecternError, match="the download has no sound"):
        get(corpus(videos(site.put("/film.mp4", body, "video/mp4"))))


def test_a_redirect_is_followed_and_the_page_that_was_asked_for_is_what_is_remembered(
    site: Site, mp3: bytes
) -> None:
    site.put("/a.mp3", mp3)
    site.pages["/go"] = Reply(status=302, headers={"Location": "/a.mp3?signature=of-today"})
    get(corpus(videos(site.address + "/go")))
    (row,) = listing.read("talks")
    assert row.url == site.address + "/go"
    assert b"of-today" not in listed("talks")


def test_a_redirect_to_a_file_of_this_machine_is_refused(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.pages["/go"] = Reply(status=302, headers={"Location": "file:///etc/hostname"})
    assert update.main(corpus(videos(site.address + "/go"))) == 1
    assert listing.read("talks") == []


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ytsearch5:logs", "talk.mp3", "ftp://example.org/a.mp3"]
)
def test_only_the_web_is_asked(url: str) -> None:
    with pytest.raises(LecternError, match="is not an http or https address"):
        update.main(corpus(videos(url)))
    Path("urls.txt").write_text(f"# mine\n\n{url}\n")
    chosen = {"kind": "youtube", "name": "talks", "file": "urls.txt"}
    assert update.main(corpus(chosen)) == 1


def test_a_file_of_addresses_serves(site: Site, mp3: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = site.put("/a.mp3", mp3), site.put("/b.mp3", mp3)
    Path("urls.txt").write_text(f"# mine\n{a}\n\n  {b}\n{a}\n")
    assert get(corpus(videos(file="urls.txt"))).made == 2
    update.main(corpus({"kind": "youtube", "name": "talks", "file": "nowhere.txt"}))
    assert "nowhere.txt: cannot be read" in capsys.readouterr().err
    Path("urls.txt").write_bytes(b"\xff\xfe" + a.encode())
    update.main(corpus(videos(file="urls.txt")))
    assert "urls.txt: cannot be read ('utf-8' codec" in capsys.readouterr().err


def test_a_source_that_cannot_be_read_holds_up_no_other(
    site: Site, mp3: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither one with a wrong address in its file, nor one whose listing somebody broke by hand."""
    Path("urls.txt").write_text("ftp://example.org/a.mp3\n")
    Path("data/listings").mkdir(parents=True)
    Path("data/listings/broken.jsonl").write_text("{\n")
    media = site.put("/b.mp3", mp3)
    wrong = {"kind": "youtube", "name": "wrong", "file": "urls.txt"}
    assert update.main(corpus(wrong, videos(media, name="broken"), videos(media, name="more"))) == 2
    assert len(listing.read("more")) == 1
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("update: wrong: urls.txt:1: ")
    assert second.startswith("update: broken: data/listings/broken.jsonl:1: ")
    assert Path("data/listings/broken.jsonl").read_text() == "{\n"


def test_an_address_that_cannot_be_asked_holds_up_no_other(
    site: Site, mp3: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    site.pages["/private"] = Reply(status=403)
    chosen = corpus(
        videos(site.address + "/private", site.put("/a.mp3", mp3)),
        videos(site.address + "/nothing", name="gone"),
        videos(site.put("/b.mp3", mp3), name="more"),
    )
    assert update.main(chosen) == 2
    assert [len(listing.read(name)) for name in ("talks", "gone", "more")] == [1, 0, 1]
    assert "talks: " in (text := capsys.readouterr().err)
    assert "403" in text
    assert "LECTERN_COOKIES" in text
    assert not listing.path("gone").exists()  # so that fetch says that it was never asked


def test_one_private_video_fails_alone(site: Site, mp3: bytes) -> None:
    a, b = site.put("/a.mp3", mp3), site.put("/b.mp3", mp3)
    chosen = videos(site.put("/list.xspf", xspf(("T1", a), ("T2", b)), "application/xspf+xml"))
    update.main(corpus(chosen))
    site.pages["/a.mp3"] = Reply(status=403)
    assert str(fetch.main(corpus(chosen, allow_failed=0.5), RAW)) == "made 1, kept 0, removed 0, failed 1"
    with pytest.raises(LecternError, match=r"403.*LECTERN_COOKIES"):
        fetch.main(corpus(chosen), RAW)


def test_a_video_gone_from_the_site_keeps_its_copy_even_when_other_options_are_wanted(
    site: Site, mp3: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    chosen = videos(site.put("/a.mp3", mp3))
    get(corpus(chosen))
    del site.pages["/a.mp3"]
    assert (
        str(fetch.main(corpus(chosen | {"format": "worstaudio/worst"}), RAW))
        == "made 1, kept 0, removed 0, failed 0"
    )
    assert "Kept what was downloaded earlier" in capfd.readouterr().err
    assert (RAW / record().item / "recording.mp3").read_bytes() == mp3


def test_a_channel_of_lists_is_unfolded_and_a_listed_video_is_not_asked_for_again(
    site: Site, mp3: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A site of its own kind, as yt-dlp's plugins add one: what a channel of YouTube looks like to yt-dlp.
    use_extractors_of(site, monkeypatch)
    site.put("/v/a.mp3", mp3)
    site.put("/v/b.mp3", mp3)
    chosen = corpus(videos(site.address + "/channel/x", site.address + "/watch/c"), allow_failed=0.5)
    assert str(get(chosen)) == "made 2, kept 0, removed 0, failed 1"
    rows = listing.read("talks")
    assert [(e.key, e.title) for e in rows] == [
        ("localvideo a", "Talk a"),
        ("localvideo b", "Talk b"),
        ("localvideo c", "Talk c"),
    ]
    found = next(r for r in records() if r.title == "Talk a")
    assert (found.description, found.published, found.author) == ("0:00 Why?\n0:10 How?", "2026-11-02", "Ada")
    assert [(c.start, c.title) for c in found.chapters] == [(0, "Why?"), (10, "How?")]
    assert (found.licence, found.url) == ("CC BY 4.0", site.address + "/watch/a")
    assert (RAW / found.item / str(found.subtitles)).read_text().startswith("WEBVTT")
    asked = len(site.hits)
    update.main(chosen)
    assert site.hits[asked:] == [
        "/channel/x",
        "/list/1",
        "/list/2",
    ]  # not /watch/c: yt-dlp's archive holds it


def test_days_are_asked_for_only_when_limits_need_them(
    site: Site, mp3: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_extractors_of(site, monkeypatch)
    site.put("/v/a.mp3", mp3)
    plain = videos(site.address + "/list/1")
    update.main(corpus(plain))
    assert site.hits == ["/list/1"]
    assert listing.read("talks")[0].published is None
    dated = plain | {"after": "2026-11-01", "before": "2026-11-02"}
    with pytest.raises(LecternError, match=r"`lectern update`, which adds missing days"):
        fetch.main(corpus(dated), RAW)
    assert get(corpus(dated)).made == 1
    assert listing.read("talks")[0].published == "2026-11-02"
    asked = len(site.hits)
    update.main(corpus(dated))
    assert site.hits[asked:] == ["/list/1"]


def test_subtitles_that_cannot_be_had_cost_no_recording(
    site: Site, mp3: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_extractors_of(site, monkeypatch)
    site.put("/v/a.mp3", mp3)
    site.pages["/s/a.vtt"] = Reply(status=404)
    get(corpus(videos(site.address + "/watch/a")))
    assert record().subtitles is None
    assert items.facts(RAW)[record().item]["missing"] == ["subtitles"]


def test_cookies_are_sent_and_their_file_is_left_alone(
    site: Site, mp3: bytes, monkeypatch: pytest.MonkeyPatch, project: Path
) -> None:
    jar = project / "cookies.txt"
    jar.write_text("# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t2145916800\tsession\ts3cr3t\n")
    before = jar.stat().st_mtime_ns, jar.read_text()
    monkeypatch.setenv("LECTERN_COOKIES", str(jar))
    get(corpus(videos(site.put("/a.mp3", mp3))))
    assert set(site.cookies) == {"session=s3cr3t"}
    assert (jar.stat().st_mtime_ns, jar.read_text()) == before
    assert b"s3cr3t" not in everything_in_data()
    assert str(jar).encode() not in everything_in_data()
    jar.write_text("no such format")
    with pytest.raises(LecternError, match="LECTERN_COOKIES does not name a cookies file"):
        fetch.main(corpus(videos(site.address + "/a.mp3")), Path("data/other"))
    jar.unlink()
    assert update.main(corpus(videos(site.address + "/a.mp3"))) == 1


def test_a_secret_in_an_address_stays_in_the_environment(
    site: Site, mp3: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LECTERN_KEY", "s3cr3t")
    site.put("/s3cr3t/a.mp3", mp3)
    get(corpus(videos(site.address + "/{LECTERN_KEY}/a.mp3")))
    assert b"s3cr3t" not in everything_in_data()
    assert b"/{LECTERN_KEY}/a.mp3" in everything_in_data()


@pytest.mark.parametrize(
    "reply", [Reply(status=404), Reply(b"<html><body>Nothing.</body></html>", "text/html")]
)
def test_a_secret_in_an_address_that_fails_is_in_no_message(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], reply: Reply
) -> None:
    monkeypatch.setenv("LECTERN_KEY", "s3cr3t")
    site.pages["/s3cr3t/a"] = site.pages["/open/a"] = reply
    chosen = corpus(videos(site.address + "/{LECTERN_KEY}/a", site.address + "/open/a"))
    assert update.main(chosen) == 2
    private, public = capsys.readouterr().err.splitlines()[-2:]
    assert "s3cr3t" not in private
    assert "/{LECTERN_KEY}/a: " in private
    assert "/open/a: " in public


def use_extractors_of(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Teach yt-dlp a video site at the test's address: /watch/ID, /list/ID and /channel/ID.

    Only this process learns it, so it must also fetch.
    """
    from yt_dlp import YoutubeDL
    from yt_dlp.extractor.common import InfoExtractor

    monkeypatch.setattr(kinds, "LIMITS", None)
    root = site.address.replace(".", r"\.")

    class LocalVideoIE(InfoExtractor):
        _VALID_URL = root + r"/watch/(?P<id>\w+)"
        _TESTS: ClassVar[list[dict[str, Any]]] = [
            {"url": site.address + "/watch/a", "info_dict": {"id": "a", "ext": "mp3"}}
        ]

        def _real_extract(self, url: str) -> dict[str, Any]:
            video = self._match_id(url)
            self._download_webpage(url, video)
            return {
                "id": video,
                "title": f"Talk {video}",
                "description": "0:00 Why?\n0:10 How?",
                "upload_date": "20261102",
                "channel": "Ada",
                "license": "CC BY 4.0",
                "view_count": 7,
                "chapters": [{"start_time": 0, "title": "Why?"}, {"start_time": 10, "title": "How?"}],
                "url": f"{site.address}/v/{video}.mp3",
                "vcodec": "none",
                "subtitles": self.extract_subtitles(video),
            }

        def _get_subtitles(self, video: str) -> dict[str, Any]:
            return {"en": [{"url": f"{site.address}/s/{video}.vtt", "ext": "vtt"}]}

    class LocalListIE(InfoExtractor):
        _VALID_URL = root + r"/(?P<kind>list|channel)/(?P<id>\w+)"
        _TESTS: ClassVar[list[dict[str, Any]]] = [
            {"url": site.address + "/list/1", "info_dict": {"id": "1"}, "playlist_count": 1}
        ]

        def _real_extract(self, url: str) -> dict[str, Any]:
            kind, name = self._match_valid_url(url).group("kind", "id")
            self._download_webpage(url, name)
            if kind == "channel":
                lists = [self.url_result(f"{site.address}/list/{n}", LocalListIE, str(n)) for n in (1, 2)]
                return self.playlist_result(lists, name)
            video = {"1": "a", "2": "b"}[name]
            entry = self.url_result(f"{site.address}/watch/{video}", LocalVideoIE, video, f"Talk {video}")
            return self.playlist_result([entry], name)

    for path in ("/watch/a", "/watch/b", "/watch/c", "/list/1", "/list/2", "/channel/x"):
        site.put(path, "<html></html>", "text/html")
    for name in "ab":
        site.put(f"/s/{name}.vtt", "WEBVTT\n\n00:00.000 --> 00:01.000\nWhy?\n", "text/vtt")
    real = YoutubeDL.add_default_info_extractors

    def with_ours(self: Any) -> None:
        for extractor in (LocalVideoIE, LocalListIE):
            self.add_info_extractor(extractor())
        real(self)

    monkeypatch.setattr(YoutubeDL, "add_default_info_extractors", with_ours)


def test_the_extractors_of_the_test_are_not_left_behind() -> None:
    from yt_dlp import YoutubeDL

    assert "LocalVideo" not in YoutubeDL()._ies
