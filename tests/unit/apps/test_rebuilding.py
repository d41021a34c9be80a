"""A rebuild as a job: real DVC in a small repository of three stages."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lectern.apps.review.rebuilding import Builder, Job, find_due, list_stages
from lectern.core.errors import LecternError

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


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "dvc.yaml").write_text(PIPELINE)
    (tmp_path / "work.py").write_text(WORK)
    (tmp_path / "source.txt").write_text("one")
    (tmp_path / "metrics/runtime").mkdir(parents=True)
    (tmp_path / "metrics/runtime/first.json").write_text(json.dumps({"seconds": 215.0}))
    env = {**os.environ, "DVC_NO_ANALYTICS": "1"}
    for command in (["git", "init", "-q"], [sys.executable, "-m", "dvc", "init", "-q"]):
        subprocess.run(command, cwd=tmp_path, check=True, env=env)
    return tmp_path


def wait(builder: Builder, job: Job) -> Job:
    """Until the job's thread has ended."""
    assert builder.thread is not None
    builder.thread.join(120)
    assert not job.running
    return job


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


def test_a_failure_says_which_stage_and_keeps_what_was_finished(root: Path) -> None:
    (root / "source.txt").write_text("fail second")
    builder = Builder(root)
    job = wait(builder, builder.start(None))
    assert job.states == {"first": "done", "second": "failed"}
    assert job.outcome.startswith("second failed")
    assert any("error: the <b>source</b> is no good" in line for line in job.lines)
    assert (root / "first.txt").is_file()


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
    while not (root / "waiting").exists():  # the stage is at work
        assert job.running, job.lines
        os.sched_yield()
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
    while not (root / "waiting").exists():
        assert job.running, job.lines
        os.sched_yield()
    builder.close()
    wait(builder, job)
    assert job.returncode != 0


def test_what_is_no_stage_is_not_run(root: Path) -> None:
    with pytest.raises(
        LecternError, match="there is no stage '; touch x'; the stages are first, second, third"
    ):
        Builder(root).start("; touch x")
    (root / "dvc.yaml").unlink()
    with pytest.raises(LecternError, match="not a pipeline"):
        list_stages(root)


def test_what_it_says_is_cut_and_cannot_act_in_a_terminal() -> None:
    job = Job(["a"])
    job.read("\x1b[31mred\x1b[0m " + "x" * 10_000)
    assert "\x1b" not in job.lines[0]
    assert len(job.lines[0]) <= 400
    for number in range(5_000):
        job.read(f"line {number}")
    assert len(job.lines) == 2_000
