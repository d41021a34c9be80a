"""Read prompts once, for the answers that a model writes to them and for the likelihood of answers that are given.

Most of the work on a question with long sources is to read the prompt. The keys and values that a model keeps of it
serve both purposes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lectern.models import likelihood
from lectern.models.likelihood import Scored


@dataclass(frozen=True)
class Prompts:
    """A batch of prompts, padded on the left and masked."""

    ids: Any
    """tokens, of shape (prompts, longest)"""
    attention: Any
    """1 for each token of a prompt, 0 for padding; same shape"""
    cache: Any = None
    """keys and values of all tokens but the last of each prompt; None if the model has not read them"""


def stack(prompts: Sequence[Sequence[int]], pad: int, device: Any) -> Prompts:
    """Pad prompts on the left, so that their answers begin in the same column.

    Args:
        prompts: tokens.
        pad: any token.
        device: of the model.
    """
    import torch

    longest = max(map(len, prompts))
    ids = torch.full((len(prompts), longest), pad, dtype=torch.long)
    attention = torch.zeros_like(ids)
    for place, prompt in enumerate(prompts):
        ids[place, longest - len(prompt) :] = torch.tensor(prompt)
        attention[place, longest - len(prompt) :] = 1
    return Prompts(ids.to(device), attention.to(device))


def read(model: Any, prompts: Prompts) -> Prompts:
    """Let a causal language model read all tokens but the last of each prompt.

    Returns: the same prompts with the model's cache; unread and without one, if the model cannot forget what came after
        a prompt, as models with a recurrent state or a window of the newest tokens cannot, or if the prompts are single
        tokens.
    """
    import torch
    from transformers import DynamicCache

    cache = DynamicCache(config=model.config)
    if prompts.ids.shape[1] < 2 or not cache.is_croppable or any(cache.is_sliding):
        return prompts
    seen = prompts.attention[:, :-1]
    with torch.no_grad():  # sharded weights cannot be gathered in inference mode
        model(
            input_ids=prompts.ids[:, :-1],
            attention_mask=seen,
            position_ids=_positions(seen),
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
    return Prompts(prompts.ids, prompts.attention, cache)


def _positions(attention: Any) -> Any:
    return (attention.cumsum(dim=-1) - 1).clamp(min=0)


def score(
    model: Any, prompts: Prompts, rows: Sequence[tuple[Sequence[int], Sequence[int]]], *, pad: int
) -> list[Scored]:
    """Measure how likely the marked tokens of each row are. The cache is afterwards what it was before.

    Args:
        model: the model that has read the prompts.
        prompts: with the model's cache.
        rows: pairs (input_ids, mask) as of `likelihood.score_rows`, one for each prompt. A row begins with its prompt,
            of which no token counts, or it is empty.
        pad: any token.
    """
    import torch

    from lectern.models.microbatches import pad_rows

    sizes = prompts.attention.sum(dim=1).tolist()
    # The last token of a prompt is not in the cache, and says how likely the first one of an answer is.
    after = [(ids[size - 1 :], mask[size - 1 :]) for (ids, mask), size in zip(rows, sizes, strict=True)]
    inputs = {name: part.to(prompts.ids.device) for name, part in pad_rows(after, pad).items()}
    attention = torch.cat([prompts.attention[:, :-1], inputs["attention_mask"]], dim=1)
    columns = inputs["input_ids"].shape[1]
    with torch.no_grad():
        found = likelihood.score_batch(
            model,
            {
                "input_ids": inputs["input_ids"],
                "attention_mask": attention,
                "position_ids": _positions(attention)[:, -columns:],
                "past_key_values": prompts.cache,
            },
            inputs["labels"],
        )
    prompts.cache.crop(-columns)
    return found
