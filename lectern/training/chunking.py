"""Conversations cut into chunks that a model can read, each as long as its limit allows.

A chunk holds whole exchanges, a question with all that answers it, and begins with a user turn. Only an exchange that
is too long by itself is divided: its answer at sentence ends, with the question before each piece.

Lengths are those of the real template. To tokenize each chunk hardly more than once, a stretch that is a little longer
than the limit is tokenized, and the tokens of what fits are taken from it (`shorten`).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, pairwise
from typing import NamedTuple

import regex

from lectern.core.schema import Message
from lectern.models.templates import Encoded, Span

LANGUAGE = "en"
"""Of the rules for sentence ends: rows do not know theirs, and these know the marks of other scripts too."""
ROOM = 4
"""A question may not take so much that the answer has less than the limit over this, unless it needs less."""
SLACK = 16
"""Tokens by which an estimate may be wrong before a longer piece is left untried."""
AHEAD = 1.05
"""How much more than the limit is tokenized, so that the next exchange is seen not to fit."""
FIRST_GUESS = 0.2
"""Tokens a character, until some were counted."""

Encode = Callable[[Sequence[Message]], Encoded]
"""The tokens of messages by the template."""
Shorten = Callable[[Encoded, Sequence[Message]], Encoded]
"""The tokens of messages that begin a conversation which is encoded already."""
Offsets = Callable[[str], list[Span]]
"""The characters of a plain text that each of its tokens stands for."""


class Chunk(NamedTuple):
    """A row to be."""

    messages: list[Message]
    tokens: Encoded


@dataclass(frozen=True)
class Cut:
    """What became of a conversation."""

    chunks: list[Chunk]
    """none when not even a piece of a question and of its answer fit together"""
    answers_divided: int
    questions_shortened: int


@dataclass(frozen=True)
class Exchange:
    """User turns, with the system messages among them, and the assistant turns that answer."""

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
    """The messages without the assistant turns before the first user turn, which answer nothing; and their number.

    System messages stay.
    """
    first = next((at for at, message in enumerate(messages) if message.role == "user"), len(messages))
    opening = [message for message in messages[:first] if message.role == "system"]
    return opening + list(messages[first:]), first - len(opening)


def split_exchanges(messages: Sequence[Message]) -> list[Exchange]:
    """The exchanges of a conversation whose first turn is the user's and whose last is the assistant's."""
    begins, answered = [0], False
    for at, message in enumerate(messages):
        if message.role == "user" and answered:
            begins.append(at)
            while messages[begins[-1] - 1].role == "system":
                begins[-1] -= 1
        answered = message.role == "assistant" or (answered and message.role == "system")
    return [Exchange(tuple(messages[begin:end])) for begin, end in pairwise([*begins, len(messages)])]


def cut(messages: Sequence[Message], limit: int, encode: Encode, shorten: Shorten, offsets: Offsets) -> Cut:
    """The chunks of a conversation, in order: each has at most `limit` tokens, and with the next exchange more.

    Each chunk opens with all system messages that stand before it. Of an answer nothing is lost, and nothing doubled.

    Args:
        messages: the first turn the user's, the last the assistant's.
        limit: tokens of a chunk.
        encode: the tokens of messages.
        shorten: the same, of messages that begin others.
        offsets: the tokens of plain text, which need not be exactly those that it has in a conversation.
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
                return Cut([], 0, 0)
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
    return Cut(chunks, divided, shortened)


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
    """Up to which exchange a chunk goes that begins at `start`, with its tokens, and the tokens a character there.

    There is no such chunk when the first exchange is too long by itself.
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
    """The first place after `least` up to which there are so many characters, or the end of the exchanges."""
    size = sum(len(message.content) for message in systems)
    for place in range(start, len(exchanges)):
        size += sum(len(message.content) for message in exchanges[place].messages)
        if place >= least and size > characters:
            return place + 1
    return len(exchanges)


def _guess(whole: Encoded, exchanges: Sequence[Exchange], limit: int) -> int:
    """How many of the exchanges fit, judged by where their answers end; the trailing characters are not considered."""
    answers = list(accumulate(len(exchange.answers) for exchange in exchanges))
    if len(whole.answers) != answers[-1]:  # the template marks something else
        return len(exchanges) * limit // len(whole.input_ids)
    ends = [whole.answers[number - 1][1] for number in answers]
    return min(bisect_right(ends, whole.offsets[limit - 1][1]), len(exchanges) - 1)


class Parts(NamedTuple):
    """A long exchange divided."""

    chunks: list[Chunk]
    rest: Exchange
    """the last piece, which others may follow in its chunk"""
    divided: int
    """answers"""
    shortened: bool
    """the question"""


def _divide(
    systems: Sequence[Message], exchange: Exchange, limit: int, encode: Encode, offsets: Offsets
) -> Parts | None:
    """An exchange that is too long in pieces that fit, or None where that cannot be."""
    lengths = [offsets(answer.content) for answer in exchange.answers]
    fair = limit // ROOM
    for room in dict.fromkeys(
        (min(fair, max(map(len, lengths))), fair)
    ):  # an answer may be longer in its place
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
    """The same with a question that leaves so many tokens for each answer."""
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
    # system messages of its own open the last piece too, as all that stand before a chunk
    rest = Exchange((*([] if chunks else own), *question, last))
    return Parts(chunks, rest, divided, question != asked)


def _answer(text: str) -> Message:
    return Message(role="assistant", content=text)


def _keep_end(
    asked: Sequence[Message], room: int, limit: int, encode: Encode, offsets: Offsets
) -> list[Message] | None:
    """The user turns of a question, from their end, as far as they leave `room` tokens for an answer.

    The last one is shortened at a sentence end where it can be. None when nothing of it leaves that room.
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
    """A text in pieces, each as long as the limit allows, cut at the best places that there are; None if it cannot be.

    Args:
        text: of an answer.
        spans: the characters of it that each of its tokens stands for.
        limit: tokens of a row.
        encode: the row with a piece.

    Returns: each piece with its row.
    """
    room = limit - len(encode("a").input_ids) + 1
    begins = [begin for begin, _ in spans]
    levels = [cache(divide) for divide in LEVELS]

    def reach(begin: int, tokens: int) -> int:
        last = bisect_left(begins, begin) + tokens
        return begins[last] if last < len(begins) else len(text)

    begin, end = _skip_space(text, 0), len(text.rstrip())
    if begin >= end:  # white space alone
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
    """The last of the places up to which what begins at `begin` fits: probably one near `aim`, none after `most`."""
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
    """A letter is not parted from its accents."""
    return [0, *(match.end() for match in regex.finditer(r"\X", text))]


LEVELS = (_sentences, _lines, _words, _characters)
"""Places to cut a text, the best first: 0, some in between, and its length."""
