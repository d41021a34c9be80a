"""The words of the test site, written for this project: a house and a garden where everything is tried out twice.

They stand in pages.md: `# PATH TITLE` begins a page, `## HEADING` a section of one paragraph.
"""

import re
from pathlib import Path

Text = tuple[str, list[tuple[str, str]]]
"""Title, and (heading, paragraph) of each section."""


def _read(text: str) -> dict[str, Text]:
    found = {}
    for page in re.split(r"^# ", text, flags=re.MULTILINE)[1:]:
        first, *sections = re.split(r"^## ", page, flags=re.MULTILINE)
        path, _, title = first.strip().partition(" ")
        parts = (section.partition("\n") for section in sections)
        found[path] = title, [(heading, " ".join(paragraph.split())) for heading, _, paragraph in parts]
    return found


ODD = "/odd"
ODD_TITLE = "<b>../../etc/passwd</b> \u202e {0} %s $HOME\x07"

TEXTS = _read(Path(__file__).with_name("pages.md").read_text(encoding="utf-8"))
TEXTS[ODD] = ODD_TITLE, TEXTS[ODD][1]

NEAR_COPY = "/print/compost"
"""The page on compost again, laid out for printing, one sentence longer."""

GERMAN = "/de/kueche"
BY_SCRIPT = ("/js/tomatoes", "/js/heating", "/js/index")
ONLY_BY_SCRIPT = "/hidden/cellar"
"""Linked from a page that only a script makes."""
ONLY_BY_SITEMAP = "/labels"
PAGES = (*TEXTS, NEAR_COPY)
"""All twenty."""
