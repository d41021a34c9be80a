"""What the report is made of, read and checked; what is optional may be missing."""

import csv
import io as text_io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from stages.core import io
from stages.core.errors import LecternError
from stages.core.schema import Prediction
from stages.scoring.figures import RowScore


@dataclass(frozen=True)
class LossPoint:
    """The losses at a step of metrics/train/plots; one that was not measured there is None."""

    step: int
    train: float | None
    validation: float | None


@dataclass(frozen=True)
class Answers:
    """One held-out question, both answers, and their scores."""

    score: RowScore
    base: Prediction
    tuned: Prediction


@dataclass(frozen=True)
class Inputs:
    """Everything that the report shows. An optional metric that is not there is an empty mapping."""

    scores: Mapping[str, Any]
    answers: list[Answers]
    loss: list[LossPoint]
    examples: Mapping[str, Any]
    curation: Mapping[str, Any]
    leakage: Mapping[str, Any]
    preflight: Mapping[str, Any]
    train: Mapping[str, Any]
    speech: Mapping[str, Any]
    params: str


def read(metrics: Path, data: Path, params: Path) -> Inputs:
    """Read the metrics, the predictions with their scores, and the parameters as text.

    Raises:
        LecternError: the scores or predictions are missing or belong to different rows, or a file is malformed.
    """
    sides = {
        name: {row.id: row for row in io.read_jsonl(data / "predictions" / f"{name}.jsonl", Prediction)}
        for name in ("base", "tuned")
    }
    rows = io.read_jsonl(data / "scores.jsonl", RowScore)
    for row in rows:
        for name, side in sides.items():
            if row.id not in side:
                raise LecternError(
                    f"{data / 'scores.jsonl'} has row {row.id}, the predictions of {name} have not. "
                    "`dvc repro score` scores them again."
                )
    return Inputs(
        scores=io.read_plain(metrics / "scores.json"),
        answers=[Answers(row, sides["base"][row.id], sides["tuned"][row.id]) for row in rows],
        loss=_read_loss(metrics / "train" / "plots" / "metrics"),
        examples=_read_optional(metrics / "examples.json"),
        curation=_read_optional(metrics / "curation.json"),
        leakage=_read_optional(metrics / "leakage.json"),
        preflight=_read_optional(metrics / "preflight.json"),
        train=_read_optional(metrics / "train.json"),
        speech=_read_optional(metrics / "speech.json"),
        params=_read_params(params) if params.is_file() else "",
    )


def _read_params(path: Path) -> str:
    """All that decides what the report shows: on how many workers it was computed does not."""
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
    """Step -> value."""
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
    """A blank is no measurement, and neither is a loss that overflowed: it cannot be drawn."""
    if text is None or not text.strip():
        return None
    value = float(text)
    return value if math.isfinite(value) else None
