"""`dvc exp` as docs/tune-and-sweep.md shows it: a run, a sweep by two workers, the best as a branch, a search."""

import json
import shlex
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from tests.pipeline.conftest import Checkout, copy

SWEEP = (
    "dvc exp run -S recipe=smoke -S 'base_model=tiny_llama,tiny_mistral,tiny_phi' "
    "-S 'train.learning_rate=1e-3,5e-3' --queue"
)
MODELS, RATES = ("tiny_llama", "tiny_phi"), (1e-3, 5e-3)
FEWER = SWEEP.replace(",tiny_mistral", "")  # an experiment takes a minute or two
WORKERS = "dvc queue start --jobs 2"
TABLE = (
    "dvc exp show --md --sort-by validation_loss "
    r"--drop '^(?!Experiment|State|validation_loss$|tuned\.nll\.value|base_model\.name|train\.learning_rate).*'"
)
TOO_LONG = (
    "dvc exp run -S recipe=smoke -S base_model=tiny_phi -S render.max_length=3000 --queue --name too-long"
)


def test_the_documentation_shows_what_runs_here() -> None:
    shown = Path("docs/tune-and-sweep.md").read_text()
    assert [command for command in (SWEEP, WORKERS, TABLE) if f"$ {command}\n" not in shown] == []


@dataclass(frozen=True)
class Sweep:
    """A finished sweep."""

    checkout: Checkout
    status: dict[str, str]
    """name of an experiment -> Success or Failed"""

    def succeeded(self) -> list[str]:
        """The names of the experiments that did."""
        return [name for name, status in self.status.items() if status == "Success"]

    def log(self, name: str) -> str:
        """What an experiment printed."""
        return self.checkout.run("dvc", "queue", "logs", name).stdout

    def shown(self) -> dict[str, Any]:
        """Name of main or an experiment -> its parameters, metrics and outputs, as `dvc exp show` tells them."""
        shown = json.loads(self.checkout.run("dvc", "exp", "show", "--json").stdout)
        revisions = {entry["name"]: entry["data"] for entry in shown}
        return revisions | {
            e["name"]: e["revs"][0]["data"] for entry in shown for e in entry["experiments"] or []
        }


def wait(checkout: Checkout) -> dict[str, str]:
    """Wait until the queue is empty; return name -> status."""
    for _ in range(100):
        rows = [line.split() for line in checkout.run("dvc", "queue", "status").stdout.splitlines()[1:]]
        status = {
            row[1]: row[-1] for row in rows if row and row[-1] in ("Queued", "Running", "Success", "Failed")
        }
        running = [row[1] for row in rows if row and row[-1] == "Running"]
        if running:  # a look takes DVC a second, so wait for this one
            checkout.run("dvc", "queue", "logs", "--follow", running[0], check=False)
        elif "Queued" not in status.values():
            return status
    pytest.fail(f"the queue does not end: {status}")


@pytest.fixture(scope="module")
def swept(finished: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    """The README's sweep over two of its models, with an experiment in it that cannot succeed."""
    checkout = copy(finished, tmp_path_factory.mktemp("swept"))
    for command in (TOO_LONG, FEWER, WORKERS):
        checkout.run(*shlex.split(command))
    return Sweep(checkout, wait(checkout))


def depending(checkout: Checkout, sections: set[str]) -> set[str]:
    """The stages that have one of these sections, and those that read what such a stage writes."""
    stages: Any = OmegaConf.to_container(OmegaConf.load(checkout.root / "dvc.yaml").stages)
    found, written = set(), set()
    for name, stage in stages.items():  # in the order of the pipeline
        if (
            "params.yaml" in stage["deps"]
            or sections & set(stage.get("params", []))
            or any(Path(read).is_relative_to(path) for read in stage["deps"] for path in written)
        ):
            found.add(name)
            if name == "check_params":  # it writes the same for all values
                continue
            for entry in [*stage.get("outs", []), *stage.get("metrics", [])]:
                written.add(entry if isinstance(entry, str) else next(iter(entry)))
    return found


@pytest.mark.slow
def test_a_value_that_does_not_fit_fails_an_experiment_before_anything_is_done(fork: Checkout) -> None:
    wrong = ("train.learning_rate=abc", "split.by=foo", "curate.min_rating=high", "+train.methd=lora")
    chosen = [word for value in wrong for word in ("-S", value)]
    done = fork.run("dvc", "exp", "run", *chosen, check=False)
    assert done.returncode != 0
    said = done.stdout + done.stderr
    for part in (
        "learning_rate is 'abc'; give a number",
        "by is 'foo'",
        "min_rating is 'high'; give a number, or null",
        "did you mean method?",
    ):
        assert part in said
    assert "Running stage 'fetch'" not in said
    assert "Running stage 'curate'" not in said


@pytest.mark.slow
def test_a_sweep_trains_a_model_for_each_pair_of_values(swept: Sweep) -> None:
    shown = swept.shown()
    params = [shown[name]["params"]["params.yaml"]["data"] for name in swept.succeeded()]
    assert sorted((p["base_model"]["name"], p["train"]["learning_rate"]) for p in params) == [
        (model, rate) for model in MODELS for rate in RATES
    ]
    adapters = [shown[name]["outs"]["models/adapter"]["hash"] for name in swept.succeeded()]
    assert len(set(adapters)) == len(MODELS) * len(RATES)
    assert shown["main"]["outs"]["models/adapter"]["hash"] in adapters, (
        "the values that main has give the adapter that main has"
    )


@pytest.mark.slow
def test_no_stage_above_the_base_model_runs_in_a_sweep(swept: Sweep) -> None:
    stages = swept.checkout.stages()
    below = depending(swept.checkout, {"base_model", "train"})
    assert {"render", "train", "generate", "score", "report"} <= below
    assert {"fetch", "transcribe", "teach", "curate", "split"} <= set(stages) - below
    for name in swept.status:
        log = swept.log(name)
        ran = {stage for stage in stages if f"> python -m stages.{stage}\n" in log}
        assert ran <= below
        skipped = {stage for stage in stages if f"Stage '{stage}' didn't change, skipping\n" in log}
        assert skipped >= set(stages) - below


@pytest.mark.slow
def test_an_experiment_that_fails_says_why_and_loses_no_other(swept: Sweep) -> None:
    assert sorted(swept.status.values()) == ["Failed", *["Success"] * len(MODELS) * len(RATES)]
    assert swept.status["too-long"] == "Failed"
    assert "render.max_length 3000 is above the 2048 tokens that tiny_phi can read" in swept.log("too-long")


@pytest.mark.slow
def test_what_cannot_be_composed_is_never_queued(swept: Sweep) -> None:
    refused = swept.checkout.run("dvc", "exp", "run", "-S", "base_model=gpt_9", "--queue", check=False)
    assert refused.returncode
    assert "gpt_9" in refused.stderr
    assert wait(swept.checkout) == swept.status


@pytest.mark.slow
def test_the_best_is_picked_from_the_table_and_becomes_a_branch(swept: Sweep) -> None:
    checkout, shown = swept.checkout, swept.shown()
    losses = {
        name: shown[name]["metrics"]["metrics/train.json"]["data"]["validation_loss"]
        for name in swept.succeeded()
    }
    lines = checkout.run(*shlex.split(TABLE)).stdout.splitlines()
    table = [[cell.strip() for cell in line.split("|")] for line in lines if line]
    columns = {name: number for number, name in enumerate(table[0])}
    rows = [row for row in table if "[" in row[columns["Experiment"]]]
    assert len(rows) == len(swept.status)
    assert sorted(row[columns["State"]] for row in rows) == [
        "Failed",
        *["Success"] * len(MODELS) * len(RATES),
    ]
    finished = [row for row in rows if row[columns["State"]] == "Success"]
    values = [float(row[columns["validation_loss"]]) for row in finished]
    assert values == sorted(values)
    best = finished[0][columns["Experiment"]].partition("[")[2].rstrip("]")
    assert losses[best] == min(losses.values())

    checkout.run("dvc", "exp", "branch", best, "try-best")
    checkout.run("git", "checkout", "-q", "try-best")
    checkout.run("dvc", "checkout")
    assert checkout.repro() == {}, "a branch of an experiment is up to date"
    change = json.loads(checkout.run("dvc", "metrics", "diff", "main", "--json").stdout)
    loss = change["metrics/train.json"]["validation_loss"]
    assert loss["new"] == losses[best] < loss["old"]
    assert "tuned.nll.value" in change["metrics/scores.json"]
    change = json.loads(checkout.run("dvc", "params", "diff", "main", "--json").stdout)["params.yaml"]
    rate = change["train.learning_rate"]
    assert (rate["old"], rate["new"]) == (1e-3, 5e-3)
    assert not any(name.startswith(("corpus", "split", "teach")) for name in change)


@pytest.mark.slow
def test_an_experiment_in_the_workspace_runs_what_depends_on_it(fork: Checkout) -> None:
    command = ("dvc", "exp", "run", "-S", "recipe=smoke", "-S", "score.confidence=0.9", "--name", "surer")
    made = fork.run(*command).stdout
    below = depending(fork, {"score"})
    assert {stage for stage in fork.stages() if f"> python -m stages.{stage}\n" in made} == below
    assert {"score", "report"} <= below


@pytest.mark.slow
def test_a_search_makes_experiments_and_goes_on_after_a_kill(fork: Checkout) -> None:
    space: Any = OmegaConf.load(fork.root / "conf/search/learning.yaml")
    space.name, space.trials, space.target = "quick", 3, "train"
    space.space["train.epochs"].high = 2
    OmegaConf.save(space, fork.root / "conf/search/quick.yaml")
    fork.commit("a space")
    search = ("python", "-m", "lectern", "search", "recipe=smoke", "--space", "conf/search/quick.yaml")

    fork.run(*search, "--trials", "1")
    killed = fork.run(
        *search, check=False, KILL_AT_OPEN=".train.json.tmp:1"
    )  # when the second has been trained
    assert killed.returncode == -signal.SIGKILL
    assert killed.stdout == "search: goes on with search-quick-1\n"
    shutil.rmtree(
        fork.root / ".dvc/tmp/exps/standalone"
    )  # what a killed experiment leaves, as the search says
    printed = fork.run(*search).stdout.splitlines()
    assert [line.split(":")[1].strip() for line in printed[1:3]] == ["search-quick-1", "search-quick-2"]
    assert "search: best of 3, of which 0 failed: search-quick-" in printed[3]
    assert fork.run("git", "status", "--porcelain").stdout == "", "the workspace is as it was"

    names = [f"search-quick-{number}" for number in range(3)]
    assert set(fork.run("dvc", "exp", "list", "--name-only").stdout.split()) == set(names)
    figures = [
        json.loads(fork.run("git", "show", f"{fork_ref(fork, name)}:metrics/train.json").stdout)
        for name in names
    ]
    best = min(figures, key=lambda figure: figure["validation_loss"])
    fork.run("bash", "-ec", printed[-1].removesuffix(" && dvc repro"))
    assert json.loads((fork.root / "metrics/train.json").read_text()) == best
    assert fork.repro("train") == {}, "a branch of a trial is up to date as far as it ran"


def fork_ref(checkout: Checkout, name: str) -> str:
    (reference,) = checkout.run(
        "git", "for-each-ref", "--format=%(refname)", f"refs/exps/*/*/{name}"
    ).stdout.split()
    return reference
