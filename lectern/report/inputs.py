"""Read and check the inputs of the report; optional ones may be missing."""

import csv
import io as text_io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from omegaconf import DictConfig, OmegaConf

from lectern.answering.general import Result
from lectern.core import io, items
from lectern.core.errors import LecternError
from lectern.core.manifest import MANIFEST
from lectern.core.schema import (
    BASE,
    TUNED,
    AnswerSupport,
    Conversation,
    Episode,
    PairJudgement,
    Prediction,
    Record,
    RubricJudgement,
    Sentence,
)
from lectern.evaluation import reruns
from lectern.evaluation.rows import LikenessRank, RowScore
from lectern.report import origin, sources

Key = tuple[str, str]
"""Set and id of a question."""
METRICS = (
    "conversations",
    "curation",
    "documents",
    "episodes",
    "examples",
    "forgetting",
    "generation",
    "judge",
    "knowledge",
    "leakage",
    "likeness",
    "preflight",
    "ratings",
    "retrieval",
    "speech",
    "support",
    "train",
    "transcripts",
)
"""Optional files of metrics/."""


@dataclass(frozen=True)
class LossPoint:
    """The losses at a step of metrics/train/plots; None if a loss was not measured there."""

    step: int
    train: float | None
    validation: float | None


@dataclass(frozen=True)
class Answers:
    """One question, the answer of each contestant, and their scores."""

    score: RowScore
    predictions: Mapping[str, Prediction]
    supported: Mapping[str, Sequence[Sentence]] = field(default_factory=dict)
    """contestant -> the sentences of its answer, with their sources; empty if they were not looked up"""

    @property
    def key(self) -> Key:
        """Set and id."""
        return self.score.set, self.score.id

    @property
    def gain(self) -> float | None:
        """How much more likely the tuned model finds the true answer, in nats per token; None if that is unknown."""
        sides = [self.score.answers.get(side) for side in (BASE, TUNED)]
        base, tuned = (None if side is None else side.nats_per_token for side in sides)
        return None if base is None or tuned is None else base - tuned


@dataclass(frozen=True)
class Evidence:
    """What the replies to the six questions rest on."""

    scores: Mapping[str, Any]
    """metrics/scores.json; intervals of differences cover seeds too, where the spread over seeds is known"""
    metrics: Mapping[str, Mapping[str, Any]]
    """name of another file in metrics/ -> its content; one that is missing or empty was not measured"""
    answers: Sequence[Answers] = ()
    """all answers with their scores, for the examples; empty for replies without examples"""
    ranks: Mapping[Key, float] = field(default_factory=dict)
    """how much the tuned model's answer to a question sounds like the speaker; empty if that was not measured"""
    general: Mapping[str, Sequence[Result]] = field(default_factory=dict)
    """contestant -> what it made of general text, questions and requests; empty for a reply without an example"""
    seeds: Mapping[str, Any] | None = None
    """metrics/noise/seeds.json, if there is one that belongs to these scores"""
    curve: Mapping[str, Any] | None = None
    """metrics/noise/curve.json, likewise"""

    def read(self, name: str) -> Mapping[str, Any]:
        """Return the content of a file in metrics/; empty if it is missing."""
        return self.metrics.get(name) or {}


@dataclass(frozen=True, kw_only=True)
class Inputs(Evidence):
    """Everything that the report shows; `metrics` has each name in METRICS."""

    loss: list[LossPoint]
    pairs: Mapping[Key, list[PairJudgement]]
    rubric: Mapping[Key, list[RubricJudgement]]
    episodes: Mapping[str, list[Episode]]
    spoken: list[sources.Spoken]
    revision: str
    """git's object name of metrics/scores.json"""
    params: str


def read(metrics: Path, data: Path, params: Path) -> Inputs:
    """Read the metrics, the predictions with their scores, the judgements, and the parameters as text.

    Raises:
        LecternError: the scores or predictions are missing or belong to different rows, or a file is malformed.
    """
    seeds, curve = (_read_noise(metrics, Path(path).name) for path in (reruns.SEEDS, reruns.CURVE))
    return Inputs(
        scores=reruns.widen(io.read_plain(metrics / "scores.json"), seeds),
        answers=_read_answers(data),
        loss=_read_loss(metrics / "train" / "plots" / "metrics"),
        metrics={name: _read_optional(metrics / f"{name}.json") for name in METRICS},
        pairs=_by_question(_read_rows(data / "judgements" / "pairs.jsonl", PairJudgement)),
        rubric=_by_question(_read_rows(data / "judgements" / "rubric.jsonl", RubricJudgement)),
        ranks={
            (one.set, one.id): one.rank for one in _read_rows(data / "likeness" / "ranks.jsonl", LikenessRank)
        },
        general={name: _read_rows(data / "forgetting" / f"{name}.jsonl", Result) for name in (BASE, TUNED)},
        episodes={name: _read_rows(data / "episodes" / f"{name}.jsonl", Episode) for name in (BASE, TUNED)},
        spoken=_read_spoken(data / "conversations"),
        revision=origin.git_name((metrics / "scores.json").read_bytes()),
        params=_read_params(params) if params.is_file() else "",
        seeds=seeds,
        curve=curve,
    )


def _read_noise(metrics: Path, name: str) -> Mapping[str, Any] | None:
    path = metrics / "noise" / name
    text = path.read_text(encoding="utf-8") if path.is_file() else None
    return reruns.read_summary(text, (metrics / "scores.json").read_bytes(), str(path))


def _read_answers(data: Path) -> list[Answers]:
    folder = data / "predictions"
    files = {
        path.stem: path for path in sorted(folder.glob("[!.]*.jsonl"))
    }  # hidden files are internal to another stage
    files |= {name: folder / f"{name}.jsonl" for name in (BASE, TUNED)}
    said = {
        name: {(row.set, row.id): row for row in io.read_jsonl(path, Prediction)}
        for name, path in files.items()
    }
    supported: dict[Key, dict[str, Sequence[Sentence]]] = {}
    for one in _read_rows(data / "support.jsonl", AnswerSupport):
        supported.setdefault((one.set, one.id), {})[one.contestant] = one.sentences
    answers = []
    for row in io.read_jsonl(data / "scores.jsonl", RowScore):
        for name in row.answers:
            if (row.set, row.id) not in said.get(name, {}):
                raise LecternError(
                    f"{data / 'scores.jsonl'} has row {row.id} of {row.set}, but the predictions of {name} do not. "
                    "Run `dvc repro score` to score them again."
                )
        predictions = {name: said[name][row.set, row.id] for name in row.answers}
        answers.append(Answers(row, predictions, supported.get((row.set, row.id), {})))
    return answers


R = TypeVar("R", bound=Record)
J = TypeVar("J", PairJudgement, RubricJudgement)


def _read_rows(path: Path, record: type[R]) -> list[R]:
    return io.read_jsonl(path, record) if path.is_file() else []


def _by_question(judgements: Sequence[J]) -> dict[Key, list[J]]:
    found: dict[Key, list[J]] = {}
    for judgement in judgements:
        found.setdefault((judgement.set, judgement.id), []).append(judgement)
    return found


def _read_spoken(folder: Path) -> list[sources.Spoken]:
    if not (folder / MANIFEST).is_file():
        return []
    # One at a time, since the words of a thousand hours would fill the memory.
    return [sources.measure(io.read_json(path, Conversation)) for path in items.read(folder).values()]


def _read_params(path: Path) -> str:
    """Read the parameters without section `compute`, since the number of workers does not affect the results."""
    everything = OmegaConf.load(path)
    assert isinstance(everything, DictConfig)
    everything.pop("compute", None)
    return OmegaConf.to_yaml(everything)


def _read_optional(path: Path) -> Mapping[str, Any]:
    return io.read_plain(path) if path.is_file() else {}


def _read_loss(folder: Path) -> list[LossPoint]:
    train, validation = (
        _read_curve(folder / f"{name}.tsv", name) for name in ("train_loss", "validation_loss")
    )
    return [LossPoint(step, train.get(step), validation.get(step)) for step in sorted({*train, *validation})]


def _read_curve(path: Path, name: str) -> dict[int, float | None]:
    """Read step -> value."""
    if not path.is_file():
        return {}
    points = {}
    lines = text_io.StringIO(path.read_text(encoding="utf-8"))
    for number, row in enumerate(csv.DictReader(lines, delimiter="\t"), 2):
        try:
            points[int(row["step"])] = _number(row[name])
        except (KeyError, ValueError, TypeError) as error:
            raise LecternError(
                f"{path}:{number}: expected the columns step and {name} ({error}). "
                "`dvc repro -f train` writes it again."
            ) from error
    return points


def _number(text: str | None) -> float | None:
    """Read a number; None if it is blank, or not finite and so cannot be drawn."""
    if text is None or not text.strip():
        return None
    value = float(text)
    return value if math.isfinite(value) else None
