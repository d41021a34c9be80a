"""The texts of the shipped templates against the formats as their makers publish them."""

import pytest

from lectern.models import chat_format

ASKED = [
    {"role": "user", "content": "Why?"},
    {"role": "assistant", "content": "Because."},
    {"role": "user", "content": "And then?"},
    {"role": "assistant", "content": "It ends."},
]
FORMATS = {
    "llama2.jinja": "<s>[INST] Why? [/INST] Because. </s><s>[INST] And then? [/INST] It ends. </s>",
    "mistral_v3.jinja": "<s>[INST] Why?[/INST] Because.</s>[INST] And then?[/INST] It ends.</s>",
    "phi_qa.jinja": "question: Why? answer: Because.</s>question: And then? answer: It ends.</s>",
}


def render(file: str, messages: list[dict[str, str]]) -> tuple[str, list[str]]:
    """The text, and the parts of it that are trained."""
    from transformers.utils.chat_template_utils import render_jinja_template

    texts, spans = render_jinja_template(
        conversations=[messages],
        chat_template=(chat_format.FOLDER / file).read_text(),
        return_assistant_tokens_mask=True,
        bos_token="<s>",
        eos_token="</s>",
    )
    return texts[0], [texts[0][start:end] for start, end in spans[0]]


@pytest.mark.parametrize(("file", "text"), FORMATS.items())
def test_a_conversation_is_written_as_the_model_was_trained(file: str, text: str) -> None:
    assert render(file, ASKED)[0] == text


@pytest.mark.parametrize("file", FORMATS)
def test_each_answer_is_trained_with_its_end_and_nothing_else(file: str) -> None:
    trained = render(file, ASKED)[1]
    assert [part.removesuffix("</s>").strip() for part in trained] == ["Because.", "It ends."]
    assert all(part.endswith("</s>") for part in trained)


@pytest.mark.parametrize("file", FORMATS)
def test_the_prompt_is_the_beginning_of_the_conversation(file: str) -> None:
    assert render(file, ASKED)[0].startswith(render(file, ASKED[:3])[0])


def test_llama2_puts_the_system_message_into_the_first_question() -> None:
    text, _ = render("llama2.jinja", [{"role": "system", "content": "Be terse."}, *ASKED[:1]])
    assert text == "<s>[INST] <<SYS>>\nBe terse.\n<</SYS>>\n\nWhy? [/INST]"


def test_mistral_refuses_a_system_message() -> None:
    with pytest.raises(Exception, match="no system message"):
        render("mistral_v3.jinja", [{"role": "system", "content": "Be terse."}, *ASKED])


def test_phi_reads_the_system_message_first() -> None:
    text, trained = render("phi_qa.jinja", [{"role": "system", "content": "Be terse."}, *ASKED[:2]])
    assert text == "Be terse.\n\nquestion: Why? answer: Because.</s>"
    assert trained == [" Because.</s>"]
