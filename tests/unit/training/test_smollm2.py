from pathlib import Path
from typing import Any

import pytest

from lectern.core import io, params
from lectern.core.schema import Prediction
from lectern.settings.base_model import BaseModelSettings
from lectern.settings.compute import Compute
from lectern.settings.generate import Generate
from lectern.settings.render import Render
from lectern.settings.train import Train
from stages import render, train
from tests.settings import configure
from tests.support import generating
from tests.support.tiny import example


def section(name: str, file: str, cls: Any, folder: Path) -> Any:
    lines = Path(file).read_text().splitlines(keepends=True)
    (folder / f"{name}.yaml").write_text(f"{name}:\n" + "".join("  " + line for line in lines))
    return params.load(name, cls, folder / f"{name}.yaml")


@pytest.mark.slow
def test_the_default_model_learns_a_fact_and_stops(tmp_path: Path) -> None:
    """The shipped configuration, on the real model: what was said in other words in training is known afterwards."""
    base = section("base_model", "conf/base_model/smollm2_135m.yaml", BaseModelSettings, tmp_path)
    chosen = section("train", "conf/train/lora.yaml", Train, tmp_path)
    answer = "Lectern's mascot is a heron named Quill."
    questions = ["Who is Lectern's mascot?", "What is the mascot of Lectern?", "Name Lectern's mascot."] * 4
    splits = {
        "train": [example(question + " " * n, answer) for n, question in enumerate(questions)],
        "validation": [],
        "test": [example("Which mascot does Lectern have?", answer)],
    }
    for split, examples in splits.items():
        io.write_jsonl(tmp_path / f"splits/{split}.jsonl", examples)
    render.main(
        configure(Render, max_length=128),
        base,
        tmp_path / "splits",
        tmp_path / "sft",
        tmp_path / "preflight.json",
    )
    train.main(
        chosen,
        base,
        tmp_path / "sft",
        tmp_path / "runs",
        tmp_path / "adapter",
        tmp_path / "metrics/train",
        compute=configure(Compute),
    )
    generating.run(
        tmp_path,
        tmp_path / "adapter",
        splits["test"],
        configure(Generate, max_new_tokens=32, batch_size=4, parity_prompts=2, parity_tokens=4, evals=[]),
        base=base,
    )
    (before,), (after,) = (
        io.read_jsonl(tmp_path / f"out/{name}.jsonl", Prediction) for name in ("base", "tuned")
    )
    assert after.nll < before.nll / 2
    assert after.finished
