"""What a number becomes on the page, and which rows are shown: rules by themselves, without a page."""

import hashlib
import subprocess
from collections.abc import Mapping
from typing import Any

import pytest

from lectern.core.schema import Message, PairJudgement, Prediction, Provenance, RubricJudgement
from lectern.evaluation.figure_type import Figure
from lectern.evaluation.rows import AnswerScore, RowScore
from lectern.report import drawing, figures, judgement, links, origin, samples, scores, sources, wording
from lectern.report.inputs import Answers

LOSS = Figure(key="loss", name="Loss", about="", lower_is_better=True)
SHARE = Figure(key="share", name="Share", about="", lower_is_better=False, is_share=True)
WORDS = Figure(key="words", name="Words", about="", digits=0)


def interval(value: float, low: float | None = None, high: float | None = None, n: int = 9) -> dict[str, Any]:
    return {"value": value, "low": low, "high": high, "n": n}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (wording.signed(0.126), "+0.13"),
        (wording.signed(-0.126), "\u22120.13"),
        (wording.signed(-0.001), "0.00"),
        (wording.signed(-7, 0), "\u22127"),
        (wording.signed(0.001, 3), "+0.001"),
        (wording.clock(65), "1:05"),
        (wording.clock(59.9), "0:59"),
        (wording.clock(3600), "1:00:00"),
        (wording.clock(3723), "1:02:03"),
        (wording.percent(0.95), "95 %"),
        (wording.percent(0.995), "99.5 %"),
        (wording.duration(59.4), "59 s"),
        (wording.duration(60), "1.0 min"),
        (wording.duration(3599), "60.0 min"),
        (wording.duration(3600), "1.0 h"),
        (wording.duration(7_200_000), "2,000.0 h"),
        (wording.count(1, "answer"), "1 answer"),
        (wording.count(0, "answer"), "0 answers"),
        (wording.count(1204, "answer"), "1,204 answers"),
        (wording.reason("rejected"), "rejected by a person"),
        (wording.reason("some_thing"), "some thing"),
        (wording.asked("held_out", 1), "1 held-out answer"),
        (wording.asked("dialogues", 2), "2 last answers of held-out dialogues"),
        (wording.asked("talks", 3), "3 answers of talks"),
    ],
)
def test_a_number_is_written_for_people(written: str, expected: str) -> None:
    assert written == expected


@pytest.mark.parametrize(
    ("difference", "places"),
    [(0, 2), (0.79, 2), (12.0, 2), (0.1, 2), (0.099, 3), (-0.012, 3), (0.0012, 4), (0.00001, 4)],
)
def test_a_difference_shows_two_digits_and_at_most_four_decimals(difference: float, places: int) -> None:
    assert wording.places(difference) == places


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (figures.show(LOSS, 1234.567), "1,234.57"),
        (figures.show(LOSS, -0.5), "\u22120.50"),
        (figures.show(SHARE, 0.364), "36 %"),
        (figures.show(WORDS, 12.6), "13"),
        (figures.show_change(SHARE, 0.0995), "+10"),
        (figures.show_change(SHARE, 0.0994), "+9.9"),
        (figures.show_change(SHARE, 0), "0"),
        (figures.show_change(SHARE, -0.5), "\u221250"),
        (figures.show_change(LOSS, -0.126), "\u22120.13"),
        (figures.show_interval(LOSS, interval(1.9, 1.8, 2)), "1.80 to 2.00"),
        (figures.show_interval(SHARE, interval(0.5, 0.36, 0.91)), "36 to 91 %"),
        (figures.show_interval(SHARE, interval(0.5, None, 0.91)), ""),
        (figures.show_interval(SHARE, interval(0.5, 0.1)), ""),
        (figures.show_change_interval(LOSS, interval(0, -0.85, -0.67)), "\u22120.85 to \u22120.67"),
        (figures.show_change_interval(SHARE, interval(0, 0.5, 1)), "+50 to +100 points"),
        (figures.show_change_interval(SHARE, interval(0, None, 1)), ""),
        (figures.show_change_interval(SHARE, interval(0, 0.1)), ""),
    ],
)
def test_a_figure_is_shown_in_its_unit_with_its_interval(written: str, expected: str) -> None:
    assert written == expected


@pytest.mark.parametrize(
    ("figure", "bounds", "told"),
    [
        (LOSS, (-2, -1), ("better", "better")),
        (LOSS, (1, 2), ("worse", "worse")),
        (SHARE, (1, 2), ("better", "better")),
        (LOSS, (-1, 1), ("may be chance", "unclear")),
        (LOSS, (0, 1), ("may be chance", "unclear")),
        (LOSS, (0, 0), ("no difference", "unclear")),
        (LOSS, (None, None), ("no interval", "unknown")),
        (WORDS, (1, 2), ("higher", "neutral")),
        (WORDS, (-2, -1), ("lower", "neutral")),
        (WORDS, (-1, 1), ("may be chance", "unclear")),
    ],
)
def test_a_difference_is_better_only_where_a_direction_is_good(
    figure: Figure, bounds: tuple[float | None, float | None], told: tuple[str, str]
) -> None:
    found = figures.tell(figure, interval(sum(bound or 0 for bound in bounds) / 2, *bounds))
    assert (found["verdict"], found["tone"]) == told


def test_places_in_a_picture_are_percents_of_its_axes() -> None:
    x, y = drawing.scale([0, 4]), drawing.scale([0.0, 1.0])
    assert (x.low, x.high, x.ticks) == (0, 4, (0, 1, 2, 3, 4))
    assert (x.at(0), x.at(1), x.at(4)) == (0, 25, 100)
    assert [y.label(tick) for tick in y.ticks] == ["0.00", "0.25", "0.50", "0.75", "1.00"]
    assert drawing.path(x, y, [(0, 0), (2, 0.75), (4, 1)]) == "M0 100 L50 25 L100 0", "y goes upwards"
    assert drawing.dot(x, interval(1, 0, 2)) == {"at": 25, "low": 0, "high": 50}
    assert drawing.dot(x, {"value": 1}) == {"at": 25, "low": 25, "high": 25}
    assert drawing.scale([3.0, 9.0], from_zero=True).low == 0
    assert drawing.scale([-9.0, -3.0], from_zero=True).high == 0
    assert drawing.scale([3.0, 9.0]).low == 2
    assert drawing.scale([5.0]).ticks == (4, 6, 8, 10)
    assert [drawing._round_up(step) for step in (1, 1.1, 2.1, 2.6, 5.1, 0.3)] == pytest.approx(
        [1, 2, 2.5, 5, 10, 0.5]
    )


@pytest.mark.parametrize(
    ("n", "most", "places"),
    [
        (3, 5, [0, 1, 2]),
        (5, 5, [0, 1, 2, 3, 4]),
        (9, 3, [0, 4, 8]),
        (10, 2, [0, 9]),
        (9, 1, [0]),
        (9, 0, []),
        (0, 3, []),
    ],
)
def test_a_few_are_spread_over_all_with_both_ends(n: int, most: int, places: list[int]) -> None:
    assert drawing.spread(n, most) == places


def score(nll: float | None = None, tokens: int | None = 10, **more: Any) -> AnswerScore:
    plain: dict[str, Any] = {
        "words": 3,
        "distinct1": None,
        "distinct2": None,
        "fourgrams": 0,
        "repeated_fourgrams": 0,
        "copied_words": 0,
        "longest_copy": 0,
        "more": {},
        "finished": True,
        "repeated": False,
    }
    return AnswerScore(**{**plain, "nll": nll, "tokens": None if nll is None else tokens, **more})


def said(name: str, text: str = "So.", *, reference: str | None = "So.", finished: bool = True) -> Prediction:
    asked = [
        Message(role="user", content="First?"),
        Message(role="assistant", content="Yes."),
        Message(role="user", content="Why?"),
    ]
    where = Provenance(item="talk", start=65.0, page=3, row=4, method="m", url="https://example.org")
    return Prediction(
        id="a",
        set="held_out",
        messages=asked,
        prediction=text,
        reference=reference,
        provenance=where,
        nll=None,
        tokens=None,
        finished=finished,
    )


def row(
    base_nll: float | None = None,
    tuned_nll: float | None = None,
    *,
    name: str = "held_out",
    **predictions: Prediction,
) -> Answers:
    both = {**{other: score() for other in predictions}, "base": score(base_nll), "tuned": score(tuned_nll)}
    measured = RowScore(id="a", set=name, item="talk", reference_words=1, reference_bytes=3, answers=both)
    return Answers(measured, {"base": said("base"), "tuned": said("tuned"), **predictions})


def test_the_largest_gains_and_losses_are_shown_and_the_rest_evenly() -> None:
    rows = [row(20.0, 20.0 - gain) for gain in (1, 9, 5, 0, -7, -2, 8, 0, 0, 0)] + [row() for _ in range(6)]
    chosen = samples.choose(rows, 8)
    assert chosen[:4] == [(1, samples.GAIN), (6, samples.GAIN), (4, samples.LOSS), (5, samples.LOSS)]
    # property: the first and the last of the rest are among them, and none comes twice
    assert [at for at, why in chosen if why == samples.EVENLY][:1] == [0]
    assert chosen[-1] == (15, samples.EVENLY)
    assert len({at for at, _ in chosen}) == len(chosen) == 8
    assert samples.choose(rows[:8], 8) == [(at, "") for at in range(8)]
    # property: where nothing was gained, nothing is shown as a gain
    assert [why for _, why in samples.choose([row(20.0, 21.0) for _ in range(9)], 8)].count(samples.GAIN) == 0


def test_a_gain_is_by_the_token_and_needs_both_likelihoods() -> None:
    assert row(20.0, 15.0).gain == 0.5
    assert row(None, 15.0).gain is row(20.0, None).gain is None
    assert score(20.0, tokens=0).nats_per_token is None
    assert score(20.0).model_copy(update={"tokens": None}).nats_per_token is None
    # by the token the second gains most, though the first has the larger sum
    long = row()
    long.score.answers["base"], long.score.answers["tuned"] = (
        score(200.0, tokens=100),
        score(190.0, tokens=100),
    )
    none = row()
    none.score.answers["tuned"] = score(1.0, tokens=0)
    rows = [long, row(20.0, 15.0), row(None, 1.0), row(20.0, None), none, *(row() for _ in range(6))]
    chosen = dict(samples.choose(rows, 8))
    assert [at for at, why in chosen.items() if why == samples.GAIN] == [1, 0]
    assert samples.LOSS not in chosen.values()


def built(rows: list[Answers], count: int, **judged: Any) -> list[dict[str, Any]]:
    chosen: dict[str, Any] = {"judge": {}, "pairs": {}, "rubric": {}, **judged}
    return samples.build(rows, "held_out", count, **chosen)


def test_other_sets_show_a_quarter_as_many_after_the_headline() -> None:
    rows = [row(name=name) for name in ("talks",) * 9 + ("held_out",) * 4 + ("dialogues",) * 2]
    found = built(rows, 5)
    assert [(one["name"], one["of"], len(one["samples"])) for one in found] == [
        ("held-out answers", 4, 4),
        ("held-out dialogues", 2, 2),
        ("talks", 9, 2),
    ]
    assert [one["how"] for one in found] == ["", "", f"2 {samples.EVENLY}"]
    assert built(rows, 0) == []


def test_a_sample_says_where_it_comes_from_and_who_said_what() -> None:
    [found] = built([row(20.0, 15.0, other=said("other", " ", finished=False))], 5)
    [sample] = found["samples"]
    assert (sample["where"], sample["link"]) == ("talk, 1:05, page 3, line 4", "https://example.org")
    assert (sample["question"]["text"], [one["role"] for one in sample["earlier"]]) == (
        "Why?",
        ["user", "assistant"],
    )
    assert [(one["name"], one["side"], one["empty"], one["finished"]) for one in sample["answers"]] == [
        ("base", "base", False, True),
        ("tuned", "tuned", False, True),
        ("other", "other", True, False),
    ]
    assert [one["figures"] for one in sample["answers"]] == [
        "2.00 nats per token · 3 words",
        "1.50 nats per token · 3 words",
        "3 words",
    ]
    shown = samples._answer("tuned", said("tuned"), score(rougeL=0.5, words=1, longest_copy=7), None)
    assert shown["figures"] == "ROUGE-L 0.50 · 1 word · 7 copied in a run"


def test_without_a_true_answer_both_are_compared_with_each_other() -> None:
    both = {
        name: said(name, text, reference=None)
        for name, text in (("base", "A."), ("tuned", "B."), ("other", "C."))
    }
    answers = row(**both)
    assert {name: samples._compared_with(name, answers) for name in both} == {
        "base": "B.",
        "tuned": "A.",
        "other": "B.",
    }
    assert samples._compared_with("base", row()) == "So."


def judged(
    forward: Any, backward: Any, a: str = "tuned", b: str = "base", reasons: tuple[str, ...] = ("It is.",)
) -> PairJudgement:
    return PairJudgement(
        id="a", set="held_out", a=a, b=b, forward=forward, backward=backward, reasons=list(reasons)
    )


@pytest.mark.parametrize(
    ("found", "text", "reason"),
    [
        ([judged("a", "a")], "prefers tuned", "It is."),
        ([judged("b", "b")], "prefers base", "It is."),
        ([judged("a", "b")], "changes its mind with the order", "It is."),
        ([judged("tie", "tie")], "sees a tie", "It is."),
        ([judged("tie", "a")], "changes its mind with the order", "It is."),
        ([judged(None, "a")], "gave no usable reply", ""),
        ([judged("a", "a", reasons=())], "prefers tuned", ""),
        ([judged("a", "a", a="other"), judged("b", "b")], "prefers base", "It is."),
    ],
)
def test_a_verdict_is_of_base_and_tuned_in_both_orders(
    found: list[PairJudgement], text: str, reason: str
) -> None:
    assert samples._verdict(found) == {"text": text, "reason": reason}
    assert samples._verdict([judged("a", "a", a="other")]) is samples._verdict([]) is None


def test_a_rating_is_of_five_or_no_reply() -> None:
    made = RubricJudgement(id="a", set="s", contestant="base", score=4, reason="Good.")
    assert samples._rating(made) == {"score": "4 of 5", "reason": "Good."}
    assert samples._rating(made.model_copy(update={"score": None, "reason": None})) == {
        "score": "no usable reply",
        "reason": "",
    }
    assert samples._rating(None) is None


@pytest.mark.parametrize(
    ("url", "linked"),
    [
        ("https://example.org/a", True),
        ("http://a", True),
        ("javascript:alert(1)", False),
        ("https:///x", False),
        ("//example.org", False),
        ("http://[bad", False),
        ("", False),
        (None, False),
    ],
)
def test_only_a_page_of_the_web_is_linked(url: str | None, linked: bool) -> None:
    assert links.web_link(url) == (url if linked else None)


def pairs(**more: Any) -> dict[str, Any]:
    return {"wins": 5, "ties": 2, "losses": 3, "win_rate": interval(0.6, 0.4, 0.8, 10), **more}


def test_a_judge_is_trusted_by_what_is_recorded_of_it() -> None:
    judge = {"pairs": {"tuned_vs_base": {"held_out": pairs()}}, "trusted": {"pairs": True, "rubric": False}}
    assert judgement.find_trusted(judge, "held_out") == pairs()
    assert judgement.find_trusted(judge, "talks") is None
    assert judgement.find_trusted({**judge, "trusted": {"rubric": True}}, "held_out") is None
    assert judgement.find_trusted({**judge, "trusted": {}}, "held_out") is None
    assert judgement.find_trusted({"trusted": {"pairs": True}}, "held_out") is None
    empty = {"pairs": {"tuned_vs_base": {"held_out": pairs(win_rate=None)}}, "trusted": {"pairs": True}}
    assert judgement.find_trusted(empty, "held_out") is None
    assert judgement.build({}) is None


def shown_pairs(name: str, part: dict[str, Any]) -> dict[str, Any]:
    """One set's pairs as the report shows them."""
    found = judgement.build({"model": "m", "pairs": {judgement.PAIR: {name: part}}})
    assert found is not None
    [shown] = found["kinds"][0]["pairs"]
    return dict(shown)


def test_pairs_are_shown_with_their_ties_flips_and_useless_replies() -> None:
    found = shown_pairs(
        "held_out", pairs(flip_rate=interval(0.25, 0.1, 0.5), same=2, malformed=1, no_reply=3)
    )
    assert (found["set"], found["n"], found["rate"], found["interval"]) == (
        "held-out answers",
        "10 pairs",
        "60 %",
        "40 to 80 %",
    )
    assert found["parts"] == [{"name": "wins", "n": 5}, {"name": "ties", "n": 2}, {"name": "losses", "n": 3}]
    assert (found["verdict"], found["flips"]) == ("may be chance", "25 %")
    assert found["notes"] == ["2 of the ties are identical answers", "1 malformed", "3 without a reply"]
    sure = shown_pairs("talks", pairs(win_rate=interval(0.9, 0.8, 1.0), same=0, malformed=0))
    assert (sure["verdict"], sure["flips"], sure["notes"]) == ("", "", [])
    none = shown_pairs("talks", pairs(win_rate=None))
    assert (none["rate"], none["interval"], none["verdict"]) == ("", "", "")


def test_the_headline_set_is_judged_first_and_the_others_by_name() -> None:
    sets = ["talks", "a set", "held_out", "dialogues"]
    found = judgement.build(
        {
            "pairs": {judgement.PAIR: {name: pairs() for name in sets}},
            "rubric": {name: {"base": {"score": interval(2.0)}} for name in sets},
        }
    )
    assert found is not None
    order = ["held-out answers", "a set", "held-out dialogues", "talks"]
    assert [[one["set"] for one in kind["pairs"]] for kind in found["kinds"]] == [order, []]
    assert [[one["set"] for one in kind["rubric"]] for kind in found["kinds"]] == [[], order]


def test_a_rubric_shows_base_and_tuned_first_and_a_verdict_only_of_a_trusted_judge() -> None:
    part = {
        "other": {"score": interval(3.0)},
        "tuned": {"score": interval(4.0, 3.5, 4.5), "histogram": {"4": 6, "5": 3}},
        "base": {"score": interval(2.0)},
        "unrated": {"score": None},
        "difference": interval(2.0, 1.0, 3.0),
    }
    found = judgement._rubric("held_out", part, trusted=True)
    assert [one["name"] for one in found["contestants"]] == ["base", "tuned", "other"]
    assert [one["side"] for one in found["contestants"]] == ["base", "tuned", "other"]
    assert (found["change"], found["change_interval"], found["verdict"]) == (
        "+2.00",
        "+1.00 to +3.00",
        "better",
    )
    assert judgement._rubric("held_out", part, trusted=False)["verdict"] == ""
    assert judgement._rubric("held_out", {"base": part["base"]}, trusted=True)["change"] == ""
    bars = found["contestants"][1]["bars"]
    assert [(bar["score"], bar["n"], bar["height"]) for bar in bars] == [
        (1, 0, 0),
        (2, 0, 0),
        (3, 0, 0),
        (4, 6, 100),
        (5, 3, 50),
    ]
    assert {bar["height"] for bar in judgement._bars({})} == {0}


def test_calibration_is_shown_where_something_was_judged() -> None:
    assert judgement._calibration({"judged": 0, "labels": 5}) is None
    people: Mapping[str, Any] = {"kappa": interval(0.5, n=7)}
    found = judgement._calibration(
        {
            "judged": 4,
            "labels": 5,
            "kappa": interval(0.61, 0.5, 0.7),
            "tpr": {"value": None},
            "people": people,
        }
    )
    assert found is not None
    assert found["on"] == "4 labels of 5 judged"
    assert [(one["text"], one["interval"]) for one in found["rows"]] == [("0.61", "0.50 to 0.70")]
    assert found["people"] == "People agree with one another by kappa 0.50 (n 7)."
    alone = judgement._calibration({"judged": 1, "labels": 1, "people": {"by": 1, "kappa": None}})
    assert alone is not None
    assert alone["people"] == ""


@pytest.mark.parametrize(
    ("contestant", "shown"),
    [
        ({}, ""),
        ({"model": ""}, ""),
        ({"model": "org/a"}, "org/a"),
        ({"model": "org/a", "revision": "f" * 40}, "org/a at fffffffffff"),
        ({"model": "org/a", "revision": None}, "org/a"),
    ],
)
def test_a_model_is_named_with_its_revision(contestant: dict[str, Any], shown: str) -> None:
    assert scores.describe_model(contestant) == shown


def test_tiles_are_of_the_main_figures_and_of_a_judge_that_is_trusted() -> None:
    both = {
        "base": {"nll": interval(4.5), "words": interval(9)},
        "tuned": {"nll": interval(3.8), "words": interval(8)},
    }
    measured = {**both, "difference": {"nll": interval(-0.7, -0.8, -0.6), "words": interval(-1)}}
    [tile] = scores.build_tiles(measured, None)
    assert (tile["base"], tile["tuned"], tile["change"], tile["verdict"]) == (
        "4.50",
        "3.80",
        "\u22120.70",
        "better",
    )
    win = scores.build_tiles(measured, pairs(win_rate=interval(0.7, 0.6, 0.8, 1200)))[1]
    assert (win["name"], win["tuned"], win["change"], win["verdict"]) == (
        "Preferred by the judge, of 1,200",
        "70 %",
        "60 to 80 %",
        "better",
    )
    few = scores.build_tiles(measured, pairs(win_rate=interval(0.7, n=3)))[1]
    assert (few["change"], few["tone"]) == ("ties count half", "unknown")


def test_a_table_shows_ten_recordings_and_one_line_for_the_rest() -> None:
    spoken = [
        sources.Spoken(f"talk-{n:02}", f"Talk {n}", 100.0 + n, {"joe": ("guest", 50.0)}) for n in range(12)
    ]
    metrics: dict[str, dict[str, Any]] = {
        name: {} for name in ("curation", "transcripts", "conversations", "documents")
    }
    for count, last in ((10, "Talk 0"), (12, "2 other recordings")):
        found = sources.build(spoken[:count], metrics)
        assert found is not None
        assert len(found["rows"]) == (10 if count == 10 else 11)
        assert found["rows"][-1]["name"] == last


def test_a_machine_that_allows_no_sha1_for_security_still_names_a_file_as_git_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # As OpenSSL does where FIPS is in force. Git names a blob by SHA-1 and means no security by it.
    sha1 = hashlib.sha1

    def strict(data: bytes, *, usedforsecurity: bool = True) -> Any:
        if usedforsecurity:
            raise ValueError("[digital envelope routines] unsupported")
        return sha1(data, usedforsecurity=False)

    monkeypatch.setattr(hashlib, "sha1", strict)
    for content in (b"", b"{}\n", "ä\0\r\n".encode()):
        named = subprocess.run(
            ["git", "hash-object", "--stdin"], input=content, capture_output=True, check=True
        )
        assert origin.git_name(content) == named.stdout.decode().strip()


def test_a_library_that_is_not_installed_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(origin, "LIBRARIES", ("numpy", "no-such-library", "dvc"))
    assert [name for name, _ in origin.list_versions()] == ["Python", "numpy", "dvc"]
