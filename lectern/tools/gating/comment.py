"""The Markdown of a comparison as a comment of a pull request."""

import re
from collections.abc import Sequence

from lectern.report.render import escape_markdown
from lectern.tools.gating.verdicts import Judged

ROOM = 60_000
"""Characters; GitHub takes 65,536 in a comment."""
NOTHING = "&#8203;"
"""A space of no width, written so that an editor shows it."""


def write(markdown: str, judged: Sequence[Judged] = (), room: int = ROOM) -> str:
    """Return the Markdown with the conditions before its first section, within the room of a comment.

    Args:
        markdown: of the comparison; texts in it are escaped.
        judged: the conditions.
        room: in characters. Sections that do not fit are left out, and named.
    """
    opening, *sections = re.split(r"(?m)^(?=## )", markdown)
    if judged:
        lines = [f"- {escape_markdown(one.sentence)}\n" for one in judged]
        sections.insert(0, "".join(["## Conditions\n\n", *lines, "\n"]))
    return _fit([calm(part) for part in (opening, *sections)], room)


def calm(markdown: str) -> str:
    """Return the Markdown so that a forge takes nothing in it for a person, a team or an issue.

    A name after an at sign would be notified, a number after a hash or `GH-` would put a note on that issue, and marks
    of direction would show a text in another order than it has.
    """
    markdown = re.sub("[\u202a-\u202e\u2066-\u2069]", "", markdown)
    return re.sub(r"@(?=\w)|#(?=\d)|\bGH-(?=\d)", lambda found: found[0] + NOTHING, markdown, flags=re.I)


def _fit(parts: Sequence[str], room: int) -> str:
    kept, left_out, used = list[str](), list[str](), 0
    for part in parts:
        if used + len(part) > room:
            left_out.append(part.partition("\n")[0].removeprefix("## "))
        else:
            kept.append(part)
            used += len(part)
    if left_out:
        told = f"{room:,} characters have room here. Only comparison.html has: {', '.join(left_out)}."
        kept.append(f"\n## Left out\n\n{told}\n")
    return "".join(kept)
