"""What a judge's verdicts come to, set by set, counted by hand."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from lectern.core.schema import Label, Message, PairJudgement, RubricJudgement
from lectern.evaluation import verdicts
from lectern.evaluation.bootstrap import Bootstrap
from lectern.evaluation.judging import NO_REPLY
from lectern.evaluation.labels import Labelled


def draws(units: Sequence[str]) -> Bootstrap:
    return Bootstrap(list(units), resamples=100, confidence=0.9, seed=1)


def case(number: int, of: str = "held_out") -> Any:
    messages = [Message(role="user", content=f"{number}?")]
    return SimpleNamespace(
        id=str(number),
        set=of,
        unit=str(number),
        messages=messages,
        answers={"tuned": f"t{number}", "base": f"b{number}"},
    )


def pair(number: int, forward: str | None, backward: str | None, problem: str | None = None) -> PairJudgement:
    return PairJudgement.model_validate(
        {
            "id": str(number),
            "set": "held_out",
            "a": "tuned",
            "b": "base",
            "forward": forward,
            "backward": backward,
            "problem": problem,
        }
    )


VERDICTS = [
    ("a", "a"),
    ("a", "a"),
    ("b", "b"),
    ("a", "b"),
    ("a", "tie"),
    ("tie", "b"),
    ("tie", "tie"),
    (None, "a"),
    (None, None),
]


def test_pairs_are_counted_as_won_tied_lost_and_turned() -> None:
    judged = [pair(n, *both) for n, both in enumerate(VERDICTS)]
    judged[7] = pair(7, None, "a", "no JSON")
    judged[8] = pair(8, None, None, NO_REPLY)
    # the seventh has identical answers, so it was not asked
    plan: Any = SimpleNamespace(pairs=[(case(n), n != 6) for n in range(9)])
    found = verdicts.summarise_pairs(plan, judged, draws)["held_out"]
    assert {name: found[name] for name in found if not name.endswith("_rate")} == {
        "wins": 2,
        "ties": 4,
        "losses": 1,
        "same": 1,
        "reversed": 1,
        "half": 2,
        "malformed": 1,
        "no_reply": 1,
    }
    assert found["win_rate"]["value"] == pytest.approx((2 + 4 * 0.5) / 7, abs=1e-6)
    assert (found["win_rate"]["n"], found["flip_rate"]["n"]) == (7, 6)
    assert found["flip_rate"]["value"] == 0.5
    assert verdicts.find_flips(plan, judged) == [0.0, 0.0, 0.0, 1.0, 1.0, 1.0, None, None, None]


def test_each_set_is_counted_by_itself_in_order_of_its_name() -> None:
    plan: Any = SimpleNamespace(pairs=[(case(0, "talks"), True), (case(1), True), (case(2, "talks"), True)])
    found = verdicts.summarise_pairs(plan, [pair(0, "a", "a"), pair(1, "b", "b"), pair(2, "b", "b")], draws)
    assert list(found) == ["held_out", "talks"]
    assert [(found[name]["wins"], found[name]["losses"]) for name in found] == [(0, 1), (1, 1)]


def score(
    number: int, who: str, points: int | None, problem: str | None = None, of: str = "held_out"
) -> RubricJudgement:
    values = {
        "id": str(number),
        "set": of,
        "contestant": who,
        "score": points,
        "reason": None,
        "problem": problem,
    }
    return RubricJudgement.model_validate(values)


def test_the_scores_of_a_rubric_are_those_of_each_contestant() -> None:
    judged = [
        score(0, "tuned", 5),
        score(1, "tuned", 4),
        score(2, "tuned", None, "no JSON"),
        score(0, "base", 2),
        score(1, "base", 2),
        score(2, "base", 1),
        score(0, "other", None, NO_REPLY),
    ]
    plan: Any = SimpleNamespace(answers=[(case(n), "", "") for n in range(3)])
    found = verdicts.summarise_rubric(plan, judged, draws)
    assert list(found) == ["held_out"]
    part = found["held_out"]
    assert list(part) == ["base", "other", "tuned", "difference"]
    assert (part["tuned"]["score"]["value"], part["tuned"]["score"]["n"], part["other"]["score"]) == (
        4.5,
        2,
        None,
    )
    assert part["base"]["histogram"] == {"1": 1, "2": 2, "3": 0, "4": 0, "5": 0}
    assert [(part[who]["malformed"], part[who]["no_reply"]) for who in ("tuned", "base", "other")] == [
        (1, 0),
        (0, 0),
        (0, 1),
    ]
    # only rows that both have: 5 - 2 and 4 - 2
    assert part["difference"]["value"] == 2.5
    alone = verdicts.summarise_rubric(plan, judged[:2], draws)["held_out"]
    assert "difference" not in alone


def label(number: int, verdict: str, *, turned: bool = False, split: bool = False) -> Labelled:
    one = case(number)
    sides = (
        (one.answers["base"], one.answers["tuned"]) if turned else (one.answers["tuned"], one.answers["base"])
    )
    values = {
        "kind": "pair",
        "messages": one.messages,
        "passage": None,
        "reference": None,
        "by": "p",
        "note": None,
    }
    made = Label.model_validate({**values, "a": sides[0], "b": sides[1], "verdict": verdict})
    return Labelled(str(number), str(number), made, {"p": verdict, **({"q": "b"} if split else {})})


def test_a_win_rate_is_corrected_by_people_who_judged_the_same_pairs() -> None:
    plan: Any = SimpleNamespace(pairs=[(case(n), True) for n in range(40)])
    judged = [pair(n, *(("a", "a") if n % 4 else ("b", "b"))) for n in range(39)] + [pair(39, None, None)]
    # people agree on the first ten, and are shown the answers in either order
    people = [label(n, ("a" if n % 4 else "b"), turned=False) for n in range(5)]
    people += [label(n, ("b" if n % 4 else "a"), turned=True) for n in range(5, 10)]
    found = verdicts.correct_by_people(plan, judged, people, least=10, confidence=0.9)
    assert list(found) == ["held_out"]
    assert found["held_out"]["value"] == pytest.approx(29 / 39, abs=0.02)
    assert found["held_out"]["n"] == 10
    assert verdicts.correct_by_people(plan, judged, people, least=11, confidence=0.9) == {}
    # where they contradict the judge, it is corrected towards them
    others = [label(n, ("b" if n % 4 else "a")) for n in range(10)]
    turned = verdicts.correct_by_people(plan, judged, others, least=10, confidence=0.9)["held_out"]
    assert turned["value"] < 0.5
