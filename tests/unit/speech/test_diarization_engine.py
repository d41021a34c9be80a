"""The embedded engine: the arithmetic of its windows, and the real models on real sound."""

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lectern.core.errors import ItemError
from lectern.formats.audio import RATE, decode
from lectern.speech import bundled_engine
from lectern.speech.bundled_engine import find_runs, load_engine, reconstruct
from lectern.speech.diarization import Diarize
from lectern.speech.segmentation import FRAME, LOCAL, POWERSET, WINDOW, Windows, segment_windows
from lectern.speech.voiceprints import embed_speakers

TALKS = Path("data/sources/smoke")
CHOICES: dict[str, Any] = {
    "step": 2.5,
    "embed_every": 2,
    "threshold": 0.6,
    "min_embedding": 1.5,
    "min_share": 0.01,
    "min_speakers": 1,
    "max_speakers": 8,
    "fill_gap": 0.5,
    "min_turn": 0.2,
}


class Sound:
    """Samples in memory that are read as a recording is; it knows the longest piece that was asked for."""

    def __init__(self, samples: np.ndarray) -> None:
        self.samples, self.longest = samples.astype(np.float32), 0

    def __len__(self) -> int:
        return len(self.samples)

    def read(self, start: int, end: int) -> np.ndarray:
        self.longest = max(self.longest, end - start)
        return self.samples[max(0, start) : end]


def segment(windows: np.ndarray) -> np.ndarray:
    """The local speakers 0 and 2, all the time."""
    scores = np.zeros((len(windows), 589, len(POWERSET)), dtype=np.float32)
    scores[:, :, POWERSET.index((0, 2))] = 1
    return scores


def test_windows_cover_the_recording_and_classes_decode() -> None:
    # Property: the last window ends with the recording, and a class's members are those of the powerset.
    sound = Sound(np.zeros(3 * WINDOW + 12345))
    windows = segment_windows(sound, segment, step=4.0, at_once=2)
    assert windows.starts[0] == 0
    assert 0 <= len(sound) - (windows.starts[-1] * FRAME + WINDOW) < FRAME
    assert (np.diff(windows.starts) * FRAME / RATE <= 4.01).all()
    assert windows.active.shape == (len(windows.starts), 589, LOCAL)
    assert windows.active.all(axis=(0, 1)).tolist() == [True, False, True]
    assert sound.longest == WINDOW  # nothing longer is ever read
    short = segment_windows(Sound(np.zeros(16_000)), segment, step=4.0)
    assert short.active[:, 70:].sum() == 0  # padding is nobody's speech


def test_an_embedding_rests_on_the_frames_in_which_nobody_else_speaks() -> None:
    # Property: overlapped frames are left out while enough others remain, and used where they are all there is.
    active = np.zeros((1, 589, LOCAL), dtype=bool)
    active[0, :300, 0] = active[0, 200:400, 1] = active[0, 500:505, 2] = True
    sound = Sound(np.random.default_rng(0).standard_normal(WINDOW))
    embed = lambda features: np.full(192, len(features), np.float32)  # noqa: E731
    windows = Windows(np.array([0]), active)
    alone = embed_speakers(sound, windows, embed, least=1.0)
    assert alone.where.tolist() == [[0, 0], [0, 1]]  # the third speaks 0.08 s
    assert alone.seconds == pytest.approx([200 * FRAME / RATE, 100 * FRAME / RATE], abs=0.05)
    mixed = embed_speakers(sound, windows, embed, least=2.0)
    assert mixed.seconds == pytest.approx([200 * FRAME / RATE, 200 * FRAME / RATE], abs=0.05)


def test_every_second_window_is_embedded_and_always_the_last() -> None:
    active = np.zeros((6, 589, LOCAL), dtype=bool)
    active[:, :, 0] = True
    windows = Windows(np.arange(6) * 148, active)
    sound = Sound(np.random.default_rng(0).standard_normal(2 * WINDOW))
    local = embed_speakers(sound, windows, lambda features: np.ones(192, np.float32), 1.0, every=2)
    assert local.where[:, 0].tolist() == [0, 2, 4, 5]


def test_windows_agree_on_one_grid_though_their_local_speakers_have_other_numbers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Property: reconstruction undoes the windows' permutations of speakers, piece by piece as well.
    truth = np.zeros((200, 2), dtype=bool)
    truth[10:90, 0] = truth[80:150, 1] = True
    starts = np.array([0, 50, 100])
    active = np.zeros((3, 100, LOCAL), dtype=bool)
    persons = np.full((3, LOCAL), -1)
    for window, (start, order) in enumerate(zip(starts, [(0, 1), (2, 0), (1, 2)], strict=True)):
        for person, place in enumerate(order):
            active[window, :, place] = truth[start : start + 100, person]
            persons[window, place] = person
    assert (reconstruct(Windows(starts, active), persons) == truth).all()
    monkeypatch.setattr(bundled_engine, "PIECE", 7)
    assert (reconstruct(Windows(starts, active), persons) == truth).all()


def test_a_frame_has_as_many_speakers_as_its_windows_hear_on_average() -> None:
    # Property: one window of three that hears somebody else, or one more, is outvoted; two are not.
    active = np.zeros((3, 3, LOCAL), dtype=bool)
    active[:, :, 0] = [[True, True, True], [True, True, True], [False, True, True]]
    active[:, :, 1] = [[False, False, True], [False, True, True], [True, False, False]]
    persons = np.tile([0, 1, -1], (3, 1))
    found = reconstruct(Windows(np.zeros(3, dtype=np.int64), active), persons)
    assert found.tolist() == [[True, False], [True, False], [True, True]]


def test_runs_have_their_gaps_filled_and_specks_dropped() -> None:
    speaking = np.zeros(1000, dtype=bool)
    speaking[200:300] = speaking[310:400] = True  # a gap of 0.17 s
    speaking[500:505] = True  # 0.08 s
    runs = find_runs(speaking, 16.0, fill_gap=0.3, least=0.2)
    assert [(round(start, 1), round(end, 1)) for start, end in runs] == [(3.4, 6.8)]
    assert find_runs(speaking, 6.0, fill_gap=0.3, least=0.2)[0][1] == 6.0  # none ends after the recording
    assert find_runs(np.zeros(10, dtype=bool), 1.0) == []


def test_reconstruction_takes_time_and_memory_in_proportion() -> None:
    # Property: six hours fit; the first version looked through all local speakers in each window.
    windows = 8640
    starts = np.arange(windows) * 148
    active = np.zeros((windows, 589, LOCAL), dtype=bool)
    active[:, :300, 0] = active[:, 300:, 1] = True
    persons = np.tile([0, 1, -1], (windows, 1))
    tracemalloc.start()
    speaking = reconstruct(Windows(starts, active), persons)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert speaking.any(axis=1).all()
    assert peak < 100e6


@pytest.fixture(scope="module")
def diarize() -> Diarize:
    return load_engine(device="cpu", threads=1, batch_size=8, **CHOICES)


def write(path: Path, samples: np.ndarray) -> Path:
    import wave

    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return path


def test_a_dialogue_has_two_speakers_without_being_told(diarize: Diarize) -> None:
    found, facts = diarize("talk", TALKS / "smoke-01-logs.mp3")
    assert (facts["speakers"], facts["ghosts"], facts["merged_groups"]) == (2, [], 0)
    first, second = (np.array(found.voices[name].embedding) for name in ("speaker_1", "speaker_2"))
    assert first @ second < 0.6 < first @ first
    again, _ = diarize("talk", TALKS / "smoke-01-logs.mp3")
    assert again == found


@pytest.mark.parametrize("seconds", [0.05, 0.4, 2.0, 4.2, 10.01])
def test_short_recordings_work_and_the_turns_stay_inside(
    diarize: Diarize, seconds: float, tmp_path: Path
) -> None:
    # Property: no length fails; one voice is at most one speaker.
    host = decode(TALKS / "smoke-01-logs.mp3").samples[8000 : round(4.5 * RATE)]
    path = write(tmp_path / "short.wav", np.tile(host, 3)[: round(seconds * RATE)])
    found, facts = diarize("short", path)
    assert found.duration == pytest.approx(seconds, abs=0.001)
    assert facts["speakers"] <= 1
    assert all(0 <= turn.start < turn.end <= found.duration for turn in found.turns)
    assert seconds < 2 or found.turns


def test_silence_noise_and_damage(diarize: Diarize, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).standard_normal(12 * RATE) * 0.02
    for name, samples in (("silence", np.zeros(12 * RATE)), ("noise", noise)):
        found, facts = diarize(name, write(tmp_path / f"{name}.wav", samples))
        assert (found.turns, found.voices, facts["speakers"]) == ([], {}, 0)
    cut = tmp_path / "cut.mp3"
    cut.write_bytes((TALKS / "smoke-01-logs.mp3").read_bytes()[:60_000])
    assert diarize("cut", cut)[0].turns  # what is there of it
    page = tmp_path / "page.mp3"
    page.write_text("<html>not a recording</html>" * 100)
    with pytest.raises(ItemError, match=r"page\.mp3"):
        diarize("page", page)
