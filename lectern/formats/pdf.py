"""PDF files: pdfium reads the words of each page with their positions and fonts, and `pdf_layout` makes blocks of them.

pdfium (BSD or Apache-2.0, also used by Chrome) reads irregular files as browsers do. pdfminer.six, the alternative
under a permissive licence, took two to four times the CPU time. Neither knows headings, headers, or paragraphs across
lines, columns and pages; `pdf_layout` finds those.
"""

import ctypes
import math
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from lectern.core import limits
from lectern.core.errors import ItemError
from lectern.formats import guards, pdf_layout
from lectern.formats.extracted import Extracted
from lectern.formats.pdf_layout import Bookmark, Line, Segment, Word
from lectern.text import encoding

MOST_WITHOUT_TEXT = 0.9
"""Share of pages without text from which a document counts as scanned."""
MOST_UNMAPPED = 0.3
"""Share of characters without a known letter from which the text is useless."""
PAGES_A_SECOND = 4
"""So many pages read let the reading take a second more (`core.limits`); it reads about 25 in that time."""
TAIL = 4096
"""Bytes at the end of a complete file that contain its end mark."""
NO_LETTER = (0, 0xFFFD, 0xFFFE, 0xFFFF)
HYPHEN_MARK = 2
"""What pdfium returns in place of a line-end hyphen and its line end."""
BOLD = ("bold", "black", "heavy", "demi", "cmbx", "sfbx", "ecbx")
"""Parts of font names. The weight that pdfium computes is unreliable: it reports 704 for a regular Noto Serif."""
FORCE_BOLD = 1 << 18
UNMAPPED = "\ufffd"
"""In place of a letter that the font does not identify."""
MONO = ("mono", "courier", "consol", "menlo", "typewriter", "inconsolata", "cmtt", "code", "lucidacon")
NO_TITLE = ("untitled", "microsoft word", "microsoft powerpoint", "about:blank")
FILE_NAMES = (
    ".doc",
    ".docx",
    ".pdf",
    ".tex",
    ".dvi",
    ".indd",
    ".ppt",
    ".pptx",
    ".odt",
    ".html",
    ".qxd",
    ".rtf",
)


def read(path: Path) -> Extracted:
    """Headings by outline and fonts, paragraphs, lists, code and tables, each with the page on which it begins.

    Text that repeats at the edges of pages (running headers, page numbers) is left out and counted.

    Raises:
        ItemError: a password is needed, the file is broken or incomplete, nearly all pages are pictures without text,
            or the fonts do not identify their letters.
    """
    if guards.kind_of(path) != guards.PDF:
        raise ItemError(f"its suffix is {path.suffix}, but it is not a PDF file. Give it the right suffix.")
    with closing(_open(path)) as document:
        pages: list[list[Line]] = []
        unmapped = characters = 0
        for number in range(1, len(document) + 1):
            segments, strange = _read_page(document, number)
            pages.append(pdf_layout.order_lines(segments, number))
            if number % PAGES_A_SECOND == 0:
                limits.allow(1)
            unmapped += strange
            characters += sum(len(line.text) for line in pages[-1])
        _check_text(pages, unmapped, characters)
        bookmarks = list(_bookmarks(document))
        title = _title(document)
        language = _language(document)
    blocks, removed = pdf_layout.blocks(pages, bookmarks)
    facts = {
        "pages": len(pages),
        "pages_without_text": sum(not lines for lines in pages),
        "headers_removed": removed,
        "unmapped_characters": unmapped,
    }
    return Extracted(blocks, title, language, facts)


def _open(path: Path) -> Any:
    import pypdfium2

    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL))
        if b"%%EOF" not in file.read():
            # pdfium would repair the file silently, and the pages after the cut would be missing.
            raise ItemError("incomplete: it has no end mark. Fetch it again.")
    try:
        document = pypdfium2.PdfDocument(path)
        if not len(document):
            raise ItemError("has no pages. Leave it out.")
        return document
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise ItemError("encrypted: opening it needs a password. Save it without one.") from error
        raise ItemError(f"broken ({error}). Fetch it again, or print it to a new PDF file.") from error


def _check_text(pages: list[list[Line]], unmapped: int, characters: int) -> None:
    if unmapped > MOST_UNMAPPED * max(characters, unmapped):
        raise ItemError(
            f"its fonts do not say which letters they draw ({unmapped} of them). "
            "Recognise the text anew, for example by `ocrmypdf --force-ocr`."
        )
    without = sum(not lines for lines in pages)
    if without >= MOST_WITHOUT_TEXT * len(pages):
        raise ItemError(
            f"scanned: {without} of {len(pages)} pages have no text ({without / len(pages):.0%}). "
            "Recognise the text first, for example by `ocrmypdf`."
        )


def _read_page(document: Any, number: int) -> tuple[list[Segment], int]:
    """The pieces of lines that pdfium finds on the page, and the number of characters without a known letter."""
    import pypdfium2

    try:
        with closing(document[number - 1]) as page, closing(page.get_textpage()) as text_page:
            return _segments(text_page.raw, text_page.count_chars())
    except pypdfium2.PdfiumError as error:
        raise ItemError(
            f"page {number} cannot be read ({error}). Print the file to a new PDF file."
        ) from error


def _segments(text_page: Any, count: int) -> tuple[list[Segment], int]:
    import pypdfium2.raw as pdfium

    segments: list[Segment] = []
    words: list[Word] = []
    letters: list[str] = []
    first = last = 0
    unmapped = 0

    def end_word(ending: str = "") -> None:
        if any(letter != UNMAPPED for letter in letters):  # otherwise it is a bullet or another sign
            words.append(_word(text_page, "".join(letters) + ending, first, last))
        letters.clear()

    def end_segment() -> None:
        end_word()
        segments.extend(pdf_layout.split_where_it_jumps(words))
        words.clear()

    for index in range(count):
        code = pdfium.FPDFText_GetUnicode(text_page, index)
        if code == HYPHEN_MARK:
            end_word("\u0002")
            end_segment()
        elif code in (10, 13):
            end_segment()
        elif (letter := chr(code) if code not in NO_LETTER else UNMAPPED).isspace():
            end_word()
        else:
            if not letters:
                first = index
            letters.append(letter)
            last = index
            unmapped += letter == UNMAPPED
    end_segment()
    return segments, unmapped


def _word(text_page: Any, text: str, first: int, last: int) -> Word:
    """A word with its box in points, in coordinates rotated so that its baseline is horizontal."""
    import pypdfium2.raw as pdfium

    begin, end, matrix = pdfium.FS_RECTF(), pdfium.FS_RECTF(), pdfium.FS_MATRIX()
    pdfium.FPDFText_GetLooseCharBox(text_page, first, begin)
    pdfium.FPDFText_GetLooseCharBox(text_page, last, end)
    pdfium.FPDFText_GetMatrix(text_page, first, matrix)
    flags, name = ctypes.c_int(), ctypes.create_string_buffer(128)
    pdfium.FPDFText_GetFontInfo(text_page, first, name, 128, flags)
    font = name.value.decode("utf-8", "replace").lower().rpartition("+")[2]
    left, right = min(begin.left, end.left), max(begin.right, end.right)
    low, high = min(begin.bottom, end.bottom), max(begin.top, end.top)
    size = pdfium.FPDFText_GetFontSize(text_page, first) * (math.hypot(matrix.c, matrix.d) or 1.0)
    turned = _quarter_turns(matrix)
    for _ in range(turned):
        left, right, low, high = low, high, -right, -left
    return Word(
        text=encoding.clean(text.replace("\u0002", "\ue000")).replace("\ue000", "\u0002"),
        left=left,
        right=right,
        low=low,
        high=high,
        size=round(size * 4) / 4,
        is_bold=any(part in font for part in BOLD) or bool(flags.value & FORCE_BOLD),
        is_mono=any(part in font for part in MONO),
        turned=turned,
    )


def _quarter_turns(matrix: Any) -> int:
    """The number of clockwise quarter turns that make the text horizontal."""
    return round(math.degrees(math.atan2(matrix.b, matrix.a)) / 90) % 4


def _bookmarks(document: Any) -> Iterator[Bookmark]:
    import pypdfium2

    try:
        for entry in document.get_toc(max_depth=6):
            target = entry.get_dest()
            page = target.get_index() if target else None
            if page is not None:
                yield Bookmark(encoding.tidy_line(entry.get_title()), entry.level + 1, page + 1)
    except pypdfium2.PdfiumError:  # a broken outline takes nothing from the text
        return


def _title(document: Any) -> str | None:
    title = encoding.tidy_line(str(document.get_metadata_dict().get("Title") or ""))
    lowered = title.lower()
    return None if lowered.startswith(NO_TITLE) or lowered.endswith(FILE_NAMES) else title or None


def _language(document: Any) -> str | None:
    import pypdfium2.raw as pdfium

    size = pdfium.FPDFCatalog_GetLanguage(document.raw, None, 0)
    if size <= 2:
        return None
    buffer = ctypes.create_string_buffer(size)
    pdfium.FPDFCatalog_GetLanguage(document.raw, ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort)), size)
    return buffer.raw[: size - 2].decode("utf-16-le", "ignore") or None
