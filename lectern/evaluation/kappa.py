"""Measure how far two raters agree. Figures are functions of sums over rows, so that `Bootstrap` can redraw them."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from lectern.evaluation.bootstrap import Bootstrap, Interval, Statistic, mean

UNCOMPARED = "has not been compared with people"
CHANCE = "agrees with people no better than chance"
"""Ends of sentences about a judge, which its name begins."""


def cohen_kappa(
    first: Sequence[str | None], second: Sequence[str | None], classes: Sequence[str]
) -> Statistic:
    """Cohen's kappa (1960): agreement beyond what two raters with these class frequencies would reach by chance.

    Kappa is 0 if one rater always gives the same class while the other gives several. If both always give the same
    class, chance alone would agree as well: kappa is undefined, and the result is NaN.

    Args:
        first: the class that the first rater gives to each row, of shape (rows,); None where there is none.
        second: the classes of the second rater. A row counts if it has both.
        classes: all classes.
    """
    cells, measured = _confusion(first, second, classes)
    return Statistic(cells, lambda sums: _kappas(sums, len(classes))[:, 0], measured)


def mean_kappa(verdicts: Sequence[Mapping[str, str]], classes: Sequence[str]) -> Statistic:
    """The mean of Cohen's kappa over all pairs of people, each over the rows that both judged.

    Args:
        verdicts: person -> class for each row, of shape (rows,).
        classes: all classes.
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
    """Share of the rows to which both raters give the same class."""
    return mean([_same(a, b) for a, b in zip(first, second, strict=True)])


def true_positives(truth: Sequence[str | None], judged: Sequence[str | None], positive: str) -> Statistic:
    """Sensitivity: the share of the rows that are `positive` in truth and are judged `positive`."""
    return mean([_same(b, positive) if a == positive else None for a, b in zip(truth, judged, strict=True)])


def true_negatives(truth: Sequence[str | None], judged: Sequence[str | None], positive: str) -> Statistic:
    """Specificity: the share of the rows that are not `positive` in truth and are not judged `positive`."""
    return mean(
        [
            None if a in (None, positive) or b is None else float(b != positive)
            for a, b in zip(truth, judged, strict=True)
        ]
    )


def auc(accepted: Sequence[bool], ratings: Sequence[float | None]) -> Statistic:
    """The area under the ROC curve: the probability that an accepted row is rated above a rejected one.

    Ties count half. The area is computed from counts for each rating value (Hanley and McNeil 1982), of which there are
    few.
    """
    steps = sorted({rating for rating in ratings if rating is not None})
    columns = np.zeros((len(ratings), 2 * len(steps)))
    for row, (good, rating) in enumerate(zip(accepted, ratings, strict=True)):
        if rating is not None:
            columns[row, steps.index(rating) + (0 if good else len(steps))] = 1
    measured = np.array([rating is not None for rating in ratings], dtype=bool)
    return Statistic(columns, _area, measured)


def as_figure(interval: Interval) -> dict[str, Any] | None:
    """Convert an interval for a metric file; None if no row measures the figure, or it is undefined."""
    return interval.as_dict() if np.isfinite(interval.value) else None


def as_figures(bootstrap: Bootstrap, statistics: Mapping[str, Statistic]) -> dict[str, Any]:
    """Compute each figure with its interval, for a metric file."""
    return {name: as_figure(interval) for name, interval in bootstrap.intervals(statistics).items()}


def describe_people(
    verdicts: Sequence[Mapping[str, str]], bootstrap: Bootstrap, classes: Sequence[str]
) -> dict[str, Any]:
    """Count the people who gave verdicts (person -> class for each row), and measure how far they agree."""
    people = {person for given in verdicts for person in given}
    return {"by": len(people), **as_figures(bootstrap, {"kappa": mean_kappa(verdicts, classes)})}


def _confusion(
    first: Sequence[str | None], second: Sequence[str | None], classes: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Mark each row's cell of the confusion matrix, of shape (rows, classes * classes), and the rows that have one."""
    place = {name: number for number, name in enumerate(classes)}
    cells = np.zeros((len(first), len(classes) ** 2))
    measured = np.zeros(len(first), dtype=bool)
    for row, (a, b) in enumerate(zip(first, second, strict=True)):
        if a is not None and b is not None:
            cells[row, place[a] * len(classes) + place[b]] = 1
            measured[row] = True
    return cells, measured


def _kappas(sums: np.ndarray, classes: int) -> np.ndarray:
    """The kappa of each table, of shape (draws, tables), from sums of shape (draws, tables * classes * classes).

    The fraction is multiplied out so that agreement no better than chance gives exactly 0, without a rounding error.
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
