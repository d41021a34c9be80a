"""A way to train, and its hyperparameters, which are the same for this project's trainer and a plain script of TRL."""

from dataclasses import dataclass, replace
from pathlib import Path

from omegaconf import OmegaConf

from lectern.core.params import parse
from lectern.settings.train import Train

DEFAULTS = Path("conf/train/lora.yaml")
NEVER = 10**6
"""Steps between checkpoints where none is wanted."""


@dataclass(frozen=True)
class Way:
    """What differs between the trainings of a model."""

    method: str
    packing: bool
    checkpointing: bool
    """activation checkpointing: what a block computed is computed again in the backward pass"""
    precision: str = "bf16"
    batch_size: int = 8
    """rows of a micro-batch, of which a step has one: TRL's default"""
    learning_rate: float = 2e-4
    epochs: int = 1
    checkpoint_every: int = NEVER

    @property
    def name(self) -> str:
        """For the name of a check."""
        parts = [self.method, "packed" if self.packing else "padded"]
        return ".".join([*parts, "checkpointed"] if self.checkpointing else parts)

    def choose(self) -> Train:
        """Section `train`: the defaults of conf/train/lora.yaml with the values of this way."""
        chosen = parse(OmegaConf.to_container(OmegaConf.load(DEFAULTS)), Train, str(DEFAULTS))
        return replace(
            chosen,
            name=self.name,
            method=self.method,
            dropout=0.0,
            target_modules="all-linear",
            learning_rate=self.learning_rate,
            epochs=self.epochs,
            batch_size=self.batch_size,
            gradient_accumulation=1,
            packing=self.packing,
            gradient_checkpointing=self.checkpointing,
            precision=self.precision,
            keep="last",
            checkpoint_every=self.checkpoint_every,
        )


LORA_BARE = Way("lora", packing=False, checkpointing=False)
LORA = Way("lora", packing=False, checkpointing=True)
LORA_PACKED_BARE = Way("lora", packing=True, checkpointing=False)
LORA_PACKED = Way("lora", packing=True, checkpointing=True)
QLORA_BARE = Way("qlora", packing=False, checkpointing=False)
QLORA = Way("qlora", packing=False, checkpointing=True)
QLORA_PACKED_BARE = Way("qlora", packing=True, checkpointing=False)
QLORA_PACKED = Way("qlora", packing=True, checkpointing=True)
ALL = (LORA_BARE, LORA, LORA_PACKED_BARE, LORA_PACKED, QLORA_BARE, QLORA, QLORA_PACKED_BARE, QLORA_PACKED)
