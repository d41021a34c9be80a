"""Turn the examples of each split into the tokens to train on, and reject rows that would spoil the training.

Run: python -m stages.render        (dvc stage: render)
Reads data/splits, data/retrieved/train.jsonl and data/mixed, writes data/sft/{train,validation,test}.jsonl and
metrics/preflight.json. Fails if a row is broken.
"""

from pathlib import Path

from lectern.core import io, params, paths, stage
from lectern.core.errors import LecternError
from lectern.core.schema import SPLITS, Example, GeneralRow, Retrieved
from lectern.models import chat_format, loading
from lectern.settings.base_model import BaseModelSettings
from lectern.settings.render import Render
from lectern.settings.retrieval import Retrieval
from lectern.training import preflight, rendering, with_passages


def main(
    settings: Render,
    base: BaseModelSettings,
    splits: Path = paths.SPLITS,
    out: Path = paths.SFT,
    metrics: Path = paths.METRICS / "preflight.json",
    retrieval: Retrieval | None = None,
    retrieved: Path = paths.RETRIEVED / "train.jsonl",
    mixed: Path | None = None,
) -> str:
    """Write the token rows if all pass the checks, and nothing otherwise; the general ones stand behind the trained."""
    if settings.max_length > base.context_length:
        raise LecternError(
            f"render.max_length {settings.max_length} is above the {base.context_length} tokens that {base.name} "
            "can read (base_model.context_length). Lower it."
        )
    tokenizer = loading.get_tokenizer(base)
    template = chat_format.training_template(tokenizer, base.chat_template)
    passages = None
    if retrieval is not None and retrieval.train_share > 0:
        passages = with_passages.choose(
            io.read_jsonl(retrieved, Retrieved),
            share=retrieval.train_share,
            true_share=retrieval.train_true,
            seed=retrieval.seed,
            prompt=retrieval.prompt,
            most=retrieval.passages,
            max_words=retrieval.max_words,
        )
    rendered = {
        split: rendering.render(
            io.read_jsonl(splits / f"{split}.jsonl", Example),
            tokenizer,
            template,
            settings.max_length,
            too_long=settings.too_long,
            persona_text=settings.persona,
            passages=passages if split == SPLITS[0] else None,
        )
        for split in SPLITS
    }
    shown = io.read_jsonl(mixed, GeneralRow) if mixed else []
    general = rendering.render_general(shown, tokenizer, template, settings.max_length)
    preflight.check_parts(
        [*rendered.values(), general.chats], tokenizer, base.end_of_turn, settings.max_length
    )
    if not rendered["train"].rows:
        raise LecternError(
            f"{splits / 'train.jsonl'} gives no row to train on "
            f"({rendered['train'].counts['dropped_too_long']} are longer than render.max_length). Add sources, loosen "
            "the curation, or raise render.max_length."
        )
    facts = {split: rendering.count(part) for split, part in rendered.items()} | general.describe()
    rendered["train"].rows.extend(general.rows)
    for split, part in rendered.items():
        io.write_jsonl(out / f"{split}.jsonl", part.rows)
    io.write_json(metrics, {"checks_passed": len(preflight.CHECKS), **facts})
    return ", ".join(f"{split} {fact['rows']} rows" for split, fact in facts.items())


if __name__ == "__main__":
    stage.run(
        "render",
        lambda: main(
            params.load("render", Render),
            params.load("base_model", BaseModelSettings),
            retrieval=params.load("retrieval", Retrieval),
            mixed=paths.MIXED,
        ),
    )
