"""Compute positions in a picture, in percent of its width and height."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Scale:
    """A linear axis from `low` to `high` with round ticks."""

    low: float
    high: float
    ticks: tuple[float, ...]

    def at(self, value: float) -> float:
        """Return the position of `value` in percent, rounded to what a screen can show."""
        return round(100 * (value - self.low) / (self.high - self.low), 2)

    def label(self, tick: float) -> str:
        """Format `tick` with as many decimals as the step between ticks has: 0.25 stays 0.25."""
        step = self.ticks[1] - self.ticks[0]
        digits = max(0, -math.floor(math.log10(step) + 1e-9))
        is_exact = abs(round(step, digits) - step) < 1e-6 * step
        return f"{tick:,.{digits if is_exact else digits + 1}f}"


def scale(values: Sequence[float], *, from_zero: bool = False, intervals: int = 4) -> Scale:
    """Make a scale over `values` (not empty). Its step is 1, 2, 2.5 or 5 times a power of ten; its ends are ticks."""
    low, high = min(values), max(values)
    if from_zero:
        low, high = min(0.0, low), max(0.0, high)
    if high - low < 1e-9 * max(1.0, abs(high)):
        high = low + (abs(low) or 1.0)
    step = _round_up((high - low) / intervals)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = tuple(round(i * step, 12) for i in range(first, last + 1))
    return Scale(ticks[0], ticks[-1], ticks)


def _round_up(step: float) -> float:
    power = 10.0 ** math.floor(math.log10(step))
    return next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= step * (1 - 1e-9))


def path(x: Scale, y: Scale, points: Sequence[tuple[float, float]]) -> str:
    """Return the points as an SVG path in a box of 100 by 100, with y upwards."""
    return " ".join(f"{'L' if i else 'M'}{x.at(a):g} {100 - y.at(b):g}" for i, (a, b) in enumerate(points))


def dot(scale: Scale, part: Mapping[str, Any]) -> dict[str, float]:
    """Return the positions of a value and its interval; without an interval, all three are the same."""
    value = part["value"]
    low, high = (value if part.get(key) is None else part[key] for key in ("low", "high"))
    return {"at": scale.at(value), "low": scale.at(low), "high": scale.at(high)}


def spread(n: int, most: int) -> list[int]:
    """Return at most `most` of n positions, evenly spaced, including the first and the last."""
    if n <= most:
        return list(range(n))
    return sorted({round(i * (n - 1) / (most - 1)) for i in range(most)}) if most > 1 else [0] * most
