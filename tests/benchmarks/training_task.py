"""What every contestant of the training benchmark is given, and what it hands back. Needs no package."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""every linear layer of a Llama"""


@dataclass(frozen=True)
class Task:
    """One training. What is not here is each contestant's own choice."""

    model: str
    """folder with the model and its tokenizer, as transformers saves them"""
    base: dict[str, Any]
    """section `base_model`"""
    rows: str
    """file of token rows"""
    out: str
    """folder for what is trained, and for result.json"""
    r: int
    alpha: int
    learning_rate: float
    """the peak; a straight rise over the warm-up, then a cosine down to 0"""
    warmup_steps: int
    epochs: int
    step_rows: int
    """rows in an optimizer step"""
    seed: int
    precision: str = "fp32"
    """or bf16, of the plain TRL script alone: its default"""


def write_task(task: Task, file: Path) -> None:
    """Write it as JSON."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(asdict(task)))


def read_task(file: str) -> Task:
    """Read what `write_task` wrote."""
    return Task(**json.loads(Path(file).read_text()))


def read_rows(task: Task) -> list[dict[str, list[int]]]:
    """`input_ids` and `labels` of each row; a label is -100 where nothing is trained."""
    rows = [json.loads(line) for line in Path(task.rows).read_text().splitlines()]
    return [
        {
            "input_ids": row["input_ids"],
            "labels": [
                token if trained else -100
                for token, trained in zip(row["input_ids"], row["assistant_masks"], strict=True)
            ],
        }
        for row in rows
    ]


def hand_back(task: Task, measured: dict[str, Any], *, adapter: Path | None, weights: Path | None) -> None:
    """Write result.json.

    Args:
        task: that was done.
        measured: by the clock, and `tokens`, the useful ones that the contestant itself counted.
        adapter: folder with an adapter in PEFT's form, or
        weights: file with a whole state dict under transformers' names.
    """
    where = {"adapter": str(adapter) if adapter else None, "weights": str(weights) if weights else None}
    (Path(task.out) / "result.json").write_text(json.dumps(measured | where))
