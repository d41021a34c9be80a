"""How the contestants are asked: section `generate` of params.yaml."""

import re
from dataclasses import dataclass

from lectern.core.schema import DIALOGUES, HELD_OUT


@dataclass(frozen=True)
class Generate:
    """Section `generate`."""

    max_new_tokens: int
    """limit of an answer; one that reaches it counts as unfinished"""
    batch_size: int
    """prompts computed together, which memory limits"""
    parity_prompts: int
    """held-out questions that the merged model answers too; 0 for none"""
    parity_tokens: int
    """limit of these answers"""
    temperature: float
    """0 takes the likeliest token each time; above it tokens are drawn"""
    top_p: float
    """Draws only from the most likely tokens whose probabilities together reach this value."""
    seed: int
    """of the draws; each prompt draws by itself, whatever stands beside it"""
    evals: list[str]
    """names of files in data/evals; each is asked, and reported apart"""

    def __post_init__(self) -> None:
        for name in ("max_new_tokens", "batch_size", "parity_tokens"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; give 1 or more")
        if self.parity_prompts < 0:
            raise ValueError(f"parity_prompts is {self.parity_prompts}; give 0 or more")
        if not self.temperature >= 0:
            raise ValueError(f"temperature is {self.temperature}; give 0 or more")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p is {self.top_p}; give more than 0 and at most 1")
        for name in self.evals:
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name) or name in (HELD_OUT, DIALOGUES):
                raise ValueError(
                    f"evals has {name!r}; a set is named after its file, of letters, digits, _ and -, and not "
                    f"{HELD_OUT} or {DIALOGUES}"
                )
        if len(set(self.evals)) < len(self.evals):
            raise ValueError(f"evals names a set twice: {', '.join(self.evals)}")
