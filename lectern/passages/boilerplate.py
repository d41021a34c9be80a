"""What the pages of a site repeat: menus and footers that the extraction did not recognize, and whole pages.

Only digests of blocks are compared, so that the pages of a site need not be in memory together.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence


def digest(text: str) -> str:
    """A digest of 16 hex digits. Texts that differ only in case and white space have the same one."""
    return hashlib.sha256(" ".join(text.casefold().split()).encode()).hexdigest()[:16]


def find_repeated(pages: Mapping[str, Sequence[str]], share: float, least: int) -> dict[str, list[str]]:
    """The digests of each page's blocks that are boilerplate, sorted; pages that have none are left out.

    A block is boilerplate when enough pages of the site have it. Pages that agree in all blocks count as one page:
    otherwise, three copies of one page in a small site would make its own text boilerplate.

    Args:
        pages: name -> digests of its blocks; all pages of one site.
        share: a boilerplate block is on at least this share of the pages, 0 to 1,
        least: and on at least this many pages.
    """
    distinct = {tuple(blocks) for blocks in pages.values() if blocks}
    having = Counter(block for blocks in distinct for block in set(blocks))
    enough = max(least, math.ceil(share * len(distinct)))
    repeated = {block for block, count in having.items() if count >= enough}
    own = {name: sorted(repeated.intersection(blocks)) for name, blocks in pages.items()}
    return {name: blocks for name, blocks in own.items() if blocks}


def find_copies(pages: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Page -> the first page, by name, that has exactly the same blocks. Pages without blocks are no copies."""
    first: dict[tuple[str, ...], str] = {}
    copies = {}
    for name in sorted(pages):
        if blocks := tuple(pages[name]):
            original = first.setdefault(blocks, name)
            if original != name:
                copies[name] = original
    return copies
