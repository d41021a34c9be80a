"""Measure the share of an answer's sentences that a source supports (`retrieval.support`)."""

from collections.abc import Mapping, Sequence
from typing import Any

from lectern.core.schema import AnswerSupport, Prediction, Sentence, Unit
from lectern.evaluation import answer_figures, similarity
from lectern.evaluation.rows import AnswerScore, RowScore
from lectern.retrieval.support import THRESHOLD, THRESHOLD_WORDS, Sources

MOST_QUESTIONS = 500
"""If there are more questions, so many are drawn, since each sentence is looked up and embedded. The figure's `n` shows
how many were used."""
NO_SOURCES = (
    "data/index is empty, so there is nothing to look sentences up in: the corpus has no passages and no turns, or "
    "nothing is looked up. The parameter retrieval.contestants=[base,tuned] has the sources indexed."
)
NO_SENTENCES = "No answer has a sentence to look up: each is empty, or has only questions and single words."
Answers = Mapping[str, Sequence[Prediction]]
"""Contestant -> its answers."""


def measure(
    rows: Sequence[RowScore], answers: Answers, units: Sequence[Unit], *, meanings: bool
) -> tuple[list[RowScore], list[AnswerSupport], dict[str, Any]]:
    """Look up each sentence of the answers and of the true answers.

    Args:
        rows: the scores of all questions.
        answers: of all contestants.
        units: the passages and turns of all items.
        meanings: whether embeddings may be computed; otherwise words alone decide.

    Returns: the rows, in which the answers have the addends of the figure `support`; which sentences of which answer
        have a source, in the order of the rows; and the content of metrics/support.json, where `why` says that there is
        no figure.
    """
    if not units:
        return list(rows), [], {"why": NO_SOURCES}
    drawn = similarity.draw_questions(((row.set, row.id) for row in rows), MOST_QUESTIONS)
    said = {
        (one.set, one.id, name): one.prediction
        for name, own in sorted(answers.items())
        for one in own
        if (one.set, one.id) in drawn
    }
    true = {
        (one.set, one.id): one.reference or ""
        for own in answers.values()
        for one in own
        if (one.set, one.id) in drawn
    }
    texts = sorted({*said.values(), *true.values()})
    sources = Sources(units, meanings=meanings)
    found = dict(zip(texts, sources.support(texts), strict=True))
    scored = [
        row.model_copy(
            update={
                "answers": {
                    name: _add(score, found.get(said.get((row.set, row.id, name), "")))
                    for name, score in row.answers.items()
                },
                "reference": row.reference
                and _add(row.reference, found.get(true.get((row.set, row.id), ""))),
            }
        )
        for row in rows
    ]
    supported = [
        AnswerSupport(set=row.set, id=row.id, contestant=name, sentences=found[said[row.set, row.id, name]])
        for row in rows
        for name in row.answers
        if (row.set, row.id, name) in said
    ]
    counted = sum(sentence.counts for one in supported for sentence in one.sentences)
    if not counted:
        return list(rows), supported, {"why": NO_SENTENCES}
    thresholds = {"words_and_embeddings": THRESHOLD, "words": THRESHOLD_WORDS}
    about = {"questions": len(drawn), "sentences": counted, **sources.index.count(), "thresholds": thresholds}
    return scored, supported, about


def _add(score: AnswerScore, sentences: Sequence[Sentence] | None) -> AnswerScore:
    """Return a score with the addends: the sentences with a source, and those that count."""
    counted = sum(one.counts for one in sentences or ())
    if not counted:
        return score
    having = sum(one.source is not None for one in sentences or ())
    return score.model_copy(
        update={"more": {**score.more, answer_figures.SUPPORT: [float(having), float(counted)]}}
    )
