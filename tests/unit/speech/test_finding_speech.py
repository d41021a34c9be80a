"""Where somebody speaks is found the same in blocks of any length, with a detector that is never wrong."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lectern.speech import listening

RATE = 16_000


class Recording:
    """A recording that is loud where somebody speaks."""

    def __init__(self, seconds: float, spans: list[tuple[float, float]]) -> None:
        self.samples = np.zeros(round(seconds * RATE), np.float32)
        for start, end in spans:
            self.samples[round(start * RATE) : round(end * RATE)] = 1.0
        self.reads = 0

    def __len__(self) -> int:
        return len(self.samples)

    def read(self, start: int, end: int) -> Any:
        self.reads += 1
        assert self.reads < 200, "it reads without end"
        return self.samples[start:end]


def detect(samples: Any, options: Any) -> list[dict[str, int]]:
    """The loud stretches; those with less than the shortest silence between them are one."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], samples, [0]])))
    found: list[dict[str, int]] = []
    for start, end in edges.reshape(-1, 2).tolist():
        if found and start - found[-1]["end"] < options.min_silence_duration_ms * RATE // 1000:
            found[-1]["end"] = end
        else:
            found.append({"start": start, "end": end})
    return found


@pytest.fixture(autouse=True)
def ideal(monkeypatch: pytest.MonkeyPatch) -> None:
    from faster_whisper import vad

    monkeypatch.setattr(vad, "get_speech_timestamps", detect)


def find(seconds: float, spans: list[tuple[float, float]], block: float) -> list[tuple[float, float]]:
    return listening.find_speech(Recording(seconds, spans), block)  # type: ignore[arg-type]


@pytest.mark.parametrize("block", [1.0, 1.5, 2.0, 3.0, 4.0, 7.0, 600.0])
@pytest.mark.parametrize(
    "spans",
    [
        [],
        [(0.0, 8.0)],
        [(7.9, 8.0)],
        [(7.25, 8.0)],
        [(0.5, 1.25), (1.75, 2.0), (2.25, 6.0)],
        [(0.0, 0.25), (3.5, 4.0)],
        [(1.75, 2.25), (2.75, 3.0), (5.9, 6.1)],
    ],
)
def test_stretches_are_whole_whatever_the_length_of_a_block(
    spans: list[tuple[float, float]], block: float
) -> None:
    assert find(8.0, spans, block) == spans


@settings(max_examples=60)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=12), st.integers(8, 40))
def test_drawn_stretches_are_whole(lengths: list[int], block: int) -> None:
    """In quarters of a second: speech and silence in turn."""
    edges = np.cumsum([0, *lengths]) / 4
    spans = [(float(a), float(b)) for a, b in zip(edges[::2], edges[1::2], strict=False)]
    assert find(float(edges[-1]) + 0.5, spans, block / 4) == spans


def test_a_pause_that_is_shorter_than_the_shortest_silence_divides_nothing() -> None:
    spans = [(1.0, 2.0), (2.125, 3.0), (3.25, 4.0)]
    for block in (2.0, 2.125, 600.0):
        assert find(5.0, spans, block) == [(1.0, 3.0), (3.25, 4.0)]
