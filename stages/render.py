"""Turn the examples of each split into the tokens that are trained, and refuse what would spoil the training.

Run: python -m stages.render        (dvc stage: render)
Reads data/splits, writes data/sft/{train,validation,test}.jsonl and metrics/preflight.json. Fails on a broken row.
"""

from dataclasses import dataclass
from pathlib import Path

from stages.core import io, params, stage
from stages.core.errors import LecternError
from stages.core.schema import SPLITS, Example, TokenRow
from stages.tuning import models, preflight, rendering, templates


@dataclass(frozen=True)
class RenderParams:
    """Section `render`."""

    max_length: int
    """tokens; a longer conversation is cut after the last answer that fits"""

    def __post_init__(self) -> None:
        if self.max_length < 8:
            raise ValueError(
                f"max_length is {self.max_length}; a question and its answer need more tokens than that"
            )


def main(chosen: RenderParams, base: models.BaseModel, splits: Path, out: Path, metrics: Path) -> str:
    """Write the token rows of each split when every one of them is sound, and nothing otherwise."""
    if chosen.max_length > base.context_length:
        raise LecternError(
            f"render.max_length {chosen.max_length} is above the {base.context_length} tokens that {base.name} "
            "can read (base_model.context_length). Lower it."
        )
    tokenizer = models.get_tokenizer(base)
    template = templates.training_template(tokenizer, base.chat_template)
    rendered = {
        split: rendering.render(
            io.read_jsonl(splits / f"{split}.jsonl", Example), tokenizer, template, chosen.max_length
        )
        for split in SPLITS
    }
    for part in rendered.values():
        preflight.check(
            part.rows,
            part.conversations,
            tokenizer,
            end_of_turn=base.end_of_turn,
            max_length=chosen.max_length,
        )
    if not rendered["train"].rows:
        raise LecternError(
            f"{splits / 'train.jsonl'} gives no row to train on "
            f"({len(rendered['train'].dropped)} are longer than render.max_length). Add sources, loosen the curation, "
            "or raise render.max_length."
        )
    for split, part in rendered.items():
        io.write_jsonl(out / f"{split}.jsonl", part.rows)
    facts = {split: _count(part) for split, part in rendered.items()}
    io.write_json(metrics, {"checks_passed": len(preflight.CHECKS), **facts})
    return ", ".join(f"{split} {fact['rows']} rows" for split, fact in facts.items())


def _count(part: rendering.Rendered) -> dict[str, int]:
    lengths = [len(row.input_ids) for row in part.rows]
    return {
        "rows": len(part.rows),
        "tokens": sum(lengths),
        "trained_tokens": sum(_trained(row) for row in part.rows),
        "longest": max(lengths, default=0),
        "shortened": len(part.shortened),
        "dropped_too_long": len(part.dropped),
    }


def _trained(row: TokenRow) -> int:
    return sum(row.assistant_masks)


if __name__ == "__main__":
    stage.run(
        "render",
        lambda: main(
            params.load("render", RenderParams),
            params.load("base_model", models.BaseModel),
            Path("data/splits"),
            Path("data/sft"),
            Path("metrics/preflight.json"),
        ),
    )
