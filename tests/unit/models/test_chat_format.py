import copy
import resource
import signal
from typing import Any

import pytest

from lectern.core.errors import LecternError
from lectern.models import chat_format
from tests.support.tiny import chat

CHATS = [
    chat("Why a seed?", "So that a run repeats."),
    chat("Why?", "Because.", "And then?", "It runs again."),
    chat("Why?", "Because.", system="You are terse."),
    chat("Warum? 为什么 🙂", "Ünïcödé, 因为.\n\n1. one\n2. two  "),
    chat("A question", " an answer with white space before it"),
]


@pytest.mark.parametrize("messages", CHATS)
def test_training_renders_what_serving_renders(tokenizer: Any, template: str, messages: Any) -> None:
    (trained,) = chat_format.encode(tokenizer, [messages], template)
    # the model must meet in service the very tokens that it was trained on, default system message included
    assert [trained.input_ids] == chat_format.serve(tokenizer, [messages], answering=False)
    (prompt,) = chat_format.serve(tokenizer, [messages[:-1]], answering=True)
    assert trained.input_ids[: len(prompt)] == prompt


@pytest.mark.parametrize("messages", CHATS)
def test_answers_and_their_ends_are_trained_and_nothing_else(
    tokenizer: Any, template: str, messages: Any
) -> None:
    (whole,) = chat_format.encode(tokenizer, [messages], template)
    trained = [token for token, counts in zip(whole.input_ids, whole.assistant_mask, strict=True) if counts]
    # one forerunner trains the host's turns too, another loses the token that ends an answer
    assert tokenizer.decode(trained) == "".join(
        f"{message.content}<|im_end|>" for message in messages if message.role == "assistant"
    )


def test_a_batch_gives_what_single_calls_give(tokenizer: Any, template: str) -> None:
    # batching is for speed alone: no padding may appear in a row
    assert chat_format.encode(tokenizer, CHATS, template) == [
        chat_format.encode(tokenizer, [messages], template)[0] for messages in CHATS
    ]
    assert chat_format.encode(tokenizer, [], template) == []


def test_a_template_without_marks_is_refused(tokenizer: Any) -> None:
    # the model's own template says nothing about what is trained
    with pytest.raises(LecternError, match=r"no \{% generation %\} mark.*chat_templates"):
        chat_format.training_template(tokenizer, None)


def test_a_tokenizer_that_would_cut_does_not(tokenizer: Any, template: str) -> None:
    """Many a tokenizer.json still holds the length that its model was trained with, and the padding."""
    long = chat("Count.", "one two three " * 50)
    [whole] = chat_format.encode(tokenizer, [long], template)
    cutting = copy.deepcopy(tokenizer)
    for _ in range(2):
        cutting.backend_tokenizer.enable_truncation(max_length=20)
        cutting.backend_tokenizer.enable_padding(length=1_000)
        assert chat_format.encode(cutting, [long], template) == [whole]


def test_a_shorter_text_takes_its_tokens_from_a_longer_one(tokenizer: Any, template: str) -> None:
    special = frozenset(chat_format.special_tokens(tokenizer))
    messages = chat("Why?", "漢字.", "And?", "It ends.")
    longer, shorter = chat_format.encode(tokenizer, [messages, messages[:2]], template)
    assert chat_format.begin_of(longer, shorter.text, special) == shorter
    # but not where the text goes on within a token, or without a control token at the place, or otherwise
    inside = longer.text.index("Why") + 1
    for text in (longer.text[:inside], longer.text[: inside + 2], shorter.text + "x", longer.text):
        assert chat_format.begin_of(longer, text, special) is None


def test_a_slow_tokenizer_is_refused() -> None:
    with pytest.raises(LecternError, match=r"str is not a fast tokenizer.*tokenizer\.json"):
        chat_format.tokenize("slow", ["text"])


def test_a_template_that_fails_says_why(tokenizer: Any) -> None:
    for template, says in (
        ("{{ raise_exception('Roles must alternate') }}", "Roles must alternate"),
        ("{{ messages[0]['content'] + 1 }}", "can only concatenate"),
        ("{% if %}", "Expected an expression"),
    ):
        with pytest.raises(chat_format.RefusedError, match=f"the chat template says: {says}"):
            chat_format.write(tokenizer, CHATS, template)


def test_an_unknown_template_names_the_known_ones(tokenizer: Any) -> None:
    with pytest.raises(LecternError, match=r"no smollm3.jinja.*smollm2\.jinja"):
        chat_format.training_template(tokenizer, "smollm3.jinja")


LOOPS = {
    "nested ranges": "{% for a in range(100000) %}{% for b in range(100000) %}x{% endfor %}{% endfor %}",
    "ranges that write nothing": "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
    "products": "{% set n = namespace(a='xx') %}{% for i in range(40) %}{% set n.a = n.a * 2 %}{% endfor %}{{ n.a }}",
}


@pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS)
def test_a_template_that_takes_all_time_or_memory_is_stopped(
    tokenizer: Any, loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat_format, "SECONDS", 0.5)
    kinds = (resource.RLIMIT_DATA, resource.RLIMIT_CPU)
    before = [resource.getrlimit(kind) for kind in kinds], signal.getsignal(signal.SIGVTALRM)
    with pytest.raises(LecternError, match="the chat template takes more than") as raised:
        chat_format.write(tokenizer, [chat("Why?", "Because.")], loop)
    assert not isinstance(raised.value, chat_format.RefusedError), "else each row would be tried by itself"
    monkeypatch.setattr(tokenizer, "chat_template", loop)
    with pytest.raises(LecternError, match="the chat template takes more than"):
        chat_format.serve(tokenizer, [chat("Why?", "Because.")], answering=True)
    assert ([resource.getrlimit(kind) for kind in kinds], signal.getsignal(signal.SIGVTALRM)) == before
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)


def test_a_template_that_takes_all_memory_is_stopped(tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_format, "MEGABYTES", 200)
    with pytest.raises(LecternError, match="the chat template takes more than 200 MB of memory"):
        chat_format.write(tokenizer, [chat("Why?", "Because.")], "{{ 'x' * 400000000 }}")
    assert chat_format.write(tokenizer, [chat("Why?", "Because.")], "{{ 'x' * 10000000 }}")


def test_a_thread_of_a_server_may_render(tokenizer: Any, template: str) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(chat_format.write, tokenizer, [chat("Why?", "Because.")], template).result()
    assert found == chat_format.write(tokenizer, [chat("Why?", "Because.")], template)
