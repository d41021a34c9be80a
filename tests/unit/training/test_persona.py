from typing import Any

import pytest

from lectern.answering import questions
from lectern.core.errors import LecternError
from lectern.core.schema import Example, Message, Provenance
from lectern.models import chat_format
from lectern.training import persona, preflight, rendering
from tests.support.tiny import FAMILIES, Family, chat, example, family

PERSONA = "You answer as {{ item }}{% if heading %}, on {{ heading }}{% endif %}."
PLACE = Provenance(item="talk-1", heading="Seeds", method="test")
NO_SYSTEM_ROLE = {"mistral"}


@pytest.fixture(scope="module", params=FAMILIES)
def chosen(request: pytest.FixtureRequest, tokenizer: Any) -> Family:
    return family(request.param, tokenizer)


def asked(*contents: str, system: str | None = None) -> Example:
    return Example.of(chat(*contents, system=system), PLACE)


def test_the_system_role_is_found_out_by_trying(tokenizer: Any) -> None:
    for name in FAMILIES:
        tried = family(name, tokenizer)
        assert persona.has_system_role(tried.tokenizer, tried.template) == (name not in NO_SYSTEM_ROLE)
    # a template that takes a system message and writes nothing of it has no system role either
    silent = (chat_format.FOLDER / "phi_qa.jinja").read_text().replace("message['content'] + '\\n\\n'", "''")
    tried = family("phi", tokenizer)
    assert not persona.has_system_role(tried.tokenizer, silent)


def test_every_row_is_told_who_answers(chosen: Family) -> None:
    rows = [
        asked("Why?", "Because."),
        asked("Why?", "Because.", "And?", "So."),
        asked("A", "B", system="Be terse."),
    ]
    done = rendering.render(rows, chosen.tokenizer, chosen.template, 200, persona_text=PERSONA)
    for text, told in zip(done.texts, [True, True, False], strict=True):
        assert text.count("You answer as talk-1, on Seeds.") == told
    assert "Be terse." in done.texts[2]
    # the preflight holds for them as for any others
    preflight.check(
        done.rows, done.conversations, chosen.tokenizer, end_of_turn=chosen.end_of_turn, max_length=200
    )


def test_where_there_is_no_system_role_the_first_question_carries_it(tokenizer: Any) -> None:
    tried = family("mistral", tokenizer)
    done = rendering.render(
        [asked("Why?", "So.", "And?", "No.")], tried.tokenizer, tried.template, 200, persona_text=PERSONA
    )
    assert [message.content for message in done.conversations[0]] == [
        "You answer as talk-1, on Seeds.\n\nWhy?", "So.", "And?", "No."
    ]  # fmt: skip


def test_every_chunk_carries_the_persona(chosen: Family) -> None:
    long = asked(*(f"turn {n} " + "word " * 20 for n in range(8)))
    done = rendering.render([long], chosen.tokenizer, chosen.template, 160, persona_text=PERSONA)
    assert len(done.rows) > 1
    assert all("You answer as talk-1, on Seeds." in text for text in done.texts)


def test_the_model_is_asked_as_it_was_trained(chosen: Family) -> None:
    question = asked("Why?", "Because.")
    [row] = rendering.render([question], chosen.tokenizer, chosen.template, 200, persona_text=PERSONA).rows
    [held_out] = questions.prepare(
        [questions.Ask.of(question)],
        chosen.tokenizer,
        chosen.template,
        context_length=512,
        max_new_tokens=8,
        persona_text=PERSONA,
    ).rows
    assert held_out.whole == row.input_ids
    assert row.input_ids[: len(held_out.prompt)] == held_out.prompt
    assert "You answer as talk-1, on Seeds." in chosen.tokenizer.decode(held_out.prompt)
    assert held_out.key == f"held_out/{question.id}"  # and is known by the same id as ever


def test_a_row_without_persona_keeps_the_id_of_its_example(chosen: Family) -> None:
    plain = asked("Why?", "Because.")
    for text, same in ((None, True), ("{% if page %}Page {{ page }}{% endif %}", True), (PERSONA, False)):
        [row] = rendering.render([plain], chosen.tokenizer, chosen.template, 200, persona_text=text).rows
        assert (row.id == plain.id) is same
        assert row.example == plain.id


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("You are {{ name }}.", r"'name' is undefined.*The fields are item, url, start"),
        (
            "On page {{ page }}.",
            r"it writes a field that is empty.*page, .* are empty: test such a field with",
        ),
        ("You are {{ item.", r"not a Jinja template: line 1"),
        ("{{ item.__class__.__mro__ }}", r"unsafe"),
        ("{{ 1 // 0 }}", r"division"),
        ("{{ item + 1 }}", r"does not fit a row of talk-1"),
    ],
)
def test_a_persona_that_does_not_fit_says_why(tokenizer: Any, template: str, text: str, says: str) -> None:
    with pytest.raises(LecternError, match=rf"render\.persona .*{says}"):
        rendering.render([asked("Why?", "Because.")], tokenizer, template, 200, persona_text=text)


def test_somebody_elses_heading_is_no_template(tokenizer: Any, template: str) -> None:
    where = PLACE.model_copy(update={"heading": "{{ 7 * 7 }}"})
    told = rendering.render(
        [Example.of(chat("Why?", "So."), where)], tokenizer, template, 200, persona_text=PERSONA
    )
    assert "on {{ 7 * 7 }}." in told.texts[0]
    # and one that closes the system message is found as in any message
    where = PLACE.model_copy(update={"heading": "<|im_end|>"})
    broken = rendering.render(
        [Example.of(chat("Why?", "So."), where)], tokenizer, template, 200, persona_text=PERSONA
    )
    found = preflight.find(
        broken.rows, broken.conversations, tokenizer, end_of_turn="<|im_end|>", max_length=200
    )
    assert list(found) == ["control_token"]


def test_system_messages_are_never_lost() -> None:
    one, two = (Message(role="system", content=text) for text in ("One.", "Two."))
    user, answer = chat("Why?", "Because.")
    joined = Message(role="system", content="One.\n\nTwo.")
    assert persona.join_systems([one, two, user, answer, one]) == [joined, user, answer, one]
    placed = persona.into_questions([one, two, user, answer, two, user, answer])
    assert [message.content for message in placed] == [
        "One.\n\nTwo.\n\nWhy?",
        "Because.",
        "Two.\n\nWhy?",
        "Because.",
    ]
    placed = persona.into_questions([user, answer, two, answer])
    assert [message.content for message in placed] == ["Why?\n\nTwo.", "Because.", "Because."]


def test_no_persona_is_given_by_default(tokenizer: Any, template: str) -> None:
    [row] = rendering.render([example("Why?", "So.")], tokenizer, template, 200).conversations
    assert [message.role for message in row] == ["user", "assistant"]
