"""Turn speech into words with times.

An engine is a module with a function `load` that loads its model and returns a `Transcriber`. ENGINES lists them by
name, each with the choices that `load` takes.
"""

import importlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lectern.core import io
from lectern.core.item import Item, Make
from lectern.core.schema import Transcript, Word
from lectern.formats.audio import Recording, open_recording
from lectern.speech import hallucination, listening
from lectern.speech.listening import Span


class Heard(NamedTuple):
    """What an engine heard in a recording."""

    language: str  # code, such as "en"
    words: list[Word]  # in order of time, see `word_times.time_words`
    language_probability: float | None = None  # None where the language was given, not detected
    speech: Sequence[Span] | None = None  # what `listening.find_speech` found, if the engine called it
    counts: Mapping[str, int] = {}  # further counts that the manifest should hold for this recording


SHOWN = 5
"""How many recordings a line names."""
Transcriber = Callable[[Recording], Heard]


class Engine(NamedTuple):
    """A speech recogniser. Naming it imports nothing: its libraries load when its module does."""

    module: str
    libraries: tuple[str, ...]  # distributions whose versions affect the transcript, and so the item's key
    choices: tuple[
        str, ...
    ]  # fields of the section `transcribe` that `load` takes and that affect the transcript
    others: tuple[str, ...] = ("threads",)  # fields that `load` takes too, and that affect nothing


ENGINES: dict[str, Engine] = {
    "faster_whisper": Engine(
        "lectern.speech.faster_whisper_engine",
        ("faster-whisper", "ctranslate2", "onnxruntime", "av"),
        (
            "model",
            "language",
            "beam_size",
            "batch_size",
            "vad",
            "initial_prompt",
            "hotwords",
            "compute_type",
            "device",
        ),
    ),
    "whisperx": Engine(
        "lectern.speech.whisperx_engine",
        (
            "whisperx",
            "pyannote-audio",
            "faster-whisper",
            "ctranslate2",
            "torch",
            "torchaudio",
            "transformers",
            "av",
        ),
        (
            "model",
            "language",
            "beam_size",
            "batch_size",
            "initial_prompt",
            "hotwords",
            "align",
            "align_model",
            "compute_type",
            "device",
        ),
    ),
    "openai": Engine(
        "lectern.speech.endpoint_engine",
        ("faster-whisper", "onnxruntime", "av", "openai"),
        ("model", "language", "initial_prompt"),
        ("base_url", "api_key", "timeout", "batch_size", "threads"),
    ),
}


def transcribe(item: str, media: Path, listen: Transcriber) -> tuple[Transcript, Mapping[str, Any]]:
    """Transcribe one recording; also return the facts about it that the manifest keeps.

    A recording without speech gives a transcript without words.

    Raises:
        ItemError: the recording cannot be decoded.
    """
    with open_recording(media) as recording:
        heard = listen(recording)
        speech = heard.speech if heard.speech is not None else listening.find_speech(recording)
        seconds, damaged = recording.seconds, recording.damaged
    transcript = Transcript(item=item, duration=seconds, language=heard.language, words=heard.words)
    spoken = sum(end - start for start, end in speech)
    return transcript, {
        "seconds": transcript.duration,
        "speech_seconds": round(spoken, 3),
        "words": len(transcript.words),
        "damaged_packets": damaged,
        "language": heard.language,
        "language_probability": heard.language_probability,
        **heard.counts,
        **hallucination.examine(transcript.words, speech, seconds),
    }


def list_wordless(facts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return a line about the recordings in which no word was heard, from the facts of the manifest."""
    silent = [item for item, entry in facts.items() if not entry["words"]]
    shown = ", ".join(silent[:SHOWN]) + (", ..." if len(silent) > SHOWN else "")
    line = f"no word was heard in {len(silent)} of {len(facts)} recordings ({shown}). Check that they hold speech"
    return [line] if silent else []


def load(*, engine: str, **choices: Any) -> Make:
    """Load an engine and return the function that writes an item's transcript. `choices` go to the engine's `load`."""
    listen = importlib.import_module(ENGINES[engine].module).load(**choices)

    def make(item: Item, path: Path) -> Mapping[str, Any]:
        transcript, facts = transcribe(item.id, item.inputs["media"], listen)
        io.write_json(path, transcript)
        return facts

    return make
