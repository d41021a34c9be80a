"""Draws from a language model that do not depend on what is computed beside them."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Draw:
    """How one row of a batch is answered."""

    chance: str
    """what the row draws by: the same text draws the same"""
    temperature: float = 0.0
    """0 takes the likeliest token"""
    top_p: float = 1.0
    """only the likeliest tokens with together this probability are drawn"""


def make_sampler(draws: Sequence[Draw]) -> Callable[[Any, Any], Any]:
    """A logits processor that makes the likeliest token of a row the one that is drawn, by adding Gumbel noise.

    Each row has its own generator, so that its neighbours do not change what it draws (Maddison et al. 2014,
    arXiv:1411.0030: the largest of perturbed logits is a draw from their softmax).

    Args:
        draws: one for each row of the batch.

    Returns: a function of the tokens so far and the scores (rows, vocabulary) of the next, which it changes.
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
