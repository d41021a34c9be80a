import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lectern.core import io
from lectern.evaluation import reruns
from lectern.report import certainty, inputs, six
from lectern.settings.report import Report
from stages import report
from tests.settings import configure
from tests.support import made_up_run
from tests.support.made_up_run import EVERYTHING, Run


def read(root: Path) -> inputs.Evidence:
    return inputs.read(root / "metrics", root / "data", root / "params.yaml")


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> inputs.Evidence:
    root = tmp_path_factory.mktemp("full")
    made_up_run.make(root, EVERYTHING)
    return read(root)


def change(given: inputs.Evidence, metric: str, **values: Any) -> inputs.Evidence:
    changed: Mapping[str, Any] = {**given.metrics[metric], **values}
    return dataclasses.replace(given, metrics={**given.metrics, metric: changed})


def test_likeness_stands_between_the_base_and_the_speakers_own(full: inputs.Evidence) -> None:
    reply = six.describe_likeness(full, "the speaker")
    assert reply.question == "Does it sound like the speaker?"
    assert (reply.verdict, reply.tone) == ("more than before", "better")
    assert reply.text == (
        "A program that knows authors by their small words and letters, not by their topics, guesses how likely a "
        "passage of 100 words is the speaker's: 42 % (30 to 55 %) for the tuned model's answers, 11 % (5.0 to 17 %) "
        "for the base model's and, as a yardstick, 81 % (70 to 90 %) for the speaker's own words, which the program "
        "never saw. It measures the manner, not whether an answer makes sense."
    )


def test_likeness_says_nothing_where_the_method_cannot_tell_the_two_apart(full: inputs.Evidence) -> None:
    for apart in (
        {"value": 0.6, "low": 0.45, "high": 0.7, "n": 20},
        {"value": 1.0, "low": None, "high": None, "n": 2},
    ):
        reply = six.describe_likeness(change(full, "likeness", told_apart=apart), "the speaker")
        assert (reply.verdict, reply.tone) == ("cannot be told", "unknown")
        assert "these figures say nothing" in reply.text
    without = six.describe_likeness(change(full, "likeness", told_apart=None), "the speaker")
    assert without.tone == "unknown"


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.1, 0.4, "more than before"),
        (-0.4, -0.1, "less than before"),
        (-0.1, 0.4, "may be chance"),
        (None, None, "too few answers"),
    ],
)
def test_the_verdict_follows_the_interval(
    full: inputs.Evidence, low: float, high: float, verdict: str
) -> None:
    difference = {"tuned": {"value": 0.2, "low": low, "high": high, "n": 9}}
    assert (
        six.describe_likeness(change(full, "likeness", difference=difference), "the speaker").verdict
        == verdict
    )


def test_few_words_to_learn_from_are_said(full: inputs.Evidence) -> None:
    few = change(full, "likeness", enough=False, words={"speaker": 1480, "others": 700})
    said = six.describe_likeness(few, "the speaker").text
    assert (
        "only a hint: the program had 1,480 words of the speaker and 700 of the base model and of others"
        in said
    )
    assert "it needs about 5,500 of each." in said
    assert "hint" not in six.describe_likeness(full, "the speaker").text


def test_what_was_not_measured_says_why(tmp_path: Path) -> None:
    made_up_run.make(tmp_path, Run())
    reply = six.describe_likeness(read(tmp_path), "the sources")
    assert (reply.verdict, reply.text) == ("not measured", made_up_run.TOO_LITTLE)
    # property: a run of an earlier version has no such file
    (tmp_path / "metrics/likeness.json").unlink()
    (tmp_path / "data/likeness/ranks.jsonl").unlink()
    assert six.describe_likeness(read(tmp_path), "the sources").text == six.NOT_YET


def test_the_three_answers_are_the_middle_and_both_ends(full: inputs.Evidence) -> None:
    chosen = six.choose_by_likeness(full.answers, full.ranks)
    order = sorted(full.ranks[one.key] for one in full.answers)
    assert [full.ranks[one.key] for one, _ in chosen] == [order[0], order[len(order) // 2], order[-1]]
    assert six.choose_by_likeness(full.answers[:2], full.ranks) == []
    assert six.choose_by_likeness(full.answers, {}) == []


def test_carrying_over_is_said_by_the_token(full: inputs.Evidence) -> None:
    def say(low: float | None, value: float, high: float | None) -> six.Reply:
        difference = {**full.scores["difference"], "nll": {"low": low, "value": value, "high": high, "n": 24}}
        return six.describe_carrying_over(
            dataclasses.replace(full, scores={**full.scores, "difference": difference})
        )

    # property: e to the power of the nats is how many times likelier a token is
    better = say(-1.0986123, -0.6931472, -0.4054651)
    assert (better.verdict, better.tone) == ("yes, it comes closer", "better")
    assert "2.0 times as likely (1.5 to 3.0) as the base does." in better.text
    assert "2.0 times as unlikely (1.5 to 3.0) as the base does." in say(0.4054651, 0.6931472, 1.0986123).text
    assert say(-0.1, 0.2, 0.3).verdict == "may be chance"
    assert say(None, -0.2, None).verdict == "too few answers"


def test_a_run_without_true_answers_says_so(full: inputs.Evidence) -> None:
    none = dataclasses.replace(full, scores={**full.scores, "difference": {}})
    assert six.describe_carrying_over(none).verdict == "not measured"


def test_the_example_is_the_median_gain_and_what_strangers_wrote_is_cut(full: inputs.Evidence) -> None:
    example = six.describe_carrying_over(full).example
    assert example is not None
    gains = sorted(one.gain for one in full.answers if one.score.set == "held_out" and one.gain is not None)
    [one] = [
        one
        for one in full.answers
        if one.score.set == "held_out"
        and one.gain == gains[len(gains) // 2]
        and one.predictions["tuned"].messages[-1].content.startswith(example["question"].rstrip("…"))
    ][:1]
    assert one.predictions["tuned"].prediction.startswith(example["tuned"].rstrip("…"))
    assert max(map(len, example.values())) <= six.SHOWN


def test_the_report_opens_with_the_questions_in_order(tmp_path: Path) -> None:
    made_up_run.make(tmp_path, EVERYTHING)
    report.main(configure(Report), tmp_path / "metrics", tmp_path / "data", tmp_path / "params.yaml")
    html, markdown = (
        (tmp_path / f"metrics/report.{kind}").read_text(encoding="utf-8") for kind in ("html", "md")
    )
    replies = six.build(read(tmp_path))
    for text in (html, markdown):
        places = [text.index(reply.question) for reply in replies]
        assert places == sorted(places)
        assert places[-1] < text.index("Scores on the held-out answers")


def test_knowledge_is_that_of_peoples_questions_about_what_was_trained(tmp_path: Path) -> None:
    made_up_run.make(tmp_path, dataclasses.replace(EVERYTHING, evals=40))
    full = read(tmp_path)
    reply = six.describe_knowledge(full)
    trained = full.metrics["knowledge"]["trained"]
    # property: only questions with a true answer count
    assert reply.text.startswith(
        "On 18 questions that people asked in their own words about what was trained, the "
    )
    assert (reply.tone, trained["rows"]) == ("better", 30)
    # property: the example is one of them
    assert reply.example is not None
    chosen = {tuple(key) for key in trained["questions"]}
    asked = {one.predictions["tuned"].messages[-1].content for one in full.answers if one.key in chosen}
    assert any(question.startswith(reply.example["question"].rstrip("…")) for question in asked)


def test_knowledge_that_nobody_asked_for_says_what_to_write(full: inputs.Evidence, tmp_path: Path) -> None:
    made_up_run.make(tmp_path, Run())
    assert "Write a set in data/evals" in six.describe_knowledge(read(tmp_path)).text
    without = change(full, "knowledge")
    without.metrics["knowledge"].pop("trained")  # type: ignore[attr-defined]
    assert six.describe_knowledge(without).text == six.NO_TRAINED
    trained = {**full.metrics["knowledge"]["trained"], "difference": {}}
    assert six.describe_knowledge(change(full, "knowledge", trained=trained)).text == six.NO_ANSWER


def interval(
    value: float, low: float | None, high: float | None, n: int = 20
) -> dict[str, float | int | None]:
    return {"value": value, "low": low, "high": high, "n": n}


@pytest.fixture(scope="module")
def looked_up(tmp_path_factory: pytest.TempPathFactory) -> inputs.Evidence:
    root = tmp_path_factory.mktemp("looked_up")
    made_up_run.make(root, Run(rows=24, gain=0.7, comparators=("base+sources", "tuned+sources")))
    return read(root)


def test_looking_it_up_is_compared_with_the_tuning(looked_up: inputs.Evidence) -> None:
    recall = {"held_out": {"both": {"3": interval(0.6, 0.4, 0.8)}, "bm25": {"3": interval(0.5, 0.3, 0.7)}}}
    reply = six.describe_retrieval(dataclasses.replace(looked_up, metrics={"retrieval": {"recall": recall}}))
    difference = looked_up.scores["comparators"]["base+sources"]["difference"]["nll"]
    # property: the difference is the tuned model's value minus that of the base with passages
    assert (reply.tone == "better") == (difference["high"] < 0)
    assert "the base model with a search" in reply.text
    assert "among the first three for 60 % (40 to 80 %) of 20 questions." in reply.text
    assert reply.example is not None
    assert {"answer", "base+sources", "tuned", "tuned+sources"} <= set(reply.example)
    # property: without people's places the sentence is left out
    assert "among the first three" not in six.describe_retrieval(looked_up).text


@pytest.mark.parametrize(
    ("alone", "gain", "verdict"),
    [
        ((-0.2, 0.1, 0.4), (-0.6, -0.5, -0.4), ("both together do better", "better")),
        ((-0.2, 0.1, 0.4), (-0.6, -0.5, 0.1), ("cannot be told", "unclear")),
        ((0.1, 0.2, 0.4), (-0.6, -0.5, -0.4), ("yes, and better", "worse")),
        ((-0.4, -0.2, -0.1), (-0.6, -0.5, -0.4), ("no, tuning does better", "better")),
    ],
)
def test_tuning_and_search_together_are_an_answer_where_neither_alone_is_better(
    full: inputs.Evidence, alone: tuple[float, ...], gain: tuple[float, ...], verdict: tuple[str, str]
) -> None:
    def make(low: float, value: float, high: float) -> dict[str, Any]:
        return {"nll": interval(value, low, high)}

    rivals = {
        "base+sources": {"scores": {}, "difference": make(*alone)},
        "tuned+sources": {"scores": {}, "difference": make(0.2, 0.3, 0.4), "over_base": make(*gain)},
    }
    reply = six.describe_retrieval(dataclasses.replace(full, scores={**full.scores, "comparators": rivals}))
    assert (reply.verdict, reply.tone) == verdict


def test_where_nothing_was_looked_up_that_is_said(full: inputs.Evidence) -> None:
    reply = six.describe_retrieval(full)
    assert (reply.verdict, reply.text) == ("not measured", six.NOT_LOOKED_UP)


def forgotten(low: float, value: float, high: float) -> dict[str, Any]:
    measured = {"nll": interval(3.0, 2.9, 3.1), "bits_per_byte": interval(1.0, 0.9, 1.1)}
    text = {"passages": 20, "base": measured, "tuned": measured}
    difference = {"nll": interval(value, low, high), "bits_per_byte": interval(value / 3, low / 3, high / 3)}
    return {"confidence": 0.95, "text": {**text, "difference": difference}, "domains": {}}


@pytest.mark.parametrize(
    ("bounds", "verdict"),
    [
        ((0.02, 0.04, 0.06), "something"),
        ((-0.02, 0.01, 0.04), "cannot be told"),
        ((-0.06, -0.04, -0.02), "nothing that shows"),
    ],
)
def test_forgetting_follows_the_general_text(
    full: inputs.Evidence, bounds: tuple[float, float, float], verdict: str
) -> None:
    reply = six.describe_forgetting(dataclasses.replace(full, metrics={"forgetting": forgotten(*bounds)}))
    assert reply.verdict == verdict
    assert "20 passages of general text" in reply.text


def test_forgetting_that_was_not_measured_is_said(full: inputs.Evidence) -> None:
    assert six.describe_forgetting(full).text == six.NOT_YET


def measured_seeds(scores: Mapping[str, Any], *values: float) -> dict[str, Any]:
    """metrics/noise/seeds.json with these further values of the negative log-likelihood."""
    own = scores["tuned"]["nll"]["value"]
    others = [
        reruns.Rerun(
            run="c0ffee",
            seed=seed,
            sets={"held_out": {"nll": reruns.RerunFigure(value=value, change=value - own)}},
        )
        for seed, value in enumerate(values, 1)
    ]
    return reruns.summarise_seeds(scores, "name", 0, others)


def test_without_other_seeds_certainty_says_how_to_measure_them(full: inputs.Evidence) -> None:
    reply = six.describe_certainty(full.scores)
    assert (reply.verdict, reply.tone) == ("it was trained once", "unclear")
    assert "the command lectern seeds measures how far" in reply.text
    assert (
        "Whether more sources would help was not measured: the command lectern curve does that." in reply.text
    )


def test_the_spread_over_seeds_is_said_and_decides(full: inputs.Evidence) -> None:
    alone = full.scores["difference"]["nll"]
    own = full.scores["tuned"]["nll"]["value"]
    little = measured_seeds(full.scores, own + 0.01, own - 0.01)
    reply = six.describe_certainty(reruns.widen(full.scores, little), little)
    assert (reply.verdict, reply.tone) == ("3 trainings agree", "better")
    assert "3 trainings that differ in chance alone (their random seed)" in reply.text
    # property: a deviation of .01 nats is 1 % of a token's likelihood
    assert "typically differ by 1 % in how likely they find each token" in reply.text
    assert "Over answers and trainings together, the tuning makes each token" in reply.text
    # property: what is sure over answers may be chance over seeds
    assert alone["high"] < 0
    much = measured_seeds(full.scores, own + 1, own - 1)
    reply = six.describe_certainty(reruns.widen(full.scores, much), much)
    assert (reply.verdict, reply.tone) == ("may be chance", "unclear")
    assert "which may well be chance" in reply.text


def draw_curve(low: float, value: float, high: float, more: int = 10) -> dict[str, Any]:
    points = [{"items": items, "draw": 0, "value": 5 - items / 10} for items in (3, 4, 5, 6, 7)]
    change = interval(value, low, high, 5)
    return {"figure": "nll", "confidence": 0.95, "more": more, "change": change, "points": points}


def test_what_more_sources_would_change_is_said_with_its_interval() -> None:
    assert certainty.tell_curve(draw_curve(-0.21, -0.12, -0.05)) == (
        "10 more sources would help: each token of a true answer would be 1.13 times as likely (1.05 to 1.23) "
        "as it is now, after the tuning, projected by a power law through 5 trainings on 3, 4, 5, 6 and 7 sources."
    )
    assert certainty.tell_curve(draw_curve(-0.21, -0.1, 0.05, more=1)).startswith(
        "Whether 1 more source would help cannot be told: "
    )
    worse = certainty.tell_curve(draw_curve(0.05, 0.12, 0.21))
    assert worse.startswith(
        "10 more sources would do harm: each token of a true answer would be 0.89 times as likely (0.81 to 0.95) as "
        "it is now, after the tuning, "
    )
    in_words = certainty.tell_curve({**draw_curve(0.05, 0.12, 0.21), "figure": "rougeL"})
    assert in_words.startswith("10 more sources would help: they would raise the ROUGE-L by 0.12")
    untold = {**draw_curve(0, 0, 0), "change": None, "why": "2 are too few"}
    assert certainty.tell_curve(untold) == "What 10 more sources would change cannot be told: 2 are too few."


def test_the_report_reads_what_belongs_to_its_scores(tmp_path: Path) -> None:
    made_up_run.make(tmp_path, EVERYTHING)
    scores = tmp_path / "metrics/scores.json"
    plain = inputs.read(tmp_path / "metrics", tmp_path / "data", tmp_path / "params.yaml")
    seeds = measured_seeds(plain.scores, plain.scores["tuned"]["nll"]["value"] + 1)
    noise = tmp_path / "metrics/noise"
    io.write_json(noise / "seeds.json", {**seeds, "scores": reruns.name_scores(scores.read_bytes())})
    io.write_json(noise / "curve.json", {"scores": "of another run"})
    found = inputs.read(tmp_path / "metrics", tmp_path / "data", tmp_path / "params.yaml")
    assert found.scores["seeds"] == 2
    assert found.scores["difference"]["nll"]["high"] > plain.scores["difference"]["nll"]["high"]
    assert found.curve is None
    io.write_json(noise / "seeds.json", seeds)  # of scores called `name`
    assert (
        inputs.read(tmp_path / "metrics", tmp_path / "data", tmp_path / "params.yaml").scores == plain.scores
    )


def test_questions_about_what_was_trained_come_first_in_looking_it_up(looked_up: inputs.Evidence) -> None:
    part = {**looked_up.scores, "questions": [["talks", "a"]], "rows": 24}
    found = dataclasses.replace(looked_up, metrics={"knowledge": {"trained": part}})
    reply = six.describe_retrieval(found)
    assert reply.text.startswith(f"On {part['difference']['nll']['n']} answers of talks, ")
    # property: the example is one of these questions, and there is none among them here
    assert reply.example is None


def test_too_few_questions_about_what_was_trained_leave_the_held_out_ones(looked_up: inputs.Evidence) -> None:
    part = {**looked_up.scores, "questions": [["talks", "a"]], "rows": 5}
    rival = part["comparators"]["base+sources"]
    few = {name: {**one, "low": None, "high": None, "n": 5} for name, one in rival["difference"].items()}
    part["comparators"] = {"base+sources": {**rival, "difference": few}}
    reply = six.describe_retrieval(dataclasses.replace(looked_up, metrics={"knowledge": {"trained": part}}))
    assert reply.text == six.describe_retrieval(looked_up).text
