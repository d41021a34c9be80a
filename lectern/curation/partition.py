"""Which recording, page, document, section or part of a table is trained on and which is held out."""

import hashlib
from collections.abc import Callable, Iterable, Mapping

from lectern.core.errors import LecternError
from lectern.core.schema import SPLITS, Example


def _item_of(row: Example) -> str:
    return row.provenance.item


def _section_of(row: Example) -> str:
    return f"{row.provenance.item} > {row.provenance.heading or ''}"


UNITS: Mapping[str, Callable[[Example], str]] = {"item": _item_of, "section": _section_of}
"""What is never on two sides, by the name that `split.by` has for it."""


def assign(items: Iterable[str], seed: int, validation: float, test: float) -> dict[str, str]:
    """Return item -> split, by a hash of (seed, item) against the shares: a new item moves no other.

    With so few items that a split stays empty, the nearest item fills it (the lowest hash of the largest other split);
    only then may a new item, which fills that place by itself, move another one back.

    Raises:
        LecternError: fewer than three.
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
