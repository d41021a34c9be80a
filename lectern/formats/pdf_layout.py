"""Turn the lines of pages into headings, paragraphs, lists, code and tables.

All measures are relative to the document itself: the most common font size, the usual line pitch, the right edge of a
column. Coordinates are in points, with the origin at the lower left.
"""

import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from lectern.core.schema import Block
from lectern.formats import extracted, pdf_page
from lectern.formats.pdf_page import Line
from lectern.text import encoding
from lectern.text import lines as line_ends

HEADING_RATIO = 1.1
"""Font size, relative to the body's, from which short text is a heading."""
LONGEST_HEADING = 150
PARAGRAPH_GAP = 1.3
"""Distance to the next line, relative to the usual one, from which that line begins a new paragraph."""
EDGE = 0.15
"""Share of a page's height, at the top and at the bottom, that may hold headers and footers."""
EDGE_LINES = 3
FEWEST_LARGE = 4
"""Fewest pages on which a header that is larger than the body must repeat, and its fewest words if numbers differ."""
FEWEST_NUMBERED = 4
"""Fewest pages whose numbers must match the numbers in a line at one place, to count that line as page numbers."""
FARTHEST = 4
"""Most pages from one header to the next with the same text, since the first page of a chapter may lack it."""
SHIFT = 5.0
"""Points by which the position of a header may vary between pages."""
BULLET = re.compile(r"(?:[-*•‣▪◦●○■□–—\uf0b7\uf0a7]|\(?(?:\d{1,2}|[a-zA-Z]|[ivx]{1,4})[.)])(?=\s)")
SYMBOL = re.compile(r"[•‣▪◦●○■□\uf0b7\uf0a7]\s")
LEADER = re.compile(r"^(.*?\S)\s*(?:\.\s?){4,}\s*(\d+|[ivxlc]+)$", re.I)
"""Matches a line of a table of contents: text, dots and a page number."""
CAPTION = re.compile(r"(?:Fig(?:ure|\.)?|Tab(?:le|\.)?|Abb(?:ildung|\.)?)\s?\d", re.I)
MOST_BETWEEN = 40
"""Most parts between the halves of a paragraph: the labels of a figure, its caption, and notes."""
SECTION = re.compile(r"(?:\d+|[A-Z])(?:\.\d+)*\.?")
"""The number of a section, which a wide gap separates from its title."""
WIDER = 2
"""Most lines across several columns that begin where the left one does: a header, a title."""
FEW = 4
"""Most lines that say nothing on the width of their column."""
SAME_PLACE = 1.5
"""Points up to which two edges count as below each other."""
ORDERED = re.compile(r"\(?(?:\d{1,2}|[a-zA-Z]|[ivx]{1,4})[.)]\s")
SENTENCE_END = re.compile(r"[.!?:;。！？…][\"'”’»)\]]*$")
PAGE_NUMBER = re.compile(
    r"(?:(?:page|seite|стр\.?|p\.)\s*)?[-–—(]?\s*(?:\d{1,5}|[ivxlc]{1,7})\s*[-–—)]?(?:\s*(?:/|of|von|из)\s*\d{1,5})?",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Bookmark:
    """An entry of the outline."""

    title: str
    level: int
    page: int


@dataclass
class _Part:
    """Lines that belong together and will become one block."""

    kind: str
    lines: list[Line] = field(default_factory=list)
    rows: list[tuple[str, ...]] = field(default_factory=list)
    """The rows of a table."""

    @property
    def first(self) -> Line:
        return self.lines[0]

    @property
    def size(self) -> float:
        return self.lines[0].size


def blocks(pages: list[list[Line]], bookmarks: Sequence[Bookmark] = ()) -> tuple[list[Block], int]:
    """The blocks in reading order, and the number of lines that were left out as headers and footers."""
    body = _body_size(pages)
    kept, removed = _without_headers(pages, body)
    lines = [line for page in kept for line in page]
    known = line_ends.vocabulary(line.text for line in lines)
    parts = _parts(lines, body)
    levels = _heading_levels(parts, bookmarks, body, known)
    out: list[Block] = []
    for number, part in enumerate(parts):
        out += _turn_pages(part, _block(part, levels.get(number), known), known)
    return out, removed


def _block(part: _Part, level: int | None, known: set[str]) -> list[Block]:
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


def _turn_pages(part: _Part, made: list[Block], known: set[str]) -> list[Block]:
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


def _without_headers(pages: list[list[Line]], body: float) -> tuple[list[list[Line]], int]:
    """The pages without the lines that repeat at one place of their edges (numbers may differ); how many those were."""
    found: dict[tuple[str, str], list[tuple[int, int, float]]] = defaultdict(list)
    for number, page in enumerate(pages):
        if not page:
            continue
        # The bounds of a page's text serve as its edges, since margins are empty.
        low, high = min(line.low for line in page), max(line.high for line in page)
        by_height = sorted(range(len(page)), key=lambda i: -page[i].low)
        for edge, indices in (("top", by_height[:EDGE_LINES]), ("bottom", by_height[-EDGE_LINES:])):
            for i in indices:
                line = page[i]
                away = high - line.high if edge == "top" else line.low - low
                if away <= EDGE * (high - low + 1) and not line.is_mono:
                    found[edge, _without_numbers(line.text)].append((number, i, line.low))
    repeated: set[tuple[int, int]] = set()
    for (_, key), places in found.items():
        usual = statistics.median_low(height for _, _, height in places)
        there = [(number, i) for number, i, height in places if abs(height - usual) <= SHIFT]
        filled = sum(1 for page in pages if page)
        needed = (
            2 if PAGE_NUMBER.fullmatch(key.replace("#", "1")) else 3 if filled > 4 else max(2, filled - 1)
        )
        if any(pages[number][i].size > body * HEADING_RATIO for number, i in there):
            # Titles repeat on slides, and "Chapter 1" to "Chapter 9" differ in their numbers alone.
            same = len({pages[number][i].text for number, i in there}) == 1
            needed = FEWEST_LARGE if same or len(key.split()) >= FEWEST_LARGE else filled + 1
        numbers = sorted({number for number, _ in there})
        # Headers are on pages close to each other; a phrase may occur twice at the same height by chance.
        close = {n for pair in pairwise(numbers) if pair[1] - pair[0] <= FARTHEST for n in pair}
        if len(close) >= needed:
            repeated.update((number, i) for number, i in there if number in close)
    numbered = {
        (edge, key): [
            (number, i, height)
            for number, i, height in places
            if pages[number][i].size <= body * HEADING_RATIO or len(key.split()) >= FEWEST_LARGE
        ]
        for (edge, key), places in found.items()
    }
    repeated |= _numbered(pages, numbered)
    dropped = {place for number, page in enumerate(pages) for place in _outermost(number, page, repeated)}
    kept = [[line for i, line in enumerate(page) if (n, i) not in dropped] for n, page in enumerate(pages)]
    return kept, len(dropped)


def _numbered(
    pages: list[list[Line]], found: Mapping[tuple[str, str], list[tuple[int, int, float]]]
) -> set[tuple[int, int]]:
    """Lines at the edges that begin or end with their page's number, found even if their other text never repeats."""
    steps: dict[tuple[str, int, int], list[tuple[int, int, float]]] = defaultdict(list)
    for (edge, _), places in found.items():
        for number, i, height in places:
            for side, pattern in enumerate((r"(\d{1,5})\b", r".*\b(\d{1,5})$")):
                if stated := re.match(pattern, pages[number][i].text.strip()):
                    steps[edge, side, number - int(stated[1])].append((number, i, height))
    numbered: set[tuple[int, int]] = set()
    for places in steps.values():
        usual = statistics.median_low(height for _, _, height in places)
        there = [(number, i) for number, i, height in places if abs(height - usual) <= SHIFT]
        if len({number for number, _ in there}) >= FEWEST_NUMBERED:
            numbered.update(there)
    return numbered


def _outermost(number: int, page: list[Line], repeated: set[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The repeated lines that have none of the page's own text beyond them, and repeated page numbers."""
    by_height = sorted(range(len(page)), key=lambda i: -page[i].low)
    for indices in (by_height, by_height[::-1]):
        is_outside = True
        for i in indices[:EDGE_LINES]:
            is_outside = is_outside and (number, i) in repeated
            if is_outside or ((number, i) in repeated and PAGE_NUMBER.fullmatch(page[i].text.strip())):
                yield number, i


def _without_numbers(text: str) -> str:
    text = " ".join(text.casefold().split())
    return re.sub(r"\d+", "#", "#" if re.fullmatch(r"[ivxlc]{1,7}", text) else text)


def _parts(lines: list[Line], body: float) -> list[_Part]:
    pitch = _pitches(lines)
    edges = _right_edges(lines)
    parts: list[_Part] = []
    last: _Part | None = None
    for number, line in enumerate(lines):
        neighbours = [
            other
            for other in lines[max(number - 1, 0) : number + 2]
            if (other.page, other.column) == (line.page, line.column)
        ]
        goes_on = last is not None and _wraps(last.lines[-1], line, pitch, edges, body)
        if line.is_mono and not SYMBOL.match(line.text):
            kind = "code"
        elif _row_cells(line, neighbours):
            kind = "table"
        elif BULLET.match(line.text) and not (goes_on and last and last.kind == "text"):
            kind = "list"
        else:
            kind = "text"
        if last is not None and kind == "text" and goes_on and _is_numbered_paragraph(last, line):
            last.kind = "text"
        if last is not None and (
            (kind != "text" and kind == last.kind and _is_near(last.lines[-1], line, pitch))
            or (kind == "text" and last.kind == "list" and _continues_item(last, line, goes_on, pitch))
            or (kind == "text" and last.kind == "text" and goes_on and not _is_indented(last, line))
        ):
            last.lines.append(line)
        elif kind == "text" and (broken := _broken_off(parts, line, pitch, edges, body)):
            broken.lines.append(line)
            last = broken
        else:
            last = _Part(kind, [line])
            parts.append(last)
        if kind == "table":
            last.rows.append(_row_cells(line, neighbours))
    for part in parts:
        # A single "1. Title" or "A. Smith" is not a list.
        if part.kind == "list" and ORDERED.match(part.first.text) and sum(map(_is_item, part.lines)) == 1:
            part.kind = "text"
    return parts


def _is_numbered_paragraph(part: _Part, line: Line) -> bool:
    """Whether a line goes on with a paragraph whose first line is indented and begins with a number, as notes do."""
    return (
        part.kind == "list"
        and len(part.lines) == 1
        and ORDERED.match(part.first.text) is not None
        and part.first.left > line.left + 0.5 * line.size
    )


def _broken_off(
    parts: list[_Part], line: Line, pitch: dict[float, float], edges: dict[Line, float], body: float
) -> _Part | None:
    """The paragraph in the column before that goes on with this line, after notes at its foot or a figure."""
    if not line.text[0].islower() or abs(line.size - body) > 0.06 * body:
        return None
    for part in reversed(parts[-MOST_BETWEEN:]):
        last = part.lines[-1]
        if (
            abs(last.size - line.size) > 0.06 * line.size
            or part.kind == "table"
            or CAPTION.match(part.first.text)
        ):
            continue
        is_before = part.kind == "text" and (last.page, last.column) != (line.page, line.column)
        is_long = last.right - last.left > 0.5 * (edges[last] - last.left)
        return part if is_before and is_long and _wraps(last, line, pitch, edges, body) else None
    return None


def _is_item(line: Line) -> bool:
    return BULLET.match(line.text) is not None


def _right_edges(lines: list[Line]) -> dict[Line, float]:
    """Line -> the right edge of its column, which shows whether a line was broken for lack of room.

    It is the right end of the longest line with the same left end, as in a quotation or a list. If there are few such
    lines, or all are short as in a menu, it is that of the column; in one-column pages, at least the usual one of all
    such pages.
    """
    columns: dict[tuple[int, int], list[Line]] = defaultdict(list)
    for line in lines:
        columns[line.page, line.column].append(line)
    last: dict[int, int] = {}
    for page, column in columns:
        last[page] = max(column, last.get(page, 0))
    single = [group for (page, _), group in columns.items() if last[page] == 0]
    longest = [
        (max(line.right for line in group), min(line.left for line in group))
        for group in single
        if len(group) > 9
    ]
    usual = statistics.median_low([right for right, _ in longest]) if longest else 0.0
    width = usual - statistics.median_low([left for _, left in longest]) if longest else 0.0
    edges: dict[Line, float] = {}
    for (page, _), group in columns.items():
        own = max(line.right for line in group)
        own = max(own, usual) if last[page] == 0 else own
        by_left: dict[int, list[Line]] = defaultdict(list)
        for line in group:
            by_left[round(line.left / 4)].append(line)
        for line in group:
            same = [other for near in (-1, 0, 1) for other in by_left.get(round(line.left / 4) + near, [])]
            right = max(other.right for other in same)
            edge = _column_edge(same)
            is_narrow = right - line.left < 0.45 * (width if last[page] == 0 else own - line.left)
            edges[line] = edge or (own if len(same) < 3 or is_narrow else right)
    return edges


def _column_edge(lines: list[Line]) -> float | None:
    """Where running text with the same left end is broken; `None` if these lines are none.

    On the last page of two columns, the left one may stand alone below a header as wide as the page. Verses and the
    entries of a menu fill no column, and begin with capitals.
    """
    ordered = sorted(lines, key=lambda line: -line.right)[WIDER:]
    if len(ordered) <= FEW:
        return None
    right = ordered[0].right
    full = sum(line.right - line.left > pdf_page.FULL * (right - line.left) for line in ordered)
    small = sum(line.text[0].islower() for line in ordered)
    is_column = full > pdf_page.MOSTLY_FULL * len(ordered) and 2 * small > len(ordered)
    return max(line.right for line in lines if line.right < right + line.size) if is_column else None


def _row_cells(line: Line, neighbours: list[Line]) -> tuple[str, ...]:
    """The cells of a line next to another row of a table; empty if the line is not a row."""
    if leader := LEADER.match(line.text):
        return leader[1], leader[2]
    if line.is_mono or _is_item(line):
        return ()
    beside = [other for other in neighbours if other is not line and _is_below(line, other)]
    is_signed = len(line.near_cells) == 2 and not any(
        map(str.isalnum, line.near_cells[0])
    )  # a sign before a text
    if beside and len(line.near_cells) >= len(line.cells) and not is_signed:
        return line.near_cells
    if line.is_bold and not beside and len(line.near_cells) == 2 and SECTION.fullmatch(line.near_cells[0]):
        return ()
    others = [
        len(other.cells)
        for other in neighbours
        if other is not line and not _is_item(other) and not _are_justified(line, other)
    ]
    if line.cells and (len(line.cells) in others or (max(others, default=0) > 1 and len(line.cells) > 1)):
        return line.cells
    return line.near_cells if len(line.near_cells) > 1 and len(line.near_cells) in others else ()


def _is_below(line: Line, other: Line) -> bool:
    """Whether each cell of a line stands above or below one of another: to the left, to the right or centred.

    The outer edges of justified lines stand so, too. So one of the others must.
    """
    cells = list(zip(line.near_spans, other.near_spans, strict=False))
    if (
        not cells
        or len(line.near_spans) != len(other.near_spans)
        or _is_item(other)
        or _are_justified(line, other)
    ):
        return False
    left = [abs(one[0] - two[0]) < SAME_PLACE for one, two in cells]
    right = [abs(one[1] - two[1]) < SAME_PLACE for one, two in cells]
    centred = [abs(sum(one) - sum(two)) < 2 * SAME_PLACE for one, two in cells]
    return all(map(any, zip(left, right, centred, strict=True))) and any(
        left[1:] + right[:-1] + centred[1:-1]
    )


def _are_justified(line: Line, other: Line) -> bool:
    """Whether two lines are of a justified paragraph, whose wide gaps separate no cells.

    The words of each are equally far apart, and both ends of the lines are at the same places. Prices in a column end
    at the same place, too.
    """
    if any(not each.is_even or re.search(r"\d\S*$", each.text) for each in (line, other)):
        return False
    return abs(line.left - other.left) < 1 and abs(line.right - other.right) < 1


def _pitches(lines: list[Line]) -> dict[float, float]:
    """Font size -> the usual distance between the lower edges of its lines."""
    steps: dict[float, list[float]] = defaultdict(list)
    for before, line in pairwise(lines):
        step = before.low - line.low
        same = (before.page, before.column, before.size) == (line.page, line.column, line.size)
        if same and 0.8 * line.size < step < 2.2 * line.size:
            steps[line.size].append(step)
    return {size: statistics.median_low(found) for size, found in steps.items()}


def _gap(before: Line, line: Line, pitch: dict[float, float]) -> float | None:
    """Distance to the line before, in multiples of the usual one; `None` across columns and pages."""
    if (before.page, before.column) != (line.page, line.column):
        return None
    return (before.low - line.low) / pitch.get(line.size, 1.25 * line.size)


def _is_near(before: Line, line: Line, pitch: dict[float, float]) -> bool:
    gap = _gap(before, line, pitch)
    return line.page - before.page <= 1 if gap is None else gap < 3


def _wraps(
    before: Line, line: Line, pitch: dict[float, float], edges: dict[Line, float], body: float
) -> bool:
    """Whether the line before was broken for lack of room, so that this line continues its paragraph."""
    if abs(before.size - line.size) > 0.06 * line.size or (
        before.is_bold and not (line.is_bold or line.opens_bold)
    ):
        return False
    gap = _gap(before, line, pitch)
    if gap is None and line.page - before.page > 1:
        return False
    if gap is not None and not -0.5 < gap < PARAGRAPH_GAP:
        return False
    if gap is not None and line.size >= HEADING_RATIO * body:
        return True  # a title, which its author may break anywhere
    if gap is not None and line_ends.is_divided(before.text):
        return True
    first_word = (line.right - line.left) * len(line.text.split()[0]) / len(line.text)
    had_room = before.right + 0.3 * line.size + first_word < edges[before] - line.size
    return not had_room and not (gap is None and SENTENCE_END.search(before.text))


def _is_indented(part: _Part, line: Line) -> bool:
    """Whether a line begins a new paragraph by its indentation."""
    before = part.lines[-1]
    if (before.page, before.column) != (line.page, line.column):
        return False
    return line.left > before.left + 0.8 * line.size and bool(SENTENCE_END.search(before.text))


def _continues_item(part: _Part, line: Line, goes_on: bool, pitch: dict[float, float]) -> bool:
    item = next(found for found in reversed(part.lines) if _is_item(found))
    if goes_on:
        return line.page != item.page or line.left > item.left - 0.5 * line.size
    gap = _gap(part.lines[-1], line, pitch)
    # Another sentence of the item, aligned with its text.
    return gap is not None and 0 < gap < PARAGRAPH_GAP and line.left > item.left + 0.5 * line.size


def _heading_levels(
    parts: list[_Part], bookmarks: Sequence[Bookmark], body: float, known: set[str]
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


def _look(part: _Part, text: str, body: float) -> float | None:
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


def _text(part: _Part, known: set[str]) -> str:
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
