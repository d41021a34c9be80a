"""ROUGE of texts in any script, by values that can be counted by hand. evaluate runs a copy of the module."""

import pytest

from tests.support.lazily import Lazily

unicode_rouge = Lazily("lectern.evaluation.unicode_rouge")


@pytest.mark.parametrize(
    ("made", "reference", "one", "two", "longest", "sentences"),
    [
        # words: 2 of 4 and 2 of 3; pairs: 1 of 3 and 1 of 2; in order: 2
        ("a b c d", "a b e", 4 / 7, 2 / 5, 4 / 7, 4 / 7),
        # the same words in another order: no pair, one word in order
        ("x y", "y x", 1.0, 0.0, 0.5, 0.5),
        ("Семена сухие", "семена сухие!", 1.0, 1.0, 1.0, 1.0),
        ("種は乾く", "種は乾く", 1.0, 1.0, 1.0, 1.0),
        # sentences in another order: each one is found whole
        ("Bees carry dust. Ants eat fruit.", "Ants eat fruit. Bees carry dust.", 1.0, 4 / 5, 0.5, 1.0),
        ("", "a", 0.0, 0.0, 0.0, 0.0),
        ("a", "", 0.0, 0.0, 0.0, 0.0),
    ],
)  # fmt: skip
def test_each_kind_of_rouge(
    made: str, reference: str, one: float, two: float, longest: float, sentences: float
) -> None:
    found = unicode_rouge.UnicodeRouge().compute(predictions=[made, "a"], references=[reference, "a"])
    assert sorted(found) == ["rouge1", "rouge2", "rougeL", "rougeLsum"]
    assert [found[name][0] for name in sorted(found)] == pytest.approx([one, two, longest, sentences])
    assert [found[name][1] for name in ("rouge1", "rougeL", "rougeLsum")] == [1.0, 1.0, 1.0]


def test_of_texts_that_are_too_long_the_sentences_are_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lectern.evaluation.unicode_rouge.LSUM_LIMIT", 6)
    found = unicode_rouge.UnicodeRouge().compute(predictions=["a b", "a b"], references=["a b c", "a b"])
    assert found["rougeLsum"] == [None, 1.0]
    assert found["rougeL"] == pytest.approx([0.8, 1.0])
