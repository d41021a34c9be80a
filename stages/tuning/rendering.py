"""Chat examples to the rows that are trained."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stages.core.schema import Example, Message, TokenRow
from stages.tuning import templates


@dataclass(frozen=True)
class Rendered:
    """The rows of one split, and what became of those that were too long."""

    rows: list[TokenRow]
    conversations: list[list[Message]]
    """the messages that each row holds"""
    shortened: list[str]
    """ids of the rows that were cut after an answer"""
    dropped: list[str]
    """ids of the examples whose first question and answer do not fit"""


def render(examples: Sequence[Example], tokenizer: Any, template: str, max_length: int) -> Rendered:
    """Tokenize examples, in their order. What is above `max_length` tokens is cut after the last answer that fits.

    Cutting at whole turns keeps every trained answer complete: one that loses its end teaches the model not to stop.
    """
    encoded = templates.encode(tokenizer, [example.messages for example in examples], template)
    result = Rendered([], [], [], [])
    for example, whole in zip(examples, encoded, strict=True):
        messages, tokens = list(example.messages), whole
        if len(tokens.input_ids) > max_length:
            fitting = _longest(example.messages, tokenizer, template, max_length)
            if fitting is None:
                result.dropped.append(example.id)
                continue
            messages, tokens = fitting
            result.shortened.append(example.id)
        result.rows.append(
            TokenRow(
                id=example.id,
                input_ids=tokens.input_ids,
                assistant_masks=[1 if trained else 0 for trained in tokens.assistant_mask],
                provenance=example.provenance,
            )
        )
        result.conversations.append(messages)
    return result


def _longest(
    messages: Sequence[Message], tokenizer: Any, template: str, max_length: int
) -> tuple[list[Message], templates.Encoded] | None:
    ends = [position + 1 for position, message in enumerate(messages) if message.role == "assistant"]
    parts = [list(messages[:end]) for end in reversed(ends)]
    for part, tokens in zip(parts, templates.encode(tokenizer, parts, template), strict=True):
        if len(tokens.input_ids) <= max_length:
            return part, tokens
    return None
