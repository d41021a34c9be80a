"""What the base answers to training questions, from which likeness learns how the speaker does not sound."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, zip_longest

from lectern.answering.questions import Ask
from lectern.core.schema import Example

SET = "training"
"""The set of these questions."""


def draw_training(trained: Sequence[Example], count: int, seed: int) -> list[Ask]:
    """Draw training questions evenly over the items.

    Rows with one answer are drawn if there are any, because the last question of a dialogue needs all of its turns.

    Args:
        trained: the rows of the training split.
        count: the greatest number of questions.
        seed: decides which.

    Returns: the questions in order of id, without references, since a trained answer needs no likelihood.
    """
    single = [row for row in trained if sum(said.role == "assistant" for said in row.messages) == 1]
    by_item: dict[str, list[Example]] = {}
    for row in sorted(single or trained, key=lambda row: _order(row.id, seed)):
        by_item.setdefault(row.provenance.item, []).append(row)
    items = sorted(by_item, key=lambda item: _order(item, seed))
    rounds = chain.from_iterable(zip_longest(*(by_item[item] for item in items)))
    drawn = [row for row in rounds if row is not None][:count]
    asks = [replace(Ask.of(row), set=SET, reference=None) for row in drawn]
    return sorted(asks, key=lambda ask: ask.id)


def _order(name: str, seed: int) -> str:
    return hashlib.sha256(f"{seed} {name}".encode()).hexdigest()
