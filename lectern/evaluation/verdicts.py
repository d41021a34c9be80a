"""What all judgements together say: who wins, how often the order decides, and how good the answers are."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lectern.core.schema import BASE, TUNED, PairJudgement, RubricJudgement
from lectern.evaluation.agreement import as_figure
from lectern.evaluation.bootstrap import Bootstrap, mean
from lectern.evaluation.judging import NO_REPLY, SCORES, Plan

Draws = Callable[[Sequence[str]], Bootstrap]
"""From the unit of each row to the draws of its figures."""
WORTH = {"a": 1.0, "tie": 0.5, "b": 0.0}


def summarise_pairs(plan: Plan, judged: Sequence[PairJudgement], draws: Draws) -> dict[str, Any]:
    """Of each set: how often a wins, and how often the verdict turned with the order.

    `reversed` counts the pairs of which each order names another answer, `half` those that are a tie in one order only;
    both are flips. Pairs that say the same were not asked about: they are ties, and no flips.
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


def summarise_rubric(plan: Plan, judged: Sequence[RubricJudgement], draws: Draws) -> dict[str, Any]:
    """Of each set: the scores of each contestant, and by how much the tuned model's exceed the base model's."""
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


def find_flips(plan: Plan, judged: Sequence[PairJudgement]) -> list[float | None]:
    """1 where a verdict turned with the order, 0 where it did not; None without both, or where nobody was asked."""
    return [
        float(one.forward != one.backward) if both and one.winner is not None else None
        for (_, both), one in zip(plan.pairs, judged, strict=True)
    ]


def _problems(judged: Sequence[PairJudgement | RubricJudgement]) -> Mapping[str, int]:
    problems = [one.problem for one in judged if one.problem is not None]
    unanswered = problems.count(NO_REPLY)
    return {"malformed": len(problems) - unanswered, "no_reply": unanswered}
