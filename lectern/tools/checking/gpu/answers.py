"""Whether a tuned model answers in batches as it does alone, how fast, and whether merging changes what it says."""

import time
from pathlib import Path
from typing import Any

from lectern.models import generation
from lectern.tools.checking.gpu import device
from lectern.tools.checking.gpu import rows as sources
from lectern.tools.checking.gpu.bench import Bench, Model
from lectern.tools.checking.gpu.found import Found, NotRunError, claim
from lectern.tools.checking.gpu.losses import get_split, train_short
from lectern.training import adapters, merging

NEW_TOKENS, BATCH = 24, 8
REAL_NEW_TOKENS, REAL_BATCH = 64, 16


def batches_equal_single(bench: Bench) -> Found:
    """Answer eight prompts in one batch and one by one with a tiny tuned model in fp32: the answers are the same."""
    model = bench.get_model("tiny_llama")
    tuned = adapters.load(model.base, train_short(bench, "fp32").finished)
    prompts = sources.find_prompts(get_split(bench, model)[0], BATCH)
    (alone, slow), (together, fast) = (
        _answer(bench, model, tuned, prompts, NEW_TOKENS, size) for size in (1, BATCH)
    )
    figures = {
        "prompts": len(prompts),
        "same_answers": sum(a.tokens == b.tokens for a, b in zip(alone, together, strict=True)),
        "tokens_a_second_alone": slow,
        "tokens_a_second_in_batches": fast,
    }
    return claim(alone == together, "an answer depends on the others in its batch", Found(figures))


def generate(bench: Bench, name: str) -> Found:
    """Answer sixteen prompts in one batch with the model that was tuned with LoRA, in bf16."""
    import torch

    model, tuned = _load(bench, name, "lora")
    prompts = sources.find_prompts(bench.get_rows(model, REAL_BATCH), REAL_BATCH)
    answers, speed = _answer(bench, model, tuned, prompts, REAL_NEW_TOKENS, REAL_BATCH)
    figures: dict[str, Any] = {
        "prompts": len(prompts),
        "batch_size": REAL_BATCH,
        "tokens": sum(len(answer.tokens) for answer in answers),
        "tokens_a_second": speed,
        "peak_memory": torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None,
    }
    return claim(len(answers) == len(prompts), "there is not an answer to each prompt", Found(figures))


def merged_equal_adapter(bench: Bench, name: str, method: str) -> Found:
    """Merge the adapter into the model, and compare logits and answers with those of the adapter beside it."""
    model, tuned = _load(bench, name, method)
    prompts = sources.find_prompts(bench.get_rows(model, 4), 4)
    precision = adapters.read_record(model.base, _find(bench, name, method)).precision
    parity = merging.measure_parity(
        tuned,
        prompts,
        precision,
        new_tokens=16,
        stop=generation.stop_tokens(tuned, bench.tokenizer, model.base.end_of_turn),
        pad=bench.tokenizer.pad_token_id,
    )
    return claim(parity["within_tolerance"], "the merged model has other logits", Found(parity))


def _find(bench: Bench, name: str, method: str) -> Path:
    """The folder of a finished training."""
    finished: Path | None = bench.kept.get(("finished", name, method))
    if finished is None:
        raise NotRunError(f"no training of {name} with {method} was finished")
    return finished


def _load(bench: Bench, name: str, method: str) -> tuple[Model, Any]:
    """The tuned model."""
    import torch

    finished, model = _find(bench, name, method), bench.get_model(name)
    device.release()
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    return model, adapters.load(model.base, finished)


def _answer(
    bench: Bench, model: Model, tuned: Any, prompts: list[list[int]], tokens: int, size: int
) -> tuple[list[generation.Answer], float]:
    """The answers, and the generated tokens a second."""
    import torch

    began = time.perf_counter()
    answers = generation.answer(
        tuned,
        prompts,
        max_new_tokens=tokens,
        stop=generation.stop_tokens(tuned, bench.tokenizer, model.base.end_of_turn),
        pad=bench.tokenizer.pad_token_id,
        batch_size=size,
    )
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    seconds = time.perf_counter() - began
    return answers, round(sum(len(answer.tokens) for answer in answers) / seconds, 1)
