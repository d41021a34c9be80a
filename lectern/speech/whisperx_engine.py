"""WhisperX (arXiv:2303.00747): Whisper in batches, with word times from alignment by a wav2vec2 model.

It needs other versions of torch and huggingface-hub than the pipeline, and so an environment of its own: `make
whisperx` builds it, and `transcribe.python: python-whisperx` runs the stage in it.
"""

import contextlib
import io as text_io
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

from lectern.core.errors import ItemError, LecternError
from lectern.core.printing import first_line
from lectern.core.schema import Word
from lectern.formats.audio import RATE, Recording, Samples
from lectern.speech import environment, listening
from lectern.speech import faster_whisper_engine as whisper_models
from lectern.speech.asr import Heard, Transcriber
from lectern.speech.listening import Span
from lectern.speech.word_times import RawWord, space_words, time_words

Align = Callable[[list[dict[str, Any]], Samples], list[dict[str, Any]]]
"""Takes Whisper's segments and the samples that they were decoded from; returns segments with words."""

PIECE = 1800.0
"""At most so many seconds are in memory at once, although WhisperX could take the whole recording."""


def load(
    *,
    model: str,
    language: str | None,
    beam_size: int,
    batch_size: int,
    compute_type: str,
    device: str,
    threads: int,
    initial_prompt: str | None,
    hotwords: str | None,
    align: bool,
    align_model: str | None,
) -> Transcriber:
    """Load WhisperX. The alignment model is loaded now if `language` is given, else when a language is detected.

    The result is deterministic, since WhisperX makes one pass at temperature 0.

    Args:
        model: `embedded` (tiny.en, English only), a name that faster-whisper knows (`large-v3`), or a directory with a
            model for CTranslate2.
        language: a code such as "en"; None detects it from windows spread over each recording.
        beam_size: hypotheses kept while decoding.
        batch_size: number of stretches of speech, of up to half a minute, that are decoded together.
        compute_type: number format of the weights: "float16" on a GPU, "int8" on a CPU.
        device: "cpu", "cuda" or "auto".
        threads: CPU threads; 0 leaves the choice to the libraries.
        initial_prompt: text that the model sees before every stretch, such as names in their right spelling.
        hotwords: names and terms to expect.
        align: whether to take word times from an alignment model. Without it, words share the time of their segment
            in proportion to their letters, which is seconds off in long segments.
        align_model: a name on the hub or in torchaudio, or a directory with a Wav2Vec2ForCTC model and its processor;
            None takes WhisperX's choice for the language.

    Raises:
        LecternError: there is no such model, device, number format, language or alignment model, or the prompt is too
            long.
    """
    environment.quieten()
    import torch
    import whisperx
    from whisperx.asr import WhisperModel

    whisperx.setup_logging("error")
    if threads:
        torch.set_num_threads(threads)
    whisper = whisper_models.load_model(model, device, compute_type, threads, WhisperModel)
    whisper_models.check_language(whisper, model, language)
    whisper_models.check_prompt(whisper, initial_prompt, hotwords)
    used = whisper.model.device
    pipeline = whisperx.load_model(
        model,
        used,
        language=language,
        asr_options={"beam_size": beam_size, "initial_prompt": initial_prompt, "hotwords": hotwords},
        vad_method="pyannote",  # part of the package; silero would come from GitHub
        model=whisper,
    )
    choose_aligner = cache(lambda code: load_aligner(code, used, align_model))
    if align and language is not None:
        choose_aligner(language)  # a missing alignment model should stop the stage, not fail each item

    def listen(recording: Recording) -> Heard:
        speech = listening.find_speech(recording)
        spoken, probability = language, None
        if spoken is None:
            windows = listening.cut_windows(recording, speech)
            spoken, probability = whisper_models.detect_language(whisper, recording, windows)
        try:
            aligner = choose_aligner(spoken) if align and speech else None
        except LecternError as error:  # only this recording is in a language without an alignment model
            raise ItemError(str(error)) from error
        words: list[Word] = []
        for start, end in cut_pieces(speech, recording.seconds, PIECE) if speech else []:
            samples = recording.read(round(start * RATE), round(end * RATE))
            segments = pipeline.transcribe(samples, batch_size=batch_size, language=spoken)["segments"]
            words += read_words(aligner(segments, samples) if aligner else segments, start)
        return Heard(spoken, words, probability, speech)

    return listen


def load_aligner(language: str, device: str, align_model: str | None) -> Align:
    """Load an alignment model.

    Raises:
        LecternError: there is none for the language, or it cannot be loaded.
    """
    from whisperx import alignment

    # WhisperX splits segments into sentences with data that it would download in the middle of a run. Transcripts have
    # no sentences, so each segment counts as one sentence here.
    alignment.nltk_load = lambda name: SimpleNamespace(span_tokenize=lambda text: [(0, len(text))])
    try:
        with contextlib.redirect_stdout(text_io.StringIO()):
            model, metadata = alignment.load_align_model(language, device, model_name=align_model)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        names = alignment.DEFAULT_ALIGN_MODELS_TORCH | alignment.DEFAULT_ALIGN_MODELS_HF
        reason = first_line(error.__context__ or error)
        chosen = align_model or names.get(language, "that WhisperX knows none of")
        raise LecternError(
            f"the alignment model {chosen!r} for language {language!r} cannot be loaded: {reason}. "
            "Download it once where there is a connection (HF_TOKEN for a model that is not public; HF_HUB_OFFLINE "
            "allows only what is in the hub's cache), or set "
            "transcribe.align_model to a directory with a Wav2Vec2ForCTC model and its processor, or transcribe.align "
            "to false: words then share the time of their segment, which is seconds off in long segments."
        ) from error

    def align(segments: list[dict[str, Any]], samples: Samples) -> list[dict[str, Any]]:
        # "ignore": times that the aligner does not know are filled by `time_words`
        found = alignment.align(segments, model, metadata, samples, device, interpolate_method="ignore")
        return found["segments"]

    return align


def cut_pieces(speech: Sequence[Span], seconds: float, longest: float) -> list[Span]:
    """Divide a recording into pieces of at most `longest` seconds, each cut in the longest silence of its last quarter.

    Args:
        speech: where somebody speaks, in order.
        seconds: length of the recording.
        longest: greatest length of a piece, which it has if there is no silence in its last quarter.
    """
    silences = [
        (left, right) for (_, left), (right, _) in pairwise([(0.0, 0.0), *speech, (seconds, seconds)])
    ]
    pieces, start = [], 0.0
    while seconds - start > longest:
        first, last = start + longest * 3 / 4, start + longest
        inside = [
            (max(left, first), min(right, last)) for left, right in silences if left < last and right > first
        ]
        left, right = max(inside, key=lambda gap: gap[1] - gap[0], default=(last, last))
        pieces.append((start, (left + right) / 2))
        start = pieces[-1][1]
    return [*pieces, (start, seconds)]


def read_words(segments: Iterable[Mapping[str, Any]], offset: float) -> list[Word]:
    """Return the words of WhisperX's segments, each with a time.

    Args:
        segments: each has `text`, `start` and `end` (seconds). An aligned one also has `words`, each with `word` and
            perhaps `start`, `end` and `score`. If `words` is missing or empty, because the segment was not or could
            not be aligned, the words are taken from `text`.
        offset: seconds to add to all times: the start of the samples from which the segments were decoded.
    """
    words: list[Word] = []
    for segment in sorted(segments, key=lambda segment: (segment["start"], segment["end"])):
        found = [
            RawWord(
                word["word"],
                _shift(word.get("start"), offset),
                _shift(word.get("end"), offset),
                word.get("score"),
            )
            for word in segment.get("words") or []
        ] or [RawWord(text, None, None) for text in segment["text"].split()]
        words += time_words(
            space_words(found, segment["text"]), segment["start"] + offset, segment["end"] + offset
        )
    return words


def _shift(seconds: float | None, offset: float) -> float | None:
    return None if seconds is None else float(seconds) + offset
