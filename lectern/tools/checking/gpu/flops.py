"""How many floating-point operations a training needs: multiplications and additions of its matrix products."""

from collections.abc import Sequence

from lectern.core.schema import TokenRow
from lectern.training import memory

COUNTED = (
    "A multiplication and an addition are two operations. For a row of T tokens, t of them trained, of a model with W "
    "weights in its linear layers, L blocks of width h, a vocabulary V and A trained adapter weights: forward "
    "2*T*W + 4*T*T*h*L (attention, all pairs of tokens of a row, as in Chowdhery et al. 2022, arXiv:2204.02311, "
    "appendix B) + 2*t*h*V (the head, only where a token is trained) + 2*T*A; backward the same again for the "
    "gradients of inputs (twice for attention, whose two products have two inputs each), and 2*T*A for those of the "
    "adapter's weights, but none for frozen weights. Padding and activations that are computed again do not count, so "
    "both cost mfu. The same count is used for every trainer."
)
"""For the report."""


def of_row(sizes: memory.Sizes, adapter: int, tokens: int, trained: int) -> int:
    """The operations of one row in one step of a training with LoRA, forward and backward.

    Args:
        sizes: of the base model, whose attention must be as wide as its hidden state.
        adapter: number of trained weights of the adapter.
        tokens: of the row.
        trained: how many of them are trained.
    """
    linear = 2 * 2 * tokens * sizes.linear
    attention = 3 * 4 * tokens**2 * sizes.hidden * sizes.layers
    head = 2 * 2 * trained * sizes.hidden * sizes.vocabulary
    return linear + attention + head + 3 * 2 * tokens * adapter


def a_token(sizes: memory.Sizes, adapter: int, rows: Sequence[TokenRow]) -> float:
    """The operations for each token of these rows, on average."""
    total = sum(of_row(sizes, adapter, len(row.input_ids), sum(row.assistant_masks)) for row in rows)
    return total / sum(len(row.input_ids) for row in rows)


def utilization(flops_a_token: float, tokens_a_second: float | None, peak: float | None) -> float | None:
    """Model FLOPs utilization (MFU): the share of the device's peak that useful operations reach; None if unknown."""
    if tokens_a_second is None or peak is None:
        return None
    return flops_a_token * tokens_a_second / peak
