"""HTML: everything in the body of a document, but only the main text of a web page.

trafilatura finds the main text of a page. Its structure comes from the page's own elements (`main_text`). The stage
`parse` removes boilerplate that is left, by comparing pages.
"""

import re
from pathlib import Path
from typing import Any

from lectern.core.schema import Block
from lectern.formats import extracted, main_text, markup
from lectern.formats.extracted import Extracted
from lectern.text import encoding
from lectern.text.words import words

DECLARED = re.compile(
    rb"""<meta[^>]{0,200}charset\s*=\s*["']?\s*([\w.:-]{2,40})|^\s*<\?xml[^>]{0,100}encoding\s*=\s*["']([\w.:-]{2,40})""",
    re.I,
)
HEAD = 8192
"""Bytes at the beginning in which a page's declared encoding is searched; browsers search 1024."""
FEWEST_WORDS = 25
"""A main text with fewer words is considered a failed extraction."""
TAGS = {"head": "p", "lb": "br"} | dict.fromkeys(("code", "del", "graphic", "hi", "ref"), "span")
"""trafilatura's element names, which are those of TEI -> HTML's, as far as they decide where a block ends."""


def read(path: Path) -> Extracted:
    """Everything in the body of a document except menus (`<nav>`) and hidden text."""
    text, mended = _decode(path)
    root = markup.parse(text)
    found = markup.blocks(root, markup.SKIPPED | {"nav"})
    return Extracted(found, _title(root, found), _language(root), {"mended_bytes": mended})


def read_page(path: Path) -> Extracted:
    """The main text of a page of a web site.

    If trafilatura finds hardly anything, or less than half of what the page itself marks as `<main>`, then `<main>` is
    used, or else the body without menus, headers, footers and asides. The fact `not_main` counts such pages.
    """
    text, mended = _decode(path)
    root = markup.parse(text)
    marked = root.xpath("//main | //*[@role='main']")
    around = markup.SKIPPED | markup.NAVIGATION
    if marked:
        rest = [block for node in marked[:1] for block in markup.blocks(node, around - {"header"})]
    else:
        rest = markup.blocks(root, around)
    found = _main_text(markup.parse(text))  # trafilatura changes the tree
    main = main_text.choose(root, markup.locate(root), found)
    enough = max(FEWEST_WORDS, _count(rest) / 2 if marked else 0)
    # For a very short page, trafilatura returns all its text, menus included.
    missed = _count(found) < enough and 2 * _count(rest) > _count(found)
    chosen = rest if missed or not main else _with_first_heading(root, main)
    facts = {"mended_bytes": mended, "not_main": int(missed)}
    return Extracted(chosen, _title(root, chosen), _language(root), facts)


def declared_encoding(data: bytes) -> str | None:
    """The encoding that a page or its XML declaration names; `None` if there is none."""
    found = DECLARED.search(data[:HEAD])
    return (found[1] or found[2]).decode("ascii", "ignore") if found else None


def _decode(path: Path) -> tuple[str, int]:
    data = path.read_bytes()
    decoded = encoding.decode(data, declared_encoding(data))
    return decoded.text, decoded.mended


def _main_text(root: Any) -> list[Block]:
    """The text that trafilatura finds, piece by piece; what kind a block is does not matter."""
    import trafilatura

    found = trafilatura.bare_extraction(
        root,
        include_comments=False,
        include_tables=True,
        deduplicate=False,  # it would compare with the pages read before
        with_metadata=False,
    )
    body = getattr(found, "body", None)
    if body is None:
        return []
    for node in list(body.iter(*TAGS)):
        node.tag = TAGS[node.tag]
    return markup.blocks(body)


def _with_first_heading(root: Any, main: list[Block]) -> list[Block]:
    """The main text under the page's only first-level heading, which trafilatura misses if it is outside that text."""
    tops = [line for node in root.iter("h1") if (line := markup.flat(node))]
    if len(tops) != 1 or any(block.text == tops[0] for block in main):
        return main
    return extracted.heading(tops[0], 1) + main


def _title(root: Any, found: list[Block]) -> str | None:
    """The first heading of the highest level if the page's title contains it and more; otherwise that title."""
    stated = root.xpath("string(//meta[@property='og:title']/@content)") or root.xpath("string(//head/title)")
    title = encoding.tidy_line(str(stated))
    level = min((block.level or 1 for block in found if block.kind == "heading"), default=1)
    first = next((block.text for block in found if block.kind == "heading" and block.level == level), "")
    return first if first and first in title else title or None


def _language(root: Any) -> str | None:
    return root.get("lang") or root.get("xml:lang")


def _count(found: list[Block]) -> int:
    return sum(len(words(block.text)) for block in found)
