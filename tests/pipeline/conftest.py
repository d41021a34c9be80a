"""Real `dvc repro` in real git repositories: a copy of this working tree, on the smoke recipe."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from tests import shared, warm
from tests.support.shipped import ROOT, is_shipped

# Runs in every Python process below, DVC's too: SIGKILL to the whole process group when a file is opened for the n-th
# time. So a kill comes at the same place in every run, and no test has to wait for the right moment.
KILLER = """
import os, signal, sys
name, _, number = os.environ.get("KILL_AT_OPEN", "").partition(":")
opened = []
def hook(event, arguments):
    if event == "open" and name and str(arguments[0]).endswith(name):
        opened.append(1)
        if len(opened) == int(number):
            os.killpg(0, signal.SIGKILL)
sys.addaudithook(hook)
"""


@dataclass(frozen=True)
class Checkout:
    """A repository of its own to run DVC in."""

    root: Path

    def run(self, *command: str, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command there, as a user with the environment activated would.

        Its Python processes are warm ones, except where they are to be killed.
        """
        everything = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        if "KILL_AT_OPEN" not in environment:
            everything = warm.environment()
        everything |= {"PYTHONPATH": str(self.root.parent / "killer"), "DVC_NO_ANALYTICS": "1"}
        everything |= environment
        done = subprocess.run(
            command, cwd=self.root, env=everything, capture_output=True, text=True, start_new_session=True
        )
        if check and done.returncode:
            pytest.fail(
                f"{' '.join(command)} ended with {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
            )
        return done

    def repro(self, *arguments: str, **options: Any) -> dict[str, str]:
        """`dvc repro`; return stage -> its summary line, for the stages that ran."""
        printed = self.run("dvc", "repro", *arguments, **options).stdout.splitlines()
        summaries = (
            line.partition(": ")
            for line in printed
            if not line.startswith(("Running", "Stage", ">", "Updating"))
        )
        return {name: rest for name, colon, rest in summaries if colon and name in self.stages()}

    def stages(self) -> list[str]:
        """The names of the pipeline's stages."""
        return list(OmegaConf.load(self.root / "dvc.yaml").stages)

    def outputs(self) -> dict[str, bytes]:
        """Relative path -> bytes, for all that the pipeline writes but times and memory, and spare replies.

        Not metrics/export.json, which `lectern export` writes.
        """
        written = ["data", "models/adapter", "metrics", "dvc.lock"]
        files = [
            p for name in written for p in [self.root / name, *(self.root / name).rglob("*")] if p.is_file()
        ]
        names = {str(p.relative_to(self.root)): p for p in files}
        skipped = ("data/sources/", "data/.replies/", "metrics/runtime/", "metrics/export.json")
        return {name: p.read_bytes() for name, p in sorted(names.items()) if not name.startswith(skipped)}

    def commit(self, message: str) -> None:
        """Commit everything that git does not ignore."""
        self.run("git", "add", "-A")
        self.run("git", "commit", "-qm", message)


def check_out(folder: Path, recipe: str) -> Checkout:
    """Copy this working tree, as a fresh clone would have it without its user's data, and compose a recipe there."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file() and is_shipped(name):
            (folder / "repo" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / "repo" / name)
    (folder / "killer").mkdir()
    (folder / "killer" / "sitecustomize.py").write_text(KILLER)
    checkout = Checkout(folder / "repo")
    (checkout.root / "dvc.lock").unlink(missing_ok=True)  # a fresh start: nothing is known to be up to date
    checkout.run("git", "init", "-q", "-b", "main")
    checkout.run("git", "config", "user.name", "Test")
    checkout.run("git", "config", "user.email", "test@example.org")
    checkout.run("python", "-m", "lectern", "params", f"recipe={recipe}")
    checkout.commit("start")
    return checkout


def copy(checkout: Checkout, folder: Path) -> Checkout:
    """The same in another folder, without what DVC has under way there."""
    under_way = str(checkout.root / ".dvc")
    for name in ("repo", "killer"):
        shutil.copytree(
            checkout.root.parent / name,
            folder / name,
            symlinks=True,
            ignore=lambda place, _: {"tmp"} if place == under_way else set(),
        )
    return Checkout(folder / "repo")


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """The smoke recipe, run once for all workers; tests that change it take a copy (`fork`)."""

    def run(folder: Path) -> None:
        checkout = check_out(folder, "smoke")
        ran = checkout.repro()
        assert sorted(ran) == sorted(checkout.stages())
        checkout.commit("run")

    return Checkout(shared.once(tmp_path_factory, "finished", run) / "repo")


@pytest.fixture
def fork(finished: Checkout, tmp_path: Path) -> Checkout:
    """A copy of the finished run, cache included, to do something to."""
    return copy(finished, tmp_path)


@pytest.fixture
def fresh(tmp_path: Path) -> Callable[[str], Checkout]:
    """Make a checkout in which nothing has run yet."""
    return lambda recipe: check_out(tmp_path, recipe)
