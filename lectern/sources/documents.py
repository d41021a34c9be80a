"""Documents: text files in a folder, each with its metadata in a file of the same stem.

guide.pdf          the document: PDF, DOCX, PPTX, EPUB, HTML, Markdown, reStructuredText, or text in any encoding
guide.info.json    title, url, licence, author, language
"""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lectern.core.io import write_json
from lectern.core.item import Item
from lectern.core.schema import Source
from lectern.settings.sources import DocumentsSource
from lectern.sources import folders

EXTENSIONS = frozenset(
    {".docx", ".epub", ".htm", ".html", ".markdown", ".md", ".pdf", ".pptx", ".rst", ".txt", ".xhtml"}
)
SIBLINGS = (".description.txt",)
"""Endings of files of other kinds of source, which may be in the same folder."""


def list_items(source: DocumentsSource) -> Iterator[Item]:
    """Yield an item for each document below the folder. The suffix distinguishes files of the same stem.

    Raises:
        LecternError: the folder does not exist or holds no document.
    """
    folder = Path(source.path)
    documents = folders.find_files(folder, "document", EXTENSIONS, _is_document)
    for document in documents:
        suffix = document.suffix.lower()
        name = f"{document.relative_to(folder).with_suffix('')}-{document.suffix[1:]}"
        # `guide.pdf.info.json` tells of that file alone, `guide.info.json` of every `guide` beside it.
        info = (document.suffix + ".info.json", *folders.INFO)
        inputs = folders.find_inputs("document", document, info=info)
        yield Item(folders.item_id(name), inputs, {"suffix": suffix})


def fetch_item(item: Item, out: Path) -> Mapping[str, Any]:
    """Copy the document into the folder `out`, with `item.json`. Without a title in its metadata, the title is empty.

    The document is renamed, because a stranger may have chosen its name.

    Raises:
        ItemError: its metadata is not a JSON object.
    """
    out.mkdir()
    document = "document" + item.values["suffix"]
    shutil.copyfile(item.inputs["document"], out / document)
    info = folders.read_info(item.inputs.get("info"))
    source = Source(
        item=item.id,
        kind="documents",
        title=folders.first_string(info, "title") or "",
        url=folders.first_string(info, "url", "webpage_url"),
        licence=folders.first_string(info, "licence", "license"),
        author=folders.first_string(info, "author"),
        published=folders.first_string(info, "published"),
        language=folders.first_string(info, "language"),
        document=document,
    )
    write_json(out / "item.json", source)
    return {"bytes": (out / document).stat().st_size}


def _is_document(path: Path) -> bool:
    hidden = path.name.startswith((".", "~$"))  # Word keeps `~$guide.docx` while it has the file open
    return path.suffix.lower() in EXTENSIONS and not hidden and not path.name.endswith(SIBLINGS)
