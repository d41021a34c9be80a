"""DVC from outside: read its pipeline, start `dvc repro`, ask `dvc status`, and tell which paths belong together."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import yaml

from lectern.core.errors import LecternError
from lectern.core.printing import last_lines

DVC = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from dvc.cli import main
sys.exit(main(sys.argv[1:]))
"""
"""`python -m dvc` that heeds Ctrl-C even if this process ignores it, as what a script starts in the background does."""
RUNNING = re.compile(r"Running stage '([\w-]+)'")
"""What DVC prints when a stage begins."""


def environment() -> dict[str, str]:
    """Return the variables for DVC: those of this process, with this environment's python the first on the path.

    Stages are run as `python -m`, and not everybody activates the environment before `lectern`.
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**os.environ, "PATH": path, "DVC_NO_ANALYTICS": "1"}


def read_pipeline(root: Path) -> dict[str, Any]:
    """Return stage -> its entry in dvc.yaml, in the order of the file.

    Raises:
        LecternError: there is no dvc.yaml, or it has no stages.
    """
    path = root / "dvc.yaml"
    try:
        return dict(yaml.safe_load(path.read_text(encoding="utf-8"))["stages"])
    except FileNotFoundError as error:
        raise LecternError(f"{path} does not exist. Run this in the folder of the pipeline.") from error
    except (OSError, KeyError, TypeError, ValueError, yaml.YAMLError) as error:
        raise LecternError(f"{path} is not a pipeline of DVC ({error}). `dvc repro` says more.") from error


def start(
    arguments: Sequence[str],
    root: Path,
    *,
    stdin: int | IO[str] | None = None,
    merged: bool = False,
    more: Mapping[str, str] | None = None,
) -> "subprocess.Popen[str]":
    """Start `dvc repro` in the variables of `environment`.

    It gets a session of its own, so that it can be stopped together with all that it starts.

    Args:
        arguments: those of `dvc repro`.
        root: the folder of dvc.yaml.
        stdin: what it reads; None for what this process reads.
        merged: whether what it says on stderr is read too; else that goes where this process's goes, untouched.
        more: variables of the environment besides those of this process.
    """
    return subprocess.Popen(
        [sys.executable, "-c", DVC, "repro", *arguments],
        cwd=root,
        env={**environment(), "PYTHONUNBUFFERED": "1", **(more or {})},
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if merged else None,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )


def ask_status(root: Path, name: str | None = None) -> dict[str, Any]:
    """Return what `dvc status` says: stage -> what changed of it.

    Args:
        root: the folder of dvc.yaml.
        name: of the revision, for the error; None for the working tree.

    Raises:
        LecternError: `dvc status` failed.
    """
    command = [sys.executable, "-m", "dvc", "status", "--json"]
    done = subprocess.run(command, cwd=root, env=environment(), capture_output=True, text=True)
    try:
        return json.loads(done.stdout)
    except ValueError as error:
        reason = " ".join(last_lines(done.stderr)) or "no reason given"
        where = f" in {name}" if name else ""
        raise LecternError(f"`dvc status` failed{where}: {reason}") from error


def overlap(a: str, b: str) -> bool:
    """Whether two paths are the same, or one is below the other."""
    return Path(a).is_relative_to(b) or Path(b).is_relative_to(a)
