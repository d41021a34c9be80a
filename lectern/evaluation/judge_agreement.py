"""Measure how far a judge agrees with people, and decide whether its figures can be trusted."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from lectern.core.schema import PairJudgement, RubricJudgement
from lectern.evaluation.bootstrap import mean
from lectern.evaluation.judging import JudgingPlan, Verdict, compare_scores
from lectern.evaluation.kappa import (
    CHANCE,
    UNCOMPARED,
    agreement,
    as_figures,
    cohen_kappa,
    describe_people,
    true_negatives,
    true_positives,
)
from lectern.evaluation.labels import PAIR_VERDICTS, Labelled
from lectern.evaluation.verdicts import Draws, find_flips


def calibrate(
    people: Sequence[Labelled],
    plan: JudgingPlan,
    pairs: Sequence[PairJudgement],
    rubric: Sequence[RubricJudgement],
    draws: Draws,
    *,
    min_labels: int,
    min_kappa: float,
) -> dict[str, Any]:
    """Measure the judge's agreement with people for both kinds of question, and decide whether to trust it.

    Args:
        people: the labelled pairs.
        plan: the requests about exactly these pairs, in this order.
        pairs: the judge's verdict on each pair.
        rubric: the judge's score of each answer; the answer of a pair with the higher score counts as its verdict.
        draws: makes the bootstrap of the intervals.
        min_labels: least number of pairs that the judge must have judged to be trusted.
        min_kappa: least kappa with which the judge is trusted.

    Returns: `calibration` with the agreement, `trusted` with whether to trust the judge, and `why` with the reason not
        to, or None; each has the keys `pairs` and `rubric`.
    """
    scores = {(one.id, one.contestant): one.score for one in rubric}
    scored = [compare_scores(scores.get((one.id, "a")), scores.get((one.id, "b"))) for one in people]
    found = {
        "pairs": compare_with_people(
            people if plan.pairs else [], [one.winner for one in pairs], draws, find_flips(plan, pairs)
        ),
        "rubric": compare_with_people(people if plan.answers else [], scored if plan.answers else [], draws),
    }
    why = {name: find_doubt(each, min_labels=min_labels, min_kappa=min_kappa) for name, each in found.items()}
    return {"calibration": found, "trusted": {name: doubt is None for name, doubt in why.items()}, "why": why}


def compare_with_people(
    pairs: Sequence[Labelled],
    verdicts: Sequence[Verdict | None],
    draws: Draws,
    flips: Sequence[float | None] | None = None,
) -> dict[str, Any]:
    """Measure the judge's agreement with people on labelled pairs.

    Args:
        pairs: the labelled pairs, of shape (pairs,).
        verdicts: the judge's verdict on each pair; None where it gave none.
        draws: makes the bootstrap. Questions are redrawn, since one question may have several pairs.
        flips: 1 where the judge's verdict changed with the order of the answers, 0 where it did not, None where only
            one order was judged.
    """
    bootstrap = draws([pair.question for pair in pairs])
    truth = [pair.verdict for pair in pairs]
    statistics = {
        "kappa": cohen_kappa(truth, verdicts, PAIR_VERDICTS),
        "agreement": agreement(truth, verdicts),
        "tpr": true_positives(truth, verdicts, "a"),
        "tnr": true_negatives(truth, verdicts, "a"),
    }
    if flips is not None:
        statistics["flip_rate"] = mean(flips)
    counts: Counter[tuple[str | None, str]] = Counter(
        (person, judge) for person, judge in zip(truth, verdicts, strict=True) if judge is not None
    )
    return {
        "labels": len(pairs),
        "judged": counts.total(),
        "questions": len({pair.question for pair in pairs}),
        **as_figures(bootstrap, statistics),
        "confusion": {
            person: {judge: counts[person, judge] for judge in PAIR_VERDICTS} for person in PAIR_VERDICTS
        },
        "people": describe_people([pair.by for pair in pairs], bootstrap, PAIR_VERDICTS),
    }


def find_doubt(found: Mapping[str, Any], *, min_labels: int, min_kappa: float) -> str | None:
    """Return why a judge's figures cannot be trusted, as the end of a sentence about it; None if they can.

    Args:
        found: from `compare_with_people`.
        min_labels: least number of pairs that the judge must have judged.
        min_kappa: least kappa that is required.
    """
    kappa = found["kappa"]
    if not found["labels"]:
        return UNCOMPARED
    if found["judged"] < min_labels:
        pairs = f"{found['judged']} pair{'' if found['judged'] == 1 else 's'}"
        return f"has been compared with people on {pairs} only ({min_labels} are asked for)"
    if kappa is None or kappa["low"] is None or kappa["low"] <= 0:
        return CHANCE
    if kappa["value"] < min_kappa:
        shown = f"kappa {_decimals(kappa['value'])}, {_decimals(min_kappa)} is asked for"
        return f"agrees with people too little ({shown})"
    return None


def _decimals(value: float) -> str:
    """Write a number with at most two decimals, without the 0 before the point."""
    return f"{value:.2f}".rstrip("0").rstrip(".").replace("0.", ".", 1)
