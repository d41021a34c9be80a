"""Whether the device computes the loss that it must: the CPU's, and the same by TRL's fused head and by our own."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lectern.core.schema import TokenRow
from lectern.models import devices
from lectern.tools.checking.gpu import child, ours
from lectern.tools.checking.gpu.bench import Bench, Model
from lectern.tools.checking.gpu.found import Found, claim, furthest
from lectern.tools.checking.gpu.ours import Trained
from lectern.tools.checking.gpu.ways import LORA_BARE, Way
from lectern.training import adapters, checkpoints, sft

AGREES = {"fp32": 1e-3, "bf16": 2e-2}
"""Greatest relative difference of a loss that is computed in another order, or in 8 bits instead of 24."""
GRADIENTS_AGREE = {"fp32": 1e-3, "bf16": 5e-2}
"""Greatest norm of the difference of two gradients, by the norm of one."""
ROWS, VALIDATION = 12, 2
"""Rows to train on (three steps an epoch) and to validate."""
SHORT = replace(LORA_BARE, precision="fp32", batch_size=4, learning_rate=1e-3, epochs=2, checkpoint_every=1)
"""The training that is compared: six steps."""


def get_split(bench: Bench, model: Model) -> tuple[list[TokenRow], list[TokenRow]]:
    """The rows to train and to validate."""
    rows = bench.get_rows(model, ROWS + VALIDATION)
    return rows[:ROWS], rows[ROWS : ROWS + VALIDATION]


def train_short(bench: Bench, precision: str) -> Trained:
    """The training of `SHORT` on the device, made once."""

    def make() -> Trained:
        model = bench.get_model("tiny_llama")
        return ours.train(bench, model, replace(SHORT, precision=precision), *get_split(bench, model))

    trained: Trained = bench.keep(("short", precision), make)
    return trained


def read_losses(finished: Path) -> list[float]:
    """The losses of all evaluations and steps of a finished training."""
    records = sft.read_history(finished).records
    return [
        record[name] for record in records for name in ("validation_loss", "train_loss") if name in record
    ]


def equal_cpu(bench: Bench) -> Found:
    """Train a tiny model on the device in fp32 and in bf16, and on the CPU in fp32."""
    right = read_losses(_train_on_cpu(bench))
    figures: dict[str, Any] = {"losses": len(right), "cpu_last_loss": right[-1]}
    short = {precision: train_short(bench, precision) for precision in AGREES}
    for precision, trained in short.items():
        figures[f"{precision}_difference"] = furthest(read_losses(trained.finished), right)
        figures[f"{precision}_tolerance"] = AGREES[precision]
    found = Found(figures, [trained.figures for trained in short.values()])
    wrong = [name for name in AGREES if not figures[f"{name}_difference"] <= AGREES[name]]
    return claim(not wrong, f"the losses in {' and '.join(wrong)} are not the CPU's", found)


def _train_on_cpu(bench: Bench) -> Path:
    """The training of `SHORT` in fp32 on the CPU; returns the folder with its result."""
    model, run = bench.get_model("tiny_llama"), bench.open_folder("on_cpu")
    files = get_split(bench, model)
    if devices.device().type == "cpu":  # no other process is needed
        return sft.tune(model.base, *files, run, SHORT.choose())
    child.run(model.base, SHORT.choose(), files, run, seconds=bench.left, on_cpu=True)
    return run / checkpoints.FINISHED


def fused_equal_ours(bench: Bench) -> Found:
    """Compute loss and gradients of padded and packed rows by TRL's fused head and by `likelihood.token_losses`."""
    from lectern.models.microbatches import pack_rows, pad_rows

    model = bench.get_model("tiny_llama")
    rows = [(row.input_ids, row.assistant_masks) for row in get_split(bench, model)[0][:4]]
    figures: dict[str, Any] = {}
    wrong = []
    for precision in AGREES:
        trainer = _get_trainer(bench, model, replace(SHORT, precision=precision))
        for name, join in (("padded", pad_rows), ("packed", pack_rows)):
            loss, gradient = _compare(trainer, join(rows, bench.tokenizer.pad_token_id))
            figures |= {f"{precision}_{name}_loss": loss, f"{precision}_{name}_gradient": gradient}
            if not (loss <= AGREES[precision] and gradient <= GRADIENTS_AGREE[precision]):
                wrong.append(f"{precision} {name}")
    figures |= {"loss_tolerance": AGREES, "gradient_tolerance": GRADIENTS_AGREE}
    return claim(not wrong, f"TRL's fused loss is not ours: {', '.join(wrong)}", Found(figures))


def _get_trainer(bench: Bench, model: Model, way: Way) -> Any:
    """TRL's trainer on our model with our adapter, ready to compute losses."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    from lectern.models import loading

    chosen = way.choose()
    loaded = loading.get_model(model.base, dtype=devices.DTYPES[way.precision])
    on_gpu = devices.device().type == "cuda"
    trainer = SFTTrainer(
        model=adapters.start(model.base, loaded, chosen, bench.folder),
        args=SFTConfig(
            output_dir=str(bench.open_folder("fused")),
            bf16=way.precision == "bf16",
            gradient_checkpointing=False,
            use_cpu=not on_gpu,
            report_to="none",
            dataset_kwargs={"skip_prepare_dataset": True},
            eos_token=model.base.end_of_turn,
        ),
        train_dataset=Dataset.from_dict({"input_ids": [[0]], "labels": [[0]]}),  # it only looks at it
        processing_class=loading.get_tokenizer(model.base),
    )
    trainer.model.train()
    return trainer


def _compare(trainer: Any, made: Mapping[str, Any]) -> tuple[float, float]:
    """The relative differences of loss and gradient."""
    from lectern.models import likelihood

    inputs = {name: part.to(devices.device()) for name, part in made.items()}
    labels = inputs["labels"]
    count = int((labels[:, 1:] != -100).sum())

    def compute_fused() -> Any:
        return trainer.compute_loss(trainer.model, dict(inputs), num_items_in_batch=count)

    def compute_ours() -> Any:
        rest = {name: part for name, part in inputs.items() if name != "labels"}
        return likelihood.token_losses(trainer.model, rest, labels).sum() / count

    fused, own = (_differentiate(trainer, compute) for compute in (compute_fused, compute_ours))
    return furthest([fused[0]], [own[0]]), _distance(fused[1], own[1])


def _differentiate(trainer: Any, compute: Any) -> tuple[float, list[Any]]:
    """The loss, and its gradient for each trained weight."""
    trainer.model.zero_grad(set_to_none=True)
    with trainer.compute_loss_context_manager():
        loss = compute()
    loss.backward()
    trained = [weight for weight in trainer.model.parameters() if weight.requires_grad]
    return float(loss.detach()), [weight.grad.float() for weight in trained]


def _distance(one: Sequence[Any], other: Sequence[Any]) -> float:
    """The norm of the difference of two gradients, by the norm of the second."""
    apart = sum(float((a - b).double().square().sum()) for a, b in zip(one, other, strict=True))
    size = sum(float(b.double().square().sum()) for b in other)
    return float((apart / size) ** 0.5) if size else float("inf")
