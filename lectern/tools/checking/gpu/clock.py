"""Time the steps of a training from outside, and read its peak memory, in the same way for every trainer."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from lectern.tools.checking.gpu import device


class Clock:
    """When each optimizer step ended, and the most memory of tensors."""

    def __init__(self) -> None:
        self.ends: list[float] = []
        self.peak: int | None = None
        """bytes beyond those that were taken before; None on a CPU"""

    def find_speed(self, tokens: Sequence[int]) -> tuple[float | None, float | None]:
        """Return the seconds after the first step, in which kernels are loaded, and the tokens a second in them.

        Args:
            tokens: of each step, without padding.

        Returns: seconds and tokens a second; None for a training of one step.
        """
        if len(self.ends) < 2:
            return None, None
        seconds = self.ends[-1] - self.ends[0]
        return seconds, sum(tokens[1 : len(self.ends)]) / seconds


@contextmanager
def watching() -> Iterator[Clock]:
    """Yield a clock that watches the training in the block."""
    import torch
    from torch.optim import optimizer

    on_gpu, clock = torch.cuda.is_available(), Clock()

    def note(*_: object) -> None:
        if on_gpu:
            torch.cuda.synchronize()
        clock.ends.append(time.perf_counter())

    device.release()
    before = 0
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
    hook = optimizer.register_optimizer_step_post_hook(note)
    try:
        yield clock
    finally:
        hook.remove()
        if on_gpu:
            clock.peak = torch.cuda.max_memory_allocated() - before
