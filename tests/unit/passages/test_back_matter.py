"""References, contents and an index become no passages, and chapters that are only called so stay."""

import pytest

from lectern.core.schema import Block
from lectern.formats import extracted
from lectern.passages import back_matter
from lectern.settings.parse import SECTIONS

BOOK = extracted.paragraph("[1] A. Smith et al., “Of seeds,” in Proc. of Logs, 2019.")
SITE = extracted.paragraph("Lee, C. Runs and their logs. https://example.org/runs")
PROSE = extracted.paragraph("A reference is another name for a variable, and it cannot be null.")
ROWS = extracted.table([["1 Seeds", "1"], ["2 Logs", "17"], ["2.1 Levels", "18"]])
WORDS = extracted.bullets(["- seed, 12, 17", "- log, see run", "- level, 3–5"])


def head(text: str, level: int = 1) -> list[Block]:
    return extracted.heading(text, level)


def found(*parts: list[Block], wanted: tuple[str, ...] = SECTIONS) -> dict[int, str]:
    return back_matter.find([block for part in parts for block in part], wanted)


@pytest.mark.parametrize(
    "title",
    [
        "References",
        "7. References",
        "REFERENCES:",
        "Literatur",
        "A Bibliography",
        "参考文献",
        "References Cited",
        "References & Notes",
        "引用文献",
        "참고문헌",
        "Källor",
    ],
)
def test_references_are_left_out_up_to_the_next_section(title: str) -> None:
    blocks = (head("Seeds"), PROSE, head(title), BOOK, head("Web sites", 2), SITE, head("Appendix"), PROSE)
    assert found(*blocks) == dict.fromkeys(range(2, 6), "references")
    assert found(*blocks, wanted=("index",)) == {}


def test_contents_and_an_index_are_left_out_by_their_look() -> None:
    assert found(head("Contents"), ROWS, head("Seeds", 2), PROSE) == {0: "contents", 1: "contents"}
    assert found(head("Index"), head("S", 2), WORDS) == {0: "index", 1: "index", 2: "index"}


@pytest.mark.parametrize("title", ["References", "Contents", "Index", "Literature"])
def test_a_chapter_that_is_only_called_so_is_kept(title: str) -> None:
    assert found(head(title), PROSE, PROSE) == {}
    assert found(head(title)) == {}


def test_a_reference_in_another_section_is_kept() -> None:
    assert found(head("Seeds"), BOOK, SITE) == {}
