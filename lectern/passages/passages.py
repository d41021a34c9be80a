"""Passages of a document: stretches of a bounded length, each under one heading and with its place.

Ids stay stable because no choice depends on text that is far away. A section never shares a passage with text outside
its parent. Headings alone decide which neighbours may share a passage (`_heads`). A section that is too long is first
cut at places that only a window around them determines (`_anchors`), as in content-defined chunking (Muthitacharoen,
Chen and Mazieres, A Low-bandwidth Network File System, 2001), so that an edit moves no cut far away.
"""

import hashlib
import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import NamedTuple
from urllib.parse import urlsplit

from lectern.core.schema import BLANK_LINE, Block, Document, Passage, passage_id
from lectern.models.tokens import Count
from lectern.passages.boilerplate import digest
from lectern.text.cutting import CUT, choose_cuts

LIBRARIES = ("sentencex", "tokenizers")
"""Their versions decide where sentences end and how many tokens a text has."""
WITHIN = 1.0
"""Cost of a cut within a block: above that of a cut between two blocks, below that of a passage that is too short."""
LED_IN = 1.5
"""Cost of a cut between a line like `such as these:` and what it introduces."""
REACH = 2
"""How far a choice looks: `_heads` compares this many headings on each side, `_anchors` this many longest passages."""
REPEATED = 3
"""A passage repeats at most the longest length of a passage divided by this."""
DEEPEST = 9
"""Deepest level of a heading; deeper ones are given this level."""


class CutDocument(NamedTuple):
    """The passages of a document, and the texts left out."""

    passages: list[Passage]
    removed: list[str]
    """Texts of the blocks that are boilerplate."""


class PassageUnit(NamedTuple):
    """A sentence, or a block that is not divided."""

    begin: int  # characters of the document's text
    end: int
    block: int
    cost: float  # of a cut before it
    prose: bool  # not a part of a list, a table or code
    tokens: int = 0  # including the white space before it; 0 until it is counted


@dataclass
class Section:
    """A heading and everything below it."""

    headings: tuple[str, ...] = ()
    title: PassageUnit | None = None
    own: list[PassageUnit] = field(default_factory=list)
    """What comes before its first sub-heading."""
    children: list["Section"] = field(default_factory=list)
    tokens: int = 0
    """Without those of its title."""

    @property
    def whole(self) -> int:
        """Tokens including those of its title."""
        return self.tokens + (self.title.tokens if self.title else 0)

    def pieces(self) -> list[PassageUnit]:
        """Everything below its title, in reading order."""
        below = [
            p for child in self.children for p in [*([child.title] if child.title else []), *child.pieces()]
        ]
        return self.own + below


def cut(
    document: Document,
    boilerplate: Collection[str],
    count: Count,
    *,
    least: int,
    most: int,
    overlap: int,
    left_out: Collection[int] = (),
) -> CutDocument:
    """The passages of a document, in reading order.

    `document.text[a:b]`, where (a, b) is a passage's span, is the passage's text. If blocks within it were left out
    (boilerplate, headings with nothing below them), the passage's text lacks these blocks.

    A section that fits is one passage, and its text contains the headings below the section's own. In a longer section,
    each part that has the least length is a passage, and short neighbours share a passage under their parent's
    heading. A part that is too long itself is cut between paragraphs, within them at sentence ends; a list, table or
    code is cut between its lines; anything else is cut wherever necessary. Empty sections are left out.

    Args:
        document: the document with its blocks.
        boilerplate: digests (`boilerplate.digest`) of the blocks to leave out.
        count: counts tokens.
        least: fewest tokens of a passage, where the sections allow it.
        most: most tokens of a passage.
        overlap: sentences at the end of a passage that the next one of its section repeats, unless they are too long.
        left_out: places of more blocks to leave out, such as references (`back_matter.find`).
    """
    text = document.text
    kept, removed = _keep(document.blocks, boilerplate)
    kept = [place for place in kept if place not in left_out]
    root = _outline(
        document.blocks, _cut_pieces(text, document.blocks, kept, document.language or "en", most, count)
    )
    # The counts of pieces are upper bounds: a passage has at most the sum of its pieces' tokens, perhaps a few less.
    aim = min(most, least + least // 20 + 1)
    found = [(headings, pieces) for headings, pieces in _passages(root, text, aim, most, overlap) if pieces]
    texts = [_join(text, pieces) for _, pieces in found]
    begins = _begins(document.blocks)
    passages = []
    for (headings, pieces), own, tokens in zip(found, texts, count(texts), strict=True):
        first = pieces[0]
        page = document.blocks[first.block].page_at(first.begin - begins[first.block])
        passages.append(
            Passage(
                id=passage_id(document.item, own),
                item=document.item,
                text=own,
                tokens=tokens,
                url=link_at(document.url, page),
                language=document.language,
                page=page,
                span=(pieces[0].begin, pieces[-1].end),
                headings=list(headings),
            )
        )
    return CutDocument(passages, removed)


def link_at(url: str | None, page: int | None) -> str | None:
    """The address of a document opened at a page, in the form that browsers understand for PDFs."""
    if url is None or page is None:
        return url
    return urlsplit(url)._replace(fragment=f"page={page}").geturl()


def _keep(blocks: Sequence[Block], boilerplate: Collection[str]) -> tuple[list[int], list[str]]:
    """The indices of the blocks to keep, and the texts of the others. Headings are always kept, as structure."""
    kept, removed = [], []
    for index, block in enumerate(blocks):
        if boilerplate and block.kind != "heading" and digest(block.text) in boilerplate:
            removed.append(block.text)
        elif block.text.strip():
            kept.append(index)
    return kept, removed


def _begins(blocks: Sequence[Block]) -> list[int]:
    """The offset in the document's text at which each block begins."""
    return [0, *accumulate(len(block.text) + len(BLANK_LINE) for block in blocks)][: len(blocks)]


def _cut_pieces(
    text: str, blocks: Sequence[Block], kept: Sequence[int], language: str, most: int, count: Count
) -> list[PassageUnit]:
    """The kept blocks as pieces of at most `most` tokens: paragraphs by sentence, other blocks whole if they fit."""
    begins = _begins(blocks)
    pieces: list[PassageUnit] = []
    for index in kept:
        block, before = blocks[index], blocks[index - 1] if index else None
        led_in = (
            block.kind != "paragraph"
            and before is not None
            and before.text.rstrip().endswith((":", "\uff1a"))
        )
        prose, cost = block.kind == "paragraph", LED_IN if led_in else CUT
        whole = PassageUnit(begins[index], begins[index] + len(block.text), index, cost, prose)
        pieces += _divide(text, whole, _sentences(language)) if prose else [_trim(text, whole)]
    pieces = _count(text, pieces, count)
    # Only pieces that are too long are divided. A heading never is, since it only goes into passages that it fits into.
    while any(_is_long(piece, blocks, most) for piece in pieces):
        finer = [
            _finer(text, piece, language) if _is_long(piece, blocks, most) else [piece] for piece in pieces
        ]
        pieces = _count(text, [piece for part in finer for piece in part], count)
    return pieces


def _is_long(piece: PassageUnit, blocks: Sequence[Block], most: int) -> bool:
    return piece.tokens > most and piece.end - piece.begin > 1 and blocks[piece.block].kind != "heading"


def _finer(text: str, piece: PassageUnit, language: str) -> list[PassageUnit]:
    """Divide a piece into its lines; a single line into its sentences; a single sentence into halves."""
    for divide in (_lines, _sentences(language), _halves):
        if len(parts := _divide(text, piece, divide)) > 1:
            return parts
    return parts


def _divide(text: str, piece: PassageUnit, divide: Callable[[str], list[int]]) -> list[PassageUnit]:
    """Cut a piece at the offsets that `divide` returns, without white space at the ends of the parts."""
    places = [0, *divide(text[piece.begin : piece.end]), piece.end - piece.begin]
    parts = [
        _trim(
            text,
            piece._replace(
                begin=piece.begin + a, end=piece.begin + b, cost=WITHIN if a else piece.cost, tokens=0
            ),
        )
        for a, b in pairwise(places)
    ]
    return [part for part in parts if part.begin < part.end]


def _lines(text: str) -> list[int]:
    return [match.end() for match in re.finditer("\n", text)]


def _sentences(language: str) -> Callable[[str], list[int]]:
    from sentencex import get_sentence_boundaries

    return lambda text: [boundary["start_index"] for boundary in get_sentence_boundaries(language, text)][1:]


def _halves(text: str) -> list[int]:
    """The white space nearest to the middle, or else a place there that does not separate a letter from its accents."""
    middle = len(text) // 2
    spaces = [match.end() for match in re.finditer(r"\s+", text[middle // 2 : -middle // 2 or None])]
    if spaces:
        return [middle // 2 + min(spaces, key=lambda place: abs(middle // 2 + place - middle))]
    while middle > 1 and (unicodedata.combining(text[middle]) or "\u200d" in text[middle - 1 : middle + 1]):
        middle -= 1
    return [middle]


def _trim(text: str, piece: PassageUnit) -> PassageUnit:
    own = text[piece.begin : piece.end]
    begin = piece.begin + len(own) - len(own.lstrip())
    return piece._replace(begin=begin, end=begin + len(own.strip()))


def _count(text: str, pieces: Sequence[PassageUnit], count: Count) -> list[PassageUnit]:
    """The pieces with upper bounds of their token counts.

    Tokens depend on what comes before. A piece may begin a passage, follow its white space in the document, or follow
    another block after a blank line, if the block between was left out. The largest of the three counts is kept.
    """
    new = [piece for piece in pieces if not piece.tokens]
    own = [text[piece.begin : piece.end] for piece in new]
    spaces = [_space_before(text, piece.begin) for piece in new]
    joined = [BLANK_LINE if "\n" in space else space for space in spaces]
    ways = [own, *([s + one for s, one in zip(some, own, strict=True)] for some in (spaces, joined))]
    lengths = iter([max(1, *counts) for counts in zip(*map(count, ways), strict=True)])
    return [piece if piece.tokens else piece._replace(tokens=next(lengths)) for piece in pieces]


def _space_before(text: str, place: int) -> str:
    begin = place
    while begin and text[begin - 1].isspace():
        begin -= 1
    return text[begin:place]


def _outline(blocks: Sequence[Block], pieces: Sequence[PassageUnit]) -> Section:
    """The sections, nested as their headings are, without sections that have nothing below their heading."""
    root = Section()
    open_sections, levels = [root], [0]
    for piece in pieces:
        block = blocks[piece.block]
        if block.kind != "heading":
            open_sections[-1].own.append(piece)
            continue
        level = min(block.level or 1, DEEPEST)
        while levels[-1] >= level:
            open_sections.pop()
            levels.pop()
        parent = open_sections[-1]
        section = Section((*parent.headings, " ".join(block.text.split())), piece)
        parent.children.append(section)
        open_sections.append(section)
        levels.append(level)
    _add_up(root)
    return root


def _add_up(section: Section) -> None:
    for child in section.children:
        _add_up(child)
    section.children = [child for child in section.children if child.tokens]
    section.tokens = sum(p.tokens for p in section.own) + sum(child.whole for child in section.children)


def _passages(
    section: Section, text: str, least: int, most: int, overlap: int
) -> Iterator[tuple[tuple[str, ...], list[PassageUnit]]]:
    """The headings and the pieces of each passage of a section."""
    while len(section.children) == 1 and not section.own:
        section = section.children[0]
    if section.tokens <= most:
        yield section.headings, section.pieces()
        return
    if not section.children:
        for pieces in _cut_long(section.own, text, least, most, overlap):
            yield section.headings, pieces
        return
    groups = _groups(section.children, least, most)
    if section.own:
        opening = Section(section.headings, None, section.own, [], sum(piece.tokens for piece in section.own))
        shared = opening.tokens < least and opening.tokens + _size(groups[0]) <= most
        groups = [[opening, *groups[0]], *groups[1:]] if shared else [[opening], *groups]
    for group in groups:
        if len(group) == 1:
            yield from _passages(group[0], text, least, most, overlap)
        else:
            yield section.headings, Section(children=group).pieces()


def _groups(parts: Sequence[Section], least: int, most: int) -> list[list[Section]]:
    """Neighbours that share a passage: from one head to the next, a part joins those before it while they are short."""
    groups: list[list[Section]] = []
    for begin, end in pairwise([*_heads(parts), len(parts)]):
        run: list[list[Section]] = []
        for part in parts[begin:end]:
            if run and _size(run[-1]) < least and _size([*run[-1], part]) <= most:
                run[-1].append(part)
            else:
                run.append([part])
        if len(run) > 1 and _size(run[-1]) < least and _size(run[-2] + run[-1]) <= most:
            run[-2:] = [run[-2] + run[-1]]
        groups += run
    return groups


def _size(parts: Sequence[Section]) -> int:
    return sum(part.whole for part in parts)


def _heads(parts: Sequence[Section]) -> list[int]:
    """Where a new passage always begins: at the first part, and where the hash of a title is the lowest around it.

    Only titles decide, so that an edit of the text below one moves no other part to another passage.
    """
    ranks = [_rank(part.headings[-1]) for part in parts]

    def is_head(index: int) -> bool:
        around = ranks[max(0, index - REACH) : index] + ranks[index + 1 : index + 1 + REACH]
        return all(ranks[index] < other for other in around)

    return [0, *(index for index in range(1, len(parts)) if is_head(index))]


def _rank(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _cut_long(
    pieces: Sequence[PassageUnit], text: str, least: int, most: int, overlap: int
) -> Iterator[list[PassageUnit]]:
    """The pieces of each passage of a text without headings."""
    repeats = [_repeat(pieces, index, overlap, most // REPEATED) for index in range(len(pieces))]
    lengths = [piece.tokens for piece in pieces]
    again = [sum(lengths[index - n : index]) for index, n in enumerate(repeats)]
    costs = [piece.cost for piece in pieces]
    for begin, end in pairwise([0, *_anchors(pieces, text, REACH * most), len(pieces)]):
        cuts = choose_cuts(lengths[begin:end], costs[begin:end], least, most, again[begin:end])
        for a, b in pairwise(begin + place for place in cuts):
            fits = again[a] + sum(lengths[a:b]) <= most
            yield list(pieces[a - repeats[a] * fits : b])


def _repeat(pieces: Sequence[PassageUnit], index: int, overlap: int, most: int) -> int:
    """How many sentences before a piece are repeated with it, so that they have at most `most` tokens together."""
    first = index
    while first > max(0, index - overlap) and pieces[first - 1].prose and pieces[first - 1].tokens <= most:
        first -= 1
        most -= pieces[first].tokens
    return index - first


def _anchors(pieces: Sequence[PassageUnit], text: str, reach: int) -> list[int]:
    """Places to cut first: each has the lowest cost within `reach` tokens around it, and of equals the lowest hash.

    They are at least `reach` apart from each other and from the ends, so that no passage between them must be short.
    """
    starts = [0]
    for piece in pieces:
        starts.append(starts[-1] + piece.tokens)
    ranks = [(piece.cost, _rank(text[piece.begin : piece.end])) for piece in pieces]
    found = []
    for index in range(bisect_left(starts, reach), bisect_right(starts, starts[-1] - reach)):
        begin = bisect_left(starts, starts[index] - reach)
        end = min(bisect_right(starts, starts[index] + reach), len(pieces))
        if all(ranks[index] < ranks[other] for other in range(max(1, begin), end) if other != index):
            found.append(index)
    return found


def _join(text: str, pieces: Sequence[PassageUnit]) -> str:
    """The text of the pieces; where something between two of them was left out, a blank line."""
    parts = [text[pieces[0].begin : pieces[0].end]]
    for before, piece in pairwise(pieces):
        between = text[before.end : piece.begin]
        parts += [BLANK_LINE if between.strip() else between, text[piece.begin : piece.end]]
    return "".join(parts)
