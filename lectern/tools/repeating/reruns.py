"""Reruns of the committed run that differ in one parameter: what they belong to, how they run, what is kept of them.

Each rerun is a DVC experiment from HEAD up to the stage `score`, so only what depends on the parameter runs. What is
needed of it is kept in a file under metrics/noise, whose name begins with a fingerprint of all that the run depends on
but the parameter. A file of another run is therefore never used, and a finished rerun is never run again.
"""

import hashlib
import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lectern.apps.repro import overlap
from lectern.core import io, paths, runtime
from lectern.core.errors import LecternError
from lectern.core.printing import say
from lectern.core.revisions import Revision
from lectern.evaluation import reruns
from lectern.evaluation.reruns import Rerun
from lectern.evaluation.rows import RowScore
from lectern.report import wording
from lectern.tools.searching import experiments

NOISE = paths.METRICS / "noise"
SCORES = paths.METRICS / "scores.json"
LOGS = Path(".dvc/tmp/noise")
LAST = "score"
"""The stage that measures what is compared."""
SAME = "check_params"
"""A stage that depends on all parameters, and writes the same for all that fit."""
QUIET: Mapping[str, Any] = {"episodes.openings": [], "episodes.held_out": 0}
"""Parameters of long work that is not compared, with the values that leave it out."""
LOOK, LOOK_AT_QUEUE = 2.0, 30.0
"""Seconds between two looks for what the workers have finished, and at DVC's queue."""


@dataclass(frozen=True)
class Committed:
    """The run at HEAD."""

    commit: str
    params: Mapping[str, Any]
    lock: Mapping[str, Mapping[str, Any]]
    """stage -> its part of dvc.lock"""
    scores: Mapping[str, Any]
    scores_name: str
    rows: Sequence[RowScore]

    def get(self, parameter: str) -> Any:
        """Return the value of a parameter.

        Raises:
            LecternError: there is none of this name.
        """
        found: Any = self.params
        for part in parameter.split("."):
            if not isinstance(found, Mapping) or part not in found:
                raise LecternError(f"params.yaml has no {parameter}. `lectern params` writes it from conf/.")
            found = found[part]
        return found


@dataclass(frozen=True)
class Wanted:
    """A rerun that is asked for."""

    about: str
    """for people, such as `seed 3`"""
    name: str
    """of the experiment and of the file"""
    overrides: Sequence[str]
    fields: Mapping[str, Any]
    """of the `Rerun`"""


def read_committed() -> Committed:
    """Read the run at HEAD.

    Raises:
        LecternError: there are uncommitted changes, or the committed run is not that of the committed code, parameters
            and data.
    """
    commit = experiments.git("rev-parse", "HEAD")
    if changed := experiments.git("status", "--porcelain", "--", ".", f":(exclude){NOISE}"):
        raise LecternError(f"commit first, so that all reruns start from the same state:\n{changed}")
    if not experiments.has_file(commit, "dvc.lock") or not SCORES.is_file():
        raise LecternError("there is no committed run to repeat. Run `dvc repro`, and commit what it wrote.")
    stale = json.loads(experiments.call_dvc("status", "--json", "--with-deps", LAST))
    if stale:
        raise LecternError(
            f"the committed run is not up to date: {', '.join(sorted(stale))} would run again. Run `dvc repro`, or "
            "`dvc checkout` if only outputs are missing, and commit."
        )
    content = SCORES.read_bytes()
    return Committed(
        commit,
        experiments.params(commit),
        yaml.safe_load(experiments.git("show", f"{commit}:./dvc.lock"))["stages"],
        json.loads(content),
        reruns.name_scores(content),
        io.read_jsonl(paths.SCORES, RowScore),
    )


def find_depending(lock: Mapping[str, Mapping[str, Any]], parameters: Sequence[str]) -> list[str]:
    """Return the stages that depend on one of the parameters and on which the stage `score` depends, sorted."""
    below: set[str] = set()
    while True:
        written = [out["path"] for name in below for out in lock[name].get("outs", [])]
        more = {
            name
            for name, stage in lock.items()
            if name not in below | {SAME}
            and (
                _reads(stage, parameters)
                or any(overlap(dep["path"], out) for dep in stage.get("deps", []) for out in written)
            )
        }
        if not more:
            break
        below |= more
    above = {LAST}
    while True:
        read = [dep["path"] for name in above if name in lock for dep in lock[name].get("deps", [])]
        more = {
            name
            for name, stage in lock.items()
            if name not in above
            and any(overlap(o["path"], dep) for o in stage.get("outs", []) for dep in read)
        }
        if not more:
            return sorted(below & above)
        above |= more


def _reads(stage: Mapping[str, Any], parameters: Sequence[str]) -> bool:
    known = [name for file in stage.get("params", {}).values() for name in file]
    return any(
        parameter == name or parameter.startswith(f"{name}.") for parameter in parameters for name in known
    )


def fingerprint(lock: Mapping[str, Mapping[str, Any]], parameters: Sequence[str]) -> str:
    """Return a hash of all that the figures depend on but these parameters, 16 hex digits.

    That is, of each stage that depends on them: its command, its other parameters, and the content of what it reads,
    unless another of these stages has written that.
    """
    stages = find_depending(lock, parameters)
    written = [out["path"] for name in stages for out in lock[name].get("outs", [])]
    described = {}
    for name in stages:
        stage = lock[name]
        described[name] = {
            "cmd": stage.get("cmd"),
            "deps": {
                dep["path"]: dep.get("md5")
                for dep in stage.get("deps", [])
                if not any(overlap(dep["path"], out) for out in written)
            },
            "params": _leave_out(stage.get("params", {}).get("params.yaml", {}), parameters),
        }
    return hashlib.sha256(io.to_json(described).encode()).hexdigest()[:16]


def _leave_out(params: Mapping[str, Any], parameters: Sequence[str]) -> dict[str, Any]:
    """The parameters without those named; a name may lead into a section."""
    kept: dict[str, Any] = {}
    for name, value in params.items():
        inside = [one.removeprefix(f"{name}.") for one in parameters if one.startswith(f"{name}.")]
        if name not in parameters:
            kept[name] = _leave_out(value, inside) if inside and isinstance(value, Mapping) else value
    return kept


def find_kept(kind: str, run: str) -> dict[str, Rerun]:
    """Return the finished reruns of a run: name -> rerun."""
    found = {path.stem: io.read_json(path, Rerun) for path in sorted((NOISE / kind).glob(f"{run}-*.json"))}
    return {name: one for name, one in found.items() if one.run == run}


def run_missing(
    kind: str, committed: Committed, run: str, wanted: Sequence[Wanted], parameters: Sequence[str], jobs: int
) -> list[str]:
    """Run what is not finished yet, and keep what is needed of it. Returns why some failed.

    Args:
        kind: seeds or curve.
        committed: the run at HEAD.
        run: its fingerprint.
        wanted: the reruns that are asked for.
        parameters: those that differ.
        jobs: number of reruns at once; one runs in the foreground, several run by the workers of DVC's queue.
    """
    kept = find_kept(kind, run)
    missing = [one for one in wanted if one.name not in kept]
    if len(missing) < len(wanted):
        say(f"{kind}: {len(wanted) - len(missing)} of {len(wanted)} are finished already")
    if not missing:
        return []
    if took := _estimate(committed.lock, parameters):
        say(f"{kind}: {len(missing)} to run, each about {wording.duration(took)}, as the committed run")
    LOGS.mkdir(parents=True, exist_ok=True)
    if jobs > 1:
        return _run_by_workers(kind, committed, run, missing, jobs)
    failures = []
    for number, one in enumerate(missing, len(wanted) - len(missing) + 1):
        began, log = time.monotonic(), LOGS / f"{one.name}.log"
        if experiments.find(one.name, committed.commit) is None:
            say(f"{kind}: {number} of {len(wanted)}: {one.about} runs; what it prints: {log}")
            experiments.run(one.name, _overrides(committed, one), LAST, log, composed=False)
        failures += _keep(kind, committed, run, one, log, time.monotonic() - began)
    return failures


def _run_by_workers(
    kind: str, committed: Committed, run: str, missing: Sequence[Wanted], jobs: int
) -> list[str]:
    """Let DVC's queue run the reruns. It goes on when this command ends, and the next call finds it at work."""
    known = experiments.list_queue()
    waiting = {one.name: one for one in missing}
    for one in missing:
        if known.get(one.name) == "Failed":
            experiments.call_dvc("queue", "remove", one.name)
        if known.get(one.name) not in ("Queued", "Running") and not experiments.find(
            one.name, committed.commit
        ):
            log = LOGS / f"{one.name}.log"
            experiments.queue(one.name, _overrides(committed, one), LAST, log, composed=False)
    experiments.start_workers(jobs)
    say(f"{kind}: {len(missing)} in DVC's queue, {jobs} at once; `dvc queue status` lists them")
    failures: list[str] = []
    began = looked = time.monotonic()
    while waiting:
        for name in [name for name in waiting if experiments.find(name, committed.commit)]:
            log = LOGS / f"{name}.log"
            failures += _keep(kind, committed, run, waiting.pop(name), log, time.monotonic() - began)
        if waiting and time.monotonic() - looked > LOOK_AT_QUEUE:
            states = experiments.list_queue()
            for name in [
                name for name in waiting if states.get(name) not in ("Queued", "Running", "Success")
            ]:
                about = waiting.pop(name).about
                failures.append(f"{about} failed; `dvc queue logs {name}` says why")
                say(f"{kind}: {failures[-1]}")
            looked = time.monotonic()
        if waiting:
            time.sleep(LOOK)
    return failures


def _overrides(committed: Committed, one: Wanted) -> list[str]:
    quiet = [
        f"{key}={json.dumps(value)}"
        for key, value in QUIET.items()
        if key.partition(".")[2] in committed.params.get(key.partition(".")[0], {})
    ]
    return [*one.overrides, *quiet]


def _keep(kind: str, committed: Committed, run: str, one: Wanted, log: Path, took: float) -> list[str]:
    """Write the file of a finished rerun. Returns why it failed, if it did."""
    revision = experiments.find(one.name, committed.commit)
    if revision is None:
        failure = f"{one.about} failed: {experiments.explain(log)}"
        say(f"{kind}: {failure}")
        return [failure]
    scores = json.loads(experiments.git("show", f"{revision}:./{SCORES}"))
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "scores.jsonl"
        if not Revision(revision).copy(str(paths.SCORES), place):
            raise LecternError(
                f"the experiment {one.name} has no {paths.SCORES}. Remove it (`dvc exp remove {one.name}`), and call "
                f"`lectern {kind}` again."
            )
        rows = io.read_jsonl(place, RowScore)
    sets = reruns.measure(scores, rows, committed.rows) if kind == "seeds" else reruns.get_values(scores)
    io.write_json(NOISE / kind / f"{one.name}.json", Rerun(run=run, sets=sets, **one.fields))
    key = next((key for key in reruns.MAIN if key in scores["tuned"]), None)
    told = f"{wording.name_figure(key)} {scores['tuned'][key]['value']:.4g}" if key else "finished"
    say(f"{kind}: {one.about}: {told} ({wording.duration(took)})")
    return []


def _estimate(lock: Mapping[str, Mapping[str, Any]], parameters: Sequence[str]) -> float:
    """What the stages took in the committed run, in seconds, without those that are left out."""
    took = 0.0
    known = runtime.read(runtime.FOLDER, runtime.list_outputs({"stages": lock}))
    for name in find_depending(lock, parameters):
        if name != "episodes":
            took += float(known.get(name, {}).get("seconds", 0.0))
    return took


def write_summary(path: Path, content: dict[str, Any]) -> None:
    """Write a summary, unless the file holds it already."""
    io.update_text(path, io.to_json(content) + "\n")


def read_seeds(committed: Committed) -> dict[str, Any] | None:
    """Return the summary of `lectern seeds`, if it belongs to the committed run."""
    path = Path(reruns.SEEDS)
    text = path.read_text(encoding="utf-8") if path.is_file() else None
    return reruns.read_summary(text, SCORES.read_bytes(), str(path))
