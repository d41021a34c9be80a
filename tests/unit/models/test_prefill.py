"""A prompt that is read once gives the likelihoods and the answers that it gives when it is read each time."""

from typing import Any

import pytest

from lectern.models import generation, likelihood, prefill
from lectern.models.generation import Row
from lectern.models.stand_ins import random_model
from lectern.settings.base_model import ARCHITECTURES
from tests.settings import write_answers

PROMPTS = [[5, 6, 7, 8, 9, 10, 11], [300, 301], [40, 41, 42, 43]]
ANSWERS = [[12, 13, 14], [302, 303, 304, 305, 306], [44]]


def make_rows() -> list[Row]:
    return [
        Row(str(number), prompt, [*prompt, *said], [*[0] * len(prompt), *[1] * len(said)])
        for number, (prompt, said) in enumerate(zip(PROMPTS, ANSWERS, strict=True))
    ]


def read_each_time(model: Any, rows: list[Row], tokenizer: Any) -> tuple[list[tuple[float, int]], list[str]]:
    losses = [
        likelihood.negative_log_likelihoods(model, [(row.whole, row.mask)], pad=2, batch_size=1)[0]
        if row.whole
        else (0.0, 0)
        for row in rows
    ]
    prompts = [row.prompt for row in rows]
    said = generation.answer(model, prompts, max_new_tokens=6, stop={2}, pad=2, batch_size=1)
    return losses, [tokenizer.decode(one.tokens, skip_special_tokens=True).strip() for one in said]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_each_architecture_computes_what_it_does_when_it_reads_each_time(
    architecture: str, tokenizer: Any
) -> None:
    model = random_model(architecture, tokenizer, context_length=128, seed=1)
    rows = make_rows()
    losses, said = read_each_time(model, rows, tokenizer)
    found = generation.answer_rows(model, rows, tokenizer, stop={2}, options=write_answers(6))
    assert [(row.nll, row.tokens) for row in found] == [
        (pytest.approx(nll, abs=2e-4), n) for nll, n in losses
    ]
    assert [row.prediction for row in found] == said


def test_the_cache_is_afterwards_what_it_was(model: Any) -> None:
    import torch

    prompts = prefill.read(model, prefill.stack(PROMPTS, 2, "cpu"))
    before = [layer.keys.clone() for layer in prompts.cache.layers]
    assert prompts.cache.get_seq_length() == 6
    for _ in range(2):
        found = prefill.score(model, prompts, [(row.whole, row.mask) for row in make_rows()], pad=2)
        assert [one.tokens for one in found] == [3, 5, 1]
    assert all(torch.equal(one, layer.keys) for one, layer in zip(before, prompts.cache.layers, strict=True))


def test_a_row_without_a_reference_or_with_another_beginning_is_scored_all_the_same(
    model: Any, tokenizer: Any
) -> None:
    first, second, third = make_rows()
    none = Row("none", second.prompt, [], [])
    # such as a tokenizer makes that joins the end of the prompt and the beginning of the answer
    joined = Row("joined", third.prompt, [*third.prompt[:-1], 99, 44], [0, 0, 0, 0, 1])
    for rows in ([first, none], [first, none, joined], [none]):
        found = generation.answer_rows(model, rows, tokenizer, stop={2}, options=write_answers(6))
        losses, said = read_each_time(model, rows, tokenizer)
        assert [row.prediction for row in found] == said
        for row, (nll, tokens) in zip(found, losses, strict=True):
            assert (row.nll, row.tokens) == (
                (pytest.approx(nll, abs=2e-4), tokens) if tokens else (None, None)
            )
    assert generation.answer_rows(model, [], tokenizer, stop={2}, options=write_answers(6)) == []


def test_a_prompt_of_one_token_is_answered(model: Any, tokenizer: Any) -> None:
    rows = [Row("short", [5], [5, 6], [0, 1])]
    assert prefill.read(model, prefill.stack([[5]], 2, "cpu")).cache is None
    found = generation.answer_rows(model, rows, tokenizer, stop={2}, options=write_answers(6))
    losses, said = read_each_time(model, rows, tokenizer)
    assert [(row.nll, row.prediction) for row in found] == [(pytest.approx(losses[0][0], abs=2e-4), said[0])]


def test_a_model_that_forgets_the_beginning_of_a_text_reads_each_time(tokenizer: Any) -> None:
    model = random_model("mistral", tokenizer, context_length=128, seed=1)
    assert model.config.sliding_window, (
        "so it keeps the newest tokens only, and cannot give back what came before"
    )
    calls: list[int] = []
    model.register_forward_hook(lambda *_: calls.append(1))
    assert prefill.read(model, prefill.stack(PROMPTS, 2, "cpu")).cache is None
    assert not calls, "nothing is read in vain"
