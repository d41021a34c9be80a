import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lectern.evaluation import copying
from lectern.text.words import words
from tests.support import growth


def look_everywhere(texts: list[str], run: int, text: str) -> tuple[int, int, int]:
    """What is copied, by comparing every stretch of the text with every stretch of the training texts."""
    said, known = words(text), [words(one) for one in texts]
    lengths = range(run, len(said) + 1)
    runs = {tuple(one[at : at + n]) for one in known for n in lengths for at in range(len(one) - n + 1)}
    hits = [(at, n) for n in lengths for at in range(len(said) - n + 1) if tuple(said[at : at + n]) in runs]
    covered = {place for at, n in hits for place in range(at, at + n)}
    return len(said), len(covered), max((n for _, n in hits), default=0)


# few words, so that runs repeat within a text, across texts and over their ends
texts = st.lists(st.sampled_from("abc"), max_size=30).map(" ".join)


@settings(max_examples=200, deadline=None)
@given(st.lists(texts, max_size=6), st.integers(1, 6), texts)
def test_finds_what_a_search_of_everything_finds(known: list[str], run: int, text: str) -> None:
    # property: words, copied words and longest run are exact
    assert copying.index(known, run).measure(text) == look_everywhere(known, run, text)


@settings(max_examples=50, deadline=None)
@given(st.lists(texts, max_size=4), texts)
def test_equal_hashes_are_no_proof(known: list[str], text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(copying, "_hash", lambda columns: np.zeros(len(next(iter(columns))), dtype=np.uint64))
        # property: every run has the same hash, and still only true copies count
        assert copying.index(known, 3).measure(text) == look_everywhere(known, 3, text)


def test_no_copy_goes_over_the_end_of_a_training_text() -> None:
    known = copying.index(["one two three four", "five six seven eight"], 4)

    # property: words that stand in two texts, one after the other, are no copy; within one text they are
    assert known.measure("three four five six").copied == 0
    assert known.measure("So: one two, THREE four five six.") == (7, 4, 4)


def test_unknown_words_are_never_copied() -> None:
    known = copying.index(["one two three four", ""], 2)

    # property: a word that no training text holds is like none of theirs, nor like the place between two texts
    assert known.measure("new newer newest") == (3, 0, 0)
    assert known.measure("one two new three four new one two three") == (9, 7, 3)
    assert copying.index([], 2).measure("one two") == (2, 0, 0)
    assert known.measure("") == (0, 0, 0)


def test_any_script() -> None:
    known = copying.index(["数据版本必须记录", "Все данные лежат в одном месте."], 4)

    # property: unspaced scripts are compared by character, the others by word, whatever the case
    assert known.measure("我说:数据版本!") == (6, 4, 4)
    assert known.measure("ВСЕ ДАННЫЕ ЛЕЖАТ В доме") == (5, 4, 4)


def test_long_texts_and_endless_repetition_are_quick() -> None:
    chance = random.Random(0)
    vocabulary = [f"w{number}" for number in range(2000)]
    rows = [" ".join(chance.choices(vocabulary, k=40)) for _ in range(5000)]
    cycle = "to be or not to be that is "
    known = copying.index([*rows, *(["very " * 100] * 2000), *([cycle * 12] * 2000)], 8)
    long = [" ".join(rows[:250]), "very " * 10_000, cycle * 1_800]
    found = [known.measure(text) for text in long]

    # property: texts of about 50,000 characters, copied throughout, take as long a character as shorter ones
    assert all(len(text) > 48_000 for text in long)
    for text in long:
        assert (
            growth.measure(lambda units, text=text: known.measure(text[:units]), len(text) // growth.TIMES)
            < growth.SQUARE
        )
    assert [one.copied / one.words for one in found] == [1, 1, 1]
    assert [one.longest for one in found] == [40, 100, 96]
