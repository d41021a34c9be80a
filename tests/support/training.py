"""Trainings that take a second: settings, rows, and the stage's call."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from lectern.core import io
from lectern.core.schema import TokenRow
from lectern.settings.base_model import BaseModelSettings
from lectern.settings.compute import Compute
from lectern.settings.train import Train
from stages import train
from tests.settings import configure
from tests.support.tiny import TINY

PARAMS = configure(
    Train,
    name="test",
    method="lora",
    r=2,
    alpha=4,
    dropout=0.1,  # so that a resumed run must also restore the state of chance
    target_modules="all-linear",
    from_adapter=None,
    learning_rate=1e-2,
    epochs=2,
    batch_size=2,
    gradient_accumulation=2,
    packing=False,
    gradient_checkpointing=False,
    precision="auto",
    attention=None,
    optimizer="adamw_torch",
    scheduler="cosine",
    warmup_share=0.1,
    weight_decay=0.0,
    max_grad_norm=1.0,
    explosion=3.0,
    evaluations=1,
    early_stopping=None,
    keep="last",
    checkpoint_every=1,
    trackers=[],
    seed=0,
)


def with_params(**changes: Any) -> Train:
    return replace(PARAMS, **changes)


def write(folder: Path, rows: list[TokenRow], validation: list[TokenRow]) -> None:
    io.write_jsonl(folder / "sft/train.jsonl", rows)
    io.write_jsonl(folder / "sft/validation.jsonl", validation)


def run(
    folder: Path, params: Train = PARAMS, base: BaseModelSettings = TINY, compute: Compute | None = None
) -> str:
    return train.main(
        params,
        base,
        folder / "sft",
        folder / "checkpoints",
        folder / "adapter",
        folder / "metrics/train",
        to_continue=folder / "adapters",
        compute=compute or configure(Compute),
    )


def figures(folder: Path) -> dict[str, Any]:
    """metrics/train.json"""
    return dict(io.read_plain(folder / "metrics/train.json"))


def outputs(folder: Path) -> dict[str, str]:
    """Hash of each file that the stage hands on."""
    files = [path for part in ("adapter", "metrics") for path in (folder / part).rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def curve(folder: Path, name: str) -> dict[int, float]:
    """Step -> value."""
    header, *lines = (folder / f"metrics/train/plots/metrics/{name}.tsv").read_text().splitlines()
    assert header == f"step\t{name}"
    return {int(step): float(value) for step, value in (line.split("\t") for line in lines)}
