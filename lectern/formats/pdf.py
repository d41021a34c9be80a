"""PDF files: pdfium reads each page, `pdf_words` makes words of its letters, `pdf_page` lines, and `pdf_layout` blocks.

pdfium (BSD or Apache-2.0, also used by Chrome) reads irregular files as browsers do. pdfminer.six, the alternative
under a permissive licence, took two to four times the CPU time. Neither knows headings, headers, or paragraphs across
lines, columns and pages; `pdf_columns`, `pdf_headers`, `pdf_parts` and `pdf_layout` find those.
"""

import ctypes
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from lectern.core import limits
from lectern.core.errors import ItemError
from lectern.formats import guards, pdf_layout, pdf_page, pdf_pictures, pdf_words
from lectern.formats.extracted import Extracted
from lectern.formats.ocr import Recognise
from lectern.formats.pdf_boxes import Segment
from lectern.formats.pdf_layout import Bookmark
from lectern.formats.pdf_page import Line
from lectern.text import encoding, scripts

MOST_WITHOUT_TEXT = 0.9
"""Share of pages without text from which a document counts as scanned."""
MOST_UNMAPPED = 0.3
"""Share of characters without a known letter from which the text is useless."""
PAGES_A_SECOND = 4
"""So many pages read let the reading take a second more (`core.limits`); it reads about 25 in that time."""
SECONDS_A_PICTURE = 120
"""What recognising a page may take more; it takes about 6."""
TAIL = 4096
"""Bytes at the end of a complete file that contain its end mark."""
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


def read(path: Path, recognise: Recognise | None = None) -> Extracted:
    """Headings by outline and fonts, paragraphs, lists, code and tables, each with the page on which it begins.

    Text that repeats at the edges of pages (running headers, page numbers) is left out and counted. `recognise` reads
    the pages that are pictures; `facts` names those that it read, and those without text.

    Raises:
        ItemError: a password is needed, the file is broken or incomplete, nearly all pages are pictures without text,
            or the fonts do not identify their letters.
    """
    if guards.kind_of(path) != guards.PDF:
        raise ItemError(f"its suffix is {path.suffix}, but it is not a PDF file. Give it the right suffix.")
    with closing(_open(path)) as document:
        pages: list[list[Line]] = []
        unmapped = characters = 0
        recognised: list[int] = []
        for number in range(1, len(document) + 1):
            segments, strange = _read_page(document, number)
            if recognise is not None and (seen := _read_picture(document, number, recognise, segments)):
                segments += seen
                recognised.append(number)
            pages.append(pdf_page.order_lines(segments, number))
            if number % PAGES_A_SECOND == 0:
                limits.allow(1)
            unmapped += strange
            characters += sum(len(line.text) for line in pages[-1])
        _check_text(pages, unmapped, characters)
        bookmarks = list(_bookmarks(document))
        title = _title(document)
        language = _language(document)
    language = scripts.language_of("\n".join(line.text for page in pages for line in page), language)
    blocks, removed = pdf_layout.blocks(pages, bookmarks)
    without = [number for number, lines in enumerate(pages, 1) if not lines]
    facts: dict[str, int | list[int]] = {
        "pages": len(pages),
        "pages_without_text": len(without),
        "headers_removed": removed,
        "unmapped_characters": unmapped,
    }
    if without:
        facts["empty_pages"] = without
    if recognised:
        facts |= {"pages_recognised": len(recognised), "recognised_pages": recognised}
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
            "Recognise the text first, for example by `ocrmypdf`, or let extract.ocr=rapidocr do it."
        )


def _read_page(document: Any, number: int) -> tuple[list[Segment], int]:
    """The pieces of lines that pdfium finds on the page, and the number of characters without a known letter."""
    import pypdfium2

    try:
        with closing(document[number - 1]) as page, closing(page.get_textpage()) as text_page:
            return pdf_words.read_segments(text_page.raw, text_page.count_chars())
    except pypdfium2.PdfiumError as error:
        raise ItemError(
            f"page {number} cannot be read ({error}). Print the file to a new PDF file."
        ) from error


def _read_picture(document: Any, number: int, recognise: Recognise, segments: list[Segment]) -> list[Segment]:
    """What `recognise` reads on a page that is a picture, beside the little text that it may have, such as a stamp."""
    with closing(document[number - 1]) as page:
        if segments and not pdf_pictures.is_picture(page, segments):
            return []
        limits.allow(SECONDS_A_PICTURE)
        return pdf_pictures.read_segments(page, recognise, segments)


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
