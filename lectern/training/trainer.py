"""TRL's SFTTrainer, adapted: it trains marked tokens in our order, evaluates per token, and seals its checkpoints.

Import this module only where a training begins, because torch, transformers and TRL take seconds to load.
"""

import math
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from accelerate.utils import DistributedType, FullyShardedDataParallelPlugin, gather_object
from peft import PeftModel
from tqdm import tqdm
from transformers import Trainer, TrainerCallback
from trl import SFTTrainer

from lectern.core.errors import LecternError
from lectern.core.schema import TokenRow
from lectern.models import likelihood, microbatches
from lectern.training import checkpoints, curves

PACKED_AGREES = {"fp32": 1e-4, "bf16": 2e-2, "fp16": 1e-2}
"""Greatest relative difference of a row's loss alone and packed behind another row, which rounding may cause."""
FIRST_STEPS = 10
"""The losses of so many first steps count as ordinary losses."""
NAMED = 8
"""How many rows an error names."""


def highest_loss(first: Sequence[float], factor: float, vocabulary: int) -> float:
    """Return the loss of a step beyond which a training has exploded, in nats per token.

    A step of few rows may well begin at a small loss, so that a usual one exceeds it many times. What has exploded is
    also worse than a model to which all tokens are equally likely.

    Args:
        first: losses of the first steps.
        factor: by which a loss may exceed them.
        vocabulary: number of tokens.
    """
    return max(factor * max(first), math.log(vocabulary))


class AnswerTrainer(SFTTrainer):
    """Trains the marked tokens of `rows`, and measures the loss of those of `validation`."""

    def __init__(
        self,
        rows: Sequence[TokenRow],
        validation: Sequence[TokenRow],
        *,
        plan: microbatches.MicrobatchPlan,
        steps_an_epoch: int,
        precision: str,
        explosion: float,
        keep: str,
        **options: Any,
    ) -> None:
        """Take the arguments of SFTTrainer, and:

        rows, validation: training and validation rows.
        plan: how rows are grouped into micro-batches and steps.
        steps_an_epoch: the number of steps that this gives.
        precision: fp32, bf16 or fp16.
        explosion: the training stops if a loss exceeds those of the first steps by this factor (see `highest_loss`).
        keep: `last` for the last weights; else those of the best evaluation are kept.
        """
        super().__init__(**options)
        self.rows, self.validation = rows, validation
        self.plan, self.steps_an_epoch, self.precision = plan, steps_an_epoch, precision
        self.explosion, self.keep_best = explosion, keep != "last"
        self.step_rows: list[int] = []
        self.tokens, self.seconds = 0, 0.0

    def train(self, *arguments: Any, **options: Any) -> Any:
        """Train, and count the seconds without evaluation and saving."""
        began = time.perf_counter()
        try:
            return super().train(*arguments, **options)
        finally:
            self.seconds += time.perf_counter() - began

    @contextmanager
    def _not_counted(self) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.seconds -= time.perf_counter() - began

    def create_accelerator_and_postprocess(self) -> None:
        """Shard on CPUs too, where accelerate reads the settings of FSDP but ignores them."""
        super().create_accelerator_and_postprocess()
        state = self.accelerator.state
        if os.environ.get("ACCELERATE_USE_FSDP") == "true" and state.distributed_type == "MULTI_CPU":
            state.fsdp_plugin = FullyShardedDataParallelPlugin()
            if state.mixed_precision != "no":
                state.fsdp_plugin.set_mixed_precision(state.mixed_precision)
            state.distributed_type = DistributedType.FSDP
            PartialState._shared_state["distributed_type"] = DistributedType.FSDP
            self.is_fsdp_enabled = True
        for name, enabled in (("FSDP", self.is_fsdp_enabled), ("DEEPSPEED", self.is_deepspeed_enabled)):
            if os.environ.get(f"ACCELERATE_USE_{name}") == "true" and not enabled:
                raise LecternError(
                    f"compute.accelerate asks for {name}, but accelerate does not use it on this machine. "
                    "Choose another file of conf/accelerate."
                )

    def get_train_dataloader(self) -> Any:
        """Return our own loader, since accelerate would repeat some micro-batches to divide them among processes."""
        return microbatches.get_loader(
            self.rows,
            self.plan,
            self.processing_class.pad_token_id,
            self.args.process_index,
            self.args.world_size,
        )

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Return the micro-batch's part of the mean loss over the trained tokens of a step.

        Raises:
            LecternError: the loss is not finite; the message names the step and the rows.
        """
        batch = inputs.pop("rows")
        self.step_rows += batch
        self.tokens += sum(len(self.rows[number].input_ids) for number in batch)
        if inputs["input_ids"].is_cuda and self.args.world_size == 1:
            loss = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        else:
            # TRL's fused head needs Triton to skip untrained positions; without Triton a step takes 1.4 times as long.
            # It also reads the head's weights, which other processes may hold.
            labels = inputs.pop("labels")
            loss = likelihood.token_losses(model, inputs, labels).sum() / num_items_in_batch
            loss = loss * self.args.world_size  # because gradients are averaged over the processes
        if not torch.isfinite(loss):
            raise LecternError(
                f"the loss is {loss.item()} at step {self.state.global_step + 1}, on rows {self._ids(batch)}. "
                "Lower train.learning_rate, or look at these rows (lectern show-row)."
            )
        return loss

    def log(self, logs: dict[str, float], *arguments: Any, **options: Any) -> None:
        """Check the loss of each step before it is logged.

        Raises:
            LecternError: the loss exploded, or the gradient is not finite.
        """
        if "loss" in logs:
            self._check_step(logs["loss"], logs.get("grad_norm", 0.0))
            self.step_rows = []
        super().log(logs, *arguments, **options)

    def _check_step(self, loss: float, gradient: float) -> None:
        rows = self._ids(self.step_rows)
        losses = (entry["loss"] for entry in self.state.log_history if "loss" in entry)
        first = list(islice(losses, FIRST_STEPS))
        if first and loss > highest_loss(first, self.explosion, self.model.config.vocab_size):
            raise LecternError(
                f"the loss exploded: {loss:.3f} at step {self.state.global_step}, {max(first):.3f} at most in the "
                f"first {len(first)} steps (train.explosion is {self.explosion}), on rows {rows}. Lower "
                "train.learning_rate, raise train.warmup_share, or look at these rows (lectern show-row)."
            )
        if (
            not math.isfinite(gradient) and not self.args.fp16
        ):  # in fp16 such a step is skipped, and the loss scale is lowered
            raise LecternError(
                f"the gradient is {gradient} at step {self.state.global_step}, on rows {rows}. Lower "
                "train.learning_rate, or look at these rows (lectern show-row)."
            )

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """Return the mean loss per marked token, and the share of them that the model thinks likelier than any other.

        The library's mean of batch means would depend on the batches.
        """
        process, processes = self.args.process_index, self.args.world_size
        count = -(
            -len(self.validation) // processes
        )  # with sharded weights, all processes must make as many calls
        own = [(process + turn * processes) % len(self.validation) for turn in range(count)]
        with self._not_counted():
            scored = likelihood.score_rows(
                self.model_wrapped if self.is_fsdp_enabled else self.model,
                [(self.validation[n].input_ids, self.validation[n].assistant_masks) for n in own],
                pad=self.processing_class.pad_token_id,
                batch_size=self.args.per_device_train_batch_size,
            )
        by_row = dict(pair for found in self.gather(list(zip(own, scored, strict=True))) for pair in found)
        found = [likelihood.Scored(*by_row[n]) for n in range(len(self.validation))]
        tokens = sum(one.tokens for one in found)
        result = {
            "eval_loss": sum(one.nll for one in found) / tokens,
            "eval_accuracy": sum(one.right for one in found) / tokens,
        }
        self.log(dict(result))
        self.callback_handler.on_evaluate(self.args, self.state, self.control, result)
        return result

    def _determine_best_metric(self, metrics: Any, trial: Any) -> bool:
        best: bool = super()._determine_best_metric(metrics, trial)
        if best and self.keep_best:
            self.save_weights(self._kept(self.state.global_step))
        return best

    def _kept(self, step: int) -> Path:
        return Path(self.args.output_dir) / checkpoints.KEPT.format(step)

    def save_weights(self, folder: Path) -> Path:
        """Write the trained weights in the format of transformers or PEFT, without tokenizer and arguments."""
        self.save_model(str(folder), _internal_call=True)
        self.accelerator.wait_for_everyone()
        return folder

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        if not self.args.should_save:  # another process has the gathered weights
            return
        model = self.accelerator.unwrap_model(self.model, keep_torch_compile=False)
        # An adapter has no embeddings. Without this option PEFT would ask the hub whether they were changed.
        options = {"save_embedding_layers": False} if isinstance(model, PeftModel) else {}
        model.save_pretrained(output_dir, state_dict=state_dict, **options)

    def get_result(self) -> tuple[int, Path]:
        """Return the step of the kept weights, and the folder that holds them."""
        best = self.state.best_global_step
        if self.keep_best and best and any(self.gather(self._kept(best).is_dir())):
            return best, self._kept(best)
        step = self.state.global_step
        return step, self.save_weights(self._kept(step))

    def count_tokens(self) -> int:
        """Count the tokens that were trained since this process began, without padding."""
        return sum(self.gather(self.tokens))

    def gather(self, value: Any) -> list[Any]:
        """Return the values of all processes."""
        return list(gather_object([value])) if self.args.world_size > 1 else [value]

    def padding_share(self) -> float:
        """Return the share of padding among all tokens that the model computed."""
        return self.plan.padding_share([len(row.input_ids) for row in self.rows], self.args.num_train_epochs)

    def check_packing(self) -> None:
        """Check that packed rows do not attend to each other: the last one must have the same loss as alone.

        Raises:
            LecternError: packed rows attend to each other.
        """
        rows = sorted(self.rows, key=lambda row: len(row.input_ids))[:2]
        pairs = [(row.input_ids, row.assistant_masks) for row in rows]
        pad = self.processing_class.pad_token_id
        device = next(self.model.parameters()).device
        self.model.eval()
        with torch.no_grad():
            alone, packed = (
                self._count_losses({name: part.to(device) for name, part in made.items()})[-1]
                for made in (microbatches.pad_rows(pairs[-1:], pad), microbatches.pack_rows(pairs, pad))
            )
        if abs(alone - packed) > PACKED_AGREES[self.precision] * max(alone, 1.0):
            raise LecternError(
                f"train.packing: packed rows attend to each other (the loss of row {rows[-1].id} is {packed:.4f} "
                f"behind another one, {alone:.4f} alone). Set train.packing=false, or another train.attention."
            )

    def _count_losses(self, inputs: dict[str, Any]) -> list[float]:
        """Return the summed loss of each row. In a packed sequence, a row begins where the position is 0."""
        labels = inputs.pop("labels")
        losses = torch.zeros_like(labels, dtype=torch.float32)
        losses[:, 1:][:, (labels[:, 1:] != -100).any(dim=0)] = likelihood.token_losses(
            self.model, inputs, labels
        )
        starts = [*(inputs.get("position_ids", labels[:, :0]) == 0).nonzero()[:, 1].tolist()] or [0]
        return [
            float(losses[:, start:end].sum()) for start, end in zip(starts, [*starts[1:], None], strict=True)
        ]

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        with self._not_counted():
            Trainer._save_checkpoint(self, model, trial)  # without TRL's model card
            self.accelerator.wait_for_everyone()
            if self.args.process_index == 0:
                checkpoints.seal(Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}")

    def _ids(self, numbers: Sequence[int]) -> str:
        ids = [self.rows[number].id for number in numbers]
        return ", ".join(ids[:NAMED]) + (f" and {len(ids) - NAMED} more" if len(ids) > NAMED else "")


class Curves(TrainerCallback):
    """Writes the curves during the training. A resumed run first writes the values from before."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Empty the folder, and write the values from before."""
        if args.process_index == 0:
            self.live = curves.open_live(self.folder)
            for record in curves.read_history(state.log_history):
                curves.add(self.live, record)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Add the newest values."""
        if args.process_index == 0:
            for record in curves.read_history([{**(logs or {}), "step": state.global_step}]):
                curves.add(self.live, record)
            self.live.make_summary()

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Close the files."""
        if args.process_index == 0:
            self.live.end()


class Evaluations(TrainerCallback):
    """Requests evaluations at even distances in each epoch, including its end."""

    def __init__(self, steps_an_epoch: int, count: int) -> None:
        """Plan `count` evaluations in each epoch of `steps_an_epoch` steps."""
        self.steps = steps_an_epoch
        self.due = (
            {math.ceil(turn * steps_an_epoch / count) for turn in range(1, count + 1)} if count else set()
        )

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Request an evaluation if one is due."""
        if (state.global_step - 1) % self.steps + 1 in self.due:
            control.should_evaluate = True


class Progress(TrainerCallback):
    """A progress bar on stderr; the library's own would write a line per step to stdout."""

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Open the bar at the current step, which is not 0 in a resumed run."""
        self.shown: dict[str, str] = {}
        self.bar = tqdm(
            total=state.max_steps,
            initial=state.global_step,
            desc="train",
            unit="step",
            disable=None if args.process_index == 0 else True,
        )

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Advance the bar."""
        self.bar.update()

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Show the newest losses."""
        for key, name in (("loss", "loss"), ("eval_loss", "validation")):
            if key in (logs or {}):
                self.shown[name] = f"{logs[key]:.3f}"
        self.bar.set_postfix(self.shown, refresh=False)

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Close the bar."""
        self.bar.close()
