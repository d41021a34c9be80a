"""A contestant of the training benchmark: this project's own training, with the defaults of conf/train/lora.yaml.

Run by training.py as `python -m tests.benchmarks.training_ours TASK`.
"""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from lectern.core import io
from lectern.core.params import parse
from lectern.core.schema import TokenRow
from lectern.models import loading
from lectern.settings.base_model import BaseModelSettings
from lectern.settings.train import Train
from lectern.training import sft
from tests.benchmarks.training_clock import Clock, watch_llama
from tests.benchmarks.training_task import TARGETS, Task, hand_back, read_task
from tests.settings import configure

DEFAULTS = Path(__file__).parents[2] / "conf/train/lora.yaml"
NEVER = 10**6


def choose(task: Task, rows: int) -> Train:
    """The defaults, and what must be equal."""
    section = OmegaConf.to_container(OmegaConf.load(DEFAULTS))
    chosen = parse(section, Train, "conf/train/lora.yaml")
    steps = task.epochs * rows // task.step_rows
    assert isinstance(chosen, Train)
    return replace(
        chosen,
        r=task.r,
        alpha=task.alpha,
        dropout=0.0,
        target_modules=list(TARGETS),
        learning_rate=task.learning_rate,
        scheduler="cosine",
        warmup_share=task.warmup_steps / steps,
        weight_decay=0.0,
        max_grad_norm=1e9,
        epochs=task.epochs,
        gradient_accumulation=task.step_rows // chosen.batch_size,
        precision="fp32",
        keep="last",
        checkpoint_every=NEVER,  # no contestant saves before the end
        seed=task.seed,
    )


def main(task: Task) -> None:
    """Train as the stage does."""
    clock, get_model = Clock(), loading.get_model

    def watched(*given: Any, **options: Any) -> Any:
        model = get_model(*given, **options)
        watch_llama(clock, model.model)
        return model

    loading.get_model = watched
    rows = io.read_jsonl(Path(task.rows), TokenRow)
    run = Path(task.out) / "run"
    run.mkdir()
    done = sft.tune(configure(BaseModelSettings, **task.base), rows, [], run, choose(task, len(rows)))
    adapter = Path(task.out) / "adapter"
    sft.export(done, adapter)
    tokens = task.epochs * sum(len(row.input_ids) for row in rows)
    hand_back(task, clock.report() | {"tokens": tokens}, adapter=adapter, weights=None)


if __name__ == "__main__":
    main(read_task(sys.argv[1]))
