"""A search proposes by its seed and what it has seen, forgets nothing and repeats nothing; with Optuna, and with DVC on
a toy pipeline of one stage.
"""

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from omegaconf import OmegaConf

from lectern.core.errors import LecternError
from lectern.tools import search
from lectern.tools.searching import experiments
from lectern.tools.searching.space import Search
from tests.support.activation import NOT_ACTIVATED

TOY = Search(
    name="toy",
    trials=5,
    seed=0,
    metric="metrics/train.json:validation.loss",
    direction="minimize",
    target=None,
    space={
        "train.learning_rate": {"kind": "float", "low": 1e-4, "high": 1e-2, "log": True},
        "train.r": {"kind": "choice", "choices": [4, 8, 13]},
        "train.epochs": {"kind": "int", "low": 1, "high": 4},
    },
)
LINE = replace(TOY, space={"train.dropout": {"kind": "float", "low": 0.0, "high": 1.0}})


def play(chosen: Search, trials: int, loss: Any) -> list[optuna.trial.FrozenTrial]:
    """Trials as `search.main` makes them, of a function instead of an experiment."""
    study = optuna.create_study(direction=chosen.direction)
    for _ in range(trials):
        values = search.propose(chosen, study.trials)
        study.add_trial(search.record(chosen, values, search.TrialOutcome(loss(values))))
    return study.trials


def test_proposals_stay_in_the_space_and_are_short() -> None:
    for trial in play(TOY, 20, lambda values: values["train.learning_rate"]):
        rate = trial.params["train.learning_rate"]
        assert 1e-4 <= rate <= 1e-2
        assert rate == float(f"{rate:.3g}")
        assert trial.params["train.r"] in (4, 8, 13)
        assert trial.params["train.epochs"] in (1, 2, 3, 4)


def test_a_seed_proposes_the_same_again_and_another_seed_does_not() -> None:
    def params(chosen: Search) -> list[dict[str, Any]]:
        return [trial.params for trial in play(chosen, 8, lambda values: values["train.learning_rate"])]

    assert params(TOY) == params(TOY)
    assert params(TOY)[0] != params(replace(TOY, seed=1))[0]


@pytest.mark.parametrize(("direction", "sign"), [("minimize", 1), ("maximize", -1)])
def test_proposals_come_nearer_to_the_best_value(direction: str, sign: int) -> None:
    chosen = replace(LINE, direction=direction)
    trials = play(chosen, 60, lambda values: sign * abs(values["train.dropout"] - 0.3))
    far = [abs(trial.params["train.dropout"] - 0.3) for trial in trials[30:]]
    assert sum(far) / len(far) < 0.15, "values drawn at random are 0.29 away"


def test_a_failed_trial_counts_and_teaches_nothing() -> None:
    failing = play(LINE, 8, lambda values: None)
    assert [trial.state.name for trial in failing] == ["FAIL"] * 8
    assert len({trial.params["train.dropout"] for trial in failing}) == 8


def test_a_study_is_found_again_and_refuses_other_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    study = search.open_study(TOY, ["a=1"], "c0ffee")
    values = search.propose(TOY, study.trials)
    study.add_trial(search.record(TOY, values, search.TrialOutcome(0.5)))
    study.add_trial(search.record(TOY, values, search.TrialOutcome(None, "out of memory")))

    again = search.open_study(replace(TOY, trials=99), ["a=1"], "c0ffee")
    assert [trial.params for trial in again.trials] == [values, values]
    assert (again.trials[0].value, again.trials[1].user_attrs["error"]) == (0.5, "out of memory")
    assert search.propose(TOY, again.trials) == search.propose(TOY, study.trials)

    with pytest.raises(LecternError, match="begun with seed 0, but it is now 1"):
        search.open_study(replace(TOY, seed=1), ["a=1"], "c0ffee")
    with pytest.raises(LecternError, match="begun with commit c0ffee"):
        search.open_study(TOY, ["a=1"], "beef")
    with pytest.raises(LecternError, match="begun with overrides"):
        search.open_study(TOY, [], "c0ffee")
    with pytest.raises(LecternError, match=r"begun with space .*--study NAME"):
        search.open_study(replace(TOY, space=LINE.space), ["a=1"], "c0ffee")


@pytest.mark.parametrize(
    ("printed", "reason"),
    [
        ("Running\ntrain: error: no rows\nERROR: failed to reproduce 'train'\n", "train: error: no rows"),
        ("Running\nTraceback\nERROR: failed to reproduce 'train'\n\n", "ERROR: failed to reproduce 'train'"),
        ("Running\nerror: no packages\nERROR: failed to reproduce 'train'\n", "error: no packages"),
        ("Killed\n", "Killed"),
        ("", "the experiment printed nothing"),
    ],
)
def test_the_reason_of_a_failure_is_what_the_stage_said(tmp_path: Path, printed: str, reason: str) -> None:
    log = tmp_path / "x.log"
    log.write_text(printed)
    assert experiments.explain(log) == f"{reason} ({log})"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.00123, "a=0.00123"), (1e-5, "a=1e-05"), (None, "a=null"), (True, "a=true"), ("b", "a=b")],
)
def test_a_value_is_written_as_hydra_reads_it(value: Any, text: str) -> None:
    assert search.assign("a", value) == text


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        ("metrics/train.json:loss", "metrics/train.json has no number"),
        ("metrics/train.json:validation", "metrics/train.json has no number"),
        ("metrics/train.json:done", "metrics/train.json has no number"),
        ("metrics/other.json:loss", "git has no metrics/other.json"),
    ],
)
def test_a_metric_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, metric: str, message: str
) -> None:
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics/train.json").write_text('{"validation": {"loss": 2}, "done": true}')
    monkeypatch.chdir(tmp_path)
    experiments.git("init", "-q")
    experiments.git("add", "metrics/train.json")
    tree = experiments.git("write-tree")
    assert experiments.read_metric(tree, "metrics/train.json:validation.loss") == 2.0
    with pytest.raises(LecternError, match=message):
        experiments.read_metric(tree, metric)


# What follows runs DVC: one stage, whose loss is least at a learning rate of 1e-3, and which fails for r = 13.
CONF = """
train:
  learning_rate: 1.0
  r: 8
  epochs: 1
"""
STAGE = """
import json, os, pathlib, signal, sys
from omegaconf import OmegaConf
train = OmegaConf.load("params.yaml").train
with open(os.environ["TALLY"], "a") as tally:
    print(train.learning_rate, train.r, train.epochs, file=tally)
if pathlib.Path(os.environ["TALLY"]).read_text().count("\\n") == int(os.environ.get("STOPPED_AT", 0)):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.killpg(0, int(os.environ["SIGNAL"]))
    sum(range(30_000_000))  # as a stage that needs a moment to end
    sys.exit("interrupted")
if train.r == 13:
    sys.exit("train: error: r is 13; give another")
pathlib.Path("metrics").mkdir(exist_ok=True)
loss = abs(train.learning_rate - 1e-3)
pathlib.Path("metrics/train.json").write_text(json.dumps({"validation": {"loss": loss}}))
"""
PIPELINE = """
stages:
  train:
    cmd: python train.py
    deps: [train.py]
    params: [train]
    metrics:
      - metrics/train.json: {cache: false}
"""


class Toy:
    """A repository with a pipeline of one stage."""

    def __init__(self, root: Path) -> None:
        self.root = root / "repo"
        self.tally = root / "tally"
        self.tally.touch()
        for name, text in {
            "conf/config.yaml": CONF,
            "train.py": STAGE,
            "dvc.yaml": PIPELINE,
            "params.yaml": CONF,
            "space.yaml": OmegaConf.to_yaml({**vars(TOY)}),
        }.items():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_text(text)
        self.run("git", "init", "-q", "-b", "main")
        self.run("git", "config", "user.name", "Test")
        self.run("git", "config", "user.email", "test@example.org")
        self.run("dvc", "init", "-q")
        self.run("dvc", "config", "hydra.enabled", "True")
        self.run("git", "add", "-A")
        self.run("git", "commit", "-qm", "start")

    def run(self, *command: str, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(Path(search.__file__).parents[2]),
            "TALLY": str(self.tally),
            "DVC_NO_ANALYTICS": "1",
            **environment,
        }
        return subprocess.run(
            command,
            cwd=self.root,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=check,
            start_new_session=True,
            # a shell's job in the background ignores it, and so would what it starts
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def search(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """As somebody calls it who did not activate the environment."""
        command = [sys.executable, "-m", "lectern", "search", "--space", "space.yaml", *arguments]
        return self.run(*command, PATH=NOT_ACTIVATED, **options)

    def trained(self) -> list[str]:
        """What was trained so far, in this order; a trial that failed too."""
        return self.tally.read_text().splitlines()


def lines(printed: str) -> list[str]:
    """The line of each trial, without the place of a log."""
    return [line.split(" (")[0] for line in printed.splitlines() if line.startswith("search: search-")]


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    return Toy(tmp_path_factory.mktemp("toy"))


@pytest.mark.slow
def test_a_killed_search_goes_on_as_if_nothing_had_happened(toy: Toy) -> None:
    def loss(values: dict[str, Any]) -> float | None:
        return None if values["train.r"] == 13 else abs(values["train.learning_rate"] - 1e-3)

    trials = play(TOY, 5, loss)
    assert [trial.value is None for trial in trials] == [False, False, False, True, False]
    outcomes = [search.TrialOutcome(trial.value, "train: error: r is 13; give another") for trial in trials]
    told = [
        f"search: search-toy-{trial.number}: {search.tell(TOY, trial.params, outcome)}"
        for trial, outcome in zip(trials, outcomes, strict=True)
    ]
    values = [
        " ".join(str(trial.params[f"train.{name}"]) for name in ("learning_rate", "r", "epochs"))
        for trial in trials
    ]

    assert lines(toy.search("--trials", "2").stdout) == told[:2]
    stopped = toy.search(check=False, STOPPED_AT="3", SIGNAL=str(int(signal.SIGINT)))
    assert "search: interrupted; the finished trials are kept" in stopped.stderr
    assert not list((toy.root / experiments.COPIES).glob("tmp*"))
    killed = toy.search(check=False, STOPPED_AT="4", SIGNAL=str(int(signal.SIGKILL)))
    assert killed.returncode == -signal.SIGKILL
    assert toy.trained() == [*values[:3], values[2]]

    resumed = toy.search().stdout
    assert f"rm -r {experiments.COPIES}" in resumed, "what the kill left is named"
    shutil.rmtree(toy.root / experiments.COPIES)
    assert "search: goes on with search-toy-2\n" in resumed
    assert lines(resumed) == told[2:]
    assert toy.trained() == [*values[:3], values[2], *values[2:]], (
        "the trial that was stopped alone is trained again"
    )
    assert toy.run("git", "status", "--porcelain").stdout == "", "the workspace is as it was"
    assert set(toy.run("dvc", "exp", "list", "--name-only").stdout.split()) == {
        f"search-toy-{number}" for number in (0, 1, 2, 4)
    }

    trained = toy.trained()
    assert lines(toy.search().stdout) == []
    assert toy.trained() == trained, "what is finished is not run again"
    (toy.root / search.STATE / "toy.db").unlink()
    assert lines(toy.search().stdout) == told, "the experiments know what the study knew"
    assert toy.trained() == [*trained, values[3]], "but for those that failed"

    best = min((trial for trial in trials if trial.value is not None), key=lambda trial: trial.value or 0.0)
    assert f"best of 5, of which 1 failed: search-toy-{best.number}: " in resumed
    toy.run("bash", "-ec", resumed.splitlines()[-1])
    chosen = OmegaConf.load(toy.root / "params.yaml").train
    assert {f"train.{name}": chosen[name] for name in ("learning_rate", "r", "epochs")} == best.params
    assert toy.run("git", "branch", "--show-current").stdout == "best-toy\n"
    toy.run("git", "checkout", "-q", "main")


@pytest.mark.slow
def test_what_cannot_be_searched_is_said_before_anything_is_trained(toy: Toy) -> None:
    trained = toy.trained()
    toy.run("dvc", "exp", "run", "--temp", "--name", "search-clash-0", "-S", "train.r=13", check=False)
    toy.run("dvc", "exp", "run", "--temp", "--name", "search-clash-0", "-S", "train.r=5")
    clash = toy.search("--study", "clash", check=False)
    assert "an experiment search-clash-0 with other parameters" in clash.stderr
    assert "no parameter" not in clash.stderr

    unknown = toy.search("--study", "unknown", "train.lerning_rate=1", check=False)
    assert "lerning_rate" in unknown.stderr
    (toy.root / "notes.txt").write_text("not committed")
    uncommitted = toy.search("--study", "uncommitted", check=False)
    assert "commit first" in uncommitted.stderr
    assert "notes.txt" in uncommitted.stderr
    (toy.root / "notes.txt").unlink()
    assert [run.returncode for run in (clash, unknown, uncommitted)] == [1, 1, 1]
    assert len(toy.trained()) == len(trained) + 2
