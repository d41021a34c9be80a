"""Local recordings: names, siblings, and what is wrong with them."""

import json
from pathlib import Path

import pytest

from lectern.core import io, items
from lectern.core.errors import LecternError
from lectern.core.schema import Chapter, Source
from lectern.settings.corpus import Corpus
from lectern.sources import folders
from stages import fetch
from tests.settings import configure


def run(folder: Path, out: Path, **options: float) -> items.SyncResult:
    sources = [{"kind": "media", "path": str(folder)}]
    return fetch.main(configure(Corpus, name="test", sources=sources, **options), out)


def record(out: Path, name: str) -> Source:
    return io.read_json(out / name / "item.json", Source)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "talks"
    folder.mkdir()
    return folder


def test_a_recording_comes_with_what_is_known_of_it(folder: Path, tmp_path: Path) -> None:
    (folder / "talk.mp3").write_bytes(b"sound")
    (folder / "talk.description.txt").write_text("\ufeff0:00 Première question ?", encoding="utf-8")
    (folder / "talk.info.json").write_text(
        json.dumps({"title": "Tälk <b>", "webpage_url": "https://e.org/1"})
    )
    (folder / "talk.truth.json").write_text("{}")
    (folder / "notes.md").write_text("not a recording")
    assert str(run(folder, tmp_path / "raw")) == "made 1, kept 0, removed 0, failed 0"
    found = record(tmp_path / "raw", "talk")
    assert (found.title, found.url) == ("Tälk <b>", "https://e.org/1")
    assert found.description == "0:00 Première question ?"  # no byte order mark, every accent kept
    assert sorted(p.name for p in (tmp_path / "raw" / "talk").iterdir()) == [
        "item.json",
        "recording.mp3",
        "truth.json",
    ]


def test_yt_dlps_info_says_the_same_of_a_recording_as_of_a_transcript(folder: Path, tmp_path: Path) -> None:
    (folder / "Talk [x].f251.webm").write_bytes(b"sound")
    chapters = [
        {"start_time": 0, "end_time": 4.0, "title": "Why?"},
        {"start_time": 4, "end_time": 9, "title": "So"},
    ]
    info = {"title": "T", "channel": "Ann", "upload_date": "20260302", "language": "en", "chapters": chapters}
    (folder / "Talk [x].info.json").write_text(json.dumps({**info, "host": "Ann; Bo", "guests": ["Cy  Dee"]}))
    run(folder, tmp_path / "raw")
    (only,) = items.read(tmp_path / "raw")
    found = record(tmp_path / "raw", only)
    assert (found.title, found.author, found.published, found.language) == ("T", "Ann", "2026-03-02", "en")
    assert found.chapters == [Chapter(start=0, end=4, title="Why?"), Chapter(start=4, end=9, title="So")]
    assert (found.hosts, found.guests) == (["Ann", "Bo"], ["Cy Dee"])


def test_malformed_chapters_are_named(folder: Path, tmp_path: Path) -> None:
    (folder / "talk.mp3").write_bytes(b"sound")
    (folder / "talk.info.json").write_text('{"chapters": [{"title": 5}]}')
    with pytest.raises(LecternError, match=r"talk\.info\.json: `chapters` is not a list"):
        run(folder, tmp_path / "raw")


ENDINGS = [".3gp", ".ac3", ".amr", ".au", ".caf", ".m4b", ".mp2", ".spx", ".wv", ".MP3", ".ogv"]


def test_every_ending_that_ffmpeg_reads_is_a_recording_and_others_are_counted(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, ending in enumerate(ENDINGS):
        (folder / f"{number}{ending}").write_bytes(b"sound")
    (folder / "stream.ts").write_bytes(b"G@\0")
    (folder / "program.ts").write_text("export const a = 1;")
    for name in ("cover.jpg", "back.jpg", "notes", ".DS_Store", "0.jpg", "1.vtt", "2.info.json"):
        (folder / name).write_text("{}")
    assert run(folder, tmp_path / "raw").made == len(ENDINGS) + 1
    left_out = "4 files are no recording and left out (1 (none), 2 .jpg, 1 .ts): back.jpg, cover.jpg, notes, "
    assert left_out + "program.ts" in capsys.readouterr().err
    for name, shown in (("more.jpg", "notes, program.ts\n"), ("most.jpg", "most.jpg, notes, ...\n")):
        (folder / name).write_text("{}")
        run(folder, tmp_path / "raw")
        assert capsys.readouterr().err.endswith(shown), "five are named"


def test_a_changed_description_renews_its_item_only(folder: Path, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (folder / f"{name}.mp3").write_bytes(name.encode())
    run(folder, tmp_path / "raw")
    (folder / "b.description.txt").write_text("0:00 Why?")
    assert str(run(folder, tmp_path / "raw")) == "made 1, kept 2, removed 0, failed 0"
    assert record(tmp_path / "raw", "b").description == "0:00 Why?"


@pytest.mark.parametrize(
    "name", ["Ünïcode – 日本語", "日本語", "x" * 200, "../../etc/passwd", "CON", "a.b", "-x", " "]
)
def test_any_name_becomes_a_safe_one(name: str) -> None:
    found = folders.item_id(name)
    assert found.isascii()
    assert len(found) <= 64
    assert found[0].isalnum()
    assert not set(found) & set("/\\. ")
    assert found == folders.item_id(name) != folders.item_id(name + "!")


@pytest.mark.parametrize("name", ["Ünïcode – 日本語 'quoted' $HOME", "x" * 200])
def test_a_strange_file_name_comes_through_and_stays_data(folder: Path, tmp_path: Path, name: str) -> None:
    (folder / f"{name}.mp3").write_bytes(b"sound")
    (folder / f"{name}.description.txt").write_text("about it")
    run(folder, tmp_path / "raw")
    (only,) = items.read(tmp_path / "raw")
    found = record(tmp_path / "raw", only)
    assert (found.title, found.description, found.media) == (name, "about it", "recording.mp3")


def test_a_broken_sibling_fails_its_item_only(folder: Path, tmp_path: Path) -> None:
    for name in ("good", "bad"):
        (folder / f"{name}.mp3").write_bytes(b"sound")
    (folder / "bad.info.json").write_text("{")
    with pytest.raises(LecternError, match=r"bad \(.*bad\.info\.json is not JSON"):
        run(folder, tmp_path / "raw")
    (folder / "bad.info.json").unlink()
    (folder / "bad.description.txt").write_bytes("Größe".encode("latin-1"))
    with pytest.raises(LecternError, match=r"bad\.description\.txt is not UTF-8 .* Save it as UTF-8"):
        run(folder, tmp_path / "raw")
    assert list(items.read(tmp_path / "raw")) == ["good"]
    assert run(folder, tmp_path / "raw", allow_failed=0.5).failed == 1


def test_two_recordings_of_one_stem_are_two_items_and_named(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for ending in ("mp3", "wav", "WAV.flac"):
        (folder / f"talk.{ending}").write_bytes(ending.encode())
    (folder / "talk.info.json").write_text('{"title": "T"}')
    run(folder, tmp_path / "raw")
    ids = list(items.read(tmp_path / "raw"))
    assert ids[:2] == ["talk-mp3", "talk-wav"]
    assert [record(tmp_path / "raw", name).title for name in ids] == ["T", "T", "talk.WAV"]
    said = capsys.readouterr().err.splitlines()
    assert [line.split(" has the name")[0].rpartition("/")[2] for line in said] == ["talk.mp3", "talk.wav"]


def test_two_names_that_look_the_same_are_spelt_out(folder: Path, tmp_path: Path) -> None:
    # macOS writes the second form; both are one item, since a name may come either way
    (folder / "caf\u00e9.mp3").write_bytes(b"one")
    (folder / "cafe\u0301.mp3").write_bytes(b"two")
    with pytest.raises(LecternError, match=r"'[^']*cafe\\u0301\.mp3' and '[^']*caf\\xe9\.mp3'\. Rename one"):
        run(folder, tmp_path / "raw")


def test_folders_in_the_folder_count(folder: Path, tmp_path: Path) -> None:
    for season in ("season1", "season2"):
        (folder / season).mkdir()
        (folder / season / "episode.mp3").write_bytes(season.encode())
    assert run(folder, tmp_path / "raw").made == 2


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"kind": "media", "path": "data/nowhere"}, "data/nowhere is not a folder"),
        ({"kind": "media", "path": "tests/conf"}, "holds no recording"),
        ({"kind": "radio"}, "kind is 'radio'; choose one of media"),
        ({"kind": "media", "pth": "x"}, r"sources\[0\].*pth"),
        ({"kind": "media"}, r"path"),
    ],
)
def test_a_wrong_source_says_what_is_wrong(source: dict[str, str], message: str, tmp_path: Path) -> None:
    with pytest.raises(LecternError, match=message):
        fetch.main(configure(Corpus, name="test", sources=[source]), tmp_path / "raw")
