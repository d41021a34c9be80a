"""The parts of the review without a browser and without DVC: what a job says, what changed, what was decided."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from lectern.apps import repro
from lectern.apps.review import changes, decisions, rebuilding
from lectern.apps.review.changes import Snapshot
from lectern.apps.review.rebuilding import Job
from lectern.core.errors import LecternError
from lectern.core.schema import Message
from lectern.curation.row_corrections import Entry

STAGES = ["fetch", "curate", "split", "score"]


def told(*lines: str, returncode: int | None = None, stopped: bool = False) -> Job:
    job = Job(list(STAGES), stopped=stopped)
    for line in lines:
        job.read(line)
    if returncode is not None:
        job.end(returncode, None)
    return job


def test_the_states_of_stages_follow_what_dvc_says() -> None:
    job = told(
        "Stage 'fetch' didn't change, skipping", "Running stage 'curate':", "> python -m stages.curate"
    )
    assert job.states == {"fetch": "unchanged", "curate": "running"}
    job.read("curate: 7 rows")
    job.read("Stage 'split' is cached - skipping run, checking out outputs")
    assert job.states == {"fetch": "unchanged", "curate": "done", "split": "from the cache"}
    job.read("Running stage 'score':")
    job.read("ERROR: failed to reproduce 'score': exited with 1")
    assert job.states["score"] == "failed"
    # property: a stage that failed stays so at the end, one that was running when all went well is done
    assert job.summaries == ["curate: 7 rows"]
    job.end(1, None)
    assert job.states["score"] == "failed"
    assert told("Running stage 'score':", returncode=0).states == {"score": "done"}
    assert told("Running stage 'score':", returncode=2).states == {"score": "running"}


@pytest.mark.parametrize(
    ("job", "outcome"),
    [
        (told("Running stage 'score':"), ""),
        (told("Running stage 'score':", returncode=0), "Done."),
        (told("ERROR: failed to reproduce 'score': x", returncode=1), "score failed."),
        (told("ERROR: what?", returncode=255), "dvc repro failed."),
        (told(returncode=1, stopped=True), "Stopped."),
        (told("ERROR: Unable to acquire lock.", returncode=1, stopped=True), "Another `dvc` is running"),
    ],
)
def test_how_a_job_ended_is_said_in_a_sentence(job: Job, outcome: str) -> None:
    assert job.outcome.startswith(outcome)
    assert bool(job.outcome) == bool(outcome)
    assert job.running == (outcome == "")


def test_of_the_output_the_last_lines_are_kept_and_each_is_cut() -> None:
    job = told("x" * 500, " \t", *(f"line {n}" for n in range(rebuilding.LINES + 5)))
    assert len(job.lines) == rebuilding.LINES
    assert job.lines[-1] == f"line {rebuilding.LINES + 4}"
    assert told("x" * 500).lines == ["x" * rebuilding.LONG]
    assert told(" ", "").lines == []


def due(
    patch: pytest.MonkeyPatch, root: Path, pipeline: dict[str, Any], told: Any, stderr: str = ""
) -> list[tuple[str, str, float | None]]:
    """Which stages are out of date and why, where `dvc status` tells this of a pipeline."""
    (root / "dvc.yaml").write_text(yaml.safe_dump({"stages": pipeline}, sort_keys=False))
    said = told if isinstance(told, str) else json.dumps(told)
    asked: list[Any] = []

    def run(command: list[str], **options: Any) -> Any:
        asked.append((command[1:], options["cwd"], options["env"]["DVC_NO_ANALYTICS"]))
        return SimpleNamespace(stdout=said, stderr=stderr, returncode=0)

    patch.setattr(rebuilding.subprocess, "run", run)
    found = [(one.stage, one.why, one.seconds) for one in rebuilding.find_due(root)]
    assert asked == [(["-m", "dvc", "status", "--json"], root, "1")]
    return found


@pytest.mark.parametrize(
    ("dep", "follows"),
    [
        ("data/raw", True), ("data/raw/one", True), ("data", True), ("metrics", True), ("metrics/a.json", True),
        ("data/rawest", False), ("data/other", False), ("metrics/a.jsonl", False), ("raw", False), ("plots/p", True),
    ],
)  # fmt: skip
def test_a_stage_follows_what_stands_at_below_or_above_an_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dep: str, follows: bool
) -> None:
    pipeline = {
        "last": {"deps": ["second"], "outs": []},
        "first": {
            "outs": ["data/raw", {"b": {"cache": False}}], "metrics": [{"metrics/a.json": {}}], "plots": ["plots"]
        },
        "second": {"deps": ["nothing", dep], "outs": ["second"]},
        "none": {},
    }  # fmt: skip
    changed = {"first": ["changed command"], "not a stage.dvc": ["x"]}
    expected = [("first", "changed command", None)] + ([("second", "follows first", None)] if follows else [])
    assert due(monkeypatch, tmp_path, pipeline, changed) == expected


def test_why_a_stage_is_out_of_date_is_what_dvc_says_and_its_time_that_of_the_last_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = ["always changed", {"changed deps": {"x": "modified", "y": "new"}}, {"changed command": "python"}]
    pipeline = {"a": {"outs": ["a"]}, "b": {"deps": ["a"]}, "c": {}}
    (tmp_path / "metrics/runtime").mkdir(parents=True)
    for name, text in (("a", '{"seconds": 2.5}'), ("b", "{"), ("c", '{"seconds": "x"}')):
        (tmp_path / f"metrics/runtime/{name}.json").write_text(text)
    assert due(monkeypatch, tmp_path, pipeline, {"a": told, "c": ["new"]}) == [
        ("a", "always changed, x modified, y new, python", 2.5), ("b", "follows a", None), ("c", "new", None)
    ]  # fmt: skip
    (tmp_path / "metrics/runtime/a.json").write_text("{}")
    assert due(monkeypatch, tmp_path, pipeline, {"a": ["new"]})[0] == ("a", "new", None)
    assert due(monkeypatch, tmp_path, pipeline, {}) == []


@pytest.mark.parametrize(
    ("stderr", "reason"), [("", "no reason given"), ("one\nERROR: no git\n", "ERROR: no git")]
)
def test_a_status_that_fails_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stderr: str, reason: str
) -> None:
    with pytest.raises(LecternError) as caught:
        due(monkeypatch, tmp_path, {}, "", stderr)
    assert str(caught.value) == f"`dvc status` failed: {reason}"


@pytest.mark.parametrize("text", [None, "stages: [", "[]", "null", "{}", "stages:", "stages: [a]"])
def test_a_folder_without_a_pipeline_is_named(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "dvc.yaml").write_text(text)
    problem = "does not exist" if text is None else "is not a pipeline of DVC"
    with pytest.raises(LecternError, match=rf"dvc\.yaml {problem}"):
        repro.read_pipeline(tmp_path)


def snapshot(**values: Any) -> Snapshot:
    return Snapshot(**{**{name: {} for name in ("outputs", "rows", "curated", "figures")}, **values})


def test_what_changed_is_each_output_row_and_figure_that_differs() -> None:
    before = snapshot(
        outputs={"curate": {"a": "1", "b": "2"}, "gone": {"x": "1"}},
        rows={
            ("1", "talk"): "kept",
            ("2", "talk"): "rejected",
            ("3", "a talk"): "kept",
            ("4", "talk"): "kept",
        },
        curated={"1": ("talk", "Why?"), "3": ("a talk", "When?"), "old": ("talk", "Edited?")},
        figures={"curation: rows": "3", "same": "1", "went": "2"},
    )
    after = snapshot(
        outputs={"curate": {"a": "1", "b": "3"}, "new": {"y": "1"}},
        rows={
            ("1", "talk"): "kept",
            ("2", "talk"): "kept",
            ("4", "talk"): "near_duplicate",
            ("5", "talk"): "kept",
        },
        curated={"1": ("talk", "Why?"), "2": ("talk", "Who?"), "new": ("talk", "Edited!")},
        figures={"curation: rows": "4", "same": "1", "came": "5"},
    )
    found = changes.compare(before, after)
    assert found.outputs == {"curate": ["b"], "new": ["y"]}
    # property: by item and row; one that a person edited came under another id
    assert found.rows == [
        ("3", "a talk", "kept", ""), ("2", "talk", "rejected", "kept"), ("4", "talk", "kept", "near_duplicate"),
        ("5", "talk", "", "kept"), ("new", "talk", "", "kept"), ("old", "talk", "kept", ""),
    ]  # fmt: skip
    assert found.counts == {
        ("kept", ""): 2,
        ("rejected", "kept"): 1,
        ("kept", "near_duplicate"): 1,
        ("", "kept"): 2,
    }
    assert found.figures == [("came", "", "5"), ("curation: rows", "3", "4"), ("went", "2", "")]
    assert found.questions == {"1": "Why?", "2": "Who?", "3": "When?", "old": "Edited?", "new": "Edited!"}
    assert not found.nothing
    assert changes.compare(before, before).nothing


@pytest.mark.parametrize(
    "field", [{"outputs": {"a": ["b"]}}, {"rows": [("1", "a", "", "kept")]}, {"figures": [("a", "", "1")]}]
)
def test_something_changed_where_any_kind_of_it_did(field: dict[str, Any]) -> None:
    assert changes.Changes().nothing
    assert not changes.Changes(**field).nothing


def test_a_snapshot_leaves_out_what_is_not_there_and_a_broken_lock_is_named(tmp_path: Path) -> None:
    assert changes.take(tmp_path) == snapshot()
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics/half.json").write_text('{"rows": ')  # of a stage that was stopped
    (tmp_path / "metrics/whole.json").write_text(json.dumps({"rows": {"kept": 3}}))
    (tmp_path / "dvc.lock").write_text(
        "stages:\n  a:\n    outs:\n    - {path: x, md5: abc}\n    - {path: y}\n  b: {}\n"
    )
    found = changes.take(tmp_path)
    assert dict(found.figures) == {"whole: rows.kept": "3"}
    assert found.outputs == {"a": {"x": "abc", "y": ""}, "b": {}}
    for broken in (
        "stages: [",
        "stages: 3\n",
        "- a\n",
        "stages:\n  a: 3\n",
        "stages:\n  a:\n    outs:\n    - {md5: x}\n",
    ):
        (tmp_path / "dvc.lock").write_text(broken)
        with pytest.raises(LecternError, match=r"dvc\.lock cannot be read"):
            changes.take(tmp_path)


ASKED = [Message(role="user", content="Why?"), Message(role="assistant", content="So.")]
EDITED = [ASKED[0], Message(role="assistant", content="So it is.")]


def test_a_row_that_was_edited_again_has_its_last_decision() -> None:
    first = decisions.make("0" * 16, "edit", "wrong", EDITED)
    second = decisions.make(first.new_id, "reject", "wrong")
    entries = {"0" * 16: Entry(first, "a"), first.new_id: Entry(second, "b")}
    assert decisions.Decisions(entries, ()).latest("0" * 16) == second
    assert decisions.Decisions({"0" * 16: Entry(first, "a")}, ()).latest("0" * 16) == first
    assert decisions.Decisions(entries, ()).latest("1" * 16) is None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (("0" * 16, "edit", "wrong", None), "messages"),
        (("0" * 16, "reject", "wrong", ASKED), "messages"),
        (("0" * 16, "edit", "wrong", ASKED[:1]), "messages"),
        (("0" * 16, "reject", "", None), "reason: "),
        (("0" * 16, "burn", "wrong", None), "action: "),
        (("nonsense", "reject", "wrong", None), "id: "),
    ],
)
def test_a_decision_that_is_not_valid_says_why(values: tuple[Any, ...], message: str) -> None:
    with pytest.raises(LecternError) as caught:
        decisions.make(*values)
    assert message in str(caught.value)
    assert "Value error" not in str(caught.value)


def test_a_decision_is_written_over_only_what_the_reviewer_saw(tmp_path: Path) -> None:
    row = "0" * 16
    mine, theirs = decisions.make(row, "reject", " wrong "), decisions.make(row, "reject", "says nothing")
    assert mine.reason == "wrong"
    decisions.write_over(tmp_path, row, mine, decisions.digest(None))
    assert decisions.file_says(tmp_path, row) == mine
    # property: once more is no conflict, another one is; and one that was seen may go
    decisions.write_over(tmp_path, row, mine, decisions.digest(None))
    with pytest.raises(decisions.MeanwhileError) as caught:
        decisions.write_over(tmp_path, row, theirs, decisions.digest(None))
    assert caught.value.theirs == mine
    assert str(caught.value) == f"somebody else decided meanwhile: {mine}"
    assert str(decisions.MeanwhileError(None)) == "somebody else decided meanwhile: nothing"
    decisions.write_over(tmp_path, row, None, decisions.digest(mine))
    assert decisions.file_says(tmp_path, row) is None
    assert decisions.digest(mine) != decisions.digest(theirs)
    for wrong in ("../x", "0" * 15, "0" * 17, "G" * 16):
        with pytest.raises(LecternError, match="is not an id of a row"):
            decisions.write_over(tmp_path, wrong, mine, "")


def test_a_row_that_is_corrected_by_hand_is_changed_there(tmp_path: Path) -> None:
    decision = decisions.make("0" * 16, "reject", "wrong")
    folder = tmp_path / "data/corrections"
    folder.mkdir(parents=True)
    (folder / "examples.jsonl").write_text(
        json.dumps({"id": "0" * 16, "action": "reject", "reason": "x"}) + "\n"
    )
    with pytest.raises(LecternError, match=r"corrected by hand at .*examples\.jsonl:1"):
        decisions.write(tmp_path, "0" * 16, decision, None)
    other = decisions.make("1" * 16, "reject", "wrong")
    decisions.write(tmp_path, "1" * 16, other, None)
    assert decisions.read(tmp_path).latest("1" * 16) == other
    before = decisions.take_stamp(tmp_path)
    decisions.write(tmp_path, "1" * 16, None, other)
    assert decisions.take_stamp(tmp_path) != before
    assert decisions.take_stamp(tmp_path / "nothing") == (None, None)
