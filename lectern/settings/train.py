"""Section `train` of params.yaml: how a model is tuned."""

from dataclasses import dataclass
from typing import Any

METHODS = ("lora", "qlora", "dora", "rslora", "full")
PRECISIONS = ("auto", "fp32", "bf16", "fp16")
TRACKERS = ("tensorboard", "wandb", "mlflow")


@dataclass(frozen=True)
class Train:
    """Section `train`."""

    name: str
    """name of the file in conf/train"""
    method: str
    """`lora`; `qlora`, with the base model in 4 bits (NF4, double quantisation); `dora`, which also learns the length
    of each column; `rslora`, whose scale is alpha / sqrt(r); or `full`, which trains all weights of the model"""
    r: int
    """rank of the adapter"""
    alpha: int
    """the adapter's output is multiplied by alpha / r"""
    dropout: float
    """dropout on the adapter's input, from 0 to below 1"""
    target_modules: Any
    """null for those of the base model, all-linear, or a list of names of linear layers"""
    from_adapter: str | None
    """a folder of models/adapters with an adapter that is trained further; null for a new adapter"""
    learning_rate: float
    """peak learning rate"""
    epochs: int
    """number of passes over the rows"""
    batch_size: int
    """number of rows in a micro-batch; memory limits it"""
    gradient_accumulation: int
    """number of micro-batches in a step, of all processes together"""
    packing: bool
    """whether a micro-batch is one sequence of whole rows, which do not attend to each other, without padding; the
    sequence is as long as `batch_size` times the longest row"""
    gradient_checkpointing: bool
    """whether activations are computed again in the backward pass, which takes about a third more time and a fraction
    of the memory"""
    precision: str
    """fp32, bf16 or fp16; `auto` takes fp32 on a CPU, bf16 on a GPU that supports it, else fp16"""
    attention: str | None
    """attention implementation, by its name in transformers: sdpa, eager, flash_attention_2; null for the default"""
    optimizer: str
    """optimizer, by its name in transformers"""
    scheduler: str
    """schedule of the learning rate, by its name in transformers"""
    warmup_share: float
    """share of all steps over which the learning rate rises, from 0 to 1"""
    weight_decay: float
    """weight decay of AdamW"""
    max_grad_norm: float
    """greatest norm of the gradients; larger ones are clipped"""
    explosion: float
    """the training stops if the loss of a step exceeds the greatest loss of the first ten steps by this factor"""
    evaluations: int
    """number of evaluations on the validation rows in each epoch"""
    early_stopping: int | None
    """number of evaluations without a better validation loss after which the training ends; null for never"""
    keep: str
    """which weights are kept: `best`, those with the lowest validation loss, or `last`"""
    checkpoint_every: int
    """number of steps between checkpoints; a killed training loses at most so many"""
    trackers: list[str]
    """tensorboard, wandb and mlflow, which then get the curves too; each must be installed"""
    seed: int
    """seed of the adapter's initial weights, of dropout, and of the order of rows"""

    def __post_init__(self) -> None:
        for field, choices in (
            ("method", METHODS),
            ("precision", PRECISIONS),
            ("keep", ("best", "last")),
        ):
            if getattr(self, field) not in choices:
                raise ValueError(f"{field} is {getattr(self, field)!r}; choose one of {', '.join(choices)}")
        if unknown := sorted(set(self.trackers) - set(TRACKERS)):
            raise ValueError(f"trackers has {', '.join(unknown)}; choose among {', '.join(TRACKERS)}")
        for field in (
            "r",
            "alpha",
            "epochs",
            "batch_size",
            "gradient_accumulation",
            "evaluations",
            "checkpoint_every",
        ):
            if getattr(self, field) < 1:
                raise ValueError(f"{field} is {getattr(self, field)}; give 1 or more")
        if self.early_stopping is not None and self.early_stopping < 1:
            raise ValueError(f"early_stopping is {self.early_stopping}; give 1 or more, or null")
        if not 0 <= self.dropout < 1 or not 0 <= self.warmup_share <= 1:
            raise ValueError(
                f"dropout is {self.dropout} and warmup_share is {self.warmup_share}; dropout must be at least 0 and "
                "below 1, warmup_share from 0 to 1"
            )
        if self.learning_rate <= 0 or self.max_grad_norm <= 0 or self.weight_decay < 0:
            raise ValueError(
                f"learning_rate is {self.learning_rate}, max_grad_norm {self.max_grad_norm} and weight_decay "
                f"{self.weight_decay}; the first two must be above 0, weight_decay 0 or above"
            )
        if self.explosion <= 1:
            raise ValueError(f"explosion is {self.explosion}; give a factor above 1")
        if self.method == "full" and self.from_adapter is not None:
            raise ValueError("method is full, which trains no adapter, so from_adapter must be null")

    @property
    def quantized(self) -> bool:
        """Whether the base model is held in 4 bits."""
        return self.method == "qlora"
