"""Check a file before a parser reads it: its kind must match its suffix, and its size must fit into memory."""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lectern.core.errors import ItemError
from lectern.core.item import FATAL
from lectern.core.printing import first_line

SIGNATURES = (
    (b"%PDF-", "a PDF file"),
    (b"PK\x03\x04", "a ZIP file, as Word, PowerPoint and EPUB files are"),
    (b"PK\x05\x06", "an empty ZIP file"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old or encrypted Office file"),
    (b"{\\rtf", "an RTF file"),
    (b"\x1f\x8b", "a gzip file"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z file"),
    (b"Rar!", "a RAR file"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"\x7fELF", "a program"),
    (b"ID3", "a recording"),
    (b"%!PS", "a PostScript file"),
)
PDF, ZIP = SIGNATURES[0][1], SIGNATURES[1][1]
MARKUP = (".xml", ".rels", ".opf", ".ncx", ".html", ".htm", ".xhtml", ".css", ".svg", ".vml")
MAX_MEMBERS = 20_000
"""Most files in a ZIP file; a book with thousands of pictures has fewer."""
MAX_RATIO = 200
"""Highest ratio of unpacked to packed size for a part of a ZIP file above one megabyte; text has 5 to 20."""
MAX_UNPACKED = 2000
"""Most megabytes of all unpacked parts of a ZIP file, pictures included, because python-pptx loads them."""
MEGABYTE = 1_000_000


def kind_of(path: Path) -> str | None:
    """The kind of a file by its first bytes; `None` if they match no signature, as with text."""
    with path.open("rb") as file:
        head = file.read(1024)
    if found := next((kind for signature, kind in SIGNATURES if head.startswith(signature)), None):
        return found
    return PDF if b"%PDF-" in head else None  # the PDF signature may follow other bytes


def check_text(path: Path, max_megabytes: float) -> None:
    """Check that a file can be text, HTML or Markdown and fits into memory.

    Raises:
        ItemError: it is too large, or another kind of file.
    """
    size = path.stat().st_size
    if size > max_megabytes * MEGABYTE:
        raise ItemError(
            f"{size / MEGABYTE:.0f} MB of text; `extract.max_megabytes` allows {max_megabytes:g}. "
            "Divide the document, or raise the limit."
        )
    if kind := kind_of(path):
        raise ItemError(f"its suffix is {path.suffix}, but it is {kind}. Give it the right suffix.")


@contextmanager
def open_zip(path: Path, max_megabytes: float) -> Iterator[zipfile.ZipFile]:
    """Open a Word, PowerPoint or EPUB file after checking its list of contents.

    Raises:
        ItemError: it is not such a file, is broken or encrypted, or unpacks to more than fits into memory; or XML in it
            declares entities, which these formats never need and which can grow without bound or refer to other files.
    """
    if (kind := kind_of(path)) != ZIP:
        said = f"it is {kind}" if kind else "it is not"
        raise ItemError(
            f"its suffix is {path.suffix}, but {said}. Give it the right suffix; open an old or encrypted file in an "
            "office program and save it without a password."
        )
    try:
        with zipfile.ZipFile(path) as archive:
            _check_contents(archive, max_megabytes)
            yield archive
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        KeyError,
        ValueError,
        OSError,
        NotImplementedError,
    ) as error:
        if isinstance(error, OSError) and error.errno in FATAL:
            raise
        raise ItemError(f"broken or incomplete ({first_line(error, 200)}). Fetch it again.") from error


def _check_contents(archive: zipfile.ZipFile, max_megabytes: float) -> None:
    members = archive.infolist()
    if len(members) > MAX_MEMBERS:
        raise ItemError(
            f"holds {len(members)} files; no document needs more than {MAX_MEMBERS}. Leave it out."
        )
    if any(member.flag_bits & 1 for member in members):
        raise ItemError("is encrypted. Save it without a password.")
    if (unpacked := sum(member.file_size for member in members)) > MAX_UNPACKED * MEGABYTE:
        raise ItemError(
            f"unpacks to {unpacked / MEGABYTE:.0f} MB, more than {MAX_UNPACKED}. Divide it, or leave it out."
        )
    markup = [member for member in members if member.filename.lower().endswith(MARKUP)]
    total = sum(member.file_size for member in markup)
    if total > max_megabytes * MEGABYTE:
        raise ItemError(
            f"unpacks to {total / MEGABYTE:.0f} MB of text; `extract.max_megabytes` allows {max_megabytes:g}. "
            "Divide the document, or raise the limit."
        )
    for member in markup:
        if member.file_size > max(MEGABYTE, MAX_RATIO * member.compress_size):
            raise ItemError(
                f"has a part that unpacks to more than {MAX_RATIO} times its size (a ZIP bomb). Leave it out."
            )
        if _declares_entities(archive.read(member)):
            raise ItemError("declares XML entities, which no document needs. Leave it out, or save it anew.")


def _declares_entities(data: bytes) -> bool:
    # UTF-16 has a zero byte next to each ASCII letter.
    return b"<!ENTITY" in data.replace(b"\0", b"")
