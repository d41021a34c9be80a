"""The WhisperX engine: its result read, its pieces and errors, and the real one on real audio.

The real one runs offline from a local CTranslate2 directory, without and with alignment. The alignment model is of the
usual class but random: its times mean nothing beyond their order.
"""

import json
import sys
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectern.core import io, items
from lectern.core.errors import LecternError
from lectern.core.schema import Transcript
from lectern.formats.audio import RATE
from lectern.models import bundled
from lectern.settings.transcribe import Transcribe
from lectern.speech import whisperx_engine
from lectern.speech.whisperx_engine import cut_pieces, read_words
from stages import transcribe
from tests.settings import configure
from tests.support.own_environment import add_recording, built, make_model, run_stage

SMOKE = Path("data/sources/smoke")


def test_every_word_of_an_aligned_segment_comes_out_in_order_with_a_time() -> None:
    # as whisperx.align returns them: "2014" and "$5" have no time, "(a)" no score, and one end is NaN
    segment = {
        "start": 10.0,
        "end": 14.0,
        "text": " In 2014 it was $5 (a) day",
        "words": [
            {"word": "In", "start": 10.0, "end": 10.4, "score": 0.91, "speaker": "SPEAKER_00"},
            {"word": "2014"},
            {"word": "it", "start": 11.4, "end": 11.6, "score": 0.8, "speaker": "SPEAKER_00"},
            {"word": "was", "start": 11.7, "end": float("nan"), "score": 0.7},
            {"word": "$5"},
            {"word": "(a)", "start": 12.9, "end": 13.1},
            {"word": "day", "start": 13.2, "end": 14.0, "score": 0.99},
        ],
        "speaker": "SPEAKER_00",
    }
    words = read_words([segment], offset=100.0)
    assert [word.text for word in words] == ["In", "2014", "it", "was", "$5", "(a)", "day"]
    assert [word.probability for word in words] == [0.91, None, 0.8, 0.7, None, None, 0.99]
    assert (words[0].start, words[0].end, words[-1].end) == (110.0, 110.4, 114.0)
    assert 110.4 <= words[1].start < words[1].end <= 111.4
    assert 111.6 <= words[3].start < words[3].end <= words[4].start < words[4].end <= 112.9


@pytest.mark.parametrize("words", [[], None])
def test_a_segment_that_was_not_aligned_gives_the_words_of_its_text(words: list[Any] | None) -> None:
    segment: dict[str, Any] = {"start": 1.0, "end": 3.0, "text": " Twenty 20 "}
    found = read_words([segment if words is None else segment | {"words": words}], offset=0.0)
    assert [(word.text, word.start, word.end) for word in found] == [("Twenty", 1.0, 2.5), ("20", 2.5, 3.0)]


def test_segments_come_out_in_order_of_time() -> None:
    segments = [{"start": s, "end": s + 1.0, "text": f"word{s:.0f}"} for s in (4.0, 0.0, 2.0)]
    assert [word.text for word in read_words(segments, 0.0)] == ["word0", "word2", "word4"]
    assert read_words([], 0.0) == []


@st.composite
def recordings(draw: st.DrawFn) -> tuple[list[tuple[float, float]], float]:
    speech, now = [], 0.0
    for silence, spoken in draw(st.lists(st.tuples(st.floats(0.16, 40), st.floats(0.1, 300)), max_size=30)):
        speech.append((now + silence, now + silence + spoken))
        now += silence + spoken
    return speech, now + draw(st.floats(0.01, 200))


@given(recordings())
def test_pieces_cover_the_recording_and_are_never_too_long(
    made: tuple[list[tuple[float, float]], float],
) -> None:
    speech, seconds = made
    pieces = cut_pieces(speech, seconds, longest=60.0)
    assert pieces[0][0] == 0.0
    assert pieces[-1][1] == seconds
    assert all(left == right for (_, left), (right, _) in pairwise(pieces))
    assert all(0 < end - start <= 60.0 + 1e-6 for start, end in pieces)
    for (start, cut), _ in pairwise(pieces):
        broken = [(a, b) for a, b in speech if a + 1e-9 < cut < b - 1e-9]
        # only where the whole last quarter is spoken
        assert all(a <= start + 45.0 and b >= start + 60.0 for a, b in broken)


def test_without_its_environment_the_stage_says_what_to_build_and_choose(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    with pytest.raises(LecternError, match=r"`make whisperx`.*transcribe\.python=python-whisperx"):
        transcribe.main(configure(Transcribe, engine="whisperx"), tmp_path / "raw", tmp_path / "out")
    assert not (tmp_path / "out").exists()


class Hearer:
    """Stands for WhisperX's pipeline: each stretch of loud samples is a segment, with times from the first sample."""

    def __init__(self) -> None:
        self.chosen: dict[str, Any] = {}
        self.heard: list[tuple[int, dict[str, Any]]] = []

    def load(self, name: str, device: str, **chosen: Any) -> "Hearer":
        self.chosen = {"name": name, "device": device, **chosen}
        return self

    def transcribe(self, samples: Any, **chosen: Any) -> dict[str, Any]:
        self.heard.append((len(samples), chosen))
        edges = np.flatnonzero(np.diff(np.concatenate([[0], samples, [0]]))) / RATE
        return {
            "segments": [{"start": a, "end": b, "text": "word"} for a, b in edges.reshape(-1, 2).tolist()]
        }


class Samples:
    """A recording that is loud where somebody speaks."""

    def __init__(self, seconds: float, speech: list[tuple[float, float]]) -> None:
        self.samples, self.seconds = np.zeros(round(seconds * RATE), np.float32), seconds
        for start, end in speech:
            self.samples[round(start * RATE) : round(end * RATE)] = 1.0

    def read(self, start: int, end: int) -> Any:
        return self.samples[start:end]


@pytest.fixture
def hearer(monkeypatch: pytest.MonkeyPatch) -> Hearer:
    """The engine's libraries, which are not installed here."""
    found = Hearer()
    library = SimpleNamespace(setup_logging=lambda level: None, load_model=found.load)
    monkeypatch.setitem(sys.modules, "whisperx", library)
    monkeypatch.setitem(sys.modules, "whisperx.asr", SimpleNamespace(WhisperModel=object))
    model = SimpleNamespace(device="cpu", is_multilingual=True)
    whisper = SimpleNamespace(model=model, supported_languages=["de", "en"])
    monkeypatch.setattr(whisperx_engine.whisper_models, "load_model", lambda *chosen: whisper)
    monkeypatch.setattr(whisperx_engine.whisper_models, "check_prompt", lambda *prompt: None)
    return found


def test_words_of_every_piece_have_the_times_of_the_recording(
    hearer: Hearer, monkeypatch: pytest.MonkeyPatch
) -> None:
    speech = [(0.5, 1.5), (3.0, 3.25), (5.5, 7.0), (11.0, 12.0)]
    monkeypatch.setattr(whisperx_engine, "PIECE", 4.0)
    monkeypatch.setattr(
        whisperx_engine.listening, "find_speech", lambda recording: speech if recording.seconds > 9 else []
    )
    listen = whisperx_engine.load(
        model="large-v3", language="de", beam_size=3, batch_size=7, compute_type="int8", device="cpu", threads=0,
        initial_prompt="Ein Vortrag.", hotwords="Lectern", align=False, align_model=None,
    )  # fmt: skip
    found = listen(Samples(12.5, speech))  # type: ignore[arg-type]
    assert [(word.start, word.end) for word in found.words] == speech
    assert (found.language, found.speech) == ("de", speech)
    # property: each sample is heard once, in pieces that fit into memory, with what was chosen
    assert sum(length for length, _ in hearer.heard) == round(12.5 * RATE)
    assert max(length for length, _ in hearer.heard) <= 4 * RATE
    assert [chosen for _, chosen in hearer.heard] == [{"batch_size": 7, "language": "de"}] * len(hearer.heard)
    assert hearer.chosen["language"] == "de"
    assert hearer.chosen["asr_options"] == {
        "beam_size": 3,
        "initial_prompt": "Ein Vortrag.",
        "hotwords": "Lectern",
    }
    # property: where nobody speaks, nothing is decoded, since Whisper makes up words for silence
    hearer.heard.clear()
    assert listen(Samples(8.0, [])).words == []  # type: ignore[arg-type]
    assert hearer.heard == []


def choices(model: Path, *others: str) -> list[str]:
    cpu = ["transcribe.device=cpu", "transcribe.compute_type=int8", "transcribe.threads=1"]
    return ["transcribe=whisperx", f"transcribe.model={model}", *cpu, *others]


def transcripts(root: Path) -> dict[str, Transcript]:
    return {
        name: io.read_json(path, Transcript) for name, path in items.read(root / "data/transcripts").items()
    }


def measure_wer(found: dict[str, Transcript]) -> float:
    """Over all words of all recordings, without regard to case, punctuation and hyphens."""
    import jiwer

    said, heard = [], []
    for name, transcript in found.items():
        turns = json.loads((SMOKE / f"{name}.truth.json").read_text())["turns"]
        said.append(plain(" ".join(turn["text"] for turn in turns)))
        heard.append(plain(" ".join(word.text for word in transcript.words)))
    return jiwer.wer(said, heard)


def plain(text: str) -> str:
    kept = "".join(c if c.isalnum() or c == "'" else " " for c in text.lower())
    return " ".join(kept.split())


@built
@pytest.mark.slow
def test_the_real_one_transcribes_offline_without_and_with_alignment(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    root, models = tmp_path_factory.mktemp("repository"), tmp_path_factory.mktemp("models")
    talks = sorted(SMOKE.glob("*.mp3"))
    for talk in talks:
        add_recording(root, talk.stem, talk)
    whisper = bundled.fetch("whisper_tiny_en")
    plainly = choices(whisper, "transcribe.align=false")

    done = run_stage(root, "transcribe", *plainly)
    assert done.returncode == 0, done.stderr
    assert f"made {len(talks)}, kept 0" in done.stdout
    plain_words = transcripts(root)

    # the words are those that were said, about as well as faster-whisper hears them with the same model
    assert set(plain_words) == {talk.stem for talk in talks}
    same_model = configure(Transcribe, language="en", threads=1)
    transcribe.main(same_model, root / "data/raw", root / "other/data/transcripts")
    rates = measure_wer(plain_words), measure_wer(transcripts(root / "other"))
    assert rates[0] < 0.15
    assert abs(rates[0] - rates[1]) < 0.06

    # alignment changes the times and nothing else, though this model cannot spell "2"
    aligner = make_model("wav2vec2", models / "aligner")
    aligned_too = [*choices(whisper, "transcribe.language=null"), f"transcribe.align_model={aligner}"]
    done = run_stage(root, "transcribe", *aligned_too)
    assert done.returncode == 0, done.stderr
    assert f"made {len(talks)}, kept 0" in done.stdout
    aligned = transcripts(root)
    for name, transcript in aligned.items():
        words = transcript.words
        assert [word.text for word in words] == [word.text for word in plain_words[name].words]
        assert [word.start for word in words] == sorted(word.start for word in words)
        assert all(0 <= word.start <= word.end <= transcript.duration for word in words)
        assert any(word.probability is not None for word in words)
    assert aligned != plain_words

    # another run makes nothing; another alignment model in the same place is another model
    assert f"made 0, kept {len(talks)}" in run_stage(root, "transcribe", *aligned_too).stdout
    written = b"".join(path.read_bytes() for path in (root / "data/transcripts").iterdir())
    assert str(models).encode() not in written
    assert str(whisper).encode() not in written
    (aligner / "preprocessor_config.json").write_text(
        (aligner / "preprocessor_config.json").read_text() + "\n"
    )
    again = run_stage(root, "transcribe", *aligned_too)
    assert f"made {len(talks)}, kept 0" in again.stdout, again.stderr
    assert transcripts(root) == aligned


@built
@pytest.mark.slow
def test_an_alignment_model_that_cannot_be_had_is_named_with_what_to_do(tmp_path: Path) -> None:
    add_recording(tmp_path, "talk", SMOKE / "smoke-01-logs.mp3")
    whisper = bundled.fetch("whisper_tiny_en")
    done = run_stage(tmp_path, "transcribe", *choices(whisper, "transcribe.align_model=somebody/some-model"))
    assert done.returncode == 1
    said = done.stderr.splitlines()[-1]
    assert said.startswith("transcribe: error: the alignment model 'somebody/some-model' for language 'en'")
    for remedy in ("HF_HUB_OFFLINE", "HF_TOKEN", "transcribe.align_model", "transcribe.align to false"):
        assert remedy in said
    assert not (tmp_path / "data/transcripts/talk.json").exists()
