"""The terms that BM25 compares."""

import pytest

from lectern.retrieval import terms


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Salt eats the STEEL!", ["salt", "eats", "steel"]),
        ("東京都", ["東", "京", "東京", "都", "京都"]),
        ("C++ と Rust", ["c++", "と", "rust"]),
        ("", []),
        ("?! ...", []),
        ("\N{GRINNING FACE}", []),
    ],
)
def test_terms_are_words_and_in_scripts_without_spaces_pairs_of_characters(
    text: str, expected: list[str]
) -> None:
    assert terms.split(text) == expected


def test_a_word_between_two_characters_parts_them() -> None:
    assert "東京" not in terms.split("東 Tower 京")


def test_function_words_are_left_out_unless_there_are_no_others() -> None:
    assert terms.split("So, what do you think of salt?") == ["salt"]
    assert terms.split("What is it?") == ["what", "is", "it"]
    assert terms.split("Warum ist das Salz so schlecht?") == ["warum", "ist", "das", "salz", "schlecht"]
