"""Podcasts: what a feed says comes through as data, each episode once, and no secret stays."""

import json
from pathlib import Path

import pytest

from lectern.conversations import inputs
from lectern.core import code, io, items
from lectern.core.errors import ItemError, LecternError
from lectern.core.schema import Chapter
from lectern.settings.sources import parse_source
from lectern.sources import listing, sound
from lectern.sources import podcast as podcasts
from lectern.sources.feed_tags import Tags
from lectern.speech import recordings
from lectern.tools import update
from stages import fetch
from tests.support import expected
from tests.support.corpora import RAW, corpus, entry, everything_in_data, feed, get, podcast, record, records
from tests.support.corpora import listing as listed
from tests.support.server import Reply, Site

pytestmark = pytest.mark.usefixtures("project")


def folders() -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(RAW.glob("*/*"))}


@pytest.fixture
def show(site: Site, mp3: bytes) -> str:
    """A feed of two episodes, newest first."""
    media = [site.put(f"/{n}.mp3", mp3 + bytes(n)) for n in (2, 1)]
    return site.put("/feed", feed(entry(2, media[0], day=9), entry(1, media[1])), "application/rss+xml")


@pytest.mark.parametrize(
    ("stated", "size"),
    [("1200", 1200), ("0", None), ("", None), ("1.2 MB", None), ("²", None), ("9" * 5000, None)],
)
def test_a_length_that_is_no_number_is_left_out(stated: str, size: int | None) -> None:
    entry = {"enclosures": [{"href": "https://example.org/a.mp3", "type": "audio/mpeg", "length": stated}]}
    links = podcasts._links(entry, Tags(), "https://example.org/feed", "")
    assert links is not None
    assert links.bytes == size


def test_an_episode_comes_with_all_that_the_feed_says(site: Site, mp3: bytes) -> None:
    media = site.put("/one.mp3", mp3)
    chapters = {
        "version": "1.2.0",
        "chapters": [{"startTime": 5.5, "title": "B"}, {"startTime": 0, "title": "A"}],
    }
    site.put("/one.json", json.dumps(chapters), "application/json+chapters")
    site.put("/one.vtt", "WEBVTT\n\n00:00.000 --> 00:01.000\n<v Ada>Hello.\n", "text/vtt")
    more = (
        "<link>https://example.org/1</link><itunes:duration>0:21</itunes:duration>"
        "<description>short</description>"
        "<content:encoded><![CDATA[<p>About <b>logs</b> &amp; more</p>"
        "<ul><li>0:00 What?</li><li>0:10 Where?</li></ul>]]></content:encoded>"
        f"<podcast:chapters url='{site.address}/one.json' type='application/json+chapters'/>"
        f"<podcast:transcript url='{site.address}/one.vtt' type='text/vtt'/>"
    )
    chosen = corpus(podcast(site.put("/feed", feed(entry(1, media, more)))))
    assert str(get(chosen)) == "made 1, kept 0, removed 0, failed 0"
    found = record()
    assert (found.title, found.url, found.author) == ("Episode 1", "https://example.org/1", "The Show")
    assert (found.published, found.kind, found.language) == ("2026-11-02", "podcast", "en")
    assert (
        found.description == "About logs & more\n0:00 What?\n0:10 Where?"
    )  # a stamp a line, for the questions
    assert [(c.start, c.title) for c in found.chapters] == [(0, "A"), (5.5, "B")]
    assert found.chapters[0].end == 5.5
    assert 20 < found.chapters[1].end < 22  # the end of the recording
    folder = RAW / found.item
    assert (folder / "recording.mp3").read_bytes() == mp3
    assert "<v Ada>Hello." in (folder / str(found.subtitles)).read_text()
    (row,) = listing.read("show")
    assert (row.duration, row.key) == (21, "guid-1")
    known = io.to_json([one.model_dump(mode="json") for one in (found, row)], indent=1)
    expected.check("podcast.json", known.replace(site.address, "http://site"))


def test_chapters_in_the_feed_serve_too(site: Site, mp3: bytes) -> None:
    marks = "<psc:chapters><psc:chapter start='0' title='A'/><psc:chapter start='00:00:07.5' title='B'/></psc:chapters>"
    get(corpus(podcast(site.put("/feed", feed(entry(1, site.put("/1.mp3", mp3), marks))))))
    assert record().chapters[0] == Chapter(start=0, end=7.5, title="A")


def test_a_second_fetch_asks_nothing(show: str, site: Site) -> None:
    chosen = corpus(podcast(show))
    get(chosen)
    before = listed("show"), items.facts(RAW), everything_in_data()
    asked = len(site.hits)
    assert str(fetch.main(chosen, RAW)) == "made 0, kept 2, removed 0, failed 0"
    assert len(site.hits) == asked
    assert update.main(chosen) == 0
    assert (listed("show"), items.facts(RAW), everything_in_data()) == before
    assert site.hits[asked:] == ["/feed"]  # an update asks the feed, and for no recording


def test_a_change_of_our_code_downloads_nothing_again(
    show: str, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = corpus(podcast(show))
    get(chosen)
    before, asked = folders(), len(site.hits)
    monkeypatch.setattr(code, "digest", lambda modules: "another")
    assert fetch.main(chosen, RAW).made == 2
    assert (folders(), len(site.hits)) == (before, asked)


def test_a_corrected_line_of_the_listing_renews_its_item_and_downloads_nothing(show: str, site: Site) -> None:
    chosen = corpus(podcast(show))
    get(chosen)
    path, asked = Path("data/listings/show.jsonl"), len(site.hits)
    path.write_text(path.read_text().replace("Episode 1", "The first"))
    assert str(fetch.main(chosen, RAW)) == "made 1, kept 1, removed 0, failed 0"
    assert sorted(r.title for r in records()) == ["Episode 2", "The first"]
    assert len(site.hits) == asked


def test_a_recording_that_was_changed_on_disk_is_downloaded_again(show: str, site: Site, mp3: bytes) -> None:
    chosen = corpus(podcast(show))
    get(chosen)
    victim = RAW / records()[0].item / "recording.mp3"
    victim.write_bytes(b"not what came")
    assert fetch.main(chosen, RAW).made == 1
    assert victim.read_bytes().startswith(mp3)
    assert site.asked("/1.mp3") + site.asked("/2.mp3") == 3


def test_a_new_episode_is_one_row_and_one_item(
    show: str, site: Site, mp3: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = corpus(podcast(show))
    get(chosen)
    before = listed("show")
    newest = entry(3, site.put("/3.mp3", mp3), title="Third", day=16)
    site.put("/feed", site.pages["/feed"].body.decode().replace("<item>", newest + "<item>", 1))
    assert update.main(chosen) == 0
    assert capsys.readouterr().out.endswith("update: 1 new in show, 0 changed, 3 in all: Third\n")
    assert listed("show").startswith(before)
    assert listed("show").count(b"\n") == 3
    assert str(fetch.main(chosen, RAW)) == "made 1, kept 2, removed 0, failed 0"
    assert [site.asked(f"/{n}.mp3") for n in (1, 2, 3)] == [1, 1, 1]


def test_a_vanished_episode_stays(show: str, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = corpus(podcast(show))
    get(chosen)
    before = listed("show")
    site.put("/feed", feed(entry(2, f"{site.address}/2.mp3", day=9)))
    del site.pages["/1.mp3"]
    assert update.main(chosen) == 0
    assert listed("show") == before
    monkeypatch.setattr(code, "digest", lambda modules: "another")
    assert fetch.main(chosen, RAW).made == 2  # from what was downloaded earlier


def test_a_changed_title_changes_a_line_only_when_asked_to_and_never_the_id(show: str, site: Site) -> None:
    chosen = corpus(podcast(show))
    get(chosen)
    before, ids = listed("show"), list(items.read(RAW))
    site.put("/feed", site.pages["/feed"].body.decode().replace("Episode 1", "Another title"))
    update.main(chosen)
    assert listed("show") == before
    update.main(chosen, refresh=True)
    assert b"Another title" in listed("show")
    fetch.main(chosen, RAW)
    assert list(items.read(RAW)) == ids
    assert site.asked("/1.mp3") == 1


def test_one_missing_episode_fails_alone(show: str, site: Site) -> None:
    site.pages["/1.mp3"] = Reply(status=404)
    chosen = corpus(podcast(show), allow_failed=0.5)
    assert str(get(chosen)) == "made 1, kept 0, removed 0, failed 1"
    assert record().title == "Episode 2"
    with pytest.raises(
        LecternError, match=r"1\.mp3: .*404.* It no longer exists: remove its line .* corpus\.allow_failed"
    ):
        fetch.main(corpus(podcast(show)), RAW)


@pytest.mark.parametrize(
    "title",
    [
        "../../etc/passwd",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "🎙 日本語",
        "x" * 300,
        "%(id)s {0} $HOME",
        "a/b\\c",
    ],
)
def test_a_title_is_only_data(site: Site, mp3: bytes, title: str, project: Path) -> None:
    media = site.put("/1.mp3", mp3)
    get(corpus(podcast(site.put("/feed", feed(entry(1, media, title=title))))))
    found = record()
    assert found.title == title.replace("&lt;", "<").replace("&gt;", ">")
    assert len(found.item) <= 64
    assert found.item.replace("-", "").isalnum()
    assert {str(p.relative_to(project)) for p in project.rglob("*") if p.is_file()} == {
        "data/listings/show.jsonl",
        "data/raw/_manifest.json",
        *(f"data/raw/{found.item}/{name}" for name in ("item.json", "download.json", "recording.mp3")),
    }


def test_the_file_has_the_ending_of_what_it_is_not_of_what_the_site_calls_it(site: Site, mp3: bytes) -> None:
    media = site.put("/..%2f..%2fevil.sh?x=/../../y.exe", mp3)
    site.pages["/..%2f..%2fevil.sh"] = site.pages.pop("/..%2f..%2fevil.sh?x=/../../y.exe")
    get(corpus(podcast(site.put("/feed", feed(entry(1, media))))))
    assert record().media == "recording.mp3"


def test_a_web_page_in_the_place_of_a_recording_is_named(site: Site) -> None:
    media = site.put("/1.mp3", "<!DOCTYPE html><html>Please log in</html>", "audio/mpeg")
    chosen = corpus(podcast(site.put("/feed", feed(entry(1, media)))))
    with pytest.raises(LecternError, match="the download is a web page, not a recording"):
        get(chosen)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("download.mp3", "ffconcat version 1.0\nfile private.mp3\n"),
        ("download.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nprivate.mp3\n#EXT-X-ENDLIST\n"),
    ],
)
def test_a_playlist_that_poses_as_a_recording_opens_no_other_file(
    project: Path, mp3: bytes, name: str, text: str
) -> None:
    (project / "private.mp3").write_bytes(mp3)
    (project / name).write_text(text)
    with pytest.raises(ItemError, match="not a recording"):
        sound.keep_sound(project / name, project)
    assert not list(project.glob("recording.*"))


def test_a_playlist_in_the_place_of_a_recording_is_not_followed(site: Site) -> None:
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{site.address}/private.mp3\n#EXT-X-ENDLIST\n"
    media = site.put("/1.m3u8", playlist, "audio/mpeg")
    with pytest.raises(LecternError, match="not a recording"):
        get(corpus(podcast(site.put("/feed", feed(entry(1, media))))))
    assert site.asked("/private.mp3") == 0


def test_posts_without_a_recording_are_no_episodes(site: Site, mp3: bytes) -> None:
    post = "<item><title>News</title><guid>n</guid></item>"
    local = "<item><title>Local</title><guid>l</guid><enclosure url='file:///etc/passwd' type='audio/mpeg'/></item>"
    picture = entry(4, f"{site.address}/4.jpg").replace("audio/mpeg", "image/jpeg")
    chosen = corpus(podcast(site.put("/feed", feed(post, local, picture, entry(1, site.put("/1.mp3", mp3))))))
    get(chosen)
    assert record().title == "Episode 1"


def test_a_feed_that_is_not_quite_xml_is_read(site: Site, mp3: bytes) -> None:
    broken = feed(entry(1, site.put("/1.mp3", mp3), title="Ada &nbsp; Bob & more"))
    get(corpus(podcast(site.put("/feed", broken))))
    assert record().title == "Ada Bob & more"


def test_a_feed_in_pages_is_read_to_its_end(site: Site, mp3: bytes) -> None:
    media = site.put("/1.mp3", mp3)
    further = "<atom:link rel='next' href='/feed?page=2'/>"
    site.once["/feed"] = [Reply(feed(entry(2, media), more=further).encode())]
    site.put("/feed", feed(entry(1, media), more=further))  # a page that names itself ends it
    update.main(corpus(podcast(site.address + "/feed")))
    assert [episode.key for episode in listing.read("show")] == ["guid-2", "guid-1"]


def test_limits_choose_among_the_listed(show: str, site: Site) -> None:
    update.main(corpus(podcast(show)))

    def chosen(**limits: object) -> list[str]:
        source = parse_source(podcast(show, **limits), 0)
        return [item.values["episode"]["title"] for item in podcasts.list_items(source)]

    assert chosen() == ["Episode 2", "Episode 1"]
    assert chosen(max_items=1) == chosen(after="2026-11-03") == chosen(match="2$") == ["Episode 2"]
    assert chosen(before="2026-11-08") == ["Episode 1"]
    with pytest.raises(LecternError, match="none of its 2 episodes fits match, after and before"):
        chosen(after="2027-01-01")
    assert site.hits == ["/feed"]


def test_the_secret_of_a_private_feed_reaches_no_file_and_no_message(
    site: Site, mp3: bytes, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    secret = "s3cr3t/+of ours"
    monkeypatch.setenv("LECTERN_FEED_TOKEN", secret)
    site.put("/1.mp3", mp3)
    more = "<link>https://example.org/1?token=personal-77</link><description>https://example.org/x?sig=personal-77</description>"
    media = [f"{site.address}/{n}.mp3?token={secret}&amp;sig=personal-77" for n in (1, 2)]
    entries = [entry(n, url, more).replace(f"guid-{n}", url) for n, url in zip((1, 2), media, strict=True)]
    site.put("/feed", feed(*entries))
    elsewhere = Reply(status=302, headers={"Location": "nonsense://example.org/personal-77"})
    site.pages["/2.mp3"] = elsewhere
    address = site.address + "/feed?token={LECTERN_FEED_TOKEN}"
    chosen = corpus(podcast(address), allow_failed=0.5)
    assert str(get(chosen)) == "made 1, kept 0, removed 0, failed 1"
    assert record().description == "https://example.org/x"
    update.main(chosen)
    site.pages["/feed"] = elsewhere
    update.main(chosen)
    with pytest.raises(LecternError):
        fetch.main(corpus(podcast(address)), RAW)
    texts = everything_in_data() + "".join(capfd.readouterr()).encode()
    for trace in (secret, "s3cr3t", "personal-77"):
        assert trace.encode() not in texts
    assert any("s3cr3t" in hit for hit in site.hits)
    monkeypatch.delenv("LECTERN_FEED_TOKEN")
    assert update.main(chosen) == 1
    assert "the environment has no LECTERN_FEED_TOKEN" in capfd.readouterr().err


def test_without_the_secret_what_was_downloaded_is_enough(
    site: Site, mp3: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a colleague who has no subscription rebuilds from data/raw
    monkeypatch.setenv("LECTERN_FEED_TOKEN", "abc")
    chosen = corpus(
        podcast(site.put("/feed", feed(entry(1, site.put("/1.mp3", mp3)))) + "?t={LECTERN_FEED_TOKEN}")
    )
    get(chosen)
    monkeypatch.delenv("LECTERN_FEED_TOKEN")
    monkeypatch.setattr(code, "digest", lambda modules: "another")
    assert fetch.main(chosen, RAW).made == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"feed": "file:///etc/passwd"}, "not an http or https address"),
        ({"feed": "ftp://example.org/feed"}, "not an http or https address"),
        ({"feed": "https://ada:hunter2@example.org/feed"}, r"https://example\.org/feed holds a secret"),
        ({"feed": "https://example.org/feed?auth_token=hunter2"}, r"LECTERN_FEED_TOKEN"),
        ({"feed": "https://hunter2@example.org/feed"}, r"https://example\.org/feed holds a secret"),
        ({"feed": "https://hunter2:@example.org/feed"}, r"https://example\.org/feed holds a secret"),
        ({"feed": "https://example.org/feed?X-Amz-Signature=hunter2"}, "holds a secret"),
        ({"feed": "https://example.org/feed?x=1&x-amz-credential=hunter2"}, "holds a secret"),
        ({"feed": "https://example.org/feed?Signature=hunter2"}, "holds a secret"),
        ({"feed": "https://example.org/feed?t=hunter2aZ81kqpLm20"}, "holds a secret"),
        ({"feed": "https://example.org/feed#access_token=hunter2"}, "holds a secret"),
        ({"feed": "https://example.org:hunter2/feed"}, "not an http or https address"),
        ({"feed": "https://{LECTERN_X}.example.org/feed"}, "stands for the host"),
        ({"feed": "https://example.org/feed?x={HOME}"}, "only variables whose names begin with LECTERN_"),
        ({"name": "../show"}, "it names a file"),
        ({"after": "yesterday"}, "it must be a day, as in"),
        ({"max_items": 0}, "max_items is 0"),
        ({"match": "("}, "not a regular expression"),
        ({"network": {"timeout": 0}}, "network.timeout is 0"),
    ],
)
def test_a_wrong_parameter_is_named_and_a_secret_in_it_is_not(
    options: dict[str, object], message: str
) -> None:
    source = {"kind": "podcast", "name": "show", "feed": "https://example.org/feed", **options}
    with pytest.raises(LecternError, match=message) as caught:
        parse_source(source, 0)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "feed",
    [
        "https://example.org/feed?t=42&p=123",
        "https://example.org/feed?t=1m30s#t=90",
        "https://example.org/feed?v=dQw4w9WgXcQ&list=PLrAXtmErZgOeiKm4sgNOknGvNjby9efdf",
        "https://ada:{LECTERN_PW}@example.org/feed",
        "https://{LECTERN_TOKEN}@example.org/feed?X-Amz-Signature={LECTERN_X}&t={LECTERN_X}",
    ],
)
def test_an_address_without_a_secret_in_plain_sight_is_accepted(feed: str) -> None:
    parse_source({"kind": "podcast", "name": "show", "feed": feed}, 0)


def test_a_listing_that_is_missing_or_broken_says_what_to_do(show: str) -> None:
    chosen = corpus(podcast(show))
    with pytest.raises(
        LecternError, match=r"data/listings/show\.jsonl does not exist\. `lectern update` asks"
    ):
        fetch.main(chosen, RAW)
    update.main(chosen)
    path = Path("data/listings/show.jsonl")
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines, lines[0]]))  # as a merge of two branches may leave it
    with pytest.raises(
        LecternError, match=r"\.jsonl:3: it repeats the item 'episode-2-\w+' of line 1\. Delete one"
    ):
        fetch.main(chosen, RAW)
    path.write_text("{}")
    with pytest.raises(LecternError, match=r"show\.jsonl:1: Episode\."):
        fetch.main(chosen, RAW)


def test_a_failed_download_leaves_nothing_half_done(show: str, site: Site, mp3: bytes) -> None:
    chosen = corpus(podcast(show), allow_failed=1.0)
    site.pages["/1.mp3"] = Reply(mp3, only=5000)
    assert str(get(chosen)) == "made 1, kept 0, removed 0, failed 1"
    assert [path.name for path in RAW.parent.iterdir() if path.name.startswith(".")] == []
    site.put("/1.mp3", mp3)
    assert str(fetch.main(chosen, RAW)) == "made 1, kept 1, removed 0, failed 0"
    assert io.read_plain(RAW / records()[0].item / "download.json")["missing"] == []


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"\xff\xfe{",
        b"[]",
        b'"chapters"',
        b"{}",
        b'{"chapters": {}}',
        b'{"chapters": null}',
        b"null",
        b"3",
    ],
)
def test_chapters_that_are_none_are_refused_and_not_kept(project: Path, body: bytes) -> None:
    with pytest.raises(ItemError):
        podcasts._write_extra("chapters", body, project)
    assert list(project.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90.0), (" 7.5 ", 7.5), ("2:30", 150.0), ("1:02:03", 3723.0), ("01:00:00.250", 3600.25),
        ("100:00", 6000.0),
        ("", None), ("1:2:3:4", None), ("an hour", None), ("-5", None), (90, None), (None, None),
    ],
)  # fmt: skip
def test_a_time_is_hours_minutes_and_seconds(text: object, seconds: float | None) -> None:
    assert podcasts._seconds(text) == seconds


TURNS = "WEBVTT\n\n00:00.000 --> 00:03.000\n<v Ada>Why so?\n\n00:03.000 --> 00:09.000\n<v Bob>Because.\n"
PLAIN = "WEBVTT\n\n00:00.000 --> 00:09.000\nWhy so? Because.\n"
JSON = json.dumps(
    {
        "segments": [
            {"startTime": 0, "endTime": 3, "body": "Why so?", "speaker": "Ada"},
            {"startTime": 3, "endTime": 9, "body": "Because.", "speaker": "Bob"},
        ]
    }
)


def test_two_episodes_of_one_guid_stop_nothing(
    site: Site, mp3: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    media = [site.put(f"/{n}.mp3", mp3 + bytes(n)) for n in (1, 2)]
    twice = entry(2, media[1], title="Again").replace("guid-2", "guid-1")
    chosen = corpus(podcast(site.put("/feed", feed(entry(1, media[0]), twice))))
    assert update.main(chosen) == 0
    assert (
        "update: show: 'Again' has the guid of another episode; the first one is used."
        in capsys.readouterr().err
    )
    assert [episode.title for episode in listing.read("show")] == ["Episode 1"]


def tag(site: Site, path: str, body: str, kind: str, more: str = "") -> str:
    return f"<podcast:transcript url='{site.put(path, body, kind)}' type='{kind}' {more}/>"


def test_the_transcript_that_names_the_speakers_is_taken(site: Site, mp3: bytes) -> None:
    """Of several tags, in any order: not the page, not another language, and not the one without names."""
    tags = (
        tag(site, "/1.srt", PLAIN.replace("WEBVTT\n\n", "1\n").replace(".000", ",000"), "application/srt")
        + tag(site, "/fr.vtt", TURNS.replace("Why so", "Pourquoi"), "text/vtt", "language='fr'")
        + tag(site, "/1.vtt", PLAIN, "text/vtt")
        + tag(site, "/transcript", JSON, "application/json")
        + tag(site, "/1.html", "<p>Why so?</p>", "text/html")
    )
    chosen = corpus(podcast(site.put("/feed", feed(entry(1, site.put("/1.mp3", mp3), tags)))))
    get(chosen)
    assert listing.read("show")[0].links.transcript.endswith("/1.vtt")
    found = record()
    assert (found.transcript, found.subtitles) == ("subtitles.json", "subtitles.json")
    assert (RAW / found.item / "subtitles.json").read_text() == JSON
    assert not list((RAW / found.item).glob("other.*"))
    assert items.facts(RAW)[found.item]["transcript"] == "used"


@pytest.mark.parametrize(
    ("body", "option", "used"),
    [
        (TURNS, {}, True),
        (TURNS, {"transcripts": "never"}, False),
        (PLAIN, {}, False),
        (PLAIN, {"transcripts": "always"}, True),
        ("no transcript", {"transcripts": "always"}, False),
    ],
)
def test_a_published_transcript_is_used_instead_of_listening(
    site: Site, mp3: bytes, tmp_path: Path, body: str, option: dict[str, str], used: bool
) -> None:
    tags = tag(site, "/1.vtt", body, "text/vtt")
    show = site.put("/feed", feed(entry(1, site.put("/1.mp3", mp3), tags)))
    get(corpus(podcast(show, **option)))
    found = record()
    assert (found.transcript is not None) == used
    assert found.media == "recording.mp3"  # the review plays it
    assert [item.id for item in recordings.find(RAW)] == ([] if used else [found.item])
    for folder in ("words", "turns"):
        items.sync([], tmp_path / folder, lambda: None, suffix=".json", params={}, code=())
    words, turns = (items.read(tmp_path / folder) for folder in ("words", "turns"))
    speech = inputs.find(RAW, words, turns, tmp_path / "corrections", None)
    assert [item.id for item in speech.items] == ([found.item] if used else [])
    asked = len(site.hits)
    other = {"transcripts": "always" if option.get("transcripts") == "never" else "never"}
    fetch.main(corpus(podcast(show, **other)), RAW)
    assert (record().transcript is not None) == (other["transcripts"] == "always")
    assert len(site.hits) == asked  # what was downloaded serves for each choice


def test_an_enclosure_of_no_stated_kind_is_a_recording(
    site: Site, mp3: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    def item(number: int, tags: str) -> str:
        return f"<item><title>{number}</title><guid>{number}</guid>{tags}</item>"

    address = site.put("/noext", mp3, "application/octet-stream")
    site.put("/6.mp3", mp3)
    entries = [
        item(1, f"<enclosure url='{address}?1' type='application/octet-stream'/>"),
        item(2, f"<enclosure url='{address}?2'/>"),
        item(3, f"<media:content url='{address}?3' medium='audio'/>"),
        item(4, f"<media:group><media:content url='{address}?4' type='audio/mpeg'/></media:group>"),
        item(5, f"<enclosure url='{address}?5'/><enclosure url='/6.mp3' type='Audio/MPEG; x=1'/>"),
        item(6, "<enclosure url='/cover.jpg'/><media:content url='/cover.png' medium='image'/>"),
        item(7, "<enclosure url='/guide' type='application/pdf'/>"),
    ]
    chosen = corpus(podcast(site.put("/feed", feed(*entries))))
    get(chosen)
    episodes = {episode.title: episode.links for episode in listing.read("show")}
    assert list(episodes) == ["1", "2", "3", "4", "5"]
    assert episodes["5"].media.endswith("/6.mp3")  # what the feed calls audio
    assert "2 entries of the feed hold no recording and are left out: '6', '7'" in capsys.readouterr().err
    silent = [item(n, "<enclosure url='/cover.jpg'/>") for n in (11, 12)]
    for more, shown in ((1, "'11'\n"), (2, "'11', ...\n")):
        site.put("/feed", feed(*entries, *silent[:more]))
        update.main(chosen)
        assert f"left out: '6', '7', {shown}" in capsys.readouterr().err, "three are named"
    assert len(records()) == 5


def test_the_people_of_an_episode_and_of_the_show_come_through(site: Site, mp3: bytes) -> None:
    show = "<podcast:person role='host'>Ann Lee</podcast:person>"
    guests = "<podcast:person role='Guest' group='cast'>Bob\n  Ray</podcast:person>"
    guests += "<podcast:person role='guest'>Cy</podcast:person>"
    own = (
        "<podcast:person>Dee</podcast:person><podcast:person role='editor' group='audio'>Eve</podcast:person>"
    )
    media = site.put("/1.mp3", mp3)
    get(corpus(podcast(site.put("/feed", feed(entry(1, media, guests), entry(2, media, own), more=show)))))
    found = {r.title: (r.hosts, r.guests) for r in records()}
    assert found == {"Episode 1": (["Ann Lee"], ["Bob Ray", "Cy"]), "Episode 2": (["Dee"], [])}


def test_a_chapter_that_is_in_no_table_of_contents_is_none(site: Site, mp3: bytes) -> None:
    marks = [
        {"startTime": 0, "title": "A"},
        {"startTime": 3, "title": "picture", "toc": False},
        {"startTime": 9},
    ]
    site.put("/1.json", json.dumps({"version": "1.2.0", "chapters": marks}), "application/json+chapters")
    more = f"<podcast:chapters url='{site.address}/1.json' type='application/json+chapters'/>"
    get(corpus(podcast(site.put("/feed", feed(entry(1, site.put("/1.mp3", mp3), more))))))
    assert [(c.start, c.title) for c in record().chapters] == [(0, "A"), (9, "")]
