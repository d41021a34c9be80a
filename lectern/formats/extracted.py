"""The result of every format's reader, and helpers that all readers use."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from lectern.core.schema import Block
from lectern.text import encoding

MAX_LEVEL = 6


@dataclass(frozen=True)
class Extracted:
    """The content of a file in reading order, and its metadata."""

    blocks: list[Block]
    title: str | None = None
    """From the file's metadata; `None` if it states none."""
    language: str | None = None
    """As the file declares it, such as `en-GB`; `None` if it declares none."""
    facts: Mapping[str, int | list[int]] = field(default_factory=dict)
    """Counts that a person should know, such as of pages without text, and the numbers of such pages."""


def heading(text: str, level: int, page: int | None = None) -> list[Block]:
    """A list of one heading, or an empty list if it has no text."""
    line = encoding.tidy_line(text)
    level = min(max(level, 1), MAX_LEVEL)
    return [Block(kind="heading", text=line, level=level, page=page)] if line else []


def paragraph(text: str, page: int | None = None) -> list[Block]:
    """A list of one paragraph, whose lines stay separate, or an empty list if it has no text."""
    tidy = encoding.tidy(text)
    return [Block(kind="paragraph", text=tidy, page=page)] if tidy else []


def code(text: str, page: int | None = None) -> list[Block]:
    """A list of one block of code, with its indentation, or an empty list if it has no text."""
    lines = "\n".join(line.rstrip() for line in encoding.clean(text).split("\n")).strip("\n")
    return [Block(kind="code", text=lines, page=page)] if lines.strip() else []


def bullets(lines: list[str], page: int | None = None) -> list[Block]:
    """A list block: one item a line, after `- ` or `1. `, indented by two spaces for each enclosing list."""
    kept = "\n".join(line for line in map(encoding.clean, lines) if line.strip())
    return [Block(kind="list", text=kept, page=page)] if kept else []


def table(rows: list[list[str]], page: int | None = None) -> list[Block]:
    """A table block: one row a line, with ` | ` between its cells; rows without text are left out."""
    cells = [[encoding.tidy_line(cell) for cell in row] for row in rows]
    lines = [" | ".join(row) for row in cells if any(row)]
    return [Block(kind="table", text="\n".join(lines), page=page)] if lines else []
