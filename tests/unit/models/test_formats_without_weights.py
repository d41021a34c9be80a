"""Base models whose weights no test can load: their formats in tokens. `test_architectures` goes their whole path."""

import copy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lectern.core.errors import LecternError
from lectern.core.schema import Message, Provenance, TokenRow
from lectern.models import chat_format, generation, loading
from lectern.settings.base_model import BaseModelSettings
from lectern.training import preflight
from tests.settings import configure
from tests.support import real_tokenizers as makers
from tests.support.tiny import TINY, chat

TEXT = st.text(
    st.characters(
        max_codepoint=0x1FFFF,
        exclude_categories=["Cs", "Cc"],
        exclude_characters="<|",
        include_characters="\n",
    ),
    min_size=1,
    max_size=40,
)
"""without what the stand-in's tokenizer has no tokens for"""


@st.composite
def conversations(draw: st.DrawFn) -> list[Message]:
    contents = draw(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=3))
    system = draw(st.none() | TEXT)
    return chat(*[content for pair in contents for content in pair], system=system)


@pytest.fixture(scope="module")
def llama3() -> Any:
    """A tokenizer with Llama 3's control tokens, which serves with its format."""
    tokenizer = makers.as_llama3(loading.get_tokenizer(TINY))
    tokenizer.chat_template = chat_format.without_marks((chat_format.FOLDER / "llama3.jinja").read_text())
    return tokenizer


@pytest.fixture(scope="module")
def phi() -> Any:
    """A tokenizer as Phi-1.5's: the same token begins and ends a text, and there is no template but ours."""
    tokenizer = copy.deepcopy(loading.get_tokenizer(TINY))
    tokenizer.bos_token = tokenizer.eos_token = tokenizer.pad_token = "<|endoftext|>"
    tokenizer.chat_template = chat_format.without_marks((chat_format.FOLDER / "phi_qa.jinja").read_text())
    return tokenizer


def check(tokenizer: Any, file: str, end_of_turn: str, messages: Sequence[Message]) -> chat_format.Encoded:
    """The conversation in tokens, when it is sound."""
    [whole] = chat_format.encode(tokenizer, [messages], (chat_format.FOLDER / file).read_text())
    row = TokenRow(
        id="row",
        example="row",
        input_ids=whole.input_ids,
        assistant_masks=[1 if trained else 0 for trained in whole.assistant_mask],
        provenance=Provenance(item="talk", method="test"),
    )
    preflight.check([row], [messages], tokenizer, end_of_turn=end_of_turn, max_length=10_000)
    return whole


def written_as_llama3(tokenizer: Any, messages: Sequence[Message], *, answering: bool = False) -> list[int]:
    """Llama 3's format, token by token, as its model card describes it."""

    def control(name: str) -> list[int]:
        [token] = [tokenizer.convert_tokens_to_ids(name)]
        assert token is not None
        return [token]

    def text(content: str) -> list[int]:
        return list(tokenizer(content, add_special_tokens=False)["input_ids"])

    ids = control("<|begin_of_text|>")
    for role, content in [(m.role, m.content) for m in messages] + [("assistant", "")] * answering:
        ids += control("<|start_header_id|>") + text(role) + control("<|end_header_id|>")
        ids += text("\n\n" + content.strip())
        ids += [] if answering and not content else control("<|eot_id|>")
    return ids


@given(conversations())
@settings(deadline=None)
def test_llama3_is_written_token_for_token(llama3: Any, messages: list[Message]) -> None:
    template = (chat_format.FOLDER / "llama3.jinja").read_text()
    [whole] = chat_format.encode(llama3, [messages], template)
    assert whole.input_ids == written_as_llama3(llama3, messages)
    [prompt] = chat_format.serve(llama3, [messages[:-1]], answering=True)
    assert prompt == written_as_llama3(llama3, messages[:-1], answering=True)


@given(conversations())
@settings(deadline=None)
def test_phi_rows_pass_the_preflight(phi: Any, messages: list[Message]) -> None:
    whole = check(phi, "phi_qa.jinja", "<|endoftext|>", messages)
    # each answer is trained with the token that ends it, and nothing else
    answers = [message.content for message in messages if message.role == "assistant"]
    trained = [token for token, mask in zip(whole.input_ids, whole.assistant_mask, strict=True) if mask]
    assert phi.decode(trained) == "".join(f" {answer}<|endoftext|>" for answer in answers)


@pytest.mark.parametrize(
    "messages",
    [
        chat("Why?", "Because."),
        chat("Why?", "Because.", "And then?", "It ends.", system="Be terse."),
        chat(" Warum? 为什么 🙂 ", "Ünïcödé, 因为.\n\n1. one"),
    ],
)
def test_llama3_rows_pass_the_preflight(llama3: Any, messages: list[Message]) -> None:
    whole = check(llama3, "llama3.jinja", "<|eot_id|>", messages)
    trained = [token for token, mask in zip(whole.input_ids, whole.assistant_mask, strict=True) if mask]
    assert llama3.decode(trained) == "".join(
        f"{message.content}<|eot_id|>" for message in messages if message.role == "assistant"
    )


@pytest.mark.parametrize("file", sorted(path.name for path in chat_format.FOLDER.glob("*.jinja")))
@pytest.mark.parametrize("answering", [False, True])
def test_without_marks_a_template_renders_the_same(tokenizer: Any, file: str, answering: bool) -> None:
    marked = (chat_format.FOLDER / file).read_text()
    plain = chat_format.without_marks(marked)
    assert "generation -%}" in marked
    assert "generation -%}" not in plain
    messages = [{"role": m.role, "content": m.content} for m in chat(" Why?", "Because. ", "And?", "So.")]
    texts = [
        tokenizer.apply_chat_template(
            messages, chat_template=template, tokenize=False, add_generation_prompt=answering
        )
        for template in (marked, plain)
    ]
    assert texts[0] == texts[1]


def test_a_model_without_a_template_says_what_to_do(tmp_path: Path, tokenizer: Any) -> None:
    bare = copy.deepcopy(tokenizer)
    bare.chat_template = None
    bare.save_pretrained(tmp_path)
    base = configure(
        BaseModelSettings,
        name="bare",
        source="hub",
        hub_id=str(tmp_path),
        context_length=64,
        end_of_turn="<|im_end|>",
    )
    with pytest.raises(LecternError, match=r"bare has no chat template of its own\..*own_template: false"):
        loading.get_tokenizer(base)


def test_a_model_ends_with_each_of_its_ends(model: Any, tokenizer: Any) -> None:
    """Llama 3 ends a turn with one token and a text with another, which only its generation config names."""
    ends: Callable[[], set[int]] = lambda: generation.stop_tokens(model, tokenizer, "<file_sep>")  # noqa: E731
    known = {tokenizer.convert_tokens_to_ids("<file_sep>"), tokenizer.eos_token_id}
    before = model.generation_config.eos_token_id
    try:
        for named, expected in ((None, known), (7, known | {7}), ([7, 9], known | {7, 9})):
            model.generation_config.eos_token_id = named
            assert ends() == expected
    finally:
        model.generation_config.eos_token_id = before
