"""Which rows stand together in a micro-batch, so that little of it is padding."""

import random
from collections.abc import Sequence

POOL = 64
"""micro-batches that are sorted together: large enough for little padding, small enough that epochs differ"""


def batches(lengths: Sequence[int], size: int, seed: int, epoch: int) -> list[list[int]]:
    """Cut rows into micro-batches of similar length, in random order.

    Rows are shuffled, sorted by length within pools of 64 micro-batches, cut, and the micro-batches are shuffled.
    A short one comes last, so that cutting the flat order every `size` rows gives the same micro-batches.

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


def by_length(lengths: Sequence[int], size: int) -> list[list[int]]:
    """Cut rows into batches of similar length, longest first, so that too little memory shows at once."""
    order = sorted(range(len(lengths)), key=lambda row: (-lengths[row], row))
    return [order[start : start + size] for start in range(0, len(order), size)]


def padding_share(lengths: Sequence[int], cut: Sequence[Sequence[int]]) -> float:
    """Padding tokens by all tokens that the model computes; 0.0 for no rows."""
    computed = sum(max(lengths[row] for row in batch) * len(batch) for batch in cut)
    useful = sum(lengths[row] for batch in cut for row in batch)
    return 1 - useful / computed if computed else 0.0
