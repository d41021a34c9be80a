"""Group rows into micro-batches with little padding."""

import random
from collections.abc import Sequence

POOL = 64
"""Number of micro-batches whose rows are sorted together: enough for little padding, and few enough that epochs
differ."""


def batches(lengths: Sequence[int], size: int, seed: int, epoch: int) -> list[list[int]]:
    """Divide rows into micro-batches of similar length, in random order.

    Rows are shuffled, sorted by length within pools of 64 micro-batches, and cut; then the micro-batches are shuffled.
    A micro-batch with fewer than `size` rows comes last.

    Args:
        lengths: number of tokens of each row.
        size: number of rows in a micro-batch.
        seed: seed of the order, together with `epoch`.
        epoch: number of the epoch, from 0.

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

    The method is first-fit decreasing (Johnson 1973): rows are placed from the longest to the shortest, each into the
    first sequence with enough room. It needs at most 11/9 of the least possible number of sequences. Which rows share a
    sequence depends only on the lengths, so that every epoch has the same number of steps; only the order of the
    sequences is random.

    Args:
        lengths: number of tokens of each row, at most `capacity`.
        capacity: number of tokens of a sequence.
        seed: seed of the order, together with `epoch`.
        epoch: number of the epoch, from 0.

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
    """The free tokens of each sequence, in a tree of maxima that finds the first with enough room in log time."""

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
    """Return the micro-batches that one of several processes computes. All processes get the same number.

    The micro-batches of each step are divided among the processes, so that a step holds the same rows as with one
    process. If the last step cannot be divided evenly, a process gets an empty micro-batch, which adds nothing to the
    loss.

    Args:
        cut: all micro-batches in order.
        process: number of the process, from 0.
        processes: number of processes.
        together: number of micro-batches in a step, a multiple of `processes`.
    """
    steps = [list(cut[start : start + together]) for start in range(0, len(cut), together)]
    return [
        step[at] if at < len(step) else []
        for step in steps
        for at in range(process, -(-len(step) // processes) * processes, processes)
    ]


def by_length(lengths: Sequence[int], size: int) -> list[list[int]]:
    """Divide rows into batches of similar length, the longest first, so that a lack of memory shows at once."""
    order = sorted(range(len(lengths)), key=lambda row: (-lengths[row], row))
    return [order[start : start + size] for start in range(0, len(order), size)]


def padding_share(lengths: Sequence[int], cut: Sequence[Sequence[int]]) -> float:
    """Return the share of padding among all tokens that the model computes; 0.0 without rows."""
    computed = sum(max(lengths[row] for row in batch) * len(batch) for batch in cut)
    useful = sum(lengths[row] for batch in cut for row in batch)
    return 1 - useful / computed if computed else 0.0
