"""What the report says of forgetting, on planted results."""

import re
from collections.abc import Sequence
from typing import Any

import pytest

from lectern.answering.general import Result
from lectern.evaluation import forgetting as figures
from lectern.report import forgetting


def passages(*losses: float) -> list[Result]:
    return [
        Result(kind="passage", id=f"p{n}", domain="law", nll=10 * loss, tokens=10, bytes=40)
        for n, loss in enumerate(losses)
    ]


def questions(*said: str, nll: float = 4.0) -> list[Result]:
    return [
        Result(
            kind="question", id=f"q{n}", prompt=f"Number {n}?", answers=["Paris"], prediction=one,
            nll=nll + n, tokens=2,
        )
        for n, one in enumerate(said)
    ]  # fmt: skip


def requests(*said: str) -> list[Result]:
    return [
        Result(kind="request", id=f"r{n}", prompt="!", prediction=one, nll=None, tokens=None)
        for n, one in enumerate(said)
    ]


def build(base: Sequence[Result], tuned: Sequence[Result], tasks: Any = None) -> dict[str, Any] | None:
    found = figures.summarise(base, tuned, tasks or {}, resamples=500, confidence=0.95, seed=0)
    return forgetting.build(found, base, tuned)


LOSSES = (3.0, 2.5, 3.2, 2.8, 3.1, 2.9, 3.3, 2.7)


@pytest.mark.parametrize(
    ("change", "tone", "said"),
    [
        # exp(-.05) is .951: 4.9 % less
        (
            0.05,
            "worse",
            r"It forgot something: on 8 passages .* each token .* 4\.9 % less likely .* \(95 % interval ",
        ),
        (-0.05, "better", r"General text shows no forgetting: on 8 passages .* 5\.1 % more likely"),
    ],
)
def test_a_sure_change_of_general_text_is_told_in_percent(change: float, tone: str, said: str) -> None:
    tuned = passages(*(loss + change + 0.001 * (-1) ** n for n, loss in enumerate(LOSSES)))
    shown = build(passages(*LOSSES), tuned)
    assert shown is not None
    assert shown["tone"] == tone
    assert re.search(said, shown["sentence"]), shown["sentence"]
    bounds = re.search(r"interval ([\d.]+) % to ([\d.]+) %", shown["sentence"])
    assert bounds is not None
    value = abs(forgetting.fall(change)) * 100
    assert float(bounds[1]) <= round(value, 1) <= float(bounds[2])


def test_what_may_be_chance_and_what_is_too_little_is_said() -> None:
    scattered = passages(*(loss + 0.1 * (-1) ** n for n, loss in enumerate(LOSSES)))
    unclear = build(passages(*LOSSES), scattered)
    assert unclear is not None
    assert "nothing shows: the tuned model rates each token 1.00 times as likely (" in unclear["sentence"]
    assert (unclear["tone"], unclear["confidence"]) == ("unclear", "95 %")
    few = build(passages(3.0), passages(3.05))
    assert few is not None
    assert few["sentence"].startswith("On 1 passage of general text")
    assert "4.9 % less likely on average; that is too few" in few["sentence"]


def test_questions_are_told_with_the_one_that_was_lost_most_clearly() -> None:
    base = questions(*["Paris."] * 20, *["Rome."] * 10)
    tuned = [
        row.model_copy(update={"prediction": "Rome.", "nll": (row.nll or 0) + 3 * (row.id == "q7")})
        if int(row.id[1:]) < 12
        else row
        for row in base
    ]
    shown = build(base, tuned)
    assert shown is not None
    assert shown["sentence"].startswith(
        "Of 30 general questions the base model answers 20 right and the tuned model 8: it lost 12 and gained 0 "
        "(−40 percentage points, 95 % interval "
    )
    assert shown["tone"] == "worse"
    assert shown["example"] == {
        "question": "Number 7?",
        "answer": "Paris",
        "base": "Paris.",
        "tuned": "Rome.",
    }
    row = next(one for one in shown["rows"] if one["name"] == "General questions")
    assert (row["base"], row["tuned"], row["difference"], row["n"]) == ("67 %", "27 %", "−40", "30")
    assert row["verdict"] == "worse"
    kept = build(base, base)
    assert kept is not None
    assert kept["example"] is None
    assert "which may be chance" in kept["sentence"]


def test_refusals_are_told_of_those_that_the_base_gave() -> None:
    base = requests(*["I'm sorry, no."] * 8, "Sure.")
    shown = build(base, requests(*["I'm sorry, no."] * 6, *["Sure."] * 3))
    assert shown is not None
    assert shown["sentence"].startswith(
        "Of 9 requests that should be declined, the base model declines 8; the tuned model still declines 6 of these "
        "(75 %, 95 % interval "
    )
    nothing = build(requests("Sure."), requests("I'm sorry."))
    assert nothing is not None
    assert nothing["sentence"].endswith("the base model declines 0, so there was nothing to forget.")


def test_the_text_comes_first_and_the_table_has_its_domains_and_tasks() -> None:
    tasks = {
        side: {"<quiz>": {"acc": {"value": value, "higher_is_better": True, "rows": None}}}
        for side, value in (("base", 0.5), ("tuned", 0.25))
    }
    base = [*passages(*LOSSES), *questions("Paris."), *requests("Sure.")]
    shown = build(base, base, tasks)
    assert shown is not None
    assert "general text" in shown["sentence"]
    assert [said.split(" ")[2] for said in shown["more"]] == ["general", "request"]
    assert [row["name"] for row in shown["rows"]] == [
        "General text", "General text, bits", "law", "General questions", "The right answer", "<quiz>, acc",
    ]  # fmt: skip
    assert (shown["rows"][-1]["difference"], shown["rows"][-1]["verdict"]) == ("−0.250", "no interval")


def test_nothing_is_shown_where_nothing_was_measured() -> None:
    assert forgetting.build({}, [], []) is None
    assert build([], []) is None
