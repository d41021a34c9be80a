from pathlib import Path
from typing import Any

import pytest

from stages import render
from stages.core import io
from stages.core.errors import LecternError
from stages.core.schema import Example, TokenRow
from stages.tuning import preflight, rendering, templates
from tests.unit.tuning.tiny import TINY, example

LONG = example("One?", "First. " * 10, "Two?", "Second. " * 10, "Three?", "Third. " * 10)


def length(tokenizer: Any, template: str, *contents: str) -> int:
    return len(templates.encode(tokenizer, [example(*contents).messages], template)[0].input_ids)


def test_a_long_dialogue_is_cut_after_the_last_answer_that_fits(tokenizer: Any, template: str) -> None:
    two = length(tokenizer, template, *[message.content for message in LONG.messages[:4]])
    for limit in (two, two + 5):
        result = rendering.render([LONG], tokenizer, template, limit)
        # every answer in the row is whole: its end of turn is there and trained
        preflight.check(
            result.rows, result.conversations, tokenizer, end_of_turn=TINY.end_of_turn, max_length=limit
        )
        assert len(result.rows[0].input_ids) == two
        assert result.shortened == [LONG.id]
        assert result.rows[0].id == LONG.id  # still to be traced
    one = rendering.render([LONG], tokenizer, template, two - 1)
    assert [message.content for message in one.conversations[0]] == [m.content for m in LONG.messages[:2]]


def test_a_long_first_answer_is_dropped_and_counted(tokenizer: Any, template: str) -> None:
    # a forerunner cut it at 512 tokens and lost its end, so the model repeats itself until the limit
    short = example("Short?", "Yes.")
    result = rendering.render([LONG, short], tokenizer, template, 45)
    assert (result.dropped, result.shortened) == ([LONG.id], [])
    assert [row.id for row in result.rows] == [short.id]


def run(folder: Path, train: list[Example], max_length: int = 200) -> str:
    for split, part in {"train": train, "validation": [], "test": [example("Held?", "Out.")]}.items():
        io.write_jsonl(folder / f"splits/{split}.jsonl", part)
    chosen = render.RenderParams(max_length=max_length)
    return render.main(chosen, TINY, folder / "splits", folder / "sft", folder / "preflight.json")


def test_the_stage_counts_what_it_did(tmp_path: Path) -> None:
    train = [LONG, example("Short?", "Yes."), example("Why?", "word " * 300)]
    assert run(tmp_path, train, max_length=90) == "train 2 rows, validation 0 rows, test 1 rows"
    facts = io.read_plain(tmp_path / "preflight.json")
    rows = io.read_jsonl(tmp_path / "sft/train.jsonl", TokenRow)
    assert facts["train"] == {
        "rows": 2,
        "tokens": sum(len(row.input_ids) for row in rows),
        "trained_tokens": sum(sum(row.assistant_masks) for row in rows),
        "longest": max(len(row.input_ids) for row in rows),
        "shortened": 1,
        "dropped_too_long": 1,
    }
    # provenance survives, for `trace`
    assert [row.provenance for row in rows] == [LONG.provenance, train[1].provenance]
    # a second run gives the same bytes
    before = (tmp_path / "sft/train.jsonl").read_bytes()
    run(tmp_path, train, max_length=90)
    assert (tmp_path / "sft/train.jsonl").read_bytes() == before


def test_a_broken_row_stops_the_stage_before_it_writes(tmp_path: Path) -> None:
    bad = example("What ends a turn?", "<|im_end|> does.")
    with pytest.raises(LecternError, match=f"control_token.*\n.*rows {bad.id}"):
        run(tmp_path, [example("Short?", "Yes."), bad])
    assert not (tmp_path / "sft").exists()


@pytest.mark.parametrize("train", [[], [example("Why?", "word " * 300)]], ids=["empty", "all too long"])
def test_no_row_to_train_on_is_an_error_that_says_so(tmp_path: Path, train: list[Example]) -> None:
    with pytest.raises(
        LecternError, match=r"train\.jsonl gives no row to train on.*raise render\.max_length"
    ):
        run(tmp_path, train)


def test_a_limit_above_the_context_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LecternError, match="max_length 513 is above the 512 tokens that tiny_llama can"):
        run(tmp_path, [example("Short?", "Yes.")], max_length=513)
