"""Section `generate` of params.yaml: how the contestants answer."""

import re
from dataclasses import dataclass

from lectern.core.schema import DIALOGUES, HELD_OUT


@dataclass(frozen=True)
class Generate:
    """Section `generate`."""

    max_new_tokens: int
    """limit of an answer in tokens; an answer that reaches it counts as unfinished"""
    batch_size: int
    """number of prompts that are computed together; memory limits it"""
    parity_prompts: int
    """number of held-out questions that the merged model answers too, for the parity check; 0 for no check"""
    parity_tokens: int
    """limit of these answers in tokens"""
    temperature: float
    """0 always takes the most likely token; with more, tokens are sampled"""
    top_p: float
    """Draws only from the most likely tokens whose probabilities together reach this value."""
    seed: int
    """seed of the sampling; each prompt is sampled independently of the others in its batch"""
    evals: list[str]
    """names of files in data/evals, without suffix; the answers to each are reported separately"""

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
                    f"evals has {name!r}; give the name of a file in data/evals without .jsonl, which has only "
                    f"letters, digits, _ and -, and is not {HELD_OUT} or {DIALOGUES}"
                )
        if len(set(self.evals)) < len(self.evals):
            raise ValueError(f"evals names a set twice: {', '.join(self.evals)}")
