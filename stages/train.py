"""Tune an adapter for the base model on the rendered rows.

Run: python -m stages.train        (dvc stage: train)
Reads data/sft, writes models/adapter, metrics/train.json and metrics/train/loss.tsv. A killed run goes on from its last
complete checkpoint in models/checkpoints and ends with the same bytes.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from stages.core import io, params, stage
from stages.core.schema import TokenRow
from stages.tuning import checkpoints, curve, models, sft

RUNS_KEPT = 4


@dataclass(frozen=True)
class TrainParams:
    """Section `train`."""

    name: str
    """of the file in conf/train"""
    r: int
    """rank of the adapter"""
    alpha: int
    """the adapter's output is scaled by alpha / r"""
    dropout: float
    """on the adapter's input"""
    target_modules: Any
    """all-linear, or a list of the names of linear layers"""
    learning_rate: float
    """the peak"""
    epochs: int
    """passes over the rows"""
    batch_size: int
    """rows in a micro-batch, which memory limits"""
    gradient_accumulation: int
    """micro-batches in a step"""
    warmup_share: float
    """share of the steps over which the learning rate rises"""
    scheduler: str
    """course of the learning rate, by its name in transformers"""
    weight_decay: float
    """of AdamW"""
    max_grad_norm: float
    """gradients are clipped to it"""
    checkpoint_every: int
    """steps between checkpoints, which is what a kill may cost"""
    seed: int
    """of the adapter's first weights, of dropout and of the order of rows"""

    def __post_init__(self) -> None:
        for field in ("r", "alpha", "epochs", "batch_size", "gradient_accumulation", "checkpoint_every"):
            if getattr(self, field) < 1:
                raise ValueError(f"{field} is {getattr(self, field)}; give 1 or more")
        if not 0 <= self.dropout < 1 or not 0 <= self.warmup_share <= 1:
            raise ValueError(
                f"dropout is {self.dropout} and warmup_share {self.warmup_share}; give shares of 1"
            )
        if self.learning_rate <= 0 or self.max_grad_norm <= 0 or self.weight_decay < 0:
            raise ValueError("learning_rate and max_grad_norm must be above 0, weight_decay 0 or above")


def main(
    chosen: TrainParams, base: models.BaseModel, rendered: Path, root: Path, out: Path, metrics: Path
) -> str:
    """Train, or take up, the run that these parameters and rows name, and export its adapter and figures."""
    files = [rendered / "train.jsonl", rendered / "validation.jsonl"]
    rows, validation = (io.read_jsonl(file, TokenRow) for file in files)
    name = checkpoints.fingerprint(
        {"base_model": asdict(base), "train": asdict(chosen)}, files, [sft], sft.LIBRARIES
    )
    run = checkpoints.open_run(root, name, keep=RUNS_KEPT)
    settings = {field: value for field, value in asdict(chosen).items() if field != "name"}
    finished = sft.tune(base, rows, validation, run, **settings)
    sft.export(finished, out)
    history = sft.losses(finished)
    figures = curve.summarise(
        history,
        rows,
        validation,
        epochs=chosen.epochs,
        batch_size=chosen.batch_size,
        seed=chosen.seed,
    )
    io.write_text(metrics / "loss.tsv", curve.table(history))
    io.write_json(metrics.with_suffix(".json"), figures)
    return f"{figures['steps']} steps on {len(rows)} rows, validation loss {figures['validation_loss']}"


if __name__ == "__main__":
    stage.run(
        "train",
        lambda: main(
            params.load("train", TrainParams),
            params.load("base_model", models.BaseModel),
            Path("data/sft"),
            Path("models/checkpoints"),
            Path("models/adapter"),
            Path("metrics/train"),
        ),
    )
