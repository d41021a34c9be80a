"""What a sentence commits itself to."""

import pytest

from lectern.text.sentences import find_sentences
from lectern.text.specifics import find_names, find_numbers, split_denied, stem


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("twenty-five wheels and 1,000 goats", {"25", "1000"}),
        ("two thousand five hundred and six", {"2506"}),
        ("one hundred, or one of them", {"100"}),
        ("no one knows one of these", set()),
        ("ripens for ten months, then three", {"10", "3"}),
        ("２５ wheels at 3.5 kilos", {"25", "3.5"}),
        ("奶酪需要十个月", {"十"}),
        ("", set()),
    ],
)
def test_a_number_is_the_same_in_words_and_digits(text: str, numbers: set[str]) -> None:
    assert find_numbers(text) == numbers


def test_a_capital_letter_inside_a_sentence_is_a_name() -> None:
    assert find_names("The goats of Marta live in Oslo. Then I said: DVC.") == {"marta", "oslo", "dvc"}


def test_a_negation_denies_what_follows_in_its_clause() -> None:
    found = dict(split_denied("Never edit the raw folder, because nothing crashes; read it"))
    assert found == {"edit": True, "raw": True, "folder": True, "crashes": True, "read": False}
    assert dict(split_denied("我们在早上不挤奶。奶酪好"))["挤奶"]
    assert not dict(split_denied("我们在早上不挤奶。奶酪好"))["奶酪"]


@pytest.mark.parametrize(
    "forms",
    ["ripen ripens ripened ripening", "bake bakes baked baking", "story stories", "stop stopped stopping"],
)
def test_forms_of_a_word_have_one_stem(forms: str) -> None:
    assert len({stem(form) for form in forms.split()}) == 1


def test_sentences_are_spans_without_white_space() -> None:
    text = "First, 3.5 of it.  Second?\n\n- an item\n- another\r\n 山羊。奶酪。 "
    spans = find_sentences(text)
    said = [text[begin:end] for begin, end in spans]
    assert said == ["First, 3.5 of it.", "Second?", "- an item", "- another", "山羊。", "奶酪。"]
    assert find_sentences(" \n ") == []
