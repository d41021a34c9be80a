"""The main text of a web page, with the structure that its elements give it.

trafilatura says which text of a page is main. It does not say in what structure: where a page marks no part as its
main one, it returns the paragraphs alone, and code in a list or a cell comes as running text. So its result only
decides which blocks of the page (`markup.locate`) are kept:

1. The main element is the smallest one that holds nearly all text which trafilatura found, and at least half of the
   content around it.
2. In it, each block of that text is kept, and each other block that looks like content: it is in no menu, footer or the
   like, and most of its text is not links.
3. Outside of it, only blocks of that text are kept.
4. A heading goes if the text between it and the next heading went.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from lectern.core.schema import Block
from lectern.formats import markup
from lectern.formats.markup import Located
from lectern.text.words import words

SHINGLE = 3
"""Words in a row by which a block is found in the main text."""
FOUND = 0.5
"""Least share of a block's runs of words that are in the main text, for the block to be of it."""
NEARLY_ALL = 0.95
HALF = 0.5
MOST_LINKED = 0.5
"""Highest share of links in a list, table or paragraph which trafilatura left out and which is kept."""
FEWEST_WORDS = 5
"""Fewest words of a paragraph that trafilatura left out and that is kept, if it does not introduce what follows."""
PARTS = frozenset({"dd", "dt", "li", "td", "th", "figcaption"})
"""Elements whose text is kept, however short, because it belongs to what stands beside it."""
ROLES = frozenset({
    "navigation", "banner", "contentinfo", "complementary", "search", "dialog", "alert", "menu",
})  # fmt: skip
FURNITURE = frozenset({
    "ad", "ads", "advert", "advertisement", "banner", "breadcrumb", "breadcrumbs", "byline", "catlinks", "comment",
    "comments", "consent", "cookie", "cookies", "copyright", "footer", "login", "masthead", "menu", "modal", "nav",
    "navbar", "navbox", "navheader", "navfooter", "navigation", "newsletter", "noprint", "pager", "pagination",
    "popup", "printfooter", "promo", "recommended", "related", "search", "share", "sharing", "sidebar", "sidenav",
    "signup", "skip", "social", "sponsor", "subscribe", "tags", "toc", "toolbar", "widget",
})  # fmt: skip
"""Words in the class or id of an element that is not main text."""
DIGITS = re.compile(r"\d+")
NAME = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")


def choose(root: Any, located: Sequence[Located], main: Sequence[Block]) -> list[Block]:
    """The blocks of a page that are its main text.

    Args:
        root: the root element of the page.
        located: all its blocks.
        main: the main text as trafilatura found it, in whatever structure.
    """
    known = _shingles([word for block in main for word in _words(block)])
    short = {tuple(_words(block)) for block in main}
    found = [_is_known(_words(each.block), known, short) for each in located]
    content = [each or _is_content(one) for one, each in zip(located, found, strict=True)]
    elements = list(root.iter("*"))
    of_main = _add_up(elements, located, found)
    inside = _inside(root, elements, of_main, _add_up(elements, located, content))
    kept = [
        here or (fits and each.node in inside)
        for each, here, fits in zip(located, found, content, strict=True)
    ]
    return _without_empty_headings([each.block for each in located], kept)


def _words(block: Block) -> list[str]:
    """The words of a block without digits, because superscripts are written in another way by trafilatura."""
    return [word for word in words(DIGITS.sub("", block.text)) if word[0].isalpha()]


def _add_up(elements: Sequence[Any], located: Sequence[Located], counted: Sequence[bool]) -> dict[Any, int]:
    """Element -> how many characters the counted blocks in it have."""
    sizes: dict[Any, int] = dict.fromkeys(elements, 0)
    for each, counts in zip(located, counted, strict=True):
        sizes[each.node] += len(each.block.text) * counts
    for node in reversed(elements):  # what is inside before what is around it
        if (above := node.getparent()) is not None:
            sizes[above] += sizes[node]
    return sizes


def _inside(
    root: Any, elements: Sequence[Any], of_main: Mapping[Any, int], content: Mapping[Any, int]
) -> set[Any]:
    """The main element and those in it, without the furniture of the page."""
    main, least = root, NEARLY_ALL * of_main[root]
    while True:
        fits = (node for node in main.iterchildren("*") if of_main[node] >= least)
        inner = next((node for node in fits if content[node] >= HALF * content[main]), None)
        if inner is None:
            break
        main = inner
    inside: set[Any] = set()
    for node in elements:
        is_furniture = node is not main and _is_furniture(node) and of_main[node] < HALF * of_main[root]
        if node is main or (node.getparent() in inside and not is_furniture):
            inside.add(node)
    return inside


def _is_furniture(node: Any) -> bool:
    if node.tag in markup.NAVIGATION or node.get("role") in ROLES:
        return True
    names = f"{node.get('class') or ''} {node.get('id') or ''}"
    return not FURNITURE.isdisjoint(name.lower() for name in NAME.findall(names))


def _is_known(one: Sequence[str], known: set[tuple[str, ...]], short: set[tuple[str, ...]]) -> bool:
    """Whether the words of a block are in the main text; a block of very few words must be a block there, too."""
    own = _shingles(one)
    if not own:
        return bool(one) and tuple(one) in short
    return len(own & known) >= FOUND * len(own)


def _is_content(each: Located) -> bool:
    """Whether a block looks like content, wherever it stands."""
    kind, text = each.block.kind, each.block.text
    if kind in ("heading", "code"):
        return True
    if each.linked > MOST_LINKED:
        return False
    is_part = each.node.tag in PARTS or text.endswith(":")
    return kind != "paragraph" or is_part or len(words(text)) >= FEWEST_WORDS


def _shingles(one: Sequence[str]) -> set[tuple[str, ...]]:
    return set(zip(*(one[start:] for start in range(SHINGLE)), strict=False))


def _without_empty_headings(blocks: Sequence[Block], kept: Sequence[bool]) -> list[Block]:
    """The kept blocks, without headings below which the page has text, but nothing that is kept."""
    out: list[Block] = []
    had_text = has_text = False
    for block, keep in zip(reversed(blocks), reversed(kept), strict=True):
        if block.kind != "heading":
            had_text, has_text = True, has_text or keep
        elif keep and has_text >= had_text:
            out.append(block)
        if block.kind == "heading":
            had_text = has_text = False
        elif keep:
            out.append(block)
    return out[::-1]
