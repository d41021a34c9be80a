"""Choose where to cut a sequence of units with lengths, so that the pieces respect their bounds."""

from collections.abc import Sequence

CUT = 0.2
"""Cost of any cut. Without it, places between two unrelated units would be cut for no reason."""
SHORT = 2.0
"""Cost of a piece below the least length. It exceeds any cost of a cut, so short pieces are made only if necessary."""


def choose_cuts(
    lengths: Sequence[int],
    costs: Sequence[float],
    least: int,
    most: int,
    repeats: Sequence[int] | None = None,
) -> list[int]:
    """The cuts between units whose costs have the lowest sum, with every piece within `most`.

    Args:
        lengths: of each unit; a unit above `most` becomes a piece of its own.
        costs: of a cut before each unit.
        least: a piece shorter than this costs SHORT more.
        most: greatest length of a piece.
        repeats: for each unit, the length of the text that a piece beginning there repeats from the piece before. It
            counts towards `most`, but not towards `least`, and not for a piece of one unit.

    Returns: 0, the indices of the units to cut before, and the number of units.
    """
    best: list[tuple[float, int]] = [
        (0.0, 0)
    ]  # for each end: (lowest cost up to it, where its last piece begins)
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
