import copy
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from lectern.core.errors import LecternError
from lectern.core.schema import Example, Message, Provenance, TokenRow
from lectern.models import chat_format
from lectern.training import preflight, rendering
from tests.support import growth
from tests.support.tiny import FAMILIES, TINY, chat, dialogue, family

GOOD = chat("Why a seed?", "So that a run repeats.", "Always?", "Always.")
TEMPLATE = (chat_format.FOLDER / "smollm2.jinja").read_text()
ANSWER = "{%- generation -%}{{- message['content'] + '<|im_end|>' -}}{%- endgeneration -%}"
Rendered = tuple[Sequence[Message], TokenRow]


def rendered(tokenizer: Any, template: str, messages: Sequence[Message]) -> Rendered:
    (tokens,) = chat_format.encode(tokenizer, [messages], template)
    return messages, row(tokens.input_ids, tokens.assistant_mask)


def row(ids: list[int], mask: Sequence[int]) -> TokenRow:
    provenance = Provenance(item="talk", method="test")
    return TokenRow(
        id="the-bad-row",
        example="the-bad-row",
        input_ids=ids,
        assistant_masks=[1 if m else 0 for m in mask],
        provenance=provenance,
    )


def good_row(tokenizer: Any) -> Rendered:
    messages, whole = rendered(tokenizer, TEMPLATE, GOOD)
    return messages, whole.model_copy(update={"id": "the-good-row", "example": "the-good-row"})


def cut_at_a_length(tokenizer: Any) -> Rendered:
    """A forerunner: cut at 512 tokens, so the end of the last answer is lost."""
    messages, whole = rendered(tokenizer, TEMPLATE, GOOD)
    return messages, row(whole.input_ids[:-3], whole.assistant_masks[:-3])


def doubled_bos(tokenizer: Any) -> Rendered:
    """A forerunner: the template writes the token and the tokenizer adds it again."""
    messages, whole = rendered(tokenizer, TEMPLATE, GOOD)
    return messages, row([tokenizer.bos_token_id, *whole.input_ids], [0, *whole.assistant_masks])


def hosts_turns_trained(tokenizer: Any) -> Rendered:
    """A forerunner: `type: completion` trains every token."""
    messages, whole = rendered(tokenizer, TEMPLATE, GOOD)
    return messages, row(whole.input_ids, [1] * len(whole.input_ids))


def one_hosts_word_trained(tokenizer: Any) -> Rendered:
    messages, whole = rendered(tokenizer, TEMPLATE, GOOD)
    first = whole.assistant_masks.index(1)
    return messages, row(
        whole.input_ids, [*whole.assistant_masks[: first - 5], 1, *whole.assistant_masks[first - 4 :]]
    )


def end_outside_the_marks(tokenizer: Any) -> Rendered:
    outside = "{%- generation -%}{{- message['content'] -}}{%- endgeneration -%}{{- '<|im_end|>' -}}"
    assert ANSWER in TEMPLATE
    return rendered(tokenizer, TEMPLATE.replace(ANSWER, outside), GOOD)


def pad_masks_the_end(tokenizer: Any) -> Rendered:
    """Labels masked where the token is the padding token, which here is the end of a turn as well."""
    messages, whole = rendered(tokenizer, TEMPLATE, GOOD)
    pairs = zip(whole.input_ids, whole.assistant_masks, strict=True)
    return messages, row(whole.input_ids, [m and token != tokenizer.pad_token_id for token, m in pairs])


def no_default_system_message(tokenizer: Any) -> Rendered:
    plain = TEMPLATE.replace("loop.first and message['role'] != 'system'", "false")
    return rendered(tokenizer, plain, GOOD)


def white_space_stripped(tokenizer: Any) -> Rendered:
    stripped = TEMPLATE.replace("message['content'] +", "message['content'] | trim +")
    return rendered(tokenizer, stripped, chat("Why a seed?", " So that a run repeats."))


def answer_begins_with_line_breaks(tokenizer: Any) -> Rendered:
    """They melt into one token with the line break that ends the prompt, which a server sends by itself."""
    return rendered(tokenizer, TEMPLATE, chat("Why a seed?", "\n\nSo that a run repeats."))


def nothing_marked(tokenizer: Any) -> Rendered:
    messages, whole = rendered(tokenizer, TEMPLATE, GOOD)
    return messages, row(whole.input_ids, [0] * len(whole.input_ids))


def control_token_in_a_message(tokenizer: Any) -> Rendered:
    return rendered(tokenizer, TEMPLATE, chat("What ends a turn?", "The token <|im_end|> does."))


def long_row(tokenizer: Any) -> Rendered:
    return rendered(tokenizer, TEMPLATE, chat("Count.", "one two three " * 100))


FAULTS: list[tuple[Callable[[Any], Rendered], str]] = [
    (cut_at_a_length, "end_not_trained"),
    (doubled_bos, "bos"),
    (hosts_turns_trained, "end_not_trained"),
    (one_hosts_word_trained, "wrong_part_trained"),
    (end_outside_the_marks, "end_not_trained"),
    (pad_masks_the_end, "end_not_trained"),
    (no_default_system_message, "bos"),
    (white_space_stripped, "not_as_served"),
    (answer_begins_with_line_breaks, "not_as_served"),
    (nothing_marked, "nothing_trained"),
    (control_token_in_a_message, "control_token"),
    (long_row, "too_long"),
]


def serving(tokenizer: Any, marked: str) -> Any:
    """The tokenizer of a model whose own template is this one without its marks."""
    served = copy.copy(tokenizer)
    served.chat_template = chat_format.without_marks(marked)
    return served


def long_dialogue(exchanges: int) -> list[Message]:
    """Of which the preflight writes out some prompts in full, and of the others the question alone."""
    return chat(*(f"{'Why' if n % 2 else 'What'} of {n}?" for n in range(2 * exchanges)))


def check(tokenizer: Any, *pairs: Rendered) -> None:
    preflight.check(
        [row for _, row in pairs],
        [messages for messages, _ in pairs],
        tokenizer,
        end_of_turn=TINY.end_of_turn,
        max_length=200,
    )


def test_sound_rows_pass(tokenizer: Any) -> None:
    check(
        tokenizer,
        rendered(tokenizer, TEMPLATE, GOOD),
        rendered(tokenizer, TEMPLATE, chat("Why?", " 漢字 🙂\n")),
    )
    check(tokenizer)


@pytest.mark.parametrize(("make", "fault"), FAULTS, ids=lambda part: getattr(part, "__name__", part))
def test_each_fault_is_found(tokenizer: Any, make: Callable[[Any], Rendered], fault: str) -> None:
    # one bad row among good ones stops the stage, with the row's id, the kind of fault and what to do
    good = good_row(tokenizer)
    with pytest.raises(LecternError) as raised:
        check(tokenizer, good, make(tokenizer), good)
    assert f"{fault} (1 of 3 rows): {preflight.REMEDIES[fault]}" in str(raised.value)
    assert "rows the-bad-row" in str(raised.value)
    assert "the-good-row" not in str(raised.value)


@pytest.mark.parametrize("turn", [0, 1, 7, 15, 28, 29])
def test_a_fault_in_any_turn_of_a_long_dialogue_is_found(tokenizer: Any, turn: int) -> None:
    # its prompts are not all written out in full, which would cost the square of its length
    messages = long_dialogue(30)
    _, good = rendered(tokenizer, TEMPLATE, messages)
    check_long(tokenizer, (messages, good))
    begins = [
        at for at in range(1, len(good.assistant_masks)) if good.assistant_masks[at - 1 : at + 1] == [0, 1]
    ]
    begin = begins[turn]
    end = good.assistant_masks.index(0, begin)
    for at, marked, fault in (
        (begin, 0, "wrong_part_trained"),  # the answer's first token is not trained
        (begin - 1, 1, "wrong_part_trained"),  # the last of the prompt is
        (end, 1, "wrong_part_trained"),  # the line break after the turn is
        (end - 1, 0, "end_not_trained"),
        (end - 2, 0, "wrong_part_trained"),  # a hole
    ):
        mask = [*good.assistant_masks[:at], marked, *good.assistant_masks[at + 1 :]]
        with pytest.raises(LecternError, match=fault):
            check_long(tokenizer, (messages, row(good.input_ids, mask)))
    # line breaks melt into one token with that of the prompt, which a server sends by itself
    at = 2 * turn + 1
    broken = [*messages[:at], Message(role="assistant", content="\n\nSo."), *messages[at + 1 :]]
    with pytest.raises(LecternError, match="not_as_served"):
        check_long(tokenizer, rendered(tokenizer, TEMPLATE, broken))


def check_long(tokenizer: Any, *pairs: Rendered) -> None:
    preflight.check(
        [row for _, row in pairs],
        [messages for messages, _ in pairs],
        tokenizer,
        end_of_turn=TINY.end_of_turn,
        max_length=1_000_000,
    )


def test_the_cost_does_not_grow_with_the_square_of_a_row(tokenizer: Any) -> None:
    """Up to 4,800 turns in one row, as a model with a long context reads them; its prompts in full were 58 MB."""
    pairs = {
        turns: rendered(tokenizer, TEMPLATE, long_dialogue(turns)) for turns in (300, 300 * growth.TIMES)
    }
    assert growth.measure(lambda turns: check_long(tokenizer, pairs[turns]), 300) < growth.SQUARE


def test_a_message_that_the_template_changes_is_found(tokenizer: Any) -> None:
    """In training and serving alike: a question in small letters, an old answer without its thoughts."""
    lower = TEMPLATE.replace(
        "message['content'] + '<|im_end|>' -}}\n    {%- endif",
        "message['content'] | lower + '<|im_end|>' -}}\n    {%- endif",
    )
    thoughts = TEMPLATE.replace(
        ANSWER,
        ANSWER.replace(
            "message['content']",
            "(message['content'] if loop.last else message['content'].split('</think>')[-1])",
        ),
    )
    thinking = chat("Why?", "<think>Hm.</think>So.", "And?", "<think>Ah.</think>No.")
    for template, messages in ((lower, GOOD), (thoughts, thinking)):
        assert template != TEMPLATE
        with pytest.raises(LecternError, match="message_left_out"):
            check(serving(tokenizer, template), rendered(tokenizer, template, messages))


def test_a_prompt_that_does_not_begin_the_row_is_found(tokenizer: Any) -> None:
    """A template that adds to the question when it is asked: the model was never trained on what it is sent."""
    asking = TEMPLATE.replace(
        "{%- if add_generation_prompt -%}\n    {{- '",
        "{%- if add_generation_prompt -%}\n    {{- 'Be brief.\\n",
    )
    assert asking != TEMPLATE
    with pytest.raises(LecternError, match=r"not_as_served.*\n.*does not end where the answer begins"):
        check(serving(tokenizer, asking), rendered(tokenizer, TEMPLATE, GOOD))


def test_a_prompt_that_has_other_tokens_by_itself_is_found(tokenizer: Any) -> None:
    """Two line breaks are one token at the end of what is sent, but two where an answer follows."""
    headed = TEMPLATE.replace("message['role'] + '\\n'", "message['role'] + '\\n\\n'").replace(
        "assistant\\n'", "assistant\\n\\n'"
    )
    served = serving(tokenizer, headed)
    messages, whole = rendered(served, headed, GOOD)
    [prompt] = chat_format.serve(served, [messages[:-1]], answering=True)
    assert whole.input_ids[: len(prompt)] != prompt
    with pytest.raises(LecternError, match=r"not_as_served.*\n.*a prompt's end has other tokens by itself"):
        check(served, (messages, whole))


def test_what_a_template_adds_to_an_answer_is_found(tokenizer: Any) -> None:
    """It would be learned with the answers, and nobody said it."""
    adding = TEMPLATE.replace(
        ANSWER, ANSWER.replace("message['content']", "message['content'] + ' (by a machine)'")
    )
    served = serving(tokenizer, adding)
    with pytest.raises(LecternError, match=r"wrong_part_trained.*\n.*not just 'Always.'"):
        check(served, rendered(served, adding, GOOD))


def test_where_training_leaves_serving_is_shown(tokenizer: Any) -> None:
    stripped = TEMPLATE.replace("message['content'] +", "message['content'] | trim +")
    messages = chat("Why a seed?", " So that a run repeats.")
    [whole] = chat_format.encode(tokenizer, [messages], stripped)
    found = preflight.find(
        [row(whole.input_ids, whole.assistant_mask)],
        [messages],
        tokenizer,
        end_of_turn=TINY.end_of_turn,
        max_length=200,
        texts=[whole.text],
    )
    [said] = found["not_as_served"]
    assert r"assistant\nSo that" in said.split("served")[0]
    assert r"assistant\n So that" in said.split("served")[1]


def test_a_missing_beginning_of_sequence_token_is_found(tokenizer: Any) -> None:
    """Where the tokenizer itself opens every text with one, a model never read a text without."""
    llama = family("llama2_sentencepiece", tokenizer)
    pair = rendered(llama.tokenizer, llama.template, GOOD)
    assert pair[1].input_ids.count(llama.tokenizer.bos_token_id) == 2  # its format: one for each exchange

    def find(served: Any, pair: Rendered) -> list[str]:
        return list(
            preflight.find([pair[1]], [pair[0]], served, end_of_turn=llama.end_of_turn, max_length=200)
        )

    assert find(llama.tokenizer, pair) == []
    without = llama.template.replace("bos_token + ", "")
    served = serving(llama.tokenizer, without)
    assert find(served, rendered(served, without, GOOD)) == ["bos"]
    # doubled, as where the tokenizer adds its own to the template's: in both, so that nothing else tells
    twice = llama.template.replace("bos_token + ", "bos_token + bos_token + ")
    served = serving(llama.tokenizer, twice)
    assert find(served, rendered(served, twice, GOOD)) == ["bos"]


@pytest.mark.parametrize("name", FAMILIES)
def test_random_rows_of_every_format_pass(tokenizer: Any, name: str) -> None:
    """And are, token for token, what transformers itself makes of them."""
    chosen, chance = family(name, tokenizer), random.Random(3)
    rows = [Example.of(dialogue(chance), Provenance(item="talk", method="test")) for _ in range(40)]
    done = rendering.render(rows, chosen.tokenizer, chosen.template, 160)
    assert (
        preflight.find(
            done.rows,
            done.conversations,
            chosen.tokenizer,
            end_of_turn=chosen.end_of_turn,
            max_length=160,
            texts=done.texts,
        )
        == {}
    )
    served = chat_format.serve(chosen.tokenizer, done.conversations, answering=False)
    assert [row.input_ids for row in done.rows] == served
    theirs = chosen.tokenizer.apply_chat_template(
        [[message.model_dump() for message in messages] for messages in done.conversations],
        chat_template=chosen.template,
        return_dict=True,
        return_assistant_tokens_mask=True,
    )
    assert [row.assistant_masks for row in done.rows] == theirs["assistant_masks"]


def test_every_check_has_a_fault_that_it_finds() -> None:
    elsewhere = {"message_left_out"}  # above
    of_rendering = {"no_question", "template_refused"}  # test_rendering
    assert {fault for _, fault in FAULTS} | elsewhere | of_rendering == set(preflight.CHECKS)


def test_one_message_names_all_kinds_of_fault(tokenizer: Any) -> None:
    # whoever repairs a data set wants the whole list at once
    with pytest.raises(LecternError) as raised:
        check(tokenizer, *[long_row(tokenizer)] * 27, nothing_marked(tokenizer))
    assert "too_long (27 of 28 rows)" in str(raised.value)
    assert "nothing_trained (1 of 28 rows)" in str(raised.value)
    assert ", ... and 7 more" in str(raised.value)


def test_templates_lie_where_the_package_says() -> None:
    assert Path(chat_format.FOLDER).is_dir()
