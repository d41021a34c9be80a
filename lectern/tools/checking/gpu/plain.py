"""Train with the plain script of TRL's documentation, `SFTTrainer` with a `LoraConfig`, under the same clock.

TRL's defaults stay: 8 rows in a micro-batch in random order, padded to the longest, gradient checkpointing, the fused
head with its metrics, bf16, AdamW (fused), weights in the data type in which they are saved. Rank, learning rate and
schedule are those of `ways`.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from lectern.core.schema import TokenRow
from lectern.tools.checking.gpu import clock, ours
from lectern.tools.checking.gpu.bench import Bench, Model
from lectern.tools.checking.gpu.report import Training
from lectern.tools.checking.gpu.ways import Way


def train(bench: Bench, model: Model, way: Way, rows: Sequence[TokenRow]) -> Training:
    """Train, and return the figures. Of the way, TRL takes the method, the precision and the learning rate."""
    from datasets import Dataset, disable_progress_bars

    disable_progress_bars()
    found = Dataset.from_list([_label(row) for row in rows])
    with clock.watching() as timed:
        log = _run(model, way, found, str(bench.open_folder(f"{model.shape.name}.trl")))
    total = [0, *(int(entry["num_tokens"]) for entry in log if "num_tokens" in entry)]
    tokens = [after - before for before, after in pairwise(total)]
    losses = [entry["loss"] for entry in log if "loss" in entry]
    return ours.describe(model, way, rows, timed, tokens, losses, "trl")


def _run(model: Model, way: Way, rows: Any, folder: str) -> list[dict[str, Any]]:
    """The script; returns its log."""
    import torch
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer

    chosen = way.choose()
    script = SFTTrainer(
        model=str(model.folder),
        args=SFTConfig(
            output_dir=folder,
            model_init_kwargs=_quantize() if chosen.quantized else None,
            learning_rate=chosen.learning_rate,
            lr_scheduler_type=chosen.scheduler,
            warmup_steps=chosen.warmup_share,  # below 1 it is a share of all steps
            num_train_epochs=way.epochs,
            seed=chosen.seed,
            bf16=way.precision == "bf16",
            use_cpu=not torch.cuda.is_available(),
            logging_steps=1,  # TRL tells the tokens of a step there; ours logs each step too
            save_strategy="no",
            report_to="none",
            eos_token=model.base.end_of_turn,
        ),
        train_dataset=rows,
        peft_config=LoraConfig(r=chosen.r, lora_alpha=chosen.alpha, target_modules="all-linear"),
    )
    script.train()
    return list(script.state.log_history)


def _quantize() -> dict[str, Any]:
    """NF4 with double quantisation, as the documentation of PEFT has it for QLoRA."""
    import torch
    from transformers import BitsAndBytesConfig

    config = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
    return {"quantization_config": config}


def _label(row: TokenRow) -> dict[str, list[int]]:
    """Tokens and labels; a label is -100 where nothing is trained."""
    pairs = zip(row.input_ids, row.assistant_masks, strict=True)
    return {"input_ids": row.input_ids, "labels": [token if trained else -100 for token, trained in pairs]}
