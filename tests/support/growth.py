"""How the time of some work grows with its size: a ratio of two times of one run, which no slow machine changes."""

import time
from collections.abc import Callable, Iterator
from typing import Any

TIMES = 8  # the larger size over the smaller one
SQUARE = 2.5  # from here on it is no longer even: what grows with the square comes to 8


def measure(work: Callable[[int], Any], size: int, tries: int = 3) -> float:
    """Return how much longer a unit takes in `TIMES` times `size` units than in `size`: 1 when the time grows evenly.

    Each time is this process's CPU time, the least of some tries; the larger size is not tried again once it is even.
    """
    small = min(_spent(work, size) for _ in range(tries))
    large = min(_until_even(work, size, tries, small))
    return large / small / TIMES


def _until_even(work: Callable[[int], Any], size: int, tries: int, small: float) -> Iterator[float]:
    for _ in range(tries):
        spent = _spent(work, TIMES * size)
        yield spent
        if spent < SQUARE * small * TIMES:
            return


def _spent(work: Callable[[int], Any], units: int) -> float:
    began = time.process_time()
    work(units)
    return time.process_time() - began
