"""Transcription by the packaged Whisper: windows, what they lose, blocks, silence, noise, loops, choices, memory."""

import functools
import itertools
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from lectern.core import io, items
from lectern.core.errors import LecternError
from lectern.core.schema import Transcript, Word
from lectern.evaluation.speech import align_words, normalise_words
from lectern.formats.audio import RATE, Recording, Samples, decode
from lectern.models import bundled
from lectern.settings.transcribe import Transcribe
from lectern.speech import asr, faster_whisper_engine, listening
from stages import transcribe
from tests.settings import configure
from tests.stages.test_speech import add, write_silence
from tests.unit.formats.test_audio import write_tone

SMOKE = Path("data/sources/smoke")
TALK = Path("data/sources/demo/talk-02-data-versions.mp3")
CHOICES = {
    "model": "embedded",
    "language": "en",
    "beam_size": 5,
    "batch_size": 8,
    "vad": True,
    "initial_prompt": None,
    "hotwords": None,
    "compute_type": "int8",
    "device": "cpu",
    "threads": 1,
}


def hold(samples: Samples) -> Recording:
    file = tempfile.TemporaryFile()  # noqa: SIM115  (the recording reads it for as long as the test runs)
    file.write(samples.astype(np.float32).tobytes())
    file.flush()
    return Recording(file, len(samples), 0)


@pytest.fixture(scope="module")
def listen() -> asr.Transcriber:
    return faster_whisper_engine.load(**CHOICES)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def talk() -> Recording:
    return hold(decode(TALK).samples)


@pytest.fixture(scope="module")
def heard(listen: asr.Transcriber, talk: Recording) -> asr.Heard:
    return listen(talk)


@functools.cache
def own_pipeline(media: Path, batch_size: int) -> str:
    """What faster-whisper's own pipelines hear, one window after the other or in batches."""
    from faster_whisper import BatchedInferencePipeline, WhisperModel

    whisper = WhisperModel(str(bundled.fetch("whisper_tiny_en")), "cpu", compute_type="int8", cpu_threads=1)
    run = BatchedInferencePipeline(whisper).transcribe if batch_size > 1 else whisper.transcribe
    more = {"batch_size": batch_size} if batch_size > 1 else {}
    segments, _ = run(
        decode(media).samples,
        language="en",
        temperature=0.0,
        vad_filter=True,
        word_timestamps=True,
        condition_on_previous_text=False,
        **more,  # type: ignore[arg-type]
    )
    return " ".join(segment.text.strip() for segment in segments)


def text_of(words: Sequence[Word]) -> str:
    return " ".join(word.text for word in words)


def wer(spoken: str, found: str) -> float:
    errors, _ = align_words(*(normalise_words([(text, "")], "en") for text in (spoken, found)))
    return errors / len(spoken.split())


def true_turns(media: Path) -> list[str]:
    turns = json.loads(media.with_suffix(".truth.json").read_text(encoding="utf-8"))["turns"]
    return [turn["text"] for turn in sorted(turns, key=lambda turn: turn["start"])]


def lost_turns(media: Path, text: str) -> list[str]:
    """Turns of which less than a third of the words were heard, in a line with the rest."""
    import difflib

    found = [token.text for token in normalise_words([(text, "")], "en")]
    spoken = [
        (number, token.text)
        for number, turn in enumerate(true_turns(media))
        for token in normalise_words([(turn, "")], "en")
    ]
    matcher = difflib.SequenceMatcher(None, [word for _, word in spoken], found, autojunk=False)
    hits = {i for block in matcher.get_matching_blocks() for i in range(block.a, block.a + block.size)}
    shares: dict[int, list[bool]] = {}
    for index, (number, _) in enumerate(spoken):
        shares.setdefault(number, []).append(index in hits)
    return [true_turns(media)[number] for number, got in shares.items() if sum(got) < len(got) / 3]


@pytest.mark.slow
def test_no_turn_is_lost_that_faster_whispers_own_batches_lose(heard: asr.Heard) -> None:
    # Property: every turn of the talk has words. faster-whisper's own pipeline drops one here, which shows that this
    # test sees such a loss; and there are not more errors than it makes.
    assert lost_turns(TALK, own_pipeline(TALK, 8)) != []
    assert lost_turns(TALK, text_of(heard.words)) == []
    spoken = " ".join(true_turns(TALK))
    assert wer(spoken, text_of(heard.words)) <= wer(spoken, own_pipeline(TALK, 8))


def test_the_words_are_the_old_ones_on_a_short_recording(listen: asr.Transcriber) -> None:
    # Property: where one window holds all, batching changes next to nothing.
    media = SMOKE / "smoke-01-logs.mp3"
    assert wer(own_pipeline(media, 1), text_of(listen(hold(decode(media).samples)).words)) <= 0.05


def test_words_have_times_in_order_inside_the_recording(heard: asr.Heard, talk: Recording) -> None:
    edges = [time for word in heard.words for time in (word.start, word.end)]
    assert edges == sorted(edges)
    assert edges[0] >= 0
    assert edges[-1] <= talk.seconds
    # and where the words are: the first word of each turn is within a second of the truth
    turns = json.loads(TALK.with_suffix(".truth.json").read_text(encoding="utf-8"))["turns"]
    starts = np.array([word.start for word in heard.words])
    assert np.median([np.abs(starts - turn["start"]).min() for turn in turns]) < 0.3


def test_another_engine_gets_the_model_as_its_own_class() -> None:
    """As WhisperX does, which calls methods that faster-whisper's class does not have."""
    from faster_whisper import WhisperModel

    class Own(WhisperModel):
        pass

    assert type(faster_whisper_engine.load_model("embedded", "cpu", "int8", 1, Own)) is Own
    assert type(faster_whisper_engine.load_model("embedded", "cpu", "int8", 1)) is WhisperModel


@pytest.mark.slow
def test_a_lost_half_of_a_window_is_heard_again() -> None:
    # Property: whatever a pass loses, here the second half of every window's words, comes back without doubling any.
    names = ("smoke-01-logs.mp3", "smoke-02-backups.mp3")
    spoken = " ".join(turn for name in names for turn in true_turns(SMOKE / name))
    two = hold(np.concatenate([decode(SMOKE / name).samples for name in names]))
    whisper = faster_whisper_engine.load_model("embedded", "cpu", "int8", 1)
    options = {"language": "en", "word_timestamps": True, "temperature": 0.0}
    options["condition_on_previous_text"] = False
    speech = listening.find_speech(two)
    passes: list[int] = []

    def hear(batch: Sequence[listening.Window]) -> list[listening.Hearing]:
        passes.append(len(batch))
        found = faster_whisper_engine.hear_windows(whisper, two, batch, options)
        if len(passes) > 1:
            return found
        return [hearing._replace(words=hearing.words[: len(hearing.words) // 2]) for hearing in found]

    windows = listening.cut_windows(two, speech)
    account = listening.hear_all(windows, hear, recording=two, speech=speech, batch_size=8)
    assert account.heard_again >= len(windows) >= 2
    assert wer(spoken, text_of(account.words)) < 0.1


def test_a_place_that_is_heard_again_doubles_no_word_at_its_edge() -> None:
    first = [Word(text="One", start=0.1, end=0.9), Word(text="two.", start=1.0, end=1.9)]
    again = [Word(text="Two", start=1.95, end=2.2)] + [
        Word(text=f"word{n}", start=2.3 + n, end=3.2 + n) for n in range(7)
    ]

    def hear(windows: Sequence[listening.Window]) -> list[listening.Hearing]:
        return [listening.Hearing(first if window.start == 0 else again) for window in windows]

    account = listening.hear_all(
        [listening.Window(((0.0, 10.0),))],
        hear,
        recording=hold(np.zeros(10 * RATE, np.float32)),
        speech=[(0.0, 10.0)],
        batch_size=8,
    )
    assert [word.text for word in account.words] == [word.text for word in [*first, *again[1:]]]
    assert account.recovered_words == len(again) - 1


@pytest.mark.parametrize(("block", "share"), [(20.0, 0.01), (3.0, 0.05)])
def test_blocks_change_nothing_that_matters(talk: Recording, block: float, share: float) -> None:
    # Property: speech found in short blocks is that found at once, but for the detector's warming up at each border;
    # what goes on over a border is one stretch, and no two stretches overlap.
    marks = []
    for spans in (listening.find_speech(talk), listening.find_speech(talk, block=block)):
        assert all(start < end for start, end in spans)
        assert all(right[0] - left[1] > 0.159 for left, right in itertools.pairwise(spans))
        marks.append(np.zeros(len(talk) // 160 + 1, bool))
        for start, end in spans:
            marks[-1][int(start * 100) : int(end * 100)] = True
    assert (marks[0] != marks[1]).mean() < share


def test_windows_hold_all_speech_once_and_are_few(talk: Recording) -> None:
    # Property: none is longer than Whisper hears, all speech is in one, and there are as few as possible.
    long = hold(np.tile(talk.read(0, len(talk)), 3))
    speech = listening.find_speech(long)
    windows = listening.cut_windows(long, speech)
    pieces = [piece for window in windows for piece in window.pieces]
    assert all(window.seconds <= listening.LONGEST + 1e-6 for window in windows)
    assert all(a[1] <= b[0] + 1e-9 for a, b in itertools.pairwise(pieces))
    assert all(
        sum(b - a for a, b in listening.clip(pieces, *span)) > span[1] - span[0] - 1e-6 for span in speech
    )
    assert len(windows) <= np.ceil(sum(window.seconds for window in windows) / listening.LONGEST) + 1


def test_speech_without_a_pause_and_long_silences_fit_into_windows() -> None:
    # Property: 100 s without a pause are cut at the quietest place; a long silence is not listened to.
    samples = np.random.default_rng(0).normal(0, 0.1, 100 * RATE).astype(np.float32)
    samples[25 * RATE : 25 * RATE + 3200] = 0
    recording = hold(samples)
    windows = listening.cut_windows(recording, [(0.0, 100.0)])
    assert windows[0].pieces[0][1] == pytest.approx(25.1, abs=0.11)
    assert sum(window.seconds for window in windows) == pytest.approx(100)
    ((first, second),) = [
        window.pieces for window in listening.cut_windows(recording, [(1.0, 5.0), (80.0, 85.0)])
    ]
    assert (first, second) == (pytest.approx((0.6, 5.4)), pytest.approx((79.6, 85.4)))
    word = listening.Window((first, second)).restore(Word(text="a", start=5.8, end=6.8))
    assert (word.start, word.end) == (pytest.approx(80.6), pytest.approx(81.6))


def test_batches_and_threads_do_not_change_the_words(listen: asr.Transcriber) -> None:
    # Property: another number of threads gives the same words to the last digit, and batches of one the same text.
    recording = hold(decode(SMOKE / "smoke-04-reviews.mp3").samples)
    threads, single = (
        faster_whisper_engine.load(**{**CHOICES, **other})  # type: ignore[arg-type]
        for other in ({"threads": 2}, {"batch_size": 1})
    )
    words = listen(recording).words
    assert threads(recording).words == words
    assert wer(text_of(words), text_of(single(recording).words)) <= 0.02


@pytest.mark.parametrize("vad", [True, False])
def test_noise_and_silence_give_no_words_that_are_not_reported(vad: bool, tmp_path: Path) -> None:
    # Property: whatever Whisper makes of noise is in the facts as words where nobody speaks.
    noise = np.random.default_rng(0).normal(0, 0.05, 20 * RATE).astype(np.float32)
    samples = np.concatenate([noise, np.zeros(20 * RATE, np.float32)])
    found = faster_whisper_engine.load(**{**CHOICES, "vad": vad})(hold(samples))  # type: ignore[arg-type]
    facts = asr.hallucination.examine(found.words, found.speech or [], 40.0)
    assert facts["silent_words"] == len(found.words)
    assert (not found.words) or not vad


@pytest.mark.slow
def test_a_clip_that_repeats_itself_is_reported_as_a_loop(listen: asr.Transcriber) -> None:
    # Property: a sentence said eight times over is a loop in the facts, where it is; the talk around it is none.
    samples = decode(SMOKE / "smoke-01-logs.mp3").samples
    turn = json.loads((SMOKE / "smoke-01-logs.truth.json").read_text(encoding="utf-8"))["turns"][0]
    clip = samples[int(turn["start"] * RATE) : int((turn["end"] + 0.3) * RATE)]
    repeated = hold(np.concatenate([np.tile(clip, 8), samples[int(turn["end"] * RATE) :]]))
    found = listen(repeated)
    facts = asr.hallucination.examine(found.words, found.speech or [], repeated.seconds)
    assert facts["loops"] >= 1
    assert facts["loop_spans"][0][1] <= 8 * len(clip) / RATE + 2
    assert asr.hallucination.examine(listen(hold(samples)).words, [(0.0, 60.0)], 60.0)["loops"] == 0


def test_names_are_spelled_as_the_hotwords_say(listen: asr.Transcriber) -> None:
    # Property: hotwords and prompt reach the model: they change what is written, and nothing is lost by them.
    media = SMOKE / "smoke-03-names.mp3"
    recording = hold(decode(media).samples)
    hinted = faster_whisper_engine.load(  # type: ignore[arg-type]
        **{**CHOICES, "initial_prompt": "THE HOST SPEAKS IN CAPITALS.", "hotwords": "COLUMN, TABLE"}
    )
    plain, shouted = text_of(listen(recording).words), text_of(hinted(recording).words)
    assert plain != shouted
    assert wer(plain, shouted) < 0.2


@pytest.fixture
def broken_models(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "empty").mkdir()
    shutil.copytree(bundled.fetch("whisper_tiny_en"), tmp_path / "cut")
    (tmp_path / "cut" / "model.bin").write_bytes(b"no weights")
    return tmp_path


@pytest.mark.parametrize(
    ("choices", "reason"),
    [
        ({"compute_type": "float99"}, r"'float99'.*cpu.*int8"),
        ({"compute_type": "int8_float16"}, r"'int8_float16'.*cpu.*int8"),
        ({"language": "de"}, r"'de'.*English only.*without \.en"),
        ({"hotwords": "Lectern " * 300}, r"\d+ tokens.*takes at most 223.*Shorten"),
        ({"model": "{}/empty"}, r"empty is not a Whisper model.*no model\.bin.*ct2-transformers-converter"),
        ({"model": "{}/cut"}, r"cut'? could not be loaded"),
        ({"model": "tiny-klingon"}, r"'tiny-klingon' could not be loaded.*large-v3-turbo"),
    ],
)
def test_wrong_choices_say_what_is_wrong_and_what_to_do(
    choices: dict[str, str], reason: str, broken_models: Path
) -> None:
    chosen = {name: value.format(broken_models) for name, value in choices.items()}
    with pytest.raises(LecternError, match=f"(?s){reason}"):
        faster_whisper_engine.load(**{**CHOICES, **chosen})  # type: ignore[arg-type]


def test_a_gpu_that_is_not_there_is_named() -> None:
    import ctranslate2

    if ctranslate2.get_cuda_device_count():
        pytest.skip("this machine has a GPU")
    with pytest.raises(LecternError, match=r"cuda.*no GPU.*cpu or auto"):
        faster_whisper_engine.load(**{**CHOICES, "device": "cuda"})  # type: ignore[arg-type]
    faster_whisper_engine.load(**{**CHOICES, "device": "auto"})  # type: ignore[arg-type]


def test_the_stage_keeps_facts_and_writes_totals(tmp_path: Path) -> None:
    # Property: the metrics are those of all recordings, after a run that made only one of them too.
    add(tmp_path / "raw", "talk", SMOKE / "smoke-02-backups.mp3")
    add(tmp_path / "raw", "silence", write_silence(tmp_path / "s.wav", 3.0))
    paths = (tmp_path / "raw", tmp_path / "out", tmp_path / "transcripts.json")
    transcribe.main(configure(Transcribe, language="en"), *paths)
    first = io.read_plain(paths[2])
    facts = items.facts(tmp_path / "out")
    assert facts["silence"]["words"] == 0
    assert facts["talk"]["language"] == "en"
    assert first["words"] == len(io.read_json(tmp_path / "out/talk.json", Transcript).words) > 30
    assert (first["items"], first["languages"]) == (2, {"en": 2})
    add(tmp_path / "raw", "tone", write_tone(tmp_path / "tone.mp3", 2.0))
    assert transcribe.main(configure(Transcribe, language="en"), *paths).kept == 2
    assert io.read_plain(paths[2])["words"] >= first["words"]
    assert io.read_plain(paths[2])["items"] == 3


MEASURE = """
import resource, sys
from pathlib import Path
from lectern.speech import asr
listen = asr.load(engine="faster_whisper", **{choices!r})
from lectern.core.items import Item
listen(Item("long", {{"media": Path(sys.argv[1])}}), Path(sys.argv[2]))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_recording(tmp_path: Path, talk: Recording) -> None:
    # Property: ninety minutes of samples (345 MB) take less than 60 MB more than fifteen.
    import wave

    peaks = []
    own = (talk.read(0, 30 * RATE) * 32767).astype("<i2").tobytes()
    for minutes in (15, 90):
        path = tmp_path / f"{minutes}.wav"
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, RATE, 0, "NONE", ""))
            for _ in range(minutes // 5):  # half a minute of talk in every five
                file.writeframes(own + bytes(2 * 270 * RATE))
        command = [sys.executable, "-c", MEASURE.format(choices={**CHOICES, "batch_size": 2})]
        command += [str(path), str(tmp_path / "out.json")]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout))
    assert peaks[1] < peaks[0] + 60
