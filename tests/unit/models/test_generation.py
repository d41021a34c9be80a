"""Answers of the base and the tuned model: what is asked, what is compared, and what does not decide an answer."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lectern.answering import contestants
from lectern.core import io
from lectern.core.errors import LecternError
from lectern.core.schema import Question
from lectern.models import chat_format, generation, loading
from lectern.models.sampling import Draw
from lectern.settings.decoding import Decoding
from lectern.training import adapters
from tests.settings import configure, write_answers
from tests.support.generating import CHOSEN, DIALOGUE, SINGLE, read, run
from tests.support.tiny import TINY, example
from tests.support.training import run as train
from tests.support.training import with_params, write

HELD_OUT = [*SINGLE, DIALOGUE, example("Terse?", "Yes.", system="Be terse.")]


def test_both_models_answer_each_question(tmp_path: Path, adapter: Path) -> None:
    assert run(tmp_path, adapter, HELD_OUT) == "base 9, tuned 9"
    base, tuned = read(tmp_path, "base"), read(tmp_path, "tuned")
    order = [(row.set, row.id) for row in base]
    assert order == sorted(order) == [(row.set, row.id) for row in tuned]
    assert {row.set for row in base if row.id == DIALOGUE.id} == {"dialogues"}
    by_id = {e.id: e for e in HELD_OUT}
    for one, other in zip(base, tuned, strict=True):
        asked = by_id[one.id]
        assert [*one.messages] == asked.messages[:-1] == [*other.messages]
        assert one.reference == asked.messages[-1].content
        assert one.tokens == other.tokens
    # property: what was trained is likelier than before, on each of these questions that it never saw
    single = [pair for pair in zip(base, tuned, strict=True) if pair[0].set == "held_out"]
    assert len(single) == 8
    assert all(after.nll < before.nll for before, after in single)
    # property: the order of the rows decides nothing
    first = (tmp_path / "out/tuned.jsonl").read_bytes()
    run(tmp_path / "other", adapter, HELD_OUT[::-1])
    assert (tmp_path / "other/out/tuned.jsonl").read_bytes() == first
    assert io.read_plain(tmp_path / "generation.json") == {
        "contestants": {
            "base": {"kind": "base", "model": "tiny_llama", "revision": None},
            "tuned": {"kind": "tuned", "model": "tiny_llama", "revision": None},
        },
        "sets": {"dialogues": 1, "held_out": 8},
        "skipped": {},
    }


def test_the_base_is_the_base(tmp_path: Path, adapter: Path, model: Any, tokenizer: Any) -> None:
    run(tmp_path, adapter, SINGLE)
    asked = chat_format.serve(tokenizer, [e.messages[:-1] for e in SINGLE], answering=True)
    stop = generation.stop_tokens(model, tokenizer, TINY.end_of_turn)
    plain = generation.answer(model, asked, max_new_tokens=8, stop=stop, pad=2, batch_size=3)
    said = {e.id: tokenizer.decode(a.tokens).strip() for e, a in zip(SINGLE, plain, strict=True)}
    # property: the adapter is switched off, as if it had never been there
    assert {row.id: row.prediction for row in read(tmp_path, "base")} == said
    assert {row.id: row.prediction for row in read(tmp_path, "tuned")} != said


def test_loaded_alone_a_model_is_the_same(adapter: Path) -> None:
    import torch

    local, _ = contestants.gather(TINY, adapter, None, {})
    ids = torch.tensor([[5, 6, 7, 8]])
    with torch.inference_mode():
        together = [model(input_ids=ids).logits for _, model in contestants.load_in_turn(local)]
        alone = [model(input_ids=ids).logits for one in local for _, model in contestants.load_in_turn([one])]
    # property: an incremental run, which may need one of the two alone, computes what a clean one does
    assert all(torch.equal(one, other) for one, other in zip(together, alone, strict=True))
    assert not torch.equal(*together)


def test_the_merged_model_says_the_same(tmp_path: Path, adapter: Path) -> None:
    run(tmp_path, adapter, HELD_OUT)
    parity = io.read_plain(tmp_path / "parity.json")
    assert (parity["prompts"], parity["same_tokens"], parity["within_tolerance"]) == (2, 1.0, True)
    assert 0 < parity["tokens"] <= 8
    assert parity["largest_logit_difference"] < parity["tolerance"] == 1e-3
    # nobody asked, nothing is claimed
    run(tmp_path, adapter, HELD_OUT, replace(CHOSEN, parity_prompts=0))
    assert io.read_plain(tmp_path / "parity.json") == {"prompts": 0}


def test_a_model_tuned_as_a_whole_stands_beside_its_base(tmp_path: Path, rows: Any) -> None:
    write(tmp_path, rows(8), [])
    train(tmp_path, with_params(method="full", learning_rate=1e-3))
    run(tmp_path, tmp_path / "adapter", SINGLE)
    base, tuned = read(tmp_path, "base"), read(tmp_path, "tuned")
    assert all(after.nll < before.nll for before, after in zip(base, tuned, strict=True))
    assert io.read_plain(tmp_path / "parity.json") == {"prompts": 0}, "there is nothing to merge"


@pytest.mark.parametrize(
    "options",
    [
        {},
        {
            "temperature": 1.0,
            "top_p": 0.9,
            "top_k": 50,
            "min_p": 0.001,
            "repetition_penalty": 1.3,
            "no_repeat_ngram_size": 2,
        },
    ],
)
def test_answers_do_not_depend_on_their_neighbours(
    tmp_path: Path, adapter: Path, options: dict[str, Any]
) -> None:
    for size in (7, 1):
        chosen, decoding = replace(CHOSEN, batch_size=size), configure(Decoding, **options)
        run(tmp_path / str(size), adapter, SINGLE, chosen, decoding=decoding)
    for contestant in ("base", "tuned"):
        for one, other in zip(
            read(tmp_path / "7", contestant), read(tmp_path / "1", contestant), strict=True
        ):
            assert (one.prediction, one.finished) == (other.prediction, other.finished)
            assert one.nll == pytest.approx(other.nll, abs=2e-3)


def test_the_seed_decides_what_is_drawn(model: Any, tokenizer: Any) -> None:
    prompts = chat_format.serve(tokenizer, [e.messages[:-1] for e in SINGLE], answering=True)

    def said(seed: int, **more: float) -> list[list[int]]:
        options = write_answers(8, seed, **{"temperature": 1.0, **more})
        draws = [options.draw(e.id) for e in SINGLE]
        told = generation.answer(model, prompts, max_new_tokens=8, stop={2}, pad=2, batch_size=4, draws=draws)
        return [one.tokens for one in told]

    assert said(0) == said(0) != said(1)
    # property: of the smallest nucleus, and at the lowest temperature, only the likeliest token is left
    greedy = [
        one.tokens
        for one in generation.answer(model, prompts, max_new_tokens=8, stop={2}, pad=2, batch_size=4)
    ]
    assert said(0, top_p=1e-6) == said(0, temperature=1e-6) == said(0, top_k=1) == greedy != said(0)
    assert said(0, min_p=1.0) == greedy
    assert write_answers(8, seed=1).decides == write_answers(8, top_p=0.5, top_k=3, min_p=0.1).decides, (
        "the likeliest token is nobody's luck"
    )
    assert write_answers(8).decides == {"max_new_tokens": 8}
    assert write_answers(8, repetition_penalty=1.2).decides == {
        "max_new_tokens": 8,
        "repetition_penalty": 1.2,
    }


def test_padding_is_not_read(tokenizer: Any) -> None:
    """With weights so large that every token before decides the next one."""
    import torch

    restless = loading.get_model(TINY)
    with torch.no_grad():
        for weight in restless.parameters():
            weight.mul_(6 if weight.dim() > 1 else 1)
    prompts = chat_format.serve(tokenizer, [e.messages[:-1] for e in [*SINGLE, HELD_OUT[-1]]], answering=True)
    settings: dict[str, Any] = {"max_new_tokens": 8, "stop": {2}, "pad": 2}
    together = generation.answer(restless, prompts, batch_size=8, **settings)
    assert len({tuple(said.tokens) for said in together}) > 1
    assert together == generation.answer(restless, prompts, batch_size=1, **settings)


def test_an_answer_ends_at_its_end_of_turn(model: Any, tokenizer: Any) -> None:
    prompts = chat_format.serve(tokenizer, [e.messages[:-1] for e in SINGLE], answering=True)
    settings: dict[str, Any] = {"max_new_tokens": 12, "pad": 2, "batch_size": 7}
    settings["draws"] = [
        Draw(e.id, configure(Decoding, temperature=3.0)) for e in SINGLE
    ]  # so that no two say the same
    free = generation.answer(model, prompts, stop={2}, **settings)
    assert [(len(said.tokens), said.finished) for said in free] == [(12, False)] * 7
    # the same model, when what some of them say at some time is what ends a turn
    stop = {free[0].tokens[4], free[3].tokens[9], free[5].tokens[0]}
    for said, whole in zip(generation.answer(model, prompts, stop=stop, **settings), free, strict=True):
        ends = [at for at, token in enumerate(whole.tokens) if token in stop]
        # property: each is cut before its first such token, and goes on as it would alone, whoever ends earlier
        assert said == generation.Answer(whole.tokens[: ends[0]] if ends else whole.tokens, bool(ends))
    assert not free[5].tokens[:0]


def test_an_adapter_for_another_base_is_refused(tmp_path: Path, adapter: Path) -> None:
    other = tmp_path / "adapter"
    shutil.copytree(adapter, other)
    config = io.read_plain(other / adapters.RECORD)
    io.write_json(other / adapters.RECORD, {**config, "base_model": "tiny_mistral"})
    with pytest.raises(LecternError, match="made for tiny_mistral, but base_model is tiny_llama"):
        run(tmp_path, other, SINGLE)


def test_no_held_out_row_gives_empty_predictions(tmp_path: Path, adapter: Path) -> None:
    assert run(tmp_path, adapter, []) == "base 0, tuned 0"
    assert read(tmp_path, "base") == read(tmp_path, "tuned") == []
    assert io.read_plain(tmp_path / "parity.json") == {"prompts": 0}


def test_evaluation_sets_are_asked_and_stand_apart(tmp_path: Path, adapter: Path) -> None:
    sets = {
        "people": [
            Question(question="Сколько зёрен хватит?", answer="Три, а лучше пять."),
            Question(question="ما هي البذرة؟", answer="  "),
            Question(question="乱数の種とは何ですか？ 🙂"),
        ],
        "other": [Question(question="Never asked?")],
    }
    persona = "You answer from {{ item }}, line {{ row }}."
    some = replace(CHOSEN, evals=["people"])
    assert run(
        tmp_path, adapter, SINGLE[:1], some, evals=sets, persona=persona.replace("line {{ row }}", "x")
    )
    for name in ("base", "tuned"):
        rows = {row.messages[0].content: row for row in read(tmp_path, name) if row.set == "people"}
        assert list(rows) != []
        assert {row.set for row in read(tmp_path, name)} == {"held_out", "people"}
        # property: each question is there, and what has no answer has no figure that needs one
        for number, asked in enumerate(sets["people"], 1):
            row = rows[asked.question]
            known = bool(asked.answer and asked.answer.strip())
            assert (row.reference is not None, row.nll is not None, row.tokens is not None) == (known,) * 3
            assert (row.provenance.item, row.provenance.method, row.provenance.row) == (
                "people",
                "eval",
                number,
            )
    assert io.read_plain(tmp_path / "generation.json")["sets"] == {"held_out": 1, "people": 3}


def test_an_answer_may_be_empty(tmp_path: Path, adapter: Path, tokenizer: Any, model: Any) -> None:
    # the token that the model says first ends a turn here, so that it says nothing
    prompts = chat_format.serve(tokenizer, [e.messages[:-1] for e in SINGLE], answering=True)
    [first, *_] = generation.answer(model, prompts, max_new_tokens=1, stop={2}, pad=2, batch_size=7)
    word = tokenizer.convert_ids_to_tokens(first.tokens[0])
    run(tmp_path, adapter, SINGLE, base=replace(TINY, end_of_turn=word))
    said = [row for row in read(tmp_path, "base") if not row.prediction]
    assert said
    assert all(row.finished and row.nll is not None for row in said)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"max_new_tokens": 0}, "max_new_tokens is 0; give 1 or more"),
        ({"evals": ["../secret"]}, r"evals has '\.\./secret'; give the name of a file in data/evals"),
        ({"evals": ["held_out"]}, "evals has 'held_out'"),
        ({"evals": ["a", "a"]}, "evals names a set twice: a, a"),
    ],
)
def test_a_wrong_value_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(CHOSEN, **change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"temperature": -0.1}, r"temperature is -0\.1; give 0 or more"),
        ({"temperature": float("nan")}, "temperature is nan"),
        ({"top_p": 0.0}, r"top_p is 0\.0; it is a share, above 0 to 1"),
        ({"top_k": -1}, "top_k is -1; give 0 or more"),
        ({"min_p": 1.1}, r"min_p is 1\.1; it is a share, from 0 to 1"),
        (
            {"repetition_penalty": 0.0},
            r"repetition_penalty is 0\.0; give more than 0 and at most 2 \(1 changes",
        ),
        ({"repetition_penalty": float("nan")}, "repetition_penalty is nan"),
        ({"no_repeat_ngram_size": 1}, "no_repeat_ngram_size is 1, with which no token could occur twice"),
        ({"no_repeat_ngram_size": -2}, "no_repeat_ngram_size is -2; give 0 or more"),
    ],
)
def test_a_wrong_option_of_decoding_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        configure(Decoding, **change)
