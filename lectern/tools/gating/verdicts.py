"""Which conditions two compared runs break, in plain sentences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lectern.report.comparison.inputs import Run
from lectern.tools.gating import questions
from lectern.tools.gating.conditions import Condition


@dataclass(frozen=True)
class Judged:
    """A condition and what came of it."""

    condition: Condition
    broken: bool
    sentence: str


def judge(conditions: Sequence[Condition], a: Run, b: Run, shown: Mapping[str, Any]) -> list[Judged]:
    """Judge each condition by the verdicts of a comparison.

    Args:
        conditions: what must not be said of the second run.
        a: the first run.
        b: the second run.
        shown: what `report.comparison.view.build` made of them.
    """
    return [_judge(condition, a, b, shown) for condition in conditions]


def _judge(condition: Condition, a: Run, b: Run, shown: Mapping[str, Any]) -> Judged:
    found = _find(condition, a, b, shown)
    broken = condition.is_broken_by(found.tone)
    verdict = {
        "better": f"{b.name} is better than {a.name}",
        "worse": f"{b.name} is worse than {a.name}",
        "unclear": f"the difference between {a.name} and {b.name} may be chance",
        "unknown": f"{a.name} and {b.name} cannot be compared",
    }.get(found.tone, f"{a.name} and {b.name} do the same")
    if condition.subject == "certainty":
        verdict = {"better": "beyond chance", "worse": "it got worse"}.get(found.tone, "may be chance")
    state = "failed" if broken else "passed"
    return Judged(condition, broken, f"{condition.text}: {state}; {verdict}: {found.text}.")


def _find(condition: Condition, a: Run, b: Run, shown: Mapping[str, Any]) -> questions.Finding:
    if isinstance(condition.subject, str):
        return questions.compare(condition.subject, a, b, shown)
    return (
        questions.read_row(shown["sets"][0], condition.subject) if shown["sets"] else questions.NOT_MEASURED
    )
