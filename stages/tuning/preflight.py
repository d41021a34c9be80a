"""What can silently ruin a tuning run, looked for in each row before any of it is trained.

A row passes when: each answer is trained from its first token to its end of turn and nothing else is; the model
reads the same tokens in training as a server would send it; the beginning-of-sequence token stands where the
template puts it and nowhere else; no message smuggles in a control token; and the row is within the length limit.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from stages.core.errors import LecternError
from stages.core.schema import Message, TokenRow
from stages.tuning import templates

REMEDIES: Mapping[str, str] = {
    "control_token": "a message holds a control token of the model as text: take it out of the message",
    "too_long": "longer than render.max_length: raise it, or shorten the row",
    "nothing_trained": "no token is trained: mark the answers with {% generation %} in base_model.chat_template",
    "end_not_trained": (
        "an answer's end-of-turn token is not trained, so the model would not learn to stop: put it inside "
        "{% generation %} in base_model.chat_template, and check base_model.end_of_turn"
    ),
    "bos": (
        "the beginning-of-sequence token is doubled or added by the tokenizer: tokenize with add_special_tokens=False, "
        "or take it out of one of the two"
    ),
    "not_as_served": (
        "training and serving give different tokens: make base_model.chat_template render exactly what the model's own "
        "template renders (white space counts, also at the ends of a message)"
    ),
    "wrong_part_trained": (
        "something else than the answers is trained: put {% generation %} round the assistant's text and its end of "
        "turn alone in base_model.chat_template"
    ),
}
CHECKS = tuple(REMEDIES)


def check(
    rows: Sequence[TokenRow],
    conversations: Sequence[Sequence[Message]],
    tokenizer: Any,
    *,
    end_of_turn: str,
    max_length: int,
) -> None:
    """Raise unless every row is sound.

    Args:
        rows: what would be trained.
        conversations: the messages of each row, as far as it holds them.
        tokenizer: of the base model, with the chat template that serving uses.
        end_of_turn: the token that ends each turn.
        max_length: tokens that a row may have.

    Raises:
        LecternError: names each kind of fault with its remedy, how many rows have it and the ids of the first few.
    """
    faults: dict[str, list[str]] = {}
    expected = _served(conversations, tokenizer)
    for row, messages, (whole, spans) in zip(rows, conversations, expected, strict=True):
        for fault in dict.fromkeys(_faults(row, messages, whole, spans, tokenizer, end_of_turn, max_length)):
            faults.setdefault(fault, []).append(row.id)
    if faults:
        lines = [
            f"  {name} ({len(ids)} of {len(rows)} rows): {REMEDIES[name]}\n    rows {', '.join(ids[:5])}"
            + (", ..." if len(ids) > 5 else "")
            for name, ids in faults.items()
        ]
        raise LecternError("preflight failed; nothing was written\n" + "\n".join(lines))


def _faults(
    row: TokenRow,
    messages: Sequence[Message],
    whole: list[int],
    spans: list[tuple[int, int]],
    tokenizer: Any,
    end_of_turn: str,
    max_length: int,
) -> Iterator[str]:
    control = [str(token) for token in tokenizer.added_tokens_decoder.values() if token.special]
    if any(token in message.content for message in messages for token in control):
        yield "control_token"
        return  # what follows counts control tokens
    if len(row.input_ids) > max_length:
        yield "too_long"
    if not any(row.assistant_masks):
        yield "nothing_trained"
        return
    end = tokenizer.convert_tokens_to_ids(end_of_turn)
    ends_trained = sum(
        token == end and bool(trained)
        for token, trained in zip(row.input_ids, row.assistant_masks, strict=True)
    )
    if ends_trained != sum(message.role == "assistant" for message in messages):
        yield "end_not_trained"
    if Counter(row.input_ids)[tokenizer.bos_token_id] != Counter(whole)[tokenizer.bos_token_id] or (
        len(row.input_ids) > 1 and row.input_ids[0] == row.input_ids[1] == tokenizer.bos_token_id
    ):
        yield "bos"
    elif row.input_ids != whole:
        yield "not_as_served"
    elif row.assistant_masks != _mask(spans, whole, end):
        yield "not_as_served" if any(start < 0 for start, _ in spans) else "wrong_part_trained"


def _served(
    conversations: Sequence[Sequence[Message]], tokenizer: Any
) -> list[tuple[list[int], list[tuple[int, int]]]]:
    """For each conversation: all tokens as served, and the (start, end) of each answer in them.

    An answer starts where the prompt ends that a server would send at that point; (-1, -1) when that prompt is no
    prefix of the conversation. It ends where the conversation up to and with the answer ends.
    """
    cuts = [
        (number, position)
        for number, messages in enumerate(conversations)
        for position, message in enumerate(messages)
        if message.role == "assistant"
    ]
    prompts = templates.serve(tokenizer, [conversations[n][:p] for n, p in cuts], answering=True)
    answered = templates.serve(tokenizer, [conversations[n][: p + 1] for n, p in cuts], answering=False)
    served = [
        (whole, list[tuple[int, int]]())
        for whole in templates.serve(tokenizer, conversations, answering=False)
    ]
    for (number, _), prompt, upto in zip(cuts, prompts, answered, strict=True):
        whole, spans = served[number]
        fits = whole[: len(prompt)] == prompt and whole[: len(upto)] == upto
        spans.append((len(prompt), len(upto)) if fits else (-1, -1))
    return served


def _mask(spans: list[tuple[int, int]], whole: list[int], end: int) -> list[int]:
    """1 from the start of each answer to the last end-of-turn token in it; what the template puts after is not said."""
    mask = [0] * len(whole)
    for start, stop in spans:
        ends = [position for position in range(start, stop) if whole[position] == end]
        for position in range(start, ends[-1] + 1) if start >= 0 and ends else ():
            mask[position] = 1
    return mask
