"""Summarise all judgements: win rates, how often the order of the answers decides, and the scores of the answers."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lectern.core.schema import BASE, TUNED, PairJudgement, RubricJudgement
from lectern.evaluation.bootstrap import Bootstrap, mean
from lectern.evaluation.judging import NO_REPLY, SCORES, JudgingPlan
from lectern.evaluation.kappa import as_figure
from lectern.evaluation.labels import OTHER_SIDE, Labelled
from lectern.evaluation.prediction_powered import correct_mean

Draws = Callable[[Sequence[str]], Bootstrap]
"""Takes the unit of each row; returns the bootstrap for figures over these rows."""
WORTH = {"a": 1.0, "tie": 0.5, "b": 0.0}


def summarise_pairs(plan: JudgingPlan, judged: Sequence[PairJudgement], draws: Draws) -> dict[str, Any]:
    """Return for each set how often `a` wins, and how often the verdict changes with the order of the answers.

    Such a change is a flip. `reversed` counts flips in which each order prefers another answer, `half` those that are a
    tie in one order only. Pairs of identical answers are not sent to the judge: they are ties, and have no flip.
    """
    cases = [case for case, _ in plan.pairs]
    rows = list(zip(cases, find_flips(plan, judged), judged, strict=True))
    summary = {}
    for name in sorted({case.set for case in cases}):
        units, flips, found = zip(
            *[(case.unit, flipped, one) for case, flipped, one in rows if case.set == name], strict=True
        )
        winners = [one.winner for one in found]
        counts = Counter(winners)
        intervals = draws(units).intervals(
            {
                "win_rate": mean([None if who is None else WORTH[who] for who in winners]),
                "flip_rate": mean(flips),
            }
        )
        turned = [one for one, flipped in zip(found, flips, strict=True) if flipped]
        half = sum("tie" in (one.forward, one.backward) for one in turned)
        summary[name] = {
            **{figure: as_figure(interval) for figure, interval in intervals.items()},
            "wins": counts["a"],
            "ties": counts["tie"],
            "losses": counts["b"],
            "same": sum(not both for case, both in plan.pairs if case.set == name),
            "reversed": len(turned) - half,
            "half": half,
            **_problems(found),
        }
    return summary


def correct_by_people(
    plan: JudgingPlan,
    judged: Sequence[PairJudgement],
    people: Sequence[Labelled],
    *,
    least: int,
    confidence: float,
) -> dict[str, Any]:
    """Return for each set the win rate of `a`, corrected where people gave a verdict on the same pair.

    Args:
        plan: the pairs.
        judged: the judge's verdict on each pair.
        people: labelled pairs, of which those count that have the same messages and answers as a pair of the plan.
        least: number of labels below which a set is left out.
        confidence: of the intervals.
    """
    said = {(tuple(one.label.messages), frozenset((one.label.a, one.label.b))): one for one in people}
    known: dict[str, list[tuple[float, float]]] = {}
    rest: dict[str, list[float]] = {}
    for (case, _), one in zip(plan.pairs, judged, strict=True):
        if one.winner is None:
            continue
        ours, theirs = case.answers[one.a], case.answers[one.b]
        label = said.get((tuple(case.messages), frozenset((ours, theirs))))
        if label is None or label.verdict is None:
            rest.setdefault(case.set, []).append(WORTH[one.winner])
        else:
            verdict = label.verdict if label.label.a == ours else OTHER_SIDE[label.verdict]
            known.setdefault(case.set, []).append((WORTH[verdict], WORTH[one.winner]))
    found = {}
    for name, both in sorted(known.items()):
        if len(both) >= least:
            true, judge = zip(*both, strict=True)
            corrected = correct_mean(true, judge, rest.get(name, []), confidence)
            found[name] = {
                **corrected.mean.as_dict(),
                "weight": round(corrected.weight, 6),
                "judged": corrected.judged,
            }
    return found


def summarise_rubric(plan: JudgingPlan, judged: Sequence[RubricJudgement], draws: Draws) -> dict[str, Any]:
    """Return for each set the scores of each contestant, and by how much tuned exceeds base."""
    summary: dict[str, Any] = {}
    for name in sorted({one.set for one in judged}):
        units = {case.id: case.unit for case, *_ in plan.answers if case.set == name}
        found = {(one.contestant, one.id): one for one in judged if one.set == name}
        scores = {
            who: [found[who, id].score if (who, id) in found else None for id in units]
            for who in sorted({who for who, _ in found})
        }
        bootstrap = draws(list(units.values()))
        statistics = {who: mean(values) for who, values in scores.items()}
        intervals = bootstrap.intervals(statistics)
        summary[name] = {
            who: {
                "score": as_figure(intervals[who]),
                "histogram": {str(score): values.count(score) for score in SCORES},
                **_problems([found[who, id] for id in units if (who, id) in found]),
            }
            for who, values in scores.items()
        }
        if {BASE, TUNED} <= scores.keys():
            summary[name]["difference"] = as_figure(bootstrap.difference(statistics[TUNED], statistics[BASE]))
    return summary


def find_flips(plan: JudgingPlan, judged: Sequence[PairJudgement]) -> list[float | None]:
    """Return 1 for a verdict that changed with the order, 0 for one that did not, None if an order was not judged."""
    return [
        float(one.forward != one.backward) if both and one.winner is not None else None
        for (_, both), one in zip(plan.pairs, judged, strict=True)
    ]


def _problems(judged: Sequence[PairJudgement | RubricJudgement]) -> Mapping[str, int]:
    problems = [one.problem for one in judged if one.problem is not None]
    unanswered = problems.count(NO_REPLY)
    return {"malformed": len(problems) - unanswered, "no_reply": unanswered}
