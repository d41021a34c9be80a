"""Ready transcripts as a source: what comes with them, what is wrong with them, and that nobody listens to them."""

import json
from pathlib import Path
from typing import Any

import pytest

from lectern.core import io, items
from lectern.core.errors import LecternError
from lectern.core.schema import Chapter, Conversation, Source
from lectern.settings.converse import Converse
from lectern.settings.corpus import Corpus
from lectern.settings.diarize import Diarize
from lectern.settings.score_speech import ScoreSpeech
from lectern.settings.transcribe import Transcribe
from stages import converse, diarize, fetch, score_speech, transcribe
from tests.settings import configure

VTT = "WEBVTT\nLanguage: de\n\n00:01.000 --> 00:04.000\n[Anna]: Why is that so?\n\n00:04.000 --> 00:09.000\n[Ben]: So."
SRT = "1\n00:00:01,000 --> 00:00:02,000\n[Anna]: Why is that so?\n"
JSON = json.dumps({"segments": [{"startTime": 1, "endTime": 2, "body": "So.", "speaker": "Anna"}]})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "ready"
    folder.mkdir()
    return folder


def run(folder: Path, out: Path, allow_failed: float = 0.0, **options: Any) -> items.SyncResult:
    sources = [{"kind": "transcripts", "path": str(folder), **options}]
    return fetch.main(configure(Corpus, name="test", sources=sources, allow_failed=allow_failed), out)


def record(out: Path, name: str) -> Source:
    return io.read_json(out / name / "item.json", Source)


def test_a_transcript_comes_with_what_is_known_of_it(folder: Path, tmp_path: Path) -> None:
    (folder / "talk.vtt").write_text(VTT)
    (folder / "talk.description.txt").write_text("\ufeff0:01 Warum?", encoding="utf-8")
    chapters = [{"start_time": 0, "end_time": 4.0, "title": "Intro"}]
    info = {"title": "Tälk", "webpage_url": "https://e.org/1", "license": "CC0", "upload_date": "20261122"}
    (folder / "talk.info.json").write_text(json.dumps({**info, "channel": "Show", "chapters": chapters}))
    (folder / "notes.md").write_text("no transcript")
    assert str(run(folder, tmp_path / "raw")) == "made 1, kept 0, removed 0, failed 0"
    assert record(tmp_path / "raw", "talk") == Source(
        item="talk",
        kind="transcripts",
        title="Tälk",
        url="https://e.org/1",
        media=None,
        description="0:01 Warum?",
        licence="CC0",
        published="2026-11-22",
        author="Show",
        transcript="transcript.vtt",
        chapters=[Chapter(start=0, end=4, title="Intro")],
        language="de",
    )
    assert sorted(p.name for p in (tmp_path / "raw" / "talk").iterdir()) == ["item.json", "transcript.vtt"]
    assert (tmp_path / "raw" / "talk" / "transcript.vtt").read_text() == VTT
    assert items.facts(tmp_path / "raw")["talk"] == {"cues": 2, "words": 5, "speakers": 2, "unlabelled": 0}


def test_every_format_counts_in_folders_too(folder: Path, tmp_path: Path) -> None:
    (folder / "season").mkdir()
    (folder / "a.VTT").write_text(VTT)
    (folder / "season" / "b.srt").write_text(SRT)
    (folder / "season" / "c.json").write_text(JSON)
    assert run(folder, tmp_path / "raw").made == 3
    found = [record(tmp_path / "raw", name) for name in items.read(tmp_path / "raw")]
    assert [(s.title, s.transcript) for s in found] == [
        ("a", "transcript.vtt"),
        ("b", "transcript.srt"),
        ("c", "transcript.json"),
    ]


def test_the_language_of_the_source_counts_above_the_files(folder: Path, tmp_path: Path) -> None:
    (folder / "a.vtt").write_text(VTT)
    (folder / "b.srt").write_text(SRT)
    run(folder, tmp_path / "raw")
    assert [record(tmp_path / "raw", name).language for name in "ab"] == ["de", "en"]
    assert run(folder, tmp_path / "raw", language="pt-BR").made == 2
    assert [record(tmp_path / "raw", name).language for name in "ab"] == ["pt-BR", "pt-BR"]


def test_one_more_transcript_makes_one(folder: Path, tmp_path: Path) -> None:
    for name in "abc":
        (folder / f"{name}.vtt").write_text(VTT)
    run(folder, tmp_path / "raw")
    (folder / "d.vtt").write_text(VTT)
    (folder / "a.description.txt").write_text("new")
    (folder / "c.vtt").unlink()
    assert str(run(folder, tmp_path / "raw")) == "made 2, kept 1, removed 1, failed 0"
    run(folder, tmp_path / "clean")
    assert snapshot(tmp_path / "raw") == snapshot(tmp_path / "clean")


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("bad.vtt", VTT.replace("00:04.000", "00:0x"), r"bad \(bad\.vtt:4: the times cannot be read"),
        ("bad.vtt", "WEBVTT\n", r"bad \(bad\.vtt:1: the file has no line of times"),
        ("bad.srt", b"\x89PNG\r\n\x1a\n\x00\x00", r"bad \(bad\.srt:1: not UTF-8"),
        ("bad.srt", "Größe".encode("latin-1"), r"bad \(bad\.srt:1: not UTF-8.*Save the file as UTF-8"),
        ("bad.json", '{\n"segments": 5}', r"bad \(bad\.json:1: the file has no list `segments`"),
        ("good.info.json", '{"chapters": [{"title": 5}]}', r"good \(.*good\.info\.json: `chapters` is not"),
        ("good.info.json", "[]", r"good \(.*good\.info\.json holds a list"),
    ],
)
def test_a_broken_file_fails_its_item_only(
    folder: Path, tmp_path: Path, name: str, content: str | bytes, message: str
) -> None:
    for good in ("good", "other"):
        (folder / f"{good}.vtt").write_text(VTT)
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(LecternError, match=message):
        run(folder, tmp_path / "raw")
    assert "other" in items.read(tmp_path / "raw")
    assert run(folder, tmp_path / "raw", allow_failed=0.5).failed == 1


def test_two_transcripts_of_one_stem_are_named(folder: Path, tmp_path: Path) -> None:
    (folder / "talk.vtt").write_text(VTT)
    (folder / "talk.srt").write_text(SRT)
    with pytest.raises(LecternError, match="two items have the id 'talk'"):
        run(folder, tmp_path / "raw")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"path": "data/nowhere"}, "data/nowhere is not a folder. Put the transcripts there"),
        ({"path": "tests/conf"}, "holds no transcript"),
        ({"path": "tests/conf", "language": "English"}, "language is 'English'"),
        ({}, "path"),
    ],
)
def test_a_wrong_source_says_what_is_wrong(source: dict[str, str], message: str, tmp_path: Path) -> None:
    corpus = configure(Corpus, name="test", sources=[{"kind": "transcripts", **source}])
    with pytest.raises(LecternError, match=message):
        fetch.main(corpus, tmp_path / "raw")


def test_nobody_listens_and_the_conversation_has_the_names(folder: Path, tmp_path: Path) -> None:
    (folder / "talk.vtt").write_text(VTT)
    raw, transcripts, diarization, told = (tmp_path / name for name in ("raw", "words", "turns", "told"))
    run(folder, raw, language="en")
    heard = transcribe.main(configure(Transcribe), raw, transcripts)
    parted = diarize.main(configure(Diarize), raw, diarization)
    assert str(heard) == str(parted) == "made 0, kept 0, removed 0, failed 0"
    metrics = tmp_path / "metrics.json"
    converse.main(configure(Converse), raw, transcripts, diarization, tmp_path / "none", told, metrics)
    conversation = io.read_json(told / "talk.json", Conversation)
    assert [(u.speaker, u.text, u.start, u.end) for u in conversation.utterances] == [
        ("Anna", "Why is that so?", 1.0, 4.0),
        ("Ben", "So.", 4.0, 9.0),
    ]
    assert conversation.language == "en"
    score = configure(ScoreSpeech)
    said = score_speech.main(score, raw, transcripts, diarization, told, tmp_path / "speech.json")
    assert "nothing to score" in said


def test_a_transcript_that_names_nobody_is_said_at_once(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "named.vtt").write_text(VTT)
    (folder / "plain.vtt").write_text(VTT.replace("[Anna]: ", "").replace("[Ben]: ", "Sources: "))
    raw, words, turns, told = (tmp_path / name for name in ("raw", "words", "turns", "told"))
    run(folder, raw)
    transcribe.main(configure(Transcribe), raw, words)
    diarize.main(configure(Diarize), raw, turns)
    capsys.readouterr()
    for _ in range(2):  # also when nothing is to be done
        converse.main(configure(Converse), raw, words, turns, tmp_path / "none", told, tmp_path / "m.json")
        said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("converse: 1 ")]
        assert said[0].startswith(
            "converse: 1 of 2 ready transcripts name no speaker (plain), so that nobody"
        )
        assert "what may be a label and was not believed (plain: 1)" in said[1]
        assert len(said) == 2


def save(folder: Path, **files: str) -> None:
    for name, content in files.items():
        (folder / name).write_text(content)


def test_what_yt_dlp_writes_is_one_talk(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stem = "Seeds [x]"
    files = {
        ".en.vtt": VTT.replace("Language: de\n", ""),
        ".en-orig.vtt": VTT.replace("So.", "Original."),
        ".de.srt": SRT,
        ".live_chat.json": '{"a": 1}\n{"a": 2}\n',
        ".info.json": json.dumps({"title": "Seeds in practice", "webpage_url": "https://e.org/x"}),
        ".description": "(0:03) Why do seeds matter?",
        ".webp": "picture",
    }
    save(folder, **{stem + ending: content for ending, content in files.items()}, **{"notes.md": "mine"})
    assert run(folder, tmp_path / "raw").made == 1
    (only,) = items.read(tmp_path / "raw")
    found = record(tmp_path / "raw", only)
    assert (found.title, found.url, found.language) == ("Seeds in practice", "https://e.org/x", "en")
    assert found.description == "(0:03) Why do seeds matter?"
    assert "So." in (tmp_path / "raw" / only / "transcript.vtt").read_text()
    said = capsys.readouterr().err
    assert "Seeds [x].en.vtt is taken, and not Seeds [x].de.srt, Seeds [x].en-orig.vtt" in said
    assert "1 file is no transcript and left out (1 .md): notes.md" in said


@pytest.mark.parametrize(
    ("names", "language", "expected"),
    [
        (["talk.en.vtt", "talk.de.vtt", "talk.info.json"], None, ["talk: en"]),
        (["talk.en.vtt", "talk.de.vtt", "talk.info.json"], "de", ["talk: de"]),
        (["talk.en.vtt", "talk.de.vtt", "talk.de-orig.vtt"], None, ["talk.en: en", "talk: de"]),
        (["talk.fr.srt", "talk.fr.vtt", "talk.mp4"], None, ["talk: fr"]),
        (["talk.zh-Hans.vtt", "talk.description"], None, ["talk: zh"]),
        # nothing shows that this is a language
        (["ep.one.vtt", "ep.two.vtt"], None, ["ep.one: en", "ep.two: en"]),
    ],
)
def test_which_of_several_languages_is_taken(
    folder: Path, tmp_path: Path, names: list[str], language: str | None, expected: list[str]
) -> None:
    for name in names:
        text = (
            SRT
            if name.endswith("srt")
            else "{}"
            if name.endswith("json")
            else VTT.replace("Language: de\n", "")
        )
        (folder / name).write_text(text)
    run(folder, tmp_path / "raw", **({"language": language} if language else {}))
    found = [record(tmp_path / "raw", item) for item in items.read(tmp_path / "raw")]
    assert sorted(f"{source.title}: {source.language}" for source in found) == expected
