"""Turn words at positions on a page into lines in reading order: columns, rows, cells, and what is raised.

Coordinates are in points, with the origin at the lower left.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from lectern.formats import pdf_boxes, pdf_columns, raised
from lectern.formats.pdf_boxes import Segment, Word

CELL_GAP = 1.8
"""Gap in a line, relative to the font size, that separates two cells of a table; a space has .25 to .8."""
EVEN = 0.1
"""Difference of the gaps in a line, relative to the font size, up to which they count as equal."""
NEAR_CELL_GAP = 0.8
"""The same next to a table row that has as many cells."""
LITTLE = 0.2
"""Length of the rotated text of a page, relative to the other, below which it is not read."""
SMALLEST = 0.45
"""Font size, relative to the letters beside them, above which letters can be an exponent or the mark of a note; what
stands beside a large initial is smaller."""
RISE = 0.2
"""Height of their baseline, relative to the font size, from which they are one."""
ANOTHER_LINE = 0.35
"""Difference of two baselines, relative to the font size, from which letters of one size are not in one line."""
TOUCHING = 0.12
"""Gap, relative to the font size, below which two pieces drawn apart are one word."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a column."""

    text: str
    page: int
    column: int
    left: float
    right: float
    low: float
    high: float
    size: float
    is_bold: bool
    is_mono: bool
    cells: tuple[str, ...] = ()
    """Its parts between wide gaps, if there are several."""
    near_cells: tuple[str, ...] = ()
    """Its parts between smaller gaps, which separate cells only next to a row with as many cells."""
    near_spans: tuple[tuple[float, float], ...] = ()
    """The left and the right edge of each of these."""
    is_even: bool = False
    """Whether all its words are equally far apart, as those of a justified line are."""
    opens_bold: bool = False
    """Whether its first word is bold."""


def split_where_it_jumps(words: Sequence[Word]) -> list[Segment]:
    """Split words into segments of adjacent boxes: a file may draw two lines without a line end between them."""
    found: list[Segment] = []
    for word in words:
        if found and _goes_on(found[-1][-1], word):
            found[-1].append(word)
        else:
            found.append([word])
    return found


def _goes_on(before: Word, word: Word) -> bool:
    if word.turned != before.turned:
        return False
    is_of_its_size = pdf_boxes.SMALL * before.size < word.size < before.size / pdf_boxes.SMALL
    if is_of_its_size and abs(pdf_boxes.foot(word) - pdf_boxes.foot(before)) > ANOTHER_LINE * word.size:
        return False
    shared = min(before.high, word.high) - max(before.low, word.low)
    if shared < 0.3 * min(before.high - before.low, word.high - word.low):
        return False
    gap = word.left - before.right
    # A wide gap may separate columns. If the page has none, the row is joined again later.
    return bool(pdf_boxes.RTL.search(word.text)) or -before.size <= gap <= CELL_GAP * before.size


def order_lines(segments: list[Segment], page: int) -> list[Line]:
    """The lines of a page in reading order: by columns, if there are any, from top to bottom.

    The order in which the file draws does not matter: browsers draw boxes after the text around them, and links apart
    from their sentence. Text that is rotated relative to most of the page comes last; if it is little, such as a stamp
    in the margin or the label of an axis, it is left out.
    """
    turns = Counter(segment[0].turned for segment in segments for _ in segment)
    level = turns.most_common(1)[0][0] if turns else 0
    lines: list[Line] = []
    column = 0
    straight, rotated = (
        [segment for segment in segments if (segment[0].turned == level) == is_straight]
        for is_straight in (True, False)
    )
    if sum(map(pdf_boxes.length, rotated)) < LITTLE * sum(map(pdf_boxes.length, straight)):
        rotated = []
    for group in (straight, rotated):
        for stretch in pdf_columns.divide(group, pdf_boxes.is_rtl(group)):
            lines += [_line(row, page, column) for row in _rows(stretch)]
            column += 1
    return [line for line in lines if line.text.strip()]


def _rows(segments: list[Segment]) -> list[list[Segment]]:
    """Segments grouped into rows from top to bottom, each row from left to right."""
    rows: list[list[Segment]] = []
    bounds: tuple[float, float] = (0.0, 0.0)
    for segment in sorted(segments, key=lambda s: (-_middle(s), pdf_boxes.box(s)[0])):
        _, _, low, high = pdf_boxes.core(segment)
        if rows:
            shared = min(high, bounds[1]) - max(low, bounds[0])
            if shared > 0.5 * min(high - low, bounds[1] - bounds[0]):
                rows[-1].append(segment)
                if (high - low) * pdf_boxes.SMALL > bounds[1] - bounds[0]:
                    bounds = low, high  # an exponent that was drawn alone came first
                continue
        rows.append([segment])
        bounds = low, high
    return rows


def _middle(segment: Segment) -> float:
    _, _, low, high = pdf_boxes.core(segment)
    return (low + high) / 2


def _line(row: list[Segment], page: int, column: int) -> Line:
    is_rtl = pdf_boxes.is_rtl(row)
    words = [
        word
        for segment in sorted(row, key=lambda s: pdf_boxes.box(s)[0] * (-1 if is_rtl else 1))
        for word in segment
    ]
    has_rtl = pdf_boxes.has_rtl([word.text for word in words])
    if len(row) > 1 and not has_rtl:
        words.sort(key=lambda word: word.left)
    text, gaps = _join(words, row, has_rtl)
    left, right, low, high = pdf_boxes.box(words)
    _, _, low, high = pdf_boxes.core(words)
    sizes = Counter[float]()
    for word in words:
        sizes[word.size] += len(word.text)
    widths = [gap.width for gap in gaps]
    return Line(
        text=text,
        page=page,
        column=column,
        left=left,
        right=right,
        low=low,
        high=high,
        size=max(sizes, key=lambda size: (sizes[size], size)),
        is_bold=all(word.is_bold for word in words if any(map(str.isalnum, word.text)))
        and any(word.is_bold for word in words),
        is_mono=sum(len(word.text) for word in words if word.is_mono) > 0.8 * sum(len(w.text) for w in words),
        cells=_cut(text, [gap for gap in gaps if gap.width > CELL_GAP]),
        near_cells=_cut(text, near := [gap for gap in gaps if gap.width > NEAR_CELL_GAP]),
        near_spans=_spans(left, right, near),
        is_even=bool(gaps) and max(widths) - min(widths) < EVEN,
        opens_bold=words[0].is_bold,
    )


class _Gap(NamedTuple):
    """A space in a line: its place in the text, its width relative to the font size, and its edges in points."""

    place: int
    width: float
    left: float
    right: float


def _join(words: Sequence[Word], row: list[Segment], has_rtl: bool) -> tuple[str, list[_Gap]]:
    """The text of a line, and the gaps between its words."""
    text = ""
    gaps: list[_Gap] = []
    before: Word | None = None
    base: Word | None = None  # the last word that is not raised
    place = 0
    while place < len(words):
        word = words[place]
        run = _raised(words, place, base)
        place += len(run) or 1
        mark = " ".join(each.text for each in run)
        if run and base and _gap(base, word) * word.size < pdf_boxes.BESIDE * base.size:
            text += raised.join(mark, text)
        else:
            gap = _rtl_gap(word, words) if before and has_rtl else _gap(before, word) if before else 0.0
            if before and not _touches(before, word, gap, row):
                gaps.append(_Gap(len(text), gap, before.right, word.left))
                text += " "
            following = words[place] if run and place < len(words) else None
            is_one = following is not None and _gap(run[-1], following) < pdf_boxes.BESIDE
            text += raised.lead(mark, following.text if following and is_one else "") if run else word.text
        before, base = (run[-1], base) if run else (word, word)
    return text, gaps


def _raised(words: Sequence[Word], place: int, base: Word | None) -> Sequence[Word]:
    """The words from this place on that stand raised beside the last that does not; at the start, beside the next."""
    line = base or next(
        (word for word in words[place:] if word.size * pdf_boxes.SMALL > words[place].size), words[place]
    )
    end = place
    while end < len(words) and _is_raised(words[end], line):
        if end > place and _gap(words[end - 1], words[end]) > pdf_boxes.BESIDE:
            break
        end += 1
    return words[place:end]


def _is_raised(word: Word, line: Word) -> bool:
    if not SMALLEST * line.size < word.size < pdf_boxes.SMALL * line.size:
        return False
    return RISE * line.size < pdf_boxes.foot(word) - pdf_boxes.foot(line) < line.size


def _gap(before: Word, word: Word) -> float:
    """The room between two words, relative to the font size."""
    return min(abs(word.left - before.right), abs(before.left - word.right)) / word.size


def _rtl_gap(word: Word, words: Sequence[Word]) -> float:
    """The room to the right of a word in a line that is written to the left.

    Latin words in it run the other way, so what stands beside a word need not be the next in the text.
    """
    beside = [each.left - word.right for each in words if each is not word and each.left > word.right - 1]
    return max(0.0, min(beside, default=0.0)) / word.size


def _touches(before: Word, word: Word, gap: float, row: list[Segment]) -> bool:
    """Whether no space is between two words: the file has none, or draws them apart, as a link and its comma."""
    if word.is_glued:
        return gap < pdf_boxes.BESIDE
    return (
        len(row) > 1 and gap < TOUCHING and not any(before in segment and word in segment for segment in row)
    )


def _cut(text: str, gaps: Sequence[_Gap]) -> tuple[str, ...]:
    bounds = [0, *(gap.place for gap in gaps), len(text)]
    return tuple(text[start:end].strip() for start, end in pairwise(bounds)) if gaps else ()


def _spans(left: float, right: float, gaps: Sequence[_Gap]) -> tuple[tuple[float, float], ...]:
    starts, ends = [left, *(gap.right for gap in gaps)], [*(gap.left for gap in gaps), right]
    return tuple(zip(starts, ends, strict=True)) if gaps else ()
