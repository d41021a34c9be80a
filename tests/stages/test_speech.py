"""The five stages on real audio with the real packaged models, good recordings and bad ones."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from lectern.core import io, items
from lectern.core.errors import LecternError
from lectern.core.schema import Conversation, Diarization, Example, Source, Transcript
from lectern.settings.converse import Converse
from lectern.settings.diarize import Diarize
from lectern.settings.examples import Examples
from lectern.settings.housekeeping import Housekeeping
from lectern.settings.score_speech import ScoreSpeech
from lectern.settings.transcribe import Transcribe
from stages import converse, diarize, examples, score_speech, transcribe
from tests.settings import configure
from tests.unit.formats.test_audio import write_tone

TALKS = Path("data/sources/smoke")


def add(raw: Path, name: str, media: Path, description: str = "", truth: Path | None = None) -> None:
    folder = raw / name
    folder.mkdir(parents=True)
    shutil.copyfile(media, folder / media.name)
    source = Source(item=name, kind="media", title=name, media=media.name, description=description)
    io.write_json(folder / "item.json", source)
    if truth:
        shutil.copyfile(truth, folder / "truth.json")


def write_silence(path: Path, seconds: float) -> Path:
    import wave

    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(bytes(round(seconds * 16_000) * 2))
    return path


def cut_one_voice(talk: Path, path: Path) -> Path:
    """The expert's turns alone."""
    import wave

    from lectern.formats.audio import RATE, decode

    samples = decode(talk.with_suffix(".mp3")).samples
    turns = json.loads(talk.with_suffix(".truth.json").read_text())["turns"]
    own = [samples[int(t["start"] * RATE) : int(t["end"] * RATE)] for t in turns if t["speaker"] == "expert"]
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes((np.concatenate(own) * 32767).astype("<i2").tobytes())
    return path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A talk, silence, a tone and one voice alone, through all five stages."""
    root = tmp_path_factory.mktemp("speech")
    talk = TALKS / "smoke-01-logs"
    description = talk.with_suffix(".description.txt").read_text(encoding="utf-8")
    add(root / "raw", "talk", talk.with_suffix(".mp3"), description, talk.with_suffix(".truth.json"))
    add(root / "raw", "тишина", write_silence(root / "тишина 静寂.wav", 5.0), "0:00 Why is it so quiet?")
    add(root / "raw", "tone", write_tone(root / "tone.mp3", 5.0))
    add(root / "raw", "alone", cut_one_voice(talk, root / "alone.wav"))
    run(root)
    return root


def run(root: Path) -> list[str]:
    transcribed = transcribe.main(configure(Transcribe), root / "raw", root / "transcripts")
    diarized = diarize.main(configure(Diarize), root / "raw", root / "diarization")
    folders = [root / name for name in ("raw", "transcripts", "diarization", "conversations")]
    told = converse.main(
        configure(Converse),
        *folders[:3],
        root / "corrections",
        root / "conversations",
        root / "conversations.json",
    )
    made = examples.main(
        configure(Examples, dialogue=True),
        configure(Housekeeping),
        root / "raw",
        root / "conversations",
        root / "examples",
        root / "examples.json",
    )
    score_speech.main(configure(ScoreSpeech, resamples=100), *folders, root / "speech.json")
    return [str(result) for result in (transcribed, diarized, told, made)]


def test_a_talk_becomes_its_questions_answers_and_dialogue(built: Path) -> None:
    rows = io.read_jsonl(built / "examples" / "talk.jsonl", Example)
    assert [row.provenance.method for row in rows] == [
        "description_questions",
        "description_questions",
        "dialogue",
    ]
    assert [message.role for message in rows[2].messages] == ["user", "assistant"] * 2
    truth = json.loads((TALKS / "smoke-01-logs.truth.json").read_text())["questions"]
    for row, question in zip(rows, truth, strict=False):
        # Property: the answer is the expert's whole answer: its first and last words, hardly more or fewer.
        said, true = row.messages[1].content.lower().split(), question["answer"].lower().split()
        assert abs(len(said) - len(true)) <= 2
        assert said[-1] == true[-1]
    scores = json.loads((built / "speech.json").read_text())
    assert scores["items"] == 1  # only the talk has a truth
    assert scores["wer"]["value"] < 0.2
    assert scores["der"]["value"] < 0.1
    assert scores["word_speaker_accuracy"]["value"] > 0.95


@pytest.mark.parametrize("name", ["тишина", "tone"])
def test_silence_and_noise_have_no_words_no_turns_and_no_rows(built: Path, name: str) -> None:
    # Property: nothing is made up, and nothing fails.
    assert io.read_json(built / "transcripts" / f"{name}.json", Transcript).words == []
    found = io.read_json(built / "diarization" / f"{name}.json", Diarization)
    assert (found.turns, found.voices) == ([], {})
    assert io.read_json(built / "conversations" / f"{name}.json", Conversation).utterances == []
    assert io.read_jsonl(built / "examples" / f"{name}.jsonl", Example) == []


def test_one_speaker_alone_is_one_voice_and_the_expert(built: Path) -> None:
    found = io.read_json(built / "diarization" / "alone.json", Diarization)
    assert list(found.voices) == ["speaker_1"]
    assert np.linalg.norm(found.voices["speaker_1"].embedding) == pytest.approx(1, abs=1e-3)
    utterances = io.read_json(built / "conversations" / "alone.json", Conversation).utterances
    assert {utterance.role for utterance in utterances} == {"main"}
    facts = items.facts(built / "examples")["alone"]
    assert facts["rows"] == 0
    assert facts["by_method"] == {
        "description_questions": {"rows": 0, "dropped": {"no_questions": 1}},
        "chapter_questions": {"rows": 0, "dropped": {"no_questions": 1}},
        "question_turns": {"rows": 0, "dropped": {"no_questions": 1}},
        "dialogue": {"rows": 0, "dropped": {"no_dialogue": 1}},
    }


def test_the_same_voice_in_two_recordings_has_like_embeddings_and_two_voices_have_not(built: Path) -> None:
    voices = {
        name: io.read_json(built / "diarization" / f"{name}.json", Diarization).voices
        for name in ("talk", "alone")
    }
    expert = voices["alone"]["speaker_1"].embedding
    likeness = {name: float(np.dot(voice.embedding, expert)) for name, voice in voices["talk"].items()}
    assert likeness["speaker_2"] > 0.8 > likeness["speaker_1"] + 0.3


@pytest.mark.slow
def test_a_second_run_makes_nothing_and_a_clean_one_the_same_bytes(built: Path, tmp_path: Path) -> None:
    before = {p.relative_to(built): p.read_bytes() for p in sorted(built.rglob("*.json*"))}
    assert run(built) == ["made 0, kept 4, removed 0, failed 0"] * 4
    shutil.copytree(built / "raw", tmp_path / "raw")
    run(tmp_path)
    assert {p.relative_to(tmp_path): p.read_bytes() for p in sorted(tmp_path.rglob("*.json*"))} == before


def test_a_bad_recording_stops_neither_the_others_nor_hides(tmp_path: Path) -> None:
    # Property: the stage fails and names the bad ones and the reason, and what could be made is there.
    for name, content in (("empty", b""), ("text", b"no audio here\n" * 50)):
        (tmp_path / f"{name}.mp3").write_bytes(content)
        add(tmp_path / "raw", name, tmp_path / f"{name}.mp3")
    add(tmp_path / "raw", "silence", write_silence(tmp_path / "s.wav", 1.0))
    for stage, params in ((transcribe, configure(Transcribe)), (diarize, configure(Diarize))):
        out = tmp_path / stage.__name__
        with pytest.raises(LecternError, match=r"(?s)empty \(0 bytes\).*text\.mp3"):
            stage.main(params, tmp_path / "raw", out)  # type: ignore[attr-defined]
        assert [path.name for path in out.glob("[!_]*")] == ["silence.json"]


def test_silence_has_no_words_even_without_voice_detection(tmp_path: Path) -> None:
    # Property: Whisper makes up words for silence; they never reach a transcript.
    add(tmp_path / "raw", "silence", write_silence(tmp_path / "s.wav", 8.0))
    transcribe.main(configure(Transcribe, vad=False), tmp_path / "raw", tmp_path / "out")
    assert io.read_json(tmp_path / "out" / "silence.json", Transcript).words == []


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: configure(Transcribe, engine="x"), "engine"),
        (lambda: configure(Transcribe, python="/usr/bin/python3"), "interpreter"),
        (lambda: configure(Diarize, step=11), "step"),
        (lambda: configure(Diarize, min_speakers=3, max_speakers=2), "max_speakers"),
        (lambda: configure(Converse, others="main"), "host, guest, audience"),
        (lambda: configure(Examples, questions=["x"]), "dialogue"),
    ],
)
def test_a_wrong_parameter_says_what_to_use(make: object, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        make()  # type: ignore[operator]


def test_the_totals_of_the_transcripts_are_written_where_nothing_is_heard(tmp_path: Path) -> None:
    # Property: metrics/transcripts.json is an output of the stage, so it is there for a corpus of texts too.
    (tmp_path / "raw").mkdir()
    settings = configure(Transcribe)
    transcribe.main(settings, tmp_path / "raw", tmp_path / "out", tmp_path / "metrics/transcripts.json")
    assert "items" in io.read_plain(tmp_path / "metrics/transcripts.json")
    transcribe.main(settings, tmp_path / "raw", tmp_path / "out")
    assert [path.name for path in (tmp_path / "metrics").iterdir()] == ["transcripts.json"]
