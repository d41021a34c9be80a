"""Adapters of each method: trained for some real steps, saved, loaded by plain PEFT, merged, and loaded without it."""

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lectern.core.errors import LecternError
from lectern.models import chat_format, generation, likelihood, loading
from lectern.training import merging
from tests.support.tiny import TINY, chat

BASE = replace(TINY, end_of_turn="<|im_end|>")
METHODS = ["lora", "rslora", "dora", "qlora"]
ASKED = ["What is two plus one?", "Who are you?", "Why is the sky blue?"]
TOLERANCE = 1e-4  # of a logit in float32; 6e-6 was the most that was seen


def adapted(method: str, seed: int = 0) -> Any:
    """A tiny model with a new adapter."""
    import peft
    import torch

    model = loading.get_model(BASE, quantized=method == "qlora")
    if method == "qlora":
        model = peft.prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
    torch.manual_seed(seed)
    config = peft.LoraConfig(
        task_type="CAUSAL_LM",
        r=4,
        lora_alpha=8,
        target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
        use_dora=method == "dora",
        use_rslora=method == "rslora",
    )
    return peft.get_peft_model(model, config)


def train(model: Any, tokenizer: Any) -> list[float]:
    """The losses of twelve real steps."""
    import torch

    template = (chat_format.FOLDER / "smollm2.jinja").read_text()
    rows = chat_format.encode(
        tokenizer, [chat(asked, f"It is {n}.") for n, asked in enumerate(ASKED)], template
    )
    optimizer = torch.optim.AdamW([weight for weight in model.parameters() if weight.requires_grad], lr=1e-2)
    model.train()
    losses = []
    for step in range(12):
        row = rows[step % len(rows)]
        ids = torch.tensor([row.input_ids])
        labels = torch.where(torch.tensor([row.assistant_mask]) == 1, ids, -100)
        inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
        loss = likelihood.token_losses(model, inputs, labels).mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss))
    model.eval()
    return losses


@pytest.fixture(scope="module")
def prompts(tokenizer: Any) -> list[list[int]]:
    return chat_format.serve(tokenizer, [chat(asked) for asked in ASKED], answering=True)


@pytest.fixture(scope="module", params=METHODS)
def trained(request: pytest.FixtureRequest, tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Method, losses, the folder of the saved adapter, and the tokens of the model that was trained."""
    model = adapted(request.param)
    losses = train(model, tokenizer)
    folder = tmp_path_factory.mktemp(request.param)
    model.save_pretrained(folder)
    return request.param, losses, folder, model


def agree(one: Any, other: Any, tokenizer: Any, prompts: list[list[int]]) -> dict[str, Any]:
    stop = generation.stop_tokens(one, tokenizer, BASE.end_of_turn)
    how = {"new_tokens": 8, "stop": stop, "pad": tokenizer.pad_token_id}
    right = merging.see(one, prompts, **how)
    return merging.compare(right, merging.see(other, prompts, **how, read=right.answers))


def load(method: str, folder: Path) -> Any:
    """As anybody would, without this project."""
    from peft import PeftModel

    return PeftModel.from_pretrained(loading.get_model(BASE, quantized=method == "qlora"), folder).eval()


def test_an_adapter_learns_and_is_loaded_by_plain_peft(
    trained: Any, tokenizer: Any, prompts: list[list[int]]
) -> None:
    method, losses, folder, model = trained
    assert sum(losses[-3:]) < sum(losses[:3])
    reloaded = load(method, folder)
    found = agree(model, reloaded, tokenizer, prompts)
    assert found["same_tokens"] == 1.0
    # and it is not the base model that speaks
    with reloaded.disable_adapter():
        assert agree(model, reloaded, tokenizer, prompts)["largest_logit_difference"] > 0.1


def test_a_merged_model_says_the_same_and_is_loaded_by_plain_transformers(
    trained: Any, tokenizer: Any, prompts: list[list[int]], tmp_path: Path
) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    method, _, folder, _ = trained
    with warnings.catch_warnings():
        # PEFT says so when it asks a hub for the base model
        warnings.filterwarnings("error", "Could not find a config file")
        tuned, merged = load(method, folder), merging.merge(load(method, folder))
    merged.save_pretrained(tmp_path)
    assert "quantization_config" not in (tmp_path / "config.json").read_text()
    plain = AutoModelForCausalLM.from_pretrained(tmp_path)
    linear = [layer for layer in plain.modules() if isinstance(layer, torch.nn.Linear)]
    assert {type(layer) for layer in linear} == {torch.nn.Linear}
    assert {weight.dtype for weight in plain.parameters()} == {torch.float32}
    for model in (merged, plain):
        found = agree(tuned, model, tokenizer, prompts)
        assert found["prompts"] == found["same_answers"] == 3
        assert found["same_tokens"] == 1.0
        assert found["tokens"] > 3
        assert found["largest_logit_difference"] < TOLERANCE


@pytest.mark.parametrize(("factor", "same_words"), [(0.9, True), (-1.0, False)], ids=["weak", "reversed"])
def test_a_wrong_merge_is_seen(
    tokenizer: Any, prompts: list[list[int]], factor: float, same_words: bool
) -> None:
    model = adapted("lora")
    train(model, tokenizer)
    wrong = adapted("lora")
    wrong.load_state_dict(model.state_dict())
    for layer in wrong.modules():
        if hasattr(layer, "lora_A"):
            layer.scaling["default"] *= factor
    found = agree(model, merging.merge(wrong), tokenizer, prompts)
    # in its logits even where the words are still the same
    assert found["largest_logit_difference"] > 100 * TOLERANCE
    assert (found["same_tokens"] == 1) == (found["same_answers"] == 3) == same_words


def test_merging_into_four_bits_would_be_seen(tokenizer: Any, prompts: list[list[int]]) -> None:
    """As PEFT does it, which rounds the adapter away."""
    model = adapted("qlora")
    train(model, tokenizer)
    right = adapted("qlora")
    right.load_state_dict(model.state_dict(), strict=False)
    rounded = right.merge_and_unload()
    assert agree(model, rounded, tokenizer, prompts)["largest_logit_difference"] > 100 * TOLERANCE


def test_tokens_count_up_to_the_first_that_differs() -> None:
    assert merging._agreed([1, 2, 3, 4], [1, 2, 9, 4]) == 2
    assert merging._agreed([1, 2], [1, 2, 3]) == 2
    assert merging._agreed([], [1]) == 0


def test_weights_that_are_not_finite_are_not_merged() -> None:
    import torch

    model = adapted("lora")
    with torch.no_grad():
        next(weight for name, weight in model.named_parameters() if "lora_B" in name).fill_(float("nan"))
    with pytest.raises(LecternError, match=r"cannot be merged.*train\.learning_rate"):
        merging.merge(model)


def test_without_a_prompt_there_is_nothing_to_compare(model: Any) -> None:
    with pytest.raises(LecternError, match="no prompt"):
        merging.see(model, [], new_tokens=1, stop={0}, pad=0)
