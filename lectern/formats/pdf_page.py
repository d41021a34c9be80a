"""Turn words at positions on a page into lines in reading order: columns, rows, cells, and what is raised.

Coordinates are in points, with the origin at the lower left.
"""

import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from lectern.formats import raised

CELL_GAP = 1.8
"""Gap in a line, relative to the font size, that separates two cells of a table; a space has .25 to .8."""
EVEN = 0.1
"""Difference of the gaps in a line, relative to the font size, up to which they count as equal."""
NEAR_CELL_GAP = 0.8
"""The same next to a table row that has as many cells."""
LITTLE = 0.2
"""Length of the rotated text of a page, relative to the other, below which it is not read."""
FEWEST_IN_COLUMN = 4
ZONE_GAP = 0.8
"""Height of a gap as wide as the page, relative to a line, that may separate a table from the columns below it."""
MOST_GAPS = 24
"""So many of the highest gaps are tried."""
SHORTEST_LINE = 15
"""Characters of the usual line of a column; those of a table are shorter."""
LONG_LINE = 30
"""Characters of a line that is hardly a cell."""
FULL = 0.8
"""Width of a line, relative to its column, from which it is broken for lack of room."""
COLUMN = 20.0
"""Points within which lines begin that are below each other, indented ones too."""
APART = 2.0
"""Distance of two lines, relative to their height, from which they are not of one paragraph."""
MOSTLY_FULL = 0.6
"""Share of the lines of a side, from which it is running text and not the cells of a table."""
SMALL = 0.9
"""Font size, relative to the letters beside them, below which letters can be an exponent or the mark of a note."""
SMALLEST = 0.45
"""The same from which they can; what stands beside a large initial is smaller."""
RISE = 0.2
"""Height of their baseline, relative to the font size, from which they are."""
DEPTH, HEIGHT = 0.22, 0.87
"""How far letters reach below and above their baseline, relative to the font size."""
ANOTHER_LINE = 0.35
"""Difference of two baselines, relative to the font size, from which letters of one size are not in one line."""
TOUCHING = 0.12
"""Gap, relative to the font size, below which two pieces drawn apart are one word."""
BESIDE = 0.3
"""The same for what is raised, which some programs set a little apart."""
RTL = re.compile(r"[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")


@dataclass(frozen=True, slots=True)
class Word:
    """A word, its box in points, and the size and style of the font of its first letter."""

    text: str
    left: float
    right: float
    low: float
    high: float
    size: float
    is_bold: bool = False
    is_mono: bool = False
    turned: int = 0
    foot: float | None = None
    """The height of its baseline; `None`: its lower edge, with nothing raised above it."""
    is_glued: bool = False
    """Whether no space is before it."""


Segment = list[Word]
"""Consecutive words of one line in the order in which the file draws them."""


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
    is_of_its_size = SMALL * before.size < word.size < before.size / SMALL
    if is_of_its_size and abs(_foot(word) - _foot(before)) > ANOTHER_LINE * word.size:
        return False
    shared = min(before.high, word.high) - max(before.low, word.low)
    if shared < 0.3 * min(before.high - before.low, word.high - word.low):
        return False
    gap = word.left - before.right
    # A wide gap may separate columns. If the page has none, the row is joined again later.
    return bool(RTL.search(word.text)) or -before.size <= gap <= CELL_GAP * before.size


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
    if sum(map(_length, rotated)) < LITTLE * sum(map(_length, straight)):
        rotated = []
    for group in (straight, rotated):
        for stretch in _columns(group, _is_rtl(group)):
            lines += [_line(row, page, column) for row in _rows(stretch)]
            column += 1
    return [line for line in lines if line.text.strip()]


Box = tuple[float, float, float, float]
"""Left, right, low and high, in points."""


def _box(segment: Sequence[Word]) -> Box:
    return (
        min(word.left for word in segment),
        max(word.right for word in segment),
        min(word.low for word in segment),
        max(word.high for word in segment),
    )


def _core(segment: Sequence[Word]) -> Box:
    """The box of a segment without what is raised or lowered in it."""
    largest = max(word.size for word in segment)
    words = [word for word in segment if word.size >= SMALL * largest]
    bounds = [_bounds(word) for word in words]
    return (
        min(word.left for word in words),
        max(word.right for word in words),
        min(low for low, _ in bounds),
        max(high for _, high in bounds),
    )


def _bounds(word: Word) -> tuple[float, float]:
    """The lower and the upper edge of a word's letters.

    Fonts of mathematics have boxes as high as their brackets, which reach over the lines above and below. If the size
    says nothing, as that of a font of drawings, the box counts.
    """
    if word.foot is None or not 0.4 < word.size / max(word.high - word.low, 0.1) < 2.5:
        return word.low, word.high
    return word.foot - DEPTH * word.size, word.foot + HEIGHT * word.size


def _length(segment: Segment) -> int:
    return sum(len(word.text) + 1 for word in segment)


def _is_rtl(segments: Sequence[Segment]) -> bool:
    """Whether most words are written from right to left."""
    words = [word.text for segment in segments for word in segment]
    return _has_rtl(words) and 2 * sum(_has_rtl([word]) for word in words) > len(words)


def _has_rtl(texts: Sequence[str]) -> bool:
    text = "".join(texts)
    return not text.isascii() and RTL.search(text) is not None


def _columns(segments: list[Segment], is_rtl: bool, is_zone: bool = False) -> list[list[Segment]]:
    """The segments in reading order, divided into groups that are each one column wide.

    `is_zone` says that they are a part of a page which as a whole has no columns.
    """
    gutter = _gutter(segments, is_zone)
    if gutter is None:
        zones = _zones(segments)
        if len(zones) == 1:
            return [segments] if segments else []
        return [group for zone in zones for group in _columns(zone, is_rtl, is_zone=True)]
    boxes = [_box(segment) for segment in segments]
    crossing = _across(segments, boxes, gutter)
    cuts = sorted((boxes[i][3] for i in crossing), reverse=True)
    bands: dict[int, dict[str, list[Segment]]] = defaultdict(lambda: defaultdict(list))
    for i, (left, _, low, high) in enumerate(boxes):
        above = sum(cut > (low + high) / 2 for cut in cuts)
        side = "over" if i in crossing else "right" if left >= gutter - 1 else "left"
        bands[above][side].append(segments[i])
    found: list[list[Segment]] = []
    over: list[Segment] = []  # lines across both columns; each of them begins a band
    for _, band in sorted(bands.items()):
        over += band["over"]
        if band["left"] or band["right"]:
            found += [over] if over else []
            for side in ("right", "left") if is_rtl else ("left", "right"):
                found += _columns(band[side], is_rtl)
            over = []
    return found + ([over] if over else [])


def _across(segments: list[Segment], boxes: list[Box], gutter: float) -> set[int]:
    """Which segments lie across the gutter, or belong to a line that does: it may be drawn in pieces."""
    found = {i for i, (left, right, _, _) in enumerate(boxes) if left < gutter - 1 and right > gutter}
    new = list(found)
    while new:
        left, right, low, high = boxes[new.pop()]
        for i, box in enumerate(boxes):
            size = segments[i][0].size
            is_wide = left < gutter - size and right > gutter + size
            is_in_line = min(high, box[3]) - max(low, box[2]) > 0.5 * min(high - low, box[3] - box[2])
            if (
                i not in found
                and is_in_line
                and (is_wide or max(box[0] - right, left - box[1]) < BESIDE * size)
            ):
                found.add(i)
                new.append(i)
    return found


def _zones(segments: list[Segment]) -> list[list[Segment]]:
    """Parts of a page above each other, divided where some of them have columns; one part if none has.

    A large table above two columns has more lines than they have, and their gutter crosses its cells.
    """
    strips = _strips(segments)
    zones: list[list[Segment]] = []
    plain: list[Segment] = []
    begin = 0
    while begin < len(strips):
        for end in range(len(strips), begin, -1):
            zone = [segment for strip in strips[begin:end] for segment in strip]
            if (begin, end) != (0, len(strips)) and _gutter(zone, is_zone=True) is not None:
                zones += [plain, zone] if plain else [zone]
                plain, begin = [], end
                break
        else:
            plain = plain + strips[begin]
            begin += 1
    return zones + ([plain] if plain else [])


def _strips(segments: list[Segment]) -> list[list[Segment]]:
    """The segments divided at the highest gaps that are as wide as the page; undivided if no column can be there."""
    if not segments or not _edges([_box(segment) for segment in segments]):
        return [segments]
    ordered = sorted(segments, key=lambda segment: -_core(segment)[3])
    gaps: list[tuple[float, int]] = []
    lowest = _core(ordered[0])[2]
    for place, segment in enumerate(ordered[1:], 1):
        _, _, low, high = _core(segment)
        if (gap := lowest - high) > ZONE_GAP * (high - low):
            gaps.append((gap, place))
        lowest = min(lowest, low)
    places = sorted(place for _, place in sorted(gaps, reverse=True)[:MOST_GAPS])
    return [ordered[start:end] for start, end in pairwise([0, *places, len(ordered)])]


def _edges(boxes: list[Box]) -> list[int]:
    """Where a second column can begin: left edges that several segments share, away from those of the page."""
    leftmost, rightmost = min(box[0] for box in boxes), max(box[1] for box in boxes)
    shared = Counter(round(box[0]) for box in boxes)
    return [
        edge
        for edge, count in shared.items()
        if count >= FEWEST_IN_COLUMN and 0.2 < (edge - leftmost) / (rightmost - leftmost + 1) < 0.85
    ]


def _gutter(segments: list[Segment], is_zone: bool) -> float | None:
    """The left edge of a second column of running text; `None` if there is none.

    Columns of a table do not count. Their cells are short, so both sides must have lines of some length, and in a part
    of a page lines that fill their column.
    """
    if len(segments) < 2 * FEWEST_IN_COLUMN:
        return None
    boxes = [_box(segment) for segment in segments]
    written = [
        i for i, segment in enumerate(segments) if not segment[0].is_mono
    ]  # comments beside code are no column
    best: tuple[int, float] | None = None
    for edge in _edges(boxes):
        left = [i for i in written if boxes[i][1] <= edge]
        right = [i for i in written if boxes[i][0] >= edge - 1]
        crossing = [i for i in range(len(boxes)) if boxes[i][0] < edge - 1 and boxes[i][1] > edge]
        if min(len(left), len(right)) < FEWEST_IN_COLUMN or len(crossing) > 0.4 * len(boxes):
            continue
        if not all(_is_prose([_length(segments[i]) for i in side]) for side in (left, right)):
            continue
        if is_zone and not all(_is_full([boxes[i] for i in side]) for side in (left, right)):
            continue
        low = max(min(boxes[i][2] for i in side) for side in (left, right))
        high = min(max(boxes[i][3] for i in side) for side in (left, right))
        least = min(max(boxes[i][3] for i in side) - min(boxes[i][2] for i in side) for side in (left, right))
        if high - low < 0.5 * least:
            continue
        if best is None or len(crossing) < best[0]:
            best = len(crossing), float(edge)
    return best[1] if best else None


def _is_full(boxes: list[Box]) -> bool:
    """Whether most lines of one side are as wide as those close below them, as in paragraphs.

    The side may have several columns. The labels before the rows of a table stand apart from each other.
    """
    columns: dict[int, list[Box]] = defaultdict(list)
    for box in sorted(boxes, key=lambda box: -box[3]):
        columns[round(box[0] / COLUMN)].append(box)
    full = 0
    for column in columns.values():
        left, right = min(box[0] for box in column), max(box[1] for box in column)
        close = [above[2] - below[2] < APART * (below[3] - below[2]) for above, below in pairwise(column)]
        for box, *beside in zip(column, [False, *close], [*close, False], strict=True):
            full += any(beside) and box[1] - left > FULL * (right - left)
    return full > MOSTLY_FULL * len(boxes)


def _is_prose(lengths: list[int]) -> bool:
    """Whether the lines of one side are no cells of a table: most are of some length, or most of their text is in long
    ones, as below a figure with many short labels.
    """
    in_long = sum(length for length in lengths if length >= LONG_LINE)
    return statistics.median(lengths) >= SHORTEST_LINE or in_long > 0.6 * sum(lengths)


def _rows(segments: list[Segment]) -> list[list[Segment]]:
    """Segments grouped into rows from top to bottom, each row from left to right."""
    rows: list[list[Segment]] = []
    bounds: tuple[float, float] = (0.0, 0.0)
    for segment in sorted(segments, key=lambda s: (-_middle(s), _box(s)[0])):
        _, _, low, high = _core(segment)
        if rows:
            shared = min(high, bounds[1]) - max(low, bounds[0])
            if shared > 0.5 * min(high - low, bounds[1] - bounds[0]):
                rows[-1].append(segment)
                if (high - low) * SMALL > bounds[1] - bounds[0]:
                    bounds = low, high  # an exponent that was drawn alone came first
                continue
        rows.append([segment])
        bounds = low, high
    return rows


def _middle(segment: Segment) -> float:
    _, _, low, high = _core(segment)
    return (low + high) / 2


def _line(row: list[Segment], page: int, column: int) -> Line:
    is_rtl = _is_rtl(row)
    words = [
        word for segment in sorted(row, key=lambda s: _box(s)[0] * (-1 if is_rtl else 1)) for word in segment
    ]
    has_rtl = _has_rtl([word.text for word in words])
    if len(row) > 1 and not has_rtl:
        words.sort(key=lambda word: word.left)
    text, gaps = _join(words, row, has_rtl)
    left, right, low, high = _box(words)
    _, _, low, high = _core(words)
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
        if run and base and _gap(base, word) * word.size < BESIDE * base.size:
            text += raised.join(mark, text)
        else:
            gap = _rtl_gap(word, words) if before and has_rtl else _gap(before, word) if before else 0.0
            if before and not _touches(before, word, gap, row):
                gaps.append(_Gap(len(text), gap, before.right, word.left))
                text += " "
            following = words[place] if run and place < len(words) else None
            is_one = following is not None and _gap(run[-1], following) < BESIDE
            text += raised.lead(mark, following.text if following and is_one else "") if run else word.text
        before, base = (run[-1], base) if run else (word, word)
    return text, gaps


def _raised(words: Sequence[Word], place: int, base: Word | None) -> Sequence[Word]:
    """The words from this place on that stand raised beside the last that does not; at the start, beside the next."""
    line = base or next(
        (word for word in words[place:] if word.size * SMALL > words[place].size), words[place]
    )
    end = place
    while end < len(words) and _is_raised(words[end], line):
        if end > place and _gap(words[end - 1], words[end]) > BESIDE:
            break
        end += 1
    return words[place:end]


def _is_raised(word: Word, line: Word) -> bool:
    if not SMALLEST * line.size < word.size < SMALL * line.size:
        return False
    return RISE * line.size < _foot(word) - _foot(line) < line.size


def _foot(word: Word) -> float:
    return word.low if word.foot is None else word.foot


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
        return gap < BESIDE
    return (
        len(row) > 1 and gap < TOUCHING and not any(before in segment and word in segment for segment in row)
    )


def _cut(text: str, gaps: Sequence[_Gap]) -> tuple[str, ...]:
    bounds = [0, *(gap.place for gap in gaps), len(text)]
    return tuple(text[start:end].strip() for start, end in pairwise(bounds)) if gaps else ()


def _spans(left: float, right: float, gaps: Sequence[_Gap]) -> tuple[tuple[float, float], ...]:
    starts, ends = [left, *(gap.right for gap in gaps)], [*(gap.left for gap in gaps), right]
    return tuple(zip(starts, ends, strict=True)) if gaps else ()
