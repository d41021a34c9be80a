"""Other people's text in Markdown: shown, and nothing more."""

import re

from lectern.core.printing import one_line

LONGEST = 160
SPECIAL = re.compile(r"([\\`*_{}\[\]()#.!|<>~&:@/$^])")


def escape(text: object, longest: int = LONGEST) -> str:
    """One line in which no character acts as Markdown, HTML or a link (CommonMark 0.31, section 2.4)."""
    shown = one_line(str(text), longest)
    # entities cannot begin anything, not even where a renderer makes links of bare addresses
    return SPECIAL.sub(lambda found: f"&#{ord(found[0])};", shown)


def code(text: object, longest: int | None = LONGEST) -> str:
    """One line as code; backticks in it become quotation marks."""
    return "`" + (one_line(str(text), longest).replace("`", "'") or " ") + "`"
