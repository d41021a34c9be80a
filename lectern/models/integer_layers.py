"""Linear layers that multiply whole numbers of 8 bits: about three times as fast as single precision on a processor
with instructions for them, and less exact.

Each output's weights have a scale of their own, and so has each token's input, so that what a text becomes does not
depend on the texts beside it (LLM.int8(), Dettmers et al. 2022, section 2.1, vector-wise). Weights take 7 of the 8
bits: processors without VNNI add two products in 16 bits, which 8 bits overflow. So they are the same everywhere.
On processors without AVX-512 torch has no fast product of 8 bits (it was 12 times as slow as single precision on an
AVX2 one): there the same whole numbers are multiplied as floats, which is exact, since all sums stay below 2 ** 24.
"""

from typing import Any

WEIGHT_STEPS = 63
INPUT_STEPS = 127
EXACT = 2**24 // (WEIGHT_STEPS * INPUT_STEPS)
"""Products of two such numbers whose sum a float holds exactly."""


def quantise(model: Any) -> Any:
    """Replace the linear layers of `model`, a torch module, in place; return it."""
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
            # In place, because what is written anew leaves the cache: as much time again as the product takes.
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
    """The product of whole numbers held as floats, exact as that of integers: int32 where one float would not hold it.

    Args:
        rows: (rows, inputs), each at most INPUT_STEPS in size.
        weight: (inputs, outputs), each at most WEIGHT_STEPS.

    Returns: (rows, outputs).
    """
    import torch

    if rows.shape[1] <= EXACT:
        return rows @ weight
    parts = zip(rows.split(EXACT, dim=1), weight.split(EXACT, dim=0), strict=True)
    return torch.stack([(part @ other).to(torch.int32) for part, other in parts]).sum(0)


def _scale(values: Any, steps: int) -> Any:
    """The value of one step in each row, of shape (rows, 1); above zero, so that a row of zeros stays one."""
    largest = values.amax(1, keepdim=True).maximum(-values.amin(1, keepdim=True))
    return largest.div_(steps).clamp_(min=1e-12)
