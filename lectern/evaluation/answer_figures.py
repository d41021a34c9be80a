"""Define the figures over all rows: their meaning, how they are computed and shown, and which direction is better.

A figure is a function of sums over rows (`evaluation.bootstrap`), so it has an interval and can be compared. The
addends of each row stand in `data/scores.jsonl`, so two runs can be compared from these files alone.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lectern.evaluation import overlap
from lectern.evaluation.bootstrap import Finish, Statistic
from lectern.evaluation.figure_type import Figure
from lectern.evaluation.rows import AnswerScore, RowScore

Counts = tuple[float, ...]
"""The addends of a row to the sums of a figure."""
Count = Callable[[RowScore, AnswerScore], Counts | None]
"""Returns the addends of a row; None if the row does not measure the figure."""
Measure = Callable[[str, str | None], Counts | None]
"""Returns the same from a text and its reference, which is None unless the figure is one of pairs."""


def quotient(sums: np.ndarray) -> np.ndarray:
    """Divide the first sum by the second."""
    return np.divide(sums[:, 0], sums[:, 1])


def _exponential(sums: np.ndarray) -> np.ndarray:
    return np.exp(np.minimum(quotient(sums), 700.0))  # JSON has no infinity


@dataclass(frozen=True, kw_only=True)
class AnswerFigure(Figure):
    """One figure of metrics/scores.json."""

    what: str
    """explanation for a reader who does not know the name"""
    scale: str
    """the unit, or the least and greatest value"""
    group: str
    """a key of `GROUPS`"""
    count: Count | None = None
    """computes the addends from the fields of a scored row; None if `measure` computes them"""
    measure: Measure | None = None
    """computes the addends from the text itself, if no field of `AnswerScore` holds them; only for `of` text or pair"""
    finish: Finish = quotient
    """computes the figure from the sums"""
    of: Literal["text", "pair", "model"] = "text"
    """what determines the figure: the answer's text, the text and its reference, or the model. Trimming an answer does
    not change a figure of the model"""
    needs_same_tokens: bool = False
    """whether it compares only models that divide the references into the same tokens"""

    def add(self, row: RowScore, answer: AnswerScore) -> Counts | None:
        """Return the addends of a row; None if the row does not measure the figure."""
        if self.count is not None:
            return self.count(row, answer)
        found = answer.more.get(self.key)
        return None if found is None else tuple(found)


def _mean(field: str) -> Count:
    """Return the count whose figure is the mean of a field over the rows that have it."""

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


def _count_supported(_: RowScore, answer: AnswerScore) -> Counts | None:
    found = answer.more.get(SUPPORT)
    return None if found is None else tuple(found)


SUPPORT = "support"
"""The figure that `evaluation.support_figures` measures, since it needs the sources."""
LIKELIHOOD, OVERLAP, MEANING, HEALTH = "Likelihood", "Overlap with the reference", "Meaning", "Health"
SOURCES = "Sources"
GROUPS: Mapping[str, str] = {
    LIKELIHOOD: "How likely the model finds the true answers: it needs no answer of its own, and small changes show.",
    OVERLAP: "How much of the true answer's wording the model's own answer has.",
    MEANING: "How near the answer stands to the reference, whatever words it uses.",
    SOURCES: "Whether the sources say what an answer says. Something like a sentence was said there, or was not: that "
    "is not whether it is true.",
    HEALTH: "What goes wrong in text that a model writes. Where a mark shows the reference, that is how people's own "
    "answers measure.",
}
"""Group -> what its figures tell, in the order in which reports list them."""

FIGURES: dict[str, AnswerFigure] = {
    figure.key: figure
    for figure in (
        AnswerFigure(
            key="nll", name="Negative log-likelihood", about="nats per token of the true answer; lower is better",
            what="negative log-likelihood of the true answers with their end-of-turn tokens, divided by the number of "
            "tokens",
            scale="nats per token", group=LIKELIHOOD, lower_is_better=True, count=_count_nats, of="model",
            needs_same_tokens=True,
        ),
        AnswerFigure(
            key="perplexity", name="Perplexity", about="its exponential; lower is better",
            what="the exponential of nll: the number of equally likely tokens that would make the model as uncertain",
            scale="1 and more", group=LIKELIHOOD, lower_is_better=True, digits=1, count=_count_nats,
            finish=_exponential, of="model", needs_same_tokens=True,
        ),
        AnswerFigure(
            key="bits_per_byte", name="Bits per byte", about="comparable between tokenizers; lower is better",
            what="the same likelihood in bits per UTF-8 byte of the true answers, by which models with different "
            "tokenizers can be compared",
            scale="bits", group=LIKELIHOOD, lower_is_better=True, digits=3, count=_count_bits, of="model",
        ),
        AnswerFigure(
            key="rougeL", name="ROUGE-L", about="longest common word sequence, F1; higher is better",
            what="ROUGE-L: longest sequence of words in common with the true answer, mean F1", scale="0 to 1",
            group=OVERLAP, lower_is_better=False, digits=3, count=_mean("rougeL"), of="pair",
        ),
        AnswerFigure(
            key="rouge1", name="ROUGE-1", about="shared words, F1; higher is better",
            what="ROUGE-1: words in common with the true answer, mean F1 (Lin 2004)", scale="0 to 1", group=OVERLAP,
            lower_is_better=False, digits=3, count=_mean("rouge1"), of="pair",
        ),
        AnswerFigure(
            key="rouge2", name="ROUGE-2", about="shared word pairs, F1; higher is better",
            what="ROUGE-2: word pairs in common with the true answer, mean F1", scale="0 to 1", group=OVERLAP,
            lower_is_better=False, digits=3, count=_mean("rouge2"), of="pair",
        ),
        AnswerFigure(
            key="rougeLsum", name="ROUGE-Lsum", about="the same by sentences; higher is better",
            what="ROUGE-Lsum: the same sentence by sentence, mean F1", scale="0 to 1", group=OVERLAP,
            lower_is_better=False, digits=3, count=_mean("rougeLsum"), of="pair",
        ),
        AnswerFigure(
            key="chrf", name="chrF", about="shared character sequences, 0 to 100; higher is better",
            what="chrF: runs of 1 to 6 characters in common with the true answers, over the whole corpus (Popović "
            "2015)",
            scale="0 to 100", group=OVERLAP, lower_is_better=False, digits=1, count=_all_counts("chrf_counts"),
            finish=overlap.chrf, of="pair",
        ),
        AnswerFigure(
            key="bleu", name="BLEU", about="shared word sequences, 0 to 100; higher is better",
            what="BLEU: runs of 1 to 4 words in common with the true answers, over the whole corpus (Papineni et al. "
            "2002)",
            scale="0 to 100", group=OVERLAP, lower_is_better=False, digits=1, count=_all_counts("bleu_counts"),
            finish=overlap.bleu, of="pair",
        ),
        AnswerFigure(
            key="similarity", name="Similarity", about="cosine of sentence embeddings; higher is better",
            what="closeness in meaning to the true answer: mean cosine of embeddings (all-MiniLM-L6-v2, which reads "
            "English)",
            scale="-1 to 1", group=MEANING, lower_is_better=False, digits=3, count=_mean("similarity"), of="pair",
        ),
        AnswerFigure(
            key=SUPPORT, name="With a source", about="sentences that a source says too; higher is better",
            what="share of the sentences for which something like it was found in the sources, without another number, "
            "name or negation; questions and single words do not count",
            scale="0 to 1", group=SOURCES, lower_is_better=False, is_share=True, count=_count_supported,
        ),
        AnswerFigure(
            key="finished", name="Finished", about="answers that the model ended; higher is better",
            what="share of the answers that the model itself ended before the limit", scale="0 to 1", group=HEALTH,
            lower_is_better=False, is_share=True, count=_mean("finished"), of="model",
        ),
        AnswerFigure(
            key="empty", name="Empty", about="answers without a word; lower is better",
            what="share of the answers without a word", scale="0 to 1", group=HEALTH, lower_is_better=True,
            is_share=True, count=lambda _, answer: (float(answer.words == 0), 1.0),
        ),
        AnswerFigure(
            key="length_ratio", name="Length", about="words for each word of the reference; 1 is its length",
            what="words of the answers divided by words of the true answers; 1 is best", scale="0 and more",
            group=HEALTH, count=_count_length, of="pair",
        ),
        AnswerFigure(
            key="words", name="Words", about="an answer", what="number of words of an answer, mean", scale="words",
            group=HEALTH, digits=1, count=_mean("words"),
        ),
        AnswerFigure(
            key="repetition4", name="Repetition", about="four-word runs said before in the same answer",
            what="share of the runs of four words that stand earlier in the same answer too", scale="0 to 1",
            group=HEALTH, lower_is_better=True, is_share=True,
            count=lambda _, answer: (float(answer.repeated_fourgrams), float(answer.fourgrams)),
        ),
        AnswerFigure(
            key="repeated_answers", name="Repeated answers", about="the same as that to another question",
            what="share of the answers that are the same, word for word, as that to another question", scale="0 to 1",
            group=HEALTH, lower_is_better=True, is_share=True, count=_mean("repeated"),
        ),
        AnswerFigure(
            key="distinct1", name="Distinct words", about="of an answer's words",
            what="share of distinct words in an answer, mean (Li et al. 2016); it is lower for long answers",
            scale="0 to 1", group=HEALTH, is_share=True, count=_mean("distinct1"),
        ),
        AnswerFigure(
            key="distinct2", name="Distinct word pairs", about="of an answer's word pairs",
            what="share of distinct word pairs in an answer, mean", scale="0 to 1", group=HEALTH, is_share=True,
            count=_mean("distinct2"),
        ),
        AnswerFigure(
            key="copied_share", name="Copied", about="words in runs of training text; lower is better",
            what="share of the words that belong to long runs copied from a training answer, word for word",
            scale="0 to 1", group=HEALTH, lower_is_better=True, is_share=True,
            count=lambda _, answer: (float(answer.copied_words), float(answer.words)),
        ),
        AnswerFigure(
            key="longest_copy", name="Longest copy", about="words of an answer's longest such run; lower is better",
            what="number of words of an answer's longest run copied from a training answer, mean; short runs count as "
            "0",
            scale="words", group=HEALTH, lower_is_better=True, digits=1, count=_mean("longest_copy"),
        ),
    )
}  # fmt: skip
"""Name -> figure, in the order in which reports list them. A new figure needs one entry here and one function: `count`
if the rows already hold what it sums, otherwise `measure`. The report, the comparison and the metrics then have it."""

MAIN = ("nll", "bits_per_byte", "similarity", "rougeL")
"""A headline names the first of these figures that is measured."""


def of_tokens() -> list[str]:
    """Figures that compare only models which divide the references into the same tokens."""
    return [name for name, figure in FIGURES.items() if figure.needs_same_tokens]


def of_trimmed() -> list[str]:
    """Figures that change when an answer is trimmed."""
    return [name for name, figure in FIGURES.items() if figure.of != "model"]


def of_references() -> list[str]:
    """Figures that the references themselves have. `empty` is left out, since a reference is never empty."""
    return [name for name, figure in FIGURES.items() if figure.of == "text" and name != "empty"]


def measure_text(of: str, text: str, reference: str | None = None) -> dict[str, list[float]]:
    """Return the addends of a text to the figures that have a `measure`: the field `more` of an `AnswerScore`.

    Args:
        of: which figures, by their field of that name.
        text: an answer or a reference.
        reference: the reference of a pair.
    """
    found = {
        name: figure.measure(text, reference)
        for name, figure in FIGURES.items()
        if figure.measure is not None and figure.of == of
    }
    return {
        name: [round(value, 6) for value in counts] for name, counts in found.items() if counts is not None
    }


Scores = Sequence[AnswerScore | None]
"""The scores of one contestant, one for each row."""


def statistics(
    rows: Sequence[RowScore], answers: Scores, names: Iterable[str] = FIGURES
) -> dict[str, Statistic]:
    """Return the named figures of one contestant, without those that no row measures.

    `answers` has one entry for each of `rows`. `Bootstrap` computes intervals from the result, and from those of two
    contestants the intervals of their differences.
    """
    found = {name: _statistic(rows, answers, FIGURES[name]) for name in names}
    return {name: one for name, one in found.items() if one is not None}


def _statistic(rows: Sequence[RowScore], answers: Scores, figure: AnswerFigure) -> Statistic | None:
    counts = [
        None if answer is None else figure.add(row, answer) for row, answer in zip(rows, answers, strict=True)
    ]
    width = next((len(one) for one in counts if one is not None), None)
    if width is None:
        return None
    nothing = (0.0,) * width
    measured = np.array([one is not None for one in counts])
    columns = np.array([nothing if one is None else one for one in counts], dtype=np.float64)
    return Statistic(columns, figure.finish, None if measured.all() else measured)
