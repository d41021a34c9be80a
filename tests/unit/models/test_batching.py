import random

import pytest

from lectern.models import batching

LENGTHS = random.Random(0).choices(range(20, 400), k=203)


@pytest.mark.parametrize("size", [1, 2, 4, 7])
def test_each_row_is_in_exactly_one_micro_batch(size: int) -> None:
    cut = batching.batches(LENGTHS, size, seed=0, epoch=0)
    flat = [row for batch in cut for row in batch]
    assert sorted(flat) == list(range(len(LENGTHS)))
    # the trainer gets the flat order and cuts it again every `size` rows: the micro-batches must be the same
    assert [flat[start : start + size] for start in range(0, len(flat), size)] == cut


def test_order_depends_on_seed_and_epoch_and_on_nothing_else() -> None:
    first = batching.batches(LENGTHS, 4, seed=0, epoch=0)
    assert batching.batches(LENGTHS, 4, seed=0, epoch=0) == first
    assert batching.batches(LENGTHS, 4, seed=0, epoch=1) != first
    assert batching.batches(LENGTHS, 4, seed=1, epoch=0) != first


def test_rows_of_similar_length_stand_together() -> None:
    # less than a third of the padding of a plain shuffle
    plain = random.Random(0).sample(range(len(LENGTHS)), len(LENGTHS))
    shuffled = [plain[start : start + 4] for start in range(0, len(plain), 4)]
    together = batching.padding_share(LENGTHS, batching.batches(LENGTHS, 4, seed=0, epoch=0))
    assert together < batching.padding_share(LENGTHS, shuffled) / 3


def test_padding_share_of_known_batches() -> None:
    assert batching.padding_share([10, 5, 5], [[0, 1], [2]]) == pytest.approx(5 / 25)
    assert batching.padding_share([], []) == 0.0


def test_no_rows_no_batches() -> None:
    assert batching.batches([], 4, seed=0, epoch=0) == [] == batching.by_length([], 4)


def test_by_length_begins_with_the_longest() -> None:
    # so that a machine with too little memory says so at once
    assert batching.by_length([3, 9, 9, 1], 2) == [[1, 2], [0, 3]]
