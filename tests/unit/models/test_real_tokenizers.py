"""Each shipped chat format with the real vocabulary of its model: the same tokens as the maker's own template.

What could not be had, because it comes in no package: Llama 2's own template (its format is written out here, exchange
by exchange, as Meta's reference code encodes it); the tokenizer of Phi-1.5 (GPT-2's vocabulary stands for it, which it
extends by runs of spaces); Qwen3's (Qwen2's stands for it, with the same control tokens of a chat); and SmolLM2 1.7B's
(the packaged model's stands for it). The tokenizers are those that transformers makes of a vocabulary; of Mistral's, it
divides runs of spaces otherwise than SentencePiece does.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lectern.core import params
from lectern.core.schema import Message, Provenance, TokenRow
from lectern.models import chat_format
from lectern.models.packaged import converted
from lectern.settings.base_model import BaseModelSettings
from lectern.training import preflight
from tests.support import real_tokenizers as makers
from tests.support.tiny import chat

pytestmark = pytest.mark.slow  # the first time, 80 MB are downloaded

SHIPPED = [
    "llama2_7b_chat",
    "llama3_8b_instruct",
    "mistral_7b_instruct",
    "phi_1_5",
    "qwen3_4b_instruct",
    "smollm2_1_7b_instruct",
    "smollm2_135m",
]
TEXT = st.text(
    st.characters(max_codepoint=0x1FFFF, exclude_categories=["Cs", "Cc", "Cn"], exclude_characters="<>[]|")
    | st.sampled_from("\n\t "),
    min_size=1,
    max_size=40,
).filter(str.strip)
EXAMPLES = settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@st.composite
def conversations(draw: st.DrawFn, system: bool = True) -> list[Message]:
    pairs = draw(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=3))
    first = draw(st.none() | TEXT) if system else None
    return chat(*[content for pair in pairs for content in pair], system=first)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The tokenizer of each model, serving with its maker's template where that could be had, else with ours."""
    from transformers import AutoTokenizer

    smollm2 = AutoTokenizer.from_pretrained(converted("smollm2_135m"))
    found = {
        "llama2_7b_chat": makers.vocabulary("llama-spm"),
        "llama3_8b_instruct": makers.vocabulary("llama-bpe"),
        "mistral_7b_instruct": makers.mistral_tokenizer(tmp_path_factory.mktemp("mistral")),
        "phi_1_5": makers.vocabulary("gpt-2"),
        "qwen3_4b_instruct": makers.vocabulary("qwen2"),
        "smollm2_1_7b_instruct": smollm2,
        "smollm2_135m": smollm2,
    }
    found["llama3_8b_instruct"].chat_template = makers.template_in_trl("llama3")
    found["mistral_7b_instruct"].chat_template = makers.template_in_llama_cpp("Mistral-Large-Instruct-2407")
    found["qwen3_4b_instruct"].chat_template = makers.template_in_trl("qwen3_instruct_2507")
    for name in ("llama2_7b_chat", "phi_1_5"):
        found[name].chat_template = chat_format.without_marks(ours(name))
    return found


def base(name: str) -> BaseModelSettings:
    from omegaconf import OmegaConf

    return params.parse(OmegaConf.load(f"conf/base_model/{name}.yaml"), BaseModelSettings, name)


def ours(name: str) -> str:
    return (chat_format.FOLDER / str(base(name).chat_template)).read_text(encoding="utf-8")


def rendered(tokenizer: Any, name: str, messages: Sequence[Message]) -> TokenRow:
    """The row that is trained, after preflight has compared it with what the maker's template gives."""
    [whole] = chat_format.encode(tokenizer, [messages], ours(name))
    row = TokenRow(
        id="row",
        example="row",
        input_ids=whole.input_ids,
        assistant_masks=[1 if trained else 0 for trained in whole.assistant_mask],
        provenance=Provenance(item="talk", method="test"),
    )
    preflight.check([row], [messages], tokenizer, end_of_turn=base(name).end_of_turn, max_length=10_000)
    return row


@pytest.mark.parametrize("name", SHIPPED)
@EXAMPLES
@given(data=st.data())
def test_a_row_is_what_the_makers_template_gives(
    real: dict[str, Any], name: str, data: st.DataObject
) -> None:
    messages = data.draw(conversations(system=name != "mistral_7b_instruct"))
    tokenizer = real[name]
    row = rendered(tokenizer, name, messages)
    assert [row.input_ids] == chat_format.serve(tokenizer, [messages], answering=False)
    # the prompt that a server makes is the beginning of the row
    [prompt] = chat_format.serve(tokenizer, [messages[:-1]], answering=True)
    assert row.input_ids[: len(prompt)] == prompt
    # each answer ends in the one token that ends a turn, trained
    end = tokenizer.convert_tokens_to_ids(base(name).end_of_turn)
    trained = [token for token, mask in zip(row.input_ids, row.assistant_masks, strict=True) if mask]
    assert trained.count(end) == sum(message.role == "assistant" for message in messages)
    assert trained[-1] == end


@pytest.mark.parametrize("name", SHIPPED)
def test_the_end_of_a_turn_is_one_token(real: dict[str, Any], name: str) -> None:
    text = base(name).end_of_turn
    ids = real[name](text, add_special_tokens=False)["input_ids"]
    assert ids == [real[name].convert_tokens_to_ids(text)]
    assert real[name].decode(ids) == text


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("llama2_7b_chat", 2),  # once in each exchange
        ("llama3_8b_instruct", 1),
        ("mistral_7b_instruct", 1),
        ("qwen3_4b_instruct", 0),
    ],
)
def test_a_text_begins_as_often_as_the_model_was_trained(
    real: dict[str, Any], name: str, begins: int
) -> None:
    row = rendered(real[name], name, chat("Why?", "Because.", "And?", "So."))
    assert row.input_ids.count(real[name].bos_token_id) == begins
    assert (row.input_ids[0] == real[name].bos_token_id) == (begins > 0)


@EXAMPLES
@given(messages=conversations())
def test_llama2_is_encoded_as_metas_reference_code_does(
    real: dict[str, Any], messages: list[Message]
) -> None:
    """Exchange by exchange: `[INST] question [/INST] answer ` between two control tokens (llama, generation.py)."""
    import copy

    from tokenizers.pre_tokenizers import Metaspace

    # SentencePiece puts a space before whatever it is given, so also before each exchange
    tokenizer = copy.deepcopy(real["llama2_7b_chat"])
    tokenizer.backend_tokenizer.pre_tokenizer = Metaspace(prepend_scheme="always", split=False)
    contents = [message.content for message in messages]
    if messages[0].role == "system":
        contents[1] = f"<<SYS>>\n{contents[0]}\n<</SYS>>\n\n{contents[1]}"
        del contents[0]
    expected = []
    for asked, answer in zip(contents[::2], contents[1::2], strict=True):
        text = f"[INST] {asked.strip()} [/INST] {answer.strip()} "
        expected += [1, *tokenizer(text, add_special_tokens=False)["input_ids"], 2]
    assert chat_format.encode(tokenizer, [messages], ours("llama2_7b_chat"))[0].input_ids == expected


def test_mistrals_own_encoder_gives_the_same_prompts(real: dict[str, Any]) -> None:
    asked = [
        chat("Why?"),
        chat("Why?", "Because.", "And then?"),
        chat("Warum? 为什么 🙂", "Ünïcödé, 因为.\n\n1. one", "two\n\nlines\tand a tab"),
        chat("What is [1, 2]?", "A list: `[1, 2]`.", "And </a>?", "A tag.", "So?"),
    ]
    plain = [[{"role": one.role, "content": one.content} for one in messages] for messages in asked]
    tokenizer = real["mistral_7b_instruct"]
    for messages, tokens in zip(asked, makers.mistral_tokens(plain), strict=True):
        ids = chat_format.encode(tokenizer, [messages], ours("mistral_7b_instruct"))[0].input_ids
        assert ids == tokens


def test_phi_learns_the_space_before_an_answer(real: dict[str, Any]) -> None:
    tokenizer = real["phi_1_5"]
    row = rendered(tokenizer, "phi_1_5", chat("Why?", "Because."))
    trained = [token for token, mask in zip(row.input_ids, row.assistant_masks, strict=True) if mask]
    assert tokenizer.convert_ids_to_tokens(trained) == ["ĠBecause", ".", "<|endoftext|>"]


def test_what_is_pinned_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LECTERN_CACHE", str(tmp_path))
    changed = makers.Archive(*makers.MISTRAL, dict.fromkeys(makers.MISTRAL_V3.files, "0" * 64))
    with pytest.raises(AssertionError, match="is not what was pinned"):
        makers.fetch(changed)
    assert list(tmp_path.iterdir()) == []
