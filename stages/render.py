"""Turn the examples of each split into the tokens that are trained, and refuse what would spoil the training.

Run: python -m stages.render        (dvc stage: render)
Reads data/splits, writes data/sft/{train,validation,test}.jsonl and metrics/preflight.json. Fails on a broken row.
"""

from pathlib import Path

from lectern.core import io, params, stage
from lectern.core.errors import LecternError
from lectern.core.schema import SPLITS, Example
from lectern.models import loading, templates
from lectern.settings.base_model import BaseModelSettings
from lectern.settings.render import Render
from lectern.training import preflight, rendering


def main(chosen: Render, base: BaseModelSettings, splits: Path, out: Path, metrics: Path) -> str:
    """Write the token rows of each split when every one of them is sound, and nothing otherwise."""
    if chosen.max_length > base.context_length:
        raise LecternError(
            f"render.max_length {chosen.max_length} is above the {base.context_length} tokens that {base.name} "
            "can read (base_model.context_length). Lower it."
        )
    tokenizer = loading.get_tokenizer(base)
    template = templates.training_template(tokenizer, base.chat_template)
    rendered = {
        split: rendering.render(
            io.read_jsonl(splits / f"{split}.jsonl", Example),
            tokenizer,
            template,
            chosen.max_length,
            too_long=chosen.too_long,
            persona_text=chosen.persona,
        )
        for split in SPLITS
    }
    faults = [
        _find_faults(part, tokenizer, base.end_of_turn, chosen.max_length) for part in rendered.values()
    ]
    if any(faults):
        broken = {name: [row for found in faults for row in found.get(name, [])] for name in preflight.CHECKS}
        rows = sum(len(part.rows) + sum(map(len, part.faults.values())) for part in rendered.values())
        preflight.fail({name: ids for name, ids in broken.items() if ids}, rows)
    if not rendered["train"].rows:
        raise LecternError(
            f"{splits / 'train.jsonl'} gives no row to train on "
            f"({rendered['train'].counts['dropped_too_long']} are longer than render.max_length). Add sources, loosen "
            "the curation, or raise render.max_length."
        )
    for split, part in rendered.items():
        io.write_jsonl(out / f"{split}.jsonl", part.rows)
    facts = {split: _count(part) for split, part in rendered.items()}
    io.write_json(metrics, {"checks_passed": len(preflight.CHECKS), **facts})
    return ", ".join(f"{split} {fact['rows']} rows" for split, fact in facts.items())


def _find_faults(
    part: rendering.Rendered, tokenizer: object, end_of_turn: str, max_length: int
) -> preflight.Faults:
    """Those of the examples that became no row, and those of the rows."""
    found = preflight.find(
        part.rows,
        part.conversations,
        tokenizer,
        end_of_turn=end_of_turn,
        max_length=max_length,
        texts=part.texts,
    )
    return part.faults | {name: part.faults.get(name, []) + rows for name, rows in found.items()}


def _count(part: rendering.Rendered) -> dict[str, int]:
    lengths = [len(row.input_ids) for row in part.rows]
    return {
        "rows": len(part.rows),
        "tokens": sum(lengths),
        "trained_tokens": sum(sum(row.assistant_masks) for row in part.rows),
        "longest": max(lengths, default=0),
        **part.counts,
    }


if __name__ == "__main__":
    stage.run(
        "render",
        lambda: main(
            params.load("render", Render),
            params.load("base_model", BaseModelSettings),
            Path("data/splits"),
            Path("data/sft"),
            Path("metrics/preflight.json"),
        ),
    )
