"""The language of a text, where its file declares one that its letters belie."""

import pytest

from lectern.text import scripts

RUSSIAN = "Кто записывает число, с которого начинается опыт, тот может повторить его целиком."
GREEK = "Όποιος σημειώνει τον αριθμό μπορεί να επαναλάβει ολόκληρο το πείραμα αργότερα."


@pytest.mark.parametrize(
    ("text", "declared", "expected"),
    [
        (RUSSIAN, "en-US", "ru"),
        (GREEK, "de", "el"),
        (RUSSIAN, "uk", "uk"),  # it may well be; only what has Latin letters cannot
        (RUSSIAN, None, None),
        ("Whoever notes the seed of a run can repeat it.", "de-CH", "de-CH"),
        ("Да.", "en", "en"),  # too little to tell
        (f"{RUSSIAN} {'the same in English, at some length, with more letters than that ' * 2}", "en", "en"),
    ],
)
def test_only_what_the_letters_exclude_is_not_believed(
    text: str, declared: str | None, expected: str | None
) -> None:
    assert scripts.language_of(text, declared) == expected
