"""Whole numbers are multiplied exactly, by whichever instructions."""

import pytest

from lectern.models import integer_layers


@pytest.mark.parametrize(
    "inputs", [8, integer_layers.EXACT, integer_layers.EXACT + 8, 3 * integer_layers.EXACT]
)
def test_floats_give_the_product_of_integers(inputs: int) -> None:
    import torch

    chance = torch.Generator().manual_seed(inputs)
    # as large as they come, and of one sign, so that a sum that a float cannot hold would show
    rows = torch.randint(100, integer_layers.INPUT_STEPS + 1, (20, inputs), generator=chance)
    weight = torch.randint(50, integer_layers.WEIGHT_STEPS + 1, (inputs, 16), generator=chance)
    found = integer_layers.multiply(rows.float(), weight.float())
    assert torch.equal(found.to(torch.int64), rows @ weight)
