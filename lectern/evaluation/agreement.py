"""How far two who judge the same things agree, as figures of sums, so that `Bootstrap` can redraw them."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from lectern.evaluation.bootstrap import Bootstrap, Interval, Statistic, mean

UNCOMPARED = "has not been compared with people"
CHANCE = "agrees with people no better than chance"
"""What is said of a judge, after its name."""


def cohen_kappa(
    first: Sequence[str | None], second: Sequence[str | None], classes: Sequence[str]
) -> Statistic:
    """Cohen's kappa (1960): agreement beyond that of two who give their classes as often, but by chance.

    0 for one who gives a single class while the other gives several. Where both give the same single class throughout,
    chance alone would agree as well: kappa is not defined, and comes out as NaN.

    Args:
        first: the class that one gives to each thing, of shape (rows,); None where there is none.
        second: the same of the other; a thing counts where both have one.
        classes: all there are.
    """
    cells, measured = _confusion(first, second, classes)
    return Statistic(cells, lambda sums: _kappas(sums, len(classes))[:, 0], measured)


def mean_kappa(verdicts: Sequence[Mapping[str, str]], classes: Sequence[str]) -> Statistic:
    """Cohen's kappa of each two people over what both judged, averaged over the twos.

    Args:
        verdicts: of each thing, of shape (rows,): person -> class.
        classes: all there are.
    """
    people = sorted({person for given in verdicts for person in given})
    cells = [np.zeros((len(verdicts), 0))]
    measured = np.zeros(len(verdicts), dtype=bool)
    for one, other in combinations(people, 2):
        found, both = _confusion([v.get(one) for v in verdicts], [v.get(other) for v in verdicts], classes)
        cells.append(found)
        measured |= both
    return Statistic(np.concatenate(cells, axis=1), lambda sums: _mean_kappa(sums, len(classes)), measured)


def agreement(first: Sequence[str | None], second: Sequence[str | None]) -> Statistic:
    """Share of the things to which both give the same class."""
    return mean([_same(a, b) for a, b in zip(first, second, strict=True)])


def true_positives(truth: Sequence[str | None], judged: Sequence[str | None], positive: str) -> Statistic:
    """Share of what is `positive` in truth that is judged so (sensitivity)."""
    return mean([_same(b, positive) if a == positive else None for a, b in zip(truth, judged, strict=True)])


def true_negatives(truth: Sequence[str | None], judged: Sequence[str | None], positive: str) -> Statistic:
    """Share of what is not `positive` in truth that is not judged so (specificity)."""
    return mean(
        [
            None if a in (None, positive) or b is None else float(b != positive)
            for a, b in zip(truth, judged, strict=True)
        ]
    )


def auc(accepted: Sequence[bool], ratings: Sequence[float | None]) -> Statistic:
    """Probability that a thing that was accepted is rated above one that was not, ties counting half.

    The area under the ROC curve, by its sums for each rating given (Hanley and McNeil 1982): ratings are few.
    """
    steps = sorted({rating for rating in ratings if rating is not None})
    columns = np.zeros((len(ratings), 2 * len(steps)))
    for row, (good, rating) in enumerate(zip(accepted, ratings, strict=True)):
        if rating is not None:
            columns[row, steps.index(rating) + (0 if good else len(steps))] = 1
    measured = np.array([rating is not None for rating in ratings], dtype=bool)
    return Statistic(columns, _area, measured)


def as_figure(interval: Interval) -> dict[str, Any] | None:
    """For a metric file; None where nothing measures the figure, or it is not defined."""
    return interval.as_dict() if np.isfinite(interval.value) else None


def as_figures(bootstrap: Bootstrap, statistics: Mapping[str, Statistic]) -> dict[str, Any]:
    """Each figure with its interval, for a metric file."""
    return {name: as_figure(interval) for name, interval in bootstrap.intervals(statistics).items()}


def describe_people(
    verdicts: Sequence[Mapping[str, str]], bootstrap: Bootstrap, classes: Sequence[str]
) -> dict[str, Any]:
    """How many people gave verdicts (person -> class, of each thing), and how far they agree among themselves."""
    people = {person for given in verdicts for person in given}
    return {"by": len(people), **as_figures(bootstrap, {"kappa": mean_kappa(verdicts, classes)})}


def _confusion(
    first: Sequence[str | None], second: Sequence[str | None], classes: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Each thing's cell of the confusion matrix, of shape (rows, classes * classes), and whether it has one."""
    place = {name: number for number, name in enumerate(classes)}
    cells = np.zeros((len(first), len(classes) ** 2))
    measured = np.zeros(len(first), dtype=bool)
    for row, (a, b) in enumerate(zip(first, second, strict=True)):
        if a is not None and b is not None:
            cells[row, place[a] * len(classes) + place[b]] = 1
            measured[row] = True
    return cells, measured


def _kappas(sums: np.ndarray, classes: int) -> np.ndarray:
    """Of sums of shape (draws, tables * classes * classes), each table's kappa.

    Multiplied out, so that no agreement beyond chance comes out as 0, and not as a rest of rounding above it.
    """
    tables = sums.reshape(len(sums), sums.shape[1] // classes**2, classes, classes)
    total = tables.sum(axis=(2, 3))
    same = np.trace(tables, axis1=2, axis2=3) * total
    chance = (tables.sum(axis=2) * tables.sum(axis=3)).sum(axis=2)
    return (same - chance) / (total**2 - chance)


def _mean_kappa(sums: np.ndarray, classes: int) -> np.ndarray:
    kappas = _kappas(sums, classes)
    defined = np.isfinite(kappas)
    return np.where(defined, kappas, 0).sum(axis=1) / defined.sum(axis=1)


def _same(a: str | None, b: str | None) -> float | None:
    return None if a is None or b is None else float(a == b)


def _area(sums: np.ndarray) -> np.ndarray:
    good, poor = np.split(sums, 2, axis=1)
    below = np.cumsum(poor, axis=1) - poor
    won = (good * (below + poor / 2)).sum(axis=1)
    return won / (good.sum(axis=1) * poor.sum(axis=1))
