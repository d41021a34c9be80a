"""The words of a PDF page that is a picture, by optical character recognition."""

import statistics
from collections.abc import Sequence
from typing import Any

from lectern.formats.ocr import Found, Recognise
from lectern.formats.pdf_boxes import Segment, Word
from lectern.text import encoding

DOTS_PER_INCH = 200
LONGEST_SIDE = 2400
"""Pixels of the longer side of a picture; a page of A4 has 2,339 at 200 dots per inch."""
LITTLE_TEXT = 200
"""Letters on a page up to which it can be a picture with a stamp, a number or a header."""
LARGE = 0.5
"""Share of a page that a picture covers, if it is the page itself."""
LETTERS = 0.75
"""Font size, relative to the height of a recognised line."""
ANOTHER_SIZE = 1.35
"""Height of a line, relative to that of most lines of its page, from which its letters are larger. Without letters that
reach above or below, the same size makes lower lines."""


def is_picture(page: Any, segments: Sequence[Segment]) -> bool:
    """Whether a page of pypdfium2 has little text, and a picture as large as a page that was scanned."""
    import pypdfium2.raw as pdfium

    if sum(len(word.text) for segment in segments for word in segment) > LITTLE_TEXT:
        return False
    width, height = page.get_size()
    for picture in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=2):
        left, low, right, high = picture.get_bounds()
        if (right - left) * (high - low) > LARGE * width * height:
            return True
    return False


def read_segments(page: Any, recognise: Recognise, known: Sequence[Segment]) -> list[Segment]:
    """The lines on a page as `recognise` reads them, in points from the lower left, without those that are `known`."""
    width, height = page.get_size()
    scale = min(DOTS_PER_INCH / 72, LONGEST_SIDE / max(width, height, 1.0))
    lines = recognise(page.render(scale=scale).to_numpy())
    if not lines:
        return []
    usual = statistics.median_low([line.bottom - line.top for line in lines])
    read = [words for line in lines if (words := _words(line, usual, scale, height))]
    written = [word for segment in known for word in segment]
    return [words for words in read if not any(_covers(word, other) for word in words for other in written)]


def _covers(word: Word, other: Word) -> bool:
    """Whether the middle of a word lies in the box of another."""
    across, up = (word.left + word.right) / 2, (word.low + word.high) / 2
    return other.left <= across <= other.right and other.low <= up <= other.high


def _words(line: Found, usual: float, scale: float, height: float) -> Segment:
    """A line's words, each as wide as its share of the letters."""
    ratio = (line.bottom - line.top) / usual
    size = LETTERS * usual * (1.0 if 1 / ANOTHER_SIZE < ratio < ANOTHER_SIZE else round(2 * ratio) / 2 or 0.5)
    middle = (line.top + line.bottom) / 2
    text = encoding.tidy_line(line.text)
    letter = (line.right - line.left) / max(len(text), 1)
    words: Segment = []
    place = 0
    for part in text.split(" "):
        left = line.left + letter * place
        place += len(part) + 1
        words.append(
            Word(
                text=part,
                left=left / scale,
                right=(left + letter * len(part)) / scale,
                low=height - (middle + size / 2) / scale,
                high=height - (middle - size / 2) / scale,
                size=max(round(size / scale * 4) / 4, 0.25),
            )
        )
    return words if text else []
