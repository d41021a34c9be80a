from collections.abc import Callable
from typing import Any

import pytest

from lectern.core.schema import TokenRow
from lectern.models import likelihood

Rows = Callable[[int], list[TokenRow]]


def one_by_one(model: Any, row: TokenRow) -> float:
    """The definition, without batches, padding or masks."""
    import torch

    with torch.no_grad():
        logits = model(input_ids=torch.tensor([row.input_ids])).logits[0].double().log_softmax(-1)
    return -sum(
        logits[at - 1, token].item()
        for at, (token, trained) in enumerate(zip(row.input_ids, row.assistant_masks, strict=True))
        if trained
    )


@pytest.mark.parametrize("batch_size", [1, 3, 8])
def test_equals_the_definition_whatever_stands_beside_a_row(model: Any, rows: Rows, batch_size: int) -> None:
    some = rows(8)
    got = likelihood.negative_log_likelihoods(
        model, [(row.input_ids, row.assistant_masks) for row in some], pad=2, batch_size=batch_size
    )
    assert [nll for nll, _ in got] == pytest.approx([one_by_one(model, row) for row in some], rel=1e-5)
    # the end-of-turn token counts, though it is the padding token too
    assert [tokens for _, tokens in got] == [sum(row.assistant_masks) for row in some]


def test_which_token_pads_does_not_matter(model: Any, rows: Rows) -> None:
    pairs = [(row.input_ids, row.assistant_masks) for row in rows(5)]
    one, other = (
        likelihood.negative_log_likelihoods(model, pairs, pad=pad, batch_size=5) for pad in (2, 4711)
    )
    assert one == other


def test_a_row_that_asks_nothing_is_zero(model: Any) -> None:
    pairs = [([5, 6, 7], [0, 0, 0]), ([5, 6], [0, 1])]
    got = likelihood.negative_log_likelihoods(model, pairs, pad=2, batch_size=2)
    assert got[0] == (0.0, 0)
    assert got[1][1] == 1
    assert likelihood.negative_log_likelihoods(model, pairs[:1], pad=2, batch_size=2) == [(0.0, 0)]
    assert likelihood.negative_log_likelihoods(model, [], pad=2, batch_size=2) == []
