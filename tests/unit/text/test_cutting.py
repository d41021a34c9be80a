"""Where a sequence is cut: the cheapest cuts of all, found by trying every one."""

from itertools import combinations, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectern.text.cutting import SHORT, choose_cuts


def cost(
    lengths: list[int], costs: list[float], least: int, most: int, cuts: tuple[int, ...]
) -> float | None:
    """The cost of cutting there, in whole hundredths; None where a piece is longer than allowed."""
    total = 0.0
    for begin, end in pairwise(cuts):
        size = sum(lengths[begin:end])
        if size > most and end - begin > 1:
            return None
        total += (costs[begin] if begin else 0.0) + (SHORT if size < least else 0.0)
    return round(total, 2)


@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(0, 100)), min_size=1, max_size=7),
    st.integers(1, 8),
    st.integers(8, 20),
)
def test_no_other_cuts_cost_less(drawn: list[tuple[int, int]], least: int, most: int) -> None:
    lengths, costs = [length for length, _ in drawn], [price / 100 for _, price in drawn]
    inner = range(1, len(lengths))
    tried = [(0, *some, len(lengths)) for n in range(len(lengths)) for some in combinations(inner, n)]
    known = [found for cuts in tried if (found := cost(lengths, costs, least, most, cuts)) is not None]
    found = choose_cuts(lengths, costs, least, most)
    assert (found[0], found[-1], found) == (0, len(lengths), sorted(set(found)))
    assert cost(lengths, costs, least, most, tuple(found)) == min(known)


@pytest.mark.parametrize(
    ("given", "cuts"),
    [
        (([5, 5, 5], [0, 0.3, 0.1], 1, 10), [0, 2, 3]),
        (([5, 5, 5], [0, 0.1, 0.3], 1, 10), [0, 1, 3]),
        (([5, 5, 5], [0, 0.1, 0.1], 1, 15), [0, 3]),
        (([50], [0], 1, 10), [0, 1]),
        (([50, 1, 1], [0, 0.1, 0.1], 2, 10), [0, 1, 3]),
        # a piece that repeats the end of the one before has less room; one unit is never too long
        (([5, 5, 5, 5], [0, 0.1, 0.2, 0.3], 1, 10), [0, 2, 4]),
        (([5, 5, 5, 5], [0, 0.1, 0.2, 0.3], 1, 10, [0, 0, 1, 0]), [0, 1, 3, 4]),
        (([5, 5], [0, 0.1], 1, 9, [0, 5]), [0, 1, 2]),
        (([], [], 1, 9), [0]),
    ],
)
def test_cuts_counted_by_hand(given: tuple[Any, ...], cuts: list[int]) -> None:
    assert choose_cuts(*given) == cuts
