"""Random draws from a language model that do not depend on the other rows of a batch."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Draw:
    """How the next token of one row in a batch is chosen."""

    chance: str
    """The row's random seed, as text: the same text draws the same tokens."""
    temperature: float = 0.0
    """Above 0 for random draws; 0 takes the most likely token."""
    top_p: float = 1.0
    """Draws only from the most likely tokens whose probabilities together reach this value."""


def make_sampler(draws: Sequence[Draw]) -> Callable[[Any, Any], Any]:
    """A logits processor that adds Gumbel noise, so that greedy decoding picks a randomly drawn token.

    The largest of logits perturbed in this way is a draw from their softmax (Maddison et al. 2014, arXiv:1411.0030).
    Each row has its own generator, so that the other rows of the batch do not change what it draws.

    Args:
        draws: one for each row of the batch.

    Returns: a function of the tokens so far and the scores of the next one, of shape (rows, vocabulary), which it
        changes in place.
    """
    import torch
    from transformers import TopPLogitsWarper

    chances = [
        torch.Generator().manual_seed(int(hashlib.sha256(draw.chance.encode()).hexdigest()[:15], 16))
        for draw in draws
    ]

    def sample(input_ids: Any, scores: Any) -> Any:
        for place, (draw, chance) in enumerate(zip(draws, chances, strict=True)):
            if draw.temperature:
                warm = scores[place : place + 1] / draw.temperature
                if draw.top_p < 1:
                    warm = TopPLogitsWarper(draw.top_p)(input_ids, warm)
                uniform = torch.rand(warm.shape, generator=chance)
                scores[place] = (warm - torch.log(-torch.log(uniform)).to(warm.device))[0]
        return scores

    return sample
