"""Paragraphs, headings, lists and tables of made-up lines: each rule by itself, without a PDF."""

from typing import Any

import pytest

from lectern.formats import pdf_layout
from lectern.formats.pdf_layout import Line

FULL = 472.0
"""Where a line ends that was broken for want of room."""


def line(
    text: str, y: float, *, left: float = 72.0, right: float = FULL, size: float = 10.0, **more: Any
) -> Line:
    plain: dict[str, Any] = {"page": 1, "column": 0, "is_bold": False, "is_mono": False}
    return Line(text=text, left=left, right=right, low=y, high=y + size, size=size, **{**plain, **more})


def texts(*pages: list[Line]) -> list[str]:
    return [block.text for block in pdf_layout.blocks(list(pages))[0]]


@pytest.mark.parametrize(
    ("end", "goes_on"),
    [
        ("at its end.", False),
        ("at its end!", False),
        ("at its end:", False),
        ("(at its end.)", False),
        ("he said \u201cat its end.\u201d", False),
        ("\u5728\u6700\u540e\u3002", False),
        ("at its end", True),
        ("at its end,", True),
        ("at No.5", True),
        ("at its end.)x", True),
    ],
)
def test_a_paragraph_goes_over_a_page_unless_its_last_line_ends_a_sentence(end: str, goes_on: bool) -> None:
    first = [line("The page is full", 112), line(f"and its last line stands {end}", 100)]
    second = [line("The next page", 700, page=2), line("has more.", 688, page=2, right=200)]
    assert len(texts(first, second)) == (1 if goes_on else 2)


@pytest.mark.parametrize(
    ("end", "left", "begins"),
    [
        ("to the end.", 84, True),
        ("to the end", 84, False),
        ("to the end.", 78, False),
        ("to the end.", 60, False),
    ],
)
def test_an_indented_line_after_a_sentence_begins_a_paragraph(end: str, left: float, begins: bool) -> None:
    found = texts(
        [line(f"All of it {end}", 700), line("Here is more of it,", 688, left=left), line("and more.", 676)]
    )
    assert len(found) == (2 if begins else 1)
