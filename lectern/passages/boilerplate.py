"""What the pages of a site repeat: menus and footers that no extraction knew for what they are, and whole pages.

Only digests of blocks are compared, so that a site's pages need not be in memory together.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence


def digest(text: str) -> str:
    """The same for texts that differ in case and white space only: 16 hex digits."""
    return hashlib.sha256(" ".join(text.casefold().split()).encode()).hexdigest()[:16]


def find_repeated(pages: Mapping[str, Sequence[str]], share: float, least: int) -> dict[str, list[str]]:
    """The digests, sorted, of each page's blocks that the pages of its site repeat; pages without any are left out.

    Pages that agree in all blocks count as one, or three copies of a page in a small site would take its text for
    boilerplate.

    Args:
        pages: name -> digests of its blocks, all of one site.
        share: of the pages, from which a block is boilerplate.
        least: pages that it must stand on, too.
    """
    distinct = {tuple(blocks) for blocks in pages.values() if blocks}
    having = Counter(block for blocks in distinct for block in set(blocks))
    enough = max(least, math.ceil(share * len(distinct)))
    repeated = {block for block, count in having.items() if count >= enough}
    own = {name: sorted(repeated.intersection(blocks)) for name, blocks in pages.items()}
    return {name: blocks for name, blocks in own.items() if blocks}


def find_copies(pages: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The name of each page that has the same blocks as one before it, by name -> that one's; an empty one has none."""
    first: dict[tuple[str, ...], str] = {}
    copies = {}
    for name in sorted(pages):
        if blocks := tuple(pages[name]):
            original = first.setdefault(blocks, name)
            if original != name:
                copies[name] = original
    return copies
