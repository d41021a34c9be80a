"""Run `dvc repro` as a job of the review: predict what it will run, follow its output, and stop it."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock, Thread
from typing import Any

from lectern.apps import repro, torn
from lectern.apps.review import changes
from lectern.core import runtime
from lectern.core.errors import LecternError
from lectern.core.printing import one_line

CACHED = re.compile(r"Stage '([\w-]+)' is cached")
SKIPPED = re.compile(r"Stage '([\w-]+)' didn't change")
FAILED = re.compile(r"failed to reproduce '([\w-]+)'")
LINES = 2_000
"""How many lines of the output are kept."""
LONG = 400
"""Greatest number of characters of a line."""
LOCKED = "Unable to acquire lock"


@dataclass(frozen=True)
class Due:
    """A stage that a rebuild will run."""

    stage: str
    why: str
    seconds: float | None
    """seconds that its last run took"""


@dataclass
class Job:
    """One `dvc repro`, while it runs and afterwards."""

    stages: list[str]
    """all stages of the pipeline, in order"""
    states: dict[str, str] = field(default_factory=dict)
    """stage -> running, done, unchanged, from the cache or failed"""
    lines: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    seconds: float | None = None
    """seconds that it took; None while it runs"""
    returncode: int | None = None
    stopped: bool = False
    found: changes.Changes | None = None
    """what changed; None until it has ended"""

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self.seconds is None

    @property
    def elapsed(self) -> float:
        """Seconds since it began, or those that it took in total."""
        return self.seconds if self.seconds is not None else time.monotonic() - self.began

    @property
    def summaries(self) -> list[str]:
        """The summary line of each stage."""
        return [line for line in self.lines if line.partition(": ")[0] in self.stages]

    @property
    def outcome(self) -> str:
        """How it ended, as a sentence; empty while it runs."""
        if self.running:
            return ""
        if any(LOCKED in line for line in self.lines):
            return "Another `dvc` is running in this repository. Wait until it has ended, then rebuild again."
        if self.stopped:
            return "Stopped. Finished work is kept, and the next rebuild continues from there."
        if self.returncode:
            failed = [stage for stage, state in self.states.items() if state == "failed"]
            return f"{failed[0] if failed else 'dvc repro'} failed. Work that was finished before is kept."
        return "Done."

    def read(self, line: str) -> None:
        """Read a line of DVC's output."""
        shown = one_line(line)[:LONG]
        if not shown:
            return
        self.lines = [*self.lines[-LINES + 1 :], shown]
        for pattern, state in (
            (repro.RUNNING, "running"),
            (CACHED, "from the cache"),
            (SKIPPED, "unchanged"),
            (FAILED, "failed"),
        ):
            if match := pattern.search(shown):
                if state != "failed":
                    self._finish()
                self.states[match[1]] = state

    def end(self, returncode: int, found: changes.Changes | None) -> None:
        """Record that DVC has ended."""
        if not returncode:
            self._finish()
        self.returncode, self.found = returncode, found
        self.seconds = time.monotonic() - self.began

    def _finish(self) -> None:
        self.states |= {stage: "done" for stage, state in self.states.items() if state == "running"}


class Builder:
    """Runs one job at a time, which all tabs show."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = Lock()
        self._process: subprocess.Popen[str] | None = None
        self.job: Job | None = None
        self.thread: Thread | None = None
        """the thread that follows the job to its end"""

    def start(self, target: str | None) -> Job:
        """Start to rebuild everything, or a stage with all stages that it needs.

        Raises:
            LecternError: a job is running already, there is no such stage, there is no pipeline, or its dvc.lock is
                torn and there is no whole one.
        """
        with self._lock:
            if self.job is not None and self.job.running:
                raise LecternError("a rebuild is already running; this page shows it")
            stages = list(repro.read_pipeline(self._root))
            if target is not None and target not in stages:
                raise LecternError(f"there is no stage {target!r}; the stages are {', '.join(stages)}")
            mended = torn.mend(self._root)
            before = changes.take(self._root)
            self._process = repro.start(
                [target] if target else [], self._root, stdin=subprocess.DEVNULL, merged=True
            )
            self.job = Job(stages)
            for sentence in mended:
                self.job.read(sentence)
            self.thread = Thread(target=self._follow, args=(self._process, self.job, before), daemon=True)
            self.thread.start()
            return self.job

    def _follow(self, process: "subprocess.Popen[str]", job: Job, before: changes.Snapshot) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            if repro.RUNNING.search(line):  # so the stage before it is in dvc.lock
                torn.keep(self._root)
            job.read(line)
        returncode = process.wait()
        try:
            for sentence in torn.mend(self._root):
                job.read(sentence)
            torn.keep(self._root)
            found = changes.compare(before, changes.take(self._root))
        except LecternError as error:
            job.read(f"error: {error}")
            found = None
        job.end(returncode, found)

    def stop(self) -> None:
        """Ask the job to end, as Ctrl-C does, so that stages keep their finished work."""
        if self.job is not None and self.job.running and self._process is not None:
            self.job.stopped = True
            try:
                os.killpg(self._process.pid, signal.SIGINT)
            except ProcessLookupError:  # it has just ended
                return

    def close(self) -> None:
        """Stop the job when the server ends."""
        self.stop()
        if self._process is not None:
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)


def find_due(root: Path) -> list[Due]:
    """Return the stages that a rebuild will run or check, with the reason from `dvc status`.

    Raises:
        LecternError: `dvc status` failed.
    """
    told = repro.ask_status(root)
    pipeline = repro.read_pipeline(root)
    reasons = {stage: _say(parts) for stage, parts in told.items() if stage in pipeline}
    places = {stage: runtime.name_outputs(pipeline[stage]) for stage in pipeline}
    for stage, described in pipeline.items():
        if stage in reasons:
            continue
        for before in reasons:
            deps = described.get("deps", [])
            if any(repro.overlap(dep, out) for dep in deps for out in places[before]):
                reasons[stage] = f"follows {before}"
                break
    return [Due(stage, reasons[stage], _last_seconds(root, stage)) for stage in pipeline if stage in reasons]


def _say(parts: Sequence[Any]) -> str:
    told = []
    for part in parts:
        if isinstance(part, str):
            told.append(part)
            continue
        for paths in part.values():
            told += (
                [f"{path} {state}" for path, state in paths.items()]
                if isinstance(paths, dict)
                else [str(paths)]
            )
    return ", ".join(told)


def _last_seconds(root: Path, stage: str) -> float | None:
    try:
        return float(runtime.read_file(root / runtime.FOLDER / f"{stage}.json")["seconds"])
    except (TypeError, ValueError, KeyError):
        return None
