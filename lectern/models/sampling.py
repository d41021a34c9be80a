"""How the next token is chosen from a model's scores, for each row of a batch without regard to the other rows."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from lectern.settings.decoding import Decoding


@dataclass(frozen=True)
class Draw:
    """How the tokens of one row in a batch are chosen."""

    chance: str
    """The row's random seed, as text: the same text draws the same tokens."""
    decoding: Decoding


def make_sampler(draws: Sequence[Draw], prompt: int) -> Callable[[Any, Any], Any]:
    """A logits processor that changes the scores of each row, so that greedy decoding picks the token of its draw.

    A sampled token is drawn by Gumbel noise: the largest of logits perturbed in this way is a draw from their softmax
    (Maddison et al. 2014, arXiv:1411.0030). Each row has its own generator, so that the other rows of the batch do not
    change what it draws.

    Args:
        draws: one for each row of the batch.
        prompt: number of tokens before the first generated one, the same for all rows, with padding on the left.

    Returns: a function of the tokens so far and the scores of the next one, of shape (rows, vocabulary), which it
        changes in place.
    """
    import torch

    chances = [
        torch.Generator().manual_seed(int(hashlib.sha256(draw.chance.encode()).hexdigest()[:15], 16))
        for draw in draws
    ]

    def sample(input_ids: Any, scores: Any) -> Any:
        for place, (draw, chance) in enumerate(zip(draws, chances, strict=True)):
            if not draw.decoding.changes:
                continue
            own = slice(place, place + 1)
            changed = reshape(draw.decoding, input_ids[own, prompt:], scores[own])
            if draw.decoding.temperature:
                uniform = torch.rand(changed.shape, generator=chance)
                changed = changed - torch.log(-torch.log(uniform)).to(changed.device)
            scores[place] = changed[0]
        return scores

    return sample


def reshape(decoding: Decoding, written: Any, scores: Any) -> Any:
    """The scores of the next token, whose softmax is the distribution that a sampled token is drawn from.

    The functions are those of transformers, in the order in which its `generate` applies them. They only see the
    generated tokens, so that what a prompt quotes may be said.

    Args:
        decoding: the options.
        written: the generated tokens so far, of shape (rows, tokens); there may be none.
        scores: of the next token, of shape (rows, vocabulary). They stay as they are.
    """
    from transformers import (
        LogitsProcessorList,
        MinPLogitsWarper,
        NoRepeatNGramLogitsProcessor,
        RepetitionPenaltyLogitsProcessor,
        TopKLogitsWarper,
        TopPLogitsWarper,
    )

    steps = LogitsProcessorList()
    if decoding.repetition_penalty != 1:
        steps.append(RepetitionPenaltyLogitsProcessor(float(decoding.repetition_penalty)))
    if decoding.no_repeat_ngram_size:
        steps.append(NoRepeatNGramLogitsProcessor(decoding.no_repeat_ngram_size))
    scores = steps(written, scores)
    if not decoding.temperature:
        return scores
    warm = LogitsProcessorList()
    if decoding.top_k:
        warm.append(TopKLogitsWarper(decoding.top_k))
    if decoding.top_p < 1:
        warm.append(TopPLogitsWarper(decoding.top_p))
    if decoding.min_p:
        warm.append(MinPLogitsWarper(decoding.min_p))
    return warm(written, scores / decoding.temperature)
