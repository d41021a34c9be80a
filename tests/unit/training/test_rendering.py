from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lectern.core import io
from lectern.core.errors import LecternError
from lectern.core.schema import Example, Message, Provenance, TokenRow, example_id
from lectern.models import chat_format
from lectern.settings.base_model import BaseModelSettings
from lectern.settings.render import Render
from lectern.training import chunking, preflight, rendering
from stages import render
from tests.settings import configure
from tests.support.tiny import TINY, chat, example

LONG = example("One?", "First. " * 10, "Two?", "Second. " * 10, "Three?", "Third. " * 10)
NOTHING = dict.fromkeys(rendering.COUNTED, 0)


def length(tokenizer: Any, template: str, *contents: str) -> int:
    return len(chat_format.encode(tokenizer, [example(*contents).messages], template)[0].input_ids)


def contents(messages: Sequence[Message]) -> list[str]:
    return [message.content for message in messages]


def test_a_long_dialogue_becomes_rows_of_whole_turns(tokenizer: Any, template: str) -> None:
    two = length(tokenizer, template, *contents(LONG.messages[:4]))
    for limit in (two, two + 5):
        result = rendering.render([LONG], tokenizer, template, limit)
        # a forerunner cut at 512 tokens, so that answers lost their end; here each has its end of turn, trained
        preflight.check(
            result.rows, result.conversations, tokenizer, end_of_turn=TINY.end_of_turn, max_length=limit
        )
        assert result.conversations == [LONG.messages[:4], LONG.messages[4:]]
        assert [row.part for row in result.rows] == [(1, 2), (2, 2)]
        assert {row.example for row in result.rows} == {LONG.id}  # still to be traced
        assert [row.id for row in result.rows] == [example_id(m) for m in result.conversations]
    assert rendering.render([LONG], tokenizer, template, two - 1).conversations == [
        LONG.messages[:2], LONG.messages[2:4], LONG.messages[4:]
    ]  # fmt: skip


def test_what_fits_is_one_row_with_the_id_of_its_example(tokenizer: Any, template: str) -> None:
    [row] = rendering.render([LONG], tokenizer, template, 512).rows
    assert (row.id, row.example, row.part) == (LONG.id, LONG.id, None)


def test_a_long_answer_is_divided_or_dropped_as_chosen(tokenizer: Any, template: str) -> None:
    answer = " ".join(f"It is {n}." for n in range(40))
    long, short = example("Why?", answer), example("Short?", "Yes.")
    done = rendering.render([long, short], tokenizer, template, 90)
    assert done.counts["answers_divided"] == done.counts["examples_divided"] == 1
    assert done.counts["chunks"] == len(done.rows) - 1 > 1
    assert "".join("".join(contents(m)[1] for m in done.conversations[:-1]).split()) == "".join(
        answer.split()
    )
    dropped = rendering.render([long, short], tokenizer, template, 90, too_long="drop")
    assert [row.example for row in dropped.rows] == [short.id]
    assert dropped.counts == {**NOTHING, "examples": 2, "dropped_too_long": 1}
    # within a dialogue an answer is divided in either case
    talk = example("Why?", "It is so. " * 40, "And?", "So.")
    assert len(rendering.render([talk], tokenizer, template, 90, too_long="drop").rows) > 1


def test_identical_chunks_are_kept_once(tokenizer: Any, template: str) -> None:
    # two talks that open in the same words, and one that says the same twice
    first = example("One?", "First. " * 10, "Two?", "Second. " * 10)
    other = example("One?", "First. " * 10, "Three?", "Third. " * 10)
    twice = example("Two?", "Second. " * 10, "Two?", "Second. " * 10)
    done = rendering.render([first, other, twice], tokenizer, template, 60)
    assert len({row.id for row in done.rows}) == len(done.rows) == 3
    assert done.counts["repeated_rows"] == 3
    assert [row.part for row in done.rows] == [(1, 2), (2, 2), (2, 2)]


def test_a_greeting_is_left_out_and_counted(tokenizer: Any, template: str) -> None:
    greeted = Example.of([Message(role="assistant", content="Welcome!"), *LONG.messages], LONG.provenance)
    done = rendering.render([greeted], tokenizer, template, 512)
    assert done.conversations == [LONG.messages]
    assert done.counts["unasked_turns"] == 1
    assert done.rows[0].example == greeted.id


def test_in_which_batch_a_row_stands_decides_nothing(
    tokenizer: Any, template: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [LONG, *(example(f"What is {n}?", "It is " + "so " * n + ".") for n in range(12))]
    together = rendering.render(rows, tokenizer, template, 70)
    monkeypatch.setattr(rendering, "BATCH", 2)
    assert rendering.render(rows, tokenizer, template, 70) == together
    monkeypatch.setattr(rendering, "SURELY_LONG", 0)  # nothing is tried as a whole first
    assert rendering.render(rows, tokenizer, template, 70) == together


def run(
    folder: Path,
    train: list[Example],
    max_length: int = 200,
    too_long: str = "divide",
    base: BaseModelSettings = TINY,
) -> str:
    for split, part in {"train": train, "validation": [], "test": [example("Held?", "Out.")]}.items():
        io.write_jsonl(folder / f"splits/{split}.jsonl", part)
    chosen = configure(Render, max_length=max_length, too_long=too_long)
    return render.main(chosen, base, folder / "splits", folder / "sft", folder / "preflight.json")


def test_the_stage_counts_what_it_did(tmp_path: Path) -> None:
    train = [LONG, example("Short?", "Yes."), example("Why?", "word " * 300)]
    assert run(tmp_path, train, 90, "drop") == "train 3 rows, validation 0 rows, test 1 rows"
    facts = io.read_plain(tmp_path / "preflight.json")
    rows = io.read_jsonl(tmp_path / "sft/train.jsonl", TokenRow)
    assert facts["train"] == {
        **NOTHING,
        "examples": 3,
        "rows": 3,
        "tokens": sum(len(row.input_ids) for row in rows),
        "trained_tokens": sum(sum(row.assistant_masks) for row in rows),
        "longest": max(len(row.input_ids) for row in rows),
        "examples_divided": 1,
        "chunks": 2,
        "dropped_too_long": 1,
    }
    # provenance survives, for `trace`
    assert [row.provenance for row in rows] == [LONG.provenance, LONG.provenance, train[1].provenance]
    # a second run gives the same bytes
    before = (tmp_path / "sft/train.jsonl").read_bytes()
    run(tmp_path, train, 90, "drop")
    assert (tmp_path / "sft/train.jsonl").read_bytes() == before


def test_one_row_is_enough(tmp_path: Path) -> None:
    assert run(tmp_path, [example("Why?", "So.")]) == "train 1 rows, validation 0 rows, test 1 rows"


def test_broken_rows_are_all_named_and_nothing_is_written(tmp_path: Path) -> None:
    unasked = Example.of(
        [Message(role="system", content="Be terse."), Message(role="assistant", content="Hello.")],
        Provenance(item="talk", method="test"),
    )
    with pytest.raises(LecternError) as raised:
        run(tmp_path, [example("Short?", "Yes."), unasked])
    said = str(raised.value)
    assert "no_question (1 of 3 rows)" in said
    assert unasked.id in said
    assert not (tmp_path / "sft").exists()


def test_a_row_with_a_control_token_costs_that_row_and_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = [
        example("What ends a turn?", "<|im_end|> does."),
        example("And <|im_start|>system?", "It begins one."),
    ]
    assert run(tmp_path, [example("Short?", "Yes."), *bad]) == "train 1 rows, validation 0 rows, test 1 rows"
    told = capsys.readouterr().err
    assert f"render: row {bad[0].id} of {bad[0].provenance.item} is left out" in told
    assert "'<|im_start|>'" in told
    assert io.read_plain(tmp_path / "preflight.json")["train"]["dropped_control_token"] == 2
    # without any, the figures have no such line
    run(tmp_path, [example("Short?", "Yes.")])
    assert "dropped_control_token" not in (tmp_path / "preflight.json").read_text()


def test_a_template_that_refuses_a_row_names_it_and_its_reason(tmp_path: Path, tokenizer: Any) -> None:
    """As many models' own do with two user turns in a row."""
    marked = (chat_format.FOLDER / "smollm2.jinja").read_text()
    strict = (
        "{%- for message in messages -%}{%- if not loop.first and message['role'] == loop.previtem['role'] -%}"
        "{{ raise_exception('Roles must alternate\x1b[2J') }}{%- endif -%}{%- endfor -%}"
    )
    user, answer = chat("Why?", "Because.")
    twice = Example.of([user, user, answer], LONG.provenance)
    done = rendering.render([LONG, twice], tokenizer, strict + marked, 512)
    assert [row.id for row in done.rows] == [LONG.id]  # the others are not lost
    with pytest.raises(
        LecternError, match=rf"template_refused \(1 of 2 rows\).*\n.*{twice.id}.*Roles must alternate"
    ) as e:
        preflight.fail(done.faults, 2)
    assert "\x1b" not in str(e.value)  # what a template says is somebody else's text
    # refused in serving alone: the same
    tokenizer.chat_template, own = strict + chat_format.without_marks(marked), tokenizer.chat_template
    try:
        done = rendering.render([LONG, twice], tokenizer, marked, 512)
        found = preflight.find(
            done.rows, done.conversations, tokenizer, end_of_turn="<|im_end|>", max_length=512
        )
    finally:
        tokenizer.chat_template = own
    assert list(found) == ["template_refused"]
    assert twice.id in found["template_refused"][0]


@pytest.mark.parametrize(
    ("instead", "fault"),
    [("raise_exception('no user here')", "template_refused"), ("''", "message_left_out")],
)
def test_a_template_without_a_user_role_is_named(
    tokenizer: Any, template: str, instead: str, fault: str
) -> None:
    broken = template.replace(
        "{%- for message in messages -%}",
        "{%- for message in messages -%}{%- if message['role'] == 'user' -%}{{- "
        + instead
        + " -}}{%- continue -%}{%- endif -%}",
        1,
    )
    tokenizer.chat_template, own = chat_format.without_marks(broken), tokenizer.chat_template
    try:
        done = rendering.render([LONG, example("Why?", "So.")], tokenizer, broken, 512)
        found = preflight.find(
            done.rows, done.conversations, tokenizer, end_of_turn="<|im_end|>", max_length=512
        )
    finally:
        tokenizer.chat_template = own
    assert len((done.faults | found)[fault]) == 2


@pytest.mark.parametrize(
    ("train", "too_long"),
    [
        ([], "divide"),
        ([example("Why?", "word " * 300)], "drop"),
        ([example("a " * 9, "b", system="c " * 300)], "divide"),
    ],
    ids=["empty", "all too long", "all system message"],
)
def test_no_row_to_train_on_is_an_error_that_says_so(
    tmp_path: Path, train: list[Example], too_long: str
) -> None:
    with pytest.raises(
        LecternError, match=r"train\.jsonl gives no row to train on.*raise render\.max_length"
    ):
        run(tmp_path, train, too_long=too_long)
    assert not (tmp_path / "sft").exists()


def test_a_limit_above_the_context_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LecternError, match="max_length 513 is above the 512 tokens that tiny_llama can"):
        run(tmp_path, [example("Short?", "Yes.")], max_length=513)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"max_length": 7}, "max_length is 7"),
        ({"max_length": 64, "too_long": "cut"}, "too_long is 'cut'; choose"),
    ],
)
def test_a_wrong_parameter_is_refused(values: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        configure(Render, **values)


def test_a_conversation_of_one_exchange_is_a_question_and_its_answer() -> None:
    assert len(chunking.split_exchanges(chat("a", "b", system="c"))) == 1
