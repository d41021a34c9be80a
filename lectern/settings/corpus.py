"""What the model learns from: section `corpus` of params.yaml. sources.py has the kinds of source."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lectern.settings import checks


@dataclass(frozen=True)
class Corpus:
    """Section `corpus`: what the model learns from."""

    name: str
    """Name of the file in conf/corpus."""
    sources: list[Any]
    """The sources. Each has a `kind` and the parameters of that kind, which stand at the end of this page."""
    allow_failed: float
    """Share of the items, from 0 to 1, that may fail before the stage `fetch` fails."""

    def __post_init__(self) -> None:
        checks.refuse(self._find_problems())

    def _find_problems(self) -> Iterator[str]:
        yield from checks.share("allow_failed", self.allow_failed)
