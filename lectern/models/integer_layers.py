"""Linear layers that multiply 8-bit integers: about three times as fast as single precision on a processor that has
instructions for them, and less exact.

The weights of each output, and the input of each token, have a scale of their own, so that the result for a text does
not depend on the other texts in its batch (LLM.int8(), Dettmers et al. 2022, section 2.1, vector-wise). The weights use
only 7 of the 8 bits: processors without VNNI add two products in 16 bits, where 8-bit weights would overflow. So the
products are exact on all processors. FBGEMM, which torch has on x86-64, multiplies them. Elsewhere the same integers
are multiplied as floats, which is exact too, because all sums stay below 2 ** 24.
"""

import warnings
from collections.abc import Callable
from typing import Any

WEIGHT_STEPS = 63
INPUT_STEPS = 127
EXACT = 2**24 // (WEIGHT_STEPS * INPUT_STEPS)
"""Number of products of two such integers whose sum a float always holds exactly."""


def quantise(model: Any) -> Any:
    """Replace the linear layers of `model`, a torch module, in place. Returns the model."""
    import torch

    make_product = _make_fbgemm_product if has_fbgemm() else _make_float_product

    class IntegerLinear(torch.nn.Module):
        def __init__(self, linear: torch.nn.Linear) -> None:
            super().__init__()
            weight = linear.weight.detach()
            self.scale = _scale(weight, WEIGHT_STEPS)[:, 0]
            self.multiply = make_product(torch.round(weight / self.scale[:, None]))
            self.bias = None if linear.bias is None else linear.bias.detach()

        def forward(self, states: torch.Tensor) -> torch.Tensor:
            rows = states.reshape(-1, states.shape[-1])
            scale = _scale(rows, INPUT_STEPS)
            # In place: a new array would not be in the cache, which would take as long again as the product.
            whole = rows.mul(scale.reciprocal()).round_()
            found = self.multiply(whole).mul_(scale).mul_(self.scale)
            found = found if self.bias is None else found.add_(self.bias)
            return found.reshape(*states.shape[:-1], -1)

    parts = [(module, name, child) for module in model.modules() for name, child in module.named_children()]
    for module, name, child in parts:
        if isinstance(child, torch.nn.Linear):
            setattr(module, name, IntegerLinear(child))
    return model


def has_fbgemm() -> bool:
    """Tell whether torch was built with FBGEMM, as it is for x86-64."""
    import torch

    return "fbgemm" in torch.backends.quantized.supported_engines


Product = Callable[[Any], Any]
"""Takes rows of whole numbers, of shape (rows, inputs); returns their product with the weight as new floats."""


def _make_fbgemm_product(weight: Any) -> Product:
    """The weight has the shape (outputs, inputs) and holds whole numbers."""
    import torch

    before = torch.backends.quantized.engine
    torch.backends.quantized.engine = "fbgemm"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # torch's own quantization of models, which is not used, has moved
            whole = torch._make_per_tensor_quantized_tensor(weight.to(torch.int8), 1.0, 0)
        packed = torch.ops.quantized.linear_prepack(whole, None)
    finally:
        torch.backends.quantized.engine = before
    product = torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32
    # A step of 1, and 128 for zero: each input is a whole number already, and becomes an unsigned byte.
    return lambda rows: product(rows, 1.0, INPUT_STEPS + 1, packed)


def _make_float_product(weight: Any) -> Product:
    turned = weight.t().contiguous()
    return lambda rows: multiply(rows, turned).float()


def multiply(rows: Any, weight: Any) -> Any:
    """The exact product of integers that are held as floats. It is int32 if a float could not hold it exactly.

    Args:
        rows: of shape (rows, inputs); absolute values up to INPUT_STEPS.
        weight: of shape (inputs, outputs); absolute values up to WEIGHT_STEPS.

    Returns: the product, of shape (rows, outputs).
    """
    import torch

    if rows.shape[1] <= EXACT:
        return rows @ weight
    parts = zip(rows.split(EXACT, dim=1), weight.split(EXACT, dim=0), strict=True)
    return torch.stack([(part @ other).to(torch.int32) for part, other in parts]).sum(0)


def _scale(values: Any, steps: int) -> Any:
    """The size of one step for each row, of shape (rows, 1). It is above zero, so that a row of zeros stays zero."""
    largest = values.amax(1, keepdim=True).maximum(-values.amin(1, keepdim=True))
    return largest.div_(steps).clamp_(min=1e-12)
