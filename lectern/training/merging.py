"""Merge an adapter into its base model, and check that the merged model gives the same answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lectern.core.errors import LecternError
from lectern.models import generation

TOLERANCE = {"fp32": 1e-3, "bf16": 0.5, "fp16": 0.1}
"""Greatest difference of a logit that rounding the merged weights to 24, 8 or 11 bits may cause."""


def merge(model: Any) -> Any:
    """Return the plain transformers model with the adapter in its weights, in evaluation mode. `model` is changed.

    A base model in 4 bits is dequantised first and stays so. In 4 bits the sum of weight and adapter would be rounded,
    and most of what the adapter learned is smaller than a rounding step. The dequantised weights are those with which
    the adapter was trained (Dettmers et al. 2023, arXiv:2305.14314, equation 5), so nothing is lost.

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
    merged.name_or_path = merged.config._name_or_path = ""  # the merged model is not the one at that path
    return merged


def _dequantized(model: Any) -> Any:
    """Return the same adapter on the dequantised base model, in the data type of the computation."""
    import peft

    config = model.active_peft_config
    # Without this option PEFT would ask a hub whether the embeddings of the base model were changed.
    weights = peft.get_peft_model_state_dict(model, save_embedding_layers=False)
    base = model.unload()
    dtype = base.config.quantization_config.bnb_4bit_compute_dtype
    base = base.dequantize(dtype=dtype).to(dtype)
    plain = peft.get_peft_model(base, config)
    peft.set_peft_model_state_dict(plain, weights)
    return plain.to(base.device)


@dataclass(frozen=True)
class Seen:
    """A model's answers to prompts, and its logits."""

    answers: list[list[int]]
    """the most likely tokens, including the one that ends an answer"""
    logits: list[Any]
    """logits that predict the tokens of each answer that was read, of shape (tokens, vocabulary), on the CPU"""


def see(
    model: Any,
    prompts: Sequence[Sequence[int]],
    *,
    new_tokens: int,
    stop: set[int],
    pad: int,
    read: Sequence[Sequence[int]] | None = None,
) -> Seen:
    """Generate a model's answers, and compute its logits on given answers.

    Args:
        model: a causal language model.
        prompts: tokens up to where the answer begins; at least one prompt.
        new_tokens: limit of an answer in tokens.
        stop: tokens that end an answer.
        pad: any token.
        read: answers on which logits are computed; None for the model's own.
    """
    if not prompts:
        raise LecternError(
            "there is no prompt to compare two models on: data/splits/test.jsonl has no usable row"
        )
    answers = [
        said.tokens + ([min(stop)] if said.finished else [])
        for said in generation.answer(
            model, prompts, max_new_tokens=new_tokens, stop=stop, pad=pad, batch_size=1
        )
    ]
    pairs = zip(prompts, answers if read is None else read, strict=True)
    return Seen(answers, [_get_logits(model, prompt, answer) for prompt, answer in pairs])


def compare(tuned: Seen, merged: Seen) -> dict[str, int | float]:
    """Measure how far two models agree that should be the same: with the adapter beside the base, and merged into it.

    Args:
        tuned: of the model whose answers count as right.
        merged: of the merged model, with logits on the answers of the first.

    Returns: the number of prompts; the number of equal answers; the number of tokens of the tuned model's answers; the
    share of them that the merged model gives too, counted in each answer up to the first difference; and the greatest
    difference of a logit at these positions.
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
    """Compare the tuned model with the merged one, by the tolerance of its precision. `tuned` is changed by merging."""
    before = see(tuned, prompts, new_tokens=new_tokens, stop=stop, pad=pad)
    merged = merge(tuned)
    after = see(merged, prompts, new_tokens=new_tokens, stop=stop, pad=pad, read=before.answers)
    found, tolerance = compare(before, after), TOLERANCE[precision]
    within = found["largest_logit_difference"] <= tolerance
    return {**found, "tolerance": tolerance, "within_tolerance": within}


def _agreed(right: Sequence[int], other: Sequence[int]) -> int:
    """Count the tokens before the first difference."""
    pairs = zip(right, other, strict=False)
    return next((at for at, (one, two) in enumerate(pairs) if one != two), min(len(right), len(other)))


def _get_logits(model: Any, prompt: Sequence[int], answer: Sequence[int]) -> Any:
    """Return the logits that predict the tokens of the answer."""
    import torch

    ids = torch.tensor([[*prompt, *answer]])
    with torch.inference_mode():
        read = model(input_ids=ids.to(model.device), logits_to_keep=len(answer) + 1, use_cache=False)
    return read.logits[0, :-1].float().cpu()
