"""What more items would change: a power law through the figures of trainings on fewer of them.

The law is y = a + b n^-c for n items (Hestness et al. 2017, "Deep Learning Scaling is Predictable, Empirically",
arXiv:1712.00409; of the laws that were compared for few points it extrapolates best: Kolachina et al. 2012, "Prediction
of Learning Curves in Machine Translation"). Hestness et al. measured exponents from 0.07 to 0.35, and learning theory
gives 0.5 and 1.

Three to six points do not determine three parameters. Least squares puts one of them at a bound in about two of five
simulated curves of four points, and a bootstrap of such a fit takes the bound for the truth: its intervals are too
narrow (tests/benchmarks/noise.py says how much). So the exponent is not fitted. Every exponent from LEAST to GREATEST
counts with the probability that the data give it, all being equally likely before. One degree of freedom is the
exponent's, so that three points say nothing of it. Given the exponent, the law is a straight line in n^-c with normal
errors, of which everything is known in closed form (Gelman et al. 2013, "Bayesian Data Analysis", ch. 14): its
predictions have Student's t distribution, and all together have a mixture of these.

Neither does the law have to fall. Where the noise is greater than what items gave so far, the interval of what more
items would give contains zero, which is the honest reply.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lectern.evaluation.bootstrap import Interval

LEAST, GREATEST, STEPS = 0.01, 1.5, 38
"""Bounds of the exponent, and how many values between them are taken."""
SIZES = 3
"""Numbers of items that a curve needs at least."""


@dataclass(frozen=True)
class Point:
    """The figure of one training."""

    items: int
    value: float


@dataclass(frozen=True)
class Curve:
    """What the data say of the law: for each exponent its probability and a straight line through the data.

    A line is described by the figures of the least and the greatest number of items, which mean the same for all
    exponents.
    """

    least: int
    """the least number of items of a training"""
    greatest: int
    runs: int
    exponents: np.ndarray
    """(exponents,)"""
    weights: np.ndarray
    """(exponents,): their probabilities, which sum to 1"""
    ends: np.ndarray
    """(exponents, 2): the figures of `least` and of `greatest` items"""
    covariance: np.ndarray
    """(exponents, 2, 2): of these, given a noise of 1"""
    noise: np.ndarray
    """(exponents,): standard deviation of a training around its line"""

    def predict(self, items: int, confidence: float, *, of_a_run: bool = False) -> Interval:
        """Return the figure that trainings on so many items have on average, or with its noise that of a training."""
        return self._bound(self._place(items), confidence, of_a_run=of_a_run)

    def change(self, items: int, confidence: float, since: int | None = None) -> Interval:
        """Return the figure of trainings on so many items minus that on `since`, or on the greatest number tried."""
        return self._bound(self._place(items) - self._place(since or self.greatest), confidence)

    def _place(self, items: int) -> np.ndarray:
        return _place(np.array([items], dtype=float), self.exponents, self.least, self.greatest)[:, 0]

    def _bound(self, row: np.ndarray, confidence: float, *, of_a_run: bool = False) -> Interval:
        """The median and the quantiles of a sum of the two ends, whose coefficients are (exponents, 2)."""
        centre = (row * self.ends).sum(axis=1)
        spread = np.einsum("ci,cij,cj->c", row, self.covariance, row)
        scale = self.noise * np.sqrt(spread + of_a_run)
        tail = (1 - confidence) / 2
        low, middle, high = (self._quantile(share, centre, scale) for share in (tail, 0.5, 1 - tail))
        return Interval(middle, low, high, self.runs)

    def _quantile(self, share: float, centre: np.ndarray, scale: np.ndarray) -> float:
        """A quantile of the mixture of Student's t distributions."""
        from scipy.optimize import brentq
        from scipy.stats import t

        freedom = self.runs - 2
        narrow = np.maximum(scale, 1e-12 * (1 + np.abs(centre)))
        own = centre + narrow * t.ppf(share, freedom)  # the mixture's lies between the least and the greatest
        low, high = float(own.min()), float(own.max())
        if high - low <= 1e-9 * (1 + abs(high)):
            return (low + high) / 2
        return float(
            brentq(lambda x: float(self.weights @ t.cdf((x - centre) / narrow, freedom)) - share, low, high)
        )


def _place(items: np.ndarray, exponents: np.ndarray, least: int, greatest: int) -> np.ndarray:
    """Return how much of either end the law has at so many items, of shape (exponents, items, 2)."""
    power = items[None, :] ** -exponents[:, None]
    first, last = (float(end) ** -exponents[:, None] for end in (least, greatest))
    share = (first - power) / (first - last)
    return np.stack([1 - share, share], axis=2)


def fit(points: Sequence[Point]) -> Curve | None:
    """Return what the points say of the law; None if there are fewer than SIZES different numbers of items.

    All trainings count alike. Trainings on few items differ more, since other items might have been drawn, and
    trainings of one draw share items; both are left out of the law.
    """
    sizes = sorted({point.items for point in points})
    if len(sizes) < SIZES:
        return None
    items = np.array([point.items for point in points], dtype=float)
    values = np.array([point.value for point in points], dtype=float)
    exponents = np.linspace(LEAST, GREATEST, STEPS)
    design = _place(items, exponents, sizes[0], sizes[-1])
    gram = np.einsum("cni,cnj->cij", design, design)
    covariance = np.linalg.inv(gram)
    ends = np.einsum("cij,cnj,n->ci", covariance, design, values)
    rest = ((values - np.einsum("cni,ci->cn", design, ends)) ** 2).sum(axis=1)
    freedom = len(values) - 2
    # What is below the precision of the values says nothing of the exponent.
    rest = np.maximum(rest, (1e-9 * (1 + np.abs(values).max())) ** 2)
    likelihood = -0.5 * np.log(np.linalg.det(gram)) - (freedom - 1) / 2 * np.log(rest)
    weights = np.exp(likelihood - likelihood.max())
    return Curve(
        least=sizes[0],
        greatest=sizes[-1],
        runs=len(values),
        exponents=exponents,
        weights=weights / weights.sum(),
        ends=ends,
        covariance=covariance,
        noise=np.sqrt(rest / freedom),
    )
