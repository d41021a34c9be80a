"""Let the base and the tuned model answer the held-out questions.

Run: python -m stages.generate        (dvc stage: generate)
Reads data/splits/test.jsonl and models/adapter, writes data/predictions/{base,tuned}.jsonl: each answer, and how likely
the model finds the true one.
"""

from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

from stages.core import io, params, stage
from stages.core.schema import Example
from stages.tuning import generation, models, templates


@dataclass(frozen=True)
class GenerateParams:
    """Section `generate`."""

    max_new_tokens: int
    """limit of an answer; one that reaches it counts as unfinished"""
    batch_size: int
    """held-out rows computed together, which memory limits"""

    def __post_init__(self) -> None:
        for field in ("max_new_tokens", "batch_size"):
            if getattr(self, field) < 1:
                raise ValueError(f"{field} is {getattr(self, field)}; give 1 or more")


def main(chosen: GenerateParams, base: models.BaseModel, held_out: Path, adapter: Path, out: Path) -> str:
    """Write the predictions of both models, in order of id, for the rows with exactly one answer."""
    examples = io.read_jsonl(held_out, Example)
    tokenizer = models.get_tokenizer(base)
    rows = generation.prepare(
        examples,
        tokenizer,
        templates.training_template(tokenizer, base.chat_template),
        context_length=base.context_length,
        max_new_tokens=chosen.max_new_tokens,
    )
    model = generation.load_tuned(base, adapter)
    for contestant, block in (("base", generation.base_of(model)), ("tuned", nullcontext())):
        with block:
            predictions = generation.predict(
                model, rows, tokenizer, end_of_turn=base.end_of_turn, **asdict(chosen)
            )
        io.write_jsonl(out / f"{contestant}.jsonl", predictions)
    return f"{len(rows)} rows answered by base and tuned, {len(examples) - len(rows)} skipped (dialogues, or too long)"


if __name__ == "__main__":
    stage.run(
        "generate",
        lambda: main(
            params.load("generate", GenerateParams),
            params.load("base_model", models.BaseModel),
            Path("data/splits/test.jsonl"),
            Path("models/adapter"),
            Path("data/predictions"),
        ),
    )
