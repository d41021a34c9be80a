"""Paragraphs, headings, lists and tables of made-up lines: each rule by itself, without a PDF."""

from dataclasses import replace
from typing import Any

import pytest

from lectern.formats import pdf_boxes, pdf_layout, pdf_page, pdf_parts
from lectern.formats.pdf_boxes import Word
from lectern.formats.pdf_page import Line

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


def shown(*pages: list[Line], outline: tuple[pdf_layout.Bookmark, ...] = ()) -> list[str]:
    """Each block as `kind: text`, a heading as `heading2: text`."""
    found = pdf_layout.blocks(list(pages), outline)[0]
    return [f"{block.kind}{block.level or ''}: {block.text}" for block in found]


BODY = [
    line("Body text that goes on for a whole line of the page", 500),
    line("and ends here.", 488, right=140),
]


@pytest.mark.parametrize(
    ("second", "joined"),
    [
        (line("goes on here", 688), True),
        (line("goes on here", 685), True),  # 1.25 times the usual distance
        (line("Stands apart", 684), False),  # 1.33 times
        (line("in another size", 688, size=9.0), False),
        (line("in nearly the same size", 688, size=9.5), True),
        (line("in another column", 688, column=1), True),
        (line("beside it", 712), False),  # further up
        (line("two pages on", 688, page=3), False),
    ],
)
def test_a_line_goes_on_with_the_paragraph_above_it(second: Line, joined: bool) -> None:
    usual = [
        line("Lines at the usual distance", 424),
        line("of twelve points", 412),
        line("end.", 400, right=90),
    ]
    first = line("The first line is full and its text", 700)
    found = texts([first, second, *usual])
    assert found[0].startswith(f"{first.text} {second.text}") == joined


def test_what_follows_a_line_with_room_for_another_word_is_a_new_paragraph() -> None:
    usual = line("A full line shows where the column ends", 400)
    short = [
        line("There was room", 700, right=440),
        line("here", 688),
        usual,
    ]  # for 4 letters of 400 points a line
    long = [line("There was room", 700, right=440), line("Unforgettably", 688, right=200), usual]
    assert texts(short)[0] == "There was room here"
    assert texts(long)[0] == "There was room Unforgettably"
    ended = [line("There was room", 700, right=300), line("here", 688, right=90), usual]
    assert texts(ended)[:2] == ["There was room", "here"]
    divided = [line("There was no for-", 700, right=300), line("mality", 688, right=90), usual]
    assert texts(divided)[0] == "There was no formality"


def test_bold_text_opens_a_paragraph_and_does_not_run_into_what_is_not() -> None:
    bold = line("Note", 700, is_bold=True)
    assert texts([bold, line("that this is plain", 688), *BODY])[0] == "Note"
    assert texts([line("This is plain and", 700), line("this is bold.", 688, is_bold=True), *BODY])[
        0
    ].endswith("bold.")


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        (line("Results", 700, size=11.0, right=120), "heading1: Results"),
        (line("Results", 700, size=10.9, right=120), "paragraph: Results"),
        (line("Results.", 700, size=13.0, right=120), "paragraph: Results."),  # it ends as a sentence does
        (line("Results.", 700, size=14.0, right=120), "heading1: Results."),
        (line("Results", 700, is_bold=True, right=120), "heading1: Results"),
        (line("Results:", 700, is_bold=True, right=120), "paragraph: Results:"),
        (line("Results", 700, size=9.0, is_bold=True, right=120), "paragraph: Results"),
        (line("12", 700, size=14.0, right=90), "paragraph: 12"),  # no letter
        (line("R" * 150, 700, size=14.0), f"heading1: {'R' * 150}"),
        (line("R" * 151, 700, size=14.0), f"paragraph: {'R' * 151}"),
    ],
)
def test_short_text_that_is_larger_or_bold_is_a_heading(title: Line, expected: str) -> None:
    body = [line("Most letters of the page are of this size. " * 5, 600 - 12 * n) for n in range(2)]
    assert shown([title, *body])[0] == expected


def test_a_heading_has_three_lines_at_most_and_a_bold_one_two() -> None:
    def heading(lines: int, **look: Any) -> str:
        title = [line(f"Line {n} of it", 700 - 12 * n, right=FULL, **look) for n in range(lines)]
        return shown([*title, *BODY, line("More of the body text stands here and there", 440)])[0].partition(
            ":"
        )[0]

    assert [heading(lines, size=12.0) for lines in (1, 2, 3, 4)] == ["heading1"] * 3 + ["paragraph"]
    assert [heading(lines, is_bold=True) for lines in (1, 2, 3)] == ["heading1"] * 2 + ["paragraph"]


@pytest.mark.parametrize(
    ("size", "titles"),
    [(11.0, ["A title that its author broke"]), (10.9, ["A title that", "its author broke"])],
)
def test_a_large_title_is_one_wherever_its_author_broke_it(size: float, titles: list[str]) -> None:
    title = [
        line("A title that", 700, size=size, right=150),
        line("its author broke", 687, size=size, right=160),
    ]
    assert texts([*title, *BODY])[: len(titles)] == titles


def test_a_block_knows_where_it_goes_on_to_another_page() -> None:
    first = [line("The page is full", 112), line("and its last line stands at", 100)]
    second = [line("the next page", 700, page=2), line("has more.", 688, page=2, right=200)]
    [block] = pdf_layout.blocks([first, second])[0]
    assert block.turns == [(len("The page is full and its last line stands at"), 2)]
    assert pdf_layout.blocks([first])[0][0].turns == []
    items = [line("\u2022 One", 112, right=120), line("\u2022 Two", 700, page=2, right=120)]
    assert pdf_layout.blocks([items[:1], items[1:]])[0][0].turns == [(len("- One"), 2)]


def test_headings_are_ranked_by_size_and_bold_ones_are_the_last() -> None:
    titles = [
        line("Part", 700, size=18.0, right=120), line("Chapter", 660, size=14.0, right=130),
        line("Section", 630, is_bold=True, right=130), line("Chapter two", 600, size=14.0, right=150),
    ]  # fmt: skip
    assert shown([*titles, *BODY])[:4] == [
        "heading1: Part", "heading2: Chapter", "heading3: Section", "heading2: Chapter two",
    ]  # fmt: skip


def test_an_outline_gives_levels_and_text_of_the_same_size_has_them_too() -> None:
    outline = (
        pdf_layout.Bookmark("1. Part", 1, 1),
        pdf_layout.Bookmark("Chapter", 4, 1),
        pdf_layout.Bookmark("Body", 1, 2),
    )
    titles = [
        line("Part", 760, size=18.0, right=120), line("CHAPTER", 720, size=14.0, right=130),
        line("Another", 680, size=14.0, right=130), line("Smaller", 640, size=12.0, right=130),
        line("Huge", 600, size=30.0, right=130),
    ]  # fmt: skip
    assert shown([*titles, *BODY], outline=outline)[:5] == [
        "heading1: Part", "heading4: CHAPTER", "heading4: Another", "heading5: Smaller", "heading1: Huge",
    ]  # fmt: skip
    # property: a bookmark counts on its own page alone
    assert shown([line("Body", 700, right=100), *BODY], outline=outline)[0] == "paragraph: Body"


def test_items_of_a_list_keep_their_lines_and_steps() -> None:
    page = [
        line("\u2022 The first item is long and", 700), line("goes on.", 688, left=82, right=130),
        line("\u2022 Second", 676, right=130),
        line("- Below it", 664, left=92, right=150), line("- Beside that", 652, left=93, right=160),
        line("\u2022 Third", 640, right=120),
        *BODY,
    ]  # fmt: skip
    assert texts(page)[0] == (
        "- The first item is long and goes on.\n- Second\n  - Below it\n  - Beside that\n- Third"
    )
    numbered = [line("1. One", 700, right=120), line("2. Two", 688, right=120), *BODY]
    assert shown(numbered)[0] == "list: 1. One\n2. Two"
    # property: one numbered line alone is no list, one with a bullet is
    assert shown([line("A. Smith", 700, right=120), *BODY])[0] == "paragraph: A. Smith"
    assert shown([line("\u2022 Alone", 700, right=120), *BODY])[0] == "list: - Alone"


def test_an_item_ends_where_the_text_stands_further_left_or_apart() -> None:
    item = line("\u2022 An item", 700, left=90, right=140)
    within = line("More of it.", 688, left=100, right=150)
    left = line("Not of it.", 688, left=72, right=130)
    apart = line("Not of it.", 680, left=100, right=150)
    usual = [
        line("Lines at the usual distance", 424),
        line("of twelve points", 412),
        line("end.", 400, right=90),
    ]
    assert texts([item, within, *usual])[0] == "- An item More of it."
    assert texts([item, left, *usual])[0] == "- An item"
    assert texts([item, apart, *usual])[0] == "- An item"


def test_lines_with_as_many_cells_as_their_neighbour_are_a_table() -> None:
    def row(y: float, *cells: str, near: bool = False) -> Line:
        return line(" ".join(cells), y, **{"near_cells" if near else "cells": cells})

    head, one, two = row(700, "Name", "Seed"), row(688, "Ann", "7"), row(676, "Ben", "8")
    [table, *_] = pdf_layout.blocks([[head, one, two, *BODY]])[0]
    assert table.kind == "table"
    assert [cell for cell in ("Name", "Seed", "Ann", "7", "Ben", "8") if cell not in table.text] == []
    # property: narrow gaps part cells only beside a row of as many, and a line alone is none
    for last, rows in ((row(676, "Ben", "8", near=True), 3), (row(676, "Ben", "8", "x", near=True), 2)):
        table = pdf_layout.blocks([[head, one, last, *BODY]])[0][0]
        assert ("8" in table.text) == (rows == 3)
    assert shown([head, *BODY])[0].startswith("paragraph")
    # property: where a cell is empty, or a text is parted once more, the rows are still of one table
    assert "x" in pdf_layout.blocks([[head, row(688, "Ann", "7", "x"), *BODY]])[0][0].text


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("Introduction . . . . . . 3", ("Introduction", "3")),
        ("Preface ..... iv", ("Preface", "iv")),
        ("Wait ... 3", ()),
        ("No page ......", ()),
    ],
)
def test_a_line_whose_dots_lead_to_a_page_is_a_row(text: str, cells: tuple[str, ...]) -> None:
    assert pdf_parts.row_cells(line(text, 700), []) == cells


def test_code_keeps_its_indentation_and_empty_lines() -> None:
    code = [
        line("def f():", 700, right=112, is_mono=True),  # letters of 5 points
        line("return 1", 688, left=92, right=132, is_mono=True),
        line("f()", 664, right=87, is_mono=True),
    ]
    assert shown([*code, *BODY])[0] == "code: def f():\n    return 1\n\nf()"
    # property: no empty line where a page ends
    over = [code[0], replace(code[1], page=2, low=760, high=770)]
    assert shown([over[0]], [over[1], replace(BODY[0], page=2)])[0] == "code: def f():\n    return 1"


def page_of(number: int, *edges: Line, words: int = 3) -> list[Line]:
    """A page whose body no other page has, with lines at its edges."""
    body = [
        line(f"{'abcdefghijklmnop'[number + n]} text of this page alone", 400 - 12 * n) for n in range(words)
    ]
    return [replace(each, page=number + 1) for each in [*edges, *body]]


def edge(text: str, y: float = 780, **more: Any) -> Line:
    return line(text, y, right=200, **more)


@pytest.mark.parametrize(
    ("pages", "with_header", "removed"),
    [
        (2, (0, 1), 2), (3, (0, 1), 2), (4, (0, 1), 0), (4, (0, 1, 2), 3), (6, (0, 1), 0), (6, (0, 1, 2), 3),
        (8, (0, 4, 7), 3), (12, (0, 5, 10), 0), (12, (0, 1, 2, 9), 3),
    ],
)  # fmt: skip
def test_a_line_at_one_place_of_several_near_pages_is_a_header(
    pages: int, with_header: tuple[int, ...], removed: int
) -> None:
    made = [
        page_of(n, *([edge("The handbook")] if n in with_header else [edge(f"Only {chr(97 + n)}", 700)]))
        for n in range(pages)
    ]
    assert pdf_layout.blocks(made)[1] == removed


def test_what_repeats_elsewhere_or_larger_is_no_header() -> None:
    def removed(*headers: Line) -> int:
        return pdf_layout.blocks([page_of(n, header) for n, header in enumerate(headers)])[1]

    assert removed(*[edge("The handbook")] * 3) == 3
    assert removed(edge("Page 1 of it"), edge("Page 2 of it"), edge("Page 3 of it")) == 3, "numbers apart"
    assert removed(edge("THE handbook"), edge("The  handbook"), edge("The handbook")) == 3
    assert removed(*[edge("The handbook", size=11.1)] * 3) == 0, "titles repeat too"
    large = [edge(f"The handbook of the laboratory, page {n}", size=12.0) for n in range(4)]
    assert removed(*large) == 4
    assert removed(*large[:3]) == 0
    assert removed(*[edge("The handbook", size=12.0)] * 4) == 4
    assert removed(*[edge(f"Chapter {n}", size=12.0) for n in range(8)]) == 0, "they begin chapters"
    assert removed(*[edge("The handbook", is_mono=True)] * 3) == 0
    assert removed(edge("The handbook", 780), edge("The handbook", 774), edge("The handbook", 768)) == 0
    assert removed(edge("The handbook", 780), edge("The handbook", 776), edge("The handbook", 784)) == 3
    # property: nothing of the page's own stands outside of a header
    inside = [page_of(n, edge(f"Own {chr(97 + n)} title", 800), edge("The handbook")) for n in range(3)]
    assert pdf_layout.blocks(inside)[1] == 0


def test_page_numbers_go_even_on_two_pages_and_beside_other_words() -> None:
    numbers = [page_of(n, edge(f"- {n + 1} -", 40)) for n in range(2)]
    assert pdf_layout.blocks(numbers)[1] == 2
    chapters = [
        page_of(n, edge(f"{n + 11} {name}")) for n, name in enumerate(["Seeds", "Logs", "Runs", "Ends"])
    ]
    assert pdf_layout.blocks(chapters)[1] == 4, "they count as the pages do"
    assert pdf_layout.blocks(chapters[:3])[1] == 0


def word(text: str, left: float, y: float = 700.0, *, size: float = 10.0, **more: Any) -> Word:
    """A word whose letters are half as wide as high."""
    return Word(
        text=text, left=left, right=left + 0.5 * size * len(text), low=y, high=y + size, size=size, **more
    )


def words(text: str, left: float = 72.0, y: float = 700.0, gap: float = 3.0, **more: Any) -> list[Word]:
    found: list[Word] = []
    for each in text.split():
        found.append(word(each, left, y, **more))
        left = found[-1].right + gap
    return found


def read_page(*segments: list[Word]) -> list[Line]:
    return pdf_page.order_lines(list(segments), 1)


@pytest.mark.parametrize(
    ("second", "together"),
    [
        (word("two", 90), True),
        (word("two", 105), True),  # 18 points, 1.8 times the size
        (word("two", 105.1), False),
        (word("two", 78), True),  # 9 points back, as of a letter with a long box
        (word("two", 76.9), False),
        (word("two", 90, 703.5), True),  # nearly the same line
        (word("two", 90, 703.6), False),
        (word("2", 90, 708.5, size=5.0), True),  # raised: they share 1.5 of 5 points
        (word("2", 90, 708.6, size=5.0), False),
        (word("two", 90, 688), False),
        (word("two", 90, turned=90), False),
        (word("שלום", 30), True),  # it goes on to the left
    ],
)
def test_words_of_one_segment_stand_side_by_side(second: Word, together: bool) -> None:
    segments = pdf_page.split_where_it_jumps([word("one", 72), second])
    assert len(segments) == (1 if together else 2)


@pytest.mark.parametrize(
    ("height", "foot", "low", "high"),
    [
        (12.0, 703.0, 700.8, 711.7),
        (24.9, 710.0, 707.8, 718.7),  # as of a font of mathematics, whose box is as high as its brackets
        (25.1, 710.0, 700.0, 725.1),  # the size says nothing
        (4.1, 700.0, 697.8, 708.7),
        (3.9, 700.0, 700.0, 703.9),
        (0.0, 700.0, 700.0, 700.0),
        (12.0, None, 700.0, 712.0),
    ],
)
def test_letters_reach_as_far_from_their_baseline_as_their_size_says(
    height: float, foot: float | None, low: float, high: float
) -> None:
    letters = replace(word("x", 72, 700), high=700 + height, foot=foot)
    raised = word("2", 77, 740, size=5.0)
    assert pdf_boxes.core([letters, raised]) == pytest.approx((72, 77, low, high))


def test_a_wide_gap_parts_cells_and_a_narrow_one_perhaps() -> None:
    [found] = read_page(words("Name") + words("Seed", 92 + 18.1))
    assert (found.text, found.cells, found.near_cells) == ("Name Seed", ("Name", "Seed"), ("Name", "Seed"))
    [found] = read_page(words("Name") + words("Seed", 92 + 8.1))
    assert (found.cells, found.near_cells) == ((), ("Name", "Seed"))
    [found] = read_page(words("Name") + words("Seed", 92 + 8.0))
    assert (found.cells, found.near_cells) == ((), ())
    [found] = read_page(words("A long name") + words("Seed", 240))
    assert found.cells == ("A long name", "Seed")


def test_a_row_is_put_together_from_left_to_right_and_rows_from_the_top() -> None:
    page = [
        words("left part", 72, 700),
        words("below", 72, 688),
        words("right part", 125, 703),
        words("above", 72, 712),
    ]
    assert [found.text for found in read_page(*page)] == ["above", "left part right part", "below"]
    # property: a superscript is part of its row, another line is not
    assert [found.text for found in read_page(words("Line"), words("2", 94, 706, size=5.0))] == ["Line[2]"]
    assert len(read_page(words("Line"), words("2", 95, 708, size=5.0))) == 2


def test_pieces_that_touch_are_one_word_where_they_were_drawn_apart() -> None:
    assert read_page(words("link"), [word(",", 92.5)])[0].text == "link,"
    assert read_page(words("link"), [word("on", 93.3)])[0].text == "link on"
    assert read_page([word("one", 72), word("two", 87.5)])[0].text == "one two", (
        "as the file itself parts them"
    )


def test_text_from_right_to_left_keeps_the_order_in_which_it_is_drawn() -> None:
    first, second = [word("שלום", 200), word("לכל", 170)], [word("אדם", 72)]
    assert read_page(second, first)[0].text == "שלום לכל אדם"


def test_the_look_of_a_line_is_that_of_most_of_its_letters() -> None:
    [found] = read_page([*words("Result", is_bold=True), *words("of", 120)])
    assert not found.is_bold
    assert read_page([*words("Result", is_bold=True), *words("--", 120)])[0].is_bold, "marks have no weight"
    assert not read_page(words("-- --", is_bold=False))[0].is_bold
    assert read_page([*words("a_long_name", is_mono=True), *words("is", 150)])[0].is_mono
    assert not read_page([*words("name", is_mono=True), *words("is", 150)])[0].is_mono
    mixed = read_page([*words("Large letters", size=12.0), *words("no", 200, size=9.0)])[0]
    assert (mixed.size, mixed.left, mixed.low, mixed.high) == (12.0, 72, 700, 712)


def test_turned_text_comes_last_and_little_of_it_not_at_all() -> None:
    body = [words("The first line", 72, 700), words("and the second line", 72, 688)]
    stamp = words("arXiv", 30, 720, turned=90)
    assert [found.text for found in read_page(stamp, *body)] == ["The first line", "and the second line"]
    aside = words("Along the margin", 30, 720, turned=90)
    assert [found.text for found in read_page(aside, *body)][-1] == "Along the margin"
    # property: on a page that lies on its side, that text is the page's own
    turned = [words(f"Line {n} of a wide table", 72, 700 - 12 * n, turned=90) for n in range(9)]
    assert [found.text for found in read_page(words("7"), *turned)] == [
        f"Line {n} of a wide table" for n in range(9)
    ]


SIDE = "words of one column here"


def two_columns(rows: int, *, right: float = 320.0, text: str = SIDE, top: float = 700.0) -> list[list[Word]]:
    """Lines of two columns, as a file may draw them: row by row."""
    return [
        words(f"{side}{n} {text}", left, top - 12 * n)
        for n in range(rows)
        for side, left in (("L", 72.0), ("R", right))
    ]


@pytest.mark.parametrize(("top", "is_whole"), [(560, True), (594, False)])
def test_labels_of_a_figure_hide_no_columns_below_it(top: float, is_whole: bool) -> None:
    labels = [words("GPT", 72 + 60 * n, 690 - 14 * row) for row in range(7) for n in range(7)]
    below = two_columns(9, top=top, text="words of one column that go on for a while")
    found = [line.text for line in read_page(*labels, *below)]
    assert [text[:2] for text in found if text[0] in "LR"] == [
        f"{side}{n}" for side in "LR" for n in range(9)
    ]
    # property: a figure that stands apart from the columns is not cut in two by their gutter
    assert (found[0] == " ".join(["GPT"] * 7)) == is_whole


def sides(lines: list[Line]) -> str:
    return "".join(found.text[0] for found in lines)


def test_columns_of_running_text_are_read_one_after_the_other() -> None:
    assert sides(read_page(*two_columns(4))) == "LLLLRRRR"
    assert [found.column for found in read_page(*two_columns(4))] == [0] * 4 + [1] * 4
    # property: three lines a side, or cells of a few letters, are a table and read row by row
    assert sides(read_page(*two_columns(3))) == "LLL"
    assert sides(read_page(*two_columns(6, text="ab"))) == "L" * 6
    # property: one side alone has no columns
    assert sides(read_page(*[words(f"L{n} {SIDE}", 72, 700 - 12 * n) for n in range(9)])) == "L" * 9


def test_a_line_across_both_columns_parts_what_is_above_and_below() -> None:
    across = words("Title over both of the columns of this page, from one to the other", 72, 640)
    page = [*two_columns(4), across, *two_columns(4, top=620)]
    assert sides(read_page(*page)) == "LLLLRRRRTLLLLRRRR"
    last = words("Under both of the columns of this page, from one to the other", 72, 500)
    assert sides(read_page(*page, last)) == "LLLLRRRRTLLLLRRRRU"


def test_a_line_in_pieces_across_both_columns_stays_one() -> None:
    authors = [
        words("Ann Lee, Tom", 72, 640),
        words("Berg, Ida North and Bo", 128, 640, gap=40.0),
        words("South", 378, 640),
    ]
    numbered = [
        words("12", 72, 628),
        words("Title over both of the columns of this page, and no more", 120, 628),
    ]
    found = read_page(*two_columns(4), *authors, *numbered, *two_columns(4, top=610))
    assert sides(found) == "LLLLRRRR" + "A1" + "LLLLRRRR"


def test_columns_between_large_tables_are_read_one_after_the_other() -> None:
    def table(top: float) -> list[list[Word]]:
        return [words(f"cell{row}{n}", 72 + 70 * n, top - 12 * row) for row in range(20) for n in range(6)]

    text = "words of one column that go on and on"
    page = [*table(760), *two_columns(6, top=490, text=text), *table(380)]
    assert sides([line for line in read_page(*page) if line.text[0] in "LR"]) == "LLLLLLRRRRRR"
    three = [
        words(f"{side}{n} {SIDE}", left, 490 - 12 * n)
        for n in range(6)
        for side, left in (("L", 72.0), ("M", 240.0), ("R", 410.0))
    ]
    assert sides(read_page(*table(760), *three))[-18:] == "LLLLLLMMMMMMRRRRRR"
    # property: labels stand with their rows
    labelled = [words(f"L{n} {SIDE}", 72, 490 - 50 * n) for n in range(6)]
    labelled += [words(f"R{n} {SIDE}", 320, 490 - 50 * n - 12 * row) for n in range(6) for row in range(3)]
    assert sides(read_page(*table(760), *labelled))[-18:] == "LRR" * 6
    # property: cells of several lines do not fill their column, and stay beside each other
    ragged = [
        words(f"{'L' if left < 300 else 'R'}{n} {SIDE[: 4 + 3 * n]}", left, 490 - 12 * n)
        for n in range(6)
        for left in (72, 320)
    ]
    assert "R" not in sides(read_page(*table(760), *ragged))


def test_code_with_comments_has_no_columns() -> None:
    code = [
        words(text, left, 700 - 12 * n, is_mono=True)
        for n in range(9)
        for text, left in ((f"Load the state of {n}", 72.0), ("// Rest of the comment", 320.0))
    ]
    assert sides(read_page(*code)) == "L" * 9


def test_what_stands_raised_is_an_exponent_or_the_mark_of_a_note() -> None:
    def shown(*row: Word) -> str:
        [found] = read_page(list(row))
        return found.text

    after = {"foot": 700, "is_glued": True}
    assert (
        shown(word("10", 72, foot=700), word("5", 82, 704, size=6.0, foot=704), word("m", 90, foot=700))
        == "10^5 m"
    )
    assert (
        shown(word("Claude", 72), word("2", 102, 704, size=6.0), word(",", 105, is_glued=True))
        == "Claude[2],"
    )
    assert shown(word("1", 72, 704, size=6.0), word("The", 75, **after), word("mill", 93)) == "[1] The mill"
    # property: what is lowered, as large or far smaller is not raised: an index, the next line, a large initial's word
    assert (
        shown(word("H", 72), word("2", 77, 698, size=6.0, is_glued=True), word("O", 80, is_glued=True))
        == "H2O"
    )
    assert shown(word("B", 72, size=30.0, foot=690), word("ut", 87, 715, size=10.0, is_glued=True)) == "But"


def test_letters_of_two_heights_in_one_row_are_two_lines() -> None:
    # a name that is centred beside the two lines of its cell
    page = [
        words("Ease with which some", 172, 706),
        words("Usability", 72, 700),
        words("can use it", 172, 694),
    ]
    assert [found.text for found in read_page(*page)] == ["Ease with which some", "Usability", "can use it"]


def test_columns_written_from_right_to_left_begin_on_the_right() -> None:
    page = two_columns(4, text="שלום לכל אדם באשר הוא שם")
    assert sides(read_page(*page))[-1] == sides(read_page(*page))[-4]
    assert read_page(*page)[0].left > 300


def test_columns_that_do_not_stand_beside_each_other_are_none() -> None:
    left = [words(f"L{n} {SIDE}", 72, 700 - 12 * n) for n in range(6)]
    right = [words(f"R{n} {SIDE}", 320, 600 - 12 * n) for n in range(6)]
    assert sides(read_page(*right, *left)) == "L" * 6 + "R" * 6
    assert {found.column for found in read_page(*right, *left)} == {0}


def spread(text: str, y: float, right: float = 252.0) -> list[Word]:
    """A line of words that stands from 72 to `right`, as justified lines do."""
    found = text.split()
    room = (right - 72.0 - sum(len(each) * 5.0 for each in found)) / max(1, len(found) - 1)
    left, made = 72.0, []
    for each in found:
        made.append(word(each, left, y))
        left = made[-1].right + room
    return made


def test_the_wide_gaps_of_justified_lines_separate_no_cells() -> None:
    lines = [
        "Paragraph begins here.",
        "Recommendation reproducing",
        "characterise responsibility",
        "understanding configuration",
        "measurement to evaluation",
    ]
    page = read_page(*(spread(text, 700 - 12 * n) for n, text in enumerate(lines)))
    assert all(each.cells for each in page), "the gaps are wide"
    assert [block.kind for block in pdf_layout.blocks([page])[0]] == ["paragraph"]
    # property: words that stand below each other are columns, also numbers that end at the same place
    for lefts in ((72.0, 172.0), (72.0, 152.0, 232.0)):
        cells = (("Basic", "one", "red"), ("Team", "seven", "green"), ("Enterprise", "no", "blue"))
        table = read_page(
            *(
                words(text, left, 700 - 12 * n)
                for n, row in enumerate(cells)
                for text, left in zip(row, lefts, strict=False)
            )
        )
        assert [block.kind for block in pdf_layout.blocks([table])[0]] == ["table"]
    prices = read_page(
        *(spread(text, 700 - 12 * n) for n, text in enumerate(["Basic 9", "Team 29", "Firm 1,299"]))
    )
    assert [block.text for block in pdf_layout.blocks([prices])[0]] == ["Basic | 9\nTeam | 29\nFirm | 1,299"]
