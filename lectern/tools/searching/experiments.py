"""Run DVC experiments, and read their results by name."""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lectern.apps import repro
from lectern.core.errors import LecternError
from lectern.tools.params import compose

CONF = Path("conf")
COPIES = Path(".dvc/tmp/exps/standalone")  # where DVC makes the copies in which experiments run


def run(name: str, overrides: Sequence[str], target: str | None, log: Path, *, composed: bool = True) -> None:
    """Run an experiment up to the stage `target` (None: all stages), and write its output into `log`.

    It runs in a copy of HEAD (`--temp`), because in the workspace it would rewrite params.yaml and leave its outputs.

    Args:
        name: of the experiment.
        overrides: what it changes.
        target: the last stage.
        log: a file for what DVC and the stages print.
        composed: whether params.yaml is composed from conf/ again, or else is that of HEAD with the overrides.
    """
    dvc = _call(name, overrides, target, "--temp", composed=composed)
    environment = repro.environment()
    with (
        log.open("wb") as file,
        subprocess.Popen(dvc, stdout=file, stderr=subprocess.STDOUT, env=environment) as process,
    ):
        try:
            process.wait()
        except KeyboardInterrupt:
            process.wait()  # DVC was interrupted too, and is removing its copy; `subprocess.run` would kill it
            raise


def queue(
    name: str, overrides: Sequence[str], target: str | None, log: Path, *, composed: bool = True
) -> None:
    """Put an experiment into DVC's queue, as `run` would run it.

    Raises:
        LecternError: DVC refuses it; the message is DVC's.
    """
    dvc = _call(name, overrides, target, "--queue", composed=composed)
    with log.open("wb") as file:
        done = subprocess.run(
            dvc, stdout=file, stderr=subprocess.STDOUT, check=False, env=repro.environment()
        )
    if done.returncode:
        raise LecternError(f"{name} could not be put into DVC's queue: {explain(log)}")


def _call(
    name: str, overrides: Sequence[str], target: str | None, where: str, *, composed: bool
) -> list[str]:
    options = [part for override in overrides for part in ("-S", override)]
    command = ["exp", "run", where, "--name", name, *([] if composed else ["--no-hydra"]), *options]
    return [sys.executable, "-m", "dvc", *command, *([target] if target else [])]


def start_workers(number: int) -> None:
    """Start so many workers of DVC's queue in the background; those that run already count."""
    call_dvc("queue", "start", "--jobs", str(number))


def list_queue() -> dict[str, str]:
    """Return the experiments in DVC's queue: name -> Queued, Running, Success or Failed. It takes DVC a second."""
    rows = [line.split() for line in call_dvc("queue", "status").splitlines()[1:]]
    states = ("Queued", "Running", "Success", "Failed")
    return {row[1]: row[-1] for row in rows if len(row) > 2 and row[-1] in states}


def call_dvc(*arguments: str) -> str:
    """Run a DVC command and return what it prints.

    Raises:
        LecternError: the command failed; the message is DVC's.
    """
    dvc = [sys.executable, "-m", "dvc", *arguments]
    done = subprocess.run(dvc, capture_output=True, text=True, check=False, env=repro.environment())
    if done.returncode:
        raise LecternError(f"dvc {' '.join(arguments)}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def find_copies() -> list[Path]:
    """Return the copies of experiments that are running, or that were killed, since DVC does not remove those."""
    return sorted(COPIES.glob("tmp*"))


def find(name: str, commit: str) -> str | None:
    """Return the revision of the finished experiment of this name that began at `commit`; None if there is none."""
    reference = f"refs/exps/{commit[:2]}/{commit[2:]}/{name}"  # where DVC keeps it
    return git("for-each-ref", "--format=%(objectname)", reference) or None


def explain(log: Path) -> str:
    """Return why an experiment failed: the error of its stage, else DVC's last error, else the last line."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    for pattern in (r"(\w+: )?error: ", "ERROR: ", ""):
        if said := [line for line in lines if re.match(pattern, line)]:
            return f"{said[-1]} ({log})"
    return f"the experiment printed nothing ({log})"


def read_metric(revision: str, metric: str) -> float:
    """Return the number at FILE.json:KEY in a revision.

    Raises:
        LecternError: git has no such file there, or the file has no such number.
    """
    path, _, key = metric.partition(":")
    if not has_file(revision, path):
        raise LecternError(
            f"{metric}: git has no {path} in the experiment; dvc.yaml must list it under metrics with cache: false"
        )
    found: Any = json.loads(git("show", f"{revision}:{path}"))
    for part in key.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise LecternError(f"{metric}: {path} has no number at {key}")
    return float(found)


def has_file(revision: str, path: str) -> bool:
    """Tell whether git has the file in a revision."""
    return bool(git("ls-tree", "--name-only", revision, path))


def params(revision: str) -> Any:
    """Return params.yaml of a revision as plain values."""
    return _parse(git("show", f"{revision}:params.yaml"))


def composed(overrides: Sequence[str]) -> Any:
    """Return params.yaml as an experiment with these overrides has it.

    Raises:
        LecternError: as in `tools.params.compose`.
    """
    with tempfile.TemporaryDirectory() as folder:
        compose(list(overrides), CONF, Path(folder) / "params.yaml")
        return _parse((Path(folder) / "params.yaml").read_text(encoding="utf-8"))


def _parse(text: str) -> Any:
    from omegaconf import OmegaConf

    return OmegaConf.to_container(OmegaConf.create(text))


def git(*arguments: str) -> str:
    """Run a git command and return what it prints.

    Raises:
        LecternError: the command failed; the message is git's.
    """
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise LecternError(f"git {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout.strip()
