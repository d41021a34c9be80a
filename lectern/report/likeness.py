"""Show how surely each contestant's answers are taken for the speaker's."""

from collections.abc import Mapping
from typing import Any

from lectern.core.schema import BASE, TUNED
from lectern.evaluation.likeness_figures import LIKENESS, OWN
from lectern.report import scores, wording


def build(found: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the picture and what it rests on; None if likeness was not measured.

    Args:
        found: content of metrics/likeness.json.
    """
    if not found or "why" in found:
        return None
    key, sides, apart = LIKENESS.key, found["contestants"], found["told_apart"]
    first = [name for name in (BASE, TUNED) if name in sides]
    lanes = {name: {key: sides[name]} for name in [*first, *sorted(sides.keys() - {*first, OWN})]}
    own = {key: sides[OWN]} if OWN in sides else None
    words = found["words"]
    return {
        "figures": scores.build_figures([LIKENESS], lanes, {key: found["difference"][TUNED]}, own),
        "about": f"Each passage has {found['pool_words']} words of answers in a row, of each answer at most the first "
        f"{found['answer_words']}. The method learned from {words['speaker']:,} words of the speaker and "
        f"{words['others']:,} of the base model and of other people. Topic words are masked.",
        "apart": ""
        if not apart
        else f"Given one passage of the speaker's own unseen answers and one of the base model's, it picks the right "
        f"one in {wording.share(apart['value'])} of the pairs{_span(apart)}; by guessing, it would in 50 %.",
    }


def _span(part: Mapping[str, Any]) -> str:
    if part["low"] is None:
        return " (too few passages for an interval)"
    return f" ({wording.share(part['low']).removesuffix(' %')} to {wording.share(part['high'])})"
