"""The rows as the review filters them, against the plain reading of the same records."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectern.apps.review import changes, decisions, labelling, row_index
from lectern.apps.review.row_index import Filter
from lectern.core import io
from lectern.core.errors import LecternError
from lectern.core.schema import Decision, Example, Message
from tests.support import review_repo


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("repo")
    review_repo.make(made, recordings=3, documents=2, rows=6)
    return made


@pytest.fixture(scope="module")
def rows(root: Path) -> row_index.Rows:
    return row_index.build(root)


FILTERS = st.builds(
    Filter,
    text=st.sampled_from(["", "WORD 2", "seeds", "nowhere"]),
    item=st.sampled_from([None, "talk-0001", "paper-0000", "nothing"]),
    method=st.sampled_from([None, "qa", "description_questions"]),
    reason=st.sampled_from([None, "kept", "near_duplicate"]),
    repeats=st.booleans(),
    reviewed=st.sampled_from([None, True, False]),
    least_score=st.sampled_from([None, 2.0, 4.0]),
    most_score=st.sampled_from([None, 3.0]),
    least_words=st.sampled_from([None, 10, 20]),
    most_words=st.sampled_from([None, 15]),
    order=st.sampled_from(row_index.ORDERS),
)


@given(FILTERS)
def test_a_filter_lets_through_what_the_records_say(wanted: Filter) -> None:
    decided = {decision.id: decision for decision in KNOWN.decisions}
    reviewed = {KNOWN.examples[0].id, KNOWN.examples[7].id, "0" * 16}
    found = [KNOWN.rows.ids[number] for number in row_index.select(KNOWN.rows, wanted, reviewed)]

    def passes(row: Example) -> bool:
        said, fate = "\n".join(m.content for m in row.messages), decided[row.id]
        words = sum(m.content.count(" ") + 1 for m in row.messages)
        score = fate.overall or 0
        return (
            wanted.text.casefold() in said.casefold()
            and wanted.item in (None, row.provenance.item)
            and wanted.method in (None, row.provenance.method)
            and wanted.reason in (None, fate.reason)
            and (not wanted.repeats or fate.kept_id is not None)
            and wanted.reviewed in (None, row.id in reviewed)
            and (wanted.least_score is None or score >= wanted.least_score)
            and (wanted.most_score is None or score <= wanted.most_score)
            and (wanted.least_words is None or words >= wanted.least_words)
            and (wanted.most_words is None or words <= wanted.most_words)
        )

    assert sorted(found) == sorted(row.id for row in KNOWN.examples if passes(row))
    assert row_index.parse(row_index.to_query(wanted)) == wanted, "an address holds the filter"


class Known:
    """The made-up repository, once for all examples of the property."""

    rows: row_index.Rows
    examples: list[Example]
    decisions: list[Decision]


KNOWN = Known()


@pytest.fixture(autouse=True, scope="module")
def known(root: Path, rows: row_index.Rows) -> None:
    KNOWN.rows = rows
    paths = sorted([*(root / "data/examples").glob("*.jsonl"), *(root / "data/taught").glob("*.jsonl")])
    KNOWN.examples = [row for path in paths for row in io.read_jsonl(path, Example)]
    KNOWN.decisions = io.read_jsonl(root / "data/curation_decisions.jsonl", Decision)


def test_a_row_is_read_from_its_place(rows: row_index.Rows) -> None:
    assert {rows.read(number).id for number in range(len(rows))} == {row.id for row in KNOWN.examples}


def test_orders(rows: row_index.Rows) -> None:
    for order, column in (("score", rows.score), ("longest", -rows.words), ("shortest", rows.words)):
        found = row_index.select(rows, Filter(order=order), set())
        assert np.all(np.diff(column[found]) >= 0)


def test_an_edited_row_is_the_row_that_it_was(tmp_path: Path) -> None:
    review_repo.make(tmp_path, recordings=1, documents=0)
    index = row_index.build(tmp_path)
    row = index.read(0)
    new = [row.messages[0], Message(role="assistant", content="Worded better.")]
    decisions.write(tmp_path, row.id, decisions.make(row.id, "edit", "better", new), None)
    edited = Example.of(new, row.provenance.model_copy(update={"corrected": row.id}))
    fates = io.read_jsonl(tmp_path / "data/curation_decisions.jsonl", Decision)
    fates[0] = fates[0].model_copy(update={"id": edited.id, "outcome": "dropped", "reason": "language"})
    io.write_jsonl(tmp_path / "data/curation_decisions.jsonl", fates)  # as a rebuild leaves it
    again = row_index.build(tmp_path)
    assert again.ids == index.ids
    assert again.dropped[row.id].reason == "language"
    latest = decisions.read(tmp_path).latest(row.id)
    assert latest is not None
    assert latest.messages == new


def test_decisions_that_cannot_be_are_refused_and_those_by_hand_left_alone(tmp_path: Path) -> None:
    review_repo.make(tmp_path, recordings=1, documents=0)
    row = row_index.build(tmp_path).read(0)
    with pytest.raises(LecternError, match="reason"):
        decisions.make(row.id, "reject", "  ")
    with pytest.raises(LecternError, match="changes nothing"):
        decisions.make(row.id, "edit", "x", row.messages)
    with pytest.raises(LecternError, match="the assistant's is the last"):
        decisions.make(row.id, "edit", "x", row.messages[:1])
    by_hand = decisions.make(row.id, "accept", "by hand")
    io.write_jsonl(tmp_path / "data/corrections/examples.jsonl", [by_hand])
    with pytest.raises(LecternError, match=r"by hand at .*examples\.jsonl:1"):
        decisions.write(tmp_path, row.id, decisions.make(row.id, "reject", "x"), None)


def test_a_decision_is_written_only_over_what_was_seen(tmp_path: Path) -> None:
    review_repo.make(tmp_path, recordings=1, documents=0)
    id = row_index.build(tmp_path).ids[0]
    mine, theirs = decisions.make(id, "accept", "mine"), decisions.make(id, "reject", "theirs")
    decisions.write(tmp_path, id, theirs, None)
    with pytest.raises(decisions.MeanwhileError) as caught:
        decisions.write(tmp_path, id, mine, None)
    assert caught.value.theirs == theirs
    with pytest.raises(decisions.MeanwhileError):
        decisions.write(tmp_path, id, None, mine)
    decisions.write(tmp_path, id, mine, theirs)
    assert decisions.file_says(tmp_path, id) == mine
    decisions.write(tmp_path, id, None, mine)
    assert decisions.file_says(tmp_path, id) is None


def test_a_decision_is_written_over_what_was_seen_alone(tmp_path: Path) -> None:
    id = "0123456789abcdef"
    mine, theirs = decisions.make(id, "accept", "mine"), decisions.make(id, "reject", "theirs")
    decisions.write_over(tmp_path, id, theirs, "")
    for seen in ("", decisions.digest(mine), "act 3"):
        with pytest.raises(decisions.MeanwhileError) as caught:
            decisions.write_over(tmp_path, id, mine, seen)
        assert caught.value.theirs == theirs
    decisions.write_over(tmp_path, id, mine, decisions.digest(theirs))
    decisions.write_over(tmp_path, id, mine, "told again by a page that was loaded again")
    assert decisions.file_says(tmp_path, id) == mine
    decisions.write_over(tmp_path, id, None, decisions.digest(mine))
    assert decisions.file_says(tmp_path, id) is None
    for path in ("../0123456789abcdef", "", id.upper()):
        with pytest.raises(LecternError, match="not an id of a row"):
            decisions.write_over(tmp_path, path, None, "")


def test_a_label_is_written_over_what_was_seen_alone(root: Path) -> None:
    case = labelling.list_pairs(root, "base", "tuned", "dora")[0]
    first = labelling.write(root, case, "a", "dora", "", seen="")
    with pytest.raises(labelling.MeanwhileError) as caught:
        labelling.write(root, case, "b", "dora", "", seen="")
    assert caught.value.theirs == first
    with pytest.raises(labelling.MeanwhileError):
        labelling.take_back(root, case.id, "dora", seen="")
    second = labelling.write(root, case, "b", "dora", "", seen=labelling.digest(first))
    labelling.take_back(root, case.id, "dora", seen=labelling.digest(second))
    assert labelling.read_own(root, "dora") == {}


def test_everybody_labels_the_same_cases_first_and_sees_sides_of_their_own(root: Path) -> None:
    ann, ben = (labelling.list_pairs(root, "base", "tuned", name) for name in ("ann", "ben"))
    assert [case.id for case in ann] == [case.id for case in ben]
    assert ann == labelling.list_pairs(root, "base", "tuned", "ann"), "a reload turns nothing"
    assert [case.a for case in ann] != [case.a for case in ben]
    left = [str(case.a).startswith("tuned") for case in ann]
    assert 0.2 < sum(left) / len(left) < 0.8
    for case in (ann[0], ben[0]):
        labelling.write(root, case, "a", "ann" if case is ann[0] else "ben", "")
    told = labelling.summarise(root, "pair", "ann")
    assert "1 pairs labelled by you" in told
    assert ("the same verdict as others on 1 of 1" in told) == (ann[0].a == ben[0].a)


@pytest.mark.parametrize("name", ["", "..", "///", "——"])
def test_a_name_that_makes_no_folder_is_refused(root: Path, name: str) -> None:
    with pytest.raises(LecternError, match="--by"):
        labelling.folder_of(root, name)


def test_two_people_never_share_a_folder(root: Path) -> None:
    case = labelling.list_pairs(root, "base", "tuned", "Asha Rao")[0]
    labelling.write(root, case, "tie", "Asha Rao", "")
    with pytest.raises(LecternError, match="a label by 'Asha Rao', not by 'asha-rao'"):
        labelling.write(root, case, "a", "asha-rao", "")


def test_what_changed_between_two_times(tmp_path: Path) -> None:
    review_repo.make(tmp_path, recordings=1, documents=0)
    io.write_json(tmp_path / "metrics/scores.json", {"tuned": {"nll": {"value": 4.0}}})
    before = changes.take(tmp_path)
    assert changes.compare(before, changes.take(tmp_path)).nothing
    fates = io.read_jsonl(tmp_path / "data/curation_decisions.jsonl", Decision)
    changed = [fates[0].model_copy(update={"outcome": "dropped", "reason": "rejected"}), *fates[2:]]
    io.write_jsonl(tmp_path / "data/curation_decisions.jsonl", changed)
    io.write_json(tmp_path / "metrics/scores.json", {"tuned": {"nll": {"value": 3.9}}})
    curated = io.read_jsonl(tmp_path / "data/curated.jsonl", Example)
    edited = Example.of(
        [*curated[2].messages[:-1], Message(role="assistant", content="New.")], curated[2].provenance
    )
    io.write_jsonl(tmp_path / "data/curated.jsonl", [edited, *curated[3:]])
    found = changes.compare(before, changes.take(tmp_path))
    assert found.counts == {("kept", "rejected"): 1, ("kept", ""): 2, ("", "kept"): 1}
    assert (edited.id, edited.provenance.item, "", "kept") in found.rows
    assert found.figures == [("scores: tuned.nll.value", "4.0", "3.9")]
