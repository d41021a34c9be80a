"""The stage `generate` on a made-up run in a folder, with tiny models."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from lectern.core import io
from lectern.core.revisions import HERE
from lectern.core.schema import Example, Prediction, Question, Retrieved
from lectern.settings.base_model import BaseModelSettings
from lectern.settings.comparators import Comparator
from lectern.settings.decoding import Decoding
from lectern.settings.generate import Generate
from lectern.settings.retrieval import Retrieval
from stages import generate
from tests.settings import configure
from tests.support.tiny import TINY, example

CHOSEN = configure(Generate, max_new_tokens=8, batch_size=3, parity_prompts=2, parity_tokens=4, evals=[])
GREEDY = configure(Decoding)
WITHOUT = configure(Retrieval, contestants=[])
SINGLE = [example(f"What is {n} times {n}?", "It is " + "very " * (n % 4) + f"{n * n}.") for n in range(7)]
DIALOGUE = example("And?", "So.", "Then?", "Done.")


def run(
    folder: Path,
    adapter: Path,
    examples: Sequence[Example],
    chosen: Generate = CHOSEN,
    *,
    decoding: Decoding = GREEDY,
    others: Mapping[str, Comparator] | None = None,
    base: BaseModelSettings = TINY,
    persona: str | None = None,
    evals: Mapping[str, Sequence[Question]] | None = None,
    root: Path = HERE,
    trained: Sequence[Example] = (),
    retrieval: Retrieval = WITHOUT,
    retrieved: Sequence[Retrieved] = (),
) -> str:
    """The stage's main; what it reads and writes is in `folder`."""
    io.write_jsonl(folder / "test.jsonl", examples)
    io.write_jsonl(folder / "train.jsonl", trained)
    io.write_jsonl(folder / "reworded/questions.jsonl", [])
    for name, questions in (evals or {}).items():
        io.write_jsonl(folder / f"evals/{name}.jsonl", questions)
    io.write_jsonl(folder / "retrieved.jsonl", retrieved)
    return generate.main(
        chosen,
        decoding,
        base,
        others or {},
        persona,
        retrieval,
        trained=folder / "train.jsonl",
        retrieved=folder / "retrieved.jsonl",
        held_out=folder / "test.jsonl",
        evals=folder / "evals",
        reworded=folder / "reworded/questions.jsonl",
        adapter=adapter,
        out=folder / "out",
        background=folder / "background",
        replies=folder / "data/replies/generate",
        metrics=folder / "generation.json",
        parity=folder / "parity.json",
        root=root,
    )


def read(folder: Path, contestant: str) -> list[Prediction]:
    return io.read_jsonl(folder / f"out/{contestant}.jsonl", Prediction)


def outputs(folder: Path) -> dict[str, bytes]:
    """Everything that the stage leaves."""
    found = [
        path
        for part in ("out", "background", "data/replies")
        for path in (folder / part).rglob("*")
        if path.is_file()
    ]
    found += [folder / "generation.json", folder / "parity.json"]
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(found)
        if ".replies/" not in str(path)
    }
