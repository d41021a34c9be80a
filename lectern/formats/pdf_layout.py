"""Turn the lines of pages into headings, paragraphs, lists, code and tables.

All measures are relative to the document itself: the most common font size, the usual line pitch, the right edge of a
column. Coordinates are in points, with the origin at the lower left.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from lectern.core.schema import Block
from lectern.formats import extracted, pdf_headers, pdf_parts
from lectern.formats.pdf_page import Line
from lectern.formats.pdf_parts import BULLET, HEADING_RATIO, ORDERED, Part
from lectern.text import encoding
from lectern.text import lines as line_ends

LONGEST_HEADING = 150


@dataclass(frozen=True, slots=True)
class Bookmark:
    """An entry of the outline."""

    title: str
    level: int
    page: int


def blocks(pages: list[list[Line]], bookmarks: Sequence[Bookmark] = ()) -> tuple[list[Block], int]:
    """The blocks in reading order, and the number of lines that were left out as headers and footers."""
    body = _body_size(pages)
    kept, removed = pdf_headers.drop(pages, body)
    lines = [line for page in kept for line in page]
    known = line_ends.vocabulary(line.text for line in lines)
    parts = pdf_parts.gather(lines, body)
    levels = _heading_levels(parts, bookmarks, body, known)
    out: list[Block] = []
    for number, part in enumerate(parts):
        out += _turn_pages(part, _block(part, levels.get(number), known), known)
    return out, removed


def _block(part: Part, level: int | None, known: set[str]) -> list[Block]:
    page = part.first.page
    if level is not None:
        return extracted.heading(_text(part, known), level, page)
    if part.kind == "code":
        return extracted.code(_code(part.lines), page)
    if part.kind == "table":
        return extracted.table([list(row) for row in part.rows], page)
    if part.kind == "list":
        return extracted.bullets(_items(part.lines, known), page)
    return extracted.paragraph(_text(part, known), page)


def _turn_pages(part: Part, made: list[Block], known: set[str]) -> list[Block]:
    """Add the offsets at which a block continues on another page: the length of the block made from the lines before.

    The rows of a table are not linked to their lines, so a table counts as being on the page where it begins.
    """
    turns = []
    for index, (line, following) in enumerate(pairwise(part.lines), 1):
        if following.page != line.page and part.kind != "table":
            before = _block(replace(part, lines=part.lines[:index]), None, known)
            turns.append((len(before[0].text) if before else 0, following.page))
    return [block.model_copy(update={"turns": turns}) for block in made] if turns else made


def _body_size(pages: list[list[Line]]) -> float:
    sizes = Counter[float]()
    for line in (line for page in pages for line in page if not line.is_mono):
        sizes[line.size] += len(line.text)
    return max(sizes, key=lambda size: (sizes[size], size), default=10.0)


def _heading_levels(
    parts: list[Part], bookmarks: Sequence[Bookmark], body: float, known: set[str]
) -> dict[int, int]:
    """Index of a part -> its heading level.

    The outline comes first. Other short text is a heading if it is larger than the body's text, or bold while that is
    not. It gets the level that the outline gives to text of its size, or the level below that of the next larger size.
    Without an outline, levels follow the order of sizes.
    """
    outline: dict[int, dict[str, int]] = defaultdict(dict)
    for bookmark in bookmarks:
        outline[bookmark.page].setdefault(_bare(bookmark.title), bookmark.level)
    stated: dict[int, int] = {}
    looks: dict[int, float] = {}
    for number, part in enumerate(parts):
        if part.kind in ("code", "table") or len(part.lines) > 3:
            continue
        text = _text(part, known)
        if len(text) > LONGEST_HEADING or not any(map(str.isalpha, text)):
            continue
        level = outline.get(part.first.page, {}).get(_bare(text))
        if level is not None:
            stated[number] = level
            looks[number] = part.size
        elif part.kind == "text" and (size := _look(part, text, body)):
            looks[number] = size
    by_size: dict[float, Counter[int]] = defaultdict(Counter)
    for number, level in stated.items():
        by_size[looks[number]][level] += 1
    usual = {size: counts.most_common(1)[0][0] for size, counts in by_size.items()}
    ranks = {size: rank for rank, size in enumerate(sorted(set(looks.values()), reverse=True), 1)}
    return {n: stated.get(n) or _level(size, usual, ranks) for n, size in looks.items()}


def _look(part: Part, text: str, body: float) -> float | None:
    """The size by which a part ranks as a heading, judged by its look alone; `None` if it looks like running text."""
    ended = bool(re.search(r"[.,;:]$", text))
    if part.size >= HEADING_RATIO * body and not (ended and part.size < 1.4 * body):
        return part.size
    if (
        all(line.is_bold for line in part.lines)
        and part.size > 0.95 * body
        and not ended
        and len(part.lines) <= 2
    ):
        return body + 0.1  # ranks below all headings with larger text
    return None


def _level(size: float, usual: dict[float, int], ranks: dict[float, int]) -> int:
    if not usual:
        return ranks[size]
    if size in usual:
        return usual[size]
    larger = [found for found in usual if found > size]
    return usual[min(larger)] + 1 if larger else 1


def _bare(title: str) -> str:
    """A title without numbering, case and punctuation."""
    return re.sub(r"\W+|^\W*(?:\d+\.)*\d*\W", "", encoding.tidy_line(title).casefold())


def _text(part: Part, known: set[str]) -> str:
    return line_ends.join((line.text for line in part.lines), known)


def _items(lines: list[Line], known: set[str]) -> list[str]:
    """The text of each item, indented by two spaces for each level."""
    items: list[list[Line]] = []
    for line in lines:
        if BULLET.match(line.text) or not items:
            items.append([line])
        else:
            items[-1].append(line)
    steps: list[float] = []
    texts = []
    for item in items:
        left = item[0].left
        while steps and left < steps[-1] - 3:
            steps.pop()
        if not steps or left > steps[-1] + 3:
            steps.append(left)
        text = line_ends.join((line.text for line in item), known)
        if not ORDERED.match(text):
            text = BULLET.sub("-", text, count=1)
        texts.append("  " * (len(steps) - 1) + text)
    return texts


def _code(lines: list[Line]) -> str:
    """The lines with the indentation and empty lines that their positions show."""
    left = min(line.left for line in lines)
    out: list[str] = []
    for number, line in enumerate(lines):
        width = (line.right - line.left) / max(len(line.text), 1) or 1.0
        if number and lines[number - 1].page == line.page:
            step = lines[number - 1].low - line.low
            if step > 1.9 * line.size:
                out.append("")
        out.append(" " * round((line.left - left) / width) + line.text)
    return "\n".join(out)
