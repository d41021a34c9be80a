"""Speakers on channels of their own: from a file each to the turns, without a model."""

from pathlib import Path

import numpy as np
import pytest

from lectern.core import io, items
from lectern.core.errors import LecternError
from lectern.core.schema import Conversation, Diarization, Source, Transcript, Word
from lectern.formats.audio import RATE
from lectern.settings.converse import Converse
from lectern.settings.corpus import Corpus
from lectern.settings.diarize import Diarize
from lectern.sources import media
from lectern.speech import channels
from stages import converse, diarize, fetch
from tests.settings import configure
from tests.unit.formats.test_audio import write_tracks

TURNS = [(0.5, 2.0, 0), (2.5, 4.0, 1), (4.5, 6.0, 0), (5.5, 7.5, 1)]
"""Start, end and speaker: the last two overlap."""


def voices(count: int = 2, levels: tuple[float, ...] = (1.0, 1.0), bleed: float = 0.0) -> np.ndarray:
    """A noise for each speaker, on the own channel, and more softly on the others. Shape (channels, samples)."""
    rng = np.random.default_rng(7)
    sound = np.zeros((count, 8 * RATE), np.float32)
    for start, end, speaker in TURNS:
        said = 0.1 * rng.standard_normal(round((end - start) * RATE)).astype(np.float32)
        for channel in range(count):
            strength = levels[speaker] if channel == speaker else bleed * levels[channel]
            sound[channel, round(start * RATE) : round(end * RATE)] += strength * said
    return sound + 1e-4 * rng.standard_normal(sound.shape).astype(np.float32)


@pytest.mark.parametrize(
    ("levels", "bleed"), [((1, 1), 0.0), ((1, 1), 0.2), ((1, 0.05), 0.1), ((0.1, 0.02), 0.0)]
)
def test_who_is_loud_on_the_own_channel_speaks(
    tmp_path: Path, levels: tuple[float, float], bleed: float
) -> None:
    # Property: the turns are found whatever the levels of the microphones, and though they hear the others softly.
    path = write_tracks(tmp_path / "a.mkv", [(0.0, voices(levels=levels, bleed=bleed))])
    found, facts = channels.diarize("a", path, ["Ann", "Bob"])
    assert [turn.speaker for turn in found.turns] == ["Ann", "Bob", "Ann", "Bob"]
    for turn, (start, end, _) in zip(found.turns, TURNS, strict=True):
        assert (turn.start, turn.end) == (pytest.approx(start, abs=0.15), pytest.approx(end, abs=0.15))
    assert facts["speakers"] == 2
    assert found.duration == pytest.approx(8.0, abs=0.05)


@pytest.mark.parametrize("begin", [0.15, 1.0])
def test_sound_that_begins_later_than_the_picture_keeps_its_channels(tmp_path: Path, begin: float) -> None:
    # The silence that is written before it has as many channels as the sound.
    path = write_tracks(tmp_path / "a.mkv", [(begin, voices())], picture=10.0)
    found, _ = channels.diarize("a", path, ["Ann", "Bob"])
    assert [turn.speaker for turn in found.turns] == ["Ann", "Bob", "Ann", "Bob"]
    assert found.turns[0].start == pytest.approx(begin + TURNS[0][0], abs=0.15)


def test_silence_has_no_turns(tmp_path: Path) -> None:
    path = write_tracks(tmp_path / "a.mkv", [(0.0, np.zeros((2, RATE), np.float32))])
    assert channels.diarize("a", path, ["Ann", "Bob"])[0].turns == []


def test_a_short_pause_ends_no_turn_a_long_one_does_and_a_click_is_none(tmp_path: Path) -> None:
    sound = voices()
    sound[1, round(0.1 * RATE) : round(0.14 * RATE)] = 0.1
    for start in (1.1, 3.0):  # within the first turn of each
        sound[:, round(start * RATE) : round((start + 0.3) * RATE)] = 0
    sound[0, round(4.6 * RATE) : round(5.5 * RATE)] = 0
    path = write_tracks(tmp_path / "a.mkv", [(0.0, sound)])
    found, _ = channels.diarize("a", path, ["Ann", "Bob"])
    turns = [(turn.start, turn.end, turn.speaker) for turn in found.turns]
    expected = [(0.5, 2.0, "Ann"), (2.5, 4.0, "Bob"), (5.5, 6.0, "Ann"), (5.5, 7.5, "Bob")]
    assert [turn[2] for turn in turns] == ["Ann", "Bob", "Ann", "Bob"]
    for turn, (start, end, _) in zip(sorted(turns), expected, strict=True):
        assert turn[:2] == (pytest.approx(start, abs=0.15), pytest.approx(end, abs=0.15))


@pytest.mark.parametrize(
    ("stems", "names"),
    [
        (["audioAnnLee21234567890", "audioBob11234567890"], ["Ann Lee", "Bob"]),
        (
            ["riverside_ann-lee_my show_raw_0001", "riverside_bob-ray_my show_raw_0002"],
            ["Ann Lee", "Bob Ray"],
        ),
        (["ann", "bob"], ["Ann", "Bob"]),
        (["1", "2"], ["1", "2"]),
        (["Ann 1", "Ann 2"], ["Ann 1", "Ann 2"]),
        (["guest1", "guest2"], ["guest1", "guest2"]),
        (["DJ Ann", "bob"], ["DJ Ann", "Bob"]),
        (["李雷", "韩梅"], ["李雷", "韩梅"]),
    ],
)
def test_the_names_of_files_name_the_speakers(stems: list[str], names: list[str]) -> None:
    assert media.name_speakers(stems) == names


def run(folder: Path, out: Path, speakers: str) -> items.SyncResult:
    sources = [{"kind": "media", "path": str(folder), "speakers": speakers}]
    return fetch.main(configure(Corpus, name="test", sources=sources), out)


def diarized(raw: Path, out: Path) -> Diarization:
    diarize.main(configure(Diarize), raw, out)
    (name,) = items.read(out)
    return io.read_json(out / f"{name}.json", Diarization)


def test_a_file_a_speaker_becomes_a_conversation_of_named_people(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = voices()
    session = tmp_path / "in" / "2026-11-30 Seeds" / "Audio Record"
    session.mkdir(parents=True)
    for number, name in enumerate(["AnnLee", "BobRay"]):
        own = sound[number : number + 1, : (8 - number // 2) * RATE]
        write_tracks(session / f"audio{name}{number}1234567890.mkv", [(0.0, own)])
    write_tracks(session.parent / "zoom_0.mkv", [(0.0, sound.mean(axis=0, keepdims=True))])
    (session.parent / "Audio Record.info.json").write_text('{"title": "Seeds", "host": "Ann Lee"}')
    raw, words, turns = (tmp_path / name for name in ("raw", "words", "turns"))
    run(tmp_path / "in", raw, "files")
    assert "2026-11-30 Seeds is left out: it does not hold a file for each speaker" in capsys.readouterr().err
    (name,) = items.read(raw)
    record = io.read_json(raw / name / "item.json", Source)
    assert (record.title, record.media, record.tracks) == ("Seeds", "recording.flac", ["Ann Lee", "Bob Ray"])
    monkeypatch.setattr("lectern.speech.bundled_engine.load_engine", None)  # no model is loaded
    found = diarized(raw, turns)
    assert [turn.speaker for turn in found.turns] == ["Ann Lee", "Bob Ray", "Ann Lee", "Bob Ray"]
    said = [Word(text=f"word{n}", start=a + 0.2, end=a + 0.8) for n, (a, *_) in enumerate(TURNS[:3])]
    transcript = Transcript(item=name, duration=8.0, language="en", words=said)
    items.sync(
        [items.Item(name, {})],
        words,
        lambda: lambda item, path: io.write_json(path, transcript) or {},
        suffix=".json",
        params={},
        code=(),
    )
    told = tmp_path / "told"
    converse.main(configure(Converse), raw, words, turns, tmp_path / "none", told, tmp_path / "metrics.json")
    conversation = io.read_json(told / f"{name}.json", Conversation)
    assert [u.speaker for u in conversation.utterances] == ["Ann Lee", "Bob Ray", "Ann Lee"]


def test_a_speaker_a_channel_is_told_apart_by_channels(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    write_tracks(tmp_path / "in" / "call.mkv", [(0.0, voices())])
    run(tmp_path / "in", tmp_path / "raw", "channels")
    assert io.read_json(tmp_path / "raw/call/item.json", Source).tracks == ["speaker_1", "speaker_2"]
    assert {turn.speaker for turn in diarized(tmp_path / "raw", tmp_path / "turns").turns} == {
        "speaker_1",
        "speaker_2",
    }
    (tmp_path / "in" / "call.info.json").write_text('{"speakers": ["Ann", "Bob"]}')
    run(tmp_path / "in", tmp_path / "raw", "channels")
    assert {turn.speaker for turn in diarized(tmp_path / "raw", tmp_path / "turns").turns} == {"Ann", "Bob"}


def test_a_folder_without_two_speakers_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    write_tracks(tmp_path / "in" / "a.mkv", [(0.0, voices())])
    with pytest.raises(LecternError, match="holds no folder with the files of two speakers"):
        run(tmp_path / "in", tmp_path / "raw", "files")
