"""A GGUF file and a folder of merged weights answer like any other contestant: what is published is measured."""

import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lectern.answering import files, llama_answers
from lectern.core import io
from lectern.core.errors import LecternError
from lectern.core.schema import Prediction
from lectern.evaluation import measuring, summary
from lectern.publishing import converter
from lectern.publishing.exporting import Model
from lectern.settings.comparators import Comparator
from lectern.settings.report import Report
from lectern.tools import export
from stages import report
from tests import shared, warm
from tests.settings import configure
from tests.support import made_up_run
from tests.support.generating import CHOSEN, DIALOGUE, SINGLE, outputs, read, run
from tests.support.tiny import example, sentencepiece

UNUSUAL = example("Say it in 漢字, naïvely 🙂:\n\n  x = 3.14", "Répond: «数据» 🙂 and 3.14.")
CUT_OTHERWISE = example("When?  2026 or  2027?", "In 2027.")
"""llama.cpp makes one token of two spaces before a number, the tokenizer of the training two."""
ASKED = [*SINGLE[:3], DIALOGUE, UNUSUAL, CUT_OTHERWISE]
SHORT = replace(CHOSEN, max_new_tokens=12, parity_prompts=0)


@pytest.fixture(scope="session")
def model(exported: Path) -> Model:
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


def answer(folder: Path, model: Model, **others: Path) -> str:
    """Stage `generate`; each other contestant is a file or a folder."""
    named: dict[str, Comparator] = {
        name: Comparator(merged=str(path)) if path.is_dir() else Comparator(gguf=str(path))
        for name, path in others.items()
    }
    return run(
        folder, model.adapter, ASKED, SHORT, others=named, base=model.base, persona="Be brief, {{ item }}."
    )


@pytest.fixture(scope="session")
def answered(model: Model, merged: Path, gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the stage leaves when both forms answer; nobody may change it."""
    told = []
    folder = shared.once(
        tmp_path_factory, "answered", lambda root: told.append(answer(root, model, whole=merged, file=gguf))
    )
    assert told in ([], ["base 6, tuned 6, file 6, whole 6"])
    return folder


def compare(rows: list[Prediction], others: list[Prediction]) -> tuple[int, float]:
    """How many answers are equal, and by how many nats per token a likelihood differs at most."""
    pairs = list(zip(rows, others, strict=True))
    assert all(a.tokens == b.tokens and a.tokens for a, b in pairs)
    same = sum((a.prediction, a.finished) == (b.prediction, b.finished) for a, b in pairs)
    return same, max(abs((a.nll or 0) - (b.nll or 0)) / (a.tokens or 1) for a, b in pairs)


def test_the_published_forms_answer_as_the_tuned_model(answered: Path) -> None:
    tuned = read(answered, "tuned")
    assert len({row.prediction for row in tuned}) > 3
    assert compare(read(answered, "base"), tuned)[0] < 2
    # property: the same answers, and the true ones are as likely
    assert compare(read(answered, "whole"), tuned) == (6, 0)
    exact = [row for row in tuned if row.id != CUT_OTHERWISE.id]
    same, off = compare([row for row in read(answered, "file") if row.id != CUT_OTHERWISE.id], exact)
    assert same == 5
    assert off < 1e-3
    # property: where llama.cpp cuts a prompt otherwise, its answer to what it reads is measured, not to our tokens
    [ours], [theirs] = (
        [row for row in rows if row.id == CUT_OTHERWISE.id] for rows in (tuned, read(answered, "file"))
    )
    assert theirs.nll != pytest.approx(ours.nll, abs=1e-3 * (ours.tokens or 1))
    known = io.read_plain(answered / "generation.json")["contestants"]
    assert {name: (each["kind"], each["model"]) for name, each in known.items()} == {
        "base": ("base", "tiny_llama"),
        "tuned": ("tuned", "tiny_llama"),
        "file": ("gguf", "f32.gguf"),
        "whole": ("merged", "merged"),
    }


@pytest.mark.slow
def test_eight_bits_are_measured_as_they_are(tmp_path: Path, model: Model, exported: Path) -> None:
    file = export.exporting.gguf_file(model, exported / "models/export", "q8_0")
    answer(tmp_path, model, small=file)
    same, off = compare(read(tmp_path, "small"), read(tmp_path, "tuned"))
    # property: 8 bits move the likelihood by little, but by some; they may turn every answer of random weights
    assert 1e-3 < off < 0.02
    assert same < 6


def test_answers_are_made_again_when_the_bytes_change_and_only_then(
    tmp_path: Path, model: Model, answered: Path, merged: Path, gguf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(answered, folder)
    before = outputs(folder)

    def refuse(*given: Any) -> Any:
        raise LecternError("the server is started")

    monkeypatch.setattr(llama_answers, "run", refuse)
    # property: nothing is loaded when the bytes are the same, whatever else changed
    assert "file 6 (0 made, 6 kept), whole 6 (0 made, 6 kept)" in answer(
        folder, model, whole=merged, file=gguf
    )
    assert outputs(folder) == before
    moved, copy = tmp_path / "moved.gguf", tmp_path / "merged"
    shutil.copy(gguf, moved)
    shutil.copytree(merged, copy)
    (copy / "README.md").write_text("a card")
    assert "file 6 (0 made, 6 kept), whole 6 (0 made, 6 kept)" in answer(
        folder, model, whole=copy, file=moved
    )
    settings = io.read_plain(copy / "generation_config.json")
    io.write_json(copy / "generation_config.json", settings | {"top_k": 7})
    assert "file 6 (0 made, 6 kept), whole 6" in (told := answer(folder, model, whole=copy, file=moved))
    assert "whole 6 (" not in told
    with moved.open("ab") as file:
        file.write(b"\0")
    with pytest.raises(LecternError, match="the server is started"):
        answer(folder, model, whole=merged, file=moved)


def test_the_report_shows_them(tmp_path: Path, answered: Path) -> None:
    made_up_run.make(tmp_path)
    shutil.rmtree(tmp_path / "data/predictions")
    shutil.copytree(answered / "out", tmp_path / "data/predictions")
    shutil.copy(answered / "generation.json", tmp_path / "metrics/generation.json")
    answers = {name: read(answered, name) for name in ("base", "tuned", "file", "whole")}
    scores = measuring.score_rows(answers, {}, copied=lambda text: (0, 0, 0), with_similarity=False)
    io.write_jsonl(tmp_path / "data/scores.jsonl", scores)
    found = summary.summarise(scores, seed=0, resamples=50, confidence=0.95)
    io.write_json(tmp_path / "metrics/scores.json", found)
    report.main(configure(Report), tmp_path / "metrics", tmp_path / "data", tmp_path / "params.yaml")
    shown = (tmp_path / "metrics/report.md").read_text()
    known = io.read_plain(answered / "generation.json")["contestants"]
    for name, what in (("file", "f32.gguf"), ("whole", "merged")):
        assert f"Compared with a file, {name} ({what} at {known[name]['revision'][:11]}):" in shown
    likelihoods = [found["comparators"][name]["difference"]["nll"]["value"] for name in ("file", "whole")]
    assert likelihoods == pytest.approx([0, 0], abs=1e-3)


def without_weights(folder: Path) -> None:
    for path in folder.glob("*.safetensors"):
        path.rename(folder / "adapter_config.json")


def without_template(folder: Path) -> None:
    (folder / "chat_template.jinja").unlink()


def with_another_template(folder: Path) -> None:
    path = folder / "chat_template.jinja"
    path.write_text(path.read_text().replace("<|im_start|>", "<|im_end|>"))


def with_another_tokenizer(folder: Path) -> None:
    template = (folder / "chat_template.jinja").read_text()
    other = sentencepiece()
    other.chat_template = template
    other.save_pretrained(folder)


DAMAGES: Mapping[Callable[[Path], None], str] = {
    without_weights: r"comparators\.x\.merged: .* lacks weights in safetensors.*It holds an adapter.*`lectern export",
    without_template: r"comparators\.x\.merged: broken has no chat template.*export the model again",
    with_another_template: r"comparators\.x\.merged: broken turns a chat into other tokens than base_model tiny_llama",
    with_another_tokenizer: r"comparators\.x\.merged: broken turns a chat into other tokens.*another tokenizer",
}


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_folder_that_cannot_be_measured_is_refused(
    tmp_path: Path, model: Model, merged: Path, damage: Callable[[Path], None]
) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(merged, folder)
    damage(folder)
    with pytest.raises(LecternError, match=DAMAGES[damage]):
        files.as_base(files.find_merged("comparators.x.merged", str(folder), Path()), model.base)


def test_a_file_that_is_missing_or_none_is_refused(tmp_path: Path, model: Model) -> None:
    (tmp_path / "there-q8_0.gguf").write_bytes(b"PK\3\4 zip")
    with pytest.raises(
        LecternError, match=r"comparators\.x\.gguf: gone\.gguf is no file\. Files there: there-q8_0"
    ):
        files.find_gguf("comparators.x.gguf", "gone.gguf", tmp_path)
    with pytest.raises(LecternError, match=r"there-q8_0\.gguf is not a GGUF file: it begins with b'PK"):
        files.find_gguf("comparators.x.gguf", "there-q8_0.gguf", tmp_path)
    with pytest.raises(
        LecternError, match=r"comparators\.x\.merged: gone is no folder.*`lectern export --no-gguf`"
    ):
        files.find_merged("comparators.x.merged", "gone", tmp_path)
    (tmp_path / "bare.gguf").write_bytes(b"GGUF and no more")
    bare = files.find_gguf("comparators.x.gguf", "bare.gguf", tmp_path)
    with (
        pytest.raises(LecternError, match=r"bare\.gguf has no chat template.*`lectern export`"),
        llama_answers.run(bare, model.base),
    ):
        pass
    (tmp_path / "bare.gguf").write_bytes(b"GGUF and tokenizer.chat_template and no more")
    with (
        pytest.raises(
            LecternError, match=r"comparators\.x\.gguf: .*bare\.gguf cannot be served.*Export it again"
        ),
        llama_answers.run(bare, model.base),
    ):
        pass


@pytest.mark.slow
def test_a_file_with_another_chat_format_is_refused(model: Model, gguf: Path) -> None:
    other = replace(model.base, chat_template="llama2.jinja", own_template=False)
    file = files.find_gguf("comparators.x.gguf", str(gguf), Path())
    with (
        pytest.raises(
            LecternError, match=r"f32\.gguf turns a chat into other tokens than base_model tiny_llama"
        ),
        llama_answers.run(file, other),
    ):
        pass
