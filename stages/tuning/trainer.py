"""TRL's SFTTrainer, held to this project's promises: what is scored, in which order, and what a checkpoint is.

Import it only where a training begins: torch, transformers and TRL take seconds to load.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import Sampler
from tqdm import tqdm
from transformers import Trainer, TrainerCallback
from trl import SFTTrainer

from stages.core.errors import LecternError
from stages.core.schema import TokenRow
from stages.tuning import batching, checkpoints, likelihood


class Order(Sampler[int]):
    """Rows in the order of `batching.batches`; it depends on the epoch alone, so a resumed run continues it."""

    def __init__(self, lengths: Sequence[int], size: int, seed: int) -> None:
        self.lengths, self.size, self.seed, self.epoch = lengths, size, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer at the beginning of each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        for batch in batching.batches(self.lengths, self.size, self.seed, self.epoch):
            yield from batch


class AnswerTrainer(SFTTrainer):
    """Trains the marked tokens of `rows`, scores those of `validation`."""

    def __init__(self, rows: Sequence[TokenRow], validation: Sequence[TokenRow], **options: Any) -> None:
        super().__init__(**options)
        self.rows, self.validation = rows, validation

    def _get_train_sampler(self, *_: Any) -> Order:
        lengths = [len(row.input_ids) for row in self.rows]
        return Order(lengths, self.args.per_device_train_batch_size, self.args.seed)

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Mean over the trained tokens of a step.

        Raises:
            LecternError: it is not finite; names the step and the rows.
        """
        if inputs["input_ids"].is_cuda:
            loss = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        else:
            # TRL's fused head needs Triton to skip the untrained positions; without it a step costs 1.4 times this.
            parts = (inputs["input_ids"], inputs["attention_mask"], inputs["labels"])
            loss = likelihood.token_losses(model, *parts).sum() / num_items_in_batch
        if not torch.isfinite(loss):
            raise LecternError(
                f"the loss is {loss.item()} at step {self.state.global_step + 1}, on rows "
                f"{', '.join(self._ids(inputs))}. Lower train.learning_rate, or look at these rows."
            )
        return loss

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """Mean loss per trained token. The library's mean of batch means would depend on how rows are batched."""
        scored = likelihood.negative_log_likelihoods(
            self.model,
            [(row.input_ids, row.assistant_masks) for row in self.validation],
            pad=self.processing_class.pad_token_id,
            batch_size=self.args.per_device_train_batch_size,
        )
        result = {"eval_loss": sum(nll for nll, _ in scored) / sum(tokens for _, tokens in scored)}
        self.log(dict(result))
        self.callback_handler.on_evaluate(self.args, self.state, self.control, result)
        return result

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        Trainer._save_checkpoint(self, model, trial)  # without TRL's model card
        checkpoints.seal(Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}")

    def _ids(self, inputs: Any) -> list[str]:
        """The ids of the rows in a batch, which carries none."""
        known = {tuple(row.input_ids): row.id for row in self.rows}
        pairs = zip(inputs["input_ids"], inputs["attention_mask"], strict=True)
        return [known[tuple(tokens[shown.bool()].tolist())] for tokens, shown in pairs]


class Progress(TrainerCallback):
    """One bar, on stderr; the library's own writes a line a step to stdout."""

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Open the bar, where a resumed run stands."""
        self.bar = tqdm(
            total=state.max_steps, initial=state.global_step, desc="train", unit="step", disable=None
        )

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Move on."""
        self.bar.update()

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Close the bar."""
        self.bar.close()
