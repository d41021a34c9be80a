"""Train a medium random model for two steps in each of several ways, and print what each took beside its estimate.

It is a process of its own, so that what is measured is the training's.
"""

import gc
import json
import sys
import tempfile
from pathlib import Path

import peft
import torch
from transformers import AutoConfig, AutoModelForCausalLM, BitsAndBytesConfig

from lectern.models import likelihood
from lectern.training import memory

WAYS = [("lora", False), ("rslora", True), ("dora", False), ("qlora", False), ("full", False), ("full", True)]
ROWS, TOKENS, ANSWERED = 4, 192, 24


def reset_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def taken(line: str) -> int:
    """Bytes: VmRSS now, or VmHWM at most since `reset_peak`."""
    report = Path("/proc/self/status").read_text()
    return int(next(each for each in report.splitlines() if each.startswith(line + ":")).split()[1]) * 1024


def load(folder: str, method: str, checkpointing: bool) -> torch.nn.Module:
    options = {}
    if method == "qlora":
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.float32,
        )
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, **options)
    if method == "qlora":
        model = peft.prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
    if method != "full":
        config = peft.LoraConfig(
            r=8,
            target_modules="all-linear",
            task_type="CAUSAL_LM",
            use_dora=method == "dora",
            use_rslora=method == "rslora",
        )
        model = peft.get_peft_model(model, config)
    if checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        model.enable_input_require_grads()
    return model.train()


def train(model: torch.nn.Module) -> None:
    optimizer = torch.optim.AdamW([weight for weight in model.parameters() if weight.requires_grad])
    for _ in range(2):
        ids = torch.randint(0, 8192, (ROWS, TOKENS))
        labels = ids.clone()
        labels[:, :-ANSWERED] = -100
        inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
        likelihood.token_losses(model, inputs, labels).mean().backward()
        optimizer.step()
        optimizer.zero_grad()


def return_freed_memory() -> bool:
    """Have glibc give every freed tensor back at once; False where the C library is another.

    It keeps large blocks for the next ones otherwise, and small ones that live on between them keep it from reusing
    them. Measured on LoRA with 4 rows of 256 tokens: 0.6 GB instead of 1.6 GB, for a third more CPU time.
    """
    import ctypes

    threshold = -3  # M_MMAP_THRESHOLD of malloc.h; once set, it no longer grows with what is freed
    try:
        return bool(ctypes.CDLL(None).mallopt(threshold, 1 << 20))
    except (OSError, AttributeError, TypeError):
        return False


def main() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    return_freed_memory()
    config = AutoConfig.for_model(
        "llama",
        hidden_size=512,
        intermediate_size=1536,
        num_hidden_layers=8,
        num_attention_heads=8,
        vocab_size=8192,
        tie_word_embeddings=True,
    )
    with tempfile.TemporaryDirectory() as folder:
        AutoModelForCausalLM.from_config(config).save_pretrained(folder)
        train(load(folder, "qlora", True))  # so that what is loaded at the first use is there
        for method, checkpointing in WAYS:
            gc.collect()
            before = taken("VmRSS")
            reset_peak()
            model = load(folder, method, checkpointing)
            train(model)
            estimated = memory.estimate(
                memory.Load(
                    sizes=memory.of_model(model),
                    method=method,
                    trained=memory.count_trained(model),
                    rows=ROWS,
                    longest=TOKENS,
                    answered=ROWS * ANSWERED,
                    gradient_checkpointing=checkpointing,
                )
            )
            found = {"took": taken("VmHWM") - before, "estimated": estimated.total}
            print(json.dumps({"method": method, "checkpointing": checkpointing, **found}))
            del model


if __name__ == "__main__":
    sys.exit(main())
