"""A contestant of the training benchmark: the plain script of TRL's documentation, `SFTTrainer` with a `LoraConfig`.

Run by training.py as `python -m tests.benchmarks.training_trl TASK`. Left at TRL's defaults: 8 rows in a micro-batch in
random order, padded to its longest, gradient checkpointing, the fused head and its metrics, AdamW (fused). Its default
precision is bf16, mixed, which it takes on a CPU only when it is told to use the CPU.
"""

import sys
from pathlib import Path

from tests.benchmarks.training_clock import Clock, watch_llama
from tests.benchmarks.training_task import TARGETS, Task, hand_back, read_rows, read_task


def main(task: Task) -> None:
    """Train as the documentation does."""
    from datasets import Dataset
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer

    trainer = SFTTrainer(
        model=task.model,
        args=SFTConfig(
            output_dir=str(Path(task.out) / "checkpoints"),
            # what must be equal
            learning_rate=task.learning_rate,
            lr_scheduler_type="cosine",
            warmup_steps=task.warmup_steps,
            num_train_epochs=task.epochs,
            max_grad_norm=1e9,
            seed=task.seed,
            bf16=task.precision == "bf16",
            use_cpu=True,
            # a tracker is not what is measured
            report_to="none",
        ),
        train_dataset=Dataset.from_list(read_rows(task)),
        peft_config=LoraConfig(r=task.r, lora_alpha=task.alpha, target_modules=list(TARGETS)),
    )
    assert trainer.args.per_device_train_batch_size == task.step_rows
    clock = Clock()
    watch_llama(clock, trainer.model.get_base_model().model)
    trainer.train()
    adapter = Path(task.out) / "adapter"
    trainer.save_model(str(adapter))
    counted = [entry["num_tokens"] for entry in trainer.state.log_history if "num_tokens" in entry]
    hand_back(task, clock.report() | {"tokens": int(float(counted[-1]))}, adapter=adapter, weights=None)


if __name__ == "__main__":
    main(read_task(sys.argv[1]))
