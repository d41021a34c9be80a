"""Turn HTML elements into blocks. Web pages, EPUB chapters, Markdown and Word documents share this code.

No function recurses as deep as the page is nested, because a page may nest thousands of elements.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lectern.core.errors import ItemError
from lectern.core.schema import Block
from lectern.formats import extracted, mathml, raised
from lectern.text import encoding

HEADINGS = {f"h{level}": level for level in range(1, 7)}
# Elements that are hidden, are not text, or hold another page.
SKIPPED = frozenset({
    "annotation", "annotation-xml", "area", "audio", "base", "button", "canvas", "datalist", "embed", "head",
    "iframe", "input", "link", "map", "meta", "noembed", "noframes", "noscript", "object", "optgroup", "option",
    "param", "progress", "meter", "rp", "rt", "script", "select", "source", "style", "svg", "template", "textarea",
    "title", "track", "video",
})  # fmt: skip
RAISABLE = frozenset({"span", "font", "a", "small"})
RAISED = re.compile(r"vertical-align\s*:\s*(?:super|text-top)", re.IGNORECASE)
NAVIGATION = frozenset({"nav", "header", "footer", "aside", "form", "dialog", "menu"})
"""Elements around the main text of a web page."""
INLINE = frozenset({
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i",
    "img", "ins", "kbd", "label", "mark", "math", "nobr", "q", "ruby", "rb", "s", "samp", "small", "span", "strike",
    "strong", "sub", "sup", "time", "tt", "u", "var", "wbr", "picture", "mi", "mn", "mo", "mrow", "msup", "msub",
    "mfrac", "semantics", "msqrt", "mtext", "output",
})  # fmt: skip
LISTS = ("ul", "ol", "menu", "dir")
DEEPEST_LIST = 20
HELD = ("h1", "h2", "h3", "h4", "h5", "h6", "table", "blockquote", "article", "section")
"""A list that contains one of these is used for layout, and is read as the blocks in it."""
CODE = ("pre", "listing", "xmp")
NUMBERING = frozenset({
    "blob-num", "gutter", "hljs-ln-numbers", "linedivs", "lineno", "linenodiv", "linenos", "lnt",
    "line-numbers-rows", "rouge-gutter",
})  # fmt: skip
"""Class names of an element that holds the line numbers of code: Pygments, Rouge, Chroma, Prism, highlight.js."""
EDITING = frozenset({"mw-editsection", "mw-jump-link"})
"""Class names of what MediaWiki offers beside a heading."""
PERMALINK = re.compile(r"[¶#§🔗⚓∞\u200b\ufe0f\s]*")
"""The text of a link beside a heading that leads to the heading itself."""
LONGEST_PERMALINK = 3
REFUSED = re.compile(r"[&<>/\"'\s]")
"""A character of an element's name that lxml's parser reads and its own tree refuses, in a copy of the element too."""


@dataclass(frozen=True)
class Located:
    """A block and where it stands in its page."""

    block: Block
    node: Any
    """The element that the block was made of; for loose text, the element around it."""
    linked: float
    """Share of the block's letters that are text of links, from 0 to 1."""


def parse(text: str) -> Any:
    """The root element of an HTML page. Nothing that the page refers to is opened.

    Raises:
        ItemError: it is empty, or its elements are nested too deep for the parser, which would lose text.
    """
    import lxml.etree
    import lxml.html

    # The text is decoded already. As the parser takes bytes, it must not follow another declaration in them.
    parser = lxml.html.HTMLParser(encoding="utf-8", no_network=True, huge_tree=True)
    try:
        root = lxml.html.document_fromstring(encoding.clean(text).encode(), parser=parser)
    except lxml.etree.LxmlError as error:
        raise ItemError("the page is empty. Leave it out, or fetch it again.") from error
    if any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log):
        raise ItemError(
            "the page nests elements too deep to be read completely. Save it anew from a browser."
        )
    for node in root.iter(lxml.etree.Element):
        if REFUSED.search(node.tag):
            node.tag = "span"  # as browsers show an element that they do not know
    return root


def blocks(root: Any, skipped: frozenset[str] = SKIPPED, page: int | None = None) -> list[Block]:
    """The headings, paragraphs, lists, tables and code below an element, in its order."""
    return [found.block for found in locate(root, skipped, page)]


def locate(root: Any, skipped: frozenset[str] = SKIPPED, page: int | None = None) -> list[Located]:
    """The blocks below an element, in its order, each with its element and its share of links."""
    out: list[Located] = []
    inline: list[str] = []
    holder, links, linked = (
        root,
        0,
        0,
    )  # the block-level element, the links around the text, and their letters

    def flush() -> None:
        nonlocal linked
        # Many pages separate paragraphs by two line breaks in a row.
        joined = "".join(inline)
        share = linked / max(1, _letters(joined))
        for part in encoding.tidy(joined).split("\n\n"):
            out.extend(Located(block, holder, share) for block in extracted.paragraph(part, page))
        inline.clear()
        linked = 0

    waiting: list[Any] = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, str):
            inline.append(_spaced(node))
            linked += _letters(node) if links else 0
            continue
        if isinstance(node, _End):
            if node.of is None:
                links -= 1
            else:
                flush()
                holder = node.of
            continue
        tag = _tag(node)
        if tag is None or tag in skipped or _is_left_out(node, tag):
            continue
        made = _whole(node, tag, skipped, page)
        if made is not None:
            flush()
            share = _linked(node) if made else 0.0
            out.extend(Located(block, node, share) for block in made)
        elif tag == "br":
            inline.append("\n")
        elif tag == "math":
            inline.append(mathml.latex(node))
        elif _is_raised(node, tag):
            inline.append(_raised(node, inline))
        else:
            if not _is_inline(tag):
                flush()
                waiting.append(_End(holder))
                holder = node
            elif tag == "a":
                links += 1
                waiting.append(_End(None))
            waiting.extend(reversed(_content(node)))
    flush()
    return out


@dataclass(frozen=True)
class _End:
    """The end of a block-level element, with the one around it, or of a link."""

    of: Any


def _whole(node: Any, tag: str, skipped: frozenset[str], page: int | None) -> list[Block] | None:
    """The blocks of an element that is read as a whole; `None` for one whose content is read piece by piece."""
    if tag in HEADINGS:
        return extracted.heading(flat(node, skipped), HEADINGS[tag], page)
    if tag in CODE:
        return extracted.code(_verbatim(node, skipped), page)
    if tag in LISTS and _is_simple(node) and _depth_of_lists(node) <= DEEPEST_LIST:
        return _list_blocks(_list_lines(node, 0, skipped), page)
    if tag == "dl" and _is_simple(node):
        return _list_blocks(_definitions(node, skipped), page)
    if tag == "table" and _is_simple(node, (*HELD, *CODE)):
        captions = [flat(caption, skipped) for caption in node.iter("caption")]
        rows = [
            [flat(cell, skipped) for cell in row.iterchildren("td", "th") if not _is_hidden(cell)]
            for row in node.iter("tr")
        ]
        if max((sum(1 for cell in row if cell.strip()) for row in rows), default=0) > 1:
            return extracted.table([[caption] for caption in captions] + rows, page)
    return None


def flat(node: Any, skipped: frozenset[str] = SKIPPED) -> str:
    """All text of an element on one line."""
    return encoding.tidy_line("".join(_pieces(node, skipped)))


def _pieces(node: Any, skipped: frozenset[str], stops: tuple[str, ...] = ()) -> Iterator[Any]:
    """The texts in an element, in order, and the outermost elements named in `stops`, whose texts are left out."""
    last: list[str] = []
    waiting: list[Any] = list(reversed(_content(node)))
    while waiting:
        piece = waiting.pop()
        if isinstance(piece, str):
            last = [piece] if piece else last
            yield piece
            continue
        tag = _tag(piece)
        if tag is None or tag in skipped or _is_left_out(piece, tag):
            continue
        if tag in stops:
            yield piece
        elif tag == "math":
            yield mathml.latex(piece)
        elif _is_raised(piece, tag):
            yield _raised(piece, last)
        else:
            edge = "" if _is_inline(tag) else " "
            waiting.append(edge)
            waiting.extend(reversed(_content(piece)))
            waiting.append(edge)


def _is_raised(node: Any, tag: str) -> bool:
    return tag == "sup" or (tag in RAISABLE and RAISED.search(node.get("style") or "") is not None)


def _raised(node: Any, before: list[str]) -> str:
    links = node.getparent() if _tag(node.getparent()) == "a" else next(node.iter("{*}a"), None)
    return raised.join(
        str(node.xpath("string()")),
        "".join(before[-3:]),
        is_note=links is not None and bool(links.get("href")),
    )


def _verbatim(node: Any, skipped: frozenset[str]) -> str:
    pieces: list[str] = []
    waiting: list[Any] = list(reversed(_content(node)))
    while waiting:
        piece = waiting.pop()
        if isinstance(piece, str):
            pieces.append(piece)
        elif (tag := _tag(piece)) is not None and tag not in skipped and not _is_numbering(piece):
            if tag in ("br", "div", "p", "li", "tr") and pieces and not pieces[-1].endswith("\n"):
                pieces.append("\n")
            waiting.extend(reversed(_content(piece)))
    return "".join(pieces)


@dataclass(frozen=True)
class _Part:
    """What a list consists of: lines of items, code in an item, and the text of an item after such code."""

    kind: str
    text: str


def _list_blocks(parts: Iterator[_Part], page: int | None) -> list[Block]:
    """A list, which code in its items divides into several."""
    out: list[Block] = []
    lines: list[str] = []
    for part in parts:
        if part.kind == "line":
            lines.append(part.text)
            continue
        out += extracted.bullets(lines, page)
        lines = []
        out += (
            extracted.code(part.text, page) if part.kind == "code" else extracted.paragraph(part.text, page)
        )
    return out + extracted.bullets(lines, page)


def _list_lines(node: Any, depth: int, skipped: frozenset[str]) -> Iterator[_Part]:
    """Yield a line for each item. Items of an ordered list are numbered from the list's start."""
    start = node.get("start") or "1"
    number = int(start) if start.lstrip("-").isdecimal() and len(start) < 9 else 1
    for child in node.iterchildren():
        tag = _tag(child)
        if tag is None or tag in skipped or _is_left_out(child, tag):
            continue
        if tag in LISTS:  # outside an item, which is wrong but common
            yield from _list_lines(child, depth + 1, skipped)
            continue
        inner: list[_Part] = []
        text = ""
        for piece in [child] if tag in CODE else _item(child, skipped, (*LISTS, *CODE)):
            if isinstance(piece, str):
                text, inner = _with_text(text, inner, piece)
            elif _tag(piece) in LISTS:
                inner.extend(_list_lines(piece, depth + 1, skipped))
            else:
                inner.append(_Part("code", _verbatim(piece, skipped)))
        if text:
            yield _Part("line", "  " * depth + (f"{number}. " if _tag(node) == "ol" else "- ") + text)
            number += 1
        yield from inner


def _with_text(text: str, inner: list[_Part], piece: str) -> tuple[str, list[_Part]]:
    """The text of an item with one more piece of it, which is a paragraph of its own if it stands after code."""
    if any(part.kind == "code" for part in inner):
        return text, [*inner, _Part("text", piece)]
    return f"{text} {piece}".strip(), inner


def _item(node: Any, skipped: frozenset[str], stops: tuple[str, ...]) -> Iterator[Any]:
    """The texts of an item, each on one line, and between them the elements named in `stops`."""
    gathered: list[str] = []
    for piece in [*_pieces(node, skipped, stops), None]:
        if isinstance(piece, str):
            gathered.append(piece)
            continue
        if line := encoding.tidy_line("".join(gathered)):
            yield line
        gathered = []
        if piece is not None:
            yield piece


def _definitions(node: Any, skipped: frozenset[str]) -> Iterator[_Part]:
    """Yield a line `- term: meaning` for each term."""
    line = ""
    for child in node.iter("dt", "dd"):
        after_code = False
        # One whose end is left out holds those after it.
        for piece in _item(child, skipped, ("dt", "dd", *CODE)):
            if not isinstance(piece, str):
                if _tag(piece) in CODE:
                    yield from [_Part("line", line)] if line else []
                    yield _Part("code", _verbatim(piece, skipped))
                    line, after_code = "", True
            elif after_code:
                yield _Part("text", piece)
            elif child.tag == "dt" or not line:
                yield from [_Part("line", line)] if line else []
                line = f"- {piece}"
            else:
                line += f"{' ' if line.endswith((':', '.', ';')) else ': '}{piece}"
    yield from [_Part("line", line)] if line else []


def _outermost_lists(node: Any) -> list[Any]:
    found: list[Any] = []
    waiting = list(reversed(list(node)))
    while waiting:
        child = waiting.pop()
        if _tag(child) in LISTS:
            found.append(child)
        elif _tag(child) is not None:
            waiting.extend(reversed(list(child)))
    return found


def _depth_of_lists(node: Any) -> int:
    # The number of nested lists, this one included, up to DEEPEST_LIST + 1.
    depth, level = 0, [node]
    while level and depth <= DEEPEST_LIST:
        depth += 1
        level = [inner for outer in level for inner in _outermost_lists(outer)]
    return depth


def _is_simple(node: Any, held: tuple[str, ...] = HELD) -> bool:
    return next(node.iterdescendants(*held), None) is None


def _linked(node: Any) -> float:
    """The share of an element's letters that are text of links."""
    links = sum(_letters(str(link.xpath("string()"))) for link in node.iter("{*}a") if link.get("href"))
    return links / max(1, _letters(str(node.xpath("string()"))))


def _letters(text: str) -> int:
    return sum(map(len, text.split()))


def _content(node: Any) -> list[Any]:
    """The texts and elements directly below an element, in order."""
    content: list[Any] = [node.text] if node.text else []
    for child in node:
        content.append(child)
        if child.tail:
            content.append(child.tail)
    return content


def _spaced(text: str) -> str:
    # A line end in a page's source means a space.
    return text.replace("\n", " ").replace("\r", " ")


def _tag(node: Any) -> str | None:
    """The name of an element without its namespace; `None` for a comment or a processing instruction."""
    if not isinstance(node.tag, str):
        return None
    return str(node.tag).rpartition("}")[2].rpartition(":")[2].lower()


def _is_inline(tag: str) -> bool:
    return tag in INLINE or "-" in tag  # custom elements are inline unless their page styles them otherwise


def _is_left_out(node: Any, tag: str) -> bool:
    if tag == "span" and "katex-html" in (
        node.get("class") or ""
    ):  # an equation as a picture of letters, drawn twice
        return True
    return _is_hidden(node) or _is_numbering(node) or (tag == "a" and _is_permalink(node))


def _is_numbering(node: Any) -> bool:
    names = node.get("class")
    return names is not None and not (NUMBERING | EDITING).isdisjoint(names.split())


def _is_permalink(node: Any) -> bool:
    if "#" not in (node.get("href") or "") or len(node) > LONGEST_PERMALINK:
        return False
    return PERMALINK.fullmatch(str(node.xpath("string()"))) is not None


def _is_hidden(node: Any) -> bool:
    return (
        node.get("hidden") is not None or "display:none" in (node.get("style") or "").replace(" ", "").lower()
    )
