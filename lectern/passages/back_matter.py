"""Sections that say nothing to be asked about: references, a table of contents, an index.

A heading alone does not decide, since "References" is also a chapter of a book on C++, and "Index" one on databases:
most of the lines below it must look like what it names.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from lectern.core.schema import Block
from lectern.text.words import normalise

NAMES: Mapping[str, frozenset[str]] = {
    "references": frozenset(
        (
            "references", "reference list", "references and notes", "notes and references", "bibliography",
            "selected bibliography", "works cited", "literature cited", "literature", "literatur",
            "literaturverzeichnis", "quellenverzeichnis", "bibliographie", "références", "références bibliographiques",
            "bibliografía", "referencias", "referencias bibliográficas", "bibliografia", "riferimenti bibliografici",
            "referências", "referências bibliográficas", "список литературы", "список источников", "литература",
            "参 考 文 献", "參 考 文 獻", "引 用 文 献", "참고문헌", "المراجع", "kaynakça", "literatuur", "litteratur",
            "källor", "referenser", "quellen", "reference", "references cited", "references notes", "cited literature",
            "bibliography and references", "references and bibliography", "sources", "endnotes",
        )
    ),
    "contents": frozenset(
        (
            "contents", "table of contents", "list of figures", "list of tables", "inhalt", "inhaltsverzeichnis",
            "abbildungsverzeichnis", "tabellenverzeichnis", "table des matières", "sommaire", "índice", "indice",
            "sumário", "содержание", "оглавление", "目 录", "目 次", "目 錄", "목차", "차례", "inhoud", "innehåll",
            "içindekiler", "brief contents", "contents at a glance",
        )
    ),
    "index": frozenset(
        ("index", "subject index", "author index", "register", "stichwortverzeichnis", "sachregister", "索 引")
    ),
}  # fmt: skip
"""What is left out -> the headings that it has, as `words.normalise` makes them."""
NUMBERING = re.compile(r"^\W*(?:\d+(?:\.\d+)*|[A-Z]|[IVX]+)[.)]?\s+(?=\w)")
LOOKS: Mapping[str, re.Pattern[str]] = {
    "references": re.compile(
        r"^\W*\[\w{1,12}\]|\b(?:1[5-9]|20)\d\d[a-z]?\b|https?://|\bdoi\b|\bet al\b|\bpp?\. ?\d"
    ),
    "contents": re.compile(r"(?:\D|^)\d{1,4}$|\s[ivxlc]{1,6}$|^\W*(?:\d+\.)+\d*\s"),
    "index": re.compile(r"(?:,\s*|\s)\d{1,4}(?:\s*[–-]\s*\d{1,4})?$|^\W*\w{1,2}$|\b(?:see|siehe|s\.)\s"),
}
"""What is left out -> what a line of it holds."""
MOST = 0.5
"""Share of a section's lines from which they make it what its heading says."""


def find(blocks: Sequence[Block], wanted: Collection[str]) -> dict[int, str]:
    """The blocks, by their places, that are in a section which is left out, with the name of what it is."""
    found: dict[int, str] = {}
    for place, block in enumerate(blocks):
        name = _name(block)
        if name not in wanted or place in found:
            continue
        section = list(_section(blocks, place, whole=name != "contents"))
        lines = [
            line for at in section[1:] if blocks[at].kind != "heading" for line in _lines(blocks[at], name)
        ]
        looks = sum(1 for line in lines if LOOKS[name].search(line))
        if lines and looks >= MOST * len(lines):
            found.update(dict.fromkeys(section, name))
    return found


def _name(block: Block) -> str:
    if block.kind != "heading":
        return ""
    title = normalise(NUMBERING.sub("", block.text))
    return next((name for name, titles in NAMES.items() if title in titles), "")


def _section(blocks: Sequence[Block], start: int, *, whole: bool) -> Iterator[int]:
    """The places of a heading and of what is below it. Contents end at the next heading, whatever its level."""
    yield start
    for place in range(start + 1, len(blocks)):
        block = blocks[place]
        if block.kind == "heading" and not (whole and (block.level or 1) > (blocks[start].level or 1)):
            return
        yield place


def _lines(block: Block, name: str) -> list[str]:
    # A reference may take several lines; the lines of contents and of an index stand for themselves.
    return [block.text] if name == "references" and block.kind == "paragraph" else block.text.split("\n")
