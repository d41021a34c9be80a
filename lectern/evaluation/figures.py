"""What is said of all rows: each figure, what it follows from, and which direction is better.

A figure is a function of sums over rows (`scoring.bootstrap`), so that it has an interval and can be compared. What a
row adds stands in `data/scores.jsonl`: the figures of two runs can be compared from these files alone.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lectern.evaluation import overlap
from lectern.evaluation.bootstrap import Finish, Statistic
from lectern.evaluation.rows import AnswerScore, RowScore

Counts = tuple[float, ...]
"""What a row adds to the sums of a figure."""
Count = Callable[[RowScore, AnswerScore], Counts | None]
"""None where the row does not measure it."""


def quotient(sums: np.ndarray) -> np.ndarray:
    """The first sum over the second."""
    return np.divide(sums[:, 0], sums[:, 1])


def _exponential(sums: np.ndarray) -> np.ndarray:
    return np.exp(np.minimum(quotient(sums), 700.0))  # JSON knows no infinity


@dataclass(frozen=True)
class Figure:
    """One figure of metrics/scores.json."""

    what: str
    """for a reader who does not know its name"""
    scale: str
    """its unit, or its least and greatest value"""
    lower_is_better: bool | None
    """None where neither is better, and the reference's figure is what to be near"""
    count: Count
    finish: Finish = quotient
    """from the sums to the figure"""
    of: Literal["text", "pair", "model"] = "text"
    """what decides it: the answer's text, the text and its reference, or the model: then trimming changes nothing"""


def _mean(field: str) -> Count:
    """The mean of a field over the rows that have it."""

    def count(_: RowScore, answer: AnswerScore) -> Counts | None:
        value = getattr(answer, field)
        return None if value is None else (float(value), 1.0)

    return count


def _count_nats(_: RowScore, answer: AnswerScore) -> Counts | None:
    if answer.nll is None or answer.tokens is None:
        return None
    return answer.nll, float(answer.tokens)


def _count_bits(row: RowScore, answer: AnswerScore) -> Counts | None:
    if answer.nll is None or not row.reference_bytes:
        return None
    return answer.nll / math.log(2), float(row.reference_bytes)


def _count_length(row: RowScore, answer: AnswerScore) -> Counts | None:
    return None if not row.reference_words else (float(answer.words), float(row.reference_words))


def _all_counts(field: str) -> Count:
    def count(_: RowScore, answer: AnswerScore) -> Counts | None:
        counts = getattr(answer, field)
        return None if counts is None else tuple(map(float, counts))

    return count


FIGURES: Mapping[str, Figure] = {
    "nll": Figure(
        "negative log-likelihood of the true answers and their ends of turn, over all their tokens",
        "nats a token",
        True,
        _count_nats,
        of="model",
    ),
    "perplexity": Figure(
        "the exponential of nll: among how many tokens the model is undecided",
        "1 and more",
        True,
        _count_nats,
        _exponential,
        of="model",
    ),
    "bits_per_byte": Figure(
        "the same likelihood in bits for each UTF-8 byte of the true answers, which compares models with different "
        "tokenizers",
        "bits",
        True,
        _count_bits,
        of="model",
    ),
    "rouge1": Figure(
        "ROUGE-1: words in common with the true answer, mean F1 (Lin 2004)",
        "0 to 1",
        False,
        _mean("rouge1"),
        of="pair",
    ),
    "rouge2": Figure(
        "ROUGE-2: word pairs in common with the true answer, mean F1",
        "0 to 1",
        False,
        _mean("rouge2"),
        of="pair",
    ),
    "rougeL": Figure(
        "ROUGE-L: longest sequence of words in common with the true answer, mean F1",
        "0 to 1",
        False,
        _mean("rougeL"),
        of="pair",
    ),
    "rougeLsum": Figure(
        "ROUGE-Lsum: the same sentence by sentence, mean F1", "0 to 1", False, _mean("rougeLsum"), of="pair"
    ),
    "chrf": Figure(
        "chrF: characters and runs of up to 6 in common with the true answers, of the corpus (Popović 2015)",
        "0 to 100",
        False,
        _all_counts("chrf_counts"),
        overlap.chrf,
        of="pair",
    ),
    "bleu": Figure(
        "BLEU: runs of up to 4 words in common with the true answers, of the corpus (Papineni et al. 2002)",
        "0 to 100",
        False,
        _all_counts("bleu_counts"),
        overlap.bleu,
        of="pair",
    ),
    "similarity": Figure(
        "closeness in meaning to the true answer: mean cosine of embeddings (all-MiniLM-L6-v2, which reads English)",
        "-1 to 1",
        False,
        _mean("similarity"),
        of="pair",
    ),
    "distinct1": Figure(
        "distinct words of an answer's words, mean (Li et al. 2016); long answers have fewer",
        "0 to 1",
        None,
        _mean("distinct1"),
    ),
    "distinct2": Figure(
        "distinct word pairs of an answer's word pairs, mean", "0 to 1", None, _mean("distinct2")
    ),
    "repetition4": Figure(
        "share of the runs of four words that came before in the same answer",
        "0 to 1",
        True,
        lambda _, answer: (float(answer.repeated_fourgrams), float(answer.fourgrams)),
    ),
    "repeated_answers": Figure(
        "share of the answers that another question got too, word for word", "0 to 1", True, _mean("repeated")
    ),
    "length_ratio": Figure(
        "words answered for each word of the true answers; 1 is right",
        "0 and more",
        None,
        _count_length,
        of="pair",
    ),
    "words": Figure("words of an answer, mean", "words", None, _mean("words")),
    "finished": Figure(
        "share of the answers that the model ended itself, before the limit",
        "0 to 1",
        False,
        _mean("finished"),
        of="model",
    ),
    "empty": Figure(
        "share of the answers without a word",
        "0 to 1",
        True,
        lambda _, answer: (float(answer.words == 0), 1.0),
    ),
    "copied_share": Figure(
        "share of the words in long runs that stand in a training answer, word for word",
        "0 to 1",
        True,
        lambda _, answer: (float(answer.copied_words), float(answer.words)),
    ),
    "longest_copy": Figure(
        "words of an answer's longest run that stands in a training answer, mean; 0 below the least run",
        "words",
        True,
        _mean("longest_copy"),
    ),
}
"""In the order in which they are read."""
OF_TOKENS = ("nll", "perplexity")
"""They compare only models that cut the references into the same tokens."""
OF_TRIMMED = tuple(name for name, figure in FIGURES.items() if figure.of != "model")
OF_REFERENCES = tuple(name for name, figure in FIGURES.items() if figure.of == "text" and name != "empty")
"""Those that say something of true answers, which are never empty."""

Scores = Sequence[AnswerScore | None]
"""One contestant's, a row each."""


def statistics(
    rows: Sequence[RowScore], answers: Scores, names: Iterable[str] = FIGURES
) -> dict[str, Statistic]:
    """The named figures of one contestant, whose `answers` stand beside `rows`, without those that no row measures.

    With `Bootstrap` these give a figure's interval, and of two contestants the interval of the difference.
    """
    found = {name: _statistic(rows, answers, FIGURES[name]) for name in names}
    return {name: one for name, one in found.items() if one is not None}


def _statistic(rows: Sequence[RowScore], answers: Scores, figure: Figure) -> Statistic | None:
    counts = [
        None if answer is None else figure.count(row, answer)
        for row, answer in zip(rows, answers, strict=True)
    ]
    width = next((len(one) for one in counts if one is not None), None)
    if width is None:
        return None
    nothing = (0.0,) * width
    measured = np.array([one is not None for one in counts])
    columns = np.array([nothing if one is None else one for one in counts], dtype=np.float64)
    return Statistic(columns, figure.finish, None if measured.all() else measured)
