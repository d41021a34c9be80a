"""What the methods that make examples share: the row of an answer, and its division where it is too long."""

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from lectern.conversations.dividing import divide
from lectern.conversations.provenance import locate
from lectern.core.schema import Conversation, Example, Message, Word
from lectern.text.sentences import join_words

SHORTEST_PIECE = 4
"""A piece of an answer that is divided has at least the longest length over this, where the sentences allow it."""


class Made(NamedTuple):
    """What a method made of one conversation."""

    examples: list[Example]
    dropped: Counter[str]
    """questions (or recordings, as no_questions) that gave no row, by reason"""
    details: Mapping[str, int] = MappingProxyType({})
    """what was divided, joined or kept together"""


class Asked(NamedTuple):
    """A turn in which something may be asked."""

    start: float  # seconds
    end: float
    text: str


class Piece(NamedTuple):
    """An answer, or a part of one, with what was asked."""

    question: str
    words: list[Word]


def divide_answer(
    question: str, words: Sequence[Word], language: str, most: int | None, follow_ups: Sequence[Asked] = ()
) -> list[Piece]:
    """The answer in pieces of at most `most` words, each with the question.

    Where a follow-up was asked inside the answer it is divided there first, and that piece's question goes on with
    the follow-up. Elsewhere the sentence end is chosen at which the topic turns (`dividing`).
    """
    if most is None or len(words) <= most:
        return [Piece(question, list(words))]
    openings = [asked.end for asked in follow_ups]
    pieces = divide(words, language, least=most // SHORTEST_PIECE, most=most, openings=openings)
    made: list[Piece] = []
    for before, piece in zip([None, *pieces], pieces, strict=False):
        between = [
            asked.text
            for asked in follow_ups
            if before and before[-1].start < asked.end and asked.start < piece[0].end
        ]
        made.append(Piece(" ".join([question, *between[-1:]]), piece))
    return made


def make_row(conversation: Conversation, pieces: Sequence[Piece], method: str) -> Example:
    """One example: the pieces are the exchanges of a chat."""
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
