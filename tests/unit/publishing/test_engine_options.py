"""llama.cpp's server chooses tokens as the stages do, with the options under its own names."""

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from lectern.core.schema import Message
from lectern.llm import llama_client, llama_server, option_names
from lectern.models import chat_format, generation, loading, sampling
from lectern.publishing import converter, usage
from lectern.publishing.chat_requests import Chat
from lectern.settings.decoding import Decoding
from tests import warm
from tests.settings import configure
from tests.support.tiny import TINY

SAID = [{"role": "user", "content": "What is a seed? A seed is a number. What is a number?"}]
TOKENS = 24
SHOWN = 40
"""Tokens whose probabilities the server tells."""
LOOPLESS = configure(Decoding, repetition_penalty=1.15, no_repeat_ngram_size=4)
OPTIONS = [
    {"temperature": 0.8, "top_k": 8},
    {"temperature": 0.6, "top_p": 0.7},
    {"temperature": 2.0, "min_p": 0.2},
    {"temperature": 1.0, "repetition_penalty": 1.5},
    {"temperature": 1.0, "repetition_penalty": 0.5},  # a reward: what the prompt has becomes likely
    {"temperature": 1.3, "top_k": 20, "top_p": 0.9, "min_p": 0.02, "repetition_penalty": 1.4},
]


@pytest.fixture(scope="module")
def model() -> Any:
    """With weights so large that every token before decides the next one: it says many things, and repeats itself."""
    import torch

    restless = loading.get_model(TINY)
    with torch.no_grad():
        for weight in restless.parameters():
            weight.mul_(10 if weight.dim() > 1 else 1)
    return restless


@pytest.fixture(scope="module")
def llama(model: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server of the same model in 16 bits."""
    folder = tmp_path_factory.mktemp("llama")
    model.save_pretrained(folder / "model")
    loading.get_tokenizer(TINY).save_pretrained(folder / "model")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "executable", warm.python())
        converter.convert(folder / "model", folder / "f16.gguf", "f16")
    server = llama_server.start(folder / "f16.gguf", name="x", context=512, parallel=1)
    yield server.listening_address
    server.close()


@pytest.fixture(scope="module")
def prompt(tokenizer: Any) -> list[int]:
    [found] = chat_format.serve(tokenizer, [[Message(**said) for said in SAID]], answering=True)  # type: ignore[arg-type]
    return found


def find_scores(model: Any, tokens: list[int]) -> Any:
    import torch

    with torch.inference_mode():
        return model(input_ids=torch.tensor([tokens])).logits[:, -1].float()


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_the_distribution_of_llama_cpp_is_ours(
    model: Any, llama: str, prompt: list[int], options: dict[str, float]
) -> None:
    import torch

    decoding = configure(Decoding, **options)
    asked = {
        **Chat.model_validate({"messages": SAID}).for_llama(1, decoding),
        "messages": None,
        "prompt": prompt,
        "n_probs": SHOWN,
        "post_sampling_probs": True,
    }
    [found] = llama_client.post(llama, "/completion", asked)["completion_probabilities"]
    theirs = {one["id"]: one["prob"] for one in found["top_probs"]}
    # llama.cpp counts the end of the prompt for its penalty, which the stages do not
    window = torch.tensor([prompt[-option_names.PENALTY_WINDOW :]])
    ours = sampling.reshape(decoding, window, find_scores(model, prompt)).softmax(dim=-1)[0]
    assert len(theirs) == min(SHOWN, int((ours > 0).sum())), "the same tokens are left"
    for token, probability in theirs.items():
        assert probability == pytest.approx(float(ours[token]), abs=2e-3)


@pytest.mark.parametrize("penalty", [1.0, 1.3, 0.5])
def test_answers_of_llama_cpp_differ_only_by_the_prompt_s_tokens(
    model: Any, tokenizer: Any, llama: str, prompt: list[int], penalty: float
) -> None:
    import torch

    decoding = configure(Decoding, repetition_penalty=penalty)
    asked = Chat.model_validate({"messages": SAID, "logprobs": True, "max_tokens": TOKENS})
    found = llama_client.post(llama, "/v1/chat/completions", asked.for_llama(1, decoding))
    theirs = [one["id"] for one in found["choices"][0]["logprobs"]["content"]]
    stop = generation.stop_tokens(model, tokenizer, TINY.end_of_turn)
    ours: list[int] = []
    for _ in range(TOKENS):
        window = torch.tensor([[*prompt, *ours][-option_names.PENALTY_WINDOW :]])
        token = int(sampling.reshape(decoding, window, find_scores(model, [*prompt, *ours])).argmax())
        if token in stop:
            break
        ours.append(token)
    # property: with transformers' penalty over the same last tokens, of prompt and answer, each token is the same
    assert theirs[: len(ours)] == ours
    draws = [sampling.Draw("", decoding)]
    [stage] = generation.answer(
        model, [prompt], max_new_tokens=TOKENS, stop=stop, pad=2, batch_size=1, draws=draws
    )
    # property: the stages give that answer too, unless it goes by tokens of the prompt, as it does with a reward
    assert (stage.tokens == ours) == (penalty >= 1)


def test_the_commands_to_load_the_model_have_the_options() -> None:
    text = usage.write("lectern-x", "lora", ["gguf/x.gguf"], LOOPLESS)
    assert "max_new_tokens=256, do_sample=False, repetition_penalty=1.15, no_repeat_ngram_size=4)" in text
    assert text.count('--override-generation-config \'{"temperature": 0.0, "top_p": 1.0, "top_k": 0') == 2
    assert "--temp 0.0 --top-p 1.0 --top-k 0 --min-p 0.0 --repeat-penalty 1.15 --repeat-last-n 64" in text
    assert "written with repetition_penalty 1.15, no_repeat_ngram_size 4." in text
    for program in ("llama.cpp", "Ollama", "vLLM"):
        assert f"The repetition penalty of {program} counts" in text
        assert f"{program} has no option no_repeat_ngram_size" in text
    plain = usage.write("lectern-x", "full", [], configure(Decoding))
    assert "by taking the most likely token each time" in plain
    assert "penalty of" not in plain
