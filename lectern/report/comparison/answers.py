"""Compare the tuned model's answers of two runs, question by question."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lectern.core.schema import BASE, TUNED
from lectern.evaluation.rows import RowScore
from lectern.report import wording
from lectern.report.comparison.inputs import Key, Run
from lectern.report.marking import mark

CHARACTERS = 1_200
"""Greatest number of characters that are shown of an answer."""


@dataclass(frozen=True)
class _Measure:
    name: str
    unit: str
    sign: int
    """1 if higher is better, -1 if lower is better"""


MEASURES = {
    "rougeL": _Measure("ROUGE-L", "", 1),
    "nll": _Measure("Negative log-likelihood", "nats per token of the true answer", -1),
}


def compare_answers(a: Run, b: Run, *, shown: int) -> dict[str, Any] | None:
    """Count better, worse and equal answers, with a sign test; count flips against the base; list the greatest changes.

    Args:
        a: the run before.
        b: the run after.
        shown: number of answers that are shown of those that improved most, and of those that got worse most.

    Returns: None if a run has no answers or no scores.
    """
    if a.scores is None or b.scores is None or a.answers is None or b.answers is None:
        return None
    ours, theirs = ({(row.set, row.id): row for row in run.scores or []} for run in (a, b))
    common = [key for key in theirs if key in ours and key in a.answers and key in b.answers]
    pairs = {key: (ours[key], theirs[key]) for key in common}
    changes = {
        name: {key: change for key, pair in pairs.items() if (change := _change(name, *pair)) is not None}
        for name in MEASURES
    }
    differing = [key for key in common if a.answers[key].prediction != b.answers[key].prediction]
    ranked = sorted(
        (key for key in differing if changes["rougeL"].get(key)),
        key=lambda key: (-changes["rougeL"][key], key),
    )
    return {
        "common": len(common),
        "differing": len(differing),
        "counts": [_count(name, list(changes[name].values())) for name in MEASURES if changes[name]],
        "flips": [flips for name in MEASURES if (flips := _count_flips(name, list(pairs.values())))],
        "lists": [
            {"name": name, "answers": [_show(key, a, b, changes) for key in keys]}
            for name, keys in (
                ("Improved most", [key for key in ranked if changes["rougeL"][key] > 0][:shown]),
                ("Got worse most", [key for key in reversed(ranked) if changes["rougeL"][key] < 0][:shown]),
            )
            if keys
        ],
    }


def _value(name: str, row: RowScore, contestant: str) -> float | None:
    answer = row.answers.get(contestant)
    value = None if answer is None else getattr(answer, name)
    if answer is None or value is None:
        return None
    return value / answer.tokens if name == "nll" and answer.tokens else value


def _change(name: str, before: RowScore, after: RowScore) -> float | None:
    """Return by how much the answer is better: above 0 for a higher ROUGE-L, or a lower negative log-likelihood.

    The result is None if a run does not measure it, or if the runs divide the true answer into different tokens.
    """
    old, new = (_value(name, row, TUNED) for row in (before, after))
    if old is None or new is None:
        return None
    if name == "nll" and before.answers[TUNED].tokens != after.answers[TUNED].tokens:
        return None
    return round(MEASURES[name].sign * (new - old), 6) + 0.0


def _count(name: str, changes: Sequence[float]) -> dict[str, Any]:
    better, worse = sum(change > 0 for change in changes), sum(change < 0 for change in changes)
    return {
        "name": MEASURES[name].name,
        "better": better,
        "worse": worse,
        "equal": len(changes) - better - worse,
        "p": sign_test(better, worse),
    }


def sign_test(better: int, worse: int) -> str:
    """Return the two-sided p value of the sign test, without ties (Dixon and Mood 1946)."""
    from scipy.stats import binomtest

    if not better + worse:
        return "1"
    p = float(binomtest(better, better + worse).pvalue)
    return "below .001" if p < 0.001 else f"{p:.3f}".rstrip("0").rstrip(".").removeprefix("0")


def _count_flips(name: str, pairs: Sequence[tuple[RowScore, RowScore]]) -> dict[str, Any] | None:
    """Count the answers that are better than that of their own base model, before and after; ties do not count."""
    counts = Counter[tuple[bool, bool]]()
    for pair in pairs:
        beats = []
        for row in pair:
            tuned, base = (_value(name, row, contestant) for contestant in (TUNED, BASE))
            if tuned is not None and base is not None:
                beats.append(MEASURES[name].sign * (tuned - base) > 1e-9)
        if len(beats) == 2:
            counts[beats[0], beats[1]] += 1
    if not counts:
        return None
    return {
        "name": MEASURES[name].name,
        "both": counts[True, True],
        "gained": counts[False, True],
        "lost": counts[True, False],
        "neither": counts[False, False],
    }


def _show(key: Key, a: Run, b: Run, changes: dict[str, dict[Key, float]]) -> dict[str, Any]:
    assert a.answers
    assert b.answers
    before, after = a.answers[key], b.answers[key]
    old, new = (run.prediction[:CHARACTERS] for run in (before, after))
    nll = changes["nll"].get(key)
    return {
        "set": key[0],
        "id": key[1],
        "item": after.provenance.item,
        "question": wording.short(after.messages[-1].content, 300),
        "reference": (after.reference or "")[:CHARACTERS],
        "before": mark(old, new),
        "after": mark(new, old),
        "rouge": wording.signed(changes["rougeL"][key]),
        # the change of the negative log-likelihood itself, where lower is better
        "nll": "" if nll is None else wording.signed(-nll),
    }
