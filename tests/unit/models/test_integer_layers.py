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


@pytest.mark.parametrize("inputs", [8, 576, integer_layers.EXACT, integer_layers.EXACT + 8])
def test_fbgemm_gives_the_product_of_integers(inputs: int) -> None:
    import torch

    if not integer_layers.has_fbgemm():
        pytest.skip("torch was built without FBGEMM, as on another architecture than x86-64")
    chance = torch.Generator().manual_seed(inputs)
    largest, heaviest = integer_layers.INPUT_STEPS, integer_layers.WEIGHT_STEPS
    rows = torch.randint(-largest, largest + 1, (20, inputs), generator=chance)
    weight = torch.randint(-heaviest, heaviest + 1, (16, inputs), generator=chance)
    # the greatest sums of two products, which overflow 16 bits if a weight is one step too heavy
    rows[0], rows[1], weight[0], weight[1] = largest, -largest, heaviest, -heaviest
    found = integer_layers._make_fbgemm_product(weight.float())(rows.float())
    assert torch.equal(found, (rows @ weight.T).float())
    assert torch.equal(found, integer_layers._make_float_product(weight.float())(rows.float()))
