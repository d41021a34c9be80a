"""What a revision says that it made: its pipeline and its dvc.lock, checked before anything is rebuilt."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lectern.apps.repro import overlap
from lectern.core import runtime
from lectern.core.errors import LecternError
from lectern.core.revisions import Revision, call_git

LOCK = "dvc.lock"


@dataclass(frozen=True)
class Committed:
    """A revision whose outputs can be compared."""

    revision: Revision
    name: str
    """as the user gave it"""
    pipeline: Mapping[str, Any]
    """stage -> its entry in dvc.yaml"""
    lock: Mapping[str, Any]
    """stage -> its entry in dvc.lock"""
    stages: list[str]
    """those that are rebuilt, in the order of the graph"""

    @property
    def outputs(self) -> dict[str, dict[str, str]]:
        """Stage that is rebuilt -> output -> hash, in the order of the graph."""
        found = runtime.list_outputs({"stages": self.lock})
        return {stage: found[stage] for stage in self.stages}

    def name_outputs(self) -> set[str]:
        """Return the paths of all outputs of the pipeline."""
        return {path for entry in self.pipeline.values() for path in runtime.name_outputs(entry)}

    def name_inputs(self) -> dict[str, list[str]]:
        """Return path -> the rebuilt stages that read it, of what no stage writes."""
        outputs = self.name_outputs()
        found: dict[str, list[str]] = {}
        for stage in self.stages:
            for path in self.pipeline[stage].get("deps", []):
                if not any(overlap(path, out) for out in outputs):
                    found.setdefault(path, []).append(stage)
        return found


def read(revision: Revision, name: str, until: str | None) -> Committed:
    """Read the pipeline and the lock of a revision.

    Args:
        revision: found by `core.revisions.find`.
        name: as the user gave it.
        until: the last stage that is rebuilt; None for all.

    Raises:
        LecternError: either file is missing or malformed, there is no such stage, or a stage was never run.
    """
    pipeline = _read_stages(revision, "dvc.yaml", name, "Choose a commit that has the pipeline.")
    lock = _read_stages(
        revision,
        LOCK,
        name,
        f"Choose a commit after a run of the pipeline: `git log --oneline -- {LOCK}` lists some.",
    )
    if until is not None and until not in pipeline:
        raise LecternError(f"{name} has no stage {until!r}; its stages are {', '.join(pipeline)}")
    stages = [stage for stage in sort(pipeline) if until is None or stage in _find_above(pipeline, until)]
    if missing := [stage for stage in stages if stage not in lock]:
        raise LecternError(
            f"{LOCK} of {name} has no outputs of {', '.join(missing)}: its run was not finished. Run `make run` there, "
            f"and commit {LOCK} and metrics, or verify the stages before by --until."
        )
    return Committed(revision, name, pipeline, lock, stages)


def refuse_uncommitted(root: Path) -> None:
    """Refuse to verify HEAD when somebody may mean what lies in the working tree.

    Raises:
        LecternError: dvc.lock differs from that of HEAD.
    """
    if call_git(root, "status", "--porcelain", "--", LOCK).stdout.strip():
        raise LecternError(
            f"{LOCK} differs from the committed one, and only what is committed can be verified. Commit it with "
            f"metrics, or take the committed one back by `git checkout {LOCK}`; `lectern verify HEAD` verifies HEAD as "
            "it is."
        )


def _read_stages(revision: Revision, path: str, name: str, remedy: str) -> dict[str, Any]:
    text = revision.read(path)
    if text is None:
        raise LecternError(f"{name} has no {path}. {remedy}")
    try:
        stages = yaml.safe_load(text)["stages"]
        return {str(stage): dict(entry) for stage, entry in stages.items()}
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise LecternError(
            f"{path} of {name} has no stages of DVC ({type(error).__name__}: {' '.join(str(error).split())}). "
            "Mend it (a merge may have left both sides in it), run `dvc repro`, and commit it."
        ) from error


def sort(pipeline: Mapping[str, Any]) -> list[str]:
    """Return the stages such that each comes after those whose outputs it reads, else in the order of dvc.yaml."""
    found: list[str] = []

    def visit(stage: str) -> None:
        if stage not in found:
            for before in _find_read(pipeline, stage):
                visit(before)
            found.append(stage)

    for stage in pipeline:
        visit(stage)
    return found


def _find_read(pipeline: Mapping[str, Any], stage: str) -> Iterator[str]:
    """Yield the stages whose outputs a stage reads."""
    deps = pipeline[stage].get("deps", [])
    for other, entry in pipeline.items():
        outs = runtime.name_outputs(entry)
        if other != stage and any(overlap(dep, out) for dep in deps for out in outs):
            yield other


def _find_above(pipeline: Mapping[str, Any], stage: str) -> set[str]:
    """Return a stage and all that it needs."""
    found = {stage}
    waiting = [stage]
    while waiting:
        for before in _find_read(pipeline, waiting.pop()):
            if before not in found:
                found.add(before)
                waiting.append(before)
    return found
