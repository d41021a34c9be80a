"""Measure the likelihood of given answers under a model."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from lectern.models.batching import by_length


class Scored(NamedTuple):
    """How a model does on the marked tokens of a row."""

    nll: float
    """summed negative log-likelihood; unit: nats"""
    tokens: int
    """number of marked tokens"""
    right: int
    """number of marked tokens that the model thinks more likely than any other"""


def token_losses(model: Any, inputs: Mapping[str, Any], labels: Any) -> Any:
    """Return the negative log-likelihood of each label given the tokens before it, with gradients if they are enabled.

    Logits are computed only in columns where some row has a label, because with a vocabulary of 49,152 they take more
    time and memory than anything else in a small model.

    Args:
        model: a causal language model.
        inputs: input_ids (rows, tokens) with attention_mask (rows, tokens) or position_ids (1, tokens).
        labels: (rows, tokens), -100 where there is no label; the first column never counts.

    Returns: (rows, columns with a label), in nats, 0 where the label is -100.
    """
    return _losses(*_read(model, inputs, labels))


def _read(model: Any, inputs: Mapping[str, Any], labels: Any) -> tuple[Any, Any]:
    """Return the logits, and the labels, of the columns in which some row has a label."""
    asked = labels[:, 1:]
    columns = (asked != -100).any(dim=0).nonzero().flatten()
    keep = {"use_cache": "past_key_values" in inputs}
    return model(**inputs, **keep, logits_to_keep=columns).logits, asked[:, columns]


def _losses(logits: Any, asked: Any) -> Any:
    from torch.nn import functional as F

    # cross_entropy would otherwise need the shape (rows, vocabulary, columns), for which the logits would be copied
    losses = F.cross_entropy(
        logits.float().flatten(0, 1), asked.flatten(), ignore_index=-100, reduction="none"
    )
    return losses.view(asked.shape)


def negative_log_likelihoods(
    model: Any, rows: Sequence[tuple[Sequence[int], Sequence[int]]], *, pad: int, batch_size: int
) -> list[tuple[float, int]]:
    """Return the summed negative log-likelihood, in nats, and the number of the marked tokens of each row.

    Arguments and order are those of `score_rows`.
    """
    return [(found.nll, found.tokens) for found in score_rows(model, rows, pad=pad, batch_size=batch_size)]


def score_rows(
    model: Any, rows: Sequence[tuple[Sequence[int], Sequence[int]]], *, pad: int, batch_size: int
) -> list[Scored]:
    """Measure how likely the marked tokens of each row are given the tokens before, in the order of `rows`.

    Batches are padded on the right, which a causal model cannot see, so a row's result does not depend on the others in
    its batch, except for the last bits of float32 sums.

    Args:
        model: a causal language model.
        rows: pairs (input_ids, mask); the mask is 1 where a token counts. The first token of a row cannot count.
        pad: any token.
        batch_size: number of rows that are computed together.
    """
    import torch

    from lectern.models.microbatches import pad_rows

    results: dict[int, Scored] = {}
    model.eval()
    for batch in by_length([len(ids) for ids, _ in rows], batch_size):
        inputs = {
            name: part.to(model.device) for name, part in pad_rows([rows[n] for n in batch], pad).items()
        }
        with torch.no_grad():  # sharded weights cannot be gathered in inference mode
            results.update(zip(batch, score_batch(model, inputs, inputs.pop("labels")), strict=True))
    return [results[row] for row in range(len(rows))]


def score_batch(model: Any, inputs: Mapping[str, Any], labels: Any) -> list[Scored]:
    """Measure how likely the labels of each row are. Arguments are those of `token_losses`.

    The inputs may hold past_key_values, with the keys and values of tokens before the first column.
    """
    logits, asked = _read(model, inputs, labels)
    sums = _losses(logits, asked).double().sum(dim=1).tolist()
    counts = (asked != -100).sum(dim=1).tolist()
    right = (logits.argmax(dim=-1) == asked).sum(dim=1).tolist()
    return list(map(Scored, sums, counts, right))
