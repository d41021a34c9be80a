"""Supervised fine-tuning of a LoRA adapter on the answers of token rows (TRL's SFTTrainer, PEFT)."""

import json
import math
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stages.core import io
from stages.core.errors import LecternError
from stages.core.schema import TokenRow
from stages.tuning import checkpoints, models

ADAPTER = ("adapter_config.json", "adapter_model.safetensors")
HISTORY = "history.json"
LIBRARIES = ("torch", "transformers", "trl", "peft", "accelerate", "safetensors", "tokenizers")


def tune(
    base: models.BaseModel,
    rows: Sequence[TokenRow],
    validation: Sequence[TokenRow],
    run: Path,
    *,
    r: int,
    alpha: int,
    dropout: float,
    target_modules: str | list[str],
    learning_rate: float,
    epochs: int,
    batch_size: int,
    gradient_accumulation: int,
    warmup_share: float,
    scheduler: str,
    weight_decay: float,
    max_grad_norm: float,
    checkpoint_every: int,
    seed: int,
) -> Path:
    """Train an adapter, from the newest complete checkpoint in `run` when there is one.

    A run that was killed and resumed gives the same bytes as an undisturbed one.

    Args:
        base: the model that is tuned.
        rows: trained where their mask says so. Nothing is cut: `render` saw to their length.
        validation: scored before the training and after each epoch; may be empty.
        run: the folder of this run and no other (`checkpoints.open_run`).
        r: rank of the adapter.
        alpha: its scale is alpha / r.
        dropout: on the adapter's input.
        target_modules: names of the linear layers that get an adapter, or all-linear.
        learning_rate: its peak.
        epochs: passes over the rows.
        batch_size: rows in a micro-batch.
        gradient_accumulation: micro-batches in a step.
        warmup_share: share of the steps over which the learning rate rises.
        scheduler: its course after that, by its name in transformers.
        weight_decay: of AdamW.
        max_grad_norm: gradients are clipped to it.
        checkpoint_every: steps.
        seed: of the adapter's first weights, of dropout and of the order of rows.

    Returns: the folder with the adapter and its history of losses, complete.

    Raises:
        LecternError: there are no rows, the loss is not finite, or the trainer would train other tokens than the masks
            say.
    """
    if done := checkpoints.finished(run):
        print(f"train: this run was completed before ({run.name}); its adapter is taken", file=sys.stderr)
        return done
    if not rows:
        raise LecternError(
            "data/sft/train.jsonl is empty: there is nothing to train on. Add sources or loosen the curation."
        )
    steps = math.ceil(math.ceil(len(rows) / batch_size) / gradient_accumulation)
    resumed = checkpoints.latest(run)
    trainer = _trainer(
        base,
        rows,
        validation,
        adapter={
            "r": r,
            "lora_alpha": alpha,
            "lora_dropout": dropout,
            "target_modules": target_modules,
        },
        arguments={
            "output_dir": str(run),
            "learning_rate": learning_rate,
            "num_train_epochs": epochs,
            "per_device_train_batch_size": batch_size,
            "gradient_accumulation_steps": gradient_accumulation,
            "warmup_steps": round(warmup_share * steps * epochs),
            "lr_scheduler_type": scheduler,
            "weight_decay": weight_decay,
            "max_grad_norm": max_grad_norm,
            "save_steps": checkpoint_every,
            # Scored at the end of an epoch, but by its number of steps: a checkpoint of that step then comes after
            # the score and holds it, so that a resumed run reports it too.
            "eval_strategy": "steps" if validation else "no",
            "eval_steps": steps if validation else None,
            "eval_on_start": bool(validation) and resumed is None,
            "seed": seed,
        },
    )
    _check_labels(trainer, rows)
    if resumed:
        print(f"train: going on from {resumed.name} of {steps * epochs} steps", file=sys.stderr)
    trainer.train(resume_from_checkpoint=str(resumed) if resumed else None)
    with checkpoints.finishing(run) as folder:
        _save_adapter(trainer.model, folder, base.identity)
        io.write_json(folder / HISTORY, _history(trainer.state.log_history))
    return run / checkpoints.FINISHED


def export(finished: Path, out: Path) -> None:
    """Bring `out` to exactly the adapter's two files."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    for name in ADAPTER:
        shutil.copyfile(finished / name, out / name)


def losses(finished: Path) -> list[dict[str, Any]]:
    """The history of a finished run: step, train_loss and validation_loss (nats per trained token, or None)."""
    return list(io.read_plain(finished / HISTORY))


def _history(log: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    table: dict[int, dict[str, Any]] = {}
    for entry in log:
        line = table.setdefault(
            entry["step"], {"step": entry["step"], "train_loss": None, "validation_loss": None}
        )
        if "loss" in entry:
            line["train_loss"] = round(entry["loss"], 6)
        if "eval_loss" in entry:
            line["validation_loss"] = round(entry["eval_loss"], 6)
    return [table[step] for step in sorted(table)]


def _save_adapter(model: Any, folder: Path, identity: str) -> None:
    model.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    config = json.loads((folder / ADAPTER[0]).read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = identity
    # PEFT keeps these as sets, whose order changes with each process.
    for field, value in config.items():
        if isinstance(value, list) and all(isinstance(part, str) for part in value):
            config[field] = sorted(value)
    io.write_json(folder / ADAPTER[0], config)


def _check_labels(trainer: Any, rows: Sequence[TokenRow]) -> None:
    """Look at what the trainer made of the rows: the labels it will train must be the masks of preflight."""
    longest = trainer.train_dataset[max(range(len(rows)), key=lambda row: len(rows[row].input_ids))]
    for made, asked in zip(trainer.train_dataset, rows, strict=True):
        labels = [
            token if trained else -100
            for token, trained in zip(asked.input_ids, asked.assistant_masks, strict=True)
        ]
        padded = trainer.data_collator([made, longest])["labels"][0].tolist()  # padded to the longest row
        if padded[: len(labels)] != labels or any(label != -100 for label in padded[len(labels) :]):
            raise LecternError(
                f"row {asked.id}: the trainer would train other tokens than data/sft says. This is a fault of the "
                "installed TRL together with this project: report it, with the versions in requirements.lock."
            )


def _trainer(
    base: models.BaseModel,
    rows: Sequence[TokenRow],
    validation: Sequence[TokenRow],
    adapter: dict[str, Any],
    arguments: dict[str, Any],
) -> Any:
    import torch
    from datasets import Dataset, disable_progress_bars
    from peft import LoraConfig
    from transformers import PrinterCallback, ProgressCallback
    from trl import SFTConfig

    from stages.tuning.trainer import AnswerTrainer, Progress

    disable_progress_bars()
    on_gpu = torch.cuda.is_available()
    config = SFTConfig(
        **arguments,
        max_length=None,  # render saw to it; the default cuts the end of an answer off
        save_strategy="steps",
        save_total_limit=2,
        logging_steps=1,
        logging_nan_inf_filter=False,
        activation_checkpointing=False,
        bf16=False,
        use_cpu=not on_gpu,
        dataloader_pin_memory=on_gpu,
        report_to="none",
        eos_token=base.end_of_turn,
    )
    train_set, validation_set = (
        Dataset.from_dict(
            {
                "input_ids": [row.input_ids for row in part],
                "assistant_masks": [row.assistant_masks for row in part],
            }
        )
        for part in (rows, validation)
    )
    trainer = AnswerTrainer(
        rows,
        validation,
        model=models.get_model(base),
        args=config,
        train_dataset=train_set,
        eval_dataset=validation_set if validation else None,
        processing_class=models.get_tokenizer(base),
        peft_config=LoraConfig(task_type="CAUSAL_LM", **adapter),
        callbacks=[Progress()],
    )
    trainer.remove_callback(ProgressCallback)
    trainer.remove_callback(PrinterCallback)
    return trainer
