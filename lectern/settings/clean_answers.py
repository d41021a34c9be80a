"""Whose answers are trimmed: section `clean_answers` of params.yaml."""

from collections.abc import Iterator
from dataclasses import dataclass

from lectern.settings import checks


@dataclass(frozen=True)
class CleanAnswers:
    """Section `clean_answers`: whose answers the LLM of section `cleaner` trims."""

    contestants: list[str]
    """Contestants whose answers are trimmed, such as tuned; [] for none."""
    prompt: str
    """Name of a file in lectern/llm/prompts, without its suffix."""

    def __post_init__(self) -> None:
        checks.refuse(self._find_problems())

    def _find_problems(self) -> Iterator[str]:
        yield from checks.prompt("prompt", self.prompt)
        yield from checks.unique("contestants", self.contestants, "one")
