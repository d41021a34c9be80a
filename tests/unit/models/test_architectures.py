"""Each shipped kind of base model, whole: rows are rendered, tuned on by QLoRA, merged, and answered.

The model is a tiny random one of the same class; all else is what is shipped: the settings of the base model, its chat
format, its target layers, and the settings of QLoRA but for a rate and a length that suit the size.
"""

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from lectern.core import io, params
from lectern.core.schema import Example, Prediction, TokenRow
from lectern.models import chat_format, generation, loading, stand_ins
from lectern.settings.base_model import BaseModelSettings
from lectern.settings.compute import Compute
from lectern.settings.generate import Generate
from lectern.settings.render import Render
from lectern.settings.train import Train
from lectern.training import adapters, merging
from stages import render, train
from tests.settings import configure
from tests.support import generating, todays_models
from tests.support import real_tokenizers as makers
from tests.support.tiny import chat, example

pytestmark = pytest.mark.slow  # eleven trainings

QUESTION_ANSWER = {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>"}
CONTROL: dict[str, dict[str, Any]] = {
    "llama2_7b_chat": {"bos_token": "<s>", "eos_token": "</s>"},
    "mistral_7b_instruct": {
        "bos_token": "<s>",
        "eos_token": "</s>",
        "extra_special_tokens": ["[INST]", "[/INST]"],
    },
    "phi_1_5": QUESTION_ANSWER,
    "qwen3_4b_instruct": {"eos_token": "<|im_end|>"},
}
CLASSES = {
    "gemma3_1b": "Gemma3ForCausalLM",
    "llama2_7b_chat": "LlamaForCausalLM",
    "llama3_2_3b_instruct": "LlamaForCausalLM",
    "llama3_8b_instruct": "LlamaForCausalLM",
    "mistral_7b_instruct": "MistralForCausalLM",
    "phi_1_5": "PhiForCausalLM",
    "phi_4_mini_instruct": "Phi3ForCausalLM",
    "qwen3_1_7b": "Qwen3ForCausalLM",
    "qwen3_4b_instruct": "Qwen3ForCausalLM",
    "smollm2_1_7b_instruct": "LlamaForCausalLM",
    "smollm3_3b": "SmolLM3ForCausalLM",
}
TRL = {"llama3_8b_instruct": "llama3", "qwen3_4b_instruct": "qwen3_instruct_2507"}
"""models whose own template is installed with TRL; the others are served with ours"""
TOLERANCE = 1e-3  # of a logit in float32


def parse(file: str, cls: Any) -> Any:
    return params.parse(OmegaConf.load(file), cls, file)


def stand_in(name: str, folder: Path, packaged: Any) -> BaseModelSettings:
    """The shipped base model, on a tiny model of its class in a directory, with its control tokens."""
    if name in todays_models.KINDS:
        return todays_models.make(name, folder, packaged)
    shipped: BaseModelSettings = parse(f"conf/base_model/{name}.yaml", BaseModelSettings)
    tokenizer = makers.as_llama3(packaged) if name == "llama3_8b_instruct" else copy.deepcopy(packaged)
    if name in CONTROL:
        tokenizer.add_special_tokens(CONTROL[name])
    if name != "smollm2_1_7b_instruct":
        ours = (chat_format.FOLDER / str(shipped.chat_template)).read_text()
        tokenizer.chat_template = (
            makers.template_in_trl(TRL[name]) if name in TRL else chat_format.without_marks(ours)
        )
    if not shipped.own_template:
        tokenizer.chat_template = None
    family = CLASSES[name].removesuffix("ForCausalLM").lower()
    model = stand_ins.random_model(family, tokenizer, context_length=512, seed=0)
    for part in (tokenizer, model):
        part.save_pretrained(folder)
    return replace(shipped, hub_id=str(folder), context_length=512)


def write_splits(folder: Path) -> None:
    splits = {
        "train": [example(f"What is {n} plus one?", f"It is {n + 1}.") for n in range(12)]
        + [example("Who are you?", "A model.", "Of which size?", "A tiny one.")],
        "validation": [example("What is 12 plus one?", "It is 13.")],
        "test": [example(f"What is {n} plus one?", f"It is {n + 1}.") for n in (13, 14)],
    }
    for split, examples in splits.items():
        io.write_jsonl(folder / f"{split}.jsonl", examples)


@pytest.mark.parametrize("name", CLASSES)
def test_a_base_model_goes_the_whole_way(name: str, tmp_path: Path, tokenizer: Any) -> None:
    from transformers import AutoModelForCausalLM

    base = stand_in(name, tmp_path / "model", tokenizer)
    assert type(loading.get_model(base)).__name__ == CLASSES[name]
    write_splits(tmp_path / "splits")
    sft, adapter, out = tmp_path / "sft", tmp_path / "adapter", tmp_path / "out"
    render.main(
        configure(Render, max_length=128), base, tmp_path / "splits", sft, tmp_path / "preflight.json"
    )
    assert len(io.read_jsonl(sft / "train.jsonl", TokenRow)) == 13

    chosen: Train = replace(
        parse("conf/train/qlora.yaml", Train), learning_rate=1e-2, gradient_accumulation=2, epochs=2
    )
    train.main(
        chosen, base, sft, tmp_path / "runs", adapter, tmp_path / "metrics/train", compute=configure(Compute)
    )
    figures = io.read_plain(tmp_path / "metrics/train.json")
    assert figures["validation_loss"] < figures["validation_loss_before"]
    layers = io.read_plain(adapter / "adapter_config.json")["target_modules"]
    assert sorted(layers) == sorted(base.target_modules)

    served = loading.get_tokenizer(base)
    prompts = chat_format.serve(served, [chat("What is 13 plus one?"), chat("Who are you?")], answering=True)
    how = {"new_tokens": 8, "pad": served.pad_token_id}
    tuned, merged = adapters.load(base, adapter), merging.merge(adapters.load(base, adapter))
    assert type(merged).__name__ == CLASSES[name]
    merged.save_pretrained(tmp_path / "merged")
    reloaded = AutoModelForCausalLM.from_pretrained(tmp_path / "merged")
    stop = generation.stop_tokens(tuned, served, base.end_of_turn)
    said = merging.see(tuned, prompts, **how, stop=stop)
    for model in (merged, reloaded):
        found = merging.compare(said, merging.see(model, prompts, **how, stop=stop, read=said.answers))
        assert found["same_tokens"] == 1.0
        assert found["largest_logit_difference"] < TOLERANCE

    chosen_to_generate = configure(
        Generate, max_new_tokens=8, batch_size=2, parity_prompts=2, parity_tokens=4, evals=[]
    )
    test = io.read_jsonl(tmp_path / "splits/test.jsonl", Example)
    generating.run(tmp_path, adapter, test, chosen_to_generate, base=base)
    before, after = (io.read_jsonl(out / f"{one}.jsonl", Prediction) for one in ("base", "tuned"))
    assert [row.id for row in before] == [row.id for row in after]
    assert sum(row.nll for row in after) < sum(row.nll for row in before)


def test_every_kind_that_is_shipped_is_tried() -> None:
    """By its class and its chat format; what differs in size alone stands for the other."""
    kinds = {}
    for path in sorted(Path("conf/base_model").glob("*.yaml")):
        base: BaseModelSettings = parse(str(path), BaseModelSettings)
        kinds[base.name] = (tuple(base.target_modules), base.chat_template)
    assert set(kinds.values()) == {kinds[name] for name in CLASSES}
