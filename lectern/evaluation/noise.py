"""How far a figure varies by chance: over the seeds of the training, and over rows and seeds together.

A bootstrap over rows says what other questions might have given. Another seed of the same training gives another model,
and so other figures on the same questions (Bouthillier et al. 2021, "Accounting for Variance in Machine Learning
Benchmarks", arXiv:2103.03098). Rows and seeds are crossed, as every model is asked all questions. In radiology this is
the design of many readers and many cases (Obuchowski and Rockette 1995), with seeds in place of readers.

The variance of a figure between seeds, as it is observed on some rows, is a sum of two parts. The first is there on any
rows: some seeds give a better model. The second comes from these rows: some seeds answer these questions better. The
bootstrap of a difference between two models over rows holds the second part already, so an interval over both adds the
first alone, or it would count the second twice.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lectern.evaluation.bootstrap import Interval


@dataclass(frozen=True)
class Spread:
    """How a figure varies between trainings that differ in their seed alone, all measured on the same rows."""

    runs: int
    """number of trainings"""
    mean: float
    deviation: float
    """standard deviation between the trainings, with `runs` - 1 degrees of freedom"""
    low: float | None
    """lower bound of the interval of the standard deviation; None for one training"""
    high: float | None
    shared: float
    """the variance that the choice of rows explains: what the bootstrap over rows holds of `deviation` squared"""
    units: int
    """rows, or recordings, that the bootstrap redraws"""

    @property
    def variance(self) -> float:
        """The variance between trainings that would be there on any rows."""
        return max(0.0, self.deviation**2 - self.shared)


def measure_spread(
    values: Sequence[float], differences: Sequence[Interval], units: int, confidence: float
) -> Spread:
    """Return the spread of a figure over seeds.

    The interval of the standard deviation is the one by the chi-squared distribution, which takes the figures of the
    trainings as normally distributed.

    Args:
        values: the figure of each training.
        differences: the paired differences between one of the trainings and each of the others, over the same rows.
            Those without bounds say nothing of the rows' part, which then counts as 0, so that intervals get too wide
            rather than too narrow.
        units: the number of rows, or of recordings, that were redrawn for the differences.
        confidence: of all intervals.

    Raises:
        ValueError: there is no value.
    """
    if not values:
        raise ValueError("there is no training to measure the spread of")
    mean = math.fsum(values) / len(values)
    freedom = len(values) - 1
    known = [one for one in differences if one.low is not None and one.high is not None]
    # Two models' difference has twice the rows' part of the variance of one.
    shared = math.fsum(_standard_error(one, units, confidence) ** 2 / 2 for one in known) / max(1, len(known))
    if not freedom:
        return Spread(1, mean, 0.0, None, None, shared, units)
    from scipy.stats import chi2

    squares = math.fsum((value - mean) ** 2 for value in values)
    tail = (1 - confidence) / 2
    low, high = (math.sqrt(squares / float(chi2.ppf(share, freedom))) for share in (1 - tail, tail))
    return Spread(len(values), mean, math.sqrt(squares / freedom), low, high, shared, units)


@dataclass(frozen=True)
class Source:
    """A part of the variance of what is measured that comes from seeds."""

    spread: Spread
    weight: float
    """how often its variance counts: 1 for one training, 1 / m for the mean of m, and 2 for two that are compared and
    have this spread both"""


def join(interval: Interval, units: int, sources: Sequence[Source], confidence: float) -> Interval:
    """Return an interval over rows and seeds together, from the one over rows.

    Each side of the interval over rows is a standard error times Student's t. The variance between seeds is added to
    the square of either standard error, so that an interval that reaches further to one side still does. The degrees of
    freedom are Satterthwaite's (1946, as Welch used them in 1947) for a sum of variances, one of which is a difference
    (Gaylor and Hopper 1969): with five seeds whose spread is most of the noise there are about four, and the interval
    is accordingly wide. It is never narrower than the one over rows.

    Args:
        interval: a value with its bounds over rows.
        units: rows, or recordings, that were redrawn for them.
        sources: the spreads over seeds that count, each of two trainings or more.
        confidence: of the interval.
    """
    sources = [source for source in sources if source.spread.runs > 1]
    if interval.low is None or interval.high is None:
        return interval
    seeds = math.fsum(source.weight * source.spread.variance for source in sources)
    if not seeds:
        return interval
    below, above = (
        max(0.0, side) / _quantile(units - 1, confidence)
        for side in (interval.value - interval.low, interval.high - interval.value)
    )
    rows = ((below + above) / 2) ** 2
    doubt = rows**2 / (units - 1)
    for source in sources:
        spread = source.spread
        if spread.variance:
            doubt += (source.weight * spread.deviation**2) ** 2 / (spread.runs - 1)
            doubt += (source.weight * spread.shared) ** 2 / max(1, (spread.units - 1) * (spread.runs - 1))
    fewest = min(units - 1, *(source.spread.runs - 1 for source in sources))
    times = _quantile(max((rows + seeds) ** 2 / doubt, fewest), confidence)
    low = interval.value - times * math.sqrt(below**2 + seeds)
    high = interval.value + times * math.sqrt(above**2 + seeds)
    return Interval(interval.value, min(low, interval.low), max(high, interval.high), interval.n)


def _standard_error(interval: Interval, units: int, confidence: float) -> float:
    """The standard error from the bounds of an expanded percentile interval, which are about t of them away."""
    assert interval.low is not None
    assert interval.high is not None
    return (interval.high - interval.low) / 2 / _quantile(units - 1, confidence)


def _quantile(freedom: float, confidence: float) -> float:
    """How many standard errors an interval reaches to either side."""
    from scipy.stats import t

    return float(t.ppf((1 + confidence) / 2, freedom))
