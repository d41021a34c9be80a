"""Turn HTML elements into blocks. Web pages, EPUB chapters, Markdown and Word documents share this code.

No function recurses as deep as the page is nested, because a page may nest thousands of elements.
"""

from collections.abc import Iterator
from typing import Any

from lectern.core.errors import ItemError
from lectern.core.schema import Block
from lectern.formats import extracted
from lectern.text import encoding

HEADINGS = {f"h{level}": level for level in range(1, 7)}
# Elements that are hidden, are not text, or hold another page.
SKIPPED = frozenset(
    {"annotation", "annotation-xml", "area", "audio", "base", "button", "canvas", "datalist", "embed", "head"}
    | {
        "iframe",
        "input",
        "link",
        "map",
        "meta",
        "noembed",
        "noframes",
        "noscript",
        "object",
        "optgroup",
        "option",
    }
    | {"param", "progress", "meter", "rp", "rt", "script", "select", "source", "style", "svg", "template"}
    | {"textarea", "title", "track", "video"}
)
NAVIGATION = frozenset({"nav", "header", "footer", "aside", "form", "dialog", "menu"})
"""Elements around the main text of a web page."""
INLINE = frozenset(
    {
        "a",
        "abbr",
        "acronym",
        "b",
        "bdi",
        "bdo",
        "big",
        "cite",
        "code",
        "data",
        "del",
        "dfn",
        "em",
        "font",
        "i",
    }
    | {"img", "ins", "kbd", "label", "mark", "math", "nobr", "q", "ruby", "rb", "s", "samp", "small", "span"}
    | {"strike", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr", "picture", "mi", "mn", "mo", "mrow"}
    | {"msup", "msub", "mfrac", "semantics", "msqrt", "mtext", "output"}
)
LISTS = ("ul", "ol", "menu", "dir")
DEEPEST_LIST = 20
HELD = ("h1", "h2", "h3", "h4", "h5", "h6", "table", "pre", "blockquote", "article", "section")
"""A list or table that contains one of these is used for layout, and is read as the blocks in it."""


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
    return root


def blocks(root: Any, skipped: frozenset[str] = SKIPPED, page: int | None = None) -> list[Block]:
    """The headings, paragraphs, lists, tables and code below an element, in its order."""
    out: list[Block] = []
    inline: list[str] = []

    def flush() -> None:
        # Many pages separate paragraphs by two line breaks in a row.
        for part in encoding.tidy("".join(inline)).split("\n\n"):
            out.extend(extracted.paragraph(part, page))
        inline.clear()

    waiting: list[Any] = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, str):
            inline.append(_spaced(node))
            continue
        if node is None:
            flush()
            continue
        tag = _tag(node)
        if tag is None or tag in skipped or _is_hidden(node):
            continue
        made = _whole(node, tag, skipped, page)
        if made is not None:
            flush()
            out.extend(made)
        elif tag == "br":
            inline.append("\n")
        else:
            if not _is_inline(tag):
                flush()
                waiting.append(None)
            waiting.extend(reversed(_content(node)))
    flush()
    return out


def _whole(node: Any, tag: str, skipped: frozenset[str], page: int | None) -> list[Block] | None:
    """The blocks of an element that is read as a whole; `None` for one whose content is read piece by piece."""
    if tag in HEADINGS:
        return extracted.heading(flat(node, skipped), HEADINGS[tag], page)
    if tag in ("pre", "listing", "xmp"):
        return extracted.code(_verbatim(node, skipped), page)
    if tag in LISTS and _is_simple(node) and _depth_of_lists(node) <= DEEPEST_LIST:
        return extracted.bullets(list(_list_lines(node, 0, skipped)), page)
    if tag == "dl" and _is_simple(node):
        return extracted.bullets(_definitions(node, skipped), page)
    if tag == "table" and _is_simple(node):
        captions = [flat(caption, skipped) for caption in node.iter("caption")]
        rows = [
            [flat(cell, skipped) for cell in row.iterchildren("td", "th") if not _is_hidden(cell)]
            for row in node.iter("tr")
        ]
        if max((sum(1 for cell in row if cell.strip()) for row in rows), default=0) > 1:
            return extracted.table([[caption] for caption in captions] + rows, page)
    return None


def flat(node: Any, skipped: frozenset[str] = SKIPPED, but: tuple[str, ...] = ()) -> str:
    """All text of an element on one line, without the elements named in `but` and their content."""
    pieces: list[str] = []
    waiting: list[Any] = list(reversed(_content(node)))
    while waiting:
        piece = waiting.pop()
        if isinstance(piece, str):
            pieces.append(piece)
        elif (
            (tag := _tag(piece)) is not None
            and tag not in skipped
            and tag not in but
            and not _is_hidden(piece)
        ):
            edge = "" if _is_inline(tag) else " "
            waiting.append(edge)
            waiting.extend(reversed(_content(piece)))
            waiting.append(edge)
    return encoding.tidy_line("".join(pieces))


def _verbatim(node: Any, skipped: frozenset[str]) -> str:
    pieces: list[str] = []
    waiting: list[Any] = list(reversed(_content(node)))
    while waiting:
        piece = waiting.pop()
        if isinstance(piece, str):
            pieces.append(piece)
        elif (tag := _tag(piece)) is not None and tag not in skipped:
            if tag in ("br", "div", "p", "li", "tr") and pieces and not pieces[-1].endswith("\n"):
                pieces.append("\n")
            waiting.extend(reversed(_content(piece)))
    return "".join(pieces)


def _list_lines(node: Any, depth: int, skipped: frozenset[str]) -> Iterator[str]:
    """Yield a line for each item. Items of an ordered list are numbered from the list's start."""
    start = node.get("start") or "1"
    number = int(start) if start.lstrip("-").isdecimal() and len(start) < 9 else 1
    for child in node.iterchildren():
        tag = _tag(child)
        if tag is None or tag in skipped or _is_hidden(child):
            continue
        if tag in LISTS:  # outside an item, which is wrong but common
            yield from _list_lines(child, depth + 1, skipped)
            continue
        text = flat(child, skipped, but=LISTS)
        if text:
            yield "  " * depth + (f"{number}. " if _tag(node) == "ol" else "- ") + text
            number += 1
        for inner in _outermost_lists(child):
            yield from _list_lines(inner, depth + 1, skipped)


def _definitions(node: Any, skipped: frozenset[str]) -> list[str]:
    """A line `- term: meaning` for each term."""
    lines: list[str] = []
    for child in node.iter("dt", "dd"):
        text = flat(child, skipped, but=("dt", "dd"))  # one whose end is left out holds those after it
        if not text:
            continue
        if child.tag == "dt" or not lines:
            lines.append(f"- {text}")
        else:
            last = lines[-1]
            lines[-1] = f"{last}{' ' if last.endswith((':', '.', ';')) else ': '}{text}"
    return lines


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


def _is_simple(node: Any) -> bool:
    return next(node.iterdescendants(*HELD), None) is None


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


def _is_hidden(node: Any) -> bool:
    return (
        node.get("hidden") is not None or "display:none" in (node.get("style") or "").replace(" ", "").lower()
    )
