"""EPUB books: their chapters in reading order, each read as HTML.

EbookLib, the usual library, is under the AGPL. All that is needed of the format is a list of files in XML.
"""

import posixpath
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from zipfile import ZipFile

from lectern.core.errors import ItemError
from lectern.core.schema import Block
from lectern.formats import extracted, guards, html, markup, xml
from lectern.formats.extracted import Extracted
from lectern.text import encoding

CONTAINER = "META-INF/container.xml"
ENCRYPTION = "META-INF/encryption.xml"
FONTS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
"""Algorithms that only obfuscate fonts. Any other algorithm in a book means DRM."""


def read(path: Path, max_megabytes: float) -> Extracted:
    """Headings, paragraphs, lists, tables and code of every chapter, without the table of contents.

    A chapter without a heading gets the one that the table of contents gives it.

    Raises:
        ItemError: it is not an EPUB book, is broken, or its text is encrypted.
    """
    with guards.open_zip(path, max_megabytes) as archive:
        names = set(archive.namelist())
        if ENCRYPTION in names and (found := _encrypted(archive)):
            raise ItemError(f"its text is encrypted ({found}), which means DRM. Get a copy without DRM.")
        package = _package(archive, names)
        folder = posixpath.dirname(package)
        opf = xml.parse(archive.read(package))
        if opf is None:
            raise ItemError(f"its file {package} is broken. Fetch the book again, or save it anew.")
        manifest = {
            item.get("id"): (_inside(folder, item.get("href") or ""), item.get("properties") or "")
            for item in _all(opf, "item")
        }
        labels = _labels(archive, opf, manifest, names)
        blocks: list[Block] = []
        chapters = 0
        for entry in _all(opf, "itemref"):
            name, properties = manifest.get(entry.get("idref"), ("", ""))
            if "nav" in properties.split():
                continue
            if name not in names:
                raise ItemError(
                    f"its chapter {name or entry.get('idref')!r} is missing. Fetch the book again."
                )
            chapters += 1
            blocks += _chapter(archive.read(name), labels.get(name))
    title, language = (
        next((node.text for node in _all(opf, key) if node.text), None) for key in ("title", "language")
    )
    return Extracted(blocks, title, language, {"chapters": chapters})


def _chapter(data: bytes, label: str | None) -> list[Block]:
    declared = html.declared_encoding(data)
    text = encoding.decode(data, declared).text
    if not text.strip():
        return []
    found = markup.blocks(markup.parse(text), markup.SKIPPED | {"nav"})
    if found and label and not any(block.kind == "heading" for block in found):
        return extracted.heading(label, 1) + found
    return found


def _package(archive: ZipFile, names: set[str]) -> str:
    root = xml.parse(archive.read(CONTAINER)) if CONTAINER in names else None
    path = (
        next((node.get("full-path") for node in _all(root, "rootfile")), None) if root is not None else None
    )
    if not path or path not in names:
        raise ItemError(
            "it is a ZIP file, but not an EPUB book (it names no package). Give it the right suffix."
        )
    return str(path)


def _encrypted(archive: ZipFile) -> str | None:
    root = xml.parse(archive.read(ENCRYPTION))
    methods = (
        [node.get("Algorithm") or "" for node in _all(root, "EncryptionMethod")] if root is not None else []
    )
    return next((method for method in methods if method not in FONTS), None)


def _labels(
    archive: ZipFile, opf: Any, manifest: dict[Any, tuple[str, str]], names: set[str]
) -> dict[str, str]:
    """File of a chapter -> the chapter's first entry in the table of contents, of EPUB 3 or else EPUB 2."""
    labels: dict[str, str] = {}
    navs = [name for name, properties in manifest.values() if "nav" in properties.split()]
    ncx = [name for name, _ in manifest.values() if name.lower().endswith(".ncx")]
    for name in (name for name in navs + ncx if name in names):
        root = xml.parse(archive.read(name))
        folder = posixpath.dirname(name)
        links = (
            [(node.get("href"), "".join(node.itertext())) for node in _all(root, "a")]
            if root is not None
            else []
        )
        for point in _all(root, "navPoint") if root is not None else []:
            content, text = next(iter(_all(point, "content")), None), next(iter(_all(point, "text")), None)
            if content is not None and text is not None:
                links.append((content.get("src"), text.text or ""))
        for href, label in links:
            target = _inside(folder, (href or "").partition("#")[0])
            labels.setdefault(target, encoding.tidy_line(label))
    return labels


def _inside(folder: str, href: str) -> str:
    """The path within the archive. A path that leads out of the archive matches no file in it."""
    return posixpath.normpath(posixpath.join(folder, unquote(href)))


def _all(root: Any, name: str) -> list[Any]:
    return list(root.iter(f"{{*}}{name}"))
