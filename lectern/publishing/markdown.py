"""Show strangers' text in Markdown without any markup taking effect."""

import re

from lectern.core.printing import one_line

LONGEST = 160
SPECIAL = re.compile(r"([\\`*_{}\[\]()#.!|<>~&:@/$^])")


def escape(text: object, longest: int = LONGEST) -> str:
    """`text` on one line, with no character acting as Markdown, HTML or a link (CommonMark 0.31, section 2.4)."""
    shown = one_line(str(text), longest)
    # entities cannot begin anything, not even where a renderer makes links of bare addresses
    return SPECIAL.sub(lambda found: f"&#{ord(found[0])};", shown)


def code(text: object, longest: int | None = LONGEST) -> str:
    """`text` on one line as inline code. Backticks in it become quotation marks."""
    return "`" + (one_line(str(text), longest).replace("`", "'") or " ") + "`"
