"""Let the base and the tuned model answer the held-out questions.

Run: python -m stages.generate        (dvc stage: generate)
Reads data/splits/test.jsonl and models/adapter; writes data/predictions/{base,tuned}.jsonl, each answer and how likely
the model finds the true one, and metrics/parity.json: whether the adapter merged into the model says the same.
"""

from dataclasses import dataclass
from pathlib import Path

from stages.core import io, params, stage
from stages.core.schema import Example
from stages.tuning import adapters, generation, merging, models, templates
from stages.tuning.rendering import RenderParams


@dataclass(frozen=True)
class GenerateParams:
    """Section `generate`."""

    max_new_tokens: int
    """limit of an answer; one that reaches it counts as unfinished"""
    batch_size: int
    """held-out rows computed together, which memory limits"""
    parity_prompts: int
    """held-out questions that the merged model answers too; 0 for none"""
    parity_tokens: int
    """limit of these answers"""

    def __post_init__(self) -> None:
        for field in ("max_new_tokens", "batch_size", "parity_tokens"):
            if getattr(self, field) < 1:
                raise ValueError(f"{field} is {getattr(self, field)}; give 1 or more")
        if self.parity_prompts < 0:
            raise ValueError(f"parity_prompts is {self.parity_prompts}; give 0 or more")


def main(
    chosen: GenerateParams,
    base: models.BaseModel,
    held_out: Path,
    adapter: Path,
    out: Path,
    metrics: Path,
    persona: str | None = None,
) -> str:
    """Write the predictions of both models, in order of id, for the rows with exactly one answer."""
    examples = io.read_jsonl(held_out, Example)
    tokenizer = models.get_tokenizer(base)
    rows = generation.prepare(
        examples,
        tokenizer,
        templates.training_template(tokenizer, base.chat_template),
        context_length=base.context_length,
        max_new_tokens=chosen.max_new_tokens,
        persona_text=persona,
    )
    for contestant, model in generation.contestants(base, adapter):
        predictions = generation.predict(
            model,
            rows,
            tokenizer,
            end_of_turn=base.end_of_turn,
            max_new_tokens=chosen.max_new_tokens,
            batch_size=chosen.batch_size,
        )
        io.write_jsonl(out / f"{contestant}.jsonl", predictions)
    record = adapters.read_record(base, adapter)
    asked = [row.prompt for row in rows[: chosen.parity_prompts]]
    parity = {"prompts": 0}
    if asked and record.method != "full":
        stop = generation.stop_tokens(model, tokenizer, base.end_of_turn)
        parity = merging.measure_parity(
            model,
            asked,
            record.precision,
            new_tokens=chosen.parity_tokens,
            stop=stop,
            pad=tokenizer.pad_token_id,
        )
    io.write_json(metrics, parity)
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
            Path("metrics/parity.json"),
            params.load("render", RenderParams).persona,
        ),
    )
