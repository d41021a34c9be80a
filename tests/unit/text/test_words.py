import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectern.text.words import normalise, words


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("Why fix the seed?", "why  fix the SEED"),
        ("ﬁne “quotes” — and dashes…", 'fine "quotes" - and dashes'),
        ("Straße", "STRASSE"),
        ("Почему?", "почему"),
        ("cafe\u0301", "café"),
        ("don’t", "don't"),
        ("co\u00adoperate", "cooperate"),
    ],
)
def test_case_punctuation_and_encoding_do_not_matter(a: str, b: str) -> None:
    # property: what a reader takes for the same text is the same text
    assert normalise(a) == normalise(b)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("What is C++?", "What is C#?"),
        ("3.5", "35"),
        ("हिन्दी", "हन्द"),
        ("cafe", "café"),
        ("🙂", "🙃"),
        ("can't", "can"),
    ],
)
def test_what_changes_the_meaning_is_kept(a: str, b: str) -> None:
    # property: normalising removes no letter, digit, mark or name
    assert normalise(a) != normalise(b)


@pytest.mark.parametrize(
    ("text", "count"),
    [("今日は天気", 5), ("अच्छा है", 2), ("วันนี้", 3), ("좋은 아침", 2), ("GPUで学習", 4), ("", 0), ("?!", 1)],
)
def test_scripts_without_spaces_split_into_characters(text: str, count: int) -> None:
    # property: a word is what is compared: a spaced word, or a character with its marks where there are no spaces
    assert len(words(text)) == count


@given(st.text())
def test_normalising_twice_changes_nothing(text: str) -> None:
    # property: normalise is idempotent, and blind to the form in which the text is encoded
    assert normalise(normalise(text)) == normalise(text)
    assert normalise(unicodedata.normalize("NFD", text)) == normalise(text)


@given(st.text(st.characters(max_codepoint=127), max_size=60))
def test_text_in_ascii_has_the_words_that_it_has_among_other_text(text: str) -> None:
    # property: the quicker way through ASCII finds what the way through all scripts finds
    assert [*(words(text) if any(map(str.isalnum, text)) else []), "\u00e9"] == words(text + " \u00e9")
