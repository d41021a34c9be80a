"""The stored pages of a site: `data/sources/<source>/<page>.html` as fetched, and `<page>.json` beside it.

They hold no time of fetching, and a page that has not changed on the site keeps its bytes, so that git and DVC only
show real changes.
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
"""Content type -> suffix of the files that `documents: true` keeps besides pages."""

_ID = re.compile(r"[a-z0-9-]+-[0-9a-f]{12}")


class Page(Record):
    """The metadata of a page: `data/sources/<source>/<page>.json`."""

    url: str = Field(description="the normalized address that answered; it identifies the page")
    asked: str = Field(description="the address that was linked; differs from url if the site redirected")
    status: int
    content_type: str = Field(description="as the server states it, including the charset")
    etag: str | None = None
    last_modified: str | None = None
    language: str | None = Field(
        default=None, description="as the server states it; the page itself may be more reliable"
    )
    depth: int = Field(ge=0, description="links from the start")
    referrer: str | None = Field(
        description="the page that links to it; null for a start or an entry of a sitemap"
    )
    rendered: bool = Field(description="whether the stored page was made by a browser that ran its scripts")
    file: str
    sha256: str = Field(description="of the file")


def page_id(url: str) -> str:
    """A name that is a safe file name everywhere: the words of the address and a digest, which makes it unique."""
    parts = urlsplit(url)
    words = slug(unquote(f"{parts.path} {parts.query}").removesuffix(".html")) or "index"
    return f"{words}-{hashlib.sha256(url.encode()).hexdigest()[:12]}"


def kind_of(content_type: str, url: str) -> str | None:
    """The suffix of the file for content of this type; `None` if it is neither a page nor a document."""
    plain = content_type.partition(";")[0].strip().lower()
    if plain in HTML:
        return ".html"
    ending = "." + urlsplit(url).path.rpartition(".")[2].lower()
    if plain in ("application/octet-stream", "binary/octet-stream") and ending in DOCUMENTS.values():
        return ending
    return DOCUMENTS.get(plain)


def read_all(folder: Path) -> dict[str, Page]:
    """The pages of a folder by address, sorted by the names of their files.

    Raises:
        LecternError: a file in it does not belong to a page.
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
                f"{path} does not have the name of its page. Delete it; `lectern update` fetches the page again."
            )
        found[page.url] = page
    return found


def content(folder: Path, page: Page) -> bytes | None:
    """The bytes of a page; `None` if they are missing or are not the fetched ones."""
    path = folder / page.file
    if not path.is_file():
        return None
    body = path.read_bytes()
    return body if hashlib.sha256(body).hexdigest() == page.sha256 else None


def write(folder: Path, page: Page, body: bytes) -> None:
    """Write a page, and then its JSON."""
    with io.replacing(folder / page.file) as temporary:
        temporary.write_bytes(body)
    io.write_json(folder / f"{page_id(page.url)}.json", page)


def remove(folder: Path, page: Page) -> None:
    """Remove the JSON of a page, and then the page."""
    (folder / f"{page_id(page.url)}.json").unlink(missing_ok=True)
    (folder / page.file).unlink(missing_ok=True)


def remove_halves(folder: Path) -> None:
    """Remove the files of pages that have no JSON, which a killed crawl may leave."""
    for path in sorted(folder.iterdir()):
        if _ID.fullmatch(path.stem) and path.suffix != ".json" and not path.with_suffix(".json").is_file():
            path.unlink()
