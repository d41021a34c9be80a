"""Two runs compared, part by part, without a repository: what counts as better, moved, changed, and what it cost."""

import dataclasses
import math
from typing import Any

import pytest

from lectern.core.schema import Decision, Message, Prediction, Provenance
from lectern.evaluation import reruns
from lectern.evaluation.rows import AnswerScore, RowScore
from lectern.report import inputs, six
from lectern.report.comparison import answers, costs, differences, figures, rows, scores, view
from lectern.report.comparison.inputs import Run
from tests.support.lazily import Lazily

stats = Lazily("scipy.stats")


def run(name: str = "main", **values: Any) -> Run:
    plain: dict[str, Any] = {
        "name": name,
        "about": "",
        "params": {},
        "lock": {},
        "libraries": {},
        "metrics": {},
        "runtime": {},
        "scores": None,
        "answers": None,
        "decisions": None,
        "questions": {},
        "splits": None,
        "sources": None,
        "problems": {},
    }
    return Run(**{**plain, **values})


def answer(nll: float | None = None, rouge: float | None = None, tokens: int = 10) -> AnswerScore:
    return AnswerScore(
        words=3,
        distinct1=None,
        distinct2=None,
        fourgrams=0,
        repeated_fourgrams=0,
        copied_words=0,
        longest_copy=0,
        more={},
        finished=True,
        repeated=False,
        nll=nll,
        tokens=None if nll is None else tokens,
        rougeL=rouge,
    )


def score(id: str, tuned: AnswerScore, base: AnswerScore | None = None, **values: Any) -> RowScore:
    both = {"tuned": tuned} | ({"base": base} if base else {})
    plain: dict[str, Any] = {"set": "held_out", "item": "talk", "reference_words": 3, "reference_bytes": 20}
    return RowScore(id=id, answers=both, **{**plain, **values})


def said(id: str, text: str) -> Prediction:
    return Prediction(
        id=id,
        set="held_out",
        messages=[Message(role="user", content=f"Question {id}?")],
        prediction=text,
        reference="So.",
        provenance=Provenance(item="talk", method="m"),
        nll=None,
        tokens=None,
        finished=True,
    )


def answered(name: str, **texts: tuple[str, AnswerScore, AnswerScore]) -> Run:
    found = {id: (said(id, text), score(id, tuned, base)) for id, (text, tuned, base) in texts.items()}
    return run(
        name,
        answers={("held_out", id): one for id, (one, _) in found.items()},
        scores=[measured for _, measured in found.values()],
    )


def test_answers_are_counted_as_better_worse_and_equal_by_each_measure() -> None:
    base = answer(20.0, 0.1)
    before = answered(
        "a",
        x=("One.", answer(20.0, 0.2), base),
        y=("Two.", answer(30.0, 0.5), base),
        z=("Same.", answer(10.0, 0.3), base),
        gone=("x", answer(1.0, 1.0), base),
    )
    after = answered(
        "b",
        x=("Uno.", answer(10.0, 0.6), base),
        y=("Due.", answer(40.0, 0.1), base),
        z=("Same.", answer(10.0, 0.3), base),
        new=("x", answer(1.0, 1.0), base),
    )
    found = answers.compare_answers(before, after, shown=5)
    assert found is not None
    assert (found["common"], found["differing"]) == (3, 2)
    assert [(one["name"], one["better"], one["worse"], one["equal"]) for one in found["counts"]] == [
        ("ROUGE-L", 1, 1, 1),
        ("Negative log-likelihood", 1, 1, 1),
    ]
    # property: against their own base: x came above it by likelihood, y fell to it by words
    assert found["flips"][1] == {
        "name": "Negative log-likelihood",
        "both": 1,
        "gained": 1,
        "lost": 0,
        "neither": 1,
    }
    assert found["flips"][0] == {"name": "ROUGE-L", "both": 2, "gained": 0, "lost": 1, "neither": 0}
    best, worst = found["lists"]
    assert (best["name"], [one["id"] for one in best["answers"]]) == ("Improved most", ["x"])
    assert (worst["name"], [one["id"] for one in worst["answers"]]) == ("Got worse most", ["y"])
    [shown] = best["answers"]
    assert (shown["rouge"], shown["nll"], shown["question"], shown["item"]) == (
        "+0.40",
        "\u22121.00",
        "Question x?",
        "talk",
    )


def test_the_greatest_changes_come_first_and_only_so_many() -> None:
    names = "abcdef"
    before = answered("a", **{n: (n, answer(rouge=0.5), answer()) for n in names})
    after = answered(
        "b",
        **{
            n: (n * 2, answer(rouge=0.5 + change), answer())
            for n, change in zip(names, (0.1, 0.3, 0.2, -0.1, -0.3, 0.0), strict=True)
        },
    )
    found = answers.compare_answers(before, after, shown=2)
    assert found is not None
    assert [[one["id"] for one in part["answers"]] for part in found["lists"]] == [["b", "c"], ["e", "d"]]
    assert [one["name"] for one in found["counts"]] == ["ROUGE-L"], "what nobody measured is not counted"
    assert found["flips"] == []


def test_without_scores_or_answers_nothing_is_compared() -> None:
    whole = answered("a", x=("One.", answer(20.0), answer()))
    for lacking in (run("b"), run("b", scores=whole.scores), run("b", answers=whole.answers)):
        assert (
            answers.compare_answers(whole, lacking, shown=1)
            is answers.compare_answers(lacking, whole, shown=1)
            is None
        )


def test_likelihoods_of_other_tokens_are_no_change() -> None:
    assert answers._change("nll", score("x", answer(20.0)), score("x", answer(20.0, tokens=20))) is None
    assert answers._change("nll", score("x", answer(20.0)), score("x", answer(10.0))) == 1.0
    assert answers._change("nll", score("x", answer(20.0)), score("x", answer())) is None
    assert (
        answers._change(
            "rougeL", score("x", answer(rouge=0.2)), score("x", answer(rouge=0.5, nll=1.0, tokens=3))
        )
        == 0.3
    )


@pytest.mark.parametrize(
    ("better", "worse", "p"),
    [(0, 0, "1"), (3, 3, "1"), (8, 0, ".008"), (20, 0, "below .001"), (6, 1, ".125"), (1, 0, "1")],
)
def test_the_p_of_a_sign_test_is_short(better: int, worse: int, p: str) -> None:
    assert answers.sign_test(better, worse) == p


def decision(id: str, reason: str, item: str = "talk", **values: Any) -> Decision:
    plain: dict[str, Any] = {
        "start": None,
        "page": None,
        "method": "m",
        "outcome": "kept" if reason == "kept" else "dropped",
    }
    return Decision(id=id, item=item, reason=reason, **{**plain, **values})


def test_rows_that_came_went_or_were_decided_otherwise_are_counted_by_reason() -> None:
    before = [
        decision("1", "kept"),
        decision("2", "rejected", start=65.0),
        decision("3", "kept"),
        decision("1", "near_duplicate"),
    ]
    after = [
        decision("1", "kept"),
        decision("2", "kept", page=3, start=65.0),
        decision("1", "near_duplicate"),
        decision("4", "kept", detail="Said so."),
        decision("5", "kept", start=65.0),
        decision("3", "kept", item="other"),
    ]
    found = rows.compare_decisions(
        run(decisions=before, questions={"2": "Why?"}), run("b", decisions=after), examples=2
    )
    assert found is not None
    assert (found["a"], found["b"], found["same"]) == (4, 6, 2)
    assert [(one["kind"], one["a"], one["b"], one["rows"]) for one in found["moves"]] == [
        ("came", "", "kept", 3),
        ("went", "kept", "", 1),
        ("changed", "rejected by a person", "kept", 1),
    ]
    came, _, changed = found["moves"]
    assert len(came["examples"]) == 2
    assert changed["examples"] == [{"id": "2", "item": "talk", "where": "page 3", "text": "Why?"}]
    assert [(one["where"], one["text"]) for one in came["examples"]] == [("", ""), ("", "Said so.")]
    assert rows._example(decision("5", "kept", start=65.0), {})["where"] == "1:05"
    assert rows.compare_decisions(run(), run("b", decisions=after), examples=2) is None
    assert rows.compare_decisions(run(decisions=before), run("b"), examples=2) is None


def test_a_split_says_where_its_rows_came_from_and_went() -> None:
    before = {"1": "train", "2": "train", "3": "test", "4": "test", "5": "test"}
    after = {"1": "train", "2": "test", "3": "test", "4": "train", "6": "test", "7": "test"}
    found = rows.compare_splits(run(splits=before), run("b", splits=after))
    assert found is not None
    by_name = {one["name"]: one for one in found}
    assert by_name["test"] == {
        "name": "test",
        "a": 3,
        "b": 4,
        "common": 1,
        "came": "2 new, 1 from train",
        "went": "1 gone, 1 to train",
    }
    assert (by_name["train"]["came"], by_name["train"]["went"]) == ("1 from test", "1 to test")
    assert by_name["validation"] == {
        "name": "validation",
        "a": 0,
        "b": 0,
        "common": 0,
        "came": "",
        "went": "",
    }
    assert (
        rows.compare_splits(run(), run("b", splits=after))
        is rows.compare_splits(run(splits=before), run("b"))
        is None
    )


def test_sources_came_went_or_changed() -> None:
    found = rows.compare_sources(
        run(sources={"a": "1", "b": "1", "c": "1"}), run("b", sources={"b": "1", "c": "2", "d": "1"})
    )
    assert found == {"came": ["d"], "went": ["a"], "changed": ["c"], "same": 1}
    assert (
        rows.compare_sources(run(), run("b", sources={}))
        is rows.compare_sources(run(sources={}), run("b"))
        is None
    )


def test_parameters_are_flattened_and_those_that_differ_are_listed() -> None:
    nested = {"a": {"b": 1, "c": [1, 2]}, "d": [{"e": None}, {"e": "ü"}], "f": {}, "g": []}
    assert dict(differences.flatten(nested)) == {
        "a.b": "1",
        "a.c": "[1, 2]",
        "d[0].e": "null",
        "d[1].e": '"ü"',
        "f": "{}",
        "g": "[]",
    }
    found = differences.compare_params(
        run(params={"a": {"b": 1}, "c": 1}), run(params={"a": {"b": 2}, "d": 1, "c": 1})
    )
    assert found == [{"name": "a.b", "a": "1", "b": "2"}, {"name": "d", "a": "", "b": "1"}]
    locked = {"numpy": "2.0", "torch": "2.8"}
    assert differences.compare_libraries(
        run(libraries=locked), run(libraries={**locked, "torch": "2.9"})
    ) == [{"name": "torch", "a": "2.8", "b": "2.9"}]
    assert differences.compare_libraries(run(), run(libraries=locked)) == []
    assert differences.compare_libraries(run(libraries=locked), run()) == []


def test_stages_whose_outputs_differ_stand_in_the_order_of_the_pipeline() -> None:
    before = {"gone": {"x": "1"}, "fetch": {"raw": "1"}, "split": {"a": "1", "b": "1"}}
    after = {"split": {"a": "1", "b": "2", "c": "1"}, "new": {"y": "1"}, "fetch": {"raw": "1"}}
    assert differences.compare_stages(run("a", lock=before), run("b", lock=after)) == {
        "rows": [
            {"stage": "split", "outputs": ["b", "c"], "only": ""},
            {"stage": "new", "outputs": [], "only": "b"},
            {"stage": "gone", "outputs": [], "only": "a"},
        ],
        "same": 1,
    }


def test_what_both_took_is_shown_by_stage_and_in_all() -> None:
    before = run(
        "a",
        lock={"old": {}},
        runtime={"train": {"seconds": 100.0, "peak_memory_mb": 2000}, "old": {"seconds": 1.25}},
    )
    after = run(
        "b",
        lock={"fetch": {}, "train": {}},
        runtime={
            "train": {"seconds": 59.96, "peak_memory_mb": 2500, "cost": 0.5},
            "fetch": {"peak_memory_mb": 100},
        },
    )
    found = costs.compare_costs(before, after)
    assert found["columns"] == ["Time", "Peak memory", "Cost"]
    assert [one["stage"] for one in found["rows"]] == ["fetch", "train", "old", "in all"]
    train, old, whole = found["rows"][1:]
    assert train["cells"] == [
        {"a": "1.7 min", "b": "60.0 s"},
        {"a": "2.00 GB", "b": "2.50 GB"},
        {"a": "not measured here", "b": "0.5"},
    ]
    assert old["cells"][0] == {"a": "1.2 s", "b": "not measured here"}
    # property: times add up, of memory the most counts
    assert whole["cells"] == [
        {"a": "1.7 min", "b": "60.0 s"},
        {"a": "2.00 GB", "b": "2.50 GB"},
        {"a": "not measured here", "b": "0.5"},
    ]
    assert costs.compare_costs(run("a"), after)["missing"] == ["a"]
    assert costs.compare_costs(run("a"), run("b")) == {"columns": [], "rows": [], "missing": ["a", "b"]}


def interval(value: float, low: float | None = None, high: float | None = None) -> dict[str, Any]:
    return {"value": value, "low": low, "high": high, "n": 9}


def test_a_judge_is_shown_only_where_both_runs_trust_it() -> None:
    trusted = {
        "trusted": {"pairs": True, "rubric": True},
        "pairs": {"tuned_vs_base": {"held_out": {"win_rate": interval(0.6, 0.5, 0.7)}}},
        "rubric": {
            "held_out": {
                "tuned": {"score": interval(4.0)},
                "base": {"score": None},
                "difference": interval(1.0),
            }
        },
    }
    doubtful = {**trusted, "trusted": {"pairs": True}, "why": {"rubric": "agrees no better than chance"}}
    assert figures.compare_judge(run(), run("b")) == []
    pairs, rubric = figures.compare_judge(
        run("a", metrics={"judge": trusted}), run("b", metrics={"judge": doubtful})
    )
    assert pairs["rows"] == [
        {"name": "held_out", "a": "60 % (50 to 70 %), n 9", "b": "60 % (50 to 70 %), n 9"}
    ]
    assert (pairs["why"], rubric["why"], rubric["rows"]) == ("", "b: agrees no better than chance", [])
    pairs, rubric = figures.compare_judge(
        run("a", metrics={"judge": trusted}), run("b", metrics={"judge": trusted})
    )
    assert [row["name"] for row in rubric["rows"]] == ["held_out, tuned"]
    pairs, _ = figures.compare_judge(run("a", metrics={"judge": trusted}), run("b"))
    assert (pairs["why"], pairs["rows"]) == ("b: no judge was asked", [])
    _, rubric = figures.compare_judge(
        run("a", metrics={"judge": {"trusted": {}}}), run("b", metrics={"judge": trusted})
    )
    assert rubric["why"] == "a: has not been compared with people"


def test_other_metrics_are_compared_number_by_number() -> None:
    before = {
        "curation": {
            "rows": 10,
            "same": 1,
            "by_item": {"a": 1},
            "share": interval(0.5, 0.25, 0.75),
            "went": 1.5,
        },
        "scores": {"x": 1},
    }
    after = {
        "curation": {
            "rows": 1012,
            "same": 1,
            "by_item": {"a": 2},
            "share": interval(0.625, 0.5, 0.75),
            "came": True,
        },
        "scores": {"x": 2},
    }
    [found] = figures.compare_others(run(metrics=before), run("b", metrics=after))
    assert found["name"] == "curation"
    assert {row["name"]: (row["a"], row["b"], row["change"]) for row in found["rows"]} == {
        "rows": ("10", "1,012", "+1002"),
        "share": ("0.5 (0.25 to 0.75)", "0.625 (0.5 to 0.75)", "+0.125"),
        "went": ("1.5", "", ""),
        "came": ("", "1", ""),
    }
    assert figures.compare_others(run(metrics=before), run("b", metrics=before)) == []
    unknown = {"curation": {"share": interval(0.5), "none": {"value": None, "low": None, "high": None}}}
    [found] = figures.compare_others(run(), run("b", metrics=unknown))
    assert [(row["name"], row["a"], row["b"], row["change"]) for row in found["rows"]] == [
        ("share", "", "0.5", "")
    ]


def scored(name: str, nll: float, ids: str, **more: Any) -> Run:
    """A run whose tuned model gives each true answer this likelihood, and its base 30.0."""
    measured = [
        score(id, answer(nll + n, 0.5), answer(30.0, 0.5), item=f"talk {n % 4}") for n, id in enumerate(ids)
    ]
    told = {
        "rows": len(ids),
        "tuned": {"nll": interval(nll / 10)},
        "difference": {"nll": interval(nll / 10 - 3)},
        "resamples": 200,
    }
    return run(name, scores=measured, metrics={"scores": {**told, **more}})


def test_the_headline_says_what_the_paired_rows_say() -> None:
    def headline(a: Run, b: Run) -> str:
        return str(scores.compare_scores(a, b)["headline"])

    ids = "abcdefgh"
    worse, better = scored("main", 40.0, ids), scored("new", 30.0, ids)
    assert headline(worse, better).startswith(
        "On the 8 held-out answers that both have, new's tuned model is better than main's: "
    )
    assert "main's tuned model is worse than new's" in headline(better, worse)
    assert "both tuned models do the same" in headline(worse, scored("new", 40.0, ids))
    assert "that both have (1 only in main, 2 only in new), " in headline(
        scored("main", 40.0, "abcdefgx"), scored("new", 30.0, "abcdefgyz")
    )
    assert "have no question in common (8 and 2)" in headline(worse, scored("new", 30.0, "yz"))
    assert "too few rows for an interval" in headline(scored("main", 40.0, "ab"), scored("new", 30.0, "ab"))
    assert (
        headline(run("main"), better) == "main: there is no metrics/scores.json, so no score can be compared."
    )
    unscored = run(
        "old", metrics={"scores": {"rows": 7, "tuned": {}}}, problems={"data/scores.jsonl": "is not there"}
    )
    said = headline(unscored, better)
    assert said.startswith("The answers cannot be paired (data/scores.jsonl of old is not there)")


def test_each_set_that_a_run_has_is_compared_with_the_main_one_first() -> None:
    extra = {"sets": {"talks": {"rows": 3}, "dialogues": {"rows": 2}}}
    found = scores.compare_scores(scored("a", 40.0, "abc", **extra), scored("b", 30.0, "abc"))
    assert [one["name"] for one in found["sets"]] == ["held_out", "dialogues", "talks"]
    main, dialogues, _ = found["sets"]
    assert main["paired"]
    assert (dialogues["paired"], dialogues["common"], dialogues["only_a"]) == (False, 0, 0)
    assert [row["key"] for row in main["gains"]] == ["nll"]
    assert main["gains"][0]["a"]["text"] == "+1.00"
    # property: a share of nothing, here of the groups of four words in three, is not compared
    assert "repetition4" not in [row["key"] for row in main["tuned"]]
    # property: the base is shown only where it differs
    assert main["base"] == []
    other = scored("b", 30.0, "abc")
    assert other.scores is not None
    changed = [
        row.model_copy(update={"answers": {**row.answers, "base": answer(29.0, 0.5)}}) for row in other.scores
    ]
    again = scores.compare_scores(scored("a", 40.0, "abc"), run("b", scores=changed, metrics=other.metrics))
    assert "nll" in [row["key"] for row in again["sets"][0]["base"]]


def test_the_summary_in_a_terminal_names_what_differs() -> None:
    a, b = scored("main", 40.0, "abcdefgh"), scored("new", 30.0, "abcdefgh")
    compared = scores.compare_scores(a, b)
    shown: dict[str, Any] = {
        "headline": compared["headline"],
        "sets": compared["sets"],
        "params": [{"name": f"p{n}"} for n in range(10)],
        "code": [{}],
        "stages": {"rows": [{"stage": "train"}, {"stage": "score"}]},
        "answers": None,
        "decisions": {
            "moves": [
                {"kind": "came", "rows": 1200},
                {"kind": "came", "rows": 1},
                {"kind": "went", "rows": 2},
            ]
        },
    }
    text = view.summarise(shown)
    assert "Negative log-likelihood" in text
    assert "ROUGE-L" not in text.replace("answers by ROUGE-L", ""), "what did not change is only counted"
    assert "parameters that differ: p0, p1, p2, p3, p4, p5, p6, p7 and 2 more" in text
    assert "files of code that differ: 1; stages whose outputs differ: train, score" in text
    assert "rows: 1,201 came, 2 went, 0 changed" in text
    bare = view.summarise(
        {**shown, "sets": [], "params": [], "code": [], "stages": {"rows": []}, "decisions": None}
    )
    assert "parameters that differ: none" in bare
    assert "differ: none" in bare.splitlines()[-1]
    eight = view.summarise({**shown, "params": [{"name": f"p{n}"} for n in range(8)]})
    assert "p7\n" in eight


def test_the_questions_of_both_reports_stand_side_by_side() -> None:
    told = {"confidence": 0.95, "recordings": 4, "resampled": "rows"}
    worse, better = scored("main", 40.0, "abcdefgh", **told), scored("new", 30.0, "abcdefgh", **told)
    rows = view.compare_replies(worse, better)
    assert [row["question"] for row in rows] == [row["replies"][0].question for row in rows]
    [carries] = [row for row in rows if "carry over" in row["question"]]
    # property: each side's reply is that of its own report
    for run, reply in zip((worse, better), carries["replies"], strict=True):
        assert (
            reply.text == six.describe_carrying_over(inputs.Evidence(run.metrics["scores"], run.metrics)).text
        )
    # property: a run of an earlier version lacks files, which is said
    assert {row["replies"][0].verdict for row in rows if "sound" in row["question"]} == {"not measured"}
    assert view.compare_replies(worse, dataclasses.replace(better, metrics={})) == []
    # property: metrics of another form are left out and break nothing
    assert view.compare_replies(worse, scored("old", 30.0, "abcdefgh")) == []


def with_seeds(one: Run, spread: float, adapter: str) -> Run:
    """The run with five trainings that differ by so much."""
    assert one.scores is not None
    own = one.metrics["scores"]["tuned"]["nll"]["value"]
    others = [
        reruns.Rerun(
            run="c0ffee", seed=seed, sets={"held_out": {"nll": reruns.RerunFigure(value=own + shift)}}
        )
        for seed, shift in enumerate((spread, -spread, spread, -spread), 1)
    ]
    told = {"confidence": 0.95, "recordings": 1, "resampled": "rows", **one.metrics["scores"]}
    seeds = reruns.summarise_seeds(told, "name", 0, others)
    return dataclasses.replace(one, seeds=seeds, lock={"train": {"models/adapter": adapter}})


def test_better_and_worse_are_said_beyond_both_sources_of_noise_alone() -> None:
    def compare(a: Run, b: Run) -> tuple[str, dict[str, Any]]:
        found = scores.compare_scores(a, b)
        return found["headline"], found["sets"][0]

    main = scored("main", 40.0, "abcdefgh")
    new = dataclasses.replace(scored("new", 30.0, "abcdefgh"), lock={"train": {"models/adapter": "b"}})
    headline, found = compare(main, new)
    assert "new's tuned model is better than main's" in headline
    assert found["unit"] == "answers"
    assert "not other seeds" in found["chance"]
    assert "lectern seeds" in found["chance"]

    headline, found = compare(with_seeds(main, 0.01, "a"), new)  # ten times less than the change
    assert "new's tuned model is better than main's" in headline
    assert "interval over answers and seeds" in headline
    assert found["unit"] == "answers and seeds"
    assert "5 of main, whose spread is taken for both" in found["chance"]
    narrow = found["tuned"][0]["difference"]
    assert narrow["low"] < -1 < narrow["high"], "rows alone say -1 without any doubt"

    headline, found = compare(with_seeds(main, 1.0, "a"), new)  # as much as the change
    assert "cannot be told apart" in headline
    assert found["tuned"][0]["verdict"] == "may be chance"

    # property: two equal spreads, or one that is taken for both, count twice
    def width(found: dict[str, Any]) -> float:
        difference = found["tuned"][0]["difference"]
        return float(difference["high"] - difference["low"])

    both = compare(with_seeds(main, 0.3, "a"), with_seeds(new, 0.3, "b"))[1]
    assert "5 of main and 5 of new" in both["chance"]
    one = compare(with_seeds(main, 0.3, "a"), new)[1]
    # The rows leave no doubt here, so that widths are those of 2 sigma squared, with 8 and with 4 degrees of freedom.
    times = [2 * math.sqrt(2 * 0.3**2 * 4 / 4) * float(stats.t.ppf(0.975, freedom)) for freedom in (8, 4)]
    assert [width(both), width(one)] == pytest.approx(times, rel=1e-3)

    # property: the same weights have no seed between them
    same = compare(with_seeds(main, 1.0, "a"), with_seeds(new, 1.0, "a"))[1]
    assert same["unit"] == "answers"
    assert "same tuned model" in same["chance"]
    # property: the base is not trained
    assert "seeds" not in str(same["base"])
