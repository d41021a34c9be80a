"""Spaces where the recogniser has them, and words where a script has no spaces."""

import pytest

from lectern.core.schema import Word, join_words
from lectern.text.sentences import split_sentences
from lectern.text.unspaced import divide_words, guess_language, join_pieces


def say(*pieces: str) -> list[Word]:
    """Words of a second each; a piece with a leading space is one that a space stands before."""
    return [
        Word(text=piece.strip(), start=at, end=at + 1, spaced=piece.startswith(" "))
        for at, piece in enumerate(pieces)
    ]


def test_pieces_without_a_space_are_one_word_with_the_time_of_all() -> None:
    joined = join_pieces(
        say(" The", " real", "-world", " price", " was", " $1", ",250", " or", " 3", ".5", "%")
    )
    assert [word.text for word in joined] == ["The", "real-world", "price", "was", "$1,250", "or", "3.5%"]
    assert [(word.start, word.end) for word in joined][1] == (1, 3)
    assert [word.text for word in join_pieces(say(" l", "'homme", " aujourd", "'hui"))] == [
        "l'homme",
        "aujourd'hui",
    ]


def test_the_lowest_probability_of_the_pieces_counts() -> None:
    pieces = [
        word.model_copy(update={"probability": p})
        for word, p in zip(say(" 3", ".5"), (0.9, 0.4), strict=True)
    ]
    assert join_pieces(pieces)[0].probability == 0.4


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("为什么随机种子很重要？", ["为什么", "随机", "种子", "很", "重要？"]),
        ("用GPU训练3.5个小时。", ["用", "GPU", "训练", "3.5", "个", "小时。"]),
        ("他说“你好”，对吗？", ["他", "说", "“你好”，", "对", "吗？"]),
        ("สวัสดีครับ ผมชื่อสมชาย", ["สวัสดี", "ครับ", "ผม", "ชื่อ", "สมชาย"]),
        ("私は食べる。", ["私", "は", "食べる。"]),
        ("It was U.S.-made, l'homme.", ["It", "was", "U.S.-made,", "l'homme."]),
    ],
)
def test_a_script_without_spaces_is_divided_into_words_and_its_text_stays(
    written: str, words: list[str]
) -> None:
    # Property: whether a caption gives a whole line or a recogniser single characters, words and text are the same.
    lines = say(*(f" {part}" for part in written.split()))
    found = divide_words(lines)
    assert [word.text for word in found] == words
    assert join_words(found) == written
    if guess_language(written):
        single = say(*(character for part in written.split() for character in (f" {part[0]}", *part[1:])))
        assert [word.text for word in divide_words(join_pieces(single))] == words
        assert join_words(divide_words(join_pieces(single))) == written


def test_divided_words_share_the_time_of_what_they_were_cut_from() -> None:
    found = divide_words([Word(text="随机种子", start=2, end=4)])
    assert [(word.text, word.start, word.end) for word in found] == [("随机", 2, 3), ("种子", 3, 4)]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("随机种子", "zh"),
        ("種子が重要です", "ja"),
        ("ผมชื่อ", "th"),
        ("seeds matter", None),
        ("the word 种子 is one", None),
        ("", None),
    ],
)
def test_the_language_of_a_script_is_told_by_the_script(text: str, language: str | None) -> None:
    assert guess_language(text) == language


def test_sentences_end_between_words_without_spaces() -> None:
    words = divide_words([Word(text="为什么重要？因为没有它不行。所以写下来！", start=0, end=20)])
    assert [join_words(sentence) for sentence in split_sentences(words, "zh")] == [
        "为什么重要？",
        "因为没有它不行。",
        "所以写下来！",
    ]
