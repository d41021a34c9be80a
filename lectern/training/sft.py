"""Supervised fine-tuning on the answers of token rows (TRL's SFTTrainer, PEFT), in one process or as one of several."""

import math
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lectern.core import io
from lectern.core.errors import LecternError
from lectern.core.printing import warn
from lectern.core.schema import TokenRow
from lectern.models import devices, loading
from lectern.settings.base_model import BaseModelSettings
from lectern.settings.train import Train
from lectern.training import adapters, checkpoints, curves, memory, out_of_memory

HISTORY = "history.json"
SPEED = "speed.json"
LIBRARIES = (
    "torch",
    "transformers",
    "trl",
    "peft",
    "accelerate",
    "bitsandbytes",
    "safetensors",
    "tokenizers",
)


def tune(
    base: BaseModelSettings,
    rows: Sequence[TokenRow],
    validation: Sequence[TokenRow],
    run: Path,
    chosen: Train,
    *,
    to_continue: Path = Path("models/adapters"),
    drawn: Path | None = None,
) -> Path:
    """Train the model, resuming from the newest complete checkpoint of the run if there is one.

    A run that was killed and resumed gives the same bytes as an undisturbed one.

    Args:
        base: the model that is tuned.
        rows: rows to train, where their masks are 1. They are not cut, since `render` limits their length.
        validation: rows on which the loss is measured before and during the training; may be empty.
        run: the folder of this run only (`checkpoints.open_run`).
        chosen: section `train`.
        to_continue: folder that holds the adapter which `from_adapter` names.
        drawn: folder to which curves are written during the training; None for no curves.

    Returns: the complete folder with the trained weights and their history.

    Raises:
        LecternError: there are no rows, the loss is not finite or explodes, or there is not enough memory.
    """
    if done := checkpoints.finished(run):
        warn(f"train: this run was completed before ({run.name}); its result is used")
        return done
    if not rows:
        raise LecternError(
            "data/sft/train.jsonl is empty: there is nothing to train on. Add sources or loosen the curation."
        )
    _check_trackers(chosen.trackers)
    trainer = _get_trainer(base, rows, validation, run, chosen, to_continue, drawn)
    main = trainer.args.process_index == 0
    resumed = checkpoints.latest(run, clean=main)
    if len(seen := {str(name) for name in trainer.gather(resumed and resumed.name)}) > 1:
        raise LecternError(
            f"the machines see different checkpoints of this run ({', '.join(sorted(seen))}). Put models/checkpoints "
            f"on a disk that they share, or remove {run} on each to start again."
        )
    estimate = _estimate_memory(trainer, chosen)
    if main:
        _foretell(estimate)
    if main and resumed:
        warn(f"train: resuming from {resumed.name}")
    trainer.args.eval_on_start = bool(validation) and resumed is None
    with out_of_memory.explaining(estimate):
        trainer.train(resume_from_checkpoint=str(resumed) if resumed else None)
    _finish(trainer, base, run, chosen)
    return run / checkpoints.FINISHED


def read_history(finished: Path) -> curves.History:
    """Read the history of a finished run."""
    return curves.History(**io.read_plain(finished / HISTORY))


def export(finished: Path, out: Path) -> None:
    """Replace `out` by exactly the files that a user of the trained weights needs."""
    own = (checkpoints.SEAL, HISTORY)
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(finished, out, ignore=lambda _, names: [name for name in names if name in own])


def _check_trackers(trackers: Sequence[str]) -> None:
    if missing := [name for name in trackers if find_spec(name) is None]:
        raise LecternError(
            f"train.trackers: {', '.join(missing)} is not installed. Run `pip install {' '.join(missing)}`, or remove "
            "it from train.trackers."
        )


def _get_trainer(
    base: BaseModelSettings,
    rows: Sequence[TokenRow],
    validation: Sequence[TokenRow],
    run: Path,
    chosen: Train,
    to_continue: Path,
    drawn: Path | None,
) -> Any:
    from datasets import Dataset, disable_progress_bars
    from transformers import EarlyStoppingCallback, PrinterCallback, ProgressCallback

    from lectern.models.microbatches import MicrobatchPlan
    from lectern.training import trainer as trainers

    disable_progress_bars()
    # The rows come from our own loader. The library only needs some data set to look at.
    stand_in = Dataset.from_dict({"input_ids": [[0]], "labels": [[0]]})
    lengths = [len(row.input_ids) for row in rows]
    plan = MicrobatchPlan(chosen.batch_size, chosen.packing, chosen.gradient_accumulation, chosen.seed)
    steps = math.ceil(len(plan.cut(lengths, 0)) / chosen.gradient_accumulation)
    precision = devices.choose_precision(chosen.precision)
    # Trained weights are held in fp32 and the computation is in `precision`; frozen weights may be held in that too.
    held = "fp32" if chosen.method == "full" else precision
    with out_of_memory.explaining(None):
        model = loading.get_model(
            base, quantized=chosen.quantized, dtype=devices.DTYPES[held], attention=chosen.attention
        )
    model = adapters.start(base, model, chosen, to_continue)
    learned = {
        name: weight.detach().clone() for name, weight in model.named_parameters() if weight.requires_grad
    }
    callbacks = [trainers.Progress(), trainers.Evaluations(steps, chosen.evaluations if validation else 0)]
    if validation and chosen.early_stopping is not None:
        callbacks.append(EarlyStoppingCallback(chosen.early_stopping))
    if drawn is not None:
        callbacks.append(trainers.Curves(drawn))
    trainer = trainers.AnswerTrainer(
        rows,
        validation,
        plan=plan,
        steps_an_epoch=steps,
        precision=precision,
        explosion=chosen.explosion,
        keep=chosen.keep,
        model=model,
        args=_get_arguments(base, run, chosen, steps, precision, scored=bool(validation)),
        train_dataset=stand_in,
        eval_dataset=stand_in,
        processing_class=loading.get_tokenizer(base),
        callbacks=callbacks,
    )
    for callback in (ProgressCallback, PrinterCallback):
        trainer.remove_callback(callback)
    # TRL rounds the trained weights of a quantised model to bfloat16. That loses the last digits of an adapter that is
    # trained further, and is slow on a CPU, so the weights are restored.
    for name, weight in trainer.model.named_parameters():
        if name in learned:
            weight.data = learned[name]
    if chosen.packing:
        trainer.check_packing()
    return trainer


def _estimate_memory(trainer: Any, chosen: Train) -> memory.Estimate:
    sizes = [(len(row.input_ids), sum(row.assistant_masks)) for row in trainer.rows]
    cut = trainer.plan.cut([tokens for tokens, _ in sizes], 0)
    rows, longest, answered = memory.busiest(
        [[sizes[row] for row in batch] for batch in cut], packed=chosen.packing
    )
    return memory.estimate(
        memory.Load(
            sizes=memory.of_model(trainer.model),
            method=chosen.method,
            trained=memory.count_trained(trainer.model),
            rows=rows,
            longest=longest,
            answered=answered,
            precision=trainer.precision,
            gradient_checkpointing=chosen.gradient_checkpointing,
            optimizer=chosen.optimizer,
            attention=chosen.attention,
        )
    )


def _foretell(estimate: memory.Estimate) -> None:
    """Print how much memory the training will take, and what to change if there is less."""
    warn(f"train: {estimate.describe()}")
    free = memory.free_memory()
    if free is not None and estimate.to_come > free:
        warn(f"train: warning: only {memory.show(free)} of memory are free. {out_of_memory.advise(estimate)}")


def _get_arguments(
    base: BaseModelSettings, run: Path, chosen: Train, steps: int, precision: str, *, scored: bool
) -> Any:
    from trl import SFTConfig

    processes = int(os.environ.get("WORLD_SIZE", "1"))  # the launcher sets it
    if chosen.gradient_accumulation % processes:
        raise LecternError(
            f"train.gradient_accumulation is {chosen.gradient_accumulation}, which cannot be divided among {processes} "
            f"processes. Make it a multiple of {processes}; a step then holds the same rows as with one process."
        )
    on_gpu = devices.device().type == "cuda"
    arguments = SFTConfig(
        output_dir=str(run),
        learning_rate=chosen.learning_rate,
        num_train_epochs=chosen.epochs,
        per_device_train_batch_size=chosen.batch_size,
        gradient_accumulation_steps=chosen.gradient_accumulation // processes,
        activation_checkpointing=chosen.gradient_checkpointing,
        optim=chosen.optimizer,
        lr_scheduler_type=chosen.scheduler,
        warmup_steps=round(chosen.warmup_share * steps * chosen.epochs),
        weight_decay=chosen.weight_decay,
        max_grad_norm=chosen.max_grad_norm,
        seed=chosen.seed,
        bf16=precision == "bf16",
        fp16=precision == "fp16",
        # `Evaluations` decides when to evaluate. Results from before a checkpoint are in it, so a resumed run has them.
        eval_strategy="steps" if scored else "no",
        eval_steps=steps * chosen.epochs,
        metric_for_best_model=("eval_accuracy" if chosen.keep == "accuracy" else "eval_loss")
        if scored
        else None,
        greater_is_better=chosen.keep == "accuracy",
        save_strategy="steps",
        save_steps=chosen.checkpoint_every,
        save_total_limit=2,
        logging_steps=1,
        logging_nan_inf_filter=False,
        activation_offloading=False,
        max_length=None,  # `render` limits the length; the default would cut off the ends of answers
        dataset_kwargs={"skip_prepare_dataset": True},
        ddp_find_unused_parameters=False,
        use_cpu=not on_gpu,
        dataloader_pin_memory=on_gpu,
        report_to=chosen.trackers or "none",
        eos_token=base.end_of_turn,
    )
    _use_one_gpu(arguments)
    return arguments


def _use_one_gpu(arguments: Any) -> None:
    """Keep a process that no launcher started to its first GPU, among all of which transformers would divide it."""
    if arguments.n_gpu > 1:
        warn(
            f"train: {arguments.n_gpu} GPUs are visible, and one process trains on the first alone. To use all: "
            f"`lectern params compute=gpus compute.processes={arguments.n_gpu}`. To use another: CUDA_VISIBLE_DEVICES."
        )
        arguments._n_gpu = 1  # as the library itself does for a model whose layers lie on several


def _finish(trainer: Any, base: BaseModelSettings, run: Path, chosen: Train) -> None:
    """Write the sealed result of a run, and its speed."""
    step, folder = trainer.get_result()
    tokens = trainer.count_tokens()
    if trainer.args.process_index == 0:
        history = curves.History(
            records=curves.read_history(trainer.state.log_history),
            steps_an_epoch=trainer.steps_an_epoch,
            kept_step=step,
            padding_share=trainer.padding_share(),
        )
        with checkpoints.finishing(run) as result:
            shutil.copytree(folder, result, dirs_exist_ok=True)
            template = trainer.processing_class.chat_template
            adapters.write_record(result, base, chosen.method, trainer.precision, template)
            io.write_json(result / HISTORY, asdict(history))
        io.write_json(run / SPEED, devices.measure_speed(tokens, trainer.seconds))
    trainer.accelerator.wait_for_everyone()
