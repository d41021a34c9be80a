"""Which rows stand together in a micro-batch, so that little of it is padding."""

import random
from collections.abc import Sequence

POOL = 64
"""micro-batches that are sorted together: large enough for little padding, small enough that epochs differ"""


def batches(lengths: Sequence[int], size: int, seed: int, epoch: int) -> list[list[int]]:
    """Cut rows into micro-batches of similar length, in random order.

    Rows are shuffled, sorted by length within pools of 64 micro-batches, cut, and the micro-batches are shuffled; a
    short one comes last.

    Args:
        lengths: tokens of each row.
        size: rows in a micro-batch.
        seed: together with `epoch` it decides everything.
        epoch: from 0.

    Returns: row numbers, each exactly once.
    """
    chance = random.Random(f"{seed}/{epoch}")
    rows = list(range(len(lengths)))
    chance.shuffle(rows)
    pools = [rows[start : start + POOL * size] for start in range(0, len(rows), POOL * size)]
    ordered = [row for pool in pools for row in sorted(pool, key=lambda row: lengths[row])]
    cut = [ordered[start : start + size] for start in range(0, len(ordered), size)]
    full, short = [b for b in cut if len(b) == size], [b for b in cut if len(b) < size]
    chance.shuffle(full)
    return full + short


def packs(lengths: Sequence[int], capacity: int, seed: int, epoch: int) -> list[list[int]]:
    """Fill sequences of at most `capacity` tokens with whole rows, in random order.

    First-fit decreasing (Johnson 1973): the longest rows first, each into the first sequence that has room; it needs at
    most 11/9 of the fewest possible sequences. Which rows share a sequence depends on the lengths alone, so that each
    epoch has the same number of steps; their order is drawn anew.

    Args:
        lengths: tokens of each row, none above `capacity`.
        capacity: tokens of a sequence.
        seed: together with `epoch` it decides the order.
        epoch: from 0.

    Returns: row numbers, each exactly once.
    """
    filled: list[list[int]] = []
    room = _Room(len(lengths))
    for row in sorted(range(len(lengths)), key=lambda row: (-lengths[row], row)):
        place = room.first_with(lengths[row])
        if place is None:
            place = len(filled)
            filled.append([])
            room.set(place, capacity)
        filled[place].append(row)
        room.set(place, room.of(place) - lengths[row])
    random.Random(f"{seed}/{epoch}").shuffle(filled)
    return filled


class _Room:
    """The free tokens of each sequence, in a tree of maxima: the first with enough room is found in log time."""

    def __init__(self, most: int) -> None:
        self.leaves = 1 << max(most - 1, 0).bit_length()
        self.largest = [0] * (2 * self.leaves)

    def of(self, place: int) -> int:
        return self.largest[self.leaves + place]

    def set(self, place: int, free: int) -> None:
        node = self.leaves + place
        self.largest[node] = free
        while node := node // 2:
            self.largest[node] = max(self.largest[2 * node], self.largest[2 * node + 1])

    def first_with(self, needed: int) -> int | None:
        if self.largest[1] < needed:
            return None
        node = 1
        while node < self.leaves:
            node = 2 * node if self.largest[2 * node] >= needed else 2 * node + 1
        return node - self.leaves


def share(cut: Sequence[list[int]], process: int, processes: int, together: int) -> list[list[int]]:
    """The micro-batches that one of several processes computes, as many as every other one's.

    Each step of `together` micro-batches is divided among all, so that it holds the same rows as with one. Where
    the last step does not come out even, a process gets an empty micro-batch, which adds nothing to the loss.

    Args:
        cut: micro-batches in order.
        process: from 0.
        processes: how many.
        together: micro-batches in a step, a multiple of `processes`.
    """
    steps = [list(cut[start : start + together]) for start in range(0, len(cut), together)]
    return [
        step[at] if at < len(step) else []
        for step in steps
        for at in range(process, -(-len(step) // processes) * processes, processes)
    ]


def by_length(lengths: Sequence[int], size: int) -> list[list[int]]:
    """Cut rows into batches of similar length, longest first, so that too little memory shows at once."""
    order = sorted(range(len(lengths)), key=lambda row: (-lengths[row], row))
    return [order[start : start + size] for start in range(0, len(order), size)]


def padding_share(lengths: Sequence[int], cut: Sequence[Sequence[int]]) -> float:
    """Padding tokens by all tokens that the model computes; 0.0 for no rows."""
    computed = sum(max(lengths[row] for row in batch) * len(batch) for batch in cut)
    useful = sum(lengths[row] for batch in cut for row in batch)
    return 1 - useful / computed if computed else 0.0
