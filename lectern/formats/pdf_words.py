"""The words of a PDF page with their boxes, from the letters that pdfium finds.

pdfium sets a space where the gap between two letters is wide for their font. It misses narrow ones, such as those that
groff sets beside italics, and ends no word at an exponent. So the boxes of the letters decide here.
"""

import ctypes
import math
import statistics
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from lectern.formats import pdf_boxes, pdf_page
from lectern.formats.pdf_boxes import Segment, Word
from lectern.text import encoding

NO_LETTER = (0, 0xFFFD, 0xFFFE, 0xFFFF)
HYPHEN_MARK = "\u0002"
"""What pdfium returns in place of a line-end hyphen and its line end."""
BOLD = ("bold", "black", "heavy", "demi", "cmbx", "sfbx", "ecbx")
"""Parts of font names. The weight that pdfium computes is unreliable: it reports 704 for a regular Noto Serif."""
FORCE_BOLD = 1 << 18
UNMAPPED = "\ufffd"
"""In place of a letter that the font does not identify."""
MONO = ("mono", "courier", "consol", "menlo", "typewriter", "inconsolata", "cmtt", "code", "lucidacon")
WORD_GAP = 0.15
"""Gap between two letters, relative to the height of their line, that separates words. Kerning and justification
within words stay below .1; the narrowest spaces have .18."""
NO_ROOM = 0.04
"""The same up to which a space between them is none."""
SPACED = 2.5
"""Times the usual gap of a word whose letters are all spaced, as in some titles, from which a gap ends the word."""
ANOTHER_LINE = 0.08
"""Difference of two baselines, relative to the height of a line, from which a letter stands raised or lowered."""
ACCENTS = ("Mn", "Mc", "Me")
"""Categories of what stands over and under letters."""
ALEFS = "اأإآٱ"
LAM = "ل"


class _Letter(NamedTuple):
    """A letter, its box, and the height of its baseline, in coordinates in which it stands upright."""

    text: str
    number: int
    left: float
    right: float
    low: float
    high: float
    foot: float


def read_segments(text_page: Any, count: int) -> tuple[list[Segment], int]:
    """The pieces of lines on a page of `count` letters, and how many of its letters the fonts do not identify."""
    segments: list[Segment] = []
    words: list[Word] = []
    letters: list[tuple[str, int]] = []
    unmapped = 0
    after_space = False
    early = -1  # an accent that pdfium gives before its letter, because it stands further to the right

    def end_word(ending: str = "") -> None:
        if any(letter != UNMAPPED for letter, _ in letters):  # otherwise it is a bullet or another sign
            words.extend(_words(text_page, letters, ending))
        letters.clear()

    def end_segment(ending: str = "") -> None:
        end_word(ending)
        segments.extend(pdf_page.split_where_it_jumps(words))
        words.clear()

    for letter, index in _letters(text_page, count):
        if letter == HYPHEN_MARK:
            end_segment("\u0002")
        elif letter in "\r\n":
            end_segment()
        elif not letter.isspace():
            if letters and after_space:
                if _is_rtl_accent(letter):
                    early = index
                elif not _is_drawn_over(text_page, letters[-1][1], index - 1, index):
                    end_word()
            letters.append((letter, index))
            if len(letters) > 1 and letters[-2][1] == early:
                letters[-2:] = [letters[-1], letters[-2]]
            unmapped += letter == UNMAPPED
        after_space = letter.isspace()
    end_segment()
    return segments, unmapped


def _letters(text_page: Any, count: int) -> Iterator[tuple[str, int]]:
    """The letters, spaces and line ends of a page with their numbers; `UNMAPPED` for what the font does not name."""
    import pypdfium2.raw as pdfium

    upper = 0
    for index in range(count):
        code = pdfium.FPDFText_GetUnicode(text_page, index)
        if 0xD800 <= code < 0xDC00:  # pdfium returns UTF-16: two units for an italic letter of mathematics
            upper = code
            continue
        if 0xDC00 <= code < 0xE000:
            code = 0x10000 + ((upper - 0xD800) << 10) + (code - 0xDC00) if upper else 0
        upper = 0
        yield chr(code) if code not in NO_LETTER else UNMAPPED, index


def _is_rtl_accent(letter: str) -> bool:
    return unicodedata.category(letter) == "Mn" and pdf_boxes.RTL.match(letter) is not None


def _is_drawn_over(text_page: Any, before: int, space: int, index: int) -> bool:
    """Whether a letter stands where the space before it does, since groff draws spaces and goes back over them."""
    import pypdfium2.raw as pdfium

    if (
        pdfium.FPDFText_IsGenerated(text_page, space) == 1
    ):  # it is pdfium's own, which knows the kerning of the font
        return False
    first, second = _box(text_page, before), _box(text_page, index)
    height = first.top - first.bottom
    return (
        abs(second.left - first.right) < NO_ROOM * height
        and abs(first.bottom - second.bottom) < NO_ROOM * height
    )


def _words(text_page: Any, found: Sequence[tuple[str, int]], ending: str) -> Iterator[Word]:
    """The words that letters without a space between them form: usually one.

    A raised or lowered part is a word of its own that is `glued` to the one before.
    """
    turned, size = _direction(text_page, found[0][1])
    letters: list[_Letter] = []
    for letter, index in found:
        letters.append(_letter(text_page, letter, index, turned, letters[-1] if letters else None))
    letters = _in_order(letters)
    starts = _starts(letters)
    last = len(letters)
    for begin, end in pairwise([*starts, last]):
        part = letters[begin:end]
        if all(letter.text == UNMAPPED for letter in part):
            continue
        if begin:
            _, size = _direction(text_page, part[0].number)
        yield _word(
            text_page, part, ending if end == last else "", size, turned, begin > 0 and not starts[begin]
        )


def _starts(letters: Sequence[_Letter]) -> dict[int, bool]:
    """Where a word begins among the letters -> whether a space is before it."""
    if _stand_close(letters):
        return {0: True}
    places = [
        i for i, letter in enumerate(letters) if not i or unicodedata.category(letter.text) not in ACCENTS
    ]
    pairs = [(letters[i], letters[j]) for i, j in pairwise(places)]
    gaps = [max(after.left - before.right, before.left - after.right) for before, after in pairs]
    is_spaced = all(letters[place].text.isalpha() for place in places)
    usual = statistics.median(gaps) if gaps and is_spaced else 0.0
    starts = {0: True}
    start = letters[0]
    for place, gap, (before, after) in zip(places[1:], gaps, pairs, strict=True):
        height = min(before.high - before.low, after.high - after.low)
        if gap > max(WORD_GAP * height, SPACED * usual) and not _is_wide(before.text, after.text):
            starts[place] = True
            start = after
        elif abs(after.foot - start.foot) > ANOTHER_LINE * height:
            starts[place] = False
            start = after
    return starts


def _stand_close(letters: Sequence[_Letter]) -> bool:
    """Whether the letters are surely one word, as nearly all are: in one line, without gaps."""
    _, _, _, _, low, high, foot = letters[0]
    room, rise = WORD_GAP * (high - low), ANOTHER_LINE * (high - low)
    return all(
        -room <= after.left - before.right <= room
        and abs(after.foot - foot) <= rise
        and (after.low, after.high) == (low, high)
        for before, after in pairwise(letters)
    )


def _is_wide(*letters: str) -> bool:
    """Whether these are letters of Chinese, Japanese or Korean, whose words are not told apart by gaps."""
    return all(unicodedata.east_asian_width(letter) in "WF" for letter in letters)


def _in_order(letters: list[_Letter]) -> list[_Letter]:
    """The letters with those of the ligature of lam and alef in their order.

    One glyph stands for both, so they share a box, and pdfium reverses them together with the line.
    """
    for place, (first, second) in enumerate(pairwise(letters)):
        if (
            first.text in ALEFS
            and second.text == LAM
            and (first.left, first.right) == (second.left, second.right)
        ):
            letters[place : place + 2] = [second, first]
    return letters


def _letter(text_page: Any, text: str, number: int, turned: int, before: _Letter | None) -> _Letter:
    import pypdfium2.raw as pdfium

    box = _box(text_page, number)
    left, right, low, high = box.left, box.right, box.bottom, box.top
    if not turned and before is not None and (before.low, before.high) == (low, high):
        return _Letter(text, number, left, right, low, high, before.foot)  # of the same font on the same line
    x, y = ctypes.c_double(), ctypes.c_double()
    pdfium.FPDFText_GetCharOrigin(text_page, number, x, y)
    along, foot = x.value, y.value
    for _ in range(turned):
        left, right, low, high = low, high, -right, -left
        along, foot = foot, -along
    return _Letter(text, number, left, right, low, high, foot)


def _box(text_page: Any, index: int) -> Any:
    import pypdfium2.raw as pdfium

    box = pdfium.FS_RECTF()
    pdfium.FPDFText_GetLooseCharBox(text_page, index, box)
    return box


def _direction(text_page: Any, index: int) -> tuple[int, float]:
    """The number of clockwise quarter turns that make a letter upright, and its font size in points."""
    import pypdfium2.raw as pdfium

    matrix = pdfium.FS_MATRIX()
    pdfium.FPDFText_GetMatrix(text_page, index, matrix)
    turned = round(math.degrees(math.atan2(matrix.b, matrix.a)) / 90) % 4
    return turned, pdfium.FPDFText_GetFontSize(text_page, index) * (math.hypot(matrix.c, matrix.d) or 1.0)


def _word(
    text_page: Any, letters: Sequence[_Letter], ending: str, size: float, turned: int, is_glued: bool
) -> Word:
    import pypdfium2.raw as pdfium

    flags, name = ctypes.c_int(), ctypes.create_string_buffer(128)
    pdfium.FPDFText_GetFontInfo(text_page, letters[0].number, name, 128, flags)
    font = name.value.decode("utf-8", "replace").lower().rpartition("+")[2]
    text = "".join(letter.text for letter in letters) + ending
    size = size or letters[0].high - letters[0].low  # fonts of drawings may have none
    return Word(
        text=encoding.clean(text.replace("\u0002", "\ue000")).replace("\ue000", "\u0002"),
        left=min(letter.left for letter in letters),
        right=max(letter.right for letter in letters),
        low=min(letters[0].low, letters[-1].low),
        high=max(letters[0].high, letters[-1].high),
        size=max(round(size * 4) / 4, 0.25),
        is_bold=any(part in font for part in BOLD) or bool(flags.value & FORCE_BOLD),
        is_mono=any(part in font for part in MONO),
        turned=turned,
        foot=letters[0].foot,
        is_glued=is_glued,
    )
