"""Models of today: thinking that is switched off, turns that end with another token than texts do, dates in templates.

What is trained, what a server sends, and what the other programs are told must be the same tokens.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lectern.core.schema import Message
from lectern.models import chat_format, generation, loading
from lectern.training import persona, preflight, rendering
from tests.support import real_tokenizers as makers
from tests.support import todays_models as today
from tests.support.tiny import chat, example

SHARED = settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
TEXT = st.text(
    st.characters(max_codepoint=0x1FFFF, exclude_categories=["Cs", "Cc", "Cn"], exclude_characters="<|>"),
    min_size=1,
    max_size=30,
).filter(str.strip)
THOUGHT = "<think>\nFirst this, then that.\n</think>\n\n"
WITHOUT_THINKING = ["qwen3_1_7b", "smollm3_3b"]
every_model = pytest.mark.parametrize("name", today.KINDS)


@st.composite
def conversations(draw: st.DrawFn) -> list[Message]:
    pairs = draw(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=5))
    return chat(*[text for pair in pairs for text in pair], system=draw(st.none() | TEXT))


@pytest.fixture(scope="module")
def tokenizers(tokenizer: Any) -> dict[str, Any]:
    return {name: today.get_tokenizer(name, tokenizer) for name in today.KINDS}


def render(name: str, tokenizer: Any, *contents: str, system: str | None = None) -> rendering.Rendered:
    return rendering.render([example(*contents, system=system)], tokenizer, today.ours(name), 2000)


def makers_text(name: str, tokenizer: Any, messages: Sequence[Message], **options: Any) -> str:
    """The text of the maker's own template, with thinking off and the date on which it was made."""
    return str(
        tokenizer.apply_chat_template(
            [message.model_dump() for message in messages],
            chat_template=makers.template_in_trl(str(today.KINDS[name].own)),
            tokenize=False,
            enable_thinking=False,
            date_string="26 Jul 2024",
            **options,
        )
    )


@every_model
@SHARED
@given(messages=conversations())
def test_each_answer_is_trained_behind_the_prompt_that_a_server_sends(
    tokenizers: dict[str, Any], name: str, messages: list[Message]
) -> None:
    tokenizer, end = tokenizers[name], today.shipped(name).end_of_turn
    rendered = rendering.render(
        [example(*[m.content for m in messages if m.role != "system"], system=_system(messages))],
        tokenizer,
        today.ours(name),
        2000,
    )
    assert preflight.find_faults(rendered, tokenizer, end, 2000) == {}
    [row] = rendered.rows
    placed = persona.shape(tokenizer, today.ours(name), None).place(messages)
    for at, message in enumerate(placed):
        if message.role == "assistant":
            [prompt] = chat_format.serve(tokenizer, [placed[:at]], answering=True)
            assert row.input_ids[: len(prompt)] == prompt
            assert row.assistant_masks[len(prompt) - 1 : len(prompt) + 1] == [0, 1]
    last = max(at for at, trained in enumerate(row.assistant_masks) if trained)
    assert row.input_ids[last] == tokenizer.convert_tokens_to_ids(end)


def _system(messages: Sequence[Message]) -> str | None:
    return messages[0].content if messages[0].role == "system" else None


@pytest.mark.parametrize("name", [name for name, kind in today.KINDS.items() if kind.own])
@SHARED
@given(messages=conversations())
def test_a_prompt_is_the_one_of_the_makers_own_template(
    tokenizers: dict[str, Any], name: str, messages: list[Message]
) -> None:
    if name in WITHOUT_THINKING:  # in the history its maker leaves the empty blocks out
        messages = messages[: -(len([m for m in messages if m.role != "system"]) - 1) or None][:2]
        messages = [message for message in messages if message.role != "assistant"]
    else:
        messages = messages[:-1]
    tokenizer = tokenizers[name]
    placed = persona.shape(tokenizer, today.ours(name), None).place(messages)
    [text] = chat_format.write(tokenizer, [placed], answering=True)
    assert text == makers_text(name, tokenizer, messages, add_generation_prompt=True)


def test_a_whole_exchange_of_qwen3_is_the_one_of_its_makers_template(tokenizers: dict[str, Any]) -> None:
    tokenizer, messages = tokenizers["qwen3_1_7b"], chat("Why?", "Because.", system="Be terse.")
    [text] = chat_format.write(tokenizer, [messages])
    assert text == makers_text("qwen3_1_7b", tokenizer, messages)


@pytest.mark.slow  # the first time, 77 MB are downloaded
def test_smollm3_is_written_as_in_llama_cpps_copy_of_its_template(tokenizers: dict[str, Any]) -> None:
    """That copy was changed for other programs, and writes no date either."""
    tokenizer, copied = (
        tokenizers["smollm3_3b"],
        makers.template_file_in_llama_cpp("HuggingFaceTB-SmolLM3-3B"),
    )
    for messages in (chat("Why?"), chat("Why?", "Because.", "So?"), chat("Why?", system="Be terse.")):
        plain = [message.model_dump() for message in messages]
        theirs = tokenizer.apply_chat_template(
            plain, chat_template=copied, tokenize=False, add_generation_prompt=True, enable_thinking=False
        )
        assert chat_format.write(tokenizer, [messages], answering=True) == [theirs]


@pytest.mark.parametrize("name", WITHOUT_THINKING)
def test_thinking_is_no_part_of_the_history(tokenizers: dict[str, Any], name: str) -> None:
    thought = chat("Why?", THOUGHT + "Because.", "And then?")
    plain = chat("Why?", "Because.", "And then?")
    served = chat_format.serve(tokenizers[name], [thought, plain], answering=True)
    assert served[0] == served[1]


@pytest.mark.parametrize("name", WITHOUT_THINKING)
@pytest.mark.parametrize("contents", [("Why?", THOUGHT + "Because."), ("Why <think>?", "Because.")])
def test_a_row_with_marks_of_thinking_is_left_out_and_named(
    tokenizers: dict[str, Any], name: str, contents: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    rendered = render(name, tokenizers[name], *contents)
    assert rendered.rows == []
    assert "it has the model's control token '<think>' in its text" in capsys.readouterr().err


@every_model
def test_the_same_row_has_the_same_tokens_on_another_day(
    tokenizers: dict[str, Any], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers.utils import chat_template_utils

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> "Later":
            return cls(2031, 5, 17)

    messages = chat("Why?", "Because.", system="Be terse.")
    placed = persona.shape(tokenizers[name], today.ours(name), None).place(messages)
    before = chat_format.serve(tokenizers[name], [placed], answering=False)
    monkeypatch.setattr(chat_template_utils, "datetime", Later)
    chat_template_utils._compile_jinja_template.cache_clear()
    assert chat_format.serve(tokenizers[name], [placed], answering=False) == before


@every_model
def test_generation_ends_at_the_end_of_a_turn_and_at_the_end_of_a_text(
    name: str, tmp_path: Path, tokenizer: Any
) -> None:
    import torch

    base = today.make(name, tmp_path, tokenizer)
    model, own = loading.get_model(base), loading.get_tokenizer(base)
    stop = generation.stop_tokens(model, own, base.end_of_turn)
    assert {own.convert_tokens_to_ids(base.end_of_turn), own.eos_token_id} <= stop
    [prompt] = chat_format.serve(own, [chat("Why?")], answering=True)
    for token in stop:
        head = model.get_output_embeddings()
        always = head.register_forward_hook(
            lambda _, __, logits, token=token: logits.index_fill(-1, torch.tensor([token]), 1e9)
        )
        try:
            [said] = generation.answer(
                model, [prompt], max_new_tokens=4, stop=stop, pad=own.pad_token_id, batch_size=1
            )
        finally:
            always.remove()
        assert (said.tokens, said.finished) == ([], True)
