"""Compare transcripts and diarizations with references: word error rate (WER) and diarization error rate (DER)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pydantic import Field

from lectern.core import io
from lectern.core.schema import Conversation, Diarization, Record, Seconds
from lectern.evaluation.bootstrap import Bootstrap, ratio
from lectern.evaluation.figure_type import Figure


class TrueTurn(Record):
    """A turn of the reference: who said what, and when."""

    speaker: str
    start: Seconds
    end: Seconds
    text: str


class TrueQuestion(Record):
    """A question that was asked, and its whole answer."""

    start: Seconds
    text: str
    answer: str


class Truth(Record):
    """The reference of a recording, `data/raw/<item>/truth.json`; only synthetic or hand-labelled ones have it."""

    turns: list[TrueTurn]
    questions: list[TrueQuestion] = Field(default_factory=list)


class Token(NamedTuple):
    """A normalised word and who said it."""

    text: str
    speaker: str


def score_item(
    truth: Path, diarization: Path, conversation: Path, language: str, collar: float
) -> dict[str, Any]:
    """Count one recording's errors, from which all figures are computed.

    Args:
        truth: file of the `Truth` record.
        diarization: file of the `Diarization` record.
        conversation: file of the `Conversation` record, whose words are those of the transcript.
        language: of the transcript.
        collar: seconds on each side of a boundary of the reference that `der_with_collar` leaves out.
    """
    true = io.read_json(truth, Truth)
    found = io.read_json(diarization, Diarization)
    told = io.read_json(conversation, Conversation)
    spoken = normalise_words(
        ((turn.text, turn.speaker) for turn in sorted(true.turns, key=lambda t: t.start)), language
    )
    heard = normalise_words(((utterance.text, utterance.speaker) for utterance in told.utterances), language)
    errors, pairs = align_words(spoken, heard)
    strict, lenient = (measure_der(true, found, c) for c in (0.0, collar))
    return {
        "seconds": round(found.duration, 3),
        "words": len(spoken),
        "word_errors": errors,
        "aligned_words": len(pairs),
        "words_of_right_speaker": count_right_speakers(pairs),
        "der": strict,
        "der_with_collar": lenient,
        "true_speakers": len({turn.speaker for turn in true.turns}),
        "found_speakers": sum(not voice.ghost for voice in found.voices.values()),
    }


def align_words(spoken: Sequence[Token], heard: Sequence[Token]) -> tuple[int, list[tuple[str, str]]]:
    """Return the number of word errors, and the (true, found) speaker of each word that is correct or substituted."""
    import jiwer

    if not spoken or not heard:
        return len(spoken) + len(heard), []
    result = jiwer.process_words(" ".join(t.text for t in spoken), " ".join(t.text for t in heard))
    pairs = [
        (spoken[i].speaker, heard[j].speaker)
        for chunk in result.alignments[0]
        if chunk.type in ("equal", "substitute")
        for i, j in zip(
            range(chunk.ref_start_idx, chunk.ref_end_idx),
            range(chunk.hyp_start_idx, chunk.hyp_end_idx),
            strict=True,
        )
    ]
    return result.substitutions + result.deletions + result.insertions, pairs


def count_right_speakers(pairs: Sequence[tuple[str, str]]) -> int:
    """Count the pairs that agree under the best one-to-one map between the true names and the found labels."""
    from scipy.optimize import linear_sum_assignment

    true, found = sorted({a for a, _ in pairs}), sorted({b for _, b in pairs})
    counts = np.zeros((len(true), len(found)), dtype=np.int64)
    for a, b in pairs:
        counts[true.index(a), found.index(b)] += 1
    return int(counts[linear_sum_assignment(-counts)].sum())


def measure_der(true: Truth, found: Diarization, collar: float) -> dict[str, float]:
    """Return the parts of the DER in seconds: missed speech, false alarms, confused speakers, and speech in total.

    DER is the sum of the first three divided by the last. Overlapping speech counts (pyannote.metrics, Bredin 2017).
    `collar` seconds are left out on each side of a boundary of the reference.
    """
    from pyannote.core import Annotation, Segment, Timeline
    from pyannote.metrics.diarization import DiarizationErrorRate

    reference, hypothesis = Annotation(), Annotation()
    for index, said in enumerate(true.turns):
        reference[Segment(said.start, said.end), index] = said.speaker
    for index, turn in enumerate(found.turns):
        hypothesis[Segment(turn.start, turn.end), index] = turn.speaker
    # pyannote's collar is the whole width around a boundary; ours is each side, as NIST and most papers give it.
    metric = DiarizationErrorRate(collar=2 * collar)
    parts = metric(reference, hypothesis, uem=Timeline([Segment(0, found.duration)]), detailed=True)
    names = {
        "missed": "missed detection",
        "false_alarm": "false alarm",
        "confusion": "confusion",
        "speech": "total",
    }
    return {ours: round(float(parts[theirs]), 3) for ours, theirs in names.items()}


@dataclass(frozen=True, kw_only=True)
class SpeechFigure(Figure):
    """One figure of metrics/speech.json; all are shares."""

    count: Callable[[Mapping[str, Any]], tuple[float, float]]
    """What one recording adds to the part and to its whole."""
    is_share: bool = True


def _count_errors(parts: Mapping[str, Any]) -> tuple[float, float]:
    """Of the DER: seconds given to the wrong speaker or to none, of the seconds that somebody speaks."""
    return parts["missed"] + parts["false_alarm"] + parts["confusion"], parts["speech"]


FIGURES: dict[str, SpeechFigure] = {
    figure.key: figure
    for figure in (
        SpeechFigure(
            key="wer", name="Word error rate", about="of the transcripts; lower is better", lower_is_better=True,
            count=lambda entry: (entry["word_errors"], entry["words"]),
        ),
        SpeechFigure(
            key="der", name="Diarization error rate", about="of the time somebody speaks; lower is better",
            lower_is_better=True, count=lambda entry: _count_errors(entry["der"]),
        ),
        SpeechFigure(
            key="der_with_collar", name="The same with a collar",
            about="without the moments around each change of speaker", lower_is_better=True,
            count=lambda entry: _count_errors(entry["der_with_collar"]),
        ),
        SpeechFigure(
            key="word_speaker_accuracy", name="Words with the right speaker", about="higher is better",
            lower_is_better=False, count=lambda entry: (entry["words_of_right_speaker"], entry["aligned_words"]),
        ),
        SpeechFigure(
            key="speaker_count_accuracy", name="Recordings with the right number of speakers",
            about="higher is better", lower_is_better=False,
            count=lambda entry: (float(entry["true_speakers"] == entry["found_speakers"]), 1.0),
        ),
    )
}  # fmt: skip
"""All figures of speech, in the order in which they are read."""


def summarise(
    scored: Mapping[str, Mapping[str, Any]], *, resamples: int, confidence: float, seed: int
) -> dict[str, Any]:
    """Return the figures over all recordings, with bootstrap intervals over recordings, and the figures of each one.

    A figure is the ratio of two sums, so that a recording counts in proportion to its words or seconds.
    """
    if not scored:
        return {"items": 0}
    counts = {"items": len(scored)}
    counts |= {name: sum(entry[name] for entry in scored.values()) for name in ("words", "aligned_words")}
    seconds = round(sum(entry["seconds"] for entry in scored.values()), 3)
    figures = {}
    for name, figure in FIGURES.items():
        tops, bottoms = np.array([figure.count(entry) for entry in scored.values()], dtype=np.float64).T
        rests_on = bottoms > 0
        if rests_on.any():
            labels = [item for item, counts_ in zip(scored, rests_on, strict=True) if counts_]
            draws = Bootstrap(labels, resamples=resamples, confidence=confidence, seed=seed)
            figures[name] = draws.interval(ratio(tops[rests_on], bottoms[rests_on])).as_dict()
    by_item = {
        item: {
            **{
                name: round(top / bottom, 6) if bottom else None
                for name, figure in FIGURES.items()
                for top, bottom in [figure.count(entry)]
            },
            **{name: entry[name] for name in ("words", "seconds", "true_speakers", "found_speakers")},
        }
        for item, entry in sorted(scored.items())
    }
    return {**counts, "seconds": seconds, **figures, "by_item": by_item}


def normalise_words(pieces: Iterable[tuple[str, str]], language: str) -> list[Token]:
    """Normalise words as in Whisper's paper (arXiv:2212.04356, appendix C): no case, no punctuation, digits."""
    from transformers.models.whisper.english_normalizer import BasicTextNormalizer, EnglishTextNormalizer

    normalise = EnglishTextNormalizer({}) if language == "en" else BasicTextNormalizer()
    return [Token(word, speaker) for text, speaker in pieces for word in normalise(text).split()]
