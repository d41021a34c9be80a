"""How fast `render` is, on one thread, beside transformers' own way; and how much of a micro-batch is padding.

Run: python -m tests.benchmarks.render [--rows 8000] [--turns 12000]
Prints tokens a second of CPU time: tokenization with mask, preflight, and the whole stage (read, cut, tokenize, check,
write) once the tokenizer is loaded, on question-answer rows and on one long dialogue. The packaged SmolLM2 tokenizer;
the words are those of this repository's own texts, drawn at random.
"""

import argparse
import gc
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ["RAYON_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

from lectern.core import io
from lectern.core.schema import SPLITS, Example, TokenRow
from lectern.models import batching, chat_format
from lectern.models import loading as models
from lectern.settings.base_model import BaseModelSettings
from lectern.settings.render import Render
from lectern.training import preflight, rendering
from stages import render
from tests.settings import configure
from tests.support.tiny import example

BASE = configure(
    BaseModelSettings,
    name="smollm2_135m",
    source="embedded",
    package="smollm2_135m",
    context_length=8192,
    end_of_turn="<|im_end|>",
    chat_template="smollm2.jinja",
)
LIMIT = 2048
REPEATS = 3
MICRO_BATCH = 8


def timed(what: Callable[[], Any]) -> tuple[float, Any]:
    """The least CPU seconds of some runs, and what the last one gave: another program's load disturbs it least."""
    seconds = []
    for _ in range(REPEATS):
        began = time.process_time()
        made = what()
        seconds.append(time.process_time() - began)
    return min(seconds), made


def draw(rows: int, turns: int) -> dict[str, list[Example]]:
    """Question-answer rows, and one dialogue."""
    chance = random.Random(0)
    words = [word for page in ("README.md", "CONTRIBUTING.md") for word in Path(page).read_text().split()]
    words = [word for word in words if word.isascii() and word.strip(".,;:()").isalpha()]

    def prose(least: int, most: int) -> str:
        return " ".join(chance.choices(words, k=chance.randint(least, most)))

    return {
        "question-answer rows": [example(prose(5, 25), prose(20, 200)) for _ in range(rows)],
        "one long dialogue": [example(*(prose(5, 120) for _ in range(turns)))],
    }


def ours(conversations: Sequence[Any], tokenizer: Any, template: str) -> list[list[int]]:
    """Masks of a batch, as `render` makes them."""
    return [one.assistant_mask for one in chat_format.encode(tokenizer, conversations, template)]


def theirs(conversations: Sequence[Any], tokenizer: Any, template: str) -> list[list[int]]:
    """The same by transformers alone."""
    made = tokenizer.apply_chat_template(
        [[{"role": m.role, "content": m.content} for m in messages] for messages in conversations],
        chat_template=template,
        return_dict=True,
        return_assistant_tokens_mask=True,
    )
    return list(made["assistant_masks"])


def run_stage(folder: Path) -> None:
    """The stage's main on the splits of a folder."""
    chosen = configure(Render, max_length=LIMIT)
    render.main(chosen, BASE, folder / "splits", folder / "sft", folder / "preflight.json")


def measure(
    name: str, examples: Sequence[Example], tokenizer: Any, template: str, folder: Path
) -> list[TokenRow]:
    """Print the figures of one kind of examples; gives its rows."""
    done = rendering.render(examples, tokenizer, template, LIMIT)
    tokens = sum(len(row.input_ids) for row in done.rows)
    print(f"{name}: {len(examples)} examples, {len(done.rows)} rows of at most {LIMIT}, {tokens:,} tokens")

    def encode(way: Callable[..., list[list[int]]]) -> list[list[int]]:
        starts = range(0, len(done.rows), rendering.BATCH)
        batches = (done.conversations[at : at + rendering.BATCH] for at in starts)
        return [mask for batch in batches for mask in way(batch, tokenizer, template)]

    def check() -> None:
        preflight.check(
            done.rows,
            done.conversations,
            tokenizer,
            end_of_turn=BASE.end_of_turn,
            max_length=LIMIT,
            texts=done.texts,
        )

    bare, _ = timed(lambda: tokenizer.backend_tokenizer.encode_batch(done.texts, add_special_tokens=False))
    own, masks = timed(lambda: encode(ours))
    other, expected = timed(lambda: encode(theirs))
    assert masks == expected
    cutting, _ = timed(lambda: rendering.render(examples, tokenizer, template, LIMIT))
    checking, _ = timed(check)
    loading, _ = timed(lambda: models.get_tokenizer(BASE))
    for split in SPLITS:
        io.write_jsonl(folder / f"splits/{split}.jsonl", examples if split == "train" else [])
    gc.freeze()  # the stage runs in a process of its own, which holds nothing of what stands here
    stage, _ = timed(lambda: run_stage(folder))
    for what, seconds in (
        ("the tokenizer alone, without template or mask", bare),
        ("tokens with mask by transformers", other),
        (f"tokens with mask by us, {other / own:.2f} times as fast", own),
        ("the same with cutting into rows", cutting),
        ("preflight", checking),
        (f"the whole stage, without {loading:.1f} s to load the tokenizer", stage - loading),
    ):
        print(f"  {tokens / seconds:>11,.0f} tokens/s  {what}")
    return done.rows


def show_padding(rows: Sequence[TokenRow]) -> None:
    """Print how much of the micro-batches is padding."""
    lengths = [len(row.input_ids) for row in rows]
    shuffled = random.Random(0).sample(range(len(lengths)), len(lengths))
    plain = [shuffled[at : at + MICRO_BATCH] for at in range(0, len(shuffled), MICRO_BATCH)]
    grouped = batching.batches(lengths, MICRO_BATCH, seed=0, epoch=0)
    print(
        f"padding in micro-batches of {MICRO_BATCH}: {batching.padding_share(lengths, plain):.1%} of a plain shuffle, "
        f"{batching.padding_share(lengths, grouped):.1%} grouped by length"
    )


def main(rows: int, turns: int) -> None:
    """Print all figures."""
    tokenizer = models.get_tokenizer(BASE)
    template = chat_format.training_template(tokenizer, BASE.chat_template)
    for name, examples in draw(rows, turns).items():
        with tempfile.TemporaryDirectory() as folder:
            rendered = measure(name, examples, tokenizer, template, Path(folder))
        if len(examples) > 1:
            show_padding(rendered)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rows", type=int, default=8_000, help="question-answer rows")
    parser.add_argument("--turns", type=int, default=12_000, help="of the dialogue")
    chosen = parser.parse_args(sys.argv[1:])
    main(chosen.rows, chosen.turns)
