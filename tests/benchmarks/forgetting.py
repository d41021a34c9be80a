"""How much a usual training forgets, and one at ten times its learning rate: SmolLM2-135M on the demo's questions.

Run: python -m tests.benchmarks.forgetting [WORDS] [QUESTIONS]
Trains the packaged model twice by section `train` of params.yaml on the 35 true questions and answers of the first
seven talks in data/sources/demo, once at ten times the learning rate. Then the stage `forget` shows all three so many
words of general text and so many questions (by default 3000 and 60). Prints what each training did to them, and the
paired difference of the two. It takes about ten CPU minutes; nothing is written to the repository.
"""

import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from lectern.answering.general import Result
from lectern.core import io, params, stage
from lectern.core.schema import TUNED, Example, Message, Provenance
from lectern.evaluation import forgetting
from lectern.evaluation.speech import Truth
from lectern.models import chat_format, loading
from lectern.settings.base_model import BaseModelSettings
from lectern.settings.forget import Forget
from lectern.settings.render import Render
from lectern.settings.train import Train
from lectern.training import rendering, sft
from stages import forget

TALKS = 7
FACTORS = {"usual": 1, "ten times the rate": 10}


def read_examples(folder: Path) -> list[Example]:
    """The true questions and answers of the first talks."""
    files = sorted(folder.glob("talk-*.truth.json"))[:TALKS]
    return [
        Example.of(
            [Message(role="user", content=asked.text), Message(role="assistant", content=asked.answer)],
            Provenance(item=path.name.partition(".")[0], start=asked.start, method="truth"),
        )
        for path in files
        for asked in io.read_json(path, Truth).questions
    ]


def show(part: Mapping[str, Any], digits: int = 3) -> str:
    """`0.012 (0.010 to 0.015)`."""
    bounds = "" if part["low"] is None else f" ({part['low']:.{digits}f} to {part['high']:.{digits}f})"
    return f"{part['value']:.{digits}f}{bounds}"


def tell(name: str, found: Mapping[str, Any]) -> None:
    """Print the figures of a comparison, the later model against the earlier one."""
    print(f"{name}:")
    for domain, text in {"all text": found["text"], **found["domains"]}.items():
        base, tuned = (text[side]["nll"]["value"] for side in ("base", TUNED))
        print(
            f"  {domain:18} {text['passages']:3} passages  {base:.3f} -> {tuned:.3f}"
            f"  difference {show(text['difference']['nll'])} nats per token"
        )
    if asked := found["questions"]:
        base, tuned = (asked[side]["right"]["value"] for side in ("base", TUNED))
        print(
            f"  {asked['questions']} questions       right {base:.2f} -> {tuned:.2f}, {asked['lost']} lost, "
            f"{asked['gained']} gained, difference {show(asked['difference']['right'])}"
        )
        print(f"  the accepted answer {show(asked['difference']['answer_nll'])} nats per token", flush=True)


def main(words: int, questions: int) -> None:
    """Train both, and print."""
    stage.quieten_libraries()
    base, chosen = params.load("base_model", BaseModelSettings), params.load("train", Train)
    persona = params.load("render", Render).persona
    settings = replace(params.load("forget", Forget), words=words, questions=questions, refusals=0, tasks=[])
    tokenizer = loading.get_tokenizer(base)
    template = chat_format.training_template(tokenizer, base.chat_template)
    examples = read_examples(Path("data/sources/demo"))
    rows = rendering.render(examples, tokenizer, template, max_length=512).rows
    print(
        f"{len(rows)} rows, {chosen.epochs} epochs, {sum(len(row.input_ids) for row in rows)} tokens",
        flush=True,
    )
    results: dict[str, list[Result]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for name, factor in FACTORS.items():
            folder = Path(scratch) / str(factor)
            (folder / "run").mkdir(parents=True)
            if factor != 1:  # what the base model made of it is kept
                shutil.copytree(Path(scratch) / "1/out", folder / "out")
            rate = factor * chosen.learning_rate
            done = sft.tune(base, rows, [], folder / "run", replace(chosen, learning_rate=rate, keep="last"))
            sft.export(done, folder / "adapter")
            forget.main(
                settings,
                base,
                persona,
                adapter=folder / "adapter",
                out=folder / "out",
                metrics=folder / "forgetting.json",
            )
            tell(
                f"{name} (learning rate {rate:g}), against the base model",
                io.read_plain(folder / "forgetting.json"),
            )
            results[name] = io.read_jsonl(folder / f"out/{TUNED}.jsonl", Result)
    drawn = {"resamples": settings.resamples, "confidence": settings.confidence, "seed": settings.seed}
    found = forgetting.summarise(results["usual"], results["ten times the rate"], {}, **drawn)
    tell("ten times the rate, against the usual training", found)


if __name__ == "__main__":
    given = [int(value) for value in sys.argv[1:]]
    main(*(given + [3000, 60][len(given) :]))
