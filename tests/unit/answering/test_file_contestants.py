"""A GGUF file and a folder of merged weights answer like any other contestant: what is published is what is measured."""

import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lectern.core import io
from lectern.core.errors import LecternError
from lectern.models import loading
from lectern.publishing import converter
from lectern.settings.base_model import BaseModelSettings
from lectern.settings.comparators import Comparator
from lectern.settings.decoding import Decoding
from lectern.tools import export
from tests import shared, warm
from tests.settings import configure
from tests.support.generating import CHOSEN, DIALOGUE, SINGLE, outputs, read, run
from tests.support.tiny import example

ASKED = [*SINGLE, DIALOGUE, example("Say it in 漢字, naïvely 🙂:\n\n  x = 3.14", "Répond: «数据» 🙂 and 3.14.")]
LONG = replace(CHOSEN, max_new_tokens=24, parity_prompts=0)
TEMPLATE = "tokenizer.chat_template"


@pytest.fixture(scope="session")
def model(exported: Path) -> export.Model:
    return export.read_model(exported)


@pytest.fixture(scope="session")
def merged(exported: Path) -> Path:
    return exported / "models/export/merged"


@pytest.fixture(scope="session")
def gguf(merged: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The merged model as a GGUF file in 32 bits."""

    def convert(folder: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "executable", warm.python())
            converter.convert(merged, folder / "f32.gguf", "f32")

    return shared.once(tmp_path_factory, "f32", convert) / "f32.gguf"


def answer(folder: Path, model: export.Model, asked: Any = ASKED, **others: Path) -> str:
    kinds = {
        name: Comparator(**{"merged" if path.is_dir() else "gguf": str(path)}) for name, path in others.items()
    }
    return run(folder, model.adapter, asked, LONG, others=kinds, base=model.base, persona="Be brief.")


def test_the_published_forms_answer_as_the_tuned_model(
    tmp_path: Path, model: export.Model, merged: Path, gguf: Path, exported: Path
) -> None:
    q8 = next((exported / "models/export/gguf").glob("*q8_0.gguf"))
    told = answer(tmp_path, model, whole=merged, file=gguf, small=q8)
    assert told == "base 9, tuned 9, file 9, small 9, whole 9"
    tuned = read(tmp_path, "tuned")
    assert len({row.prediction for row in tuned}) > 5
    assert tuned != read(tmp_path, "base")
    for name in ("whole", "file", "small"):
        rows = read(tmp_path, name)
        same = sum(a.prediction == b.prediction and a.finished == b.finished for a, b in zip(rows, tuned, strict=True))
        off = max(abs((a.nll or 0) / (b.tokens or 1) - (b.nll or 0) / (b.tokens or 1)) for a, b in zip(rows, tuned, strict=True))
        print(name, same, off, [a.tokens == b.tokens for a, b in zip(rows, tuned)])
    print(io.read_plain(tmp_path / "generation.json"))
