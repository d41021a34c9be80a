"""What every format's reader returns, and the few things that all of them do."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from lectern.core.schema import Block
from lectern.text import encoding

MAX_LEVEL = 6


@dataclass(frozen=True)
class Extracted:
    """What a file says, in reading order, and what it says of itself."""

    blocks: list[Block]
    title: str | None = None
    """from its metadata; None where they are silent"""
    language: str | None = None
    """as declared, such as `en-GB`"""
    facts: Mapping[str, int] = field(default_factory=dict)
    """counts of what a person should know, such as pages without text"""


def heading(text: str, level: int, page: int | None = None) -> list[Block]:
    """A heading, or nothing where it has no text."""
    line = encoding.tidy_line(text)
    level = min(max(level, 1), MAX_LEVEL)
    return [Block(kind="heading", text=line, level=level, page=page)] if line else []


def paragraph(text: str, page: int | None = None) -> list[Block]:
    """A paragraph, its lines kept apart; nothing where it has no text."""
    tidy = encoding.tidy(text)
    return [Block(kind="paragraph", text=tidy, page=page)] if tidy else []


def code(text: str, page: int | None = None) -> list[Block]:
    """Code, its indentation kept; nothing where it has no text."""
    lines = "\n".join(line.rstrip() for line in encoding.clean(text).split("\n")).strip("\n")
    return [Block(kind="code", text=lines, page=page)] if lines.strip() else []


def bullets(lines: list[str], page: int | None = None) -> list[Block]:
    """A list: an item a line, `- ` or `1. ` before it, indented by two spaces for each list around it."""
    kept = "\n".join(line for line in map(encoding.clean, lines) if line.strip())
    return [Block(kind="list", text=kept, page=page)] if kept else []


def table(rows: list[list[str]], page: int | None = None) -> list[Block]:
    """A table: a row a line, its cells between ` | `; rows without text are left out."""
    cells = [[encoding.tidy_line(cell) for cell in row] for row in rows]
    lines = [" | ".join(row) for row in cells if any(row)]
    return [Block(kind="table", text="\n".join(lines), page=page)] if lines else []
