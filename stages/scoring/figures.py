"""What is measured of an answer, row by row, and what is said of all rows."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from stages.core.errors import LecternError
from stages.core.schema import Prediction, Record
from stages.scoring import rouge
from stages.scoring.bootstrap import Bootstrap, Ratio
from stages.text.words import words


class AnswerScore(Record):
    """One answer of one contestant."""

    rouge1: float
    rouge2: float
    rougeL: float  # noqa: N815 (the field's own name)
    nll: float
    """of the reference, summed, in nats"""
    words: int
    finished: bool


class RowScore(Record):
    """A line of `data/scores.jsonl`: both contestants on one held-out question."""

    id: str
    item: str
    tokens: int
    """of the reference and its end of turn; what `nll` sums over"""
    reference_words: int
    base: AnswerScore
    tuned: AnswerScore


def score_rows(base: Sequence[Prediction], tuned: Sequence[Prediction]) -> list[RowScore]:
    """Score both contestants on each question, in order of (recording, second, id).

    Raises:
        LecternError: there is nothing to score, the contestants did not answer the same questions, or a likelihood is
            not a finite number.
    """
    pairs = _pair(base, tuned)
    scores = [
        [_score(row, rouge_row) for row, rouge_row in zip(side, _rouge(side), strict=True)]
        for side in zip(*pairs, strict=True)
    ]
    return [
        RowScore(
            id=b.id,
            item=b.provenance.item,
            tokens=b.tokens,
            reference_words=max(1, len(words(b.reference))),
            base=base_score,
            tuned=tuned_score,
        )
        for (b, _), base_score, tuned_score in zip(pairs, *scores, strict=True)
    ]


def _pair(base: Sequence[Prediction], tuned: Sequence[Prediction]) -> list[tuple[Prediction, Prediction]]:
    sides = {"base": base, "tuned": tuned}
    for name, rows in sides.items():
        if not rows:
            raise LecternError(
                f"{name} has no predictions: there is nothing to score. See data/splits/test.jsonl."
            )
        twice = [key for key, count in Counter(row.id for row in rows).items() if count > 1]
        if twice:
            raise LecternError(f"{name} answers {twice[0]} twice. Run `dvc repro -f generate`.")
        for row in rows:
            if not math.isfinite(row.nll):
                raise LecternError(
                    f"{name}, row {row.id}: nll is {row.nll}. The model's weights or its number format overflow: "
                    "look at metrics/train and train in fp32 (train.precision)."
                )
    ids = {name: {row.id for row in rows} for name, rows in sides.items()}
    if ids["base"] != ids["tuned"]:
        only = {
            name: sorted(ids[name] - ids[other]) for name, other in (("base", "tuned"), ("tuned", "base"))
        }
        raise LecternError(
            "base and tuned answered different questions: "
            + "; ".join(
                f"{len(rows)} only {name} ({', '.join(rows[:3])})" for name, rows in only.items() if rows
            )
            + ". Run `dvc repro -f generate`."
        )
    by_id = {row.id: row for row in tuned}
    ordered = sorted(base, key=lambda row: (row.provenance.item, row.provenance.start or 0.0, row.id))
    pairs = [(row, by_id[row.id]) for row in ordered]
    for a, b in pairs:
        if (a.reference, a.tokens) != (b.reference, b.tokens):
            raise LecternError(
                f"row {a.id}: base was measured on {a.tokens} tokens of the reference, tuned on {b.tokens}, so their "
                "likelihoods cannot be compared. Both must use the base model's tokenizer and template."
            )
    return pairs


def _rouge(rows: Sequence[Prediction]) -> list[dict[str, float]]:
    columns = rouge.score_rows([row.prediction for row in rows], [row.reference for row in rows])
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _score(row: Prediction, rouge_row: Mapping[str, float]) -> AnswerScore:
    return AnswerScore(
        **{name: round(value, 6) for name, value in rouge_row.items()},
        nll=round(row.nll, 6),
        words=len(words(row.prediction)),
        finished=row.finished,
    )


def summarise(rows: Sequence[RowScore], *, seed: int, resamples: int, confidence: float) -> dict[str, Any]:
    """Return the content of metrics/scores.json: each figure of base, tuned, and tuned minus base (paired).

    rouge1, rouge2, rougeL: mean F1, 0 to 1, higher is better. nll: nats a token of the true answer, over all tokens,
    and perplexity, its exponential: lower is better. length_ratio: words answered for each word of the references,
    1 is right. finished: share of the answers that the model ended itself.
    """
    bootstrap = Bootstrap([row.item for row in rows], resamples=resamples, confidence=confidence, seed=seed)
    base, tuned = (_ratios(rows, [getattr(row, side) for row in rows]) for side in ("base", "tuned"))
    return {
        "base": {name: bootstrap.interval(ratio).as_dict() for name, ratio in base.items()},
        "tuned": {name: bootstrap.interval(ratio).as_dict() for name, ratio in tuned.items()},
        "difference": {name: bootstrap.difference(tuned[name], base[name]).as_dict() for name in base},
        "rows": len(rows),
        "recordings": len({row.item for row in rows}),
        "tokens": sum(row.tokens for row in rows),
        "confidence": confidence,
        "resamples": resamples,
        "resampled": bootstrap.unit,
    }


def _ratios(rows: Sequence[RowScore], answers: Sequence[AnswerScore]) -> dict[str, Ratio]:
    def column(values: Sequence[float]) -> np.ndarray:
        return np.array(values, dtype=np.float64)

    ones = np.ones(len(rows))
    tokens = column([row.tokens for row in rows])
    nll = column([answer.nll for answer in answers])
    means = {
        name: column([getattr(a, name) for a in answers])
        for name in ("rouge1", "rouge2", "rougeL", "finished")
    }
    return {
        **{name: Ratio(means[name], ones) for name in ("rouge1", "rouge2", "rougeL")},
        "nll": Ratio(nll, tokens),
        "perplexity": Ratio(nll, tokens, finish=lambda value: np.exp(np.minimum(value, 700.0))),
        "length_ratio": Ratio(
            column([answer.words for answer in answers]), column([row.reference_words for row in rows])
        ),
        "finished": Ratio(means["finished"], ones),
    }
