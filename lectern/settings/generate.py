"""How the contestants are asked: section `generate` of params.yaml."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lectern.core.schema import DIALOGUES, HELD_OUT, REWORDED
from lectern.settings import checks

OWN_SETS = (HELD_OUT, DIALOGUES, REWORDED)
"""Sets that the pipeline makes."""


@dataclass(frozen=True)
class Generate:
    """Section `generate`: how the contestants answer the held-out questions and the evaluation sets."""

    max_new_tokens: int
    """Greatest length of an answer; an answer that reaches it counts as unfinished. Unit: tokens."""
    batch_size: int
    """Number of prompts that are computed together; memory limits it."""
    parity_prompts: int
    """Number of held-out questions that the merged model answers too, for the parity check; 0 for no check."""
    parity_tokens: int
    """Greatest length of these answers. Unit: tokens."""
    seed: int
    """Seed of the sampling, if section `decoding` samples; each prompt is sampled independently of the others in its
    batch."""
    background: int
    """Number of training questions, drawn evenly over the items, that the base answers too. Likeness learns from these
    answers how the speaker does not sound; without them it only knows what other people say in the rows."""
    evals: list[str]
    """Names of files in data/evals, without suffix; the answers to each are reported separately."""

    def __post_init__(self) -> None:
        checks.refuse(self._find_problems())

    def _find_problems(self) -> Iterator[str]:
        yield from checks.at_least(
            self, max_new_tokens=1, batch_size=1, parity_tokens=1, parity_prompts=0, background=0
        )
        for name in self.evals:
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name) or name in OWN_SETS:
                yield (
                    f"evals has {name!r}; give the name of a file in data/evals without .jsonl, which has only "
                    f"letters, digits, _ and -, and is not {', '.join(OWN_SETS)}"
                )
        yield from checks.unique("evals", self.evals, "a set")
