"""Leave out the headers and footers of pages: lines that repeat at one place, and page numbers.

Coordinates are in points, with the origin at the lower left.
"""

import re
import statistics
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import pairwise

from lectern.formats.pdf_page import Line
from lectern.formats.pdf_parts import HEADING_RATIO

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
PAGE_NUMBER = re.compile(
    r"(?:(?:page|seite|стр\.?|p\.)\s*)?[-–—(]?\s*(?:\d{1,5}|[ivxlc]{1,7})\s*[-–—)]?(?:\s*(?:/|of|von|из)\s*\d{1,5})?",
    re.I,
)


def drop(pages: list[list[Line]], body: float) -> tuple[list[list[Line]], int]:
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
