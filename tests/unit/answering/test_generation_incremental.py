"""What a next run of `generate` makes: only what something decides differently, with the bytes of a clean run."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lectern.answering import contestants
from lectern.core import io
from lectern.core.schema import Prediction, Question
from lectern.models import generation
from lectern.settings.comparators import Comparator
from lectern.settings.decoding import Decoding
from lectern.training import adapters
from tests.settings import configure
from tests.support.generating import CHOSEN, DIALOGUE, SINGLE, outputs, run
from tests.support.tiny import TINY, example

OTHER = Comparator(model=replace(TINY, name="tiny_other", seed=1))
EVALS = {"people": [Question(question="How many?", answer="Three."), Question(question="Why?")]}
ASKING = replace(CHOSEN, evals=["people"])


class Killed(BaseException):
    """Stands for a signal: nothing may catch it."""


@pytest.fixture(scope="module")
def changed(adapter: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The adapter, trained to something else."""
    from safetensors.torch import load_file, save_file

    folder = tmp_path_factory.mktemp("changed") / "adapter"
    shutil.copytree(adapter, folder)
    weights = load_file(folder / adapters.WEIGHTS)
    weights = {name: -weight if "lora_B" in name else weight for name, weight in weights.items()}
    save_file(weights, folder / adapters.WEIGHTS)
    return folder


@pytest.mark.slow
def test_a_changed_adapter_redoes_only_its_own(
    tmp_path: Path, adapter: Path, changed: Path, loaded: list[str]
) -> None:
    others = {"other": OTHER}
    assert run(tmp_path, adapter, SINGLE, others=others) == "base 7, tuned 7, other 7"
    assert loaded == ["tuned", "other"], "the base is the tuned model with its adapter off"
    before = outputs(tmp_path)
    loaded.clear()
    told = run(tmp_path, adapter, SINGLE, others=others)
    # property: where nothing changed no model is loaded, and every byte stays
    assert told == "base 7 (0 made, 7 kept), tuned 7 (0 made, 7 kept), other 7 (0 made, 7 kept)"
    assert loaded == []
    assert outputs(tmp_path) == before
    told = run(tmp_path, changed, SINGLE, others=others)
    # property: a changed adapter redoes the tuned model's answers and the comparison, and nothing else
    assert told == "base 7 (0 made, 7 kept), tuned 7, other 7 (0 made, 7 kept)"
    assert loaded == ["tuned"]
    after = outputs(tmp_path)
    differing = {name for name in before if before[name] != after[name]} - {"parity.json"}
    assert differing == {"out/tuned.jsonl", "out/_manifest.json"}
    loaded.clear()
    run(tmp_path, changed, SINGLE)
    # property: a contestant that is no longer named leaves nothing behind
    assert not (tmp_path / "out/other.jsonl").exists()
    assert loaded == []
    run(tmp_path / "clean", changed, SINGLE)
    assert outputs(tmp_path) == outputs(tmp_path / "clean")


def test_a_killed_run_goes_on_where_it_was(
    tmp_path: Path, adapter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = generation.answer_rows, iter(range(99))

    def die_in_the_second(*given: Any, **more: Any) -> Any:
        made = real(*given, **more)
        if next(calls) == 1:
            raise Killed
        return made

    monkeypatch.setattr(generation, "answer_rows", die_in_the_second)
    with pytest.raises(Killed):
        run(tmp_path, adapter, SINGLE)
    # property: the rows of the first batch are kept
    assert run(tmp_path, adapter, SINGLE) == "base 7 (4 made, 3 kept), tuned 7"
    run(tmp_path / "clean", adapter, SINGLE)
    assert outputs(tmp_path) == outputs(tmp_path / "clean")


@pytest.mark.slow
def test_whatever_changes_an_incremental_run_leaves_the_bytes_of_a_clean_one(
    tmp_path: Path, adapter: Path, changed: Path
) -> None:
    rows = [*SINGLE, DIALOGUE]
    moved = [
        row.model_copy(update={"provenance": row.provenance.model_copy(update={"page": 9})}) for row in rows
    ]
    others = {"other": OTHER}
    edits: list[tuple[str, dict[str, Any]]] = [
        ("base 10, tuned 10", {}),
        # where the rows come from, on which no answer depends; and a row that is the shortest, so the last
        (
            "base 11 (2 made, 9 kept), tuned 11 (2 made, 9 kept)",
            {"examples": [*moved, example("So?", "Yes.")]},
        ),
        # the adapter, another contestant, a row less, and a file that somebody edits
        ("base 9", {"examples": rows[1:], "adapter": changed, "others": others}),
        (
            "base 10",
            {
                "persona": "You are {{ item }}.",
                "chosen": replace(ASKING, seed=3),
                "decoding": configure(Decoding, temperature=0.7, repetition_penalty=1.2),
            },
        ),
    ]
    for number, (told, given) in enumerate(edits):
        wanted = {"adapter": adapter, "examples": rows, "chosen": ASKING, "evals": EVALS, **given}
        assert run(tmp_path / "kept", **wanted).startswith(told)
        # property: whatever changed since the last run, or was done to its files, the bytes are those of a clean run
        run(tmp_path / f"clean {number}", **wanted)
        assert outputs(tmp_path / "kept") == outputs(tmp_path / f"clean {number}"), given
        if number == 1:
            text = (tmp_path / "kept/out/tuned.jsonl").read_text()
            (tmp_path / "kept/out/tuned.jsonl").write_text(text.replace("true", "false"))


def test_what_decides_an_answer_decides_its_key(adapter: Path, changed: Path) -> None:
    def prints(folder: Path, base: Any = TINY, **others: Comparator) -> dict[str, str]:
        local, _ = contestants.gather(base, folder, None, others)
        return {who.name: io.to_json(contestants.fingerprint(who)) for who in local}

    one, other = prints(adapter, other=OTHER), prints(changed, other=OTHER)
    assert {name for name in one if one[name] != other[name]} == {"tuned"}
    # property: what an adapter goes on, and the name of a model, decide nothing of what the model says
    same = replace(TINY, target_modules=["q_proj"])
    assert prints(adapter, same) == prints(adapter)
    for change in ({"seed": 3}, {"end_of_turn": "<|endoftext|>"}, {"context_length": 64}):
        moved = prints(adapter, replace(TINY, **change))
        assert all(moved[name] != one[name] for name in moved), change
    record = io.read_plain(adapter / adapters.RECORD)
    io.write_json(changed / adapters.RECORD, {**record, "precision": "bf16"})
    assert all(prints(changed)[name] != one[name] for name in ("base", "tuned"))
    io.write_json(changed / adapters.RECORD, record)


def test_a_model_in_a_directory_is_known_by_its_files(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model/model.safetensors").write_bytes(b"weights")
    hub = {"source": "hub", "package": None, "architecture": None}
    base = replace(TINY, hub_id=str(tmp_path / "model"), **hub)
    before = contestants._weights(base)
    (tmp_path / "model/model.safetensors").write_bytes(b"others")
    # property: other weights under the same name are another model; where they lie is not what they are
    assert contestants._weights(base) != before
    assert str(tmp_path) not in str(before)
    one, other = (contestants._weights(replace(TINY, hub_id="a/b", revision=r, **hub)) for r in ("1", "2"))
    assert one != other


def test_the_base_answers_training_questions_for_likeness_once(
    tmp_path: Path, adapter: Path, loaded: list[str]
) -> None:
    chosen = replace(CHOSEN, background=2)
    trained = [example("Why here?", "Since it is so."), example("And there?", "As it was."), DIALOGUE]
    run(tmp_path, adapter, SINGLE[:1], chosen, trained=trained)
    rows = io.read_jsonl(tmp_path / "background/base.jsonl", Prediction)
    assert {row.messages[-1].content for row in rows} == {"Why here?", "And there?"}
    assert {(row.set, row.reference, row.nll) for row in rows} == {("training", None, None)}
    # property: they are no contestant's answers to held-out questions
    assert [path.stem for path in sorted((tmp_path / "out").glob("[!_.]*.jsonl"))] == ["base", "tuned"]
    before = outputs(tmp_path)
    loaded.clear()
    run(tmp_path, adapter, SINGLE[:1], chosen, trained=trained)
    assert loaded == []
    assert outputs(tmp_path) == before
    # property: none are left where none are asked
    run(tmp_path, adapter, SINGLE[:1], replace(chosen, background=0), trained=trained)
    assert io.read_jsonl(tmp_path / "background/base.jsonl", Prediction) == []
