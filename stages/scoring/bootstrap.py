"""Intervals for figures that are a sum over a sum, and for paired differences of two of them.

A figure is sum(top) / sum(bottom) over rows: a mean has bottoms of 1, the negative log-likelihood a token has token
counts. Resampling redraws rows and divides again, so that long answers weigh in the interval as they do in the value.
Method: the percentile bootstrap (Efron and Tibshirani 1993, ch. 13); it is somewhat too narrow below about 20 units,
which is why every figure says how many it rests on. Below the number at which even unanimous units prove nothing
(`fewest`) there is no interval at all.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

ENOUGH_RECORDINGS = 10
"""Redrawing recordings needs this many of them; with two there are only three different draws."""

Unit = Literal["recordings", "rows"]


@dataclass(frozen=True)
class Ratio:
    """One figure of one contestant: `finish(sum(top) / sum(bottom))`, both of shape (rows,)."""

    top: np.ndarray
    bottom: np.ndarray
    finish: Callable[[np.ndarray], np.ndarray] = lambda value: value


@dataclass(frozen=True)
class Interval:
    """A value and its bounds; no bounds where there are too few units to draw from."""

    value: float
    low: float | None
    high: float | None
    n: int

    def as_dict(self) -> dict[str, float | int | None]:
        """For a metric file: rounded to what the last bits of a sum cannot change."""
        rounded = {name: _round(getattr(self, name)) for name in ("value", "low", "high")}
        return {**rounded, "n": self.n}


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def choose_unit(items: Sequence[str]) -> Unit:
    """Recordings when there are enough of them, else rows.

    Rows of one recording share its subject and its speakers, so they are not independent, and redrawing whole
    recordings (a cluster bootstrap) is right. With fewer than ENOUGH_RECORDINGS that interval is arbitrary; rows are
    redrawn then, and the interval speaks of other questions on the same recordings, not of other recordings.
    """
    return "recordings" if len(set(items)) >= ENOUGH_RECORDINGS else "rows"


def fewest(confidence: float) -> int:
    """Units from which an interval means something: 6 for 95 %.

    When n paired differences all have the same sign, the sign test's two-sided p is 2^(1-n). Below this n it stays
    above 1 - confidence, while the bootstrap, which only sees one sign, would call the difference sure.
    """
    return math.ceil(1 - math.log2(1 - confidence))


class Bootstrap:
    """The same draws for every figure, so that differences are paired.

    Args:
        items: the recording of each row, of shape (rows,).
        resamples: how many draws.
        confidence: share of the draws inside an interval, 0.95 for one.
        seed: of the draws.
    """

    def __init__(self, items: Sequence[str], *, resamples: int, confidence: float, seed: int) -> None:
        self.unit = choose_unit(items)
        labels = list(items) if self.unit == "recordings" else list(range(len(items)))
        _, self._member = np.unique(labels, return_inverse=True)
        self.rows, self.units = len(labels), int(self._member.max()) + 1 if labels else 0
        self._resamples, self._seed, self._fewest = resamples, seed, fewest(confidence)
        self._tails = [(1 - confidence) / 2, (1 + confidence) / 2]

    def interval(self, ratio: Ratio) -> Interval:
        """The figure over all rows, with the bounds of its draws."""
        return self._bound(self._all(ratio), [self._draw(ratio)])

    def difference(self, ratio: Ratio, baseline: Ratio) -> Interval:
        """`ratio` minus `baseline`, row by row the same draws for both."""
        return self._bound(self._all(ratio) - self._all(baseline), [self._draw(ratio), self._draw(baseline)])

    def _bound(self, value: float, draws: list[np.ndarray]) -> Interval:
        if self.units < self._fewest:
            return Interval(value, None, None, self.rows)
        low, high = np.quantile(draws[0] - sum(draws[1:]), self._tails)
        return Interval(value, float(low), float(high), self.rows)

    def _all(self, ratio: Ratio) -> float:
        return float(ratio.finish(ratio.top.sum() / ratio.bottom.sum()))

    def _draw(self, ratio: Ratio) -> np.ndarray:
        top, bottom = (np.bincount(self._member, x, self.units) for x in (ratio.top, ratio.bottom))
        # Gathered and summed, not multiplied as matrices: BLAS sums in an order that depends on its threads.
        values = [top[drawn].sum(1) / bottom[drawn].sum(1) for drawn in self._samples()]
        return ratio.finish(np.concatenate(values))

    def _samples(self) -> Iterator[np.ndarray]:
        """Units of each draw, of shape (draws, units), in blocks that fit into memory."""
        generator = np.random.default_rng(self._seed)
        block = max(1, 2_000_000 // max(1, self.units))
        for start in range(0, self._resamples, block):
            yield generator.integers(0, self.units, (min(block, self._resamples - start), self.units))
