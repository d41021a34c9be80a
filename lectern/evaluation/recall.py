"""How often a search finds the place that holds the answer: recall at 1, 3 and 10, with intervals."""

from collections.abc import Sequence
from typing import Any

from lectern.core.schema import Retrieved
from lectern.evaluation.bootstrap import Bootstrap, mean

FIRST = (1, 3, 10)


def summarise(
    found: Sequence[Retrieved],
    items: Sequence[str],
    rankings: Sequence[str],
    *,
    seed: int,
    resamples: int,
    confidence: float,
) -> dict[str, dict[str, dict[str, Any]]]:
    """Return set -> ranking -> how many are looked at -> share of the questions whose answer is among them.

    Questions whose place is unknown do not count. A set without any other is left out.

    Args:
        found: what was found for each question.
        items: the recording or document of each question; whole ones are redrawn where there are enough.
        rankings: names of the methods, and of the ranking that joins them.
        seed: of the bootstrap.
        resamples: number of draws.
        confidence: share of the draws inside an interval.
    """
    known = [
        (one, one.evidence, item) for one, item in zip(found, items, strict=True) if one.evidence is not None
    ]
    figures: dict[str, dict[str, dict[str, Any]]] = {}
    for name in sorted({one.set for one, _, _ in known}):
        rows = [(ranks, item) for one, ranks, item in known if one.set == name]
        bootstrap = Bootstrap(
            [item for _, item in rows], resamples=resamples, confidence=confidence, seed=seed
        )
        statistics = {
            (method, first): mean([float(0 < ranks.get(method, 0) <= first) for ranks, _ in rows])
            for method in rankings
            for first in FIRST
        }
        named = bootstrap.intervals({f"{method} {first}": one for (method, first), one in statistics.items()})
        figures[name] = {
            method: {str(first): named[f"{method} {first}"].as_dict() for first in FIRST}
            for method in rankings
        }
    return figures
