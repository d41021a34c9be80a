"""Divide the words of a page into columns, in the order in which people read them."""

import statistics
from collections import Counter, defaultdict
from itertools import pairwise

from lectern.formats import pdf_boxes
from lectern.formats.pdf_boxes import Box, Segment

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


def divide(segments: list[Segment], is_rtl: bool, is_zone: bool = False) -> list[list[Segment]]:
    """The segments in reading order, divided into groups that are each one column wide.

    `is_zone` says that they are a part of a page which as a whole has no columns.
    """
    gutter = _gutter(segments, is_zone)
    if gutter is None:
        zones = _zones(segments)
        if len(zones) > 1:
            return [group for zone in zones for group in divide(zone, is_rtl, is_zone=True)]
        gutter = _gutter(segments, is_zone, has_labels=True)
    if gutter is None:
        return [segments] if segments else []
    boxes = [pdf_boxes.box(segment) for segment in segments]
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
                found += divide(band[side], is_rtl)
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
                and (is_wide or max(box[0] - right, left - box[1]) < pdf_boxes.BESIDE * size)
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
    if not segments or not _edges([pdf_boxes.box(segment) for segment in segments]):
        return [segments]
    ordered = sorted(segments, key=lambda segment: -pdf_boxes.core(segment)[3])
    gaps: list[tuple[float, int]] = []
    lowest = pdf_boxes.core(ordered[0])[2]
    for place, segment in enumerate(ordered[1:], 1):
        _, _, low, high = pdf_boxes.core(segment)
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


def _gutter(segments: list[Segment], is_zone: bool, has_labels: bool = False) -> float | None:
    """The left edge of a second column of running text; `None` if there is none.

    Columns of a table do not count. Their cells are short, so both sides must have lines of some length, and in a part
    of a page lines that fill their column. With `has_labels`, each side may have many short labels of a figure, which
    is cut in two then; so this is tried last.
    """
    if len(segments) < 2 * FEWEST_IN_COLUMN:
        return None
    boxes = [pdf_boxes.box(segment) for segment in segments]
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
        lengths = [[pdf_boxes.length(segments[i]) for i in side] for side in (left, right)]
        if not all(_is_prose(side, has_labels) for side in lengths):
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


def _is_prose(lengths: list[int], has_labels: bool) -> bool:
    """Whether the lines of one side are no cells of a table: most are of some length or, with `has_labels`, most of
    their text is in long ones.
    """
    if statistics.median(lengths) >= SHORTEST_LINE:
        return True
    in_long = sum(length for length in lengths if length >= LONG_LINE)
    return has_labels and in_long > 0.6 * sum(lengths)
