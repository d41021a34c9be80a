"""The estimate of memory against what trainings take, the published sizes of the models, and what is advised."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lectern.models import loading
from lectern.models.packaged import converted
from lectern.training import memory
from tests.support.tiny import TINY

LLAMA2 = {"model_type": "llama", "vocab_size": 32000, "tie_word_embeddings": False}
QWEN3 = {"model_type": "qwen3", "vocab_size": 151936, "num_key_value_heads": 8, "head_dim": 128}
PUBLISHED: dict[str, dict[str, Any]] = {
    "llama2_7b_chat": LLAMA2
    | {
        "hidden_size": 4096,
        "intermediate_size": 11008,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 32,
    },
    "llama2_13b_chat": LLAMA2
    | {
        "hidden_size": 5120,
        "intermediate_size": 13824,
        "num_hidden_layers": 40,
        "num_attention_heads": 40,
        "num_key_value_heads": 40,
    },
    "llama3_8b_instruct": {
        "model_type": "llama",
        "vocab_size": 128256,
        "hidden_size": 4096,
        "intermediate_size": 14336,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "tie_word_embeddings": False,
    },
    "mistral_7b_instruct": {
        "model_type": "mistral",
        "vocab_size": 32768,
        "hidden_size": 4096,
        "intermediate_size": 14336,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "tie_word_embeddings": False,
    },
    "phi_1_5": {
        "model_type": "phi",
        "vocab_size": 51200,
        "hidden_size": 2048,
        "intermediate_size": 8192,
        "num_hidden_layers": 24,
        "num_attention_heads": 32,
        "tie_word_embeddings": False,
    },
    "qwen3_4b_instruct": {
        "model_type": "qwen3",
        "vocab_size": 151936,
        "hidden_size": 2560,
        "intermediate_size": 9728,
        "num_hidden_layers": 36,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "tie_word_embeddings": True,
    },
    "qwen3_1_7b": QWEN3
    | {
        "hidden_size": 2048,
        "intermediate_size": 6144,
        "num_hidden_layers": 28,
        "num_attention_heads": 16,
        "tie_word_embeddings": True,
    },
    "qwen3_8b": QWEN3
    | {
        "hidden_size": 4096,
        "intermediate_size": 12288,
        "num_hidden_layers": 36,
        "num_attention_heads": 32,
        "tie_word_embeddings": False,
    },
    "smollm3_3b": {
        "model_type": "smollm3",
        "vocab_size": 128256,
        "hidden_size": 2048,
        "intermediate_size": 11008,
        "num_hidden_layers": 36,
        "num_attention_heads": 16,
        "num_key_value_heads": 4,
        "tie_word_embeddings": True,
    },
    "gemma3_1b": {
        "model_type": "gemma3_text",
        "vocab_size": 262144,
        "hidden_size": 1152,
        "intermediate_size": 6912,
        "num_hidden_layers": 26,
        "num_attention_heads": 4,
        "num_key_value_heads": 1,
        "head_dim": 256,
        "tie_word_embeddings": True,
    },
    "llama3_2_3b_instruct": {
        "model_type": "llama",
        "vocab_size": 128256,
        "hidden_size": 3072,
        "intermediate_size": 8192,
        "num_hidden_layers": 28,
        "num_attention_heads": 24,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "tie_word_embeddings": True,
    },
    "phi_4_mini_instruct": {
        "model_type": "phi3",
        "vocab_size": 200064,
        "hidden_size": 3072,
        "intermediate_size": 8192,
        "num_hidden_layers": 32,
        "num_attention_heads": 24,
        "num_key_value_heads": 8,
        "tie_word_embeddings": True,
        "pad_token_id": 199999,
    },
    "smollm2_1_7b_instruct": {
        "model_type": "llama",
        "vocab_size": 49152,
        "hidden_size": 2048,
        "intermediate_size": 8192,
        "num_hidden_layers": 24,
        "num_attention_heads": 32,
        "num_key_value_heads": 32,
        "tie_word_embeddings": True,
    },
}
BILLIONS = {  # as their makers give them
    "llama2_7b_chat": 6.74,
    "llama2_13b_chat": 13.02,
    "llama3_8b_instruct": 8.03,
    "mistral_7b_instruct": 7.25,
    "phi_1_5": 1.42,
    "qwen3_4b_instruct": 4.02,
    "qwen3_1_7b": 1.72,
    "qwen3_8b": 8.19,
    "smollm3_3b": 3.08,
    "gemma3_1b": 1.0,
    "llama3_2_3b_instruct": 3.21,
    "phi_4_mini_instruct": 3.84,
    "smollm2_1_7b_instruct": 1.71,
    "smollm2_135m": 0.135,
}
SIZES = memory.Sizes(
    linear=1000, other=100, layers=2, hidden=8, heads=2, vocabulary=50, widths=80, largest=300
)
LOAD = memory.Load(sizes=SIZES, method="lora", trained=160, rows=4, longest=64, answered=40)


@pytest.fixture(scope="module")
def sizes() -> dict[str, memory.Sizes]:
    """Of each shipped model, built without weights."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    configs = {
        name: AutoConfig.for_model(
            values["model_type"], **{k: v for k, v in values.items() if k != "model_type"}
        )
        for name, values in PUBLISHED.items()
    } | {"smollm2_135m": AutoConfig.from_pretrained(converted("smollm2_135m"))}
    with torch.device("meta"):
        return {name: memory.of_model(AutoModelForCausalLM.from_config(c)) for name, c in configs.items()}


def said(sizes: memory.Sizes) -> str:
    """The sentence of a shipped model about its memory."""
    parts = []
    for method in ("qlora", "lora", "dora", "full"):
        load = memory.Load(
            sizes=sizes,
            method=method,
            trained=sizes.linear + sizes.other if method == "full" else sizes.adapter(16),
            rows=1,
            longest=2048,
            answered=2048,
            precision="bf16",
            gradient_checkpointing=True,
        )
        parts.append(f"{method} {memory.show(memory.estimate(load).total)}")
    return (
        "# Memory to tune at 2,048 tokens, one row at a time, in bf16 with gradient checkpointing and rank 16: "
        f"{', '.join(parts)} (estimated, not measured)."
    )


@pytest.mark.parametrize("name", BILLIONS)
def test_a_shipped_model_says_how_much_memory_it_takes(sizes: dict[str, memory.Sizes], name: str) -> None:
    text = Path(f"conf/base_model/{name}.yaml").read_text().replace("\n#  ", "")
    assert said(sizes[name]) in text.splitlines()
    # the dimensions are those of the model
    assert (sizes[name].linear + sizes[name].other) / 1e9 == pytest.approx(BILLIONS[name], rel=0.005)


def test_every_model_that_is_trained_for_use_says_so() -> None:
    shipped = {path.stem for path in Path("conf/base_model").glob("*.yaml")}
    assert {name for name in shipped if not name.startswith("tiny_")} == set(BILLIONS)


@pytest.mark.slow
def test_trainings_take_what_is_estimated() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.memory_probe"], capture_output=True, text=True, check=True
    )
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert {one["method"] for one in found} == set(memory.METHODS)
    for one in found:
        assert 1 / 1.5 < one["estimated"] / one["took"] < 1.5, one


@pytest.mark.parametrize(("quantized", "adapter"), [(False, False), (False, True), (True, True)])
def test_a_model_has_its_sizes_in_whatever_form_it_is_loaded(quantized: bool, adapter: bool) -> None:
    from peft import LoraConfig, get_peft_model

    plain = loading.get_model(TINY)
    expected = memory.of_model(plain)
    assert expected.linear + expected.other == sum(weight.numel() for weight in plain.parameters())
    other = loading.get_model(TINY, quantized=quantized)
    if adapter:
        config = LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM")
        other = get_peft_model(other, config)
        assert memory.count_trained(other) == expected.adapter(4)
    assert memory.of_model(other) == expected


def test_each_part_is_what_it_says() -> None:
    everything = SIZES.linear + SIZES.other
    parts = {
        method: memory.estimate(replace(LOAD, method=method, trained=everything if method == "full" else 160))
        for method in memory.METHODS
    }
    assert parts["lora"].weights == 4 * everything
    assert parts["full"].gradients == 4 * everything
    assert parts["full"].optimizer == 8 * everything
    assert parts["full"].adapter == 0
    assert parts["qlora"].weights < 0.6 * SIZES.linear + 4 * SIZES.other
    assert parts["dora"].activations > parts["lora"].activations == parts["rslora"].activations
    assert parts["lora"].logits == 40 * 50 * 12
    for estimated in parts.values():
        assert estimated.total == estimated.held + estimated.to_come


def test_half_precision_halves_what_stays_and_not_what_is_trained() -> None:
    full, half = memory.estimate(LOAD), memory.estimate(replace(LOAD, precision="bf16"))
    assert half.weights * 2 == full.weights
    assert half.optimizer == full.optimizer


@pytest.mark.parametrize(
    ("optimizer", "each"), [("adamw_torch", 8), ("paged_adamw_8bit", 2), ("sgd", 4), ("adafactor", 0)]
)
def test_an_optimizer_has_its_own_state(optimizer: str, each: int) -> None:
    assert round(memory.estimate(replace(LOAD, optimizer=optimizer)).optimizer / LOAD.trained) == each


def test_eager_attention_grows_with_the_square_of_the_row() -> None:
    short, long = (
        memory.estimate(replace(LOAD, longest=longest, attention="eager")).activations
        - memory.estimate(replace(LOAD, longest=longest)).activations
        for longest in (64, 128)
    )
    assert long == 4 * short > 0


def test_the_advice_is_what_an_estimate_of_the_change_says() -> None:
    sizes = replace(SIZES, widths=8000, linear=10**6)
    load = replace(LOAD, sizes=sizes)
    found = {one.parameter: one for one in memory.lower(memory.estimate(load))}
    # that which costs least first
    assert list(found) == [
        "train.batch_size",
        "train.gradient_checkpointing",
        "train.method",
        "render.max_length",
    ]
    changed = memory.estimate(replace(load, rows=2, answered=20))
    assert found["train.batch_size"].value == 2
    assert found["train.batch_size"].saves == memory.estimate(load).total - changed.total
    assert found["train.method"].value == "qlora"
    assert str(found["train.gradient_checkpointing"]).startswith(
        "train.gradient_checkpointing=true saves about "
    )
    full = memory.estimate(replace(load, method="full", trained=10**6))
    assert {one.parameter: one.value for one in memory.lower(full)}["train.method"] == "lora"


def test_nothing_is_advised_that_is_already_so() -> None:
    load = replace(LOAD, method="qlora", rows=1, answered=10, gradient_checkpointing=True)
    assert {one.parameter for one in memory.lower(memory.estimate(load))} <= {"render.max_length"}


def test_the_description_names_the_largest_part_first() -> None:
    line = memory.estimate(replace(LOAD, sizes=replace(SIZES, linear=10**9))).describe()
    assert line.startswith("about 4.0 GB of memory (estimated): weights 4.0 GB")
    assert "\n" not in line


def test_the_busiest_micro_batch_counts() -> None:
    batches = [[(10, 3), (12, 4)], [(30, 5)], [(8, 2), (8, 2), (8, 2)]]
    assert memory.busiest(batches, packed=False) == (1, 30, 18)
    assert memory.busiest(batches, packed=True) == (1, 30, 7)
    assert memory.busiest([], packed=False) == (1, 0, 0)


def test_the_tighter_of_two_limits_is_what_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import psutil
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    free = memory.free_memory()
    assert free is not None
    assert 0 < free <= psutil.virtual_memory().total
    report = tmp_path / "meminfo"
    report.write_text("MemTotal:  9 kB\nMemAvailable:  5 kB\n")
    here = memory._available(report)
    assert here == 5 * 1024
    for machine, container, expected in (
        (here, 7000, 5120),
        (here, 700, 700),
        (here, None, 5120),
        (None, None, None),
    ):
        monkeypatch.setattr(memory, "_available", lambda found=machine: found)
        monkeypatch.setattr(memory, "_left_to_container", lambda found=container: found)
        assert memory.free_memory() == expected


def test_a_container_allows_less_than_the_machine_has(tmp_path: Path) -> None:
    assert memory._left_to_container(tmp_path) is None
    for name, text in (
        ("memory.max", "1000\n"),
        ("memory.current", "700\n"),
        ("memory.stat", "anon 5\ninactive_file 100\n"),
    ):
        (tmp_path / name).write_text(text)
    assert memory._left_to_container(tmp_path) == 400
    (tmp_path / "memory.max").write_text("max\n")
    assert memory._left_to_container(tmp_path) is None


@pytest.mark.parametrize(("field", "value"), [("method", "qdora"), ("precision", "int8")])
def test_an_unknown_way_is_refused(field: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"{field} is '{value}'"):
        replace(LOAD, **{field: value})
