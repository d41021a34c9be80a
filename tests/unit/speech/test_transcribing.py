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
