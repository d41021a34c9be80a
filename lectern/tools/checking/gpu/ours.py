"""Train with this project's trainer (`lectern.training.sft`) under the clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lectern.core.schema import TokenRow
from lectern.tools.checking.gpu import clock, device, flops
from lectern.tools.checking.gpu.bench import Bench, Model
from lectern.tools.checking.gpu.clock import Clock
from lectern.tools.checking.gpu.report import Training
from lectern.tools.checking.gpu.ways import Way
from lectern.training import memory, sft


@dataclass(frozen=True)
class Trained:
    """What came of a training."""

    figures: Training
    finished: Path
    """folder with the trained weights, as `adapters.load` reads it"""
    losses: list[float]
    """of each step"""
    validation: list[float]
    """of each evaluation, the first before the training"""


def train(
    bench: Bench, model: Model, way: Way, rows: Sequence[TokenRow], validation: Sequence[TokenRow] = ()
) -> Trained:
    """Train as the stage `train` does, in a new folder.

    Raises:
        LecternError: as `sft.tune`; a lack of memory too.
    """
    run = bench.open_folder(f"{model.shape.name}.{way.name}")
    with clock.watching() as timed:
        finished = sft.tune(model.base, rows, validation, run, way.choose())
    records = sft.read_history(finished).records
    losses = [record["train_loss"] for record in records if "train_loss" in record]
    return Trained(
        describe(model, way, rows, timed, _count_tokens(way, rows), losses, "ours"),
        finished,
        losses,
        [record["validation_loss"] for record in records if "validation_loss" in record],
    )


def describe(
    model: Model,
    way: Way,
    rows: Sequence[TokenRow],
    timed: Clock,
    tokens: Sequence[int],
    losses: Sequence[float],
    trainer: str,
) -> Training:
    """Return the figures of a training.

    Args:
        model: that was trained.
        way: how.
        rows: on which.
        timed: the clock that watched it.
        tokens: of each step, without padding.
        losses: of each step.
        trainer: ours or trl.
    """
    seconds, speed = timed.find_speed(tokens)
    needed = flops.a_token(model.sizes, model.sizes.adapter(way.choose().r), rows)
    share = flops.utilization(needed, speed, device.describe().peak_flops)
    foretold = estimate(model, way, rows).total
    return Training(
        model=model.shape.name,
        trainer=trainer,  # type: ignore[arg-type]
        method=way.method,
        precision=way.precision,
        packing=way.packing,
        activation_checkpointing=way.checkpointing,
        batch_size=way.batch_size,
        rows=len(rows),
        tokens=sum(len(row.input_ids) for row in rows),
        trained_tokens=sum(sum(row.assistant_masks) for row in rows),
        steps=len(losses),
        timed_seconds=seconds and round(seconds, 3),
        tokens_a_second=speed and round(speed, 1),
        flops_a_token=round(needed),
        mfu=share and round(share, 4),
        peak_memory=timed.peak,
        estimated_memory=foretold,
        peak_of_estimate=round(timed.peak / foretold, 3) if timed.peak else None,
        first_loss=losses[0],
        last_loss=losses[-1],
    )


def estimate(model: Model, way: Way, rows: Sequence[TokenRow]) -> memory.Estimate:
    """Return what the stage `train` would foretell of this training's memory before it begins."""
    sizes = [(len(row.input_ids), sum(row.assistant_masks)) for row in rows]
    cut = _cut(way, rows, 0)
    most, longest, answered = memory.busiest(
        [[sizes[row] for row in batch] for batch in cut], packed=way.packing
    )
    return memory.estimate(
        memory.Load(
            sizes=model.sizes,
            method=way.method,
            trained=model.sizes.adapter(way.choose().r),
            rows=most,
            longest=longest,
            answered=answered,
            precision=way.precision,
            gradient_checkpointing=way.checkpointing,
        )
    )


def _cut(way: Way, rows: Sequence[TokenRow], epoch: int) -> list[list[int]]:
    """The micro-batches of an epoch; a step has one."""
    from lectern.models.microbatches import MicrobatchPlan

    chosen = way.choose()
    plan = MicrobatchPlan(chosen.batch_size, chosen.packing, chosen.gradient_accumulation, chosen.seed)
    return plan.cut([len(row.input_ids) for row in rows], epoch)


def _count_tokens(way: Way, rows: Sequence[TokenRow]) -> list[int]:
    """The tokens of each step."""
    return [
        sum(len(rows[row].input_ids) for row in batch)
        for epoch in range(way.epochs)
        for batch in _cut(way, rows, epoch)
    ]
