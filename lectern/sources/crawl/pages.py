"""The pages of a site as they are kept: `data/sources/<source>/<page>.html` as it came, and `<page>.json` beside it.

Nothing in them tells when they were fetched, and what has not changed on the site keeps its bytes, so that git and DVC
show what did.
"""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pydantic import Field

from lectern.core import io
from lectern.core.errors import LecternError
from lectern.core.schema import Record
from lectern.sources.folders import slug

HTML = ("text/html", "application/xhtml+xml")
DOCUMENTS: Mapping[str, str] = {
    "application/pdf": ".pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
    "application/epub+zip": ".epub",
    "text/markdown": ".md",
    "text/plain": ".txt",
}
"""Content type -> ending of what `documents: true` keeps besides pages."""

_ID = re.compile(r"[a-z0-9-]+-[0-9a-f]{12}")


class Page(Record):
    """What is known of a page besides its bytes: `data/sources/<source>/<page>.json`."""

    url: str = Field(description="that answered, in its canonical form: what pages are told apart by")
    asked: str = Field(description="that was linked, where the site redirected from there; else the same")
    status: int
    content_type: str = Field(description="as the server says, the charset included")
    etag: str | None = None
    last_modified: str | None = None
    language: str | None = Field(
        default=None, description="as the server says; the page itself may know better"
    )
    depth: int = Field(ge=0, description="links from the start")
    referrer: str | None = Field(description="the page that it was found on; none for a start or a sitemap's")
    rendered: bool = Field(description="what is kept is the page that a browser made by running its scripts")
    file: str
    sha256: str = Field(description="of the file")


def page_id(url: str) -> str:
    """A name that is safe as a file name everywhere, with the words of the address, told apart by its digest."""
    parts = urlsplit(url)
    words = slug(unquote(f"{parts.path} {parts.query}").removesuffix(".html")) or "index"
    return f"{words}-{hashlib.sha256(url.encode()).hexdigest()[:12]}"


def kind_of(content_type: str, url: str) -> str | None:
    """The ending of the file that something of this type is kept in; None where it is no page and no document."""
    plain = content_type.partition(";")[0].strip().lower()
    if plain in HTML:
        return ".html"
    ending = "." + urlsplit(url).path.rpartition(".")[2].lower()
    if plain in ("application/octet-stream", "binary/octet-stream") and ending in DOCUMENTS.values():
        return ending
    return DOCUMENTS.get(plain)


def read_all(folder: Path) -> dict[str, Page]:
    """The pages of a folder by address, in order of their names.

    Raises:
        LecternError: a file in it is not a page's.
    """
    found = {}
    for path in sorted(folder.glob("*.json")):
        try:
            page = io.read_json(path, Page)
        except LecternError as error:
            raise LecternError(
                f"{error}. {folder} holds pages of a web site only: choose another `name`."
            ) from error
        if path.stem != page_id(page.url) or Path(page.file).stem != path.stem:
            raise LecternError(
                f"{path} is not named as its page is. Delete it; `lectern update` fetches it again."
            )
        found[page.url] = page
    return found


def content(folder: Path, page: Page) -> bytes | None:
    """The bytes of a page; None where they are missing or not what was fetched."""
    path = folder / page.file
    if not path.is_file():
        return None
    body = path.read_bytes()
    return body if hashlib.sha256(body).hexdigest() == page.sha256 else None


def write(folder: Path, page: Page, body: bytes) -> None:
    """Write a page, its JSON last."""
    with io.replacing(folder / page.file) as temporary:
        temporary.write_bytes(body)
    io.write_json(folder / f"{page_id(page.url)}.json", page)


def remove(folder: Path, page: Page) -> None:
    """Remove a page, its JSON first."""
    (folder / f"{page_id(page.url)}.json").unlink(missing_ok=True)
    (folder / page.file).unlink(missing_ok=True)


def remove_halves(folder: Path) -> None:
    """Remove files of pages without their JSON, which a kill may leave."""
    for path in sorted(folder.iterdir()):
        if _ID.fullmatch(path.stem) and path.suffix != ".json" and not path.with_suffix(".json").is_file():
            path.unlink()
