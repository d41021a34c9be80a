"""How much a usual training forgets, and another one: SmolLM2-135M on the demo's questions.

Run: python -m tests.benchmarks.forgetting [--words 3000] [--questions 60] [--mix FILE --share 0.25]
Trains the packaged model twice by section `train` of params.yaml on the 35 true questions and answers of the first
seven talks in data/sources/demo: the second time at ten times the learning rate or, with --mix, beside general rows of
that file, drawn as the stage `mix` draws them. Then the stage `forget` shows all three so many words of general text
and so many questions. Prints what each training did to them, and the paired difference of the two. It takes about ten
CPU minutes; nothing is written to the repository.
"""

import argparse
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lectern.answering import general
from lectern.answering.general import Result
from lectern.core import io, params, paths, stage
from lectern.core.schema import TUNED, Example, GeneralRow, Message, Provenance
from lectern.curation import general_rows
from lectern.evaluation import forgetting
from lectern.evaluation.speech import Truth
from lectern.models import chat_format, loading
from lectern.settings.base_model import BaseModelSettings
from lectern.settings.curate import Curate
from lectern.settings.forget import Forget
from lectern.settings.mix import Mix
from lectern.settings.render import Render
from lectern.settings.train import Train
from lectern.training import rendering, sft
from stages import forget

TALKS = 7


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


def draw_general(file: Path, share: float, examples: Sequence[Example]) -> list[GeneralRow]:
    """General rows of a file, without what the stage `forget` asks."""
    settings = params.load("mix", Mix)
    rows = general_rows.read(file.parent, [file.name], settings.words)
    wanted = general_rows.count(share, len(examples))
    asked = {"data/general": general.list_asked(paths.GENERAL)}
    threshold = params.load("curate", Curate).decontamination_threshold
    return general_rows.draw(rows, wanted, settings.seed, asked, threshold).rows


def main(words: int, questions: int, mixed: Path | None, share: float) -> None:
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
    faster = replace(chosen, learning_rate=10 * chosen.learning_rate)
    trainings = {"usual": (rows, chosen), "ten times the rate": (rows, faster)}
    if mixed is not None:
        more = rendering.render_general(draw_general(mixed, share, examples), tokenizer, template, 512).rows
        print(f"{len(more)} general rows, {sum(len(row.input_ids) for row in more)} tokens", flush=True)
        trainings = {"usual": (rows, chosen), "beside general rows": ([*rows, *more], chosen)}
    results: dict[str, list[Result]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for name, (trained, how) in trainings.items():
            folder = Path(scratch) / name
            (folder / "run").mkdir(parents=True)
            if results:  # what the base model made of it is kept
                shutil.copytree(Path(scratch) / "usual/out", folder / "out")
            done = sft.tune(base, trained, [], folder / "run", replace(how, keep="last"))
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
                f"{name} (learning rate {how.learning_rate:g}), against the base model",
                io.read_plain(folder / "forgetting.json"),
            )
            results[name] = io.read_jsonl(folder / f"out/{TUNED}.jsonl", Result)
    drawn = {"resamples": settings.resamples, "confidence": settings.confidence, "seed": settings.seed}
    (_, usual), (name, other) = results.items()
    tell(f"{name}, against the usual training", forgetting.summarise(usual, other, {}, **drawn))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--words", type=int, default=3000)
    parser.add_argument("--questions", type=int, default=60)
    parser.add_argument("--mix", type=Path, help="a table or text of general rows")
    parser.add_argument("--share", type=float, default=0.25, help="of the trained rows that are general")
    given = parser.parse_args()
    main(given.words, given.questions, given.mix, given.share)
