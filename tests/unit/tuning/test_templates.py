from typing import Any

import pytest

from stages.core.errors import LecternError
from stages.tuning import templates
from tests.unit.tuning.tiny import chat

CHATS = [
    chat("Why a seed?", "So that a run repeats."),
    chat("Why?", "Because.", "And then?", "It runs again."),
    chat("Why?", "Because.", system="You are terse."),
    chat("Warum? 为什么 🙂", "Ünïcödé, 因为.\n\n1. one\n2. two  "),
    chat("A question", " an answer with white space before it"),
]


@pytest.mark.parametrize("messages", CHATS)
def test_training_renders_what_serving_renders(tokenizer: Any, template: str, messages: Any) -> None:
    (trained,) = templates.encode(tokenizer, [messages], template)
    # the model must meet in service the very tokens that it was trained on, default system message included
    assert [trained.input_ids] == templates.serve(tokenizer, [messages], answering=False)
    (prompt,) = templates.serve(tokenizer, [messages[:-1]], answering=True)
    assert trained.input_ids[: len(prompt)] == prompt


@pytest.mark.parametrize("messages", CHATS)
def test_answers_and_their_ends_are_trained_and_nothing_else(
    tokenizer: Any, template: str, messages: Any
) -> None:
    (whole,) = templates.encode(tokenizer, [messages], template)
    trained = [token for token, counts in zip(whole.input_ids, whole.assistant_mask, strict=True) if counts]
    # one forerunner trains the host's turns too, another loses the token that ends an answer
    assert tokenizer.decode(trained) == "".join(
        f"{message.content}<|im_end|>" for message in messages if message.role == "assistant"
    )


def test_a_batch_gives_what_single_calls_give(tokenizer: Any, template: str) -> None:
    # batching is for speed alone: no padding may appear in a row
    assert templates.encode(tokenizer, CHATS, template) == [
        templates.encode(tokenizer, [messages], template)[0] for messages in CHATS
    ]
    assert templates.encode(tokenizer, [], template) == []


def test_a_template_without_marks_is_refused(tokenizer: Any) -> None:
    # the model's own template says nothing about what is trained
    with pytest.raises(LecternError, match=r"no \{% generation %\} mark.*chat_templates"):
        templates.training_template(tokenizer, None)


def test_an_unknown_template_names_the_known_ones(tokenizer: Any) -> None:
    with pytest.raises(LecternError, match=r"no smollm3.jinja.*smollm2\.jinja"):
        templates.training_template(tokenizer, "smollm3.jinja")
