"""How a model is tuned: section `train` of params.yaml."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lectern.settings import checks

METHODS = ("lora", "qlora", "dora", "rslora", "full")
PRECISIONS = ("auto", "fp32", "bf16", "fp16")
KEEP = ("best", "accuracy", "last")
TRACKERS = ("tensorboard", "wandb", "mlflow")


@dataclass(frozen=True)
class Train:
    """Section `train`: how the model is tuned."""

    name: str
    """Name of the file in conf/train."""
    method: str
    """`lora`; `qlora`, with the base model in 4 bits (NF4, double quantisation); `dora`, which also learns the length
    of each column; `rslora`, whose scale is alpha / sqrt(r); or `full`, which trains all weights of the model. Choices:
    METHODS."""
    r: int
    """Rank of the adapter."""
    alpha: int
    """The adapter's output is multiplied by alpha / r."""
    dropout: float
    """Dropout on the adapter's input, from 0 to below 1."""
    target_modules: Any
    """null for those of the base model, `all-linear`, or a list of names of linear layers."""
    from_adapter: str | None
    """A folder of models/adapters with an adapter that is trained further; null for a new adapter."""
    learning_rate: float
    """Peak learning rate."""
    epochs: int
    """Number of passes over the rows."""
    batch_size: int
    """Number of rows in a micro-batch; memory limits it."""
    gradient_accumulation: int
    """Number of micro-batches in a step, of all processes together."""
    packing: bool
    """Whether a micro-batch is one sequence of whole rows, which do not attend to each other, without padding. The
    sequence is as long as `batch_size` times the longest row."""
    gradient_checkpointing: bool
    """Whether activations are computed again in the backward pass, which takes about a third more time and a fraction
    of the memory."""
    precision: str
    """Number format of the weights; `auto` takes fp32 on a CPU, bf16 on a GPU that supports it, else fp16. Choices:
    PRECISIONS."""
    attention: str | None
    """Attention implementation, by its name in transformers: sdpa, eager, flash_attention_2; null for the default."""
    optimizer: str
    """Optimizer, by its name in transformers."""
    scheduler: str
    """Schedule of the learning rate, by its name in transformers."""
    warmup_share: float
    """Share of all steps, from 0 to 1, over which the learning rate rises."""
    weight_decay: float
    """Weight decay of AdamW."""
    max_grad_norm: float
    """Greatest norm of the gradients; larger ones are clipped."""
    explosion: float
    """The training stops if the loss of a step exceeds the greatest loss of the first ten steps by this factor, and is
    worse than that of a model to which all tokens are equally likely."""
    evaluations: int
    """Number of evaluations on the validation rows in each epoch."""
    early_stopping: int | None
    """Number of evaluations without a better figure after which the training ends; null for never. The figure is the
    one that `keep` names, and the validation loss for `last`."""
    keep: str
    """Which weights are kept: `best`, those with the lowest validation loss; `accuracy`, those that most often think
    the true next token of a validation answer the likeliest; or `last`. A speaker's manner is still being learnt when
    the loss has begun to rise, since a model that is sure and wrong costs much there. Choices: KEEP."""
    checkpoint_every: int
    """Distance between two checkpoints; a killed training loses at most so much. Unit: steps."""
    trackers: list[str]
    """Programs that get the curves too; each must be installed. Choices: TRACKERS."""
    seed: int
    """Seed of the adapter's initial weights, of dropout, and of the order of rows."""

    def __post_init__(self) -> None:
        checks.refuse(self._find_problems())

    def _find_problems(self) -> Iterator[str]:
        yield from checks.choice("method", self.method, METHODS)
        yield from checks.choice("precision", self.precision, PRECISIONS)
        yield from checks.choice("keep", self.keep, KEEP)
        if unknown := sorted(set(self.trackers) - set(TRACKERS)):
            yield f"trackers has {', '.join(unknown)}; choose among {', '.join(TRACKERS)}"
        yield from checks.at_least(
            self,
            r=1,
            alpha=1,
            epochs=1,
            batch_size=1,
            gradient_accumulation=1,
            evaluations=1,
            checkpoint_every=1,
            weight_decay=0,
        )
        if self.early_stopping is not None and self.early_stopping < 1:
            yield f"early_stopping is {self.early_stopping}; give 1 or more, or null"
        yield from checks.share("dropout", self.dropout, below_one=True)
        yield from checks.share("warmup_share", self.warmup_share)
        yield from checks.above_zero(self, "learning_rate", "max_grad_norm")
        if not self.explosion > 1:
            yield f"explosion is {self.explosion}; give a factor above 1"
        if self.method == "full" and self.from_adapter is not None:
            yield "method is full, which trains no adapter, so from_adapter must be null"

    @property
    def quantized(self) -> bool:
        """Whether the base model is held in 4 bits."""
        return self.method == "qlora"
