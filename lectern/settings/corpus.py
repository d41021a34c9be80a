"""What the model is to learn from: section `corpus` of params.yaml."""

from dataclasses import dataclass
from typing import Any

from lectern.settings.checks import check_share


@dataclass(frozen=True)
class Corpus:
    """Section `corpus`: what the model is to learn from."""

    name: str
    """Name of the file under conf/corpus."""
    sources: list[Any]
    """each a `kind` and what that kind needs; see lectern/sources"""
    allow_failed: float
    """Share of the items, 0 to 1, that may fail before the stage fails."""

    def __post_init__(self) -> None:
        check_share("allow_failed", self.allow_failed)
