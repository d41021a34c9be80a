"""Gather the lines of a document into parts, each of which becomes one block: text, lists, code and tables.

All measures are relative to the document itself: the usual line pitch, the right edge of a column. Coordinates are in
points, with the origin at the lower left.
"""

import re
import statistics
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise

from lectern.formats import pdf_columns
from lectern.formats.pdf_page import Line
from lectern.text import lines as line_ends

HEADING_RATIO = 1.1
"""Font size, relative to the body's, from which short text is a heading."""
PARAGRAPH_GAP = 1.3
"""Distance to the next line, relative to the usual one, from which that line begins a new paragraph."""
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


@dataclass
class Part:
    """Lines that belong together and will become one block."""

    kind: str
    lines: list[Line] = field(default_factory=list)
    rows: list[tuple[str, ...]] = field(default_factory=list)
    """The rows of a table."""

    @property
    def first(self) -> Line:
        """Its first line."""
        return self.lines[0]

    @property
    def size(self) -> float:
        """The font size of its first line, in points."""
        return self.lines[0].size


def gather(lines: list[Line], body: float) -> list[Part]:
    """The parts of a document in reading order.

    Args:
        lines: of all its pages, without headers and footers.
        body: the font size of its running text, in points.
    """
    pitch = _pitches(lines)
    edges = _right_edges(lines)
    parts: list[Part] = []
    last: Part | None = None
    for number, line in enumerate(lines):
        neighbours = [
            other
            for other in lines[max(number - 1, 0) : number + 2]
            if (other.page, other.column) == (line.page, line.column)
        ]
        goes_on = last is not None and _wraps(last.lines[-1], line, pitch, edges, body)
        if line.is_mono and not SYMBOL.match(line.text):
            kind = "code"
        elif row_cells(line, neighbours):
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
            last = Part(kind, [line])
            parts.append(last)
        if kind == "table":
            last.rows.append(row_cells(line, neighbours))
    for part in parts:
        # A single "1. Title" or "A. Smith" is not a list.
        if part.kind == "list" and ORDERED.match(part.first.text) and sum(map(_is_item, part.lines)) == 1:
            part.kind = "text"
    return parts


def _is_numbered_paragraph(part: Part, line: Line) -> bool:
    """Whether a line goes on with a paragraph whose first line is indented and begins with a number, as notes do."""
    return (
        part.kind == "list"
        and len(part.lines) == 1
        and ORDERED.match(part.first.text) is not None
        and part.first.left > line.left + 0.5 * line.size
    )


def _broken_off(
    parts: list[Part], line: Line, pitch: dict[float, float], edges: dict[Line, float], body: float
) -> Part | None:
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
    full = sum(line.right - line.left > pdf_columns.FULL * (right - line.left) for line in ordered)
    small = sum(line.text[0].islower() for line in ordered)
    is_column = full > pdf_columns.MOSTLY_FULL * len(ordered) and 2 * small > len(ordered)
    return max(line.right for line in lines if line.right < right + line.size) if is_column else None


def row_cells(line: Line, neighbours: list[Line]) -> tuple[str, ...]:
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


def _is_indented(part: Part, line: Line) -> bool:
    """Whether a line begins a new paragraph by its indentation."""
    before = part.lines[-1]
    if (before.page, before.column) != (line.page, line.column):
        return False
    return line.left > before.left + 0.8 * line.size and bool(SENTENCE_END.search(before.text))


def _continues_item(part: Part, line: Line, goes_on: bool, pitch: dict[float, float]) -> bool:
    item = next(found for found in reversed(part.lines) if _is_item(found))
    if goes_on:
        return line.page != item.page or line.left > item.left - 0.5 * line.size
    gap = _gap(part.lines[-1], line, pitch)
    # Another sentence of the item, aligned with its text.
    return gap is not None and 0 < gap < PARAGRAPH_GAP and line.left > item.left + 0.5 * line.size
