"""Which held-out prompts an export is compared on, and what the original says to them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lectern.core import io
from lectern.core.schema import Example
from lectern.models import generation, loading
from lectern.publishing import asking
from lectern.publishing.fidelity import Asked
from tests.support.tiny import TINY, example

SHORT = [example(f"What is {n}?", f"It is {n}.") for n in range(4)]
LONG_TALK = example(*(f"turn {n} " + "word " * 40 for n in range(12)))
LONG_QUESTION = example("word " * 600, "Yes.")


def collect(
    folder: Path,
    patch: pytest.MonkeyPatch,
    rows: list[Example],
    *,
    most: int = 8,
    limited: tuple[int, ...] = (),
) -> list[Asked]:
    """What is asked of a model that always says [5, 6], and for the numbers in `limited` reaches its limit with it."""
    io.write_jsonl(folder / "test.jsonl", rows)

    def answer(
        model: Any, prompts: list[list[int]], *, max_new_tokens: int, **_: Any
    ) -> list[generation.Answer]:
        assert max_new_tokens == 16
        return [generation.Answer([5, 6], n not in limited) for n in range(len(prompts))]

    patch.setattr(generation, "answer", answer)
    patch.setattr(generation, "stop_tokens", lambda model, tokenizer, end: {2, 9})
    base = replace(TINY, context_length=200)
    return asking.collect(None, base, "You are Ada.", folder / "test.jsonl", most=most, new_tokens=16)


def test_the_first_prompts_by_id_that_fit_whole_are_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = collect(tmp_path, monkeypatch, [LONG_TALK, *SHORT, LONG_QUESTION])
    # property: neither what does not fit nor what fits only without its oldest turns, which the server is given whole
    chosen = [row.messages[0].content for row in sorted(SHORT, key=lambda row: row.id)]
    assert [one.messages[-1].content for one in asked] == chosen
    # property: each as the model was trained on it
    assert [message.content for message in asked[0].messages] == ["You are Ada.", chosen[0]]
    text = loading.get_tokenizer(TINY).decode(asked[0].prompt)
    assert text.count(chosen[0]) == text.count("You are Ada.") == 1
    fewer = collect(tmp_path, monkeypatch, [LONG_TALK, *SHORT, LONG_QUESTION], most=3)
    assert [one.prompt for one in fewer] == [one.prompt for one in asked[:3]]


def test_the_end_of_a_turn_is_part_of_an_answer_only_where_it_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = collect(tmp_path, monkeypatch, SHORT, limited=(1,))
    assert [one.answer for one in asked] == [[5, 6, 2], [5, 6], [5, 6, 2], [5, 6, 2]]
    assert {one.ends for one in asked} == {frozenset({2, 9})}


def test_where_nothing_fits_nothing_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert collect(tmp_path, monkeypatch, [LONG_QUESTION]) == []
