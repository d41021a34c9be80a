"""The terms that BM25 compares."""

import pytest

from lectern.retrieval import terms


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Salt eats the STEEL!", ["salt", "eats", "the", "steel"]),
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
