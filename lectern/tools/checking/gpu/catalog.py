"""All checks in their order: what is proved soonest on a tiny model comes first, then models of real size."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from lectern.tools.checking.gpu import answers, losses, resuming, rows, trainings, ways
from lectern.tools.checking.gpu.bench import Bench
from lectern.tools.checking.gpu.found import Found, claim
from lectern.tools.checking.gpu.shapes import REAL, TINY

QUANTIZED = ("bitsandbytes",)
REAL_WAYS = {
    "phi_1_5": (ways.LORA_PACKED, ways.LORA_PACKED_BARE, ways.QLORA_PACKED),
    "llama3_8b": (
        ways.LORA_PACKED,
        ways.QLORA_PACKED,
        ways.LORA,
        ways.LORA_PACKED_BARE,
        ways.LORA_BARE,
        ways.QLORA_PACKED_BARE,
    ),
    "mistral_7b": (ways.LORA_PACKED, ways.QLORA_PACKED, ways.LORA_PACKED_BARE),
}
"""Model -> how it is tuned by our trainer, the most telling first, since the budget may end before the last."""
LEAST = {"phi_1_5": 8.0, "llama3_8b": 20.0, "mistral_7b": 20.0}
"""Seconds that must be left to begin a check of a model of real size; a guess, since no GPU has run them yet."""


@dataclass(frozen=True)
class Check:
    """One thing that is proved."""

    name: str
    run: Callable[[Bench], Found]
    proves: str
    needs: tuple[str, ...] = ("trl",)
    """packages without which it cannot be made"""
    least: float = 0.0
    """seconds that must be left to begin it"""


def list_checks(quick: bool) -> list[Check]:
    """Return the checks, those of models of real size only if it need not be quick."""
    return [*_list_tiny(), *([] if quick else _list_real())]


def _list_tiny() -> Iterator[Check]:
    for shape in TINY:
        yield Check(
            f"{shape.name}.render",
            partial(render, name=shape.name),
            "real rows render and pass the preflight",
            (),
        )
    yield Check("tiny_llama.loss_equals_cpu", losses.equal_cpu, "fp32 and bf16 give the losses of the CPU")
    yield Check(
        "tiny_llama.fused_loss", losses.fused_equal_ours, "TRL's fused loss and ours agree, with gradients"
    )
    for way in ways.ALL:
        yield _learn("tiny_llama", way)
    for name in ("tiny_mistral", "tiny_phi"):
        yield _learn(name, ways.LORA_PACKED)
    yield Check(
        "tiny_llama.trl.lora",
        partial(trainings.measure_trl, name="tiny_llama", way=ways.LORA),
        "a plain script of TRL runs on the same rows",
    )
    yield Check("tiny_llama.resume", resuming.resume, "a killed training goes on from its last checkpoint")
    yield Check("tiny_llama.batches", answers.batches_equal_single, "answers in batches are those one by one")
    for method in ("lora", "qlora"):
        yield _merge("tiny_llama", method)


def _list_real() -> Iterator[Check]:
    for shape in REAL:
        name = shape.name
        yield Check(
            f"{name}.trl.lora",
            partial(trainings.measure_trl, name=name, way=ways.LORA),
            "a plain script of TRL trains it, for comparison",
            least=LEAST[name],
        )
        for way in REAL_WAYS[name]:
            yield Check(
                f"{name}.{way.name}",
                partial(trainings.measure, name=name, way=way),
                "our trainer trains it, with the losses of an untrained model",
                QUANTIZED if way.method == "qlora" else (),
                LEAST[name],
            )
        yield Check(
            f"{name}.generate",
            partial(answers.generate, name=name),
            "it answers in a batch",
            least=LEAST[name],
        )
        yield _merge(name, "lora")
        yield Check(
            f"{name}.trl.qlora",
            partial(trainings.measure_trl, name=name, way=ways.QLORA),
            "a plain script of TRL trains it in 4 bits, for comparison",
            QUANTIZED,
            LEAST[name],
        )


def _learn(name: str, way: ways.Way) -> Check:
    return Check(
        f"{name}.{way.name}",
        partial(trainings.learn, name=name, way=way),
        "it learns, and activation checkpointing changes no loss",
        QUANTIZED if way.method == "qlora" else ("trl",),
    )


def _merge(name: str, method: str) -> Check:
    return Check(
        f"{name}.merge.{method}",
        partial(answers.merged_equal_adapter, name=name, method=method),
        "the merged model has the logits of the adapter beside its base",
        QUANTIZED if method == "qlora" else (),
        LEAST.get(name, 0.0),
    )


def render(bench: Bench, name: str) -> Found:
    """Render the talks and passages with the templates of a model, and check every row as the pipeline does."""
    model = bench.get_model(name)
    examples = [*rows.list_dialogues(), *rows.list_pairs()]
    made = rows.render(model.base, model.sizes.vocabulary, examples)
    lengths = [len(row.input_ids) for row in made]
    figures = {
        "examples": len(examples),
        "rows": len(made),
        "tokens": sum(lengths),
        "trained_tokens": sum(sum(row.assistant_masks) for row in made),
        "longest": max(lengths),
    }
    return claim(len(made) >= len(examples), "an example gave no row", Found(figures))
