"""The pipeline of dvc.yaml, as its documentation needs it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lectern.apps.repro import overlap, read_pipeline

CODE = ("stages/", "lectern/")
ALL = ("params.yaml",)
"""The parameters of a stage that depends on the whole file."""
STEPS = {
    "Hear": ("check_params", "fetch", "transcribe", "diarize", "converse", "score_speech"),
    "Read": ("extract", "parse"),
    "Make rows": ("examples", "teach", "rate", "curate", "split"),
    "Tune": ("reword", "retrieve", "mix", "render", "train"),
    "Answer": ("generate", "episodes", "forget", "clean_answers"),
    "Tell": ("score", "judge", "report"),
}
"""The steps of the whole, in order, and the stages of each; a test holds them equal to dvc.yaml."""


@dataclass(frozen=True)
class Stage:
    """A stage of dvc.yaml."""

    name: str
    description: str
    command: str
    parameters: tuple[str, ...]
    """sections of params.yaml, or single parameters of a section; `ALL` for the whole file"""
    reads: tuple[str, ...]
    """its inputs, without code"""
    writes: tuple[str, ...]
    """its outputs, metrics and plots"""


@dataclass(frozen=True)
class Pipeline:
    """All stages, in the order of dvc.yaml."""

    stages: tuple[Stage, ...]

    def find_writer(self, path: str) -> Stage | None:
        """The stage that writes a file, or the folder that it is in; None where no stage does."""
        for stage in self.stages:
            if any(path == out or path.startswith(f"{out}/") for out in stage.writes):
                return stage
        return None

    def find_readers(self, path: str) -> list[Stage]:
        """The stages that read a file, a part of it, or the folder that it is in."""
        return [
            stage for stage in self.stages if any(overlap(path, dependency) for dependency in stage.reads)
        ]

    def list_inputs(self) -> list[str]:
        """What stages read and no stage writes: people put it there."""
        found = {path for stage in self.stages for path in stage.reads if self.find_writer(path) is None}
        return sorted(found)


def read(root: Path) -> Pipeline:
    """Read the stages of the dvc.yaml in a folder."""
    return Pipeline(tuple(_read_stage(name, stage) for name, stage in read_pipeline(root).items()))


def _read_stage(name: str, values: dict[str, Any]) -> Stage:
    written = [entry for kind in ("outs", "metrics", "plots") for entry in values.get(kind, [])]
    return Stage(
        name=name,
        description=values["desc"],
        command=values["cmd"],
        parameters=ALL if ALL[0] in values.get("deps", []) else tuple(values.get("params", [])),
        reads=tuple(path for path in values.get("deps", []) if not path.startswith((*CODE, *ALL))),
        writes=tuple(entry if isinstance(entry, str) else next(iter(entry)) for entry in written),
    )
