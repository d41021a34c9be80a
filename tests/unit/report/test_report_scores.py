"""The sets of questions in the report: each figure's picture, the tables of other contestants, and what is left out."""

from typing import Any

import pytest

from lectern.evaluation.answer_figures import FIGURES
from lectern.report import scores


def interval(
    value: float, low: float | None = None, high: float | None = None, n: int = 1200
) -> dict[str, Any]:
    return {"value": value, "low": low, "high": high, "n": n}


def measured(**more: Any) -> dict[str, Any]:
    return {
        "rows": 10,
        "recordings": 1,
        "resampled": "recordings",
        "confidence": 0.9,
        "base": {"nll": interval(4.0, 3.5, 4.5), "finished": interval(0.5), "words": interval(8)},
        "tuned": {"nll": interval(3.0), "finished": interval(0.75, 0.25, 1.0), "rougeL": interval(0.5)},
        "difference": {
            "nll": interval(-1.0, -1.5, -0.5),
            "finished": interval(0.25, 0.1, 0.4),
            "rougeL": interval(0.1),
        },
        **more,
    }


def figures(found: dict[str, Any]) -> dict[str, Any]:
    return {figure["name"]: figure for group in found["groups"] for figure in group["figures"]}


def test_a_picture_has_a_lane_for_each_contestant_and_a_line_for_the_reference() -> None:
    other = {"nll": interval(2.0), "finished": interval(0.25), "rougeL": interval(0.25)}
    comparators = {
        "zero": {
            "scores": other,
            "difference": {"finished": interval(0.5, 0.4, 0.6), "rougeL": interval(0.25)},
        },
        "also": {"scores": {"nll": interval(1.0)}, "difference": {"nll": interval(2.0, 1.0, 3.0)}},
    }
    [found] = scores.build_sets(
        measured(comparators=comparators, reference={"finished": interval(1.0)}), {"zero": {"model": "org/z"}}
    )
    assert {key: found[key] for key in ("name", "rows", "on", "drawn", "confidence", "cleaned")} == {
        "name": "held-out answers",
        "rows": 10,
        "on": "10 held-out answers from 1 source",
        "drawn": "whole sources",
        "confidence": "90 %",
        "cleaned": [],
    }
    assert [(group["name"], len(group["figures"])) for group in found["groups"]] == [
        ("Likelihood", 1),
        ("Health", 1),
    ]
    loss, finished = figures(found).values()
    # a likelihood by other tokens cannot be compared, so zero has no lane there
    assert [
        (lane["name"], lane["side"], lane["y"], lane["text"], lane["interval"]) for lane in loss["lanes"]
    ] == [
        ("base", "base", 16, "4.00", "3.50 to 4.50"),
        ("tuned", "tuned", 40, "3.00", ""),
        ("also", "other", 64, "1.00", ""),
    ]
    assert (loss["height"], loss["reference"], loss["n"]) == (80, None, "1,200")
    assert [tick["text"] for tick in loss["ticks"]] == ["0", "2", "4", "6"]
    assert (loss["lanes"][0]["at"], loss["lanes"][0]["low"], loss["lanes"][0]["high"]) == (66.67, 58.33, 75.0)
    assert (loss["change"], loss["change_interval"], loss["verdict"], loss["tone"]) == (
        "\u22121.00",
        "\u22121.50 to \u22120.50",
        "better",
        "better",
    )
    assert [lane["name"] for lane in finished["lanes"]] == ["base", "tuned", "zero"]
    assert finished["reference"] == {"at": 100.0, "text": "100 %", "interval": ""}
    assert [tick["text"] for tick in finished["ticks"]] == ["0 %", "25 %", "50 %", "75 %", "100 %"]
    assert (finished["change"], finished["change_interval"]) == ("+25", "+10 to +40 points")
    assert found["summary"][0]["text"] == f"{FIGURES['nll'].name} \u22121.00"
    also, zero = found["comparators"]
    assert (also["name"], also["about"], zero["name"], zero["about"]) == ("also", "", "zero", "org/z")
    assert [
        (row["name"], row["values"][0]["text"], row["values"][1]["text"], row["change"], row["verdict"])
        for row in zero["rows"]
    ] == [
        (FIGURES["nll"].name, "2.00", "3.00", "", "other tokens"),
        (FIGURES["rougeL"].name, "0.250", "0.500", "+0.250", "no interval"),
        (FIGURES["finished"].name, "25 %", "75 %", "+50", "better"),
    ]
    assert also["rows"][0]["change_interval"] == "+1.00 to +3.00"
    assert also["rows"][0]["verdict"] == "worse"


@pytest.mark.parametrize(("value", "last"), [(0.5, "60 %"), (0.51, "100 %"), (0.02, "2 %")])
def test_a_share_above_one_half_is_shown_against_the_whole(value: float, last: str) -> None:
    lanes = {side: {"finished": interval(value)} for side in ("base", "tuned")}
    [found] = scores.build_figures([FIGURES["finished"]], lanes, {"finished": interval(0.0, 0.0, 0.0)})
    assert found["ticks"][-1]["text"] == last
    assert found["verdict"] == "no difference"


def test_the_headline_set_comes_first_and_the_others_by_name() -> None:
    sets = {"talks": measured(rows=3, resampled="rows"), "dialogues": measured(rows=1), "a set": measured()}
    found = scores.build_sets(measured(sets=sets), {})
    assert [one["name"] for one in found] == ["held-out answers", "a set", "held-out dialogues", "talks"]
    assert [one["on"] for one in found[1:]] == [
        "10 answers of a set from 1 source",
        "1 last answer of held-out dialogues from 1 source",
        "3 answers of talks from 1 source",
    ]
    assert [one["drawn"] for one in found] == ["whole sources", "whole sources", "whole sources", "answers"]
    [alone] = scores.build_sets(measured(set="talks"), {})
    assert alone["name"] == "talks"


def test_cleaned_answers_stand_beside_those_before() -> None:
    after = {"finished": interval(1.0), "words": interval(6)}
    cleaned = {
        side: {"scores": after, "difference": {"finished": interval(0.5), "rougeL": interval(0.0)}}
        for side in ("tuned", "other")
    }
    comparators = {"other": {"scores": {"finished": interval(0.25)}, "difference": {}}}
    [found] = scores.build_sets(measured(cleaned=cleaned, comparators=comparators), {})
    other, tuned = found["cleaned"]
    assert (other["name"], tuned["name"]) == ("other", "tuned")
    assert [[value["text"] for value in row["values"]] for row in tuned["rows"]] == [
        ["0.500", ""],
        ["75 %", "100 %"],
    ]
    assert [[value["text"] for value in row["values"]] for row in other["rows"]] == [
        ["", ""],
        ["25 %", "100 %"],
    ]
    [same] = [row for row in found["comparators"][0]["rows"]]
    assert (same["verdict"], same["tone"]) == ("not compared", "unknown")


@pytest.mark.parametrize(
    ("difference", "text"),
    [
        (
            {"rougeL": interval(0.1, 0.05, 0.2), "similarity": interval(-0.2, -0.3, -0.1)},
            ("similarity", "\u22120.200", "worse"),
        ),
        ({"rougeL": interval(0.1, 0.05, 0.2), "length_ratio": interval(1.0)}, ("rougeL", "+0.100", "better")),
        ({"length_ratio": interval(0.5, 0.25, 0.75)}, ("length_ratio", "+0.50", "higher")),
        ({"words": interval(1.0)}, None),
    ],
)
def test_without_a_likelihood_another_figure_sums_a_set_up(
    difference: dict[str, Any], text: tuple[str, str, str] | None
) -> None:
    [found] = scores.build_sets(measured(difference=difference), {})
    if text is None:
        assert found["summary"] == []
        return
    key, change, verdict = text
    assert (found["summary"][0]["text"], found["summary"][0]["verdict"]) == (
        f"{FIGURES[key].name} {change}",
        verdict,
    )
