"""The facts about a transcript: who looks for speech, and what is counted."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lectern.core.schema import Word
from lectern.speech import asr, listening

WORDS = [Word(text="Hello", start=1.0, end=1.5), Word(text="there.", start=1.5, end=2.25)]


@pytest.mark.parametrize(
    ("heard", "searched", "seconds"),
    [([(1.0, 2.5), (3.0, 3.25)], 0, 1.75), ([], 0, 0.0), (None, 1, 4.0)],
)
def test_speech_is_looked_for_only_where_the_engine_did_not(
    monkeypatch: pytest.MonkeyPatch, heard: list[tuple[float, float]] | None, searched: int, seconds: float
) -> None:
    @contextmanager
    def recording(path: Path) -> Iterator[Any]:
        yield SimpleNamespace(seconds=9.0, damaged=3)

    searches: list[Any] = []

    def find_speech(recording: Any) -> list[tuple[float, float]]:
        searches.append(recording)
        return [(0.0, 4.0)]

    monkeypatch.setattr(asr, "open_recording", recording)
    monkeypatch.setattr(listening, "find_speech", find_speech)
    said = asr.Heard("en", WORDS, 0.75, heard, {"windows": 2})
    transcript, facts = asr.transcribe("talk", Path("talk.wav"), lambda _: said)
    # property: an engine that found no speech at all has looked for it: that is not done a second time
    assert len(searches) == searched
    assert facts["speech_seconds"] == seconds
    assert (transcript.item, transcript.duration, transcript.language) == ("talk", 9.0, "en")
    assert transcript.words == WORDS
    assert (facts["seconds"], facts["words"], facts["damaged_packets"]) == (9.0, 2, 3)
    assert (facts["language"], facts["language_probability"], facts["windows"]) == ("en", 0.75, 2)


def test_silence_before_a_piece_is_that_between_speech() -> None:
    speech = [(1.0, 2.0), (3.0, 4.0), (4.5, 6.0)]
    assert listening._measure_silences(speech, [(0.8, 2.2), (2.8, 4.2), (4.3, 6.2)]) == [0.0, 1.0, 0.5]
    # property: none where speech itself was divided, and none before the first
    assert listening._measure_silences([(10.0, 50.0)], [(9.8, 30.0), (30.0, 50.2)]) == [0.0, 0.0]
    assert listening._measure_silences([(1.0, 40.0), (42.0, 43.0)], [(0.8, 20.0), (20.0, 40.2), (41.8, 43.2)]) == [
        0.0, 0.0, 2.0,
    ]  # fmt: skip


def test_speech_is_widened_to_the_middle_of_a_gap_and_to_the_ends() -> None:
    def widened(*spans: tuple[float, float]) -> list[tuple[float, ...]]:
        return [tuple(round(time, 9) for time in span) for span in listening.pad(spans, (0.0, 10.0), 0.25)]

    assert widened((1.0, 2.0), (2.3, 3.0), (9.0, 9.9)) == [(0.75, 2.15), (2.15, 3.25), (8.75, 10.0)]
    assert widened((0.1, 0.5)) == [(0.0, 0.75)]
    assert widened() == []


class Silent:
    """A recording of so many samples, of which each is its own number."""

    def __init__(self, samples: int) -> None:
        self.samples, self.read_at = samples, list[tuple[int, int]]()

    def __len__(self) -> int:
        return self.samples

    def read(self, start: int, end: int) -> list[int]:
        self.read_at.append((start, min(end, self.samples)))
        return list(range(start, min(end, self.samples)))


def test_speech_over_the_end_of_a_block_is_one_and_so_is_what_a_breath_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from faster_whisper import vad

    rate = listening.RATE
    said = [(1.0, 2.0), (2.1, 3.0), (3.5, 5.6), (7.0, 7.5)]

    def detect(samples: list[int], options: Any) -> list[dict[str, int]]:
        first, last = samples[0], samples[-1] + 1
        spans = [(max(round(a * rate), first), min(round(b * rate), last)) for a, b in said]
        return [{"start": a - first, "end": b - first} for a, b in spans if a < b]

    monkeypatch.setattr(vad, "get_speech_timestamps", detect)
    recording: Any = Silent(8 * rate)
    assert listening.find_speech(recording, block=4.0) == [(1.0, 3.0), (3.5, 5.6), (7.0, 7.5)]
    # property: the next block begins half a second before what was cut, but with no speech that was counted
    assert [start / rate for start, _ in recording.read_at] == [0.0, 3.0, 7.0]
    whole: Any = Silent(8 * rate)
    assert listening.find_speech(whole, block=60.0) == [(1.0, 3.0), (3.5, 5.6), (7.0, 7.5)]
