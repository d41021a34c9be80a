"""Turn pages and documents into records, with the reader for each format."""

import functools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lectern.core import io
from lectern.core import raw as folders
from lectern.core.errors import ItemError
from lectern.core.item import Item, Make
from lectern.core.limits import Limits
from lectern.core.schema import Document
from lectern.formats import epub, guards, html, markdown, ocr, office, pdf, plain
from lectern.formats.extracted import Extracted
from lectern.text.words import words

FORMATS: dict[str, Callable[..., Extracted]] = {
    ".pdf": pdf.read,
    ".docx": office.read_docx,
    ".pptx": office.read_pptx,
    ".epub": epub.read,
    ".html": html.read,
    ".htm": html.read,
    ".xhtml": html.read,
    ".md": markdown.read,
    ".markdown": markdown.read,
    ".txt": plain.read,
    ".rst": plain.read,
}
ZIPPED = frozenset({".docx", ".pptx", ".epub"})
PAGES = frozenset({".html", ".htm", ".xhtml"})
LIBRARIES = (
    "charset-normalizer",
    "jusText",
    "lxml",
    "mammoth",
    "markdown-it-py",
    "py3langid",
    "pypdfium2",
    "python-pptx",
    "trafilatura",
)
"""Distributions whose versions decide the extracted text."""
LONGEST_TITLE = 200
LIMITS = Limits(seconds=25, megabytes=1500, written=100)
RECOGNISING = Limits(seconds=25, megabytes=3500, written=100, patience=6 * 3600.0)
"""The same where pictures are recognised: that takes about .6 GB and, for a book of 1,000 pages, two hours."""
SHOWN = 5
"""How many documents and pages a line names."""


def find(raw: Path) -> list[Item]:
    """One item per folder of `raw` whose item.json names a document. Input `document` is that file.

    Raises:
        LecternError: `raw` is missing, or a record in it is broken or names a file that is not there.
    """
    told = {"kind", "title", "url", "language", "document"}
    return [
        Item(record.parent.name, {"document": document}, source.model_dump(include=told))
        for record, source, document in folders.find(raw, "document")
    ]


def load(max_megabytes: float, engine: str) -> Make:
    """The function that extracts one document. The library of a format is imported when a file needs it.

    Raises:
        LecternError: `engine`, which recognises the text of pictures (`ocr.LIBRARIES`), is not installed.
    """
    return functools.partial(_make, max_megabytes=max_megabytes, recognise=ocr.load(engine))


def list_libraries(engine: str) -> tuple[str, ...]:
    """Distributions whose versions decide the extracted text."""
    return (*LIBRARIES, *ocr.LIBRARIES[engine])


def find_limits(engine: str) -> Limits:
    """What reading one document may take. Reading a PDF may take longer, by its number of pages."""
    return LIMITS if engine == "none" else RECOGNISING


def read(
    path: Path, max_megabytes: float, is_page: bool = False, recognise: ocr.Recognise | None = None
) -> Extracted:
    """Read a file by its suffix. For a page of a web site, only the main text is read.

    `recognise` reads those pages of a PDF that are pictures.

    Raises:
        ItemError: the format is unknown; the file is broken, encrypted, scanned, too large or in another format than
            its suffix says; or it contains no text.
    """
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise ItemError(
            f"no reader for {suffix or 'a file without a suffix'}; the readers are for {' '.join(sorted(FORMATS))}."
        )
    if suffix in ZIPPED:
        extracted = FORMATS[suffix](path, max_megabytes)
    else:
        if suffix != ".pdf":
            guards.check_text(path, max_megabytes)
        more = {"recognise": recognise} if suffix == ".pdf" else {}
        extracted = html.read_page(path) if is_page and suffix in PAGES else FORMATS[suffix](path, **more)
    if not extracted.blocks:
        raise ItemError("has no text. Leave it out.")
    return extracted


def _make(item: Item, out: Path, max_megabytes: float, recognise: ocr.Recognise | None) -> Mapping[str, Any]:
    path = item.inputs["document"]
    is_page = item.values["kind"] == "website"
    try:
        found = read(path, max_megabytes, is_page, recognise)
    except ItemError as error:
        raise ItemError(f"{item.id}/{item.values['document']}: {error}") from error
    document = Document(
        item=item.id,
        title=_title(found, item.values["title"], is_page) or item.id,
        url=item.values["url"],
        site=_host(item.values["url"]) if is_page else None,
        language=item.values["language"] or _language(found.language),
        blocks=found.blocks,
    )
    io.write_json(out, document)
    counts = Counter(block.kind for block in found.blocks)
    return {
        "format": path.suffix.lower().lstrip("."),
        "blocks": len(found.blocks),
        "headings": counts["heading"],
        "tables": counts["table"],
        "words": sum(len(words(block.text)) for block in found.blocks),
        **found.facts,
    }


def _title(found: Extracted, published: str, is_page: bool) -> str:
    """The title given by whoever added the document, else its own; for a web page, its own title comes first."""
    top = min((block.level or 1 for block in found.blocks if block.kind == "heading"), default=0)
    first = next((block.text for block in found.blocks if block.kind == "heading" and block.level == top), "")
    own = found.title or first
    opening = found.blocks[0].text.split("\n")[0]
    return next(filter(None, (own, published) if is_page else (published, own, opening)), "")[:LONGEST_TITLE]


def _language(declared: str | None) -> str | None:
    """The language code without country and script; `None` if it is not a code."""
    code = (declared or "").replace("_", "-").partition("-")[0].strip().lower()
    return (
        code
        if code.isascii() and code.isalpha() and 2 <= len(code) <= 3 and code not in ("und", "zxx", "mul")
        else None
    )


def _host(url: str | None) -> str | None:
    from urllib.parse import urlsplit

    return urlsplit(url).hostname if url else None


def find_empty_pages(facts: Mapping[str, Mapping[str, Any]]) -> str | None:
    """A line that names the pages without text and says what reads them; `None` if there are none."""
    empty = {item: fact["empty_pages"] for item, fact in facts.items() if fact.get("empty_pages")}
    if not empty:
        return None
    named = "; ".join(f"{item}, page {_shown(pages)}" for item, pages in sorted(empty.items())[:SHOWN])
    more = f"; and {len(empty) - SHOWN} more documents" if len(empty) > SHOWN else ""
    return (
        f"{sum(map(len, empty.values()))} pages have no text, since they are pictures or empty ({named}{more}). "
        "extract.ocr=rapidocr recognises the text of pictures."
    )


def _shown(pages: Sequence[int]) -> str:
    return ", ".join(map(str, pages[:SHOWN])) + (
        f" and {len(pages) - SHOWN} more" if len(pages) > SHOWN else ""
    )


def summarise(facts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Totals over all documents, and the number of documents by format."""
    formats = Counter(fact["format"] for fact in facts.values())
    counted = (
        "blocks",
        "headings",
        "tables",
        "words",
        "pages",
        "pages_without_text",
        "headers_removed",
        "equations",
    )
    doubtful = ("unmapped_characters", "mended_bytes", "not_main", "pages_recognised")
    return {
        "documents": len(facts),
        "formats": {name: formats[name] for name in sorted(formats)},
        **{name: sum(fact.get(name, 0) for fact in facts.values()) for name in counted + doubtful},
    }
