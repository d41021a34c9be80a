"""Choose which recordings, pages, documents, sections or parts of a table are trained on and which are held out."""

import hashlib
from collections.abc import Callable, Iterable, Mapping

from lectern.core.errors import LecternError
from lectern.core.schema import SPLITS, Example


def _item_of(row: Example) -> str:
    return row.provenance.item


def _section_of(row: Example) -> str:
    return f"{row.provenance.item} > {row.provenance.heading or ''}"


UNITS: Mapping[str, Callable[[Example], str]] = {"item": _item_of, "section": _section_of}
"""What is never divided between two splits, by its name in `split.by`."""


def draw_training(items: Iterable[str], number: int | None, seed: int, draw: int) -> set[str]:
    """Return so many of the items of the training split; all if the number is None.

    Items are ordered by a hash of (seed, draw, item), so that a greater number takes the same items and more.

    Raises:
        LecternError: there are fewer items.
    """
    order = sorted(
        set(items),
        key=lambda item: (hashlib.sha256(f"{seed}/{draw}/train/{item}".encode()).hexdigest(), item),
    )
    if number is not None and number > len(order):
        raise LecternError(
            f"split.train_items is {number}, but the training split has {len(order)} items. Lower it, or set it to "
            "null for all."
        )
    return set(order if number is None else order[:number])


def assign(items: Iterable[str], seed: int, validation: float, test: float) -> dict[str, str]:
    """Return item -> split, by comparing a hash of (seed, item) with the shares, so that a new item moves no other.

    If there are so few items that a split stays empty, it takes the item with the lowest hash from the largest split.
    Only in that case may a new item, whose own hash fills that split, move another item back.

    Raises:
        LecternError: there are fewer than three items.
    """
    hashes = {i: int(hashlib.sha256(f"{seed}/{i}".encode()).hexdigest()[:13], 16) / 16**13 for i in items}
    if len(hashes) < len(SPLITS):
        raise LecternError(
            f"{len(hashes)} items with usable rows (recordings, pages, documents, parts of a table) cannot fill three "
            f"splits: {', '.join(sorted(hashes)) or 'there are none'}. Add some to the corpus (metrics/examples.json, "
            "teach.json and curation.json say why others gave no rows), or divide documents by split.by=section."
        )
    order = sorted(hashes, key=lambda item: (hashes[item], item))
    chosen = {
        item: "test" if hashes[item] < test else "validation" if hashes[item] < test + validation else "train"
        for item in order
    }
    for empty in SPLITS:
        groups = {name: [item for item in order if chosen[item] == name] for name in SPLITS}
        if not groups[empty]:
            donor = max(SPLITS, key=lambda name: len(groups[name]))
            chosen[groups[donor][0]] = empty
    return chosen
