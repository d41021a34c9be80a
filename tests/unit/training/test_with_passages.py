"""Training rows that carry passages: which, with what, and what happens where there is no room."""

import json
from pathlib import Path
from typing import Any

import pytest

from lectern.core import io
from lectern.core.schema import SPLITS, Found, Provenance, Retrieved, TokenRow
from lectern.llm import prompting
from lectern.settings.render import Render
from lectern.settings.retrieval import Retrieval
from lectern.training import rendering, with_passages
from lectern.training.with_passages import Passages
from stages import render
from tests.settings import configure
from tests.support.tiny import TINY, chat, example

PROMPT = prompting.load("sources")
ROWS = [example(f"What is {n} plus one?", f"It is {n + 1}.") for n in range(200)]


def passage(text: str, *, own: bool = False) -> Found:
    where = Provenance(item="talk", start=1.0, end=2.0, method="turn")
    return Found(id=text, text=text, provenance=where, score=0.01, ranks={}, own=own)


FOUND = [passage("Alpha beta."), passage("True words.", own=True), passage("Gamma."), passage("Delta.")]
RETRIEVED = [Retrieved(set="train", id=row.id, query="?", found=FOUND) for row in ROWS]


def choose(**changes: Any) -> Passages:
    values: dict[str, Any] = {"share": 1.0, "true_share": 1.0, "seed": 0, "most": 3, "max_words": 99}
    return with_passages.choose(RETRIEVED, prompt="sources", **(values | changes))


def test_the_shares_are_those_of_the_parameters() -> None:
    chosen = choose(share=0.5, true_share=0.8).chosen
    assert len(chosen) == pytest.approx(100, abs=25)
    true = sum(any(one.own for one in passages) for passages in chosen.values())
    assert true / len(chosen) == pytest.approx(0.8, abs=0.12)
    assert choose(share=0.0).chosen == {}


def test_a_row_is_drawn_by_itself() -> None:
    every = choose(share=0.5)
    some = with_passages.choose(
        RETRIEVED[:50], prompt="sources", share=0.5, true_share=1.0, seed=0, most=3, max_words=99
    )
    assert some.chosen == {row.id: every.chosen[row.id] for row in ROWS[:50] if row.id in every.chosen}
    assert choose(share=0.5, seed=1).chosen.keys() != every.chosen.keys()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ["Alpha beta.", "True words.", "Gamma."]),
        ({"true_share": 0.0}, ["Alpha beta.", "Gamma.", "Delta."]),
        ({"most": 1}, ["True words."]),
        ({"max_words": 3}, ["True words.", "Gamma."]),
        ({"max_words": 1, "true_share": 0.0}, ["Gamma."]),
    ],
)
def test_the_true_passage_has_room_first_and_keeps_its_rank(
    changes: dict[str, Any], expected: list[str]
) -> None:
    assert [one.text for one in choose(**changes).chosen[ROWS[0].id]] == expected


def test_what_distracts_goes_first_where_a_row_is_too_long() -> None:
    passages = Passages({"a": FOUND[:3]}, PROMPT)
    told = [version[-1].content for version in passages.versions("a", chat("Why?", "So.")[:-1])]
    kept = [[one.text for one in FOUND if one.text in text] for text in told]
    assert kept == [
        ["Alpha beta.", "True words.", "Gamma."],
        ["Alpha beta.", "True words."],
        ["True words."],
        [],
    ]


def test_rows_carry_passages_as_far_as_they_fit(tokenizer: Any, template: str) -> None:
    passages = Passages({row.id: FOUND for row in ROWS[:2]}, PROMPT)

    def render_rows(limit: int) -> rendering.Rendered:
        return rendering.render(ROWS[:3], tokenizer, template, limit, passages=passages)

    whole = render_rows(2000)
    assert whole.counts["with_passages"] == 2
    assert ["True words." in text for text in whole.texts] == [True, True, False]
    plain = rendering.render(ROWS[:3], tokenizer, template, 2000)
    for row, without in zip(whole.rows, plain.rows, strict=True):
        answer, same = (
            [token for token, trained in zip(one.input_ids, one.assistant_masks, strict=True) if trained]
            for one in (row, without)
        )
        assert answer == same, "passages are read, and never trained"
    fewer = render_rows(len(whole.rows[0].input_ids) - 1)
    assert "True words." in fewer.texts[0]
    assert "Delta." not in fewer.texts[0]
    none = render_rows(max(len(row.input_ids) for row in plain.rows))
    assert (none.texts, none.counts["with_passages"]) == (plain.texts, 0)


def test_the_stage_gives_passages_to_training_rows_alone(tmp_path: Path) -> None:
    for split, part in zip(SPLITS, (ROWS[:4], ROWS[4:6], ROWS[6:8]), strict=True):
        io.write_jsonl(tmp_path / f"splits/{split}.jsonl", part)
    io.write_jsonl(tmp_path / "train.jsonl", RETRIEVED[:8])

    def run(share: float) -> dict[str, list[TokenRow]]:
        render.main(
            configure(Render),
            TINY,
            tmp_path / "splits",
            tmp_path / "sft",
            tmp_path / "preflight.json",
            configure(Retrieval, train_share=share),
            tmp_path / "train.jsonl",
        )
        return {split: io.read_jsonl(tmp_path / f"sft/{split}.jsonl", TokenRow) for split in SPLITS}

    plain, carried = run(0.0), run(1.0)
    assert json.loads((tmp_path / "preflight.json").read_text())["train"]["with_passages"] == 4
    assert carried["validation"] == plain["validation"]
    assert carried["test"] == plain["test"]
    assert [row.example for row in carried["train"]] == [row.example for row in plain["train"]]
    for row, without in zip(carried["train"], plain["train"], strict=True):
        assert len(row.input_ids) > len(without.input_ids)
