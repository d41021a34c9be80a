"""Whisper by faster-whisper (CTranslate2), in batches. Speech that a batch leaves without words is heard again."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lectern.core.errors import LecternError
from lectern.core.printing import first_line
from lectern.formats.audio import RATE, Recording
from lectern.models import bundled
from lectern.speech import listening
from lectern.speech.asr import Heard, Transcriber
from lectern.speech.listening import Hearing, Window
from lectern.speech.word_times import RawWord, time_words
from lectern.text.unspaced import begins_spaced

if TYPE_CHECKING:
    from faster_whisper import WhisperModel
    from faster_whisper.transcribe import Segment

_SLOT = 31  # seconds from one window to the next in the array of a batch
_LOOPING = 2.4  # compression ratio above which Whisper's authors take a text for a loop (arXiv:2212.04356, section 4.5)
_DETECT = 5  # windows from which the language is detected


def load(
    *,
    model: str,
    language: str | None,
    beam_size: int,
    batch_size: int,
    vad: bool,
    initial_prompt: str | None,
    hotwords: str | None,
    compute_type: str,
    device: str,
    threads: int,
) -> Transcriber:
    """Load a Whisper model for CTranslate2.

    The result is deterministic: there is one pass at temperature 0, without the random retries that Whisper makes by
    default. No window sees the text of the one before, so that a mistake does not spread.

    Args:
        model: `embedded` (tiny.en, English only), a name that faster-whisper knows, or a directory.
        language: a code such as "en"; None detects it from windows spread over the recording.
        beam_size: hypotheses kept while decoding.
        batch_size: windows decoded together.
        vad: whether to transcribe only where silero VAD finds speech.
        initial_prompt: text in the desired style, with the names that occur; every window sees it.
        hotwords: names and terms to expect.
        compute_type: number format of the weights, such as "int8" or "float16".
        device: "cpu", "cuda" or "auto".
        threads: CPU threads; 0 leaves the choice to CTranslate2.

    Raises:
        LecternError: there is no such model, device or number format, the model does not know the language, or the
            prompt is too long.
    """
    whisper = load_model(model, device, compute_type, threads)
    check_language(whisper, model, language)
    check_prompt(whisper, initial_prompt, hotwords)
    options: dict[str, Any] = {
        "beam_size": beam_size,
        "word_timestamps": True,
        "temperature": 0.0,
        "condition_on_previous_text": False,
        "initial_prompt": initial_prompt,
        "hotwords": hotwords,
    }

    def listen(recording: Recording) -> Heard:
        speech = listening.find_speech(recording)
        windows = listening.cut_windows(recording, speech if vad else [(0.0, recording.seconds)])
        windows = [window for window in windows if np.abs(window.read(recording)).max() >= listening.SILENCE]
        spoken, probability = language, None
        if spoken is None:
            spoken, probability = detect_language(whisper, recording, windows)
        account = listening.hear_all(
            windows,
            lambda batch: hear_windows(whisper, recording, batch, {**options, "language": spoken}),
            recording=recording,
            speech=speech,
            batch_size=batch_size,
        )
        counts = account._asdict()
        words = counts.pop("words")
        return Heard(spoken, words, probability, speech, counts)

    return listen


def load_model(
    model: str, device: str, compute_type: str, threads: int, kind: "type[WhisperModel] | None" = None
) -> "WhisperModel":
    """Load the model as faster-whisper's own class or as `kind`, a subclass of it.

    Raises:
        LecternError: there is no such model, device or number format.
    """
    import ctranslate2
    from faster_whisper import WhisperModel

    if device != "cpu" and not ctranslate2.get_cuda_device_count():
        if device == "cuda":
            raise LecternError("device is cuda, but CTranslate2 finds no GPU. Set device to cpu or auto.")
        device = "cpu"
    used = "cuda" if device == "auto" else device
    known = {"default", "auto", *ctranslate2.get_supported_compute_types(used)}
    if compute_type not in known:
        raise LecternError(
            f"compute_type is {compute_type!r}: on the device {used} choose one of {', '.join(sorted(known))}"
        )
    folder = bundled.fetch("whisper_tiny_en") if model == "embedded" else Path(model)
    if folder.is_dir():
        for name in ("model.bin", "config.json", "tokenizer.json"):
            if not (folder / name).is_file():
                raise LecternError(
                    f"{folder} is not a Whisper model for CTranslate2: it has no {name}. Convert a checkpoint with "
                    "`ct2-transformers-converter --model NAME --output_dir DIRECTORY --copy_files tokenizer.json "
                    "preprocessor_config.json`."
                )
    try:
        return (kind or WhisperModel)(
            str(folder) if folder.is_dir() else model,
            device=used,
            compute_type=compute_type,
            cpu_threads=threads,
        )
    except (OSError, RuntimeError, ValueError) as error:
        raise LecternError(
            f"the Whisper model {model!r} could not be loaded: {first_line(error)}. Give `embedded`, a name such as "
            "`large-v3-turbo` (downloaded from the model hub when it is first used), or a directory."
        ) from error


def check_language(whisper: "WhisperModel", model: str, language: str | None) -> None:
    """Raise a LecternError if the model does not know the language."""
    if not whisper.model.is_multilingual and language not in (None, "en"):
        raise LecternError(
            f"language is {language!r}, but the model {model!r} knows English only. Choose a model without .en in its "
            "name, or language: en."
        )
    if language is not None and language not in whisper.supported_languages:
        raise LecternError(
            f"language is {language!r}: this model knows {', '.join(whisper.supported_languages)}"
        )


def check_prompt(whisper: "WhisperModel", initial_prompt: str | None, hotwords: str | None) -> None:
    """Raise a LecternError if the prompt is longer than half of Whisper's text length.

    faster-whisper would silently cut off the rest.
    """
    most = whisper.max_length // 2 - 1
    text = " ".join(part.strip() for part in (hotwords, initial_prompt) if part)
    length = len(whisper.hf_tokenizer.encode(" " + text, add_special_tokens=False).ids)
    if text and length > most:
        raise LecternError(
            f"initial_prompt and hotwords have {length} tokens together; the model takes at most {most}. Shorten them."
        )


def detect_language(
    whisper: "WhisperModel", recording: Recording, windows: Sequence[Window]
) -> tuple[str, float | None]:
    """Return the language with the highest mean probability over a few windows of the recording, and that mean.

    The windows are evenly spread. A model that knows English only gives "en" and None.
    """
    if not whisper.model.is_multilingual or not windows:
        return "en", None
    chosen = sorted({round(i * (len(windows) - 1) / (_DETECT - 1)) for i in range(_DETECT)})
    sums: dict[str, float] = {}
    for index in chosen:
        _, _, probabilities = whisper.detect_language(windows[index].read(recording))
        for code, probability in probabilities:
            sums[code] = sums.get(code, 0.0) + probability
    best = min(sums, key=lambda code: (-sums[code], code))
    return best, round(sums[best] / len(chosen), 3)


def hear_windows(
    whisper: "WhisperModel", recording: Recording, windows: Sequence[Window], options: dict[str, Any]
) -> list[Hearing]:
    """Decode windows together.

    They are put into one array, `_SLOT` whole seconds apart, so that a segment's `seek` tells its window.
    """
    from faster_whisper import BatchedInferencePipeline

    samples = np.zeros(_SLOT * RATE * len(windows), np.float32)
    clips = []
    for number, window in enumerate(windows):
        own = window.read(recording)
        samples[_SLOT * RATE * number :][: len(own)] = own
        clips.append({"start": float(_SLOT * number), "end": _SLOT * number + len(own) / RATE})
    segments, _ = BatchedInferencePipeline(whisper).transcribe(
        samples, clip_timestamps=clips, batch_size=len(windows), **options
    )
    heard: dict[int, list[Segment]] = {}
    for number, found in itertools.groupby(
        segments, key=lambda segment: segment.seek // (_SLOT * whisper.frames_per_second)
    ):
        heard[number] = list(found)
    return [
        _read_segments(window, heard.get(number, []), float(_SLOT * number))
        for number, window in enumerate(windows)
    ]


def _read_segments(window: Window, segments: "Sequence[Segment]", offset: float) -> Hearing:
    """Return the words of a window, or that it is noise.

    As in Whisper's paper (arXiv:2212.04356, section 4.5), a window is noise if the probability of the no-speech token
    is above 0.6 and the mean log-probability below -1. The batched pipeline itself does not check this.
    """
    if segments and all(s.no_speech_prob > 0.6 and s.avg_logprob < -1.0 for s in segments):
        return Hearing([], noise=True)
    raw = [
        RawWord(
            word.word,
            word.start - offset,
            word.end - offset,
            word.probability,
            # Whisper writes the space before a word with the word; before a segment it may be left out.
            spaced=word.word[:1].isspace() or (number == 0 and begins_spaced(word.word)),
        )
        for segment in segments
        for number, word in enumerate(segment.words or [])
    ]
    words = [window.restore(word) for word in time_words(raw, 0.0, window.seconds)]
    return Hearing(words, looping=any(segment.compression_ratio > _LOOPING for segment in segments))
