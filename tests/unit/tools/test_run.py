"""`lectern run`: real DVC in a small repository; what is told on the way and at the end, and what goes through."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lectern.apps.repro import read_pipeline
from lectern.core import io
from lectern.core.errors import LecternError
from lectern.tools import run
from lectern.tools.running import closing, progress
from tests import warm
from tests.support import made_up_runs, small_pipelines
from tests.support.shipped import ROOT

PIPELINE = """
stages:
  first: {desc: Make the first, cmd: python work.py first, deps: [work.py, source.txt], outs: [first.txt]}
  second: {desc: Make the second, cmd: python work.py second, deps: [work.py, first.txt], outs: [second.txt]}
"""
WORK = """
import pathlib, sys
name = sys.argv[1]
source = pathlib.Path("source.txt").read_text()
if source.startswith(f"fail {name}"):
    sys.exit(f"{name}: error: the source is no good")
if source.startswith(f"wait {name}"):
    wait = __import__("threading").Event().wait
    try:
        print(f"{name}: waits", flush=True)
        wait(600)
    except KeyboardInterrupt:
        sys.exit(f"{name}: interrupted; what was finished is kept")
pathlib.Path(f"{name}.txt").write_text(name + source)
print(f"{name}: made 1")
"""


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository, in which nothing has run; each test takes a copy."""
    root = tmp_path_factory.mktemp("started") / "repo"
    return small_pipelines.make(root, dvc_yaml=PIPELINE, work_py=WORK, source_txt="one")


@pytest.fixture
def root(started: Path, tmp_path: Path) -> Path:
    return shutil.copytree(started, tmp_path / "repo")


@pytest.fixture
def warm_dvc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", warm.python())


@pytest.mark.usefixtures("warm_dvc")
def test_each_step_is_announced_and_dvc_does_not_drown_it(
    root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run.main([], root) == 0
    told = capfd.readouterr().out.splitlines()
    assert told[:-1] == [
        "[1/2] first: Make the first",
        "      first: made 1",
        "[2/2] second: Make the second",
        "      second: made 1",
        "",
    ]
    assert re.fullmatch(r"Made: everything that was asked for, in \d+ s\.", told[-1])
    log = (root / run.LOG).read_text()
    assert "Running stage 'first':\n> python work.py first\nfirst: made 1\nUpdating lock file" in log or (
        "Running stage 'first':\n> python work.py first\nfirst: made 1\nGenerating lock file" in log
    )
    assert run.main([], root) == 0
    assert capfd.readouterr().out.splitlines() == [
        "Everything is up to date.",
        "",
        "Made: everything that was asked for.",
    ]
    # a step that is passed by counts
    (root / "first.txt").write_text("tampered")
    assert run.main(["--force", "--single-item", "second"], root, verbose=True) == 0
    assert "> python work.py second" in capfd.readouterr().out


@pytest.mark.usefixtures("warm_dvc")
def test_a_run_that_stops_before_the_report_tells_what_it_made(
    root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (root / "dvc.yaml").write_text(PIPELINE.replace("second", "report"))
    assert run.main(["first"], root) == 0
    told = capfd.readouterr().out.splitlines()[-1]
    assert re.fullmatch(r"Made: first, in \d+ s\. `lectern run` brings everything up to date\.", told)
    assert run.main(["first"], root) == 0
    told = capfd.readouterr().out.splitlines()[-1]
    assert told.startswith("Made: nothing, since all of it is up to date, in ")
    # the whole of it, also where nothing has to run
    for first in ("[1/2] first", "Everything is up to date."):
        assert run.main(["--force"] if first != "Everything is up to date." else [], root) == 0
        told = capfd.readouterr().out
        assert told.startswith(first)
        assert "Made: everything that was asked for" in told


@pytest.mark.usefixtures("warm_dvc")
def test_the_status_and_the_errors_are_those_of_dvc(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (root / "source.txt").write_text("fail second")
    environment = warm.environment(DVC_NO_ANALYTICS="1")
    alone = subprocess.run(["dvc", "repro"], cwd=root, env=environment, capture_output=True, text=True)
    assert alone.returncode
    (root / "first.txt").unlink()
    (root / "dvc.lock").unlink()
    assert run.main([], root) == alone.returncode
    shown = capfd.readouterr()
    assert shown.err == alone.stderr
    assert "second: error: the source is no good" in shown.err
    assert "Made:" not in shown.out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_what_ends_it_ends_dvc_and_the_stage_and_keeps_what_was_finished(
    root: Path, number: signal.Signals
) -> None:
    (root / "source.txt").write_text("wait second")
    process = subprocess.Popen(
        [sys.executable, "-m", "lectern", "run"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert any("second: waits" in line for line in process.stdout)
    process.send_signal(number)
    said = process.communicate(timeout=60)[1]  # which ends when no process has this stderr any more
    assert process.returncode > 0
    if number == signal.SIGINT:
        assert "second: interrupted; what was finished is kept" in said
    assert "Traceback" not in said
    assert "first:" in (root / "dvc.lock").read_text()


def test_a_folder_without_a_pipeline_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(
        LecternError, match=r"dvc\.yaml does not exist\. Run this in the folder of the pipeline\."
    ):
        run.main([], tmp_path)
    (tmp_path / "dvc.yaml").write_text("[]")
    with pytest.raises(LecternError, match="is not a pipeline of DVC"):
        run.main([], tmp_path)


class Clock:
    """A clock that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_how_long_it_takes_is_put_right_by_the_stages_that_have_run() -> None:
    clock = Clock()
    known = progress.Progress(
        {"a": "Do a", "b": "Do b", "c": "Do c", "d": "Do d"},
        {"a": 3.0, "b": 20.0, "c": 200.0, "d": 60.0},
        clock,
    )
    assert known.tell() is None
    assert known.read("Stage 'a' didn't change, skipping") is None
    assert known.read("Running stage 'b':") == "[2/4] b: Do b (about 20 s; up to about 5 min to the end)"
    assert known.read("> python -m stages.b") is None
    assert known.read("b: made 1") == "      b: made 1"
    clock.now = 15
    assert known.tell() == "      b: 15 s of about 20 s; up to about 4 min to the end"
    clock.now = 40  # twice as long as expected, so the others too
    assert known.tell() == "      b: 40 s; up to about 4 min to the end"
    assert known.read("Running stage 'c':") == "[3/4] c: Do c (about 7 min; up to about 9 min to the end)"
    assert known.read("Stage 'd' is cached - skipping run, checking out outputs") is None
    known.finish()
    assert (known.passed, known.ran) == ({"a", "b", "c", "d"}, {"b", "c"})


def test_a_time_that_is_not_known_is_not_told() -> None:
    known = progress.Progress({"a": "Do a", "b": "Do b"}, {"a": 3.0}, Clock())
    assert known.read("Running stage 'a':") == "[1/2] a: Do a (about 3 s)"
    assert known.read("Running stage 'b':") == "[2/2] b: Do b"
    assert known.tell() == "      b: 1 s"


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.2, "1 s"), (9.4, "9 s"), (9.6, "10 s"), (58, "1 min"), (400, "7 min"), (5400, "1.5 h")],
)
def test_a_time_is_rough(seconds: float, told: str) -> None:
    assert progress.say_time(seconds) == told


def test_times_are_those_of_this_machine_or_else_those_that_are_shipped_for_the_same_run(
    tmp_path: Path,
) -> None:
    typical = tmp_path / "typical.json"
    io.write_json(
        typical, {"of": {"corpus": "demo", "base_model": "small"}, "seconds": {"a": 10.0, "b": 5.0}}
    )
    stages: dict[str, dict[str, str]] = {"a": {}, "b": {}, "c": {}}
    (tmp_path / "params.yaml").write_text("corpus: {name: demo}\nbase_model: {name: small}\n")
    io.write_json(tmp_path / "metrics/runtime/a.json", {"seconds": 1.0})
    start = progress.STARTING
    assert progress.expect(tmp_path, stages, typical) == {"a": 1.0 + start, "b": 5.0 + start}
    (tmp_path / "params.yaml").write_text("corpus: {name: mine}\nbase_model: {name: small}\n")
    assert progress.expect(tmp_path, stages, typical) == {"a": 1.0 + start}
    (tmp_path / "params.yaml").unlink()
    assert progress.expect(tmp_path, stages, typical) == {"a": 1.0 + start}


def test_the_shipped_times_are_of_the_stages_of_the_pipeline() -> None:
    shipped = json.loads(progress.TYPICAL.read_text())
    assert set(shipped["seconds"]) == set(read_pipeline(ROOT))


def test_the_end_is_five_lines(tmp_path: Path) -> None:
    root = tmp_path / "repo"
    made_up_runs.start(root)
    made_up_runs.write_run(root, questions=[f"What is {n}?" for n in range(8)])
    (root / "models/adapter").mkdir(parents=True)
    (root / "params.yaml").write_text("base_model: {name: small}\n")
    (root / "metrics/report.html").write_text("x")
    io.write_json(
        root / "metrics/leakage.json", {"rows": {"train": 42, "test": 12}, "items": {"train": 7, "test": 1}}
    )
    assert closing.describe(root, 754) == [
        "Made: a tuned small from 42 rows of 7 sources, asked about 1 more source that it never saw, in 12.6 min.",
        "Sounds like the speaker: not measured; knows what it was trained on: not measured; carries over to other "
        "sources: yes, it comes closer.",
        "Looking it up would do as well: not measured; forgot: not measured; certainty: it was trained once.",
        f"The report: {root.resolve()}/metrics/report.html",
        "Next: lectern chat   (talk with both models in the browser; lectern times: what each stage took)",
    ]
    # of another version's figures, or none, nothing is told
    io.write_json(root / "metrics/scores.json", {"rows": 3})
    assert len(closing.describe(root, None)) == 3
    io.write_json(root / "metrics/leakage.json", {"rows": None, "items": {}})
    assert closing.describe(root, None)[0] == "Made: a tuned small."
    (root / "metrics/leakage.json").unlink()
    assert closing.describe(root, None)[0] == "Made: a tuned small."
