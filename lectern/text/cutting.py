"""Where to cut a text whose units have lengths, so that every piece keeps its bounds."""

from collections.abc import Sequence

CUT = 0.2
"""Cost of any cut: without it, a place between two units that have nothing in common would be cut for nothing."""
SHORT = 2.0
"""Cost of a piece under the least length: above any cost of a place, so that it is made only where it must be."""


def choose_cuts(
    lengths: Sequence[int],
    costs: Sequence[float],
    least: int,
    most: int,
    repeats: Sequence[int] | None = None,
) -> list[int]:
    """The places between units at which the sum of the costs is lowest, every piece within `most`.

    Args:
        lengths: of each unit; one above `most` is a piece of its own.
        costs: of a cut before each unit.
        least: pieces below it cost SHORT more.
        most: length of the longest piece.
        repeats: length of what a piece that begins at each unit repeats of the one before; counts for `most`, not for
            `least`, and not for a piece of one unit.

    Returns: 0, the indices of the units before which to cut, and the number of units.
    """
    best: list[tuple[float, int]] = [(0.0, 0)]  # (cost, where the last piece begins) of all up to each place
    for end in range(1, len(lengths) + 1):
        total, options = 0, []
        for begin in range(end - 1, -1, -1):
            total += lengths[begin]
            if total > most and begin < end - 1:
                break
            if repeats and begin < end - 1 and total + repeats[begin] > most:
                continue
            cost = best[begin][0] + (costs[begin] if begin else 0.0) + (SHORT if total < least else 0.0)
            options.append((round(cost, 6), begin))
        best.append(min(options))
    cuts = [len(lengths)]
    while cuts[-1] > 0:
        cuts.append(best[cuts[-1]][1])
    return cuts[::-1]
