"""The sentences and tables of the report from figures that are written here, word by word."""

from typing import Any

import pytest

from lectern.report import drawing, funnel, judgement, selection, sources, wording


def interval(value: float, low: float | None = None, high: float | None = None, n: int = 9) -> dict[str, Any]:
    return {"value": value, "low": low, "high": high, "n": n}


def scores(
    value: float | None, low: float | None = None, high: float | None = None, **more: Any
) -> dict[str, Any]:
    measured = {} if value is None else {"nll": interval(value, low, high)}
    return {
        "rows": 10,
        "recordings": 2,
        "confidence": 0.95,
        "resamples": 1000,
        "resampled": "rows",
        "difference": measured,
        "base": {"nll": interval(4.5)},
        "tuned": {"nll": interval(4.5 + (value or 0))},
        **more,
    }


@pytest.mark.parametrize(
    ("found", "title"),
    [
        (
            scores(-0.7, -0.8, -0.6),
            "Tuning brings the model closer to the true answers of sources that it never saw",
        ),
        (
            scores(0.012, 0.01, 0.02),
            "Tuning takes the model further from the true answers of sources that it never saw",
        ),
        (
            scores(-0.7, -0.8, 0.0),
            "The tuned model and the base cannot be told apart on answers of sources that it never saw",
        ),
        (
            scores(0.7, 0.0, 0.8, set="talks"),
            "The tuned model and the base cannot be told apart on answers of talks",
        ),
        (scores(-0.7), "10 held-out answers are too few to tell what the tuning did"),
        (
            scores(-0.7, rows=1, set="dialogues"),
            "1 last answer of held-out dialogues is too few to tell what the tuning did",
        ),
        (
            scores(-0.7, -1.0, -0.1, set="dialogues"),
            "Tuning brings the model closer to the true answers of sources that it never saw",
        ),
        (scores(None), "10 answers without a likelihood by which the models could be compared"),
    ],
)
def test_the_title_says_no_more_than_the_interval(found: dict[str, Any], title: str) -> None:
    assert wording.title(found) == title


ON = (
    "On 10 held-out answers from 2 sources the tuned model's negative log-likelihood is {} nats per token against {} "
    "for the base: "
)


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (scores(-0.7, -0.8, -0.6), ON.format("3.80", "4.50") + "0.70 lower (95 % interval 0.60 to 0.80)."),
        (
            scores(0.7, 0.6, 0.8),
            ON.format("5.20", "4.50")
            + "0.70 higher (95 % interval 0.60 to 0.80), so the tuning made it worse.",
        ),
        (
            scores(-0.01, -0.03, 0.01),
            ON.format("4.490", "4.500")
            + "0.010 lower, which may well be chance (95 % interval from 0.030 lower to 0.010 higher).",
        ),
        (
            scores(0.0, 0.0, 0.4),
            ON.format("4.50", "4.50")
            + "no different, which may well be chance (95 % interval from no different to 0.40 higher).",
        ),
        (
            scores(-0.0123, -0.0123, -0.0123),
            ON.format("4.488", "4.500") + "0.012 lower (95 % interval 0.012 to 0.012).",
        ),
        (
            scores(-0.7, None, 1.0),
            ON.format("3.80", "4.50") + "0.70 lower, with too few rows for an interval.",
        ),
        (
            scores(None),
            "The tuned model and the base gave 10 held-out answers from 2 sources, but there are no true "
            "answers to measure a likelihood of.",
        ),
    ],
)
def test_the_headline_gives_both_values_the_difference_and_how_sure_it_is(
    found: dict[str, Any], text: str
) -> None:
    assert wording.headline(found) == text


def rate(value: float, low: float | None, high: float | None) -> dict[str, Any]:
    return {"win_rate": interval(value, low, high), "wins": 5, "ties": 2, "losses": 1003}


KAPPA = {"kappa": interval(0.612, n=1)}
JUDGE = "The judge, whose agreement with people is kappa 0.61 on 1 label, "


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (
            rate(0.62, 0.51, 0.7),
            "prefers the tuned model: the tuned one wins 62 % of 1,010 pairs (51 to 70 %), where a tie "
            "counts half.",
        ),
        (
            rate(0.3, 0.05, 0.49),
            "prefers the base: the tuned one wins 30 % of 1,010 pairs (5.0 to 49 %), where a tie counts "
            "half.",
        ),
        (
            rate(0.6, 0.5, 0.7),
            "does not clearly prefer either model: the tuned one wins 60 % of 1,010 pairs (50 to 70 %), "
            "where a tie counts half.",
        ),
        (
            rate(0.4, 0.3, 0.5),
            "does not clearly prefer either model: the tuned one wins 40 % of 1,010 pairs (30 to 50 %), "
            "where a tie counts half.",
        ),
        (rate(0.6, None, 0.7), "compared 1,010 pairs, too few for an interval."),
        (rate(0.6, 0.5, None), "compared 1,010 pairs, too few for an interval."),
    ],
)
def test_what_a_judge_prefers_is_said_with_its_agreement(found: dict[str, Any], text: str) -> None:
    assert wording.preference(found, KAPPA) == JUDGE + text


def test_why_figures_are_grey_and_how_intervals_were_made() -> None:
    grey = " Its figures are therefore grey, and no headline uses them."
    assert wording.distrust(None) == "This judge has not been compared with people." + grey
    assert wording.distrust("agrees too little") == "This judge agrees too little." + grey
    assert wording.method(scores(0.1, resampled="recordings")) == (
        "The intervals say how far the figures would move if other sources were held out (95 % bootstrap, 1,000 paired "
        "draws of whole sources, percentiles, widened for few answers)."
    )
    assert wording.method(scores(0.1)) == (
        "The intervals say how far the figures would move with other questions about the same sources (95 % bootstrap, "
        "1,000 paired draws of the answers, percentiles, widened for few answers). With only 2 sources held out, they "
        "cannot say how far other sources would move them."
    )


def test_how_to_read_the_report_says_what_the_title_does_not() -> None:
    said = wording.lead(scores(-0.7, -0.8, -0.6, confidence=0.9))
    assert said.startswith(
        "The model was shown 10 held-out answers from 2 sources (recordings or documents) that the training never "
    )
    assert "Nobody counted whether its own answers are right" in said
    assert "in about 90 of 100 such measurements" in said
    # property: a set of people's questions may be about what was trained
    assert "never saw" not in wording.lead(scores(-0.7, -0.8, -0.6, set="talks"))
    assert wording.lead(scores(None)) == wording.headline(scores(None))


@pytest.mark.parametrize(
    ("low", "high", "lower_is_better", "verdict"),
    [
        (-2, -1, True, "better"),
        (-2, -1, False, "worse"),
        (1, 2, True, "worse"),
        (1, 2, False, "better"),
        (0, 1, True, "unclear"),
        (-1, 0, False, "unclear"),
        (None, 1, True, "unknown"),
        (1, None, True, "unknown"),
        (None, 1, False, "unknown"),
        (1, None, False, "unknown"),
    ],
)
def test_an_interval_that_holds_zero_decides_nothing(
    low: Any, high: Any, lower_is_better: bool, verdict: str
) -> None:
    assert wording.judge({"low": low, "high": high}, lower_is_better) == verdict
    if not lower_is_better:
        shifted = {key: None if end is None else end + 0.5 for key, end in (("low", low), ("high", high))}
        assert wording.judge_rate(shifted) == verdict


@pytest.mark.parametrize(
    ("text", "characters", "lines", "shown", "more"),
    [
        ("abc", 3, 40, "abc", ""),
        ("abcd", 3, 40, "abc", "1 more character"),
        ("abc  \n ", 3, 40, "abc", ""),
        ("a\nb\nc", 99, 2, "a\nb", "2 more characters"),
        ("a\nb\n", 99, 2, "a\nb", ""),
        ("x" * 1300, 100, 40, "x" * 100, "1,200 more characters"),
        ("", 3, 40, "", ""),
    ],
)
def test_a_long_text_says_how_much_is_not_shown(
    text: str, characters: int, lines: int, shown: str, more: str
) -> None:
    assert wording.shorten(text, characters, lines) == {"text": shown, "more": more}


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.36, "36 %"), (0.025, "2.5 %"), (0.0995, "10 %"), (0.0994, "9.9 %"), (0, "0 %"), (1, "100 %")],
)
def test_a_share_has_no_more_digits_than_it_deserves(value: float, text: str) -> None:
    assert wording.share(value) == text


def test_a_name_in_a_table_is_one_short_line() -> None:
    assert wording.short("a\nb") == "a b"
    assert wording.short("x" * 90) == "x" * 90
    cut = wording.short("x" * 91)
    assert (len(cut), cut[-1]) == (90, "…")
    assert wording.plain("near_duplicate_row") == "near duplicate row"


METRICS: dict[str, Any] = {
    "examples": {
        "items": 2,
        "rows": 1200,
        "by_method": {"questions": {"rows": 900}, "dialogue": 300},
        "dropped": {"no_questions": 1, "short_answer": 4, "no_answer": 0, "no_dialogue": 0},
    },
    "curation": {
        "rows_in": 1300,
        "rows_out": 600,
        "items_in": 3,
        "items_out": 2,
        "dropped": {"near_duplicate": 700, "language": 0},
        "by_method": {
            "questions": {"in": 900, "out": 500},
            "dialogue": {"in": 300, "out": 60, "dropped": {"language": 2, "leak": 1}},
            "qa_pairs": {"in": 100, "out": 40},
        },
        "corrections": {"accept": 1, "reject": 1002, "unmatched": ["x"]},
        "ratings": {"rated": 90, "failed": 10},
    },
    "leakage": {
        "rows": {"test": 50, "train": 500, "validation": 40},
        "items": {"train": 1, "test": 2},
        "leaks_total": 3,
        "dropped": {"exact": 7, "near": 3},
    },
    "preflight": {
        "train": {
            "rows": 490,
            "trained_tokens": 12345,
            "examples_divided": 5,
            "chunks": 12,
            "dropped_too_long": 6,
        },
        "validation": {"rows": 40, "dropped_too_long": 1},
        "max_length": 512,
    },
}


def test_the_steps_of_the_rows_and_what_each_dropped() -> None:
    steps = funnel.build(METRICS)
    assert steps == [
        {
            "name": "Found",
            "rows": 1200,
            "text": "1,200",
            "parts": [],
            "width": 92.31,
            "notes": [
                "from 2 sources",
                "300 by dialogue",
                "900 by questions",
                "1 recording in which no question was found",
            ],
            "dropped": [{"rows": "4", "reason": "an answer with too few words"}],
        },
        {
            "name": "Gathered",
            "rows": 1300,
            "text": "1,300",
            "parts": [],
            "width": 100.0,
            "dropped": [],
            "notes": ["with those from text", "100 by qa pairs"],
        },
        {
            "name": "Kept",
            "rows": 600,
            "text": "600",
            "parts": [],
            "width": 46.15,
            "notes": [
                "from 2 of 3 sources",
                "1 accepted by people",
                "1,002 rejected by people",
                "1 correction of rows that no longer exist",
                "90 of 100 rated by the judge",
            ],
            "dropped": [{"rows": "700", "reason": "nearly the same words as a row that was kept"}],
        },
        {
            "name": "Split",
            "rows": 590,
            "text": "590",
            "width": 45.38,
            "parts": [
                {"name": "train", "rows": 500},
                {"name": "validation", "rows": 40},
                {"name": "test", "rows": 50},
            ],
            "notes": [
                "train 500 from 1 source",
                "validation 40 from 0 sources",
                "test 50 from 2 sources",
                "leaks found and left out",
            ],
            "dropped": [{"rows": "10", "reason": "the same as a held-out row"}],
        },
        {
            "name": "Rendered",
            "rows": 530,
            "text": "530",
            "parts": [],
            "width": 40.77,
            "notes": ["train 490 (12,345 trained tokens)", "5 cut into 12 rows"],
            "dropped": [{"rows": "7", "reason": "longer than the limit of the training"}],
        },
    ]


def test_steps_that_were_not_run_are_left_out() -> None:
    none: dict[str, Any] = {name: {} for name in METRICS}
    assert funnel.build(none) == []
    [step] = funnel.build({**none, "leakage": {"rows": {"train": 0}}})
    assert (step["width"], step["notes"], step["dropped"]) == (
        0.0,
        ["train 0 from 0 sources", "no leak between them"],
        [],
    )
    [step] = funnel.build({**none, "curation": {**METRICS["curation"], "corrections": {}, "ratings": {}}})
    assert (step["name"], step["notes"]) == ("Kept", ["from 2 of 3 sources"])
    [step] = funnel.build({**none, "preflight": {"train": {"rows": 3}}})
    assert (step["notes"], step["dropped"]) == (["train 3 (0 trained tokens)"], [])


def test_what_was_kept_is_told_by_method_and_by_source() -> None:
    by_item = {f"talk-{n:02}": {"in": 20, "out": 20 - n, "dropped": {"leak": n, "a": 1}} for n in range(14)}
    methods, items = selection.build({**METRICS["curation"], "by_item": by_item})
    assert methods == {
        "title": "method",
        "rows": [
            {"name": "dialogue", "in": "300", "out": "60", "dropped": "2 language; 1 leak"},
            {"name": "qa pairs", "in": "100", "out": "40", "dropped": ""},
            {"name": "questions", "in": "900", "out": "500", "dropped": ""},
        ],
    }
    assert items["title"] == "source"
    assert [row["name"] for row in items["rows"]] == [
        *(f"talk-{n:02}" for n in range(13, 1, -1)),
        "2 other sources",
    ]
    assert items["rows"][0] == {"name": "talk-13", "in": "20", "out": "7", "dropped": "13 leak; 1 a"}
    assert items["rows"][-1] == {"name": "2 other sources", "in": "40", "out": "39", "dropped": "2 a; 1 leak"}
    assert selection.build({"dropped": {"leak": 0}, "by_method": METRICS["curation"]["by_method"]}) == []
    assert selection.build({"dropped": {"leak": 1}}) == []
    twelve = {name: by_item[name] for name in sorted(by_item)[:12]}
    [table] = selection.build({"dropped": {"leak": 1}, "by_item": twelve})
    assert len(table["rows"]) == 12


def test_recordings_are_listed_by_length_with_who_speaks_how_long() -> None:
    speakers = {name: ("guest" if n else "host", 10.0 * (6 - n)) for n, name in enumerate("abcdef")}
    spoken = [sources.Spoken("x", "", 60.0, {}), sources.Spoken("y", "A talk", 3600.0, speakers)]
    spoken += [sources.Spoken(f"z{n:02}", f"Z {n}", 10.0, {}) for n in range(10)]
    metrics: dict[str, Any] = {
        "curation": {"by_item": {"y": {"out": 1200}, "z08": {"out": 2}, "z09": {"out": 3}}},
        "conversations": {"items": 1, "hours": 1.5, "speakers": {"host": 1, "guest": 2}},
        "transcripts": {"words": 5000, "languages": {"en": 1, "de": 2}},
        "documents": {"documents": 2, "words": 1234},
    }
    found = sources.build(spoken, metrics)
    assert found is not None
    assert [row["name"] for row in found["rows"]] == [
        "A talk",
        "x",
        *(f"Z {n}" for n in range(8)),
        "2 other recordings",
    ]
    first, second, *_, last = found["rows"]
    assert (first["length"], first["rows"], second["rows"]) == ("1.0 h", "1,200", "0")
    assert first["speakers"] == [
        {"name": "a", "role": "host", "time": "1.0 min", "width": 28.57},
        {"name": "b", "role": "guest", "time": "50 s", "width": 23.81},
        {"name": "c", "role": "guest", "time": "40 s", "width": 19.05},
        {"name": "d", "role": "guest", "time": "30 s", "width": 14.29},
        {"name": "2 others", "role": "", "time": "30 s", "width": 14.29},
    ]
    assert last == {"name": "2 other recordings", "length": "20 s", "speakers": [], "rows": "5"}
    assert found["notes"] == [
        "1 recording, 1.5 h",
        "speakers by role: 2 guest, 1 host",
        "5,000 words heard (2 de, 1 en)",
        "2 documents with 1,234 words",
    ]
    bare: dict[str, Any] = {name: {} for name in metrics}
    assert sources.build([], bare) is None
    assert sources.build([], {**bare, "transcripts": {"words": 1}}) == {
        "rows": [],
        "notes": ["1 words heard"],
    }
    alone = sources.build(spoken[:1], bare)
    assert alone is not None
    assert alone["rows"] == [{"name": "x", "length": "1.0 min", "speakers": [], "rows": ""}]


def test_each_threshold_of_the_curations_judge_says_what_it_keeps() -> None:
    def point(threshold: float, kappa: float | None, kept: float) -> dict[str, Any]:
        return {
            "threshold": threshold,
            "kappa": interval(kappa) if kappa is not None else None,
            "kept": interval(kept),
            "tpr": interval(1.0),
            "tnr": None,
        }

    curve = [point(1, None, 1.0), point(2.5, 0.5, 0.02), point(4, 0.25, 0.0)]
    calibration = {
        "rated": 1,
        "calibrated": True,
        "note": "a note",
        "auc": interval(0.876),
        "best": {"threshold": 2.5},
        "curve": curve,
    }
    found = judgement.build_curation({"model": "m", "calibration": calibration})
    assert found is not None
    assert {name: found[name] for name in ("n", "trusted", "note", "auc", "best", "model")} == {
        "n": "1 row",
        "trusted": True,
        "note": "a note",
        "auc": "0.88",
        "best": "2.5",
        "model": "m",
    }
    assert [(curve["side"], curve["path"]) for curve in found["curves"]] == [
        ("other", "M50 50 L100 75"),
        ("tuned", "M0 0 L50 0 L100 0"),
    ]
    assert found["rows"] == [
        {"threshold": "1", "cells": ["", "1.00", ""], "kept": "100 %"},
        {"threshold": "2.5", "cells": ["0.50", "1.00", ""], "kept": "2.0 %"},
        {"threshold": "4", "cells": ["0.25", "1.00", ""], "kept": "0 %"},
    ]
    assert (found["x"][0], found["x"][-1]) == ({"at": 0.0, "text": "1"}, {"at": 100.0, "text": "4"})
    assert (found["y"][0], found["y"][-1]) == ({"at": 0.0, "text": "0.00"}, {"at": 100.0, "text": "1.00"})
    bare = judgement.build_curation(
        {"calibration": {**calibration, "best": None, "auc": None, "calibrated": False}}
    )
    assert bare is not None
    assert (bare["best"], bare["auc"], bare["trusted"], bare["model"]) == ("", "", False, "")
    assert judgement.build_curation({}) is None
    assert judgement.build_curation({"calibration": {**calibration, "curve": []}}) is None


@pytest.mark.parametrize(
    ("values", "from_zero", "ticks", "labels"),
    [
        ([0.0, 1.0], False, (0.0, 0.25, 0.5, 0.75, 1.0), ["0.00", "0.25", "0.50", "0.75", "1.00"]),
        ([3.0, 7.0], False, (3.0, 4.0, 5.0, 6.0, 7.0), ["3", "4", "5", "6", "7"]),
        ([3.0, 7.0], True, (0.0, 2.0, 4.0, 6.0, 8.0), ["0", "2", "4", "6", "8"]),
        ([-1.0, 2.0], True, (-1.0, 0.0, 1.0, 2.0), ["-1", "0", "1", "2"]),
        ([2.0, 2.0], False, (2.0, 2.5, 3.0, 3.5, 4.0), ["2.0", "2.5", "3.0", "3.5", "4.0"]),
        (
            [0.0, 4000.0],
            False,
            (0.0, 1000.0, 2000.0, 3000.0, 4000.0),
            ["0", "1,000", "2,000", "3,000", "4,000"],
        ),
        ([0.0, 0.0], False, (0.0, 0.25, 0.5, 0.75, 1.0), ["0.00", "0.25", "0.50", "0.75", "1.00"]),
    ],
)
def test_an_axis_has_round_ticks_over_all_values(
    values: list[float], from_zero: bool, ticks: tuple[float, ...], labels: list[str]
) -> None:
    made = drawing.scale(values, from_zero=from_zero)
    assert made.ticks == pytest.approx(ticks)
    assert (made.low, made.high) == (ticks[0], ticks[-1])
    assert [made.label(tick) for tick in made.ticks] == labels
    assert [made.at(ticks[0]), made.at(ticks[-1])] == [0.0, 100.0]
    assert drawing.dot(made, {"value": ticks[0], "low": None, "high": ticks[-1]}) == {
        "at": 0.0,
        "low": 0.0,
        "high": 100.0,
    }
