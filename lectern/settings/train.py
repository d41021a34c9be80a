"""How a model is tuned: section `train` of params.yaml."""

from dataclasses import dataclass
from typing import Any

METHODS = ("lora", "qlora", "dora", "rslora", "full")
PRECISIONS = ("auto", "fp32", "bf16", "fp16")
TRACKERS = ("tensorboard", "wandb", "mlflow")


@dataclass(frozen=True)
class Train:
    """Section `train`."""

    name: str
    """of the file in conf/train"""
    method: str
    """lora; qlora, on a base model in 4 bits (NF4, double quantisation); dora, which learns each column's length too;
    rslora, whose scale is alpha / sqrt(r); full, every weight of the model"""
    r: int
    """rank of the adapter"""
    alpha: int
    """the adapter's output is scaled by alpha / r"""
    dropout: float
    """on the adapter's input"""
    target_modules: Any
    """null for those of the base model, all-linear, or a list of the names of linear layers"""
    from_adapter: str | None
    """a folder of models/adapters whose adapter is trained on; null for a new one"""
    learning_rate: float
    """the peak"""
    epochs: int
    """passes over the rows"""
    batch_size: int
    """rows in a micro-batch, which memory limits"""
    gradient_accumulation: int
    """micro-batches in a step, of all processes together"""
    packing: bool
    """a micro-batch is one sequence of whole rows that do not see each other, without padding, as long as `batch_size`
    of the longest rows"""
    gradient_checkpointing: bool
    """activations are computed again in the backward pass: about a third more time, a fraction of the memory"""
    precision: str
    """fp32, bf16 or fp16; auto takes fp32 on a CPU, bf16 on a GPU that computes in it, else fp16"""
    attention: str | None
    """the implementation, by its name in transformers: sdpa, eager, flash_attention_2; null for its own choice"""
    optimizer: str
    """by its name in transformers"""
    scheduler: str
    """course of the learning rate, by its name in transformers"""
    warmup_share: float
    """share of the steps over which the learning rate rises"""
    weight_decay: float
    """of AdamW"""
    max_grad_norm: float
    """gradients are clipped to it"""
    explosion: float
    """a step's loss above this many times the largest of the first ten stops the training"""
    evaluations: int
    """of the validation rows in an epoch"""
    early_stopping: int | None
    """evaluations without a better validation loss after which the training ends; null for never"""
    keep: str
    """best, the weights with the lowest validation loss, or last"""
    checkpoint_every: int
    """steps between checkpoints, which is what a kill may cost"""
    trackers: list[str]
    """tensorboard, wandb, mlflow: told of the curves as well; each must be installed"""
    seed: int
    """of the adapter's first weights, of dropout and of the order of rows"""

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
                f"dropout is {self.dropout} and warmup_share {self.warmup_share}; give shares of 1"
            )
        if self.learning_rate <= 0 or self.max_grad_norm <= 0 or self.weight_decay < 0:
            raise ValueError("learning_rate and max_grad_norm must be above 0, weight_decay 0 or above")
        if self.explosion <= 1:
            raise ValueError(f"explosion is {self.explosion}; give a factor above 1")
        if self.method == "full" and self.from_adapter is not None:
            raise ValueError("method full trains no adapter, so from_adapter must be null")

    @property
    def quantized(self) -> bool:
        """Whether the base model is held in 4 bits."""
        return self.method == "qlora"
