"""Whose answers are trimmed: section `clean_answers` of params.yaml."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CleanAnswers:
    """Section `clean_answers`; the LLM is section `cleaner`."""

    contestants: list[str]
    """Contestants whose answers are trimmed, such as tuned; [] for none."""
    prompt: str
    """a file of lectern/llm/prompts"""

    def __post_init__(self) -> None:
        if len(set(self.contestants)) < len(self.contestants):
            raise ValueError(f"contestants names one twice: {', '.join(self.contestants)}")
