import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stages import generate
from stages.core import io
from stages.core.errors import LecternError
from stages.core.schema import Example, Prediction, TokenRow
from stages.tuning import generation, models, templates
from tests.unit.tuning.tiny import TINY, example
from tests.unit.tuning.training import run as train
from tests.unit.tuning.training import with_params, write

Rows = Callable[[int], list[TokenRow]]
CHOSEN = generate.GenerateParams(max_new_tokens=8, batch_size=3, parity_prompts=2, parity_tokens=4)
SINGLE = [example(f"What is {n} times {n}?", "It is " + "very " * (n % 4) + f"{n * n}.") for n in range(7)]
HELD_OUT = [*SINGLE, example("And?", "So.", "Then?", "Done."), example("Terse?", "Yes.", system="Be terse.")]


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory, rows: Rows) -> Path:
    """Trained until it knows that `It` comes first."""
    folder = tmp_path_factory.mktemp("adapter")
    learning = with_params(
        r=8,
        alpha=16,
        dropout=0.0,
        learning_rate=3e-2,
        epochs=6,
        batch_size=4,
        gradient_accumulation=1,
        warmup_share=0.0,
        scheduler="constant",
        checkpoint_every=100,
    )
    write(folder, rows(8), [])
    train(folder, learning)
    return folder / "adapter"


def run(
    folder: Path, adapter: Path, examples: list[Example], chosen: generate.GenerateParams = CHOSEN
) -> str:
    io.write_jsonl(folder / "test.jsonl", examples)
    return generate.main(chosen, TINY, folder / "test.jsonl", adapter, folder / "out", folder / "parity.json")


def read(folder: Path, contestant: str) -> list[Prediction]:
    return io.read_jsonl(folder / f"out/{contestant}.jsonl", Prediction)


def test_both_models_answer_each_single_question(tmp_path: Path, adapter: Path) -> None:
    result = run(tmp_path, adapter, HELD_OUT)
    # a dialogue has no one reference; it is skipped and counted
    assert result == "8 rows answered by base and tuned, 1 skipped (dialogues, or too long)"
    base, tuned = read(tmp_path, "base"), read(tmp_path, "tuned")
    assert (
        [p.id for p in base] == [p.id for p in tuned] == sorted(e.id for e in HELD_OUT if len(e.messages) < 4)
    )
    by_id = {e.id: e for e in HELD_OUT}
    for one, other in zip(base, tuned, strict=True):
        asked = by_id[one.id]
        assert [*one.messages] == asked.messages[:-1] == [*other.messages]
        assert one.reference == asked.messages[-1].content
        assert one.tokens == other.tokens
    # what was trained is likelier than before, on each of these questions that it never saw
    assert all(after.nll < before.nll for before, after in zip(base, tuned, strict=True))
    first = (tmp_path / "out/tuned.jsonl").read_bytes()
    run(tmp_path, adapter, HELD_OUT[::-1])
    assert (tmp_path / "out/tuned.jsonl").read_bytes() == first


def test_the_base_is_the_base(
    tmp_path: Path, adapter: Path, model: Any, tokenizer: Any, template: str
) -> None:
    # the adapter switched off, as if it had never been there
    rows = generation.prepare(SINGLE, tokenizer, template, context_length=512, max_new_tokens=8)
    settings: dict[str, Any] = {"end_of_turn": TINY.end_of_turn, "max_new_tokens": 8, "batch_size": 3}
    plain = generation.predict(model, rows, tokenizer, **settings)
    found = {
        name: generation.predict(speaker, rows, tokenizer, **settings)
        for name, speaker in generation.contestants(TINY, adapter)
    }
    assert found["base"] == plain
    assert found["tuned"] != plain


def test_the_merged_model_says_the_same(tmp_path: Path, adapter: Path) -> None:
    run(tmp_path, adapter, HELD_OUT)
    parity = io.read_plain(tmp_path / "parity.json")
    assert (parity["prompts"], parity["same_tokens"], parity["within_tolerance"]) == (2, 1.0, True)
    assert 0 < parity["tokens"] <= 8
    assert parity["largest_logit_difference"] < parity["tolerance"] == 1e-3
    # nobody asked, nothing is claimed
    run(tmp_path, adapter, HELD_OUT, replace(CHOSEN, parity_prompts=0))
    assert io.read_plain(tmp_path / "parity.json") == {"prompts": 0}


def test_a_model_tuned_as_a_whole_stands_beside_its_base(tmp_path: Path, rows: Rows, model: Any) -> None:
    write(tmp_path, rows(8), [])
    train(tmp_path, with_params(method="full", learning_rate=1e-3))
    run(tmp_path, tmp_path / "adapter", HELD_OUT)
    base, tuned = read(tmp_path, "base"), read(tmp_path, "tuned")
    assert all(after.nll < before.nll for before, after in zip(base, tuned, strict=True))
    assert io.read_plain(tmp_path / "parity.json") == {"prompts": 0}, "there is nothing to merge"


def test_answers_do_not_depend_on_their_neighbours(tmp_path: Path, adapter: Path) -> None:
    together = run(tmp_path / "a", adapter, SINGLE, replace(CHOSEN, batch_size=7))
    alone = run(tmp_path / "b", adapter, SINGLE, replace(CHOSEN, batch_size=1))
    assert together == alone
    for contestant in ("base", "tuned"):
        for one, other in zip(
            read(tmp_path / "a", contestant), read(tmp_path / "b", contestant), strict=True
        ):
            assert (one.prediction, one.finished) == (other.prediction, other.finished)
            assert one.nll == pytest.approx(other.nll, abs=2e-3)


def test_padding_is_not_read(tokenizer: Any) -> None:
    """With weights so large that every token before decides the next one."""
    import torch

    restless = models.get_model(TINY)
    with torch.no_grad():
        for weight in restless.parameters():
            weight.mul_(6 if weight.dim() > 1 else 1)
    prompts = templates.serve(tokenizer, [e.messages[:-1] for e in [*SINGLE, HELD_OUT[-1]]], answering=True)
    settings: dict[str, Any] = {"max_new_tokens": 8, "stop": {2}, "pad": 2}
    together = generation.answer(restless, prompts, batch_size=8, **settings)
    assert len({tuple(said.tokens) for said in together}) > 1
    assert together == generation.answer(restless, prompts, batch_size=1, **settings)


def test_an_answer_ends_at_its_end_of_turn(model: Any, tokenizer: Any) -> None:
    (prompt,) = templates.serve(tokenizer, [SINGLE[0].messages[:-1]], answering=True)
    settings: dict[str, Any] = {"max_new_tokens": 5, "pad": 2, "batch_size": 1}
    (free,) = generation.answer(model, [prompt], stop={2}, **settings)
    assert (len(free.tokens), free.finished) == (5, False)
    # the same model, when the third token it says is what ends a turn
    third = (
        next(token for token in free.tokens[2:] if token not in free.tokens[:2])
        if len(set(free.tokens)) > 2
        else None
    )
    stop = {third if third is not None else free.tokens[0]}
    (ended,) = generation.answer(model, [prompt], stop=stop, **settings)
    assert ended.finished
    assert ended.tokens == free.tokens[: free.tokens.index(next(iter(stop)))]


def test_an_adapter_for_another_base_is_refused(tmp_path: Path, adapter: Path) -> None:
    other = tmp_path / "adapter"
    shutil.copytree(adapter, other)
    config = io.read_plain(other / "training.json")
    io.write_json(other / "training.json", {**config, "base_model": "tiny_mistral"})
    with pytest.raises(LecternError, match="made for tiny_mistral, and base_model is tiny_llama"):
        run(tmp_path, other, SINGLE)


def test_no_held_out_row_gives_empty_predictions(tmp_path: Path, adapter: Path) -> None:
    assert run(tmp_path, adapter, []).startswith("0 rows answered")
    assert read(tmp_path, "base") == read(tmp_path, "tuned") == []


def test_what_exceeds_the_context_is_skipped(tokenizer: Any, template: str) -> None:
    long = example("Why?", "word " * 400)
    for limit, kept in ((1000, 2), (200, 1)):
        rows = generation.prepare(
            [SINGLE[0], long], tokenizer, template, context_length=limit, max_new_tokens=50
        )
        assert len(rows) == kept
