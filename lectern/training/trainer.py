"""TRL's SFTTrainer, held to this project's promises: what is trained and scored, in which order, what a checkpoint is.

Import it only where a training begins: torch, transformers and TRL take seconds to load.
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
"""by which share the loss of a row may differ when others stand before it: rounding, and nothing more"""
FIRST_STEPS = 10
"""whose losses say what an ordinary loss is"""
NAMED = 8
"""rows that an error names"""


class AnswerTrainer(SFTTrainer):
    """Trains the marked tokens of `rows`, scores those of `validation`."""

    def __init__(
        self,
        rows: Sequence[TokenRow],
        validation: Sequence[TokenRow],
        *,
        plan: microbatches.Plan,
        steps_an_epoch: int,
        precision: str,
        explosion: float,
        keep_best: bool,
        **options: Any,
    ) -> None:
        """Args as of SFTTrainer, and:

        rows, validation: what is trained and scored.
        plan: how rows stand together.
        steps_an_epoch: that this gives.
        precision: fp32, bf16 or fp16.
        explosion: factor over the first steps' losses at which a loss stops the training.
        keep_best: the result is what had the lowest validation loss, not what came last.
        """
        super().__init__(**options)
        self.rows, self.validation = rows, validation
        self.plan, self.steps_an_epoch, self.precision = plan, steps_an_epoch, precision
        self.explosion, self.keep_best = explosion, keep_best
        self.step_rows: list[int] = []
        self.tokens, self.seconds = 0, 0.0

    def train(self, *arguments: Any, **options: Any) -> Any:
        """Train, and count the seconds that are neither evaluation nor saving."""
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
        """Also shard on CPUs, where accelerate reads the settings of FSDP and then leaves them aside."""
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
                    f"compute.accelerate asks for {name}, and accelerate leaves it aside on this machine. "
                    "Choose another file of conf/accelerate."
                )

    def get_train_dataloader(self) -> Any:
        """Our micro-batches. Accelerate would divide them among processes by repeating some."""
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
        """The micro-batch's part of the mean over the trained tokens of a step.

        Raises:
            LecternError: it is not finite; names the step and the rows.
        """
        batch = inputs.pop("rows")
        self.step_rows += batch
        self.tokens += sum(len(self.rows[number].input_ids) for number in batch)
        if inputs["input_ids"].is_cuda and self.args.world_size == 1:
            loss = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        else:
            # TRL's fused head needs Triton to skip the untrained positions; without it a step costs 1.4 times this. And
            # it reads the head's weights, which other processes may hold.
            labels = inputs.pop("labels")
            loss = likelihood.token_losses(model, inputs, labels).sum() / num_items_in_batch
            loss = loss * self.args.world_size  # the gradients' mean over the processes is taken
        if not torch.isfinite(loss):
            raise LecternError(
                f"the loss is {loss.item()} at step {self.state.global_step + 1}, on rows {self._ids(batch)}. "
                "Lower train.learning_rate, or look at these rows (lectern show-row)."
            )
        return loss

    def log(self, logs: dict[str, float], *arguments: Any, **options: Any) -> None:
        """Look at the loss of each step before it counts.

        Raises:
            LecternError: it exploded, or the gradient is not finite.
        """
        if "loss" in logs:
            self._check_step(logs["loss"], logs.get("grad_norm", 0.0))
            self.step_rows = []
        super().log(logs, *arguments, **options)

    def _check_step(self, loss: float, gradient: float) -> None:
        rows = self._ids(self.step_rows)
        losses = (entry["loss"] for entry in self.state.log_history if "loss" in entry)
        first = list(islice(losses, FIRST_STEPS))
        if first and loss > self.explosion * max(first):
            raise LecternError(
                f"the loss exploded: {loss:.3f} at step {self.state.global_step}, {max(first):.3f} at most in the "
                f"first {len(first)} steps (train.explosion is {self.explosion}), on rows {rows}. Lower "
                "train.learning_rate, raise train.warmup_share, or look at these rows (lectern show-row)."
            )
        if (
            not math.isfinite(gradient) and not self.args.fp16
        ):  # in fp16 the step is left out and the scale lowered
            raise LecternError(
                f"the gradient is {gradient} at step {self.state.global_step}, on rows {rows}. Lower "
                "train.learning_rate, or look at these rows (lectern show-row)."
            )

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """Mean loss per trained token. The library's mean of batch means would depend on how rows are batched."""
        process, processes = self.args.process_index, self.args.world_size
        count = -(-len(self.validation) // processes)  # sharded weights want as many calls from each process
        own = [(process + turn * processes) % len(self.validation) for turn in range(count)]
        with self._not_counted():
            scored = likelihood.negative_log_likelihoods(
                self.model_wrapped if self.is_fsdp_enabled else self.model,
                [(self.validation[n].input_ids, self.validation[n].assistant_masks) for n in own],
                pad=self.processing_class.pad_token_id,
                batch_size=self.args.per_device_train_batch_size,
            )
        by_row = dict(pair for found in self.gather(list(zip(own, scored, strict=True))) for pair in found)
        total = sum(by_row[n][0] for n in range(len(self.validation)))
        result = {"eval_loss": total / sum(tokens for _, tokens in by_row.values())}
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
        """Write what was learned, and no tokenizer or arguments, as transformers or PEFT load it."""
        self.save_model(str(folder), _internal_call=True)
        self.accelerator.wait_for_everyone()
        return folder

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        if not self.args.should_save:  # another process has the gathered weights
            return
        model = self.accelerator.unwrap_model(self.model, keep_torch_compile=False)
        # an adapter has no embeddings; PEFT would ask the hub whether they are the model's own
        options = {"save_embedding_layers": False} if isinstance(model, PeftModel) else {}
        model.save_pretrained(output_dir, state_dict=state_dict, **options)

    def get_result(self) -> tuple[int, Path]:
        """The step after which the weights are kept, and the folder with them."""
        best = self.state.best_global_step
        if self.keep_best and best and any(self.gather(self._kept(best).is_dir())):
            return best, self._kept(best)
        step = self.state.global_step
        return step, self.save_weights(self._kept(step))

    def count_tokens(self) -> int:
        """Tokens of rows that were trained since this process began, padding left out."""
        return sum(self.gather(self.tokens))

    def gather(self, value: Any) -> list[Any]:
        """The value of each process."""
        return list(gather_object([value])) if self.args.world_size > 1 else [value]

    def padding_share(self) -> float:
        """Padding tokens by all tokens that the model computed."""
        return self.plan.padding_share([len(row.input_ids) for row in self.rows], self.args.num_train_epochs)

    def check_packing(self) -> None:
        """Raise unless the model keeps packed rows apart: the last one must be as likely as it is alone.

        Raises:
            LecternError: it sees the rows before it.
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
                f"train.packing: packed rows see each other (the loss of row {rows[-1].id} is {packed:.4f} "
                f"behind another one, {alone:.4f} alone). Set train.packing=false, or another train.attention."
            )

    def _count_losses(self, inputs: dict[str, Any]) -> list[float]:
        """Summed loss of each row: rows of a packed sequence begin where positions do."""
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
    """The curves, while they grow; a resumed run draws what it had first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Empty the folder."""
        if args.process_index == 0:
            self.live = curves.open_live(self.folder)
            for record in curves.read_history(state.log_history):
                curves.add(self.live, record)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Add what was measured just now."""
        if args.process_index == 0:
            for record in curves.read_history([{**(logs or {}), "step": state.global_step}]):
                curves.add(self.live, record)
            self.live.make_summary()

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Close the files."""
        if args.process_index == 0:
            self.live.end()


class Evaluations(TrainerCallback):
    """Asks for the validation loss at even distances in each epoch, its end among them."""

    def __init__(self, steps_an_epoch: int, count: int) -> None:
        """Args: `steps_an_epoch`, and `count` of evaluations in them."""
        self.steps = steps_an_epoch
        self.due = (
            {math.ceil(turn * steps_an_epoch / count) for turn in range(1, count + 1)} if count else set()
        )

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Ask when one is due."""
        if (state.global_step - 1) % self.steps + 1 in self.due:
            control.should_evaluate = True


class Progress(TrainerCallback):
    """One bar, on stderr; the library's own writes a line a step to stdout."""

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Open the bar, where a resumed run stands."""
        self.shown: dict[str, str] = {}
        self.bar = tqdm(
            total=state.max_steps,
            initial=state.global_step,
            desc="train",
            unit="step",
            disable=None if args.process_index == 0 else True,
        )

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Move on."""
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
