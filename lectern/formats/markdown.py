"""Markdown (CommonMark with tables), which markdown-it-py turns into HTML."""

import re
from pathlib import Path

from lectern.formats import markup
from lectern.formats.extracted import Extracted
from lectern.text import encoding

FRONT_MATTER = re.compile(r"\A---[^\S\n]*\n(.*?)\n(?:---|\.\.\.)[^\S\n]*(?:\n|\Z)", re.S)
FIELD = re.compile(r"^(title|lang|language):[^\S\n]*(.+?)[^\S\n]*$", re.M | re.I)
TAG = re.compile(r"</?([A-Za-z][\w-]*)")


def read(path: Path) -> Extracted:
    """Headings, paragraphs, lists, tables and code; title and language from the front matter, if there is one."""
    decoded = encoding.decode(path.read_bytes())
    text = encoding.clean(decoded.text)
    stated: dict[str, str] = {}
    if front := FRONT_MATTER.match(text):
        stated = {key.lower(): value.strip("\"'") for key, value in FIELD.findall(front[1])}
        text = text[front.end() :]
    page = markup.parse(f"<body>{_render(text)}</body>") if text.strip() else None
    return Extracted(
        markup.blocks(page) if page is not None else [],
        stated.get("title"),
        stated.get("lang") or stated.get("language"),
        {"mended_bytes": decoded.mended},
    )


def _render(text: str) -> str:
    from html import escape

    import lxml.html.defs
    from markdown_it import MarkdownIt

    reader = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    tags = lxml.html.defs.tags
    tokens = reader.parse(text)
    for token in (inner for outer in tokens for inner in [outer, *(outer.children or [])]):
        # `<your-key>` is a placeholder, not an element. As HTML it would be lost.
        found = TAG.match(token.content.strip()) if token.type in ("html_inline", "html_block") else None
        if found and found[1].lower() not in tags:
            token.content = escape(token.content)
    return str(reader.renderer.render(tokens, reader.options, {}))
