"""Measure every answer of every contestant, row by row."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from lectern.core.errors import LecternError
from lectern.core.schema import BASE, TUNED, Prediction
from lectern.evaluation import answer_figures, health, overlap, rouge, similarity
from lectern.evaluation.rows import AnswerScore, RowScore
from lectern.text.words import normalise

Answers = Mapping[str, Sequence[Prediction]]
"""Contestant -> its answers."""
Measure = Callable[[str], tuple[int, int, int]]
"""Takes a text; counts its words, the words in runs copied from training answers, and the words of the longest run."""
Pair = tuple[str, str]
"""An answer and its reference."""
Key = tuple[str, str]
"""Set and id of a question."""


def score_rows(
    predictions: Answers, cleaned: Answers, *, copied: Measure, with_similarity: bool
) -> list[RowScore]:
    """Score all answers to each question, in order of (set, item, second or line, id).

    Args:
        predictions: the answers of all contestants, among them `base` and `tuned`.
        cleaned: the answers of some contestants after `clean_answers`.
        copied: measures how much a text copies from the training answers.
        with_similarity: whether to embed texts and measure their similarity.

    Raises:
        LecternError: there is nothing to score, base and tuned did not answer the same questions, contestants were
            given different references, or a likelihood is not a finite number.
    """
    _check(predictions, cleaned)
    every = [row for side in (predictions, cleaned) for rows in side.values() for row in rows]
    pairs = sorted({(row.prediction, reference) for row in every if (reference := _reference(row))})
    drawn = similarity.draw_questions((row.set, row.id) for row in every) if with_similarity else set()
    embedded = {(row.prediction, _reference(row)) for row in every if (row.set, row.id) in drawn}
    comparable = [pair for pair in pairs if pair in embedded and similarity.is_comparable(*pair)]
    with similarity.measuring(comparable) as similarities:
        texts = {row.prediction for row in every} | {reference for _, reference in pairs}
        alone = {text: _measure_alone(text, copied) for text in sorted(texts)}
        compared = _compare(pairs)
        for pair, value in zip(comparable, similarities(), strict=True):
            compared[pair]["similarity"] = value
    ours, theirs = (_score_answers(side, alone, compared) for side in (predictions, cleaned))
    true = _score_references(every, alone)
    return [
        RowScore(
            id=row.id,
            set=row.set,
            item=row.provenance.item,
            reference_words=true[key].words if key in true else None,
            reference_bytes=len((row.reference or "").encode()) if key in true else None,
            reference=true.get(key),
            answers=ours[key],
            cleaned=theirs.get(key, {}),
        )
        for key, row in _questions(every)
    ]


def _measure_alone(text: str, copied: Measure) -> dict[str, Any]:
    """Return the fields of an `AnswerScore` that depend on the text alone."""
    count, in_copies, longest = copied(text)
    found = health.measure(text)
    return {
        "words": count,
        "distinct1": _round(found.distinct1),
        "distinct2": _round(found.distinct2),
        "fourgrams": found.fourgrams,
        "repeated_fourgrams": found.repeated_fourgrams,
        "copied_words": in_copies,
        "longest_copy": longest,
        "more": answer_figures.measure_text("text", text),
    }


def _compare(pairs: Sequence[Pair]) -> dict[Pair, dict[str, Any]]:
    """Return the fields of an `AnswerScore` that compare an answer with its reference, except `similarity`."""
    answers, references = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    columns: dict[str, Sequence[Any]] = {
        name: [_round(value) for value in values]
        for name, values in rouge.score_rows(answers, references).items()
    }
    columns["chrf_counts"] = overlap.count_chrf(answers, references)
    columns["bleu_counts"] = overlap.count_bleu(answers, references)
    columns["chrf"] = [_round(float(value)) for value in overlap.chrf(np.array(columns["chrf_counts"]))]
    columns["more"] = [answer_figures.measure_text("pair", *pair) for pair in pairs]
    return {
        pair: dict(zip(columns, values, strict=True))
        for pair, values in zip(pairs, zip(*columns.values(), strict=True), strict=True)
    }


def _score_answers(
    answers: Answers, alone: Mapping[str, dict[str, Any]], compared: Mapping[Pair, dict[str, Any]]
) -> dict[Key, dict[str, AnswerScore]]:
    found: dict[Key, dict[str, AnswerScore]] = {}
    for name, rows in sorted(answers.items()):
        again = _repeated([(row.set, row.prediction) for row in rows])
        for row, repeated in zip(rows, again, strict=True):
            reference = _reference(row)
            measured: dict[str, Any] = {
                "nll": _round(row.nll),
                "tokens": row.tokens,
                "finished": row.finished,
                "repeated": repeated,
            }
            against = {} if reference is None else compared[row.prediction, reference]
            if reference is None:
                measured |= {"nll": None, "tokens": None}
            measured["more"] = {**alone[row.prediction]["more"], **against.get("more", {})}
            score = AnswerScore(**{**alone[row.prediction], **against, **measured})
            found.setdefault(_key(row), {})[name] = score
    return found


def _score_references(
    rows: Iterable[Prediction], alone: Mapping[str, dict[str, Any]]
) -> dict[Key, AnswerScore]:
    """Measure the true answers as if a contestant had given them."""
    true = {_key(row): text for row in rows if (text := _reference(row)) is not None}
    again = _repeated([(key[0], text) for key, text in true.items()])
    return {
        key: AnswerScore(**alone[text], finished=True, repeated=repeated)
        for (key, text), repeated in zip(true.items(), again, strict=True)
    }


def _repeated(answers: Sequence[tuple[str, str]]) -> list[bool]:
    """Tell for each (set, text) whether another text of the set has the same words. Empty texts never count."""
    said = [(name, normalise(text)) for name, text in answers]
    often = Counter(said)
    return [bool(text) and often[name, text] > 1 for name, text in said]


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _check(predictions: Answers, cleaned: Answers) -> None:
    for name in (BASE, TUNED):
        if not predictions.get(name):
            raise LecternError(
                f"{name} has no predictions, so there is nothing to score. Check that data/splits/test.jsonl has rows."
            )
    for name, rows in predictions.items():
        _check_rows(name, rows, "generate")
    ours, theirs = ({_key(row): row for row in predictions[name]} for name in (BASE, TUNED))
    _check_questions(ours.keys(), theirs.keys())
    for key, row in ours.items():
        if row.tokens != theirs[key].tokens:
            raise LecternError(
                f"row {row.id}: base was measured on {row.tokens} tokens of the reference, tuned on "
                f"{theirs[key].tokens}, so their likelihoods cannot be compared. Both must use the base model's "
                "tokenizer and template."
            )
    asked: dict[Key, Prediction] = {}
    for name, rows in predictions.items():
        for row in rows:
            if asked.setdefault(_key(row), row).reference != row.reference:
                raise LecternError(
                    f"{name}, row {row.id}: the reference is not that of the other contestants. "
                    "Run `dvc repro -f generate`."
                )
    for name, rows in cleaned.items():
        _check_rows(f"cleaned {name}", rows, "clean_answers")
        if strangers := {_key(row) for row in rows} - {_key(row) for row in predictions.get(name, ())}:
            raise LecternError(
                f"data/cleaned/{name}.jsonl has {len(strangers)} rows that {name} did not answer, such as "
                f"{min(strangers)[1]}. Run `dvc repro -f clean_answers`."
            )


def _check_rows(name: str, rows: Sequence[Prediction], stage: str) -> None:
    twice = [key for key, count in Counter(_key(row) for row in rows).items() if count > 1]
    if twice:
        raise LecternError(f"{name} answers {twice[0][1]} twice. Run `dvc repro -f {stage}`.")
    for row in rows:
        if row.nll is not None and not math.isfinite(row.nll):
            raise LecternError(
                f"{name}, row {row.id}: nll is {row.nll}. The model's weights or its number format overflow: "
                "look at metrics/train and train in fp32 (train.precision)."
            )
        if (row.nll is None) != (row.tokens is None):
            raise LecternError(
                f"{name}, row {row.id}: nll is {row.nll} over {row.tokens} tokens. Both must be there, or neither: "
                f"run `dvc repro -f {stage}`."
            )


def _check_questions(base: Iterable[Key], tuned: Iterable[Key]) -> None:
    only = {"base": set(base) - set(tuned), "tuned": set(tuned) - set(base)}
    if any(only.values()):
        raise LecternError(
            "base and tuned answered different questions: "
            + "; ".join(
                f"{len(keys)} only {name} ({', '.join(id for _, id in sorted(keys)[:3])})"
                for name, keys in only.items()
                if keys
            )
            + ". Run `dvc repro -f generate`."
        )


def _key(row: Prediction) -> Key:
    return row.set, row.id


def _reference(row: Prediction) -> str | None:
    """Return the true answer; None if it is unknown or blank."""
    return row.reference if row.reference and row.reference.strip() else None


def _questions(rows: Iterable[Prediction]) -> list[tuple[Key, Prediction]]:
    """Return each question once, in the order of `data/scores.jsonl`."""
    once = {_key(row): row for row in rows}
    return sorted(
        once.items(),
        key=lambda pair: (
            pair[1].set,
            pair[1].provenance.item,
            pair[1].provenance.start or 0.0,
            pair[1].provenance.row or 0,
            pair[1].id,
        ),
    )
