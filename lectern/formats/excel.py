"""The rows of an Excel file (.xlsx), sheet by sheet, as text.

Only what a table of texts needs is read: texts, numbers, truth values, and the values last shown for formulas. A date
is the number that Excel stores.
"""

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from lectern.core.errors import ItemError
from lectern.formats import guards, xml

LARGEST = 200
"""Most megabytes of XML in a file."""
MOST_COLUMNS = 1000
BOOK = "xl/workbook.xml"
LINK = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
COLUMN = re.compile(r"[A-Z]{1,3}")


def read(path: Path) -> Iterator[list[list[str]]]:
    """Yield the rows of each sheet that has any, in the order of the sheets. Empty rows are left out.

    Raises:
        ItemError: it is not an Excel file, or is broken or too large.
    """
    with guards.open_zip(path, LARGEST) as archive:
        names = set(archive.namelist())
        if BOOK not in names:
            raise ItemError("it is a ZIP file, but not an Excel file. Give it the right suffix.")
        strings = [_text(node) for node in _parts(archive, names, "xl/sharedStrings.xml", "si")]
        targets = {
            node.get("Id"): posixpath.normpath(
                posixpath.join("xl", node.get("Target", "").removeprefix("/xl/"))
            )
            for node in _parts(archive, names, "xl/_rels/workbook.xml.rels", "Relationship")
        }
        for sheet in _parts(archive, names, BOOK, "sheet"):
            rows = [
                _row(row, strings) for row in _parts(archive, names, targets.get(sheet.get(LINK), ""), "row")
            ]
            if kept := [row for row in rows if any(cell.strip() for cell in row)]:
                yield kept


def _parts(archive: ZipFile, names: set[str], name: str, tag: str) -> list[Any]:
    root = xml.parse(archive.read(name)) if name in names else None
    return [] if root is None else list(root.iter(f"{{*}}{tag}"))


def _row(row: Any, strings: list[str]) -> list[str]:
    cells: list[str] = []
    for cell in row.iterchildren("{*}c"):
        found = COLUMN.match(cell.get("r") or "")
        place = _number(found[0]) if found else len(cells)
        if len(cells) <= place < MOST_COLUMNS:
            cells += [""] * (place - len(cells)) + [_value(cell, strings)]
    return cells


def _value(cell: Any, strings: list[str]) -> str:
    kind, value = cell.get("t"), cell.findtext("{*}v") or ""
    if kind == "inlineStr":
        return _text(cell)
    if kind == "s":
        return (
            strings[int(value)] if value.isascii() and value.isdigit() and int(value) < len(strings) else ""
        )
    if kind == "b":
        return {"0": "FALSE", "1": "TRUE"}.get(value, "")
    return "" if kind == "e" else value


def _text(node: Any) -> str:
    """All text of a cell, without the phonetic guides of Japanese and Chinese."""
    return "".join(
        part.text or "" for part in node.iter("{*}t") if part.getparent().tag.rpartition("}")[2] != "rPh"
    )


def _number(column: str) -> int:
    """The place of a column from 0: A is 0, Z is 25, AA is 26."""
    total = 0
    for letter in column:
        total = total * 26 + ord(letter) - ord("A") + 1
    return total - 1
