"""Turn chat examples into tokenized rows for the training."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from lectern.core.printing import warn
from lectern.core.schema import Example, GeneralRow, Message, TokenRow, example_id
from lectern.models import chat_format
from lectern.models.chat_format import Encoded
from lectern.training import chunking, persona
from lectern.training.with_passages import Passages

BATCH = 256
"""Number of conversations that are tokenized together, which bounds the memory for intermediate results."""
SURELY_LONG = 16
"""A conversation with more characters than this times the token limit is not tokenized as a whole, to save time."""


@dataclass(frozen=True)
class Rendered:
    """The rows of one split, and counts of what was done with its examples."""

    rows: list[TokenRow] = field(default_factory=list)
    conversations: list[list[Message]] = field(default_factory=list)
    """the messages of each row"""
    texts: list[str] = field(default_factory=list)
    """each row as the training template writes it"""
    counts: Counter[str] = field(default_factory=Counter)
    """counts by the names in COUNTED"""
    faults: dict[str, list[str]] = field(default_factory=dict)
    """key of `preflight.REMEDIES` -> the examples that cannot be rendered, with the reason"""


COUNTED = (
    "examples",
    "examples_divided",  # examples that became several rows
    "chunks",  # rows that these became
    "answers_divided",
    "questions_shortened",
    "unasked_turns",  # assistant turns before the first question, which were left out
    "dropped_too_long",  # examples
    "with_passages",  # examples
    "repeated_rows",  # rows that were left out because the same row exists already
)


@dataclass(frozen=True)
class Writer:
    """Turns messages into tokens for one model."""

    tokenizer: Any
    template: str
    """the chat template with generation marks"""
    shape: persona.Shape
    special: frozenset[int]
    """ids of the control tokens"""

    def encode_all(self, conversations: Sequence[Sequence[Message]]) -> list[Encoded]:
        """Tokenize conversations, in one batch."""
        placed = [self.shape.place(messages) for messages in conversations]
        return chat_format.encode(self.tokenizer, placed, self.template)

    def encode(self, messages: Sequence[Message]) -> Encoded:
        """Tokenize one conversation."""
        return self.encode_all([messages])[0]

    def shorten(self, whole: Encoded, messages: Sequence[Message]) -> Encoded:
        """Return the tokens of messages with which the already tokenized conversation `whole` begins."""
        [text] = chat_format.write(self.tokenizer, [self.shape.place(messages)], self.template)
        return chat_format.begin_of(whole, text, self.special) or self.encode(messages)

    def offsets(self, text: str) -> list[chat_format.Span]:
        """Return the span of characters of each token of a plain text."""
        return list(chat_format.tokenize(self.tokenizer, [text])[0][1])


def get_writer(tokenizer: Any, template: str, persona_text: str | None = None) -> Writer:
    """Return the writer for a model and a persona.

    Raises:
        LecternError: the persona is not a Jinja template.
    """
    shape = persona.shape(tokenizer, template, persona_text)
    return Writer(tokenizer, template, shape, frozenset(chat_format.special_tokens(tokenizer)))


def render(
    examples: Sequence[Example],
    tokenizer: Any,
    template: str,
    max_length: int,
    *,
    too_long: str = "divide",
    persona_text: str | None = None,
    passages: Passages | None = None,
) -> Rendered:
    """Tokenize examples, in their order. Those above `max_length` tokens are cut into rows of whole exchanges.

    Every trained answer keeps its end of turn, because an answer without it would teach the model not to stop. An
    example in which somebody wrote a control token of the model is left out and named.

    Args:
        examples: examples of one split.
        tokenizer: of the base model, with the chat template that serving uses.
        template: with generation marks.
        max_length: tokens of a row.
        too_long: divide or drop a single question and answer that are longer.
        persona_text: see `Render.persona`.
        passages: those that some rows carry, as far as they fit; None for no row.

    Raises:
        LecternError: the persona is not a Jinja template, or does not fit a row.
    """
    writer = get_writer(tokenizer, template, persona_text)
    result = Rendered(counts=Counter(dict.fromkeys(COUNTED, 0)))
    seen: set[str] = set()
    examples = _leave_out_control_tokens(examples, tokenizer, result.counts)
    for begin in range(0, len(examples), BATCH):
        batch = examples[begin : begin + BATCH]
        opened = [chunking.begin_with_user(writer.shape.open(example)) for example in batch]
        if passages is not None:
            opened = [
                (_add_passages(example, messages, passages, max_length, writer, result.counts), unasked)
                for example, (messages, unasked) in zip(batch, opened, strict=True)
            ]
        wholes = _encode_short([messages for messages, _ in opened], max_length, writer)
        for example, (messages, unasked), whole in zip(batch, opened, wholes, strict=True):
            try:
                chunks = _cut(messages, whole, max_length, too_long, writer, result.counts)
            except chat_format.RefusedError as refusal:
                result.faults.setdefault(refusal.fault, []).append(f"{example.id} ({refusal})")
                continue
            result.counts["examples"] += 1
            result.counts["unasked_turns"] += unasked
            _add(example, chunks, writer.shape, seen, result)
    return result


@dataclass(frozen=True)
class General:
    """The rows of no corpus that are trained beside it."""

    chats: Rendered
    texts: Rendered

    @property
    def rows(self) -> list[TokenRow]:
        """All of them."""
        return self.chats.rows + self.texts.rows

    def describe(self) -> dict[str, dict[str, Any]]:
        """Return their figures under the name `mixed`, with the files that they come from; {} without any."""
        if not self.rows:
            return {}
        counts = Counter(count(self.chats)) + Counter(count(self.texts))
        longest = max(len(row.input_ids) for row in self.rows)
        files = sorted({row.provenance.item for row in self.rows})
        return {"mixed": {**counts, "longest": longest, "texts": len(self.texts.rows), "files": files}}


def render_general(rows: Sequence[GeneralRow], tokenizer: Any, template: str, max_length: int) -> General:
    """Tokenize rows of no corpus. The chats get no persona and no passages, since they are not the speaker's.

    Arguments are those of `render`.
    """
    chats = [
        Example(id=row.id, messages=row.messages, provenance=row.provenance) for row in rows if row.messages
    ]
    texts = [row for row in rows if row.text]
    return General(
        render(chats, tokenizer, template, max_length) if chats else Rendered(),
        _render_texts(texts, tokenizer, max_length) if texts else Rendered(),
    )


def _render_texts(rows: Sequence[GeneralRow], tokenizer: Any, max_length: int) -> Rendered:
    """Tokenize plain texts, of which every token is trained but the first. What is above `max_length` is cut off.

    A text begins with the token that the tokenizer itself puts before texts, if it does. One with a control token of
    the model is left out, and counted.
    """
    result = Rendered()
    control = _control_tokens(tokenizer)
    plain = [row for row in rows if row.text and not control.search(row.text)]
    if len(plain) < len(rows):
        result.counts["dropped_control_token"] = len(rows) - len(plain)
    begin = [token for token in tokenizer("").input_ids if token == tokenizer.bos_token_id][:1]
    texts = chat_format.tokenize(tokenizer, [row.text for row in plain if row.text])
    for row, (tokens, _) in zip(plain, texts, strict=True):
        ids = [*begin, *tokens][:max_length]
        result.counts["examples"] += 1
        made = {
            "id": row.id,
            "example": row.id,
            "input_ids": ids,
            "assistant_masks": [0, *[1] * (len(ids) - 1)],
            "provenance": row.provenance,
        }
        result.rows.append(TokenRow.model_validate(made))
    return result


def _control_tokens(tokenizer: Any) -> re.Pattern[str]:
    special = [text for text in chat_format.special_tokens(tokenizer).values() if text]
    return re.compile("|".join(map(re.escape, special)) or "(?!)")


def _leave_out_control_tokens(
    examples: Sequence[Example], tokenizer: Any, counts: Counter[str]
) -> list[Example]:
    """Return the examples without those that would end a turn or begin another one in the middle of a message."""
    control = _control_tokens(tokenizer)
    kept = []
    for example in examples:
        if found := next(filter(None, (control.search(one.content) for one in example.messages)), None):
            counts["dropped_control_token"] += 1
            warn(
                f"render: row {example.id} of {example.provenance.item} is left out: it has the model's control token "
                f"{found.group()!r} in its text. To keep it, take the token out in data/corrections/examples.jsonl"
            )
        else:
            kept.append(example)
    return kept


def _add_passages(
    example: Example,
    messages: list[Message],
    passages: Passages,
    limit: int,
    writer: Writer,
    counts: Counter[str],
) -> list[Message]:
    """Return the messages with as many passages as fit into a row; without any if the row is too long anyway."""
    *versions, plain = passages.versions(example.id, messages)
    for version in versions:
        try:
            if len(writer.encode(version).input_ids) <= limit:
                counts["with_passages"] += 1
                return version
        except chat_format.RefusedError:  # `_cut` says why
            break
    return plain


def _encode_short(conversations: Sequence[list[Message]], limit: int, writer: Writer) -> list[Encoded | None]:
    """Tokenize each conversation as a whole; None if it is certainly too long, or if the template refuses one."""
    short = [sum(len(m.content) for m in messages) <= SURELY_LONG * limit for messages in conversations]
    try:
        tried = [messages for messages, fits in zip(conversations, short, strict=True) if fits]
        found = iter(writer.encode_all(tried))
    except chat_format.RefusedError:  # `_cut` finds out which one is refused, and why
        return [None] * len(conversations)
    return [next(found) if fits else None for fits in short]


def _cut(
    messages: list[Message],
    whole: Encoded | None,
    limit: int,
    too_long: str,
    writer: Writer,
    counts: Counter[str],
) -> list[chunking.Chunk]:
    """Return the rows of one conversation."""
    if not any(message.role == "user" for message in messages):
        raise chat_format.RefusedError("no user turn stands before an answer", "no_question")
    droppable = too_long == "drop" and len(chunking.split_exchanges(messages)) == 1
    if whole is None and droppable:
        whole = writer.encode(messages)
    if whole is not None and len(whole.input_ids) <= limit:
        return [chunking.Chunk(messages, whole)]
    if droppable:
        found = chunking.Chunking([], 0, 0)
    else:
        found = chunking.cut(messages, limit, writer.encode, writer.shorten, writer.offsets)
    counts["dropped_too_long"] += not found.chunks
    counts["answers_divided"] += found.answers_divided
    counts["questions_shortened"] += found.questions_shortened
    return found.chunks


def _add(
    example: Example, chunks: Sequence[chunking.Chunk], shape: persona.Shape, seen: set[str], result: Rendered
) -> None:
    if len(chunks) > 1:
        result.counts["examples_divided"] += 1
        result.counts["chunks"] += len(chunks)
    for number, (messages, tokens) in enumerate(chunks, 1):
        placed = shape.place(messages)
        id = example_id(placed)
        if id in seen:
            result.counts["repeated_rows"] += 1
            continue
        seen.add(id)
        row = {
            "id": id,
            "example": example.id,
            "part": (number, len(chunks)) if len(chunks) > 1 else None,
            "input_ids": tokens.input_ids,
            "assistant_masks": tokens.assistant_mask,
            "provenance": example.provenance,
        }
        result.rows.append(TokenRow.model_validate(row))
        result.conversations.append(placed)
        result.texts.append(tokens.text)


def count(part: Rendered) -> dict[str, int]:
    """The figures of a split: rows, tokens, those that are trained, and what became of long rows."""
    lengths = [len(row.input_ids) for row in part.rows]
    return {
        "rows": len(part.rows),
        "tokens": sum(lengths),
        "trained_tokens": sum(sum(row.assistant_masks) for row in part.rows),
        "longest": max(lengths, default=0),
        **part.counts,
    }
