"""Micro-batches as tensors, in the order of `batching`, each process its share.

Import it only where a training begins: torch takes seconds to load.
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
"""tokens, and 1 for each that is trained"""


@dataclass(frozen=True)
class Plan:
    """How rows are put together."""

    size: int
    """rows in a micro-batch"""
    packing: bool
    """as many rows as fit into the tokens of `size` of the longest, in one sequence; else rows of similar length"""
    together: int
    """micro-batches in a step"""
    seed: int
    """of their order"""

    def cut(self, lengths: Sequence[int], epoch: int) -> list[list[int]]:
        """All micro-batches of an epoch, as row numbers."""
        if self.packing:
            return batching.packs(lengths, self.size * max(lengths, default=0), self.seed, epoch)
        return batching.batches(lengths, self.size, self.seed, epoch)

    def padding_share(self, lengths: Sequence[int], epochs: int) -> float:
        """Padding tokens by all tokens that the model computes."""
        if self.packing:
            return 0.0
        cut = [batch for epoch in range(epochs) for batch in self.cut(lengths, epoch)]
        return batching.padding_share(lengths, cut)


class Order(Sampler[list[int]]):
    """The micro-batches of an epoch. They depend on the epoch alone, so a resumed run continues them."""

    def __init__(self, lengths: Sequence[int], plan: Plan, process: int, processes: int) -> None:
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
    """A data loader that tells its order the epoch."""

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer at the beginning of each epoch."""
        self.batch_sampler.set_epoch(epoch)


def get_loader(rows: Sequence[TokenRow], plan: Plan, pad: int, process: int, processes: int) -> Loader:
    """The micro-batches of one process, as `pad_rows` or `pack_rows` makes them."""
    lengths = [len(row.input_ids) for row in rows]

    def collate(batch: list[int]) -> dict[str, Any]:
        chosen = [(rows[number].input_ids, rows[number].assistant_masks) for number in batch]
        tensors = pack_rows(chosen, pad) if plan.packing else pad_rows(chosen, pad)
        return tensors | {"rows": batch}

    order = Order(lengths, plan, process, processes)
    # the rows themselves are taken in `collate`, where an empty micro-batch has none
    return Loader(range(len(rows)), batch_sampler=order, collate_fn=collate)


def pad_rows(rows: Sequence[Row], pad: int) -> dict[str, Any]:
    """Rows under each other, padded on the right, where a causal model cannot see it.

    Returns: input_ids, attention_mask and labels, each (rows, tokens); labels are -100 where nothing is
    trained. Padding is told by its place, never by its token, which may be the one that ends a turn.
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
    """Rows behind each other. Positions begin anew with each row, by which transformers knows that they are several.

    Returns: input_ids, position_ids and labels, each (1, tokens).
    """
    if not rows:
        whole = {"input_ids": [pad], "position_ids": [0], "labels": [NOT_TRAINED]}
        return {name: torch.tensor([values]) for name, values in whole.items()}
    labels = [_labels(tokens, mask) for tokens, mask in rows]
    for row in labels:
        row[0] = NOT_TRAINED  # nothing of this row stands before it
    return {
        "input_ids": torch.tensor([[token for tokens, _ in rows for token in tokens]]),
        "position_ids": torch.cat([torch.arange(len(tokens)) for tokens, _ in rows])[None],
        "labels": torch.cat(labels)[None],
    }


def _labels(tokens: Sequence[int], mask: Sequence[int]) -> torch.Tensor:
    return torch.tensor(tokens).where(torch.tensor(mask, dtype=torch.bool), torch.tensor(NOT_TRAINED))
