"""The curves of the training, the figures of hearing, and the episodes of the report, from a few numbers."""

from typing import Any

import pytest

from lectern.core.schema import Episode
from lectern.report import episodes, likeness, loss, speech
from lectern.report.inputs import LossPoint


def test_the_losses_are_two_curves_and_a_table() -> None:
    points = [
        LossPoint(1, 4.0, None),
        LossPoint(2, 3.0, 3.5),
        LossPoint(4, None, 3.25),
        LossPoint(10, 2.0, 3.75),
    ]
    found = loss.build(points, {"epochs": 1, "steps": 10, "rows": 1200, "trained_tokens": 34567})
    assert found is not None
    assert found["note"] == "1 epoch, 10 steps, 1,200 rows, 34,567 trained tokens"
    assert [tick["text"] for tick in found["x"]] == ["0", "2", "4", "6", "8", "10"]
    assert [tick["text"] for tick in found["y"]] == ["2.0", "2.5", "3.0", "3.5", "4.0"]
    train, validation = found["curves"]
    assert train == {
        "name": "train",
        "side": "train",
        "path": "M10 0 L20 50 L100 100",
        "last": "2.000",
        "best": "2.000",
        "best_step": "10",
        "dots": [{"x": 10.0, "y": 0.0}, {"x": 20.0, "y": 50.0}, {"x": 100.0, "y": 100.0}],
    }
    assert (validation["path"], validation["last"]) == ("M20 25 L40 37.5 L100 12.5", "3.750")
    assert (validation["best"], validation["best_step"]) == ("3.250", "4")
    assert found["rows"] == [
        {"step": 1, "train": "4.000", "validation": ""},
        {"step": 2, "train": "3.000", "validation": "3.500"},
        {"step": 4, "train": "", "validation": "3.250"},
        {"step": 10, "train": "2.000", "validation": "3.750"},
    ]


def test_many_points_have_no_dots_and_a_short_table_and_none_is_no_picture() -> None:
    many = [LossPoint(n, 1.0 + 1 / n, None) for n in range(1, 1042)]
    found = loss.build(many[:40], {})
    assert found is not None
    assert (len(found["curves"]), len(found["curves"][0]["dots"]), found["note"]) == (1, 40, "")
    found = loss.build(many, {})
    assert found is not None
    assert found["curves"][0]["dots"] == []
    assert found["curves"][0]["best_step"] == "1,041"
    assert [row["step"] for row in found["rows"]][::11] == [1, 1041]
    assert len(found["rows"]) == 12
    assert loss.build([LossPoint(1, None, None)], {"steps": 1}) is None


@pytest.mark.parametrize(
    ("preflight", "text"),
    [
        (
            {
                "checks_passed": 1,
                "train": {"tokens": 1000, "trained_tokens": 250, "rows": 1, "longest": 1200},
            },
            "1 check of the rows passed before training, 1,000 tokens in 1 row, 250 of them trained (25 %), the "
            "longest row 1,200.",
        ),
        (
            {"train": {"tokens": 4}},
            "0 checks of the rows passed before training, 4 tokens in 0 rows, 0 of them trained "
            "(0 %), the longest row 0.",
        ),
        ({"train": {"tokens": 0}}, ""),
        ({}, ""),
    ],
)
def test_the_rows_are_told_by_what_was_checked(preflight: dict[str, Any], text: str) -> None:
    assert loss.describe_preflight(preflight) == text


def test_what_was_heard_is_shown_with_its_interval_on_a_scale_of_its_own() -> None:
    found = speech.build(
        {
            "wer": {"value": 0.05, "low": 0.025, "high": 0.2},
            "der": {"value": None},
            "der_with_collar": 3,
            "word_speaker_accuracy": {"value": 0.9, "low": 0.8, "high": None},
        }
    )
    wer, accuracy = found
    assert (wer["text"], wer["interval"], wer["at"], wer["low"], wer["high"]) == (
        "5.0 %",
        "2.5 to 20.0 %",
        25.0,
        12.5,
        100.0,
    )
    assert [tick["text"] for tick in wer["ticks"]] == ["0 %", "5 %", "10 %", "15 %", "20 %"]
    assert (accuracy["text"], accuracy["interval"], accuracy["at"]) == ("90.0 %", "", 90.0)
    assert [tick["text"] for tick in accuracy["ticks"]][-1] == "100 %"
    [small] = speech.build({"wer": {"value": 0.01}})
    assert [tick["text"] for tick in small["ticks"]] == ["0 %", "2.5 %", "5 %", "7.5 %", "10 %"]
    assert speech.describe({"items": 1, "words": 1200}) == "1 recording, 1,200 words"
    assert speech.describe({"words": 1}) == "1 word"
    assert speech.describe({}) == ""


def episode(id: str, turns: int, ended: str = "turns", guest: str | None = None) -> Episode:
    said = [
        {"role": ("host", "guest")[n % 2], "text": f"turn {n}", "finished": n % 3 > 0} for n in range(turns)
    ]
    return Episode.model_validate(
        {"id": id, "opening": f"Welcome {id}", "guest": guest, "turns": said, "ended": ended}
    )


def test_episodes_of_both_models_stand_side_by_side() -> None:
    metric = {"episodes": 3, "base": {}, "tuned": {}, "difference": {}}
    base = [episode("a", 16), episode("b", 17, "closing", "Ann"), episode("c", 18, "empty"), episode("d", 2)]
    tuned = [episode("d", 1), episode("c", 2), episode("a", 30), episode("x", 2)]
    found = episodes.build(metric, {"base": base, "tuned": tuned})
    assert found is not None
    assert (found["n"], found["figures"]) == ("3 episodes", [])
    # of those that both have, the first and the last by the order of base
    assert [(one["opening"], one["guest"]) for one in found["shown"]] == [
        ("Welcome a", ""),
        ("Welcome d", ""),
    ]
    ours, theirs = found["shown"][0]["sides"]
    assert (ours["side"], len(ours["turns"]), ours["more"], ours["ended"]) == (
        "base",
        16,
        "",
        "16 turns, stopped at the limit of turns",
    )
    assert (theirs["side"], len(theirs["turns"]), theirs["more"]) == ("tuned", 16, "14 more turns")
    assert ours["turns"][:2] == [
        {"role": "host", "finished": False, "text": "turn 0", "more": ""},
        {"role": "guest", "finished": True, "text": "turn 1", "more": ""},
    ]
    [only] = episodes.build(metric, {"base": base[1:2], "tuned": [episode("b", 17, "empty")]})["shown"]  # type: ignore[index]
    assert only["guest"] == "Ann"
    assert [side["ended"] for side in only["sides"]] == [
        "17 turns, ended with a closing",
        "17 turns, ended because nothing more was said",
    ]
    assert [side["more"] for side in only["sides"]] == ["1 more turn"] * 2
    assert episodes.build({"episodes": 0}, {}) is None
    assert episodes.build({}, {}) is None


@pytest.mark.parametrize(
    ("apart", "text"),
    [
        (None, ""),
        (
            {"value": 0.9, "low": 0.85, "high": 0.95},
            "it picks the right one in 90 % of the pairs (85 to 95 %); by guessing, it would in 50 %.",
        ),
        (
            {"value": 0.9, "low": None, "high": None},
            "it picks the right one in 90 % of the pairs (too few passages for an "
            "interval); by guessing, it would in 50 %.",
        ),
    ],
)
def test_how_surely_two_are_told_apart(apart: dict[str, Any] | None, text: str) -> None:
    part = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 9}
    found = likeness.build(
        {
            "contestants": {"base": part, "tuned": part},
            "told_apart": apart,
            "difference": {"tuned": part},
            "pool_words": 300,
            "answer_words": 100,
            "words": {"speaker": 1200, "others": 34567},
        }
    )
    assert found is not None
    assert found["about"] == (
        "Each passage has 300 words of answers in a row, of each answer at most the first 100. The method learned from "
        "1,200 words of the speaker and 34,567 of the base model and of other people. Topic words are masked."
    )
    assert found["apart"].endswith(text)
    assert len(found["figures"]) == 1
    assert likeness.build({"why": "too little"}) is likeness.build({}) is None
