"""A contestant of the training benchmark: litgpt's own `finetune_lora`, in an environment of its own.

Run by training.py as `python -m tests.benchmarks.training_litgpt TASK`, by the python of that environment. Left at
litgpt's defaults: 1 row in a micro-batch, in random order; the head in pieces of 128 positions; each micro-batch's mean
loss weighs the same, however many tokens it trains; AdamW (not fused). It cannot clip gradients.
"""

import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import litgpt.config
import torch
from litgpt.args import EvalArgs, TrainArgs
from litgpt.data import DataModule, get_sft_collate_fn
from litgpt.finetune import lora
from litgpt.prompts import Default, PromptStyle
from litgpt.scripts.convert_hf_checkpoint import convert_hf_checkpoint
from litgpt.scripts.convert_lit_checkpoint import convert_lit_checkpoint
from torch.utils.data import DataLoader

from tests.benchmarks.training_clock import Clock, watch
from tests.benchmarks.training_task import Task, hand_back, read_rows, read_task

NEVER = 10**6
SMOLLM2 = "SmolLM2-135M-Instruct"


class Examples(list):  # type: ignore[type-arg]
    """Rows as litgpt's SFTDataset gives them; it asks `data` for the instruction that it shows at the end."""

    data = ({"instruction": "-"},)


@dataclass
class Rows(DataModule):
    """Rows that are tokens already, in litgpt's own batches."""

    rows: list[dict[str, list[int]]]
    seed: int
    prompt_style: PromptStyle = field(default_factory=Default)
    batch_size: int = 1

    def __post_init__(self) -> None:
        super().__init__()
        self.test_dataset = self.train_dataset = Examples(map(make_example, self.rows))

    def connect(self, tokenizer: Any = None, batch_size: int = 1, max_seq_length: int | None = None) -> None:
        """Called before the loaders are."""
        self.batch_size = batch_size

    def train_dataloader(self) -> Any:
        """As litgpt's own JSON data, but in this process: on one core others would only compete."""
        generator = torch.Generator().manual_seed(self.seed)
        return DataLoader(
            self.train_dataset,
            batch_size=self.batch_size,
            shuffle=True,
            generator=generator,
            collate_fn=get_sft_collate_fn(),
        )

    def val_dataloader(self) -> Any:
        """Of what it validates as a check before it begins."""
        return DataLoader(Examples(self.train_dataset[:1]), collate_fn=get_sft_collate_fn())


def make_example(row: dict[str, list[int]]) -> dict[str, Any]:
    """A row as litgpt's SFTDataset makes them."""
    count = len(row["input_ids"])
    return {
        "input_ids": torch.tensor(row["input_ids"]),
        "labels": torch.tensor(row["labels"]),
        "token_counts": {"raw": count, "raw_plus_prompt_template": count},
    }


def convert(task: Task) -> Path:
    """The model as litgpt's converter makes it."""
    folder = Path(task.out) / "base"
    shutil.copytree(task.model, folder)
    name = SMOLLM2
    if task.base["source"] == "random":
        name = "tiny"
        litgpt.config.name_to_config[name] = describe(folder)
    convert_hf_checkpoint(folder, model_name=name)
    return folder


def describe(folder: Path) -> dict[str, Any]:
    """A Llama that litgpt does not know by name, as it describes one."""
    import json

    config = json.loads((folder / "config.json").read_text())
    return {
        "name": "tiny",
        "hf_config": {"org": "-", "name": "tiny"},
        "block_size": config["max_position_embeddings"],
        "vocab_size": config["vocab_size"],
        "padded_vocab_size": config["vocab_size"],
        "n_layer": config["num_hidden_layers"],
        "n_head": config["num_attention_heads"],
        "n_embd": config["hidden_size"],
        "n_query_groups": config["num_key_value_heads"],
        "rotary_percentage": 1.0,
        "parallel_residual": False,
        "bias": False,
        "norm_class_name": "RMSNorm",
        "mlp_class_name": "LLaMAMLP",
        "intermediate_size": config["intermediate_size"],
        "rope_base": int(config["rope_parameters"]["rope_theta"]),
        "norm_eps": config["rms_norm_eps"],
    }


def main(task: Task) -> None:
    """Train with litgpt, and turn the merged weights back."""
    checkpoint, out = convert(task), Path(task.out) / "finetuned"
    clock, counts, fit, model_class = Clock(), {}, lora.fit, lora.GPT

    def watched(config: Any) -> Any:
        model = model_class(config)
        inner = model.transformer
        watch(clock, inner.wte, [(layer.norm_1, layer.mlp) for layer in inner.h], inner.ln_f)
        return model

    def counted(*given: Any, **options: Any) -> Any:
        counts.update(fit(*given, **options))
        return counts

    lora.GPT, lora.fit = watched, counted
    flags = {"lora_r": task.r, "lora_alpha": task.alpha, "lora_dropout": 0.0}
    flags |= {f"lora_{part}": True for part in ("query", "key", "value", "projection", "mlp")}
    # litgpt reads its command line to note what it was called with
    sys.argv = ["finetune_lora", str(checkpoint), *(f"--{name}={value}" for name, value in flags.items())]
    lora.setup(
        checkpoint_dir=checkpoint,
        out_dir=out,
        precision="32-true",
        data=Rows(read_rows(task), task.seed),
        train=TrainArgs(
            save_interval=None,
            global_batch_size=task.step_rows,
            micro_batch_size=1,
            lr_warmup_steps=task.warmup_steps,
            epochs=task.epochs,
        ),
        eval=EvalArgs(interval=NEVER, max_new_tokens=1, max_iters=1, final_validation=False),
        optimizer={
            "class_path": "torch.optim.AdamW",
            "init_args": {"lr": task.learning_rate, "weight_decay": 0.0},
        },
        seed=task.seed,
        **flags,
    )
    convert_lit_checkpoint(out / "final", Path(task.out) / "back")
    measured = clock.report() | {"tokens": counts["raw_tokens_plus_prompt_template"]}
    hand_back(task, measured, adapter=None, weights=Path(task.out) / "back" / "model.pth")


if __name__ == "__main__":
    main(read_task(sys.argv[1]))
