import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from lectern.answering import turns
from lectern.core.errors import LecternError
from lectern.core.schema import Message
from lectern.models import chat_format
from tests.support.tiny import FAMILIES, TINY, chat, family

FILES = {
    "smollm2": "smollm2.jinja",
    "llama2": "llama2.jinja",
    "llama2_sentencepiece": "llama2.jinja",
    "mistral": "mistral_v3.jinja",
    "phi": "phi_qa.jinja",
}
# Llama 3's, but with one line break after a header: its own tokenizer knows two as a token, the packaged one does not.
LLAMA3 = (
    "{{- bos_token -}}{%- for message in messages -%}"
    "{{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n' -}}"
    "{%- if message['role'] == 'assistant' -%}{%- generation -%}{{- message['content'] + '<|eot_id|>' -}}"
    "{%- endgeneration -%}{%- else -%}{{- message['content'] + '<|eot_id|>' -}}{%- endif -%}{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|start_header_id|>assistant<|end_header_id|>\n' -}}{%- endif -%}"
)
TALK = chat(
    "What is a seed?", "It fixes the draws.", "Always?", "No, only in one thread.", system="You are Ada."
)
NEXT = "Why not in two, say?"

Get = Callable[[str], turns.Format]


@pytest.fixture(scope="module")
def form(tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Get:
    """The format of one of the families, or of Llama 3."""
    made: dict[str, turns.Format] = {}

    def get(name: str) -> turns.Format:
        if name not in made:
            if name == "llama3":
                own = copy.deepcopy(tokenizer)
                control = ["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
                own.add_special_tokens({"bos_token": "<s>", "extra_special_tokens": control})
                own.chat_template = LLAMA3  # has its marks, so that no file is needed
                base = replace(TINY, chat_template=None, end_of_turn="<|eot_id|>")
                made[name] = turns.get_format(base, own, None)
            else:
                kind = family(name, tokenizer)
                base = replace(TINY, chat_template=FILES[name], end_of_turn=kind.end_of_turn)
                made[name] = turns.get_format(base, kind.tokenizer, None)
        return made[name]

    return get


every_family = pytest.mark.parametrize("name", [*FAMILIES, "llama3"])


def render(form: turns.Format, messages: list[Message]) -> list[int]:
    return chat_format.serve(
        form.tokenizer, [form.shape.place(messages)], answering=messages[-1].role == "user"
    )[0]


def spoken(form: turns.Format, messages: list[Message], text: str, role: Any) -> tuple[list[int], list[int]]:
    """The tokens of the messages with one more, as a server writes them, divided where its turn begins."""
    begun = form.prompt(messages, role)
    whole = render(form, [*messages, Message(role=role, content=text)])
    assert whole[: len(begun)] == begun
    return begun, whole[len(begun) :]


def read(form: turns.Format, tokens: list[int], side: turns.Side, ends: set[int]) -> turns.Turn:
    """As generation does it: up to the first token that ends the turn."""
    stop = form.stop(side, ends)
    at = next((at for at, token in enumerate(tokens) if token in stop), None)
    return form.read(tokens[:at], at is not None, side)


def ends_of(form: turns.Format) -> set[int]:
    return {form.tokenizer.convert_tokens_to_ids(form.end_of_turn)}


@every_family
def test_each_turn_begins_and_ends_where_the_template_has_it(name: str, form: Get) -> None:
    own = form(name)
    before = TALK[:-1]

    # property: up to a turn the tokens are those of the finished conversation, whoever speaks: nothing is added to the
    # template's, and no token is cut in two
    _, answer = spoken(own, before, "No, only in one thread.", "assistant")
    _, question = spoken(own, TALK, NEXT, "user")
    # property: what stands there is read as just what was said, and as finished
    for tokens, side, text in ((answer, "assistant", TALK[-1].content), (question, "user", NEXT)):
        assert read(own, tokens, side, ends_of(own)) == turns.Turn(text, text, True)
    # property: the guest's prompt is that of a server
    assert own.prompt(before, "assistant") == render(own, before)


@every_family
def test_a_turn_that_reaches_its_limit_is_unfinished(name: str, form: Get) -> None:
    own = form(name)
    _, question = spoken(own, TALK, NEXT, "user")
    cut = own.read(question[:3], False, "user")

    # property: it is the beginning of what was said, without a tag
    assert not cut.finished
    assert cut.text == cut.said
    assert NEXT.startswith(cut.said)
    assert cut.said


@every_family
def test_a_turn_that_opens_the_other_ones_shows_its_tag_and_goes_no_further(name: str, form: Get) -> None:
    own = form(name)
    tags = {
        "smollm2": "<|im_start|>",
        "llama2": "[INST]",
        "llama2_sentencepiece": "[INST]",
        "mistral": "[INST]",
        "phi": "<|im_start|>",
        "llama3": "<|start_header_id|>",
    }
    [(tokens, _)] = chat_format.tokenize(own.tokenizer, [f"Yeah. {tags[name]} And you?"])
    found = read(own, tokens, "assistant", ends_of(own))

    # property: no turn with a tag of the template counts as finished; the tag is shown, and is not said on
    assert found == turns.Turn(f"Yeah. {tags[name]}", "Yeah.", False)


def test_a_hosts_turn_that_ends_as_an_answer_does_is_not_closed(form: Get) -> None:
    own = form("llama2")
    [(tokens, _)] = chat_format.tokenize(own.tokenizer, ["And then?</s>"])

    # property: Llama 2 closes a question by [/INST]; </s> there is a stray tag
    assert read(own, tokens, "user", ends_of(own)) == turns.Turn("And then? </s>", "And then?", False)
    assert read(own, tokens, "assistant", ends_of(own)) == turns.Turn("And then?", "And then?", True)


def test_plain_words_of_a_format_may_be_said(form: Get) -> None:
    own = form("phi")
    [(tokens, _)] = chat_format.tokenize(own.tokenizer, [" I have a question: why?"])

    # property: `question:` opens Phi's turns, and is no tag in the middle of an answer
    assert own.read(tokens, True, "assistant") == turns.Turn(
        "I have a question: why?", "I have a question: why?", True
    )


def test_a_character_cut_in_its_bytes_is_left_out(form: Get) -> None:
    own = form("smollm2")
    [(tokens, _)] = chat_format.tokenize(own.tokenizer, ["Yes 🧪"])
    assert "\ufffd" in own.tokenizer.decode(tokens[:-1])

    # property: the limit may fall within a character, of which nothing is left
    assert own.read(tokens[:-1], False, "assistant").text == "Yes"


def test_a_template_without_a_second_question_is_refused(tokenizer: Any) -> None:
    own = copy.deepcopy(tokenizer)
    own.chat_template = (
        "{{ messages[0]['content'] }}{% for m in messages %}{% if m['role'] == 'assistant' %}"
        "{% generation %}{{ m['content'] }}<|im_end|>{% endgeneration %}{% endif %}{% endfor %}"
    )
    # property: the error names the model and the way out
    with pytest.raises(LecternError, match=r"base_model tiny_llama: .* Set episodes\.openings to \[\]"):
        turns.get_format(replace(TINY, chat_template=None), own, None)


@every_family
def test_no_space_around_a_turn_is_part_of_it(name: str, form: Get) -> None:
    own = form(name)
    tag = {"smollm2": "<|im_start|>", "phi": "<|im_start|>", "llama3": "<|start_header_id|>"}.get(
        name, "[INST]"
    )

    def said(text: str, side: turns.Side, ended: bool = True) -> turns.Turn:
        [(tokens, _)] = chat_format.tokenize(own.tokenizer, [text])
        return own.read(tokens, ended, side)

    # property: neither of one that ended, nor of one that was cut off, nor of one that goes on with a tag
    assert said("  Yeah. \n", "assistant") == turns.Turn("Yeah.", "Yeah.", True)
    assert said(" \n Yeah. ", "assistant", ended=False) == turns.Turn("Yeah.", "Yeah.", False)
    assert said(f"  Yeah. \n {tag} And?", "assistant") == turns.Turn(f"Yeah. {tag}", "Yeah.", False)
    assert said(f" {tag} And?", "assistant") == turns.Turn(tag, "", False)
    if own.close_text:
        assert said(f" And? \n {own.close_text} Yes.", "user") == turns.Turn("And?", "And?", True)


@pytest.mark.parametrize("gap", ["", " ", "\n\n"])
def test_space_before_what_closes_a_question_hides_it_not(tokenizer: Any, gap: str) -> None:
    own = copy.deepcopy(tokenizer)
    written = (
        "{%- for m in messages -%}{%- if m['role'] == 'assistant' -%}{%- generation -%}{{- m['content'] -}}"
    )
    written += (
        "<|im_end|>{%- endgeneration -%}{%- else -%}{{- '<|im_start|>' + m['content'] + GAP + CLOSE -}}"
    )
    written += "{%- endif -%}{%- endfor -%}"

    def get(close: str) -> turns.Format:
        own.chat_template = written.replace("GAP", repr(gap)).replace("CLOSE", repr(close))
        return turns.get_format(replace(TINY, chat_template=None), own, None)

    control, plain = get("<|im_end|>"), get("[/Q] So: ")
    assert (control.close_token, control.close_text) == (own.convert_tokens_to_ids("<|im_end|>"), None)
    assert (plain.close_token, plain.close_text) == (None, "[/Q]")
    # property: space alone closes nothing
    with pytest.raises(LecternError, match="does not show where a question begins and ends"):
        get("")
