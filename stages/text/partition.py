"""Which recording is trained on and which is held out."""

import hashlib
from collections.abc import Iterable

from stages.core.errors import LecternError
from stages.core.schema import SPLITS


def assign(items: Iterable[str], seed: int, validation: float, test: float) -> dict[str, str]:
    """Return item -> split, by a hash of (seed, item) against the shares: a new recording moves no other.

    With so few items that a split stays empty, the nearest item fills it (the lowest hash of the largest other split);
    only then may a new recording, which fills that place by itself, move another one back.

    Raises:
        LecternError: fewer than three items.
    """
    hashes = {i: int(hashlib.sha256(f"{seed}/{i}".encode()).hexdigest()[:13], 16) / 16**13 for i in items}
    if len(hashes) < len(SPLITS):
        raise LecternError(
            f"{len(hashes)} recordings with usable rows cannot fill three splits: "
            f"{', '.join(sorted(hashes)) or 'there are none'}. Add recordings to the corpus; metrics/examples.json "
            "says why others gave no rows."
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
