import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lectern.core import io, items
from lectern.core.errors import LecternError
from lectern.core.schema import Decision, Example, Passage, Question, Rating, passage_id
from lectern.curation import curation, row_corrections
from lectern.curation.decisions import drop
from lectern.settings.curate import Curate
from lectern.settings.housekeeping import Housekeeping, HousekeepingRule
from stages import curate
from tests.settings import configure
from tests.support.made_up_rows import dialogue, row, sentence

LONG = sentence(*range(40))
RULES = configure(Housekeeping, rules=[HousekeepingRule(name="next", pattern="next question please")])
PLAIN = configure(Curate, semantic_duplicate_threshold=None, decontamination_semantic_threshold=None)


def sync(folder: Path, found: dict[str, Sequence[Any]]) -> None:
    for name, rows in found.items():
        io.write_jsonl(folder.parent / "made" / folder.name / f"{name}.jsonl", rows)
    items.sync(
        [items.Item(n, {"rows": folder.parent / "made" / folder.name / f"{n}.jsonl"}) for n in found],
        folder,
        lambda: lambda item, path: io.write_text(path, item.inputs["rows"].read_text()),
        suffix=".jsonl",
        params={},
        code=(),
    )


def rate(example: Example, score: int | None, **more: int) -> Rating:
    scores = {} if score is None else {"useful": score, "faithful": score, **more}
    return Rating(
        id=example.id,
        method=example.provenance.method,
        scores=scores,
        reasons=dict.fromkeys(scores, "so it is"),
        overall=sum(scores.values()) / len(scores) if scores else None,
        prompt="judge_example@0",
        model="judge",
        problem=None if scores else "the reply is not JSON",
    )


class Data:
    """The inputs of the stage in a folder, and its outputs."""

    def __init__(self, root: Path, examples: dict[str, list[Example]]) -> None:
        self.root, self.examples = root, examples
        self.taught: dict[str, list[Example]] = {}
        self.ratings: list[Rating] = []
        self.passages: list[Passage] = []
        self.corrections: list[dict[str, Any]] = []
        self.evals: dict[str, list[Question]] = {}
        self.said = ""

    def run(self, params: Curate = PLAIN) -> dict[str, bytes]:
        sync(self.root / "examples", self.examples)
        sync(self.root / "taught", self.taught)
        sync(self.root / "ratings", {"rated": self.ratings})
        sync(self.root / "passages", {"cut": self.passages})
        for name, questions in self.evals.items():
            io.write_jsonl(self.root / f"evals/{name}.jsonl", questions)
        lines = "".join(json.dumps(correction) + "\n" for correction in self.corrections)
        io.write_text(self.root / "corrections/examples.jsonl", lines)
        self.said = curate.main(params, RULES, self.root, self.root / "curation.json")
        names = ("curated.jsonl", "curation_decisions.jsonl", "curation.json")
        return {name: (self.root / name).read_bytes() for name in names}

    def correct(self, example: Example, action: str, **more: Any) -> None:
        self.corrections.append({"id": example.id, "action": action, "reason": f"to {action} it", **more})

    @property
    def kept(self) -> list[Example]:
        return io.read_jsonl(self.root / "curated.jsonl", Example)

    @property
    def decisions(self) -> list[Decision]:
        return io.read_jsonl(self.root / "curation_decisions.jsonl", Decision)

    def reasons(self) -> dict[str, str]:
        return {decision.id: decision.reason for decision in self.decisions}

    @property
    def metric(self) -> dict[str, Any]:
        return json.loads((self.root / "curation.json").read_text())


ROWS = {
    "b": [row("Why?", LONG + " yes", "b"), row("How?", "Slowly and with care.", "b", start=9)],
    "a": [
        row("Why?", LONG, "a"),
        row("How?", "slowly, and with care", "a", start=3),
        row("Who?", "Joe.", "a"),
    ],
    "empty": [],
}


def test_each_row_is_kept_or_explained(tmp_path: Path) -> None:
    data = Data(tmp_path, ROWS)
    data.taught = {"b": [row("Where?", "In the box over there.", "b", method="qa")]}
    data.run()
    kept, metric = data.kept, data.metric
    given = sorted(r.id for rows in [*ROWS.values(), *data.taught.values()] for r in rows)
    # property: one decision for each row, each of a repeat names a row that was kept, and the metric agrees
    assert sorted(d.id for d in data.decisions) == given
    assert {d.id for d in data.decisions if d.outcome == "kept"} == {r.id for r in kept}
    assert {d.kept_id for d in data.decisions if d.outcome == "dropped"} <= {r.id for r in kept}
    assert (metric["rows_in"], metric["rows_out"], metric["items_in"], metric["items_out"]) == (6, 4, 2, 2)
    assert data.said == "kept 4 of 6 rows"
    assert {reason: n for reason, n in metric["dropped"].items() if n} == {
        "exact_duplicate": 1,
        "near_duplicate": 1,
    }
    assert metric["by_method"]["qa"] == {"in": 1, "out": 1, "dropped": {}}
    assert metric["by_item"]["a"] == {"in": 3, "out": 2, "dropped": {"near_duplicate": 1}}
    # property: the rows come in order of recording and second
    assert [(r.provenance.item, r.provenance.start) for r in kept] == [("a", 0), ("a", 3), ("b", 0), ("b", 0)]


def test_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    # property: neither the run nor the order in which items were made shows in the output
    once, again = (
        Data(tmp_path / name, rows) for name, rows in (("1", ROWS), ("2", dict(reversed(ROWS.items()))))
    )
    assert once.run() == again.run()


def test_no_rows_at_all(tmp_path: Path) -> None:
    # property: a corpus of another kind leaves an empty file, not an error
    assert Data(tmp_path, {"a": []}).run()["curated.jsonl"] == b""


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    data = Data(tmp_path, ROWS)
    data.run()
    (tmp_path / "examples/b.jsonl").write_text("{}\n")
    # property: the error names file, line and field
    with pytest.raises(LecternError, match=r"b\.jsonl:1: Example"):
        curate.main(PLAIN, RULES, tmp_path, tmp_path / "curation.json")


GOOD, FAIR, POOR, FAILED, SPOKEN = (
    row("What is a seed?", "The number that chance begins with."),
    row("What is a baseline?", "The simplest thing that could work."),
    row("What is a leak?", "A held-out answer that was trained on."),
    row("What is a split?", "Which rows are held out."),
    dialogue([("Shall we begin?", "Let us talk about splits."), ("Why?", "Most people get them wrong.")]),
)
RATED = [rate(GOOD, 5), rate(FAIR, 3, faithful=5), rate(POOR, 5, faithful=2), rate(FAILED, None)]


@pytest.mark.parametrize(
    ("change", "dropped"),
    [
        ({}, {}),
        ({"min_rating": 4.0}, {POOR.id: "low_rating"}),
        ({"min_rating": 4.5}, {FAIR.id: "low_rating", POOR.id: "low_rating"}),
        ({"min_scores": {"faithful": 3}}, {POOR.id: "low_rating"}),
        ({"min_scores": {"kind": 5}}, {}),
        ({"unrated": "drop"}, {FAILED.id: "unrated"}),
        (
            {"min_rating": 4.5, "unrated": "drop"},
            dict.fromkeys((FAIR.id, POOR.id), "low_rating") | {FAILED.id: "unrated"},
        ),
    ],
)
def test_ratings_decide_where_thresholds_are_set(tmp_path: Path, change: dict, dropped: dict) -> None:
    data = Data(tmp_path, {"a": [GOOD, FAIR, POOR, FAILED, SPOKEN]})
    data.ratings = RATED
    data.run(replace(PLAIN, **change))
    # property: by default a judge drops nothing; a row that it was never asked about passes any threshold
    assert {id: reason for id, reason in data.reasons().items() if reason != "kept"} == dropped
    assert {d.id: d.overall for d in data.decisions} == {r.id: None for r in (SPOKEN, FAILED)} | {
        r.id: r.overall for r in RATED
    }
    assert data.metric["ratings"] == {"rated": 3, "failed": 1, "not_asked": 1}


def test_the_best_rated_of_those_that_say_the_same_is_kept(tmp_path: Path) -> None:
    longer, better = row("Why?", LONG + " yes", "a"), row("Why?", LONG, "b")
    data = Data(tmp_path, {"a": [longer], "b": [better]})
    data.ratings = [rate(longer, 2), rate(better, 4)]
    data.run()
    assert data.kept == [better]
    # property: what people accept wins over any rating
    data.correct(longer, "accept")
    data.run()
    assert data.kept == [longer]


FILTERED = (
    row("Why on earth?", "No."),
    row("Why is that so, would you say?", "It is so because of chance."),
    row(
        "Next question, please.",
        "Wohin gehen wir denn heute Abend, wenn es regnet und alle Türen verschlossen sind?",
    ),
)
STRICT = replace(PLAIN, min_answer_words=3, max_question_words=5, languages=["en"], min_rating=4.0)


def test_rules_drop_rows_and_accepted_ones_pass_them(tmp_path: Path) -> None:
    data = Data(tmp_path, {"a": [*FILTERED, FAIR, SPOKEN]})
    data.ratings = [rate(FAIR, 1)]
    data.run(STRICT)
    assert data.reasons() == {
        FILTERED[0].id: "short_answer",
        FILTERED[1].id: "long_question",
        FILTERED[2].id: "language",
        FAIR.id: "low_rating",
        SPOKEN.id: "kept",
    }
    data.run(replace(STRICT, languages=[]))
    assert data.reasons()[FILTERED[2].id] == "housekeeping"
    for example in (*FILTERED, FAIR):
        data.correct(example, "accept")
    data.run(STRICT)
    # property: ratings, length, language and housekeeping do not count against a person
    assert set(data.reasons().values()) == {"kept"}
    assert all(
        "accepted by a person: to accept it" in (d.detail or "") for d in data.decisions if d.id != SPOKEN.id
    )


def test_an_evaluation_set_counts_even_against_a_person(tmp_path: Path) -> None:
    text = "Before each talk we ask: how many seeds make a result that one may believe?"
    passage = Passage(id=passage_id("doc", text), item="doc", text=text, tokens=20)
    asked = row("How many seeds make a result that one may believe?", "Three.", "doc")
    read = row("What is asked before each talk?", "Something about seeds.", "doc")
    read = Example.of(read.messages, read.provenance.model_copy(update={"passage": passage.id}))
    data = Data(tmp_path, {"doc": [asked, read, GOOD]})
    data.passages = [passage]
    data.evals = {"course": [Question(question="How many seeds make a result that one may believe?")]}
    data.correct(asked, "accept")
    data.run()
    assert data.reasons() == {asked.id: "contaminated", read.id: "contaminated", GOOD.id: "kept"}


def test_people_reject_and_edit_and_it_survives_rebuilding(tmp_path: Path) -> None:
    data = Data(tmp_path / "a", {"a": [GOOD, FAIR, POOR]})
    data.ratings = [rate(FAIR, 1), rate(POOR, 1)]
    data.correct(GOOD, "reject")
    messages = [FAIR.messages[0].model_dump(), {"role": "assistant", "content": "What any method must beat."}]
    data.correct(FAIR, "edit", messages=messages)
    data.corrections.append({"id": "0" * 16, "action": "reject", "reason": "it is gone"})
    strict = replace(PLAIN, min_rating=4.0)
    outputs = data.run(strict)
    (new,) = data.kept
    decisions = {d.id: d for d in data.decisions}
    # property: an edited row has a new id and says which it had; its decision stands under the old one
    assert new.messages[1].content == "What any method must beat."
    assert new.provenance == FAIR.provenance.model_copy(update={"corrected": FAIR.id})
    assert (decisions[FAIR.id].outcome, decisions[FAIR.id].kept_id) == ("kept", new.id)
    # property: a rejected row has the person's reason, and each row still has its one decision
    assert (decisions[GOOD.id].reason, decisions[GOOD.id].detail) == (
        "rejected",
        "rejected by a person: to reject it",
    )
    assert set(decisions) == {GOOD.id, FAIR.id, POOR.id}
    assert data.metric["corrections"] == {"accept": 0, "reject": 1, "edit": 1, "unmatched": ["0" * 16]}
    # property: made anew, in another place, it is the same
    again = Data(tmp_path / "b", data.examples)
    again.ratings, again.corrections = data.ratings, list(reversed(data.corrections))
    assert again.run(strict) == outputs


def test_a_correction_without_its_row_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = Data(tmp_path, {"a": [GOOD]})
    data.corrections = [{"id": "0" * 16, "action": "reject", "reason": "not\n\x1b[31mso"}]
    data.run()
    # property: never fatal, never silent, and harmless in a terminal
    (line,) = [text for text in capsys.readouterr().err.splitlines() if text.startswith("curate:")]
    assert line.endswith(
        f"examples.jsonl:1: there is no row {'0' * 16} any more (rejected by a person: not [31mso)"
    )


def test_an_edit_into_another_row_is_a_repeat_of_it(tmp_path: Path) -> None:
    data = Data(tmp_path, {"a": [GOOD, FAIR]})
    data.correct(FAIR, "edit", messages=[message.model_dump() for message in GOOD.messages])
    data.run()
    # property: two rows came, two decisions are there, and one row is left
    assert [r.id for r in data.kept] == [GOOD.id]
    assert sorted(d.outcome for d in data.decisions) == ["dropped", "kept"]
    assert {d.id for d in data.decisions} == {GOOD.id, FAIR.id}


def test_paraphrases_are_dropped_unless_people_want_both(tmp_path: Path) -> None:
    one = row("How do I choose a good seed?", "Draw it by chance and write it down.")
    two = row("How do I choose a good seed?", "Draw it by chance and then write it down, too.")
    data = Data(tmp_path, {"a": [one, two]})
    params = replace(PLAIN, near_duplicate_threshold=1.0, semantic_duplicate_threshold=0.7)
    data.run(params)
    assert sorted(data.reasons().values()) == ["kept", "semantic_duplicate"]
    data.correct(one, "accept")
    data.run(params)
    assert data.reasons() == {one.id: "kept", two.id: "semantic_duplicate"}
    data.correct(two, "accept")
    data.run(params)
    assert set(data.reasons().values()) == {"kept"}


WORDS = st.lists(st.sampled_from(["seed", "run", "split", "leak"]), min_size=1, max_size=3).map(" ".join)
MADE = st.builds(
    row, WORDS, WORDS, st.sampled_from("ab"), st.sampled_from([0.0, 1.0]), st.sampled_from(["qa", "summary"])
)
ACTIONS = st.sampled_from([None, "accept", "reject", "edit"])


@settings(max_examples=200)
@given(st.lists(st.tuples(MADE, ACTIONS, st.integers(1, 6), WORDS), max_size=12))
def test_every_row_gets_exactly_one_decision(drawn: list[tuple[Example, str | None, int, str]]) -> None:
    corrections, ratings = {}, {}
    for number, (example, action, score, answer) in enumerate(drawn):
        if action and answer != example.messages[1].content:
            messages = [example.messages[0], example.messages[1].model_copy(update={"content": answer})]
            correction = row_corrections.Correction.model_validate(
                {
                    "id": example.id,
                    "action": action,
                    "reason": "x",
                    "messages": messages if action == "edit" else None,
                }
            )
            if correction.new_id not in corrections:  # no circles
                corrections.setdefault(example.id, row_corrections.Entry(correction, f"file:{number}"))
        ratings[example.id] = rate(example, score if score < 6 else None)
    rows = row_corrections.apply((example for example, *_ in drawn), corrections)
    kept, decisions = curation.run(
        rows,
        [
            lambda found: curation.by_rating(
                found, ratings=ratings, minimum=3, by_criterion={}, unrated="drop"
            )
        ],
        [
            lambda found: curation.drop_duplicates(
                found, near=0.8, semantic=None, ratings=ratings, accepted=curation.find_accepted(rows)
            )
        ],
        ratings,
    )
    # property: kept and dropped are all that came, each row as often as it came
    assert Counter((d.id, d.item, d.start, d.method) for d in decisions) == Counter(
        (e.id, e.provenance.item, e.provenance.start, e.provenance.method) for e, *_ in drawn
    )
    outcomes = [d for d in decisions if d.outcome == "kept"]
    assert sorted(d.kept_id or d.id for d in outcomes) == sorted(e.id for e in kept)
    # property: what was rejected is gone, no two kept rows are one, and the counts agree
    assert not {e.id for e in kept} & {id for id, e in corrections.items() if e.correction.action == "reject"}
    assert len({e.id for e in kept}) == len(kept)
    summary = curation.summarise(decisions)
    assert summary["rows_in"] == summary["rows_out"] + sum(summary["dropped"].values()) == len(drawn)
    for groups in (summary["by_method"], summary["by_item"]):
        assert sum(g["out"] for g in groups.values()) == len(kept)
        assert all(g["in"] == g["out"] + sum(g["dropped"].values()) for g in groups.values())


def test_a_step_that_forgets_a_row_is_found_out() -> None:
    rows = row_corrections.apply([GOOD, FAIR], {})
    with pytest.raises(AssertionError, match="without a decision"):
        curation.run(rows, [lambda found: (found[:1], [])], [], {})
    with pytest.raises(IndexError):
        curation.run(rows, [lambda found: (found[:1], [drop(FAIR, "x"), drop(FAIR, "x")])], [], {})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"near_duplicate_threshold": 0.0}, "near_duplicate_threshold is 0.0; choose 0.3 to 1"),
        ({"near_duplicate_threshold": 0.29}, "near_duplicate_threshold is 0.29; choose 0.3 to 1"),
        ({"decontamination_threshold": 1.01}, "decontamination_threshold is 1.01; choose 0.3 to 1"),
        ({"semantic_duplicate_threshold": 0.1}, "semantic_duplicate_threshold is 0.1; choose 0.5 to 1"),
        ({"min_rating": 0.5}, "min_rating is 0.5; scores are from 1 to 5"),
        ({"min_scores": {"faithful": 6.0}}, "faithful is 6.0; scores are from 1 to 5"),
        ({"unrated": "forget"}, "unrated is 'forget'; choose keep or drop"),
        ({"min_answer_words": 9, "max_answer_words": 8}, "min_answer_words is 9, max_answer_words is 8"),
        ({"max_question_words": 0}, "max_question_words is 0"),
    ],
)
def test_a_value_out_of_bounds_says_what_to_choose(change: dict[str, Any], message: str) -> None:
    # property: the error names the parameter, its value and the bounds
    with pytest.raises(ValueError, match=message):
        replace(PLAIN, **change)
