"""Functions that all methods of making examples share: make a row of an answer, and divide a long answer."""

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from lectern.conversations.dividing import divide
from lectern.conversations.provenance import locate
from lectern.core.schema import Conversation, Example, Message, Word
from lectern.text.sentences import join_words

SHORTEST_PIECE = 4
"""A piece of a divided answer has at least the greatest allowed length divided by this, where sentences allow it."""


class Made(NamedTuple):
    """The examples that a method made of one conversation, and its counts."""

    examples: list[Example]
    dropped: Counter[str]
    """reason -> number of questions that gave no row; the reason `no_questions` counts recordings"""
    details: Mapping[str, int] = MappingProxyType({})
    """how many answers were divided, joined or kept together"""


class Asked(NamedTuple):
    """A turn that may ask something."""

    start: float  # seconds
    end: float
    text: str


class AnswerPart(NamedTuple):
    """An answer, or a piece of one, with its question."""

    question: str
    words: list[Word]
    goes_on: bool = False
    """whether it is a later piece of an answer, which only goes on; no question asks for it"""


def divide_answer(
    question: str, words: Sequence[Word], language: str, most: int | None, follow_ups: Sequence[Asked] = ()
) -> list[AnswerPart]:
    """Divide an answer into pieces of at most `most` words.

    If a follow-up was asked inside the answer, the answer is preferably divided there, and the follow-up is appended to
    the question of that piece. Elsewhere it is divided at a sentence end where the topic changes (`dividing`); such a
    piece goes on with the one before, and the question does not ask for it.
    """
    if most is None or len(words) <= most:
        return [AnswerPart(question, list(words))]
    openings = [asked.end for asked in follow_ups]
    pieces = divide(words, language, least=most // SHORTEST_PIECE, most=most, openings=openings)
    made: list[AnswerPart] = []
    for before, piece in zip([None, *pieces], pieces, strict=False):
        between = [
            asked.text
            for asked in follow_ups
            if before and before[-1].start < asked.end and asked.start < piece[0].end
        ]
        made.append(AnswerPart(" ".join([question, *between[-1:]]), piece, bool(before) and not between))
    return made


def make_chats(pieces: Sequence[AnswerPart], go_on: str | None) -> list[list[AnswerPart]]:
    """Group pieces into chats: one that goes on follows the piece before it, after the words `go_on`.

    Without these words, the pieces that go on are left out.
    """
    chats: list[list[AnswerPart]] = []
    for piece in pieces:
        if not piece.goes_on:
            chats.append([piece])
        elif go_on is not None:
            chats[-1].append(piece._replace(question=go_on))
    return chats


def make_row(conversation: Conversation, pieces: Sequence[AnswerPart], method: str) -> Example:
    """Make one example; each piece becomes an exchange of the chat."""
    messages = [
        message
        for piece in pieces
        for message in (
            Message(role="user", content=piece.question),
            Message(role="assistant", content=join_words(piece.words)),
        )
    ]
    words = [word for piece in pieces for word in piece.words]
    return Example.of(messages, locate(conversation, words, method))
