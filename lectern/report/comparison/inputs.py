"""Read and check the files of a run that are compared. An older run may lack some, or have them in another format."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml

from lectern.core import io, runtime
from lectern.core.errors import LecternError
from lectern.core.manifest import MANIFEST
from lectern.core.revisions import Copy
from lectern.core.schema import SPLITS, TUNED, Decision, Example, Prediction, Record
from lectern.evaluation import reruns
from lectern.evaluation.rows import RowScore
from lectern.report.comparison.sides import Side

Key = tuple[str, str]
"""Set and id of a question."""
R = TypeVar("R", bound=Record)
T = TypeVar("T")

SCORES = "data/scores.jsonl"
ANSWERS = f"data/predictions/{TUNED}.jsonl"
DECISIONS = "data/curation_decisions.jsonl"
CURATED = "data/curated.jsonl"
SOURCES = f"data/raw/{MANIFEST}"


@dataclass(frozen=True)
class Run:
    """The content of one run. A file that is missing or has an old format is None, and `problems` says why."""

    name: str
    about: str
    params: Mapping[str, Any]
    lock: Mapping[str, Mapping[str, str]]
    """stage -> output -> hash"""
    libraries: Mapping[str, str]
    """package -> version, from requirements.lock"""
    metrics: Mapping[str, Any]
    """name of a file in metrics/ -> its content"""
    runtime: Mapping[str, Mapping[str, Any]]
    """stage -> what it took on this machine when it wrote these outputs; without stages never run here"""
    scores: Sequence[RowScore] | None
    answers: Mapping[Key, Prediction] | None
    """answers of the tuned model"""
    decisions: Sequence[Decision] | None
    questions: Mapping[str, str]
    """id of a curated row -> its first question"""
    splits: Mapping[str, str] | None
    """id of a row -> train, validation or test"""
    sources: Mapping[str, str] | None
    """item -> hash of what was fetched"""
    problems: Mapping[str, str]
    """path -> why it was not read, such as `is not there`"""
    seeds: Mapping[str, Any] | None = None
    """metrics/noise/seeds.json, if there is one that belongs to this run"""
    curve: Mapping[str, Any] | None = None
    """metrics/noise/curve.json, likewise"""


def explain(path: str, *runs: Run) -> str:
    """Return why an output was not read, such as `data/scores.jsonl of main is not there`; empty if all have it."""
    return "; ".join(f"{path} of {run.name} {run.problems[path]}" for run in runs if path in run.problems)


def read(side: Side, folder: Path, *, with_outputs: bool) -> Run:
    """Read a side.

    Args:
        side: a revision or the working tree.
        folder: folder into which its outputs are copied; it does not exist yet.
        with_outputs: False to read only files that git holds.

    Raises:
        LecternError: an output is neither in DVC's cache nor in a remote, or a file in git is malformed.
    """
    with side.outputs() if with_outputs else nullcontext(None) as copy:
        outputs = _Outputs(copy, folder, {})
        scores = outputs.read_rows(SCORES, RowScore)
        answers = outputs.read_rows(ANSWERS, Prediction)
        decisions = outputs.read_rows(DECISIONS, Decision)
        curated = outputs.read_rows(CURATED, Example)
        splits = {name: outputs.read_rows(f"data/splits/{name}.jsonl", Example) for name in SPLITS}
        sources = outputs.read_sources()
    lock = runtime.list_outputs(_read_yaml(side, "dvc.lock"))
    return Run(
        name=side.name,
        about=side.about,
        params=_read_yaml(side, "params.yaml"),
        lock=lock,
        libraries=dict(re.findall(r"(?m)^([\w.-]+)==([^\s;\\]+)", side.read("requirements.lock") or "")),
        metrics=_read_folder(side, "metrics"),
        runtime=_read_runtime(side, lock),
        scores=scores,
        answers=None if answers is None else {(row.set, row.id): row for row in answers},
        decisions=decisions,
        questions={row.id: _first_question(row) for row in curated or []},
        splits=None
        if all(rows is None for rows in splits.values())
        else {row.id: name for name, rows in splits.items() for row in rows or []},
        sources=sources,
        problems=outputs.problems,
        seeds=_read_noise(side, reruns.SEEDS),
        curve=_read_noise(side, reruns.CURVE),
    )


@dataclass(frozen=True)
class _Outputs:
    """Reads outputs of a side, and notes why an output cannot be read."""

    copy: Copy | None
    """copies an output; None leaves outputs out"""
    folder: Path
    problems: dict[str, str]

    def read_rows(self, path: str, record: type[R]) -> list[R] | None:
        """Read the rows of an output."""
        return self._read(path, lambda file: io.read_jsonl(file, record))

    def read_sources(self) -> dict[str, str] | None:
        """Read item -> hash of what was fetched."""
        return self._read(
            SOURCES,
            lambda file: {item: entry["sha256"] for item, entry in io.read_plain(file)["items"].items()},
        )

    def _read(self, path: str, read: Callable[[Path], T]) -> T | None:
        if self.copy is None:
            self.problems[path] = "is left out"
        elif not self.copy(path, self.folder / path):
            self.problems[path] = "is not there"
        else:
            try:
                return read(self.folder / path)
            except (LecternError, KeyError, TypeError, AttributeError):
                self.problems[path] = "was written by another version of the pipeline"
        return None


def _first_question(row: Example) -> str:
    return next((message.content for message in row.messages if message.role == "user"), "")


def _read_yaml(side: Side, path: str) -> Mapping[str, Any]:
    try:
        found = yaml.safe_load(side.read(path) or "")
    except yaml.YAMLError as error:
        raise LecternError(
            f"{path} of {side.name} is not YAML ({error}). Correct it, or compare another commit."
        ) from error
    return found if isinstance(found, Mapping) else {}


def _read_runtime(side: Side, lock: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """Return stage -> figures. Commits of version 0.2 and older have them in git, of whichever machine ran them."""
    tracked = _read_folder(side, str(runtime.FOLDER)) if side.revision else {}
    return {**tracked, **runtime.read(side.root / runtime.FOLDER, lock)}


def _read_noise(side: Side, path: str) -> Mapping[str, Any] | None:
    scores = (side.read("metrics/scores.json") or "").encode()
    return reruns.read_summary(side.read(path), scores, f"{path} of {side.name}")


def _read_folder(side: Side, folder: str) -> dict[str, Any]:
    """Return name -> content of the JSON files directly in a folder."""
    found = {}
    for path in side.list(folder):
        if Path(path).parent.as_posix() == folder and path.endswith(".json"):
            try:
                found[Path(path).stem] = json.loads(side.read(path) or "")
            except ValueError as error:
                raise LecternError(
                    f"{path} of {side.name} is not JSON ({error}). Correct it, or compare another commit."
                ) from error
    return found
