"""A rebuild as a job: real DVC in a small repository of three stages."""

import json
import shutil
import signal
import sys
import threading
from pathlib import Path

import pytest

from lectern.apps.review.rebuilding import Builder, Job, find_due
from lectern.core.errors import LecternError
from tests import warm
from tests.support import small_pipelines

PIPELINE = """
stages:
  first: {cmd: python work.py first, deps: [work.py, source.txt], outs: [first.txt]}
  second: {cmd: python work.py second, deps: [work.py, first.txt], outs: [second.txt]}
  third: {cmd: python work.py third, deps: [work.py, second.txt], outs: [third.txt]}
"""
WORK = """
import pathlib, sys
name = sys.argv[1]
source = pathlib.Path("source.txt").read_text()
if source.startswith(f"fail {name}"):
    sys.exit(f"{name}: error: the <b>source</b> is no good")
if source.startswith(f"wait {name}"):
    pathlib.Path("waiting").touch()
    try:
        __import__("threading").Event().wait(600)
    except KeyboardInterrupt:
        sys.exit(f"{name}: interrupted")
pathlib.Path(f"{name}.txt").write_text(name + source)
print(f"{name}: made 1, kept 0, removed 0, failed 0")
"""


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository, in which nothing has run; each test takes a copy."""
    root = tmp_path_factory.mktemp("started") / "repo"
    small_pipelines.make(root, dvc_yaml=PIPELINE, work_py=WORK, source_txt="one")
    (root / "metrics/runtime").mkdir(parents=True)
    (root / "metrics/runtime/first.json").write_text(json.dumps({"seconds": 215.0}))
    return root


@pytest.fixture
def root(started: Path, tmp_path: Path) -> Path:
    return shutil.copytree(started, tmp_path / "repo")


@pytest.fixture
def warm_dvc(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rebuild's DVC is a warm process: for a test that stops none, since that would have another group."""
    monkeypatch.setattr(sys, "executable", warm.python())


def wait_until_at_work(root: Path, job: Job) -> None:
    """Until a stage has written that it waits."""
    beat = threading.Event()
    while not (root / "waiting").exists():
        assert job.running, job.lines
        beat.wait(0.01)


def wait(builder: Builder, job: Job) -> Job:
    """Until the job's thread has ended."""
    assert builder.thread is not None
    builder.thread.join(120)
    assert not job.running
    return job


@pytest.mark.usefixtures("warm_dvc")
def test_it_runs_what_changed_says_so_and_how_the_outputs_differ(root: Path) -> None:
    builder = Builder(root)
    due = find_due(root)
    assert [(each.stage, each.seconds) for each in due] == [
        ("first", 215.0),
        ("second", None),
        ("third", None),
    ]
    job = wait(builder, builder.start(None))
    assert job.states == {"first": "done", "second": "done", "third": "done"}
    assert job.summaries[0] == "first: made 1, kept 0, removed 0, failed 0"
    assert job.outcome == "Done."
    assert job.found is not None
    assert job.found.outputs == {name: [f"{name}.txt"] for name in ("first", "second", "third")}
    assert find_due(root) == []
    job = wait(builder, builder.start(None))
    assert set(job.states.values()) == {"unchanged"}
    assert job.found is not None
    assert job.found.nothing
    (root / "source.txt").write_text("two")
    [due, *following] = find_due(root)
    assert due.why == "source.txt modified"
    assert [each.why for each in following] == ["follows first", "follows second"]
    job = wait(builder, builder.start("first"))
    assert job.found is not None
    assert job.found.outputs == {"first": ["first.txt"]}


@pytest.mark.usefixtures("warm_dvc")
def test_a_failure_says_which_stage_and_keeps_what_was_finished(root: Path) -> None:
    (root / "source.txt").write_text("fail second")
    builder = Builder(root)
    job = wait(builder, builder.start(None))
    assert job.states == {"first": "done", "second": "failed"}
    assert job.outcome.startswith("second failed")
    assert any("error: the <b>source</b> is no good" in line for line in job.lines)
    assert (root / "first.txt").is_file()


@pytest.mark.usefixtures("warm_dvc")
def test_outputs_that_cannot_be_read_afterwards_are_said_and_the_rebuild_has_ended(root: Path) -> None:
    work = (
        "import pathlib\npathlib.Path('data').mkdir()\npathlib.Path('data/curated.jsonl').write_text('{}')\n"
    )
    (root / "work.py").write_text(work)
    (root / "dvc.yaml").write_text("stages: {curate: {cmd: python work.py, deps: [work.py]}}")
    builder = Builder(root)
    job = wait(builder, builder.start(None))
    # property: the page has the end of the job and the file that is broken, but no differences
    assert (job.returncode, job.states, job.found) == (0, {"curate": "done"}, None)
    assert "error: " in job.lines[-1]
    assert "curated.jsonl:1: Example" in job.lines[-1]


@pytest.mark.parametrize("background", [False, True])
def test_one_at_a_time_and_a_stop_ends_all_of_it(root: Path, background: bool) -> None:
    (root / "source.txt").write_text("wait second")
    builder = Builder(root)
    # A shell lets what a script starts with `&` ignore Ctrl-C, and so do all processes that it starts.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN) if background else signal.getsignal(signal.SIGINT)
    try:
        job = builder.start(None)
    finally:
        signal.signal(signal.SIGINT, before)
    wait_until_at_work(root, job)
    with pytest.raises(LecternError, match="already running"):
        builder.start(None)
    builder.stop()
    wait(builder, job)
    assert job.outcome.startswith("Stopped.")
    assert job.states["first"] == "done"
    (root / "source.txt").write_text("three")
    assert wait(builder, builder.start(None)).outcome == "Done.", "nothing is left that holds DVC's lock"


def test_the_end_of_the_server_ends_the_job(root: Path) -> None:
    (root / "source.txt").write_text("wait first")
    builder = Builder(root)
    job = builder.start(None)
    wait_until_at_work(root, job)
    builder.close()
    wait(builder, job)
    assert job.returncode != 0


def test_what_is_no_stage_is_not_run(root: Path) -> None:
    with pytest.raises(
        LecternError, match="there is no stage '; touch x'; the stages are first, second, third"
    ):
        Builder(root).start("; touch x")
    (root / "dvc.yaml").unlink()
    with pytest.raises(LecternError, match=r"dvc\.yaml does not exist"):
        Builder(root).start(None)


def test_what_it_says_is_cut_and_cannot_act_in_a_terminal() -> None:
    job = Job(["a"])
    job.read("\x1b[31mred\x1b[0m " + "x" * 10_000)
    assert "\x1b" not in job.lines[0]
    assert len(job.lines[0]) <= 400
    for number in range(5_000):
        job.read(f"line {number}")
    assert len(job.lines) == 2_000
