"""Words at their places on a page, and the boxes around them.

Coordinates are in points, with the origin at the lower left.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

SMALL = 0.9
"""Font size, relative to the letters beside them, below which letters can be an exponent or the mark of a note."""
DEPTH, HEIGHT = 0.22, 0.87
"""How far letters reach below and above their baseline, relative to the font size."""
BESIDE = 0.3
"""Gap, relative to the font size, below which something raised belongs to the word beside it: some programs set it a
little apart."""
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
Box = tuple[float, float, float, float]
"""Left, right, low and high, in points."""


def box(segment: Sequence[Word]) -> Box:
    """The box around words."""
    return (
        min(word.left for word in segment),
        max(word.right for word in segment),
        min(word.low for word in segment),
        max(word.high for word in segment),
    )


def core(segment: Sequence[Word]) -> Box:
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


def foot(word: Word) -> float:
    """The height of a word's baseline, in points."""
    return word.low if word.foot is None else word.foot


def length(segment: Segment) -> int:
    """The number of characters, with a space after each word."""
    return sum(len(word.text) + 1 for word in segment)


def is_rtl(segments: Sequence[Segment]) -> bool:
    """Whether most words are written from right to left."""
    words = [word.text for segment in segments for word in segment]
    return has_rtl(words) and 2 * sum(has_rtl([word]) for word in words) > len(words)


def has_rtl(texts: Sequence[str]) -> bool:
    """Whether any character is written from right to left."""
    text = "".join(texts)
    return not text.isascii() and RTL.search(text) is not None
