"""Jobs on rented and shared machines, on the smoke recipe: what Slurm and SkyPilot would run, run by a shell."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import warm
from tests.pipeline.conftest import Checkout
from tests.support.shipped import ROOT

pytestmark = pytest.mark.slow


def environment(folder: Path, **more: str) -> dict[str, str]:
    """Variables of a machine on which `lectern`, and what it starts, are warm processes."""
    programs = folder / "bin"
    programs.mkdir(exist_ok=True)
    shutil.copy(ROOT / "lectern/tools/launcher.sh", programs / "lectern")
    (programs / "lectern").chmod(0o755)
    if not (programs / "python").exists():
        (programs / "python").symlink_to(warm.python())
    everything = warm.environment(**{warm.CHILDREN: warm.python()}, **more)
    return everything | {"PATH": f"{programs}:{everything['PATH']}"}


def sbatch(
    checkout: Checkout, folder: Path, *arguments: str, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run the script as a node would: elsewhere, with what Slurm tells it."""
    everything = environment(
        folder, SLURM_SUBMIT_DIR=str(checkout.root), WORK=str(folder), SETUP="true", **more
    )
    command = ["bash", str(checkout.root / "remote/slurm.sh"), *arguments]
    return subprocess.run(command, cwd=folder, env=everything, capture_output=True, text=True)


def branches(checkout: Checkout) -> list[str]:
    listed = checkout.run("git", "branch", "--list", "results/*", "--format=%(refname:short)")
    return listed.stdout.split()


def test_seeds_of_two_machines_come_back_as_branches_and_are_summed_up(
    fork: Checkout, tmp_path: Path
) -> None:
    for number in ("1", "2"):
        done = sbatch(
            fork, tmp_path, "seeds", "--n", "3", SLURM_ARRAY_TASK_ID=number, SLURM_ARRAY_TASK_COUNT="2"
        )
        assert done.returncode == 0, done.stdout + done.stderr
    commit = fork.run("git", "rev-parse", "--short", "HEAD").stdout.strip()
    # property: each machine has a branch of its own with its part, and nothing else was changed
    assert branches(fork) == [f"results/seeds-{commit}-{number}-of-2" for number in "12"]
    for branch in branches(fork):
        changed = fork.run("git", "diff", "--name-only", f"main...{branch}").stdout.split()
        assert len(changed) == 1
        assert changed[0].startswith("metrics/noise/seeds/")
        fork.run("git", "merge", "-q", "--no-edit", branch)
    # property: where they are merged, nothing is left to train
    summed = fork.run("python", "-m", "lectern", "seeds", "--n", "3").stdout
    assert "metrics/noise/seeds.json" in summed
    assert not list(tmp_path.glob("lectern-job.*")), "the clone is gone"


def test_a_run_on_a_cluster_fills_the_cache_of_the_checkout(fork: Checkout, tmp_path: Path) -> None:
    fork.run("python", "-m", "lectern", "params", "recipe=smoke", "train.learning_rate=0.02")
    fork.commit("another learning rate")
    done = sbatch(fork, tmp_path, "run")
    assert done.returncode == 0, done.stdout + done.stderr
    (branch,) = branches(fork)
    fork.run("git", "merge", "-q", "--ff-only", branch)
    # property: the outputs are here without a remote, and nothing is left to run
    fork.run("dvc", "checkout", "-q")
    assert fork.repro() == {}


def test_what_a_rented_machine_does_pushes_experiments(fork: Checkout, tmp_path: Path) -> None:
    remote, bare, machine = tmp_path / "remote", tmp_path / "bare.git", tmp_path / "machine"
    machine.mkdir()
    fork.run("dvc", "remote", "add", "-q", "--local", "--default", "store", str(remote))
    fork.run("dvc", "push", "-q")
    subprocess.run(["git", "clone", "-q", "--bare", str(fork.root), str(bare)], check=True)
    task: dict[str, Any] = yaml.safe_load((ROOT / "remote/sky.yaml").read_text(encoding="utf-8"))
    given = {
        "REPOSITORY": str(bare),
        "DATA": str(remote),
        "JOB": "sweep recipe=smoke train.learning_rate=0.003,0.004",
        "HOME": str(machine),
        "SETUP": "true",
    }
    values = {key: value or "" for key, value in {**task["envs"], **task["secrets"]}.items()}
    everything = environment(tmp_path, **{**values, **given})
    for part in ("setup", "run"):
        script = machine / part
        script.write_text(task[part])
        done = subprocess.run(
            ["bash", str(script)], cwd=machine, env=everything, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
    listed = subprocess.run(
        ["git", "for-each-ref", "refs/exps"], cwd=bare, check=True, capture_output=True, text=True
    )
    # property: both experiments of the grid are there to be pulled, with their outputs
    assert len(listed.stdout.splitlines()) == 2
    fork.run("git", "remote", "add", "origin", str(bare))
    fork.run("dvc", "exp", "pull", "-q", "origin")
    shown = fork.run("dvc", "exp", "show", "--csv").stdout
    assert "0.003" in shown
    assert "0.004" in shown
