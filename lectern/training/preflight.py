"""What can silently ruin a tuning run, looked for in each row before any of it is trained.

A row passes when: each answer is trained from its first token to its end of turn and nothing else is; the model
reads the same tokens in training as a server would send it; the beginning-of-sequence token stands where the
template puts it and nowhere else; no message smuggles in a control token; and the row is within the length limit.

Nothing is taken over from `chat_format.encode` but the rows: the text is written anew by the model's own template, and
tokenized anew.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NoReturn

from lectern.core.errors import LecternError
from lectern.core.printing import one_line
from lectern.core.schema import Message, TokenRow
from lectern.models import chat_format
from lectern.training.rendering import Rendered

REMEDIES: Mapping[str, str] = {
    "no_question": "the row has no question: correct it, or drop it, in data/corrections/examples.jsonl",
    "template_refused": (
        "the chat template refuses the row: correct the row, or drop it, in data/corrections/examples.jsonl, or write "
        "a template that accepts it and name it in base_model.chat_template"
    ),
    "control_token": "a message holds a control token of the model as text: take it out of the message",
    "too_long": "longer than render.max_length: raise it, or shorten the row",
    "nothing_trained": "no token is trained: mark the answers with {% generation %} in base_model.chat_template",
    "message_left_out": (
        "the chat template changes or leaves out a message: name another one in base_model.chat_template, and set "
        "own_template: false if it is the model's own template that does so"
    ),
    "end_not_trained": (
        "an answer's end-of-turn token is not trained, so the model would not learn to stop: put it inside "
        "{% generation %} in base_model.chat_template, and check base_model.end_of_turn"
    ),
    "bos": (
        "the beginning-of-sequence token is missing, doubled or at a wrong place: base_model.chat_template must write "
        "exactly the ones that the model's own template writes, and one at the beginning if the tokenizer adds one"
    ),
    "not_as_served": (
        "training and serving give different tokens: make base_model.chat_template render exactly what the model's own "
        "template renders (white space counts, also at the ends of a message)"
    ),
    "wrong_part_trained": (
        "something other than the answers is trained: in base_model.chat_template, put {% generation %} around the "
        "assistant's text and its end of turn only"
    ),
}
CHECKS = tuple(REMEDIES)
BATCH = 256
"""Number of rows that are tokenized together."""
PROBES = 4
"""The prompts of so many answers of a row, the first and the last among them, are written out in full; those of the
others begin with the question. So the cost grows with the length of a row, and not with its square."""
LISTED = 20
"""How many rows an error names for each kind of fault."""
LONGEST = 300
"""Greatest number of characters that an error spends on one row."""

Faults = dict[str, list[str]]
"""Kind of fault -> the rows that have it."""


@dataclass(frozen=True)
class Prompt:
    """The text that is sent to a server to get one answer."""

    text: str
    whole: bool
    """whether `text` is everything before the answer; else it is only the part from the question on"""


@dataclass(frozen=True)
class Served:
    """One row as a server would tokenize it."""

    text: str
    input_ids: list[int]
    offsets: chat_format.Offsets
    prompts: list[Prompt]
    """a prompt for each answer"""


@dataclass(frozen=True)
class Tokens:
    """The properties of a tokenizer that the checks need."""

    control: re.Pattern[str]
    special: frozenset[int]
    bos: int | None
    bos_text: str
    bos_added: bool
    """whether the tokenizer itself puts one at the beginning of a text"""
    end: int
    end_text: str


Tail = tuple[str, str, list[int]]
"""The name of a row, the end of a prompt from its last control token on, and the row's tokens for that end."""


def check(
    rows: Sequence[TokenRow],
    conversations: Sequence[Sequence[Message]],
    tokenizer: Any,
    *,
    end_of_turn: str,
    max_length: int,
    texts: Sequence[str] | None = None,
) -> None:
    """Raise unless no row has a fault; the arguments are those of `find`.

    Raises:
        LecternError: see `fail`.
    """
    faults = find(rows, conversations, tokenizer, end_of_turn=end_of_turn, max_length=max_length, texts=texts)
    if faults:
        fail(faults, len(rows))


def fail(faults: Mapping[str, Sequence[str]], rows: int) -> NoReturn:
    """Raise an error that names each kind of fault with its remedy, how many rows have it, and the first of them."""
    lines = ["preflight failed; nothing was written"]
    for name in sorted(faults, key=CHECKS.index):
        found = [one_line(row)[:LONGEST] for row in faults[name]]
        more = f", ... and {len(found) - LISTED} more" if len(found) > LISTED else ""
        lines.append(f"  {name} ({len(found)} of {rows} rows): {REMEDIES[name]}")
        lines.append(f"    rows {', '.join(found[:LISTED])}{more}")
    raise LecternError("\n".join(lines))


def find(
    rows: Sequence[TokenRow],
    conversations: Sequence[Sequence[Message]],
    tokenizer: Any,
    *,
    end_of_turn: str,
    max_length: int,
    texts: Sequence[str] | None = None,
) -> Faults:
    """Return all faults of all rows.

    Args:
        rows: the rows to be trained.
        conversations: the messages that each row holds.
        tokenizer: of the base model, with the chat template that serving uses.
        end_of_turn: the token that ends each turn.
        max_length: greatest number of tokens of a row.
        texts: each row as the training template writes it, which must equal what the model's own template writes.
    """
    faults: Faults = {}
    tokens = _tokens(tokenizer, end_of_turn)
    for begin in range(0, len(rows), BATCH):
        batch = slice(begin, begin + BATCH)
        written = texts[batch] if texts is not None else [None] * len(rows[batch])
        served = _serve(conversations[batch], tokenizer)
        tails: list[Tail] = []
        for row, messages, text, one in zip(rows[batch], conversations[batch], written, served, strict=True):
            for fault, detail in dict(_faults(row, messages, text, one, tokens, max_length, tails)).items():
                faults.setdefault(fault, []).append(_name(row) + (f" ({detail})" if detail else ""))
        for name in _wrong_tails(tails, tokenizer):
            faults.setdefault("not_as_served", []).append(
                f"{name} (a prompt's end has other tokens by itself)"
            )
    return faults


def _tokens(tokenizer: Any, end_of_turn: str) -> Tokens:
    special = chat_format.special_tokens(tokenizer)
    bos = tokenizer.bos_token_id
    return Tokens(
        control=re.compile("|".join(map(re.escape, special.values())) or "(?!)"),
        special=frozenset(special),
        bos=bos,
        bos_text=tokenizer.bos_token or "",
        bos_added=bos is not None and tokenizer("a")["input_ids"][:1] == [bos],
        end=tokenizer.convert_tokens_to_ids(end_of_turn),
        end_text=end_of_turn,
    )


def _name(row: TokenRow) -> str:
    return row.example + (" part {}/{}".format(*row.part) if row.part else "")


def _faults(
    row: TokenRow,
    messages: Sequence[Message],
    text: str | None,
    served: Served | chat_format.RefusedError,
    tokens: Tokens,
    max_length: int,
    tails: list[Tail],
) -> Iterator[tuple[str, str]]:
    """Yield each kind of fault of a row, with details. Ends of prompts that must be tokenized are added to `tails`."""
    if found := next(filter(None, (tokens.control.search(message.content) for message in messages)), None):
        yield "control_token", found.group()
        return  # the other checks count control tokens, and would be misled
    if len(row.input_ids) > max_length:
        yield "too_long", f"{len(row.input_ids)} tokens"
    if not any(row.assistant_masks):
        yield "nothing_trained", ""
        return
    parts = list(_trained_parts(row, tokens.end))
    if sum(row.input_ids[last - 1] == tokens.end for _, last in parts) != sum(
        message.role == "assistant" for message in messages
    ):
        yield "end_not_trained", ""
    if isinstance(served, chat_format.RefusedError):
        yield "template_refused", f"serving: {served}"
        return
    if _wrong_bos(row.input_ids, served.text, tokens):
        yield "bos", ""
    elif row.input_ids != served.input_ids or (text is not None and text != served.text):
        yield "not_as_served", _show_difference(text, served.text)
    else:
        yield from _left_out(messages, served.text)
        yield from _wrong_answers(row, parts, messages, served, tokens, tails)


def _wrong_bos(ids: Sequence[int], text: str, tokens: Tokens) -> bool:
    if tokens.bos is None:
        return False
    missing = tokens.bos_added and ids[0] != tokens.bos
    doubled = len(ids) > 1 and ids[0] == ids[1] == tokens.bos
    return missing or doubled or ids.count(tokens.bos) != text.count(tokens.bos_text)


def _show_difference(trained: str | None, served: str) -> str:
    if trained is None or trained == served:
        return ""
    at = next(
        (at for at, (a, b) in enumerate(zip(trained, served, strict=False)) if a != b),
        min(len(trained), len(served)),
    )
    shown = [repr(text[max(0, at - 20) : at + 20]) for text in (trained, served)]
    return "trained {}, served {}".format(*shown)


def _left_out(messages: Sequence[Message], text: str) -> Iterator[tuple[str, str]]:
    at = 0
    for message in messages:
        content = message.content.strip()
        ordered = message.role != "system"  # some templates write the system message elsewhere
        found = text.find(content, at if ordered else 0)
        if found < 0:
            yield "message_left_out", f"the {message.role}'s {content[:40]!r}"
        elif ordered:
            at = found + len(content)


def _wrong_answers(
    row: TokenRow,
    parts: Sequence[tuple[int, int]],
    messages: Sequence[Message],
    served: Served,
    tokens: Tokens,
    tails: list[Tail],
) -> Iterator[tuple[str, str]]:
    """Yield the faults of the trained parts of a row whose tokens are the same as in serving."""
    answers = [message.content.strip() for message in messages if message.role == "assistant"]
    if len(parts) != len(answers):
        yield "wrong_part_trained", f"{len(parts)} parts for {len(answers)} answers"
        return
    for (first, last), answer, prompt in zip(parts, answers, served.prompts, strict=True):
        at = _end_of_prompt(served, prompt, served.offsets[last - 1][1])
        if at is None:
            yield "not_as_served", f"the prompt for {answer[:40]!r} does not end where the answer begins"
        elif first != bisect_right(served.offsets, at, key=lambda span: span[1]):
            yield "wrong_part_trained", f"not from the beginning of {answer[:40]!r}"
        elif served.text[at : served.offsets[last - 1][1]].removesuffix(tokens.end_text).strip() != answer:
            yield "wrong_part_trained", f"not just {answer[:40]!r}"
        else:
            since = next((t for t in range(first - 1, 0, -1) if row.input_ids[t] in tokens.special), 0)
            tail = served.text[served.offsets[since][0] if since else 0 : at]
            tails.append((_name(row), tail, row.input_ids[since:first]))


def _trained_parts(row: TokenRow, end: int) -> Iterator[tuple[int, int]]:
    """Yield (first, stop) of the tokens of each trained part. A part ends at the latest with an end-of-turn token."""
    marks = bytes(row.assistant_masks)
    first = marks.find(1)
    while first >= 0:
        stop = marks.find(0, first)
        stop = len(marks) if stop < 0 else stop
        ends = [at + 1 for at, token in enumerate(row.input_ids[first:stop], first) if token == end]
        yield from pairwise(dict.fromkeys([first, *ends, stop]))
        first = marks.find(1, stop)


def _end_of_prompt(served: Served, prompt: Prompt, end: int) -> int | None:
    """Return the character at which the prompt of an answer ends; None if the text does not have that prompt.

    The answer ends at the character `end`.
    """
    begin = 0 if prompt.whole else served.text.rfind(prompt.text, 0, end)
    if begin < 0 or not served.text.startswith(prompt.text, begin):
        return None
    return begin + len(prompt.text)


def _wrong_tails(tails: Sequence[Tail], tokenizer: Any) -> list[str]:
    """Return the rows whose prompts have other tokens when a server tokenizes them without the answer.

    A token may cover characters on both sides of the end of a prompt, and the following text may change how the last
    characters are tokenized. Up to its last control token, a prompt always has the same tokens as in the row.
    """
    texts = sorted({text for _, text, _ in tails if text})
    ids = {text: ids for text, (ids, _) in zip(texts, chat_format.tokenize(tokenizer, texts), strict=True)}
    return list(dict.fromkeys(name for name, text, expected in tails if ids.get(text, []) != expected))


def _serve(
    conversations: Sequence[Sequence[Message]], tokenizer: Any
) -> Sequence[Served | chat_format.RefusedError]:
    """Return each conversation as a server would tokenize it, or the error of the model's own template."""
    try:
        return _serve_all(conversations, tokenizer)
    except chat_format.RefusedError as refusal:
        if len(conversations) == 1:
            return [refusal]
        return [_serve([messages], tokenizer)[0] for messages in conversations]


def _serve_all(conversations: Sequence[Sequence[Message]], tokenizer: Any) -> list[Served]:
    texts = chat_format.write(tokenizer, conversations)
    asked = [list(_prompts(messages)) for messages in conversations]
    flat = [messages for some in asked for messages, _ in some]
    prompts = iter(chat_format.write(tokenizer, flat, answering=True))
    return [
        Served(text, ids, offsets, [_prompt(next(prompts), messages, whole) for messages, whole in some])
        for text, (ids, offsets), some in zip(
            texts, chat_format.tokenize(tokenizer, texts), asked, strict=True
        )
    ]


def _prompts(messages: Sequence[Message]) -> Iterator[tuple[Sequence[Message], bool]]:
    """Yield (messages, whole) for each answer: all messages before it, or, for most of many answers, the question."""
    answers = [at for at, message in enumerate(messages) if message.role == "assistant"]
    probed = (
        {answers[number * (len(answers) - 1) // (PROBES - 1)] for number in range(PROBES)}
        if answers
        else set()
    )
    asked = 0
    for at, message in enumerate(messages):
        if message.role == "user":
            asked = at
        elif message.role == "assistant":
            whole = len(answers) <= PROBES or at in probed
            yield messages[0 if whole else asked : at], whole


def _prompt(text: str, messages: Sequence[Message], whole: bool) -> Prompt:
    return Prompt(text if whole else text[text.rfind(messages[0].content.strip()) :], whole)


def check_parts(parts: Sequence[Rendered], tokenizer: object, end_of_turn: str, max_length: int) -> None:
    """Raise unless no row of these parts, and no example that became none, has a fault.

    Raises:
        LecternError: see `fail`.
    """
    found = [find_faults(part, tokenizer, end_of_turn, max_length) for part in parts]
    if any(found):
        broken = {name: [row for faults in found for row in faults.get(name, [])] for name in CHECKS}
        rows = sum(len(part.rows) + sum(map(len, part.faults.values())) for part in parts)
        fail({name: ids for name, ids in broken.items() if ids}, rows)


def find_faults(part: Rendered, tokenizer: object, end_of_turn: str, max_length: int) -> Faults:
    """The faults of examples that became no row, and those of the rows."""
    found = find(
        part.rows,
        part.conversations,
        tokenizer,
        end_of_turn=end_of_turn,
        max_length=max_length,
        texts=part.texts,
    )
    return part.faults | {name: part.faults.get(name, []) + rows for name, rows in found.items()}
