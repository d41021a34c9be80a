import pytest
from rouge_score import rouge_scorer

from stages.scoring import rouge


def test_identical_texts_of_any_script_score_one() -> None:
    texts = [
        "Сегодня хорошая погода",
        "今天天气很好",
        "아침에 비가 왔다",
        "आज मौसम अच्छा है",
        "วันนี้อากาศดี",
        "it is fine today",
    ]
    # property: a text equals itself in every figure, whatever its script
    assert rouge.score_rows(texts, texts) == {
        name: [1.0] * len(texts) for name in ("rouge1", "rouge2", "rougeL")
    }


def test_rouge_scores_own_tokenizer_would_score_cyrillic_zero() -> None:
    text = "Сегодня хорошая погода"
    # property: the reason for a tokenizer of our own still stands
    assert rouge_scorer.RougeScorer(["rougeL"]).score(text, text)["rougeL"].fmeasure == 0.0


def test_scores_are_those_of_the_definition() -> None:
    scores = rouge.score_rows(["the cat sat"], ["the cat lay"])
    # property: 2 of 3 words, 1 of 2 pairs, and a common subsequence of 2 words
    assert scores["rouge1"][0] == pytest.approx(2 / 3)
    assert scores["rouge2"][0] == pytest.approx(1 / 2)
    assert scores["rougeL"][0] == pytest.approx(2 / 3)


def test_an_empty_answer_scores_zero() -> None:
    # property: rows keep their order and an empty prediction is a score, not a crash
    assert rouge.score_rows(["", "yes"], ["yes", "yes"])["rouge1"] == [0.0, 1.0]


def test_no_rows_give_no_scores() -> None:
    # property: nothing in, nothing out
    assert rouge.score_rows([], []) == {"rouge1": [], "rouge2": [], "rougeL": []}
