"""How the next token is chosen: section `decoding` of params.yaml."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lectern.settings import checks

LARGEST_PENALTY = 2.0
"""Servers accept no more."""


@dataclass(frozen=True)
class Decoding:
    """Section `decoding`: how the next token is chosen, the same wherever the model answers.

    The stages `generate` and `episodes`, the chat, `lectern serve`, the Modelfile and the configuration of vLLM all use
    it. Episodes have a `temperature` and a `top_p` of their own, because they are sampled.
    """

    temperature: float
    """0 takes the most likely token each time; with more, tokens are sampled."""
    top_p: float
    """Tokens are sampled from the smallest set of most likely tokens with at least this probability together. 1 keeps
    all."""
    top_k: int
    """Tokens are sampled from this number of most likely tokens; 0 keeps all."""
    min_p: float
    """Tokens are sampled from those with at least this share of the probability of the most likely token; 0 keeps
    all."""
    repetition_penalty: float
    """Above 1, tokens that the answer already has become less likely: their scores (logits) are divided by it, or
    multiplied where they are negative (Keskar et al. 2019, arXiv:1909.05858). 1 changes nothing. The prompt does not
    count, since it may hold passages to quote. Servers count the end of the prompt too (llama.cpp, Ollama) or all of it
    (vLLM)."""
    no_repeat_ngram_size: int
    """No run of so many tokens occurs twice in an answer; 0 allows all. The prompt does not count. Servers have no such
    option, so their answers are written without it."""

    def __post_init__(self) -> None:
        checks.refuse(self._find_problems())

    def _find_problems(self) -> Iterator[str]:
        yield from checks.at_least(self, temperature=0, top_k=0, no_repeat_ngram_size=0)
        yield from checks.share("top_p", self.top_p, above_zero=True)
        yield from checks.share("min_p", self.min_p)
        if not 0 < self.repetition_penalty <= LARGEST_PENALTY:
            yield (
                f"repetition_penalty is {self.repetition_penalty}; give more than 0 and at most {LARGEST_PENALTY:g} (1 "
                "changes nothing)"
            )
        if self.no_repeat_ngram_size == 1:
            yield (
                "no_repeat_ngram_size is 1, with which no token could occur twice in an answer; give 0 to allow all "
                "runs, or 2 or more"
            )

    @property
    def changes(self) -> Mapping[str, float]:
        """The options that change an answer, by their names; none of them if the most likely token is always taken."""
        sampled = bool(self.temperature)
        changes = {
            "temperature": sampled,
            "top_p": sampled and self.top_p < 1,
            "top_k": sampled and self.top_k > 0,
            "min_p": sampled and self.min_p > 0,
            "repetition_penalty": self.repetition_penalty != 1,
            "no_repeat_ngram_size": self.no_repeat_ngram_size > 0,
        }
        return {name: getattr(self, name) for name, changed in changes.items() if changed}


NEUTRAL = Decoding(
    temperature=0.0, top_p=1.0, top_k=0, min_p=0.0, repetition_penalty=1.0, no_repeat_ngram_size=0
)
"""Options that change nothing: the most likely token each time."""
