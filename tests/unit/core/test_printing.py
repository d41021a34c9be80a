"""What others say, cut to a line that can stand in a message of ours."""

import pytest

from lectern.core import printing


@pytest.mark.parametrize(
    ("text", "longest", "shown"),
    [
        ("a\n b\t\u2028c", None, "a b c"),
        ("four", 4, "four"),
        ("fours", 4, "fou\u2026"),
        ("one two", 5, "one\u2026"),  # no blank before the ellipsis
        ("\x1b[31mred\x07", None, "[31mred"),
    ],
)
def test_a_line_is_cut_where_it_is_too_long(text: str, longest: int | None, shown: str) -> None:
    assert printing.one_line(text, longest) == shown


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (ValueError("\n  bad \x1b[1mfile.\nat line 3"), "bad [1mfile"),
        (ValueError(" \n "), "ValueError"),
        (RuntimeError(), "RuntimeError"),
        (KeyError("name"), "'name'"),
    ],
)
def test_an_error_says_its_first_line_or_its_kind(error: Exception, shown: str) -> None:
    assert printing.first_line(error) == shown


def test_a_long_error_is_cut() -> None:
    assert printing.first_line(ValueError("x" * 300), 200) == "x" * 199 + "\u2026"


def test_the_last_lines_are_those_that_say_something() -> None:
    said = "Traceback\n\n  at 1\nValueError: \x07bad\n\n"
    assert printing.last_lines(said) == ["ValueError: bad"]
    assert printing.last_lines(said, 2) == ["at 1", "ValueError: bad"]
    assert printing.last_lines(" \n") == []
