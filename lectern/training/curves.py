"""Write the curves of a training, which DVC can draw while it runs, and summarise them.

DVCLive writes `plots/metrics/<curve>.tsv` with a line for each step at which the curve has a value, and `metrics.json`
with the last values. Neither holds a time, so two runs with the same losses write the same bytes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lectern.core.schema import TokenRow

CURVES = {
    "loss": "train_loss",
    "eval_loss": "validation_loss",
    "eval_accuracy": "validation_accuracy",
    "learning_rate": "learning_rate",
    "grad_norm": "gradient_norm",
}
"""Name in the trainer's log -> name of the curve. Losses are in nats per trained token; the accuracy is the share of
the answers' tokens that the model thinks likelier than any other."""
DIGITS = 6
"""Number of significant digits in the curves."""


def read_history(log: Sequence[Mapping[str, Any]]) -> list[dict[str, float]]:
    """Convert the trainer's log to one record per step, with `step` and the values of the curves there."""
    steps: dict[int, dict[str, float]] = {}
    for entry in log:
        found = {CURVES[key]: _round(value) for key, value in entry.items() if key in CURVES}
        if found:
            steps.setdefault(entry["step"], {"step": entry["step"]}).update(found)
    return [steps[step] for step in sorted(steps)]


def _round(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def draw(history: Sequence[Mapping[str, float]], folder: Path) -> None:
    """Replace the content of `folder` by the curves of a history."""
    with open_live(folder) as live:
        for record in history:
            add(live, record)
        live.make_summary()


def open_live(folder: Path) -> Any:
    """Open a DVCLive logger that empties `folder` and writes nowhere else."""
    from dvclive import Live

    # By default DVCLive would rewrite dvc.yaml in the middle of a stage, and save an experiment of its own.
    return Live(str(folder), dvcyaml=None, report=None, save_dvc_exp=False)


def add(live: Any, record: Mapping[str, float]) -> None:
    """Write the values of one step."""
    live.step = record["step"]
    for name, value in record.items():
        if name != "step":
            live.log_metric(name, value)


@dataclass(frozen=True)
class History:
    """The record of a finished training."""

    records: list[dict[str, float]]
    """the result of `read_history`"""
    steps_an_epoch: int
    """number of steps in each epoch"""
    kept_step: int
    """step after which the kept weights were saved"""
    padding_share: float
    """share of padding among all tokens that the model computed"""


def summarise(
    history: History, rows: Sequence[TokenRow], validation: Sequence[TokenRow], epochs: int
) -> dict[str, Any]:
    """Return the losses in nats per trained token, and the numbers of rows and tokens.

    The train loss is the mean over the steps of the last epoch. Validation loss and accuracy are those of the kept
    weights, or None if there are no validation rows. `epochs` is the configured number; early stopping may end a
    training before.
    """
    trained = [record["train_loss"] for record in history.records if "train_loss" in record]
    scored = {int(r["step"]): r for r in history.records if "validation_loss" in r}
    before, kept = scored.get(0, {}), scored.get(history.kept_step, {})
    last = trained[-history.steps_an_epoch :]
    return {
        "rows": len(rows),
        "tokens": sum(len(row.input_ids) for row in rows),
        "trained_tokens": sum(sum(row.assistant_masks) for row in rows),
        "epochs": epochs,
        "steps": len(trained),
        "stopped_early": len(trained) < epochs * history.steps_an_epoch,
        "kept_step": history.kept_step,
        "padding_share": round(history.padding_share, 4),
        "train_loss": _round(sum(last) / len(last)),
        "validation_rows": len(validation),
        "validation_loss_before": before.get("validation_loss"),
        "validation_loss": kept.get("validation_loss"),
        "validation_accuracy_before": before.get("validation_accuracy"),
        "validation_accuracy": kept.get("validation_accuracy"),
    }
