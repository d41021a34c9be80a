"""Correct what a judge says of many answers by what people say of a few: prediction-powered inference.

The mean of the judge's verdicts is off by the judge's error. The error is measured where people gave a verdict too, and
taken off. The method is PPI++ for a mean (Angelopoulos, Duchi and Zrnic 2023, arXiv:2311.01453), which weighs the judge
by how much it is worth: a judge at chance gets the weight 0, and people's own mean and interval are left. With few
labels the normal quantiles of the paper are too near, so Student's t with one degree of freedom less than labels is
used.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lectern.evaluation.bootstrap import Interval, fewest


class Corrected(NamedTuple):
    """A mean with its interval, and how much the judge had to do with it."""

    mean: Interval
    """`n` counts the labelled rows"""
    weight: float
    """0 if the judge is not heeded at all, 1 if its verdicts count in full"""
    judged: int
    """rows that only the judge judged"""


def correct_mean(
    people: Sequence[float], judge: Sequence[float], unlabelled: Sequence[float], confidence: float
) -> Corrected:
    """Estimate the mean of people's verdicts over all rows.

    Args:
        people: people's verdicts on the labelled rows, which are a random part of all rows.
        judge: the judge's verdicts on the same rows, in the same order.
        unlabelled: the judge's verdicts on the other rows.
        confidence: of the interval, such as 0.95.

    Returns: no bounds where there are fewer than `bootstrap.fewest` labels.

    Raises:
        ValueError: there are no labels, or not as many verdicts of the judge on them.
    """
    from scipy.stats import t

    if not len(people) or len(people) != len(judge):
        raise ValueError(
            f"{len(people)} labels and {len(judge)} verdicts on them: both must be there, and as many"
        )
    true, known, rest = (np.asarray(values, dtype=np.float64) for values in (people, judge, unlabelled))
    labels = len(true)
    weight = _weigh(true, known, rest)
    value = true.mean() - (weight * (known.mean() - rest.mean()) if weight else 0.0)
    if labels < fewest(confidence):
        return Corrected(Interval(float(value), None, None, labels), weight, len(rest))
    variance = (true - weight * known).var(ddof=1) / labels
    if weight:
        variance += weight**2 * rest.var(ddof=1) / len(rest)
    reach = float(t.ppf((1 + confidence) / 2, labels - 1)) * math.sqrt(variance)
    low, high = max(0.0, value - reach), min(1.0, value + reach)
    return Corrected(Interval(float(value), float(low), float(high), labels), weight, len(rest))


def _weigh(true: np.ndarray, known: np.ndarray, rest: np.ndarray) -> float:
    """The weight of the judge with the least variance (equation 6 of the paper), kept between 0 and 1."""
    if len(true) < 2 or len(rest) < 2:
        return 0.0
    spread = np.concatenate([known, rest]).var(ddof=1)
    if not spread:
        return 0.0
    together = np.cov(true, known)[0, 1]
    return float(min(1.0, max(0.0, together / ((1 + len(true) / len(rest)) * spread))))
