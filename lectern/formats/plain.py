"""Plain text, including reStructuredText: paragraphs between blank lines, underlined titles, lists."""

import re
from itertools import pairwise
from pathlib import Path

from lectern.core.schema import Block
from lectern.formats import extracted
from lectern.formats.extracted import Extracted
from lectern.text import encoding
from lectern.text import lines as line_ends

UNDERLINE = re.compile(r"""([=\-~^"'`#*+:._])\1{2,}\s*$""")
BULLET = re.compile(r"\s*(?:[-*+•‣▪◦–—]|\(?(?:\d{1,3}|[a-z])[.)])\s+\S")
WRAPPED = 50
"""Length of a paragraph's longest line from which its lines count as broken to fit a width."""


def read(path: Path) -> Extracted:
    """The text as blocks. The lines of a paragraph are joined if they were broken to fit a width."""
    decoded = encoding.decode(path.read_bytes())
    return Extracted(blocks(decoded.text), facts={"mended_bytes": decoded.mended})


def blocks(text: str) -> list[Block]:
    """Split a text into blocks.

    A line underlined by punctuation of about its length is a heading. As in reStructuredText, each kind of underline
    (with or without a line above) is a level, and the first kind used is the highest. Directives stay as they are.
    """
    out: list[Block] = []
    levels: list[str] = []
    for part in re.split(r"\n[^\S\n]*\n\s*?(?=\S|[^\S\n])", encoding.clean(text).expandtabs(4)):
        lines = [line.rstrip() for line in part.split("\n") if line.strip()]
        while found := _heading(lines):
            kind, title, taken = found
            if kind not in levels:
                levels.append(kind)
            out += extracted.heading(title, levels.index(kind) + 1)
            lines = lines[taken:]
        out += _body(lines)
    return out


def _heading(lines: list[str]) -> tuple[str, str, int] | None:
    """The kind of underline, the title, and the number of lines it takes; `None` if no heading begins here."""
    if (
        len(lines) > 2
        and UNDERLINE.match(lines[0])
        and UNDERLINE.match(lines[2])
        and lines[0][0] == lines[2][0]
    ):
        return lines[0][0] * 2, lines[1], 3
    if len(lines) > 1 and UNDERLINE.match(lines[1]) and not UNDERLINE.match(lines[0]):
        title = lines[0].strip()
        if len(lines[1].strip()) >= min(len(title), 8) and len(title) <= 120:
            return lines[1][0], title, 2
    return None


def _body(lines: list[str]) -> list[Block]:
    if not lines:
        return []
    starts = [number for number, line in enumerate(lines) if BULLET.match(line)]
    if starts and starts[0] == 0 and (len(starts) > 1 or lines[0].lstrip()[0] in "-*+•"):
        bounds = [*starts, len(lines)]
        items = [lines[start:end] for start, end in pairwise(bounds)]
        return extracted.bullets([_indent(item[0]) + encoding.tidy_line(" ".join(item)) for item in items])
    widest = max(len(line) for line in lines)
    was_wrapped = widest >= WRAPPED and all(len(line) > 0.6 * widest for line in lines[:-1])
    return extracted.paragraph(
        line_ends.join(lines) if was_wrapped else "\n".join(line.strip() for line in lines)
    )


def _indent(line: str) -> str:
    return " " * (len(line) - len(line.lstrip()))
