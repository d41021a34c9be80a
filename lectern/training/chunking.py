"""Cut conversations into chunks that fit the model's length limit, each as long as possible.

A chunk begins with a user turn and holds whole exchanges, that is, a question with its answers. Only an exchange that
is too long by itself is divided: its answer is cut at sentence ends, and the question is repeated before each piece.

Lengths are counted with the real chat template. To avoid tokenizing text again and again, a stretch a little longer
than the limit is tokenized once, and the tokens of the part that fits are taken from it (`shorten`).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, pairwise
from typing import NamedTuple

import regex

from lectern.core.schema import Message
from lectern.models.chat_format import Encoded, Span

LANGUAGE = "en"
"""Language of the rules for sentence ends. Rows have no language, and the English rules also know the punctuation marks
of other scripts."""
ROOM = 4
"""A question is shortened until the answer has at least limit / ROOM tokens, or as many as the whole answer needs."""
SLACK = 16
"""A piece is not tried if its estimated length exceeds the limit by more than so many tokens."""
AHEAD = 1.05
"""Slightly more than the limit is tokenized, by this factor, to see that the next exchange does not fit."""
FIRST_GUESS = 0.2
"""Tokens per character that are assumed before any were counted."""

Encode = Callable[[Sequence[Message]], Encoded]
"""Takes messages; returns their tokens by the chat template."""
Shorten = Callable[[Encoded, Sequence[Message]], Encoded]
"""Takes an encoded conversation and the messages with which it begins; returns the tokens of these messages."""
Offsets = Callable[[str], list[Span]]
"""Takes a plain text; returns the span of characters of each of its tokens."""


class Chunk(NamedTuple):
    """The messages and tokens of a future row."""

    messages: list[Message]
    tokens: Encoded


@dataclass(frozen=True)
class Chunking:
    """A conversation cut into chunks, with the number of answers and questions that were changed for it."""

    chunks: list[Chunk]
    """empty if not even a piece of a question with a piece of its answer fits"""
    answers_divided: int
    questions_shortened: int


@dataclass(frozen=True)
class Exchange:
    """Consecutive user turns, with the system messages among them, and the assistant turns that answer them."""

    messages: tuple[Message, ...]

    @property
    def asked(self) -> list[Message]:
        """The user turns."""
        return [message for message in self.messages if message.role == "user"]

    @property
    def answers(self) -> list[Message]:
        """The assistant turns."""
        return [message for message in self.messages if message.role == "assistant"]

    @property
    def systems(self) -> list[Message]:
        """The system messages."""
        return [message for message in self.messages if message.role == "system"]


def begin_with_user(messages: Sequence[Message]) -> tuple[list[Message], int]:
    """Drop the assistant turns before the first user turn, which answer no question; also return their number.

    System messages stay.
    """
    first = next((at for at, message in enumerate(messages) if message.role == "user"), len(messages))
    opening = [message for message in messages[:first] if message.role == "system"]
    return opening + list(messages[first:]), first - len(opening)


def split_exchanges(messages: Sequence[Message]) -> list[Exchange]:
    """Divide a conversation into exchanges. Its first turn must be the user's and its last the assistant's."""
    begins, answered = [0], False
    for at, message in enumerate(messages):
        if message.role == "user" and answered:
            begins.append(at)
            while messages[begins[-1] - 1].role == "system":
                begins[-1] -= 1
        answered = message.role == "assistant" or (answered and message.role == "system")
    return [Exchange(tuple(messages[begin:end])) for begin, end in pairwise([*begins, len(messages)])]


def cut(
    messages: Sequence[Message], limit: int, encode: Encode, shorten: Shorten, offsets: Offsets
) -> Chunking:
    """Cut a conversation into chunks of at most `limit` tokens, each with as many exchanges as fit, in order.

    Each chunk begins with all system messages that stand before it in the conversation. Every part of an answer is in
    exactly one chunk.

    Args:
        messages: the conversation; its first turn is the user's, its last the assistant's.
        limit: greatest number of tokens of a chunk.
        encode: tokenizes messages.
        shorten: takes the tokens of messages from those of a longer conversation.
        offsets: tokenizes plain text; the tokens may differ a little from those in a conversation.
    """
    exchanges = split_exchanges(messages)
    systems: list[Message] = []
    chunks: list[Chunk] = []
    divided, shortened, start, rate = 0, 0, 0, FIRST_GUESS
    while start < len(exchanges):
        found, rate = _longest(systems, exchanges, start, limit, rate, encode, shorten)
        if found is None:
            parts = _divide(systems, exchanges[start], limit, encode, offsets)
            if parts is None:
                return Chunking([], 0, 0)
            if parts.chunks:
                systems += exchanges[start].systems
            chunks += parts.chunks
            exchanges[start] = parts.rest
            divided, shortened = divided + parts.divided, shortened + parts.shortened
            continue
        end, tokens = found
        chunks.append(Chunk(_build(systems, exchanges[start:end]), tokens))
        systems += [message for exchange in exchanges[start:end] for message in exchange.systems]
        start = end
    return Chunking(chunks, divided, shortened)


def _build(systems: Sequence[Message], exchanges: Sequence[Exchange]) -> list[Message]:
    return [*systems, *(message for exchange in exchanges for message in exchange.messages)]


def _longest(
    systems: Sequence[Message],
    exchanges: Sequence[Exchange],
    start: int,
    limit: int,
    rate: float,
    encode: Encode,
    shorten: Shorten,
) -> tuple[tuple[int, Encoded] | None, float]:
    """Find the longest chunk that begins at exchange `start`: its end and tokens; also the tokens per character there.

    The chunk is None if the first exchange is too long by itself.
    """

    def build(end: int) -> list[Message]:
        return _build(systems, exchanges[start:end])

    end = start
    while True:
        end = _reach(systems, exchanges, start, end, AHEAD * limit / rate)
        window = build(end)
        whole = encode(window)
        rate = max(1, len(whole.input_ids)) / sum(len(message.content) for message in window)
        if len(whole.input_ids) > limit:
            break
        if end == len(exchanges):
            return (end, whole), rate
    known = {end: whole}

    def tokens(end: int) -> Encoded:
        if end not in known:
            known[end] = shorten(whole, build(end))
        return known[end]

    end = start + _guess(whole, exchanges[start:end], limit)
    while end > start and len(tokens(end).input_ids) > limit:
        end -= 1
    while len(tokens(end + 1).input_ids) <= limit:
        end += 1
    return ((end, known[end]) if end > start else None), rate


def _reach(
    systems: Sequence[Message], exchanges: Sequence[Exchange], start: int, least: int, characters: float
) -> int:
    """Return the first end after `least` with more than `characters` characters before it, or the last end."""
    size = sum(len(message.content) for message in systems)
    for place in range(start, len(exchanges)):
        size += sum(len(message.content) for message in exchanges[place].messages)
        if place >= least and size > characters:
            return place + 1
    return len(exchanges)


def _guess(whole: Encoded, exchanges: Sequence[Exchange], limit: int) -> int:
    """Estimate how many of the exchanges fit from the places where their answers end."""
    answers = list(accumulate(len(exchange.answers) for exchange in exchanges))
    if len(whole.answers) != answers[-1]:  # the template marks something other than the answers
        return len(exchanges) * limit // len(whole.input_ids)
    ends = [whole.answers[number - 1][1] for number in answers]
    return min(bisect_right(ends, whole.offsets[limit - 1][1]), len(exchanges) - 1)


class Parts(NamedTuple):
    """A long exchange, divided."""

    chunks: list[Chunk]
    rest: Exchange
    """the last piece; more exchanges may follow it in its chunk"""
    divided: int
    """number of divided answers"""
    shortened: bool
    """whether the question was shortened"""


def _divide(
    systems: Sequence[Message], exchange: Exchange, limit: int, encode: Encode, offsets: Offsets
) -> Parts | None:
    """Divide an exchange that is too long into pieces that fit; None if that is impossible."""
    lengths = [offsets(answer.content) for answer in exchange.answers]
    fair = limit // ROOM
    for room in dict.fromkeys(
        (min(fair, max(map(len, lengths))), fair)
    ):  # an answer may have more tokens in the conversation than by itself
        if parts := _divide_leaving(room, systems, exchange, lengths, limit, encode, offsets):
            return parts
    return None


def _divide_leaving(
    room: int,
    systems: Sequence[Message],
    exchange: Exchange,
    lengths: Sequence[Sequence[Span]],
    limit: int,
    encode: Encode,
    offsets: Offsets,
) -> Parts | None:
    """Divide an exchange with a question that leaves `room` tokens for each answer; None if that is impossible."""
    own, asked = exchange.systems, exchange.asked
    question = _keep_end(asked, room, limit, lambda messages: encode([*systems, *own, *messages]), offsets)
    if question is None:
        return None
    before = [*systems, *own, *question]
    chunks: list[Chunk] = []
    divided = 0
    for answer, spans in zip(exchange.answers, lengths, strict=True):
        pieces = _pieces(answer.content, spans, limit, lambda text: encode([*before, _answer(text)]))
        if pieces is None:
            return None
        divided += len(pieces) > 1
        chunks += [Chunk([*before, _answer(text)], tokens) for text, tokens in pieces]
    last = chunks.pop().messages[-1]
    # The exchange's own system messages open the last piece too, unless earlier chunks already hold them.
    rest = Exchange((*([] if chunks else own), *question, last))
    return Parts(chunks, rest, divided, question != asked)


def _answer(text: str) -> Message:
    return Message(role="assistant", content=text)


def _keep_end(
    asked: Sequence[Message], room: int, limit: int, encode: Encode, offsets: Offsets
) -> list[Message] | None:
    """Return as many of the last user turns of a question as leave `room` tokens for an answer.

    If the last turn alone is too long, its beginning is cut off, at a sentence end if possible. The result is None if
    no part of it leaves enough room.
    """

    def lacking(messages: Sequence[Message]) -> int:
        return room - (limit - len(encode([*messages, _answer("a")]).input_ids) + 1)

    kept = list(asked)
    while len(kept) > 1 and lacking(kept) > 0:
        kept = kept[1:]
    excess = lacking(kept)
    if excess <= 0:
        return kept
    text = kept[0].content
    spans = offsets(text)
    if excess >= len(spans):
        return None
    for divide in LEVELS:
        places = divide(text)
        for place in places[bisect_left(places, spans[excess][0]) :]:
            rest = text[place:].strip()
            if rest and lacking(shortened := [Message(role="user", content=rest)]) <= 0:
                return shortened
    return None


def _pieces(
    text: str, spans: Sequence[Span], limit: int, encode: Callable[[str], Encoded]
) -> list[tuple[str, Encoded]] | None:
    """Divide a text into pieces as long as the limit allows, cut at the best places (LEVELS); None if impossible.

    Args:
        text: text of an answer.
        spans: the span of characters of each of its tokens.
        limit: greatest number of tokens of a row.
        encode: takes a piece; returns the tokens of its row.

    Returns: (piece, tokens of its row) for each piece.
    """
    room = limit - len(encode("a").input_ids) + 1
    begins = [begin for begin, _ in spans]
    levels = [cache(divide) for divide in LEVELS]

    def reach(begin: int, tokens: int) -> int:
        last = bisect_left(begins, begin) + tokens
        return begins[last] if last < len(begins) else len(text)

    begin, end = _skip_space(text, 0), len(text.rstrip())
    if begin >= end:  # the text is only white space
        whole = encode(text)
        return [(text, whole)] if len(whole.input_ids) <= limit else None
    pieces: list[tuple[str, Encoded]] = []
    while begin < end:
        tried: dict[str, Encoded] = {}

        def fits(place: int, begin: int = begin, tried: dict[str, Encoded] = tried) -> bool:
            piece = text[begin:place].strip()
            if piece not in tried:
                tried[piece] = encode(piece)
            return len(tried[piece].input_ids) <= limit

        aim, most = reach(begin, room), reach(begin, room + SLACK)
        found = (_furthest(divide(text), begin, aim, most, fits) for divide in levels)
        place = next((place for place in found if place is not None), None)
        if place is None:
            return None
        piece = text[begin:place].strip()
        pieces.append((piece, tried[piece]))
        begin = _skip_space(text, place)
    return pieces


def _furthest(
    places: Sequence[int], begin: int, aim: int, most: int, fits: Callable[[int], bool]
) -> int | None:
    """Return the last place up to which the text from `begin` fits; None if there is none.

    The search starts at the estimate `aim`, and no place after `most` is tried.
    """
    at = bisect_right(places, aim) - 1
    if places[at] > begin and not fits(places[at]):
        while places[at] > begin and not fits(places[at]):
            at -= 1
    else:
        while at + 1 < len(places) and places[at + 1] <= most and fits(places[at + 1]):
            at += 1
    return places[at] if places[at] > begin else None


def _skip_space(text: str, place: int) -> int:
    while place < len(text) and text[place].isspace():
        place += 1
    return place


def _sentences(text: str) -> list[int]:
    from sentencex import get_sentence_boundaries

    return [0, *(boundary["end_index"] for boundary in get_sentence_boundaries(LANGUAGE, text))]


def _lines(text: str) -> list[int]:
    return [0, *(match.end() for match in regex.finditer(r"\n", text)), len(text)]


def _words(text: str) -> list[int]:
    return [0, *(match.end() for match in regex.finditer(r"\s+", text)), len(text)]


def _characters(text: str) -> list[int]:
    """Return the ends of grapheme clusters, so that a letter is not separated from its accents."""
    return [0, *(match.end() for match in regex.finditer(r"\X", text))]


LEVELS = (_sentences, _lines, _words, _characters)
"""Functions that return the places to cut a text, from 0 to its length; the best kind of place comes first."""
