"""What the report says of looking it up."""

from typing import Any

import pytest

from lectern.report import retrieval

SEARCHED = {"units": 35, "items": 7, "searched": "train", "include_own": False, "turns": "answers"}


def interval(
    value: float, low: float | None = None, high: float | None = None, n: int = 10
) -> dict[str, Any]:
    return {"value": value, "low": low, "high": high, "n": n}


def scores(difference: dict[str, Any], key: str = "nll") -> dict[str, Any]:
    rival = {"scores": {key: interval(4.5)}, "difference": {key: difference}}
    return {"tuned": {key: interval(4.0)}, "comparators": {"base+sources": rival, "other": rival}}


@pytest.mark.parametrize(
    ("difference", "told"),
    [
        (
            interval(-0.5, -0.7, -0.3),
            "the tuned model alone does better than the base model with a search: it rates each token of the true "
            "answers 1.6 times as likely (1.3 to 2.0) as the other.",
        ),
        (
            interval(0.5, 0.3, 0.7),
            "the base model with a search does better than the tuned model alone: it rates each token of the true "
            "answers 1.6 times as likely (1.3 to 2.0) as the other.",
        ),
        (
            interval(-0.5, -0.7, 0.3),
            "it cannot be told whether the tuned model alone or the base model with a search does better: the first "
            "rates each token of the true answers 1.6 times as likely (0.7 to 2.0; 1 would be a tie) as the other.",
        ),
        (interval(-0.5), "cannot be compared"),
    ],
)
def test_the_sentence_says_no_more_than_the_interval(difference: dict[str, Any], told: str) -> None:
    said = retrieval.compare("held_out", scores(difference))
    assert told in said


def test_both_with_a_search_are_compared_with_each_other() -> None:
    given = scores(interval(0.5, 0.3, 0.7))
    given["comparators"]["tuned+sources"] = {
        "scores": {"nll": interval(3.0)},
        "difference": {"nll": interval(1.0, 0.8, 1.2)},
        "over_base": {"nll": interval(-1.5, -2.0, -1.0)},
    }
    said = retrieval.compare("held_out", given)
    assert [line.partition(": ")[0] for line in said.split(". ")] == [
        "On 10 held-out answers, the base model with a search does better than the tuned model alone",
        "The tuned model with a search does better than the tuned model alone",
        "The tuned model with a search does better than the base model with a search",
    ]
    assert said.endswith("4.5 times as likely (2.7 to 7.4) as the other.")
    assert retrieval.do_best_together(given)
    given["comparators"]["tuned+sources"]["difference"] = {"nll": interval(1.0, -0.1, 1.2)}
    assert not retrieval.do_best_together(given), "the search may do nothing for the tuned model"


def test_a_figure_for_which_more_is_better_is_read_the_other_way() -> None:
    said = retrieval.compare("talks", scores(interval(0.5, 0.3, 0.7), "similarity"))
    assert "does better" in said
    assert "answers of talks" in said


def test_nothing_is_said_without_such_contestants() -> None:
    assert retrieval.compare("held_out", {"tuned": {}, "comparators": {"other": {"difference": {}}}}) == ""
    assert retrieval.build({"comparators": {}}, {}) is None
    assert retrieval.build({"comparators": {}}, {**SEARCHED, "units": 0, "recall": {}}) is None


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {},
            "35 passages and turns of 7 items: the items that were trained on. A held-out question cannot find",
        ),
        ({"searched": "all"}, "all items"),
        ({"include_own": True}, "may find the very place"),
    ],
)
def test_the_report_says_what_is_searched(changes: dict[str, Any], told: str) -> None:
    assert told in retrieval.describe_search({**SEARCHED, **changes})


def test_the_share_that_is_found_stands_with_its_interval() -> None:
    recall = {"held_out": {"bm25": {"10": interval(0.7, 0.3, 1.0), "3": interval(0.5)}}}
    built = retrieval.build(scores(interval(-0.5)), {**SEARCHED, "recall": recall})
    assert built is not None
    (line,) = built["recall"]
    assert (line["set"], line["ranking"]) == ("held_out", "words (BM25)")
    assert [(one["k"], one["share"], one["interval"]) for one in line["first"]] == [
        ("3", "50 %", ""),
        ("10", "70 %", "30 to 100 %"),
    ]
