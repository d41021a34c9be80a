"""Make the tensors of micro-batches, in the order of `batching`, for one of several processes.

Import this module only where a training begins, because torch takes seconds to load.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.data import DataLoader, Sampler

from lectern.core.schema import TokenRow
from lectern.models import batching

NOT_TRAINED = -100

Row = tuple[Sequence[int], Sequence[int]]
"""Tokens and mask; the mask is 1 for each token that is trained."""


@dataclass(frozen=True)
class MicrobatchPlan:
    """How rows are grouped into micro-batches and steps."""

    size: int
    """number of rows in a micro-batch"""
    packing: bool
    """whether a micro-batch is one sequence, as long as `size` of the longest rows, filled with as many rows as fit;
    else it holds `size` rows of similar length, padded"""
    together: int
    """number of micro-batches in a step"""
    seed: int
    """seed of their order"""

    def cut(self, lengths: Sequence[int], epoch: int) -> list[list[int]]:
        """Return all micro-batches of an epoch, as row numbers."""
        if self.packing:
            return batching.packs(lengths, self.size * max(lengths, default=0), self.seed, epoch)
        return batching.batches(lengths, self.size, self.seed, epoch)

    def padding_share(self, lengths: Sequence[int], epochs: int) -> float:
        """Return the share of padding among all tokens that the model computes."""
        if self.packing:
            return 0.0
        cut = [batch for epoch in range(epochs) for batch in self.cut(lengths, epoch)]
        return batching.padding_share(lengths, cut)


class Order(Sampler[list[int]]):
    """The micro-batches of an epoch. They depend on nothing else, so that a resumed run continues in the same order."""

    def __init__(self, lengths: Sequence[int], plan: MicrobatchPlan, process: int, processes: int) -> None:
        self.lengths, self.plan = lengths, plan
        self.process, self.processes, self.epoch = process, processes, 0

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer at the beginning of each epoch."""
        self.epoch = epoch

    def _cut(self) -> list[list[int]]:
        whole = self.plan.cut(self.lengths, self.epoch)
        return batching.share(whole, self.process, self.processes, self.plan.together)

    def __len__(self) -> int:
        return len(self._cut())

    def __iter__(self) -> Iterator[list[int]]:
        yield from self._cut()


class Loader(DataLoader[Any]):
    """A data loader that passes the epoch on to its order."""

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer at the beginning of each epoch."""
        self.batch_sampler.set_epoch(epoch)


def get_loader(
    rows: Sequence[TokenRow], plan: MicrobatchPlan, pad: int, process: int, processes: int
) -> Loader:
    """Return the loader of the micro-batches of one process; `pad_rows` or `pack_rows` makes their tensors."""
    lengths = [len(row.input_ids) for row in rows]

    def collate(batch: list[int]) -> dict[str, Any]:
        chosen = [(rows[number].input_ids, rows[number].assistant_masks) for number in batch]
        tensors = pack_rows(chosen, pad) if plan.packing else pad_rows(chosen, pad)
        return tensors | {"rows": batch}

    order = Order(lengths, plan, process, processes)
    # The loader passes row numbers; `collate` looks up the rows, so that a micro-batch may be empty.
    return Loader(range(len(rows)), batch_sampler=order, collate_fn=collate)


def pad_rows(rows: Sequence[Row], pad: int) -> dict[str, Any]:
    """Stack rows, padded on the right, which a causal model cannot see.

    Returns: input_ids, attention_mask and labels, each (rows, tokens); labels are -100 where nothing is
    trained. Padding is recognised by its position, never by its token, which may be the one that ends a turn.
    """
    longest = max((len(ids) for ids, _ in rows), default=1)
    shape = (max(len(rows), 1), longest)
    ids = torch.full(shape, pad, dtype=torch.long)
    attention = torch.zeros(shape, dtype=torch.long)
    labels = torch.full(shape, NOT_TRAINED, dtype=torch.long)
    for place, (tokens, mask) in enumerate(rows):
        ids[place, : len(tokens)] = torch.tensor(tokens)
        attention[place, : len(tokens)] = 1
        labels[place, : len(tokens)] = _labels(tokens, mask)
    if not rows:
        attention[:] = 1
    return {"input_ids": ids, "attention_mask": attention, "labels": labels}


def pack_rows(rows: Sequence[Row], pad: int) -> dict[str, Any]:
    """Join rows into one sequence. Positions restart at 0 with each row, by which transformers separates the rows.

    Returns: input_ids, position_ids and labels, each (1, tokens).
    """
    if not rows:
        whole = {"input_ids": [pad], "position_ids": [0], "labels": [NOT_TRAINED]}
        return {name: torch.tensor([values]) for name, values in whole.items()}
    labels = [_labels(tokens, mask) for tokens, mask in rows]
    for row in labels:
        row[0] = NOT_TRAINED  # the first token of a row has no token before it from which to predict it
    return {
        "input_ids": torch.tensor([[token for tokens, _ in rows for token in tokens]]),
        "position_ids": torch.cat([torch.arange(len(tokens)) for tokens, _ in rows])[None],
        "labels": torch.cat(labels)[None],
    }


def _labels(tokens: Sequence[int], mask: Sequence[int]) -> torch.Tensor:
    return torch.tensor(tokens).where(torch.tensor(mask, dtype=torch.bool), torch.tensor(NOT_TRAINED))
