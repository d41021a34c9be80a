"""Linear layers that multiply 8-bit integers: about three times as fast as single precision on a processor that has
instructions for them, and less exact.

The weights of each output, and the input of each token, have a scale of their own, so that the result for a text does
not depend on the other texts in its batch (LLM.int8(), Dettmers et al. 2022, section 2.1, vector-wise). The weights use
only 7 of the 8 bits: processors without VNNI add two products in 16 bits, where 8-bit weights would overflow. So the
results are the same on all processors. Without AVX-512, torch has no fast 8-bit product (on an AVX2 processor it was 12
times as slow as single precision). There the same integers are multiplied as floats, which is exact, because all sums
stay below 2 ** 24.
"""

from typing import Any

WEIGHT_STEPS = 63
INPUT_STEPS = 127
EXACT = 2**24 // (WEIGHT_STEPS * INPUT_STEPS)
"""Number of products of two such integers whose sum a float always holds exactly."""


def quantise(model: Any) -> Any:
    """Replace the linear layers of `model`, a torch module, in place. Returns the model."""
    import torch

    fast = torch.backends.cpu.get_cpu_capability().startswith("AVX512")

    class IntegerLinear(torch.nn.Module):
        def __init__(self, linear: torch.nn.Linear) -> None:
            super().__init__()
            weight = linear.weight.detach()
            self.scale = _scale(weight, WEIGHT_STEPS)[:, 0]
            whole = torch.round(weight / self.scale[:, None]).t().contiguous()
            self.weight = whole.to(torch.int8) if fast else whole
            self.bias = None if linear.bias is None else linear.bias.detach()

        def forward(self, states: torch.Tensor) -> torch.Tensor:
            rows = states.reshape(-1, states.shape[-1])
            scale = _scale(rows, INPUT_STEPS)
            # In place: a new array would not be in the cache, which would take as long again as the product.
            whole = rows.mul(scale.reciprocal()).round_()
            product = (
                torch._int_mm(whole.to(torch.int8), self.weight) if fast else multiply(whole, self.weight)
            )
            found = product.float().mul_(scale).mul_(self.scale)
            found = found if self.bias is None else found.add_(self.bias)
            return found.reshape(*states.shape[:-1], -1)

    parts = [(module, name, child) for module in model.modules() for name, child in module.named_children()]
    for module, name, child in parts:
        if isinstance(child, torch.nn.Linear):
            setattr(module, name, IntegerLinear(child))
    return model


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
