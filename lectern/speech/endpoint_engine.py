"""Speech recognition by any server with OpenAI's transcription API: vLLM, speaches, whisper.cpp, LocalAI, a provider.

Each window of at most half a minute is sent as a WAV file of its own, so that no server's limit of a file's size or
length matters, a word's time is never far off, and speech that came back without words is heard again as with the other
engines. The samples leave this machine only for the server that `base_url` names.

What servers tell differs, and decides how exact the times of words are: of each word (OpenAI's whisper-1, speaches,
whisper.cpp), of each segment (newer vLLM), or nothing but the text (gpt-4o-transcribe, older vLLM). The first window
finds out, and the facts of each recording count the windows of each kind. Nobody's server tells who speaks.
"""

import difflib
import io
import os
import re
import wave
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lectern.core import secrets
from lectern.core.errors import ItemError, LecternError
from lectern.core.io import parse_json
from lectern.core.printing import one_line, warn
from lectern.formats.audio import RATE, Recording
from lectern.llm import reaching
from lectern.llm.completions import moved
from lectern.llm.endpoint import MOVED, OPENAI, REMEDIES
from lectern.speech import listening
from lectern.speech.asr import Heard, Transcriber
from lectern.speech.listening import Hearing, Window
from lectern.speech.word_times import RawWord, space_words, time_words

FORMS: tuple[Mapping[str, Any], ...] = (
    {"response_format": "verbose_json", "timestamp_granularities": ["word", "segment"]},
    {"response_format": "verbose_json"},
    {"response_format": "json"},
)
"""What is asked for: times of words, else of segments, else the text alone. A server that refuses one gets the next."""
REFUSED = (400, 415, 422)
"""What servers answer to options that they do not know."""
TRIES = 4
"""How often the package sends a request that found no server, or one that is too busy."""
LOOPING = 2.4
"""Compression ratio of a text that repeats itself, as for Whisper itself (arXiv:2212.04356, section 4.5)."""
FAR = 1.0
"""Seconds that a time may lie outside its window; a larger one is none."""


def load(
    *,
    model: str,
    language: str | None,
    initial_prompt: str | None,
    batch_size: int,
    base_url: str | None,
    api_key: str | None,
    timeout: float,
    threads: int,
) -> Transcriber:
    """Connect to a server, which must answer.

    Args:
        model: the server's name for it.
        language: a code such as "en"; None lets the server detect it in each window, and the commonest counts.
        initial_prompt: text in the desired style, with the names that occur; every window gets it.
        batch_size: windows that are asked for at a time.
        base_url: address of the server, which ends in /v1 with most; None for OpenAI's own.
        api_key: name of the environment variable with the token; None if the server needs none.
        timeout: seconds that a window may take.
        threads: does nothing; the server computes.

    Raises:
        LecternError: the server does not answer, or not to this token; or the variable is not set.
    """
    import openai

    token = os.environ.get(api_key, "").strip() if api_key else ""
    url = base_url or OPENAI
    if api_key and not token:
        raise LecternError(
            f"the environment variable {api_key}, which transcribe.api_key names, is not set. It holds the token for "
            f"{url}: `export {api_key}=...` and run `dvc repro` again."
        )
    reaching.find_models(base_url, api_key)
    # The recording and the token are meant for this server: they follow no redirect.
    client = openai.OpenAI(
        base_url=url,
        api_key=token or "none",
        max_retries=TRIES - 1,
        timeout=timeout,
        http_client=openai.DefaultHttpxClient(follow_redirects=False),
    )
    given = {"language": language, "prompt": initial_prompt}
    options = {"model": model, **{name: value for name, value in given.items() if value}}
    server = _Server(client, url, token, options)

    def listen(recording: Recording) -> Heard:
        speech = listening.find_speech(recording)
        windows = listening.cut_windows(recording, speech)
        told: list[_Told] = []

        def hear(batch: Sequence[Window]) -> list[Hearing]:
            sounds = [_encode(window.read(recording)) for window in batch]
            with ThreadPoolExecutor(max(1, len(batch))) as pool:
                replies = [_Told(reply) for reply in pool.map(server.ask, sounds)]
            told.extend(replies)
            return [reply.place(window) for reply, window in zip(replies, batch, strict=True)]

        account = listening.hear_all(windows, hear, recording=recording, speech=speech, batch_size=batch_size)
        counts = account._asdict()
        words = counts.pop("words")
        kinds = Counter(reply.times for reply in told)
        counts |= {f"windows_timed_by_{kind}": kinds[kind] for kind in ("word", "segment", "window")}
        return Heard(language or _find_language(told), words, None, speech, counts)

    return listen


@dataclass
class _Server:
    """The server, and in which of FORMS it is asked."""

    client: Any
    url: str
    token: str
    options: Mapping[str, Any]
    form: int = 0

    def ask(self, sound: bytes) -> Mapping[str, Any]:
        """Return what it tells of a window.

        Raises:
            ItemError: it refuses the sound, or does not answer any more.
        """
        import openai

        while True:
            form = self.form
            try:
                answer = self.client.audio.transcriptions.with_raw_response.create(
                    file=("window.wav", sound, "audio/wav"), **self.options, **FORMS[form]
                )
            except openai.APIStatusError as error:
                if error.status_code in REFUSED and form + 1 < len(FORMS):
                    self._fall_back(form, self._hide(error.response.text))
                    continue
                raise ItemError(self._explain(error)) from None
            except openai.APIConnectionError as error:
                reason = self._hide(error.__cause__ or error)
                raise ItemError(
                    f"{self.url} does not answer ({reason}), {TRIES} times. Start the server and run `dvc repro` "
                    "again: what was heard is kept."
                ) from None
            return _parse(answer.http_response.content)

    def _fall_back(self, form: int, reason: str) -> None:
        if form == self.form:  # another window may have found it out already
            self.form += 1
            less = ("the times of segments", "the text alone")[form]
            warn(
                f"transcribe: {self.url} refuses what was asked for ({reason}); it is asked for {less} from now on"
            )

    def _explain(self, error: Any) -> str:
        status = error.status_code
        if 300 <= status < 400:
            return f"{self.url} has moved to {self._hide(moved(error.response.headers))}. {MOVED}"
        return f"{self.url} answers {status}: {self._hide(error.response.text)} {REMEDIES.get(status, '')}".rstrip()

    def _hide(self, text: object) -> str:
        # It is cut after the masking: a part of a token would not be recognised.
        return one_line(secrets.mask(str(text), self.token), 300)


def _encode(samples: Any) -> bytes:
    """Return samples in [-1, 1] as a WAV file of 16 bits."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(RATE)
        writer.writeframes((np.clip(samples, -1.0, 1.0) * 32767).astype("<i2").tobytes())
    return file.getvalue()


def _parse(content: bytes) -> Mapping[str, Any]:
    """Read a reply: an object as the API has it, or a bare text, which some servers send.

    Raises:
        ItemError: it is neither.
    """
    try:
        found = parse_json(content, finite=False)
    except ValueError as error:
        if content.lstrip()[:1] in (b"{", b"["):
            raise ItemError(
                f"the server's reply is broken: {one_line(str(error), 200)}. Try again."
            ) from None
        found = content.decode(errors="replace")
    return found if isinstance(found, dict) else {"text": found}


@dataclass
class _Told:
    """What a server told of a window. None of it is trusted to have the form that it should."""

    reply: Mapping[str, Any]
    text: str = ""
    words: list[RawWord] = field(default_factory=list)
    segments: list[tuple[str, float, float]] = field(default_factory=list)
    times: str = "window"
    """the smallest thing that has times"""

    def __post_init__(self) -> None:
        text = self.reply.get("text")
        self.text = text.strip() if isinstance(text, str) else ""
        self.words = list(_read_words(self.reply))
        self.segments = list(_read_segments(self.reply))
        self.times = "word" if self.words else "segment" if self.segments else "window"

    def place(self, window: Window) -> Hearing:
        """Return the words with their times in the recording."""
        judged = [
            part for part in _parts(self.reply, "segments") if _number(part.get("no_speech_prob")) is not None
        ]
        if judged and all(
            (_number(part.get("no_speech_prob")) or 0.0) > 0.6
            and (_number(part.get("avg_logprob")) or 0.0) < -1.0
            for part in judged
        ):
            return Hearing([], noise=True)
        looping = any((_number(part.get("compression_ratio")) or 0.0) > LOOPING for part in judged)
        if self.times == "segment":
            timed = [
                word
                for text, start, end in self.segments
                for word in time_words([RawWord(part, None, None) for part in text.split()], start, end)
            ]
        else:
            timed = time_words(match_times(self.text, self.words), 0.0, window.seconds)
        return Hearing([window.restore(word) for word in timed], looping=looping)


def match_times(text: str, words: Sequence[RawWord]) -> list[RawWord]:
    """Return the words of a text as it is written, with the times of the words that were told apart from it.

    OpenAI's words come without the marks that stand around them, and those marks say where sentences end. So the words
    of the text are compared with them in order; one without a counterpart gets no time. A text of a script without
    spaces keeps the words that were told.
    """
    written = text.split()
    if not words:
        return [RawWord(word, None, None) for word in written]
    if 2 * len(written) < len(words):
        return space_words(words, text)
    ours, theirs = ([_bare(word) for word in side] for side in (written, [word.text for word in words]))
    found = [RawWord(word, None, None) for word in written]
    for start, other, size in difflib.SequenceMatcher(
        None, ours, theirs, autojunk=False
    ).get_matching_blocks():
        for step in range(size):
            told = words[other + step]
            found[start + step] = RawWord(written[start + step], told.start, told.end, told.probability)
    return found


def _bare(word: str) -> str:
    return "".join(filter(str.isalnum, word.casefold()))


def _parts(reply: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    parts = reply.get(name)
    return [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []


def _read_words(reply: Mapping[str, Any]) -> Iterator[RawWord]:
    # Some servers put the words into their segments.
    told = _parts(reply, "words") or [
        word for segment in _parts(reply, "segments") for word in _parts(segment, "words")
    ]
    for word in told:
        text = word.get("word", word.get("text"))
        if isinstance(text, str) and text.strip():
            probability = _number(word.get("probability"))
            yield RawWord(text, _number(word.get("start")), _number(word.get("end")), probability)


def _read_segments(reply: Mapping[str, Any]) -> Iterator[tuple[str, float, float]]:
    for segment in _parts(reply, "segments"):
        text, start, end = segment.get("text"), _number(segment.get("start")), _number(segment.get("end"))
        if isinstance(text, str) and text.strip() and start is not None and end is not None:
            longest = listening.LONGEST + FAR
            yield text.strip(), min(max(start, 0.0), longest), min(max(end, 0.0), longest)


def _number(value: Any) -> float | None:
    usable = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9
    return float(value) if usable else None


def _find_language(told: Sequence[_Told]) -> str:
    """Return the code of the language that most windows tell; some servers tell its name. "en" where nothing was said.

    Raises:
        ItemError: no window tells it.
    """
    names = Counter(
        name.strip().lower()
        for one in told
        if isinstance(name := one.reply.get("language"), str) and one.text
    )
    if not names:
        if any(one.text for one in told):
            raise ItemError("the server does not tell the language. Set transcribe.language, such as en.")
        return "en"
    best = min(names, key=lambda name: (-names[name], name))
    if re.fullmatch(r"[a-z]{2,3}", best):
        return best
    from transformers.models.whisper.tokenization_whisper import TO_LANGUAGE_CODE

    if best not in TO_LANGUAGE_CODE:
        raise ItemError(
            f"the server tells the language {one_line(best, 40)!r}. Set transcribe.language, such as en."
        )
    return str(TO_LANGUAGE_CODE[best])
