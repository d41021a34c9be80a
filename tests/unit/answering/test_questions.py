"""What is asked: sets, what fits the context, and which tokens are the true answer's."""

import json
from pathlib import Path
from typing import Any

import pytest

from lectern.answering import questions
from lectern.core import io
from lectern.core.errors import LecternError
from lectern.core.schema import DIALOGUES, HELD_OUT, Question
from tests.support.generating import DIALOGUE, SINGLE
from tests.support.tiny import example, family

LONG = example(*(f"turn {n} " + "word " * 20 for n in range(12)), system="Be brief.")


def prepare(asked: list[Any], tokenizer: Any, template: str, limit: int, **more: Any) -> questions.Prepared:
    asks = [questions.Ask.of(row) for row in asked]
    return questions.prepare(asks, tokenizer, template, context_length=limit, max_new_tokens=50, **more)


def test_what_exceeds_the_context_is_skipped_and_counted(tokenizer: Any, template: str) -> None:
    long = example("Why?", "word " * 400)
    for limit, kept in ((1000, 2), (200, 1), (40, 0)):
        found = prepare([SINGLE[0], long], tokenizer, template, limit)
        assert len(found.rows) == kept
        assert dict(found.skipped) == ({questions.TOO_LONG: 2 - kept} if kept < 2 else {})


@pytest.mark.parametrize("name", ["smollm2", "llama2"])
def test_of_a_long_dialogue_the_oldest_turns_are_left_out(tokenizer: Any, name: str) -> None:
    chosen = family(name, tokenizer)
    whole = prepare([LONG], chosen.tokenizer, chosen.template, 10_000).rows[0]
    for limit in range(120, max(len(whole.prompt) + 50, len(whole.whole)), 60):
        found = prepare([LONG], chosen.tokenizer, chosen.template, limit)
        [row] = found.rows
        text = chosen.tokenizer.decode(row.whole)
        kept = [n for n in range(12) if f"turn {n} " in text]
        # property: it fits, it ends as the whole one does, it begins with a user's turn, and who the model is stays
        assert max(len(row.prompt) + 50, len(row.whole)) <= limit
        assert found.shortened == 1
        assert kept == list(range(kept[0], 12))
        assert kept[0] % 2 == 0
        assert kept[0] > 0
        assert "Be brief." in text
        # property: one turn more would not have fitted
        more = LONG.messages[:1] + LONG.messages[1 + kept[0] - 2 :]
        longer = prepare(
            [example(*(m.content for m in more[1:]), system="Be brief.")], *chosen_of(chosen), 10_000
        )
        assert max(len(longer.rows[0].prompt) + 50, len(longer.rows[0].whole)) > limit
        # property: only the last answer is the true one
        last = [token for token, marked in zip(row.whole, row.mask, strict=True) if marked]
        assert "turn 11 word" in chosen.tokenizer.decode(last)
        assert "turn 9" not in chosen.tokenizer.decode(last)
        assert last == [token for token, marked in zip(whole.whole, whole.mask, strict=True) if marked]
    # where not even the last question fits, it is skipped
    assert dict(prepare([LONG], chosen.tokenizer, chosen.template, 80).skipped) == {questions.TOO_LONG: 1}


def chosen_of(family: Any) -> tuple[Any, str]:
    return family.tokenizer, family.template


def test_one_answer_is_held_out_and_more_are_a_dialogue() -> None:
    asked = questions.collect([*SINGLE, DIALOGUE], [], Path())
    assert {ask.set for ask in asked if ask.id != DIALOGUE.id} == {HELD_OUT}
    [talk] = [ask for ask in asked if ask.set == DIALOGUES]
    assert (talk.messages, talk.reference) == (DIALOGUE.messages[:-1], "Done.")
    assert [(ask.set, ask.id) for ask in asked] == sorted((ask.set, ask.id) for ask in asked)


def test_a_conversation_that_a_template_refuses_is_skipped_and_counted(tokenizer: Any) -> None:
    mistral = family("mistral", tokenizer)
    strict = (
        "{% if messages[0]['role'] != 'user' %}{{ raise_exception('it begins with the user') }}{% endif %}"
    )
    mistral.tokenizer.chat_template = strict + mistral.tokenizer.chat_template
    greeting = example("Hello?", "Yes.", "And?", "So.")
    odd = type(greeting).of(greeting.messages[1:], greeting.provenance)
    found = prepare([SINGLE[0], odd, SINGLE[1]], mistral.tokenizer, mistral.template, 500)
    # property: what one model's template does not take costs that row, not the run
    assert [row.key for row in found.rows] == [f"held_out/{SINGLE[0].id}", f"held_out/{SINGLE[1].id}"]
    assert dict(found.skipped) == {questions.REFUSED: 1}


def test_questions_of_people_are_read_with_their_lines(tmp_path: Path) -> None:
    lines = [{"question": "Why?"}, None, {"question": "Who?", "answer": "She."}]
    text = "".join((json.dumps(line) if line else "") + "\n" for line in lines)
    (tmp_path / "people.jsonl").write_text(text)
    asked = {ask.messages[0].content: ask for ask in questions.collect([], ["people"], tmp_path)}
    assert {name: ask.provenance.row for name, ask in asked.items()} == {"Why?": 1, "Who?": 3}
    assert {name: ask.reference for name, ask in asked.items()} == {"Why?": None, "Who?": "She."}


def test_a_set_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    io.write_jsonl(tmp_path / "people.jsonl", [Question(question="Why?")])
    with pytest.raises(
        LecternError, match=r"no evaluation set 'peeple'.*peeple\.jsonl does not exist\. Sets in .*: people\."
    ):
        questions.collect([], ["peeple"], tmp_path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"question": ""}', r"people\.jsonl:2: Question\.question"),
        ('{"qestion": "Why?"}', r"people\.jsonl:2: Question\."),
        ("Why?", r"people\.jsonl:2: Question"),
        ('{"question": "Who?"}', r"people\.jsonl:2: the same question as in line 1"),
        ("\udcff", r"people\.jsonl: not UTF-8"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    text = f'{{"question": "Who?"}}\n{line}\n'
    (tmp_path / "people.jsonl").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(LecternError, match=message):
        questions.collect([], ["people"], tmp_path)
