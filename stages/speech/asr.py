"""Speech to words with times.

An engine is a function that loads its model and returns a function from samples to `Heard`. ENGINES lists them.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from stages.core import embedded, io
from stages.core.items import Item, Make
from stages.core.schema import Transcript, Word
from stages.speech.audio import Samples, decode

if TYPE_CHECKING:
    from faster_whisper.transcribe import Segment

SILENCE = 1e-4
"""Peak (full scale = 1) under which there is nothing to hear: -80 dB, below the noise of any microphone."""


class Heard(NamedTuple):
    """What an engine heard in a recording."""

    language: str  # code, such as "en"
    words: list[Word]


Transcriber = Callable[[Samples], Heard]


def load_faster_whisper(
    *,
    model: str,
    language: str | None,
    beam_size: int,
    batch_size: int,
    vad: bool,
    compute_type: str,
    device: str,
    threads: int,
) -> Transcriber:
    """Load a Whisper model for CTranslate2 (faster-whisper).

    Deterministic: one pass at temperature 0, without the random retries that Whisper makes by default, and no window
    sees the text of the one before, so that a mistake does not spread.

    Args:
        model: `embedded` (tiny.en, English only), a name that faster-whisper knows, or a directory.
        language: a code such as "en"; None detects it from the first half minute.
        beam_size: hypotheses kept while decoding.
        batch_size: windows decoded together; 1 decodes them one after the other.
        vad: decode only where silero VAD finds speech. Batches need it.
        compute_type: number format of the weights, such as "int8" or "float16".
        device: "cpu", "cuda" or "auto".
        threads: CPU threads; 0 leaves the choice to CTranslate2.
    """
    from faster_whisper import BatchedInferencePipeline, WhisperModel

    path = str(embedded.fetch("whisper_tiny_en")) if model == "embedded" else model
    whisper = WhisperModel(path, device=device, compute_type=compute_type, cpu_threads=threads)
    options: dict[str, Any] = {
        "language": language,
        "beam_size": beam_size,
        "vad_filter": vad,
        "word_timestamps": True,
        "temperature": 0.0,
        "condition_on_previous_text": False,
    }
    if batch_size > 1:
        transcribe: Callable[..., Any] = BatchedInferencePipeline(whisper).transcribe
        options["batch_size"] = batch_size
    else:
        transcribe = whisper.transcribe

    def listen(samples: Samples) -> Heard:
        if not len(samples) or np.abs(samples).max() < SILENCE:
            return Heard(language or "en", [])
        segments, info = transcribe(samples, **options)
        return Heard(info.language, read_words(segments))

    return listen


ENGINES: dict[str, Callable[..., Transcriber]] = {"faster_whisper": load_faster_whisper}


def read_words(segments: "Iterable[Segment]") -> list[Word]:
    """The words of Whisper's segments, stripped and in order; segments that are noise to the model itself are left out.

    Noise is what Whisper's paper takes for it (arXiv:2212.04356, section 4.5): the no-speech token above 0.6 and a
    mean log-probability under -1. The batched pipeline does not look at it, so it is looked at here for both.
    """
    words = [
        Word(
            text=text,
            start=max(0.0, word.start),
            end=max(0.0, word.start, word.end),
            probability=round(word.probability, 3),
        )
        for segment in segments
        if not (segment.no_speech_prob > 0.6 and segment.avg_logprob < -1.0)
        for word in segment.words or []
        if (text := word.word.strip())
    ]
    return sorted(words, key=lambda word: (word.start, word.end))


def transcribe(item: str, media: Path, listen: Transcriber) -> tuple[Transcript, Mapping[str, Any]]:
    """The transcript of one recording, and the facts about it that the manifest keeps. No speech gives no words.

    Raises:
        ItemError: the recording cannot be decoded.
    """
    decoded = decode(media)
    heard = listen(decoded.samples)
    transcript = Transcript(item=item, duration=decoded.seconds, language=heard.language, words=heard.words)
    return transcript, {
        "seconds": transcript.duration,
        "words": len(heard.words),
        "damaged_packets": decoded.damaged,
    }


def load(*, engine: str, **choices: Any) -> Make:
    """The function that writes an item's transcript, its engine loaded. `choices` are those of the engine."""
    listen = ENGINES[engine](**choices)

    def make(item: Item, path: Path) -> Mapping[str, Any]:
        transcript, facts = transcribe(item.id, item.inputs["media"], listen)
        io.write_json(path, transcript)
        return facts

    return make


def identify_model(model: str) -> str:
    """What stands for the model in an item's key: its name, or the hash of its weights where it is a directory."""
    weights = Path(model) / "model.bin"
    if not weights.is_file():
        return model
    return "sha256:" + io.sha256(weights)
