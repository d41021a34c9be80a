"""An adapter merged into its base model, and whether the merged model still says the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lectern.core.errors import LecternError
from lectern.models import generation

TOLERANCE = {"fp32": 1e-3, "bf16": 0.5, "fp16": 0.1}
"""of a logit: what rounding the merged weights to 24, 8 or 11 bits may change"""


def merge(model: Any) -> Any:
    """The plain transformers model with the adapter in its weights, in evaluation mode. `model` is used up.

    A base model in 4 bits is brought to full weights first, and stays so: merged into 4 bits, the adapter would be
    rounded with them, and most of what it learned is smaller than their steps. The full weights are those that the
    adapter was trained on (Dettmers et al. 2023, arXiv:2305.14314, equation 5), so nothing is lost.

    Args:
        model: a PEFT model with LoRA, rsLoRA or DoRA.

    Raises:
        LecternError: a merged weight is not finite.
    """
    if getattr(model.get_base_model(), "is_quantized", False):
        model = _dequantized(model)
    try:
        merged = model.merge_and_unload(safe_merge=True).eval()
    except ValueError as error:
        raise LecternError(
            f"the adapter cannot be merged: {error} Train it again with a lower train.learning_rate."
        ) from error
    merged.name_or_path = merged.config._name_or_path = ""  # it is not what it was loaded from
    return merged


def _dequantized(model: Any) -> Any:
    """The same adapter on the full weights of its base model, in the type that they were computed with."""
    import peft

    config, weights = model.active_peft_config, peft.get_peft_model_state_dict(model)
    base = model.unload()
    dtype = base.config.quantization_config.bnb_4bit_compute_dtype
    base = base.dequantize(dtype=dtype).to(dtype)
    plain = peft.get_peft_model(base, config)
    peft.set_peft_model_state_dict(plain, weights)
    return plain.to(base.device)


@dataclass(frozen=True)
class Seen:
    """What a model says to prompts."""

    answers: list[list[int]]
    """the most likely tokens, the one that ends an answer among them"""
    logits: list[Any]
    """(tokens, vocabulary) of each answer that was read, where its tokens are predicted; on the CPU"""


def see(
    model: Any,
    prompts: Sequence[Sequence[int]],
    *,
    new_tokens: int,
    stop: set[int],
    pad: int,
    read: Sequence[Sequence[int]] | None = None,
) -> Seen:
    """Let a model answer, and read answers.

    Args:
        model: a causal language model.
        prompts: tokens, ending where the answer begins; at least one.
        new_tokens: limit of an answer.
        stop: tokens that end an answer.
        pad: any token.
        read: the answers to read; its own where none are given.
    """
    if not prompts:
        raise LecternError("there is no prompt to compare two models on: data/splits/test.jsonl gives none")
    answers = [
        said.tokens + ([min(stop)] if said.finished else [])
        for said in generation.answer(
            model, prompts, max_new_tokens=new_tokens, stop=stop, pad=pad, batch_size=1
        )
    ]
    pairs = zip(prompts, answers if read is None else read, strict=True)
    return Seen(answers, [_get_logits(model, prompt, answer) for prompt, answer in pairs])


def compare(tuned: Seen, merged: Seen) -> dict[str, int | float]:
    """How far two models agree that should be one: the adapter beside its base, and merged into it.

    Args:
        tuned: of the model whose answers count as right.
        merged: of the other one, which read the answers of the first.

    Returns: the number of prompts; how many answers are the same; the tokens of the tuned model's answers, and the
    share of them that the merged model gives too, counted up to the first other one in an answer; and the largest
    difference of a logit at any of these positions.
    """
    pairs = list(zip(tuned.answers, merged.answers, strict=True))
    tokens = sum(map(len, tuned.answers))
    apart = max(
        float((one - other).abs().max()) for one, other in zip(tuned.logits, merged.logits, strict=True)
    )
    return {
        "prompts": len(pairs),
        "same_answers": sum(right == other for right, other in pairs),
        "tokens": tokens,
        "same_tokens": round(sum(_agreed(right, other) for right, other in pairs) / tokens, 4),
        "largest_logit_difference": float(f"{apart:.1e}"),
    }


def measure_parity(
    tuned: Any,
    prompts: Sequence[Sequence[int]],
    precision: str,
    *,
    new_tokens: int,
    stop: set[int],
    pad: int,
) -> dict[str, Any]:
    """`compare` the tuned model and the same one merged, with the tolerance of its precision. `tuned` is used up."""
    before = see(tuned, prompts, new_tokens=new_tokens, stop=stop, pad=pad)
    merged = merge(tuned)
    after = see(merged, prompts, new_tokens=new_tokens, stop=stop, pad=pad, read=before.answers)
    found, tolerance = compare(before, after), TOLERANCE[precision]
    within = found["largest_logit_difference"] <= tolerance
    return {**found, "tolerance": tolerance, "within_tolerance": within}


def _agreed(right: Sequence[int], other: Sequence[int]) -> int:
    """Tokens before the first that differs."""
    pairs = zip(right, other, strict=False)
    return next((at for at, (one, two) in enumerate(pairs) if one != two), min(len(right), len(other)))


def _get_logits(model: Any, prompt: Sequence[int], answer: Sequence[int]) -> Any:
    """Logits where the answer's tokens are predicted."""
    import torch

    ids = torch.tensor([[*prompt, *answer]])
    with torch.inference_mode():
        read = model(input_ids=ids.to(model.device), logits_to_keep=len(answer) + 1, use_cache=False)
    return read.logits[0, :-1].float().cpu()
