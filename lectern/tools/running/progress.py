"""What is told while the pipeline runs: which step of how many, what it does, and about how long it still takes."""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from lectern.apps.repro import RUNNING, read_pipeline
from lectern.core import runtime
from lectern.core.errors import LecternError
from lectern.core.io import read_plain

PASSED = re.compile(r"Stage '([\w-]+)' (?:is cached|didn't change)")
CHATTER = re.compile(
    r"\s*$|> |Running stage |Stage '|Updating lock file|Generating lock file|To track the changes with git|\tgit add |"
    r"To enable auto staging|\tdvc config core\.autostage|Use `dvc push`|Data and pipelines are up to date|"
    r"'[^']+\.dvc' didn't change|Verifying data sources in stage"
)
"""What DVC itself says, besides errors."""
TYPICAL = Path(__file__).with_name("typical.json")
"""What the stages of the demo took on the machine that shipped them, for a machine where it never ran."""
STARTING = 3.0
"""Seconds for starting the process of a stage, and for DVC's own work, which no stage measures."""
ENOUGH = 10.0
"""Seconds of expected time after which the speed of this run corrects the expectation."""


@dataclass
class Progress:
    """Follows what `dvc repro` prints."""

    steps: Mapping[str, str]
    """stage -> what it does, of all stages that may come"""
    expected: Mapping[str, float]
    """stage -> seconds that it took before; without stages of which that is not known"""
    clock: Callable[[], float] = time.monotonic
    passed: set[str] = field(default_factory=set)
    """the stages that ran, or did not have to"""
    ran: set[str] = field(default_factory=set)
    running: str | None = None
    _began: float = 0.0
    _took: float = 0.0
    _expected: float = 0.0

    def read(self, line: str) -> str | None:
        """Read a line, and return what to show instead; None for nothing."""
        if match := PASSED.search(line):
            self._end()
            self.passed.add(match[1])
            return None
        if match := RUNNING.search(line):
            self._end()
            self.running, self._began = match[1], self.clock()
            return self._announce(match[1])
        return None if CHATTER.match(line) else f"      {line}"

    def tell(self) -> str | None:
        """Say how far the running stage is; None if nothing runs."""
        if self.running is None:
            return None
        so_far = self.clock() - self._began
        usual = self.expected.get(self.running)
        own = f" of about {say_time(usual * self._ratio)}" if usual and usual * self._ratio > so_far else ""
        return f"      {self.running}: {say_time(so_far)}{own}{self._tell_rest(so_far)}"

    @property
    def _ratio(self) -> float:
        """How many times as long as expected the stages of this run took."""
        return self._took / self._expected if self._expected >= ENOUGH else 1.0

    def _announce(self, stage: str) -> str:
        number = len(self.passed) + 1
        usual = self.expected.get(stage)
        about = "" if usual is None else f" (about {say_time(usual * self._ratio)}{self._tell_rest(0)})"
        return f"[{number}/{max(number, len(self.steps))}] {stage}: {self.steps.get(stage, '')}{about}"

    def _tell_rest(self, so_far: float) -> str:
        """Say how long all that is left may take; nothing if that is not known of each stage."""
        left = [stage for stage in self.steps if stage not in self.passed and stage != self.running]
        if not left or any(stage not in self.expected for stage in left) or self.running is None:
            return ""
        own = max(0.0, self.expected.get(self.running, 0.0) * self._ratio - so_far)
        rest = own + self._ratio * sum(self.expected[stage] for stage in left)
        return f"; up to about {say_time(rest)} to the end"

    def _end(self) -> None:
        """A stage has ended, since another is spoken of."""
        if self.running is None:
            return
        if self.running in self.expected:
            self._took += self.clock() - self._began
            self._expected += self.expected[self.running]
        self.passed.add(self.running)
        self.ran.add(self.running)
        self.running = None

    def finish(self) -> None:
        """DVC has ended without an error."""
        self._end()


def say_time(seconds: float) -> str:
    """Write a rough time: `5 s`, `40 s`, `3 min`, `2.5 h`."""
    if seconds < 9.5:
        return f"{max(1, round(seconds))} s"
    if seconds < 57.5:
        return f"{5 * round(seconds / 5)} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def describe(pipeline: Mapping[str, Any]) -> dict[str, str]:
    """Return stage -> what it does, as dvc.yaml says."""
    return {name: str(entry.get("desc", entry.get("cmd", ""))) for name, entry in pipeline.items()}


def expect(root: Path, stages: Mapping[str, Any], typical: Path = TYPICAL) -> dict[str, float]:
    """Return stage -> about how many seconds it takes with its start.

    That is what its last run took on this machine. Where a stage never ran, it is what it took where the demo was
    shipped from, if params.yaml is of the same corpus and base model; the other stages of the run correct the speed.
    """
    last = {stage: runtime.read_file(root / runtime.FOLDER / f"{stage}.json") for stage in stages}
    known = {stage: float(took["seconds"]) for stage, took in last.items() if _is_number(took.get("seconds"))}
    if set(known) != set(stages) and typical.is_file():
        shipped = read_plain(typical)
        if _identify(root) == shipped["of"]:
            known = shipped["seconds"] | known
    return {stage: known[stage] + STARTING for stage in stages if stage in known}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _identify(root: Path) -> dict[str, Any]:
    try:
        params = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
        return {section: params[section]["name"] for section in ("corpus", "base_model")}
    except (OSError, KeyError, TypeError, yaml.YAMLError):
        return {}


def write_typical(root: Path, typical: Path = TYPICAL) -> None:
    """Take what the last runs took here as what is shipped. Run: python -m lectern.tools.running.progress"""
    from lectern.core.io import write_json

    stages = read_pipeline(root)
    took = {stage: runtime.read_file(root / runtime.FOLDER / f"{stage}.json") for stage in stages}
    if missing := [stage for stage, figures in took.items() if not figures]:
        raise LecternError(f"{', '.join(missing)}: never ran here. Run `make demo` from nothing.")
    seconds = {stage: figures["seconds"] for stage, figures in took.items()}
    write_json(typical, {"of": _identify(root), "seconds": seconds})


if __name__ == "__main__":
    write_typical(Path())
