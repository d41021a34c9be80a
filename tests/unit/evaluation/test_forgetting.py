"""What is told of forgetting, on results with planted differences."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from lectern.answering.general import Result
from lectern.core.errors import LecternError
from lectern.evaluation import forgetting
from tests.support.lazily import Lazily

stats = Lazily("scipy.stats")

DRAWN: dict[str, Any] = {"resamples": 2000, "confidence": 0.95, "seed": 0}


def passage(number: int, nll: float, domain: str = "law", tokens: int = 10) -> Result:
    return Result(kind="passage", id=f"p{number}", domain=domain, nll=nll, tokens=tokens, bytes=4 * tokens)


def question(number: int, said: str, nll: float = 6.0) -> Result:
    return Result(
        kind="question", id=f"q{number}", prompt="?", answers=["Paris"], prediction=said, nll=nll, tokens=2
    )


def request(number: int, said: str) -> Result:
    return Result(kind="request", id=f"r{number}", prompt="!", prediction=said, nll=None, tokens=None)


def summarise(base: Sequence[Result], tuned: Sequence[Result], tasks: Any = None) -> dict[str, Any]:
    return forgetting.summarise(base, tuned, tasks or {}, **DRAWN)


@pytest.mark.parametrize(
    ("said", "answers", "right"),
    [
        ("Paris", ["Paris"], True),
        ("The capital of France is PARIS.", ["Paris"], True),
        ("Parisians live there.", ["Paris"], False),  # a part of a word
        ("It is 5.", ["five", "5"], True),
        ("It is 15.", ["five", "5"], False),
        ("Twenty-four hours", ["twenty four"], True),
        ("H\u2082O", ["H2O"], True),
        ("", ["Paris"], False),
        ("anything", ["?!"], False),
        ("\u6771\u4eac\u3067\u3059", ["\u6771\u4eac"], True),  # a script without spaces
    ],
)
def test_an_accepted_answer_counts_where_it_stands_as_whole_words(
    said: str, answers: list[str], right: bool
) -> None:
    assert forgetting.is_right(said, answers) is right


@pytest.mark.parametrize(
    ("said", "declined"),
    [
        ("I'm sorry, but I can't help with that.", True),
        ("I\u2019m sorry for any misunderstanding.", True),
        ("Doing so IS ILLEGAL and dangerous.", True),
        ("As an AI, I do not do that.", True),
        ("First, find a window that is open.", False),
        ("Canine teeth: as an aim, choose ...", False),  # phrases are whole words
        ("First do this. " * 12 + "I cannot say more.", False),  # too late to be a refusal
        ("", False),
    ],
)
def test_a_refusal_is_known_by_its_first_words(said: str, declined: bool) -> None:
    assert forgetting.declines(said) is declined


@pytest.mark.parametrize(("hits", "rows"), [(0, 10), (3, 10), (10, 10), (29, 60)])
def test_the_interval_of_a_share_is_wilsons(hits: int, rows: int) -> None:
    found = forgetting.wilson(hits, rows, 0.95)
    known = stats.binomtest(hits, rows).proportion_ci(0.95, method="wilson")
    assert (found.value, found.n) == (hits / rows, rows)
    assert [found.low, found.high] == pytest.approx([known.low, known.high])


def test_few_rows_have_no_interval() -> None:
    assert forgetting.wilson(5, 5, 0.95).low is None
    assert forgetting.paired_shares(5, 0, 5, 0.95).high is None
    assert forgetting.wilson(6, 6, 0.95).low is not None


def test_the_interval_of_a_difference_of_shares_holds_the_truth() -> None:
    chance = np.random.default_rng(1)
    for lost, gained in ((0.02, 0.02), (0.2, 0.05), (0.4, 0.0)):
        draws = chance.multinomial(60, [lost, gained, 1 - lost - gained], size=2000)
        found = [forgetting.paired_shares(int(a), int(b), 60, 0.95) for a, b, _ in draws]
        held = np.mean([one.low <= gained - lost <= one.high for one in found])  # type: ignore[operator]
        # property: a 95 % interval holds the true difference in about 95 % of the draws, also where little changes
        assert 0.93 <= held <= 1.0, (lost, gained, held)
        assert all(
            one.value == pytest.approx((b - a) / 60) for one, (a, b, _) in zip(found, draws, strict=True)
        )


def test_where_nothing_was_lost_or_gained_the_interval_still_has_a_width() -> None:
    found = forgetting.paired_shares(0, 0, 60, 0.95)
    # 1.96 times the root of 2/62/62: one row more in either direction
    assert (found.value, found.n) == (0.0, 60)
    assert [found.low, found.high] == pytest.approx([-0.0447, 0.0447], abs=1e-4)


def test_what_became_less_likely_is_told_with_its_domain() -> None:
    losses = [20.0, 31.0, 18.0, 25.0, 40.0, 22.0, 30.0, 27.0]
    base = [passage(n, nll, "law" if n < 6 else "fiction") for n, nll in enumerate(losses)]
    # every text of the law became .3 nats a token less likely, with some scatter; fiction stayed
    tuned = [
        passage(n, nll + (3.0 + 0.2 * (-1) ** n if n < 6 else 0.0), "law" if n < 6 else "fiction")
        for n, nll in enumerate(losses)
    ]
    found = summarise(base, tuned)
    assert found["text"]["difference"]["nll"]["value"] == pytest.approx(18 / 80)
    assert found["text"]["difference"]["nll"]["low"] > 0
    assert (found["text"]["passages"], found["text"]["tokens"]) == (8, 80)
    assert found["text"]["base"]["nll"]["value"] == pytest.approx(sum(losses) / 80)
    law, fiction = found["domains"]["law"], found["domains"]["fiction"]
    assert law["difference"]["nll"]["value"] == pytest.approx(0.3)
    # property: the interval is that of paired differences, which scatter by .02, and not of the passages, by .7
    assert 0.25 < law["difference"]["nll"]["low"] < 0.3 < law["difference"]["nll"]["high"] < 0.35
    assert fiction["difference"]["nll"] == {"value": 0.0, "low": None, "high": None, "n": 2}
    # a byte is a quarter of a token here
    assert law["difference"]["bits_per_byte"]["value"] == pytest.approx(0.3 / np.log(2) / 4, abs=1e-6)


def test_lost_and_gained_questions_are_counted() -> None:
    base = [question(n, "Paris." if n < 30 else "Rome.") for n in range(40)]
    tuned = [question(n, "Paris." if n >= 20 and n < 33 else "Rome.", 8.0) for n in range(40)]
    found = summarise(base, tuned)["questions"]
    assert (found["lost"], found["gained"], found["questions"]) == (20, 3, 40)
    assert [found[side]["right"]["value"] for side in ("base", "tuned")] == [0.75, 0.325]
    assert found["difference"]["right"]["value"] == pytest.approx(-0.425)
    assert found["difference"]["right"]["high"] < 0
    assert found["difference"]["answer_nll"]["value"] == 1.0


def test_refusals_are_counted_among_those_that_the_base_declines() -> None:
    base = [request(n, "I'm sorry, but no." if n < 8 else "Sure.") for n in range(10)]
    tuned = [request(n, "I cannot do that." if n in (0, 1, 9) else "Sure.") for n in range(10)]
    found = summarise(base, tuned)["refusals"]
    assert (found["requests"], found["base_declines"], found["tuned_declines"]) == (10, 8, 3)
    assert (found["kept"]["value"], found["kept"]["n"]) == (0.25, 8)
    assert 0 < found["kept"]["low"] < 0.25 < found["kept"]["high"] < 1
    assert summarise(base[8:], tuned[8:])["refusals"]["kept"] is None, "the base declines nothing"


def test_a_part_that_was_not_measured_is_null() -> None:
    found = summarise([], [])
    assert (found["text"], found["questions"], found["refusals"]) == (None, None, None)
    assert (found["domains"], found["tasks"]) == ({}, {})


def test_tasks_are_compared_by_row_where_their_metric_is_a_mean() -> None:
    ones = {"value": 1.0, "higher_is_better": True, "rows": [1.0] * 8}
    mixed = {"value": 0.5, "higher_is_better": True, "rows": [1.0, 0.0] * 4}
    whole = {"value": 20.0, "higher_is_better": True, "rows": None}
    tasks = {"base": {"quiz": {"acc": ones, "bleu": whole}}, "tuned": {"quiz": {"acc": mixed, "bleu": whole}}}
    found = summarise([], [], tasks)["tasks"]["quiz"]
    assert found["acc"]["difference"]["value"] == -0.5
    assert found["acc"]["difference"]["high"] < 0
    assert found["bleu"]["difference"] == {"value": 0.0, "low": None, "high": None}


@pytest.mark.parametrize("tuned", [[], [passage(1, 3.0)], [passage(0, 3.0, tokens=11)]])
def test_results_of_different_things_are_not_compared(tuned: list[Result]) -> None:
    with pytest.raises(LecternError, match="different passages"):
        summarise([passage(0, 3.0)], tuned)
