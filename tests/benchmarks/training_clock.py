"""Where the time of a training goes, by hooks that are the same for every contestant. Needs torch alone.

The clock runs from the first forward pass with gradients to the end of the last optimizer step. What comes before and
after (loading, preparing the data, saving) is in the seconds of the whole process.
"""

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PHASES = (
    "layers forward",
    "head and loss forward",
    "head and loss backward",
    "layers forward again",
    "layers backward",
    "optimizer",
    "everything else",
)
"""`layers` are the embedding, the transformer's layers and the last norm; `forward again` is gradient checkpointing"""


class Clock:
    """CPU seconds by phase, positions that were computed, steps, and memory."""

    def __init__(self) -> None:
        self.spent: Counter[str] = Counter()
        self.phase, self.since = PHASES[-1], 0.0
        self.began: tuple[float, float] | None = None
        self.in_backward = False
        self.positions = self.micro_batches = self.steps = 0
        self.found: dict[str, Any] = {}

    def enter(self, phase: str) -> None:
        """What runs from now on is `phase`."""
        now = time.process_time()
        if self.began is not None:
            self.spent[self.phase] += now - self.since
        self.phase, self.since = phase, now

    def on_tokens(self, tokens: Any) -> None:
        """A forward pass of the training begins; tokens: (rows, tokens)."""
        import torch

        if not torch.is_grad_enabled() or self.in_backward:
            return
        if self.began is None:
            forget_peak()
            self.since = time.process_time()
            self.began = (time.perf_counter(), self.since)
        self.positions += tokens.numel()
        self.micro_batches += 1
        self.enter("layers forward")

    def on_hidden(self, hidden: Any) -> None:
        """The layers are done, and the head is next."""
        if hidden.requires_grad and not self.in_backward:
            hidden.register_hook(lambda _: self.enter("layers backward"))
            self.enter("head and loss forward")

    def on_step(self) -> None:
        """An optimizer step is done: it may be the last."""
        self.enter(PHASES[-1])
        self.steps += 1
        if self.began is None:
            raise SystemExit("an optimizer step came before any forward pass: the clock's hooks do not work")
        self.found = {
            "seconds": time.perf_counter() - self.began[0],
            "cpu_seconds": time.process_time() - self.began[1],
            "phases": {phase: self.spent[phase] for phase in PHASES},
            "positions": self.positions,
            "micro_batches": self.micro_batches,
            "steps": self.steps,
            "peak_mb": peak() / 1e6,
        }

    def report(self) -> dict[str, Any]:
        """What was measured up to the last step."""
        if not self.found:
            raise SystemExit("no optimizer step was seen")
        return self.found


def watch(clock: Clock, embedding: Any, layers: Sequence[tuple[Any, Any]], norm: Any) -> None:
    """Hang the clock into a model, into autograd and into the optimizers of this process.

    Args:
        clock: that measures.
        embedding: module, called with the tokens.
        layers: the first and the last module in each layer, which gradient checkpointing computes again.
        norm: the last module before the head.
    """
    import torch
    from torch.optim import optimizer

    embedding.register_forward_pre_hook(lambda _, given: clock.on_tokens(given[0]))
    norm.register_forward_hook(lambda _, given, hidden: clock.on_hidden(hidden))
    for first, last in layers:
        first.register_forward_pre_hook(lambda *_: _again(clock, "layers forward again"))
        # recomputation ends by an exception when all that is needed is there
        last.register_forward_hook(lambda *_: _again(clock, "layers backward"), always_call=True)
    backward = torch.autograd.backward

    def timed(*given: Any, **options: Any) -> None:
        clock.in_backward = True
        clock.enter("head and loss backward")
        try:
            backward(*given, **options)
        finally:
            clock.in_backward = False
            clock.enter(PHASES[-1])

    torch.autograd.backward = timed
    optimizer.register_optimizer_step_pre_hook(lambda *_: clock.enter("optimizer"))
    optimizer.register_optimizer_step_post_hook(lambda *_: clock.on_step())


def watch_llama(clock: Clock, model: Any) -> None:
    """Hang the clock into a Llama of transformers, given without its head."""
    layers = [(layer.input_layernorm, layer.mlp) for layer in model.layers]
    watch(clock, model.embed_tokens, layers, model.norm)


def _again(clock: Clock, phase: str) -> None:
    if clock.in_backward:
        clock.enter(phase)


def forget_peak() -> None:
    """Let the peak of memory begin here, where the system can (Linux): loading a model may have taken more."""
    path = Path("/proc/self/clear_refs")
    if path.exists():
        path.write_text("5")


def peak() -> int:
    """The most memory, in bytes, that this process held at once."""
    status = Path("/proc/self/status")
    if status.exists():
        [line] = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) * 1024
    import resource
    import sys

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
