"""What the model is to learn from: section `corpus` of params.yaml."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Corpus:
    """Section `corpus`: what the model is to learn from."""

    name: str
    """of the configuration under conf/corpus"""
    sources: list[Any]
    """each a `kind` and what that kind needs; see lectern/sources"""
    allow_failed: float = 0.0
    """share of the items that may fail to come before the stage does, 0 to 1"""

    def __post_init__(self) -> None:
        if not 0 <= self.allow_failed <= 1:
            raise ValueError(f"corpus.allow_failed is {self.allow_failed}; it is a share, from 0 to 1")
