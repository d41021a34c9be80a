import random

import pytest

from lectern.evaluation import rouge
from lectern.text.words import words

TYPES = ("rouge1", "rouge2", "rougeL", "rougeLsum")
COLOURS = ["red", "green", "blue", "black", "white", "grey", "pink", "brown"]


class Words:
    """What `rouge_score` asks for, over our words."""

    def tokenize(self, text: str) -> list[str]:
        return words(text)


def test_identical_texts_of_any_script_score_one() -> None:
    texts = [
        "Сегодня хорошая погода",
        "今天天气很好",
        "아침에 비가 왔다",
        "आज मौसम अच्छा है",
        "วันนี้อากาศดี",
        "الطقس جميل اليوم",
        "🙂 🙃",
        "it is fine today",
    ]
    # property: a text equals itself in every figure, whatever its script
    assert rouge.score_rows(texts, texts) == {name: [1.0] * len(texts) for name in TYPES}


def test_rouge_scores_own_tokenizer_would_score_cyrillic_zero() -> None:
    from rouge_score import rouge_scorer

    text = "Сегодня хорошая погода"
    # property: the reason for a tokenizer of our own still stands
    assert rouge_scorer.RougeScorer(["rougeL"]).score(text, text)["rougeL"].fmeasure == 0.0


def test_scores_are_those_of_the_definition() -> None:
    scores = rouge.score_rows(["the cat sat"], ["the cat lay"])
    # property: 2 of 3 words, 1 of 2 pairs, and a common subsequence of 2 words
    assert scores["rouge1"][0] == pytest.approx(2 / 3)
    assert scores["rouge2"][0] == pytest.approx(1 / 2)
    assert scores["rougeL"][0] == scores["rougeLsum"][0] == pytest.approx(2 / 3)


def test_scores_are_those_of_rouge_score() -> None:
    from rouge_score import rouge_scorer

    draw = random.Random(0)
    made, true = (
        [
            ". ".join(" ".join(draw.choices(COLOURS, k=draw.randint(2, 9))) for _ in range(3))
            for _ in range(60)
        ]
        for _ in range(2)
    )
    ours = rouge.score_rows(made, true)
    scorer = rouge_scorer.RougeScorer(TYPES, tokenizer=Words())
    lines = [[text.replace(". ", ".\n") for text in side] for side in (made, true)]
    theirs = [scorer.score(reference, answer) for answer, reference in zip(*lines, strict=True)]
    # property: the library's own scores; ROUGE-L too, whose common sequence another library measures
    for name in TYPES:
        assert ours[name] == pytest.approx([row[name].fmeasure for row in theirs], abs=1e-12)


def test_sentences_that_changed_places_lower_rouge_l_and_not_lsum() -> None:
    made, true = "We read the log. Then we slept well.", "Then we slept well. We read the log."
    scores = rouge.score_rows([made], [true])
    # property: Lsum takes sentence by sentence
    assert scores["rougeL"][0] == pytest.approx(4 / 8)
    assert scores["rougeLsum"][0] == 1.0


def test_sentences_of_other_scripts_are_told_apart() -> None:
    made, true = "他读了日志。然后他睡了。", "然后他睡了。他读了日志。"
    scores = rouge.score_rows([made], [true])
    # property: a full stop of another script ends a sentence
    assert scores["rougeL"][0] < scores["rougeLsum"][0] == 1.0


def test_an_empty_answer_scores_zero() -> None:
    # property: rows keep their order and an empty prediction is a score, not a crash
    scores = rouge.score_rows(["", "yes"], ["yes", "yes"])
    assert {name: scores[name] for name in ("rouge1", "rougeL", "rougeLsum")} == {
        "rouge1": [0.0, 1.0],
        "rougeL": [0.0, 1.0],
        "rougeLsum": [0.0, 1.0],
    }


def test_no_rows_give_no_scores() -> None:
    # property: nothing in, nothing out
    assert rouge.score_rows([], []) == {name: [] for name in TYPES}


def test_an_answer_of_50_000_characters_is_scored() -> None:
    draw = random.Random(0)
    long, other = (" ".join(draw.choices(["a", "bc", "def", "ghij"], k=14_000)) for _ in range(2))
    assert len(long) > 49_000
    scores = rouge.score_rows([long, long], ["a bc def. " * 20, other])
    # property: in full against a reference of usual length; against one as long without Lsum, which says so
    assert scores["rougeL"] == [pytest.approx(2 * 60 / (14_000 + 60), rel=0.01), pytest.approx(0.7, abs=0.1)]
    assert scores["rougeLsum"][0] is not None
    assert scores["rougeLsum"][1] is None
