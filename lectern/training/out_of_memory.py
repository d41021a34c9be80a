"""Turn a lack of memory into an error that says what to change."""

from collections.abc import Iterator
from contextlib import contextmanager

from lectern.core.errors import LecternError
from lectern.core.printing import first_line
from lectern.training import memory

SIGNS = ("can't allocate memory", "not enough memory", "CUDA out of memory")
"""Parts of the libraries' error messages about a lack of memory."""


@contextmanager
def explaining(estimate: memory.Estimate | None) -> Iterator[None]:
    """Turn a lack of memory, of a GPU or of the machine, into an error that says what to change.

    Args:
        estimate: estimated memory of the training; None while the model is being loaded.
    """
    import torch

    try:
        yield
    except (MemoryError, RuntimeError) as error:
        short = isinstance(error, MemoryError | torch.OutOfMemoryError)
        if not short and not any(sign in str(error) for sign in SIGNS):
            raise
        advice = "Set train.method=qlora, or choose a smaller base_model."
        if estimate is not None:
            advice = f"The training takes {estimate.describe()}. {advise(estimate)}"
        raise LecternError(f"there is not enough memory: {first_line(error)}\n{advice}") from error


def advise(estimate: memory.Estimate) -> str:
    """Return a sentence that says what to change, and how much memory each change would save."""
    changes = "; ".join(str(advice) for advice in memory.lower(estimate))
    return f"Lower it: {changes}." if changes else "Choose a smaller base_model."
