"""`dvc repro` as a process whose output is followed line by line."""

import os
import queue
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Thread

from lectern.apps.review.rebuilding import DVC


def start(
    arguments: Sequence[str],
    root: Path,
    *,
    merged: bool = False,
    more: Mapping[str, str] | None = None,
) -> "subprocess.Popen[str]":
    """Start `dvc repro`, with this environment's python the first on the path, for the stages run as `python -m`.

    It gets a session of its own, so that it can be stopped together with all that it starts.

    Args:
        arguments: those of `dvc repro`.
        root: the folder of dvc.yaml.
        merged: whether what it says on stderr is read too; else that goes where this process's goes, untouched.
        more: variables of the environment besides those of this process.
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return subprocess.Popen(
        [sys.executable, "-c", DVC, "repro", *arguments],
        cwd=root,
        env={**os.environ, "PATH": path, "DVC_NO_ANALYTICS": "1", "PYTHONUNBUFFERED": "1", **(more or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if merged else None,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )


def follow(
    process: "subprocess.Popen[str]", read: Callable[[str], None], wait: Callable[[], None], every: float
) -> int:
    """Read what a process prints until it ends. Returns its exit status.

    Args:
        process: of `start`.
        read: is called with each line, without its end.
        wait: is called each time when nothing was printed for a while.
        every: that while, in seconds.
    """
    assert process.stdout is not None
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    reader = Thread(target=_pass_on, args=(process, lines), daemon=True)
    reader.start()
    while True:
        try:
            line = lines.get(timeout=every)
        except queue.Empty:
            wait()
            continue
        if line is None:
            return process.wait()
        read(line.rstrip("\n"))


def _pass_on(process: "subprocess.Popen[str]", lines: "queue.SimpleQueue[str | None]") -> None:
    assert process.stdout is not None
    try:
        for line in process.stdout:
            lines.put(line)
    finally:
        lines.put(None)
