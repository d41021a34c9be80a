"""Transcription by a server with OpenAI's API, behind which the packaged Whisper listens, or one that misbehaves."""

import json
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from lectern.core.errors import ItemError, LecternError
from lectern.core.schema import Word
from lectern.evaluation.speech import align_words, normalise_words
from lectern.formats.audio import open_recording
from lectern.settings.transcribe import Transcribe
from lectern.speech import asr, endpoint_engine, faster_whisper_engine
from lectern.speech.word_times import RawWord
from stages import transcribe
from tests.settings import configure
from tests.stages.test_speech import add
from tests.support import transcription_server
from tests.support.transcription_server import Answer, Call, Server

TALK = Path("data/sources/smoke/smoke-01-logs.mp3")
CHOSEN: Mapping[str, Any] = {
    "model": "whisper", "language": None, "initial_prompt": None, "batch_size": 2, "base_url": None, "api_key": None,
    "timeout": 30.0, "threads": 0,
}  # fmt: skip


ODD_WORDS = [{"word": "One", "start": "x"}, {"word": None}, 3, {"word": "two", "start": 1.0, "end": 1e300}]


@pytest.fixture(scope="module")
def whisper() -> Any:
    return faster_whisper_engine.load_model("embedded", "cpu", "int8", 1)


@pytest.fixture(scope="module")
def listening(whisper: Any) -> Iterator[Server]:
    """A server that tells the times of words, as OpenAI's does."""
    one_at_a_time = threading.Lock()

    def answer(call: Call) -> Answer:
        with one_at_a_time:
            return 200, json.dumps(transcription_server.hear(whisper, call)).encode()

    with transcription_server.serve(answer) as server:
        yield server


def listen(url: str, **changes: Any) -> asr.Heard:
    engine = endpoint_engine.load(**{**CHOSEN, "base_url": url, **changes})
    with open_recording(TALK) as recording:
        return engine(recording)


@pytest.fixture(scope="module")
def here() -> asr.Heard:
    """What the same model hears in this process."""
    engine = faster_whisper_engine.load(
        model="embedded", language="en", beam_size=5, batch_size=4, vad=True, initial_prompt=None, hotwords=None,
        compute_type="int8", device="cpu", threads=1,
    )  # fmt: skip
    with open_recording(TALK) as recording:
        return engine(recording)


def differences(one: list[Word], other: list[Word]) -> float:
    """Share of words that differ, the marks aside."""
    texts = [normalise_words([(word.text, "") for word in side], "en") for side in (one, other)]
    return align_words(*texts)[0] / len(texts[0])


def test_the_words_are_those_of_the_same_model_here_with_their_times_and_marks(
    listening: Server, here: asr.Heard
) -> None:
    listening.calls.clear()
    heard = listen(listening.url, initial_prompt="Ada talks to Joe.")
    assert heard.language == "en", "the server tells its name, english"
    assert differences(here.words, heard.words) < 0.1
    assert sum(word.text[-1] in ".?!" for word in heard.words) > 3, (
        "the words come bare, and the marks from the text"
    )
    starts = {word.text.strip(".,?!").lower(): word.start for word in here.words}
    apart = [
        abs(starts[key] - word.start)
        for word in heard.words
        if (key := word.text.strip(".,?!").lower()) in starts
    ]
    assert sorted(apart)[len(apart) // 2] < 0.3, "seconds in the recording, whatever the window"
    assert heard.counts["windows_timed_by_word"] == len(listening.calls)
    assert heard.counts["windows_timed_by_window"] == 0
    for call in listening.calls:
        assert len(call.samples) <= 31 * 16_000
        assert call.fields["model"] == ["whisper"]
        assert call.fields["prompt"] == ["Ada talks to Joe."]


@pytest.mark.parametrize("form", [1, 2], ids=["segments", "text alone"])
def test_a_server_that_knows_less_is_asked_for_less(
    whisper: Any, here: asr.Heard, capsys: pytest.CaptureFixture[str], form: int
) -> None:
    guard = threading.Lock()

    def answer(call: Call) -> Answer:
        wanted = call.fields["response_format"]
        if "timestamp_granularities[]" in call.fields or (form == 2 and wanted != ["json"]):
            return 400, b'{"error": {"message": "timestamp_granularities is not supported"}}'
        with guard:
            told = transcription_server.hear(whisper, call)
        kept = ("text", "language", "segments") if form == 1 else ("text",)
        return 200, json.dumps({name: told[name] for name in kept}).encode()

    with transcription_server.serve(answer) as server:
        heard = listen(server.url, language="en")
    assert differences(here.words, heard.words) < 0.1
    assert heard.counts[f"windows_timed_by_{('segment', 'window')[form - 1]}"] > 0
    assert heard.counts["windows_timed_by_word"] == 0
    assert all(a.start <= b.start for a, b in zip(heard.words, heard.words[1:], strict=False))
    said = capsys.readouterr().err
    assert "it is asked for the times of segments from now on" in said
    assert ("it is asked for the text alone from now on" in said) == (form == 2)


def test_the_token_is_sent_and_told_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LECTERN_TEST_TOKEN", "sk-8f3a1c77d0e94b21")

    def answer(call: Call) -> Answer:
        assert call.token == "Bearer sk-8f3a1c77d0e94b21"
        return 401, b'{"error": "the token sk-8f3a1c77d0e94b21 is unknown"}'

    with transcription_server.serve(answer) as server, pytest.raises(ItemError) as caught:
        listen(server.url, api_key="LECTERN_TEST_TOKEN")
    assert "answers 401" in str(caught.value)
    assert "It does not accept the token." in str(caught.value)
    assert "8f3a1c77" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (307, b"", "has moved to http://127.0.0.1:9/elsewhere"),
        (413, b"too large", "answers 413: too large"),
        (200, b'{"text": "One two', "the server's reply is broken"),
        (200, b'{"text": "Eins zwei drei."}', "does not tell the language. Set transcribe.language"),
        (200, b'{"text": "Nuqneh.", "language": "klingon"}', "tells the language 'klingon'"),
    ],
)
def test_what_a_server_says_wrongly_costs_the_recording_and_is_named(
    status: int, body: bytes, told: str
) -> None:
    with transcription_server.serve(lambda _: (status, body)) as server, pytest.raises(ItemError, match=told):
        listen(server.url)


@pytest.mark.parametrize(
    "reply",
    [
        {"text": "One two three.", "words": "none", "segments": 7},
        {"text": "One two three.", "words": ODD_WORDS},
        {"text": "One two three.", "segments": [{"text": "One two three.", "start": -5.0, "end": 1e6}, None]},
        {"text": None, "segments": [{"text": "One two three.", "start": 0.0, "end": 1.0}]},
    ],
)  # fmt: skip
def test_a_reply_of_another_shape_gives_its_words_inside_the_recording(reply: Mapping[str, Any]) -> None:
    content = json.dumps({**reply, "language": "en"}).encode()
    with transcription_server.serve(lambda _: (200, content)) as server, open_recording(TALK) as recording:
        heard = endpoint_engine.load(**{**CHOSEN, "base_url": server.url})(recording)
        assert [word.text for word in heard.words[:3]] == ["One", "two", "three."]
        assert all(0 <= word.start <= word.end <= recording.seconds for word in heard.words)


def test_a_window_in_which_nobody_speaks_has_no_words() -> None:
    noise = {"text": "Thank you.", "start": 0.0, "end": 2.0, "no_speech_prob": 0.9, "avg_logprob": -1.4}
    content = json.dumps({"text": "Thank you.", "language": "en", "segments": [noise]}).encode()
    with transcription_server.serve(lambda _: (200, content)) as server:
        heard = listen(server.url)
    assert heard.words == []
    assert heard.counts["noise_windows"] > 0


def test_without_a_server_or_a_token_the_stage_ends_at_once(tmp_path: Path) -> None:
    with transcription_server.serve(lambda _: (200, b"{}")) as server:
        gone = server.url
    with pytest.raises(LecternError, match="does not answer"):
        listen(gone)
    with pytest.raises(LecternError, match="LECTERN_ABSENT"):
        listen(gone, api_key="LECTERN_ABSENT")


def test_the_stage_runs_by_the_section_and_another_address_hears_nothing_again(
    listening: Server, tmp_path: Path
) -> None:
    add(tmp_path / "raw", "talk", TALK)
    chosen = configure(
        Transcribe, name="endpoint", engine="openai", model="whisper", language=None, initial_prompt=None,
        base_url=listening.url, batch_size=2,
    )  # fmt: skip
    told = transcribe.main(chosen, tmp_path / "raw", tmp_path / "out")
    assert str(told) == "made 1, kept 0, removed 0, failed 0"
    moved = configure(
        Transcribe, name="endpoint", engine="openai", model="whisper", language=None, initial_prompt=None,
        base_url="http://127.0.0.1:9/v1", batch_size=8,
    )  # fmt: skip
    told = transcribe.main(moved, tmp_path / "raw", tmp_path / "out")
    assert str(told) == "made 0, kept 1, removed 0, failed 0"


def test_bare_words_get_the_marks_of_the_text_and_what_was_not_told_gets_no_time() -> None:
    told = [RawWord("Well", 0.0, 0.2), RawWord("its", 0.3, 0.5), RawWord("done", 1.0, 1.4)]
    found = endpoint_engine.match_times("Well, it's really done.", told)
    assert [word.text for word in found] == ["Well,", "it's", "really", "done."]
    assert [word.start for word in found] == [0.0, 0.3, None, 1.0]
    chinese = [RawWord(sign, float(at), at + 1.0) for at, sign in enumerate("我们走吧")]
    assert [word.text for word in endpoint_engine.match_times("我们走吧。", chinese)] == list("我们走吧")
