import random

import numpy as np
import pytest

from lectern.evaluation import overlap
from lectern.evaluation.bootstrap import Bootstrap, Statistic

WORDS = [
    "the",
    "The",
    "a",
    "cat",
    "dog,",
    "sat;",
    "lay",
    "on",
    "under",
    "mats.",
    "Why?",
    "3.5",
    "1,000",
    "don't",
    "(so)",
    "well-known",
]


def texts(seed: int, n: int) -> list[str]:
    draw = random.Random(seed)
    return [" ".join(draw.choices(WORDS, k=draw.randint(1, 25))) for _ in range(n)]


def total(rows: list[list[int]]) -> np.ndarray:
    return np.array(rows, dtype=float).sum(axis=0, keepdims=True)


def test_summed_counts_give_sacrebleus_own_corpus_scores() -> None:
    from sacrebleu.metrics import BLEU, CHRF

    made, true = texts(0, 80), texts(1, 80)
    # property: to the last bit what `sacrebleu -m bleu chrf` reports for these files
    assert overlap.bleu(total(overlap.count_bleu(made, true)))[0] == BLEU().corpus_score(made, [true]).score
    assert overlap.chrf(total(overlap.count_chrf(made, true)))[0] == CHRF().corpus_score(made, [true]).score


def test_each_draw_is_the_score_of_its_rows() -> None:
    from sacrebleu.metrics import BLEU, CHRF

    made, true = texts(2, 12), texts(3, 12)
    draw = np.random.default_rng(0).integers(0, 12, (5, 12))
    for count, finish, metric in (
        (overlap.count_bleu, overlap.bleu, BLEU(force=True)),
        (overlap.count_chrf, overlap.chrf, CHRF()),
    ):
        counts = np.array(count(made, true), dtype=float)
        found = finish(np.stack([counts[rows].sum(axis=0) for rows in draw]))
        # property: what is redrawn is the corpus, not the rows' scores
        for rows, score in zip(draw, found, strict=True):
            again = metric.corpus_score([made[i] for i in rows], [[true[i] for i in rows]])
            assert score == pytest.approx(again.score, abs=1e-9)


def test_an_interval_holds_the_corpus_score() -> None:
    made, true = texts(4, 40), texts(4, 40)
    worse = texts(5, 40)
    statistics = [
        Statistic(np.array(overlap.count_bleu(side, true), dtype=float), overlap.bleu)
        for side in (made, worse)
    ]
    boot = Bootstrap(["talk"] * 40, resamples=300, confidence=0.95, seed=0)
    found = boot.difference(*statistics)
    # property: 100 for the same texts, less for others, and a difference that is sure
    assert boot.interval(statistics[0]).value == pytest.approx(100)
    assert 0 < found.low <= found.value <= found.high < 100  # type: ignore[operator]


@pytest.mark.parametrize(
    "text",
    [
        "Сегодня хорошая погода, и завтра тоже будет.",
        "今天天气很好我们去公园散步",
        "วันนี้อากาศดีมากเราไปเดินเล่น",
        "الطقس جميل اليوم ونحن نمشي",
    ],
)
def test_equal_texts_of_any_script_score_100_and_others_between(text: str) -> None:
    changed = text[:-6] + text[-2:]
    for count, finish in ((overlap.count_bleu, overlap.bleu), (overlap.count_chrf, overlap.chrf)):
        same, near = (finish(total(count([made], [text])))[0] for made in (text, changed))
        # property: 100 for itself, and a text with a few other letters is not simply wrong
        assert same == pytest.approx(100)
        assert 10 < near < 100


def test_13a_alone_would_take_a_chinese_sentence_for_one_word() -> None:
    # property: the reason for setting characters apart still stands
    from sacrebleu.metrics import BLEU

    assert BLEU().corpus_score(["今天天气很好我们去公园"], [["今天天气很好我们去散步"]]).score == 0.0


def test_answers_that_end_in_a_period_of_its_own_cause_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    # sacrebleu takes 100 of them for tokenized text and says so; here the model wrote them
    overlap.count_bleu(["So it is ."] * 100, ["So it is."] * 100)
    overlap.count_chrf(["So it is ."] * 100, ["So it is."] * 100)
    assert caplog.messages == []


def test_empty_answers_score_zero() -> None:
    # property: a figure, not a division by zero
    assert overlap.bleu(total(overlap.count_bleu(["", ""], ["a b", "c d"])))[0] == 0.0
    assert overlap.chrf(total(overlap.count_chrf(["", ""], ["a b", "c d"])))[0] == 0.0
    assert overlap.count_bleu([], []) == []
