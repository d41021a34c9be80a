from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from stages.core.errors import LecternError
from stages.core.schema import Message, Provenance, TokenRow
from stages.tuning import preflight, templates
from tests.unit.tuning.tiny import TINY, chat

GOOD = chat("Why a seed?", "So that a run repeats.", "Always?", "Always.")
TEMPLATE = (templates.FOLDER / "smollm2.jinja").read_text()
ANSWER = "{%- generation -%}{{- message['content'] + '<|im_end|>' -}}{%- endgeneration -%}"
Rendered = tuple[Sequence[Message], TokenRow]


def rendered(tokenizer: Any, template: str, messages: Sequence[Message]) -> Rendered:
    (tokens,) = templates.encode(tokenizer, [messages], template)
    return messages, row(tokens.input_ids, tokens.assistant_mask)


def row(ids: list[int], mask: Sequence[int]) -> TokenRow:
    provenance = Provenance(item="talk", method="test")
    return TokenRow(
        id="the-bad-row", input_ids=ids, assistant_masks=[1 if m else 0 for m in mask], provenance=provenance
    )


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
    good = rendered(tokenizer, TEMPLATE, GOOD)
    with pytest.raises(LecternError) as raised:
        check(tokenizer, good, make(tokenizer), good)
    assert f"{fault} (1 of 3 rows): {preflight.REMEDIES[fault]}" in str(raised.value)
    assert "rows the-bad-row" in str(raised.value)


def test_every_check_has_a_fault_that_it_finds() -> None:
    assert {fault for _, fault in FAULTS} == set(preflight.CHECKS)


def test_one_message_names_all_kinds_of_fault(tokenizer: Any) -> None:
    # whoever repairs a data set wants the whole list at once
    with pytest.raises(LecternError) as raised:
        check(tokenizer, *[long_row(tokenizer)] * 7, nothing_marked(tokenizer))
    assert "too_long (7 of 8 rows)" in str(raised.value)
    assert "nothing_trained (1 of 8 rows)" in str(raised.value)
    assert ", ..." in str(raised.value)


def test_templates_lie_where_the_package_says() -> None:
    assert Path(templates.FOLDER).is_dir()
