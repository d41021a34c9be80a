"""The conversation of one browser tab: its turns, and the answers that are being written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import Literal

from lectern.apps.chat.talker import Reply
from lectern.core.errors import LecternError
from lectern.core.schema import Found, Message
from lectern.models.generation import AnswerOptions

Answer = Callable[[str, Sequence[Message], AnswerOptions, Callable[[str], None], Event], Reply]
"""A function with the arguments of `Talker.answer`."""
LookUp = Callable[[Sequence[Message]], tuple[list[Message], list[Found]]]
"""A function like `Library.look_up`."""
State = Literal["waiting", "writing", "done", "stopped", "failed"]


@dataclass
class Turn:
    """A model's answer to one question."""

    question: str
    text: str = ""
    state: State = "waiting"
    note: str = ""
    """a remark for the user: the limit was reached, older turns were left out, or an error"""
    passages: list[Found] = field(default_factory=list)
    """what stood before the question in the prompt"""


@dataclass
class Chat:
    """The conversation with one model."""

    name: str
    turns: list[Turn] = field(default_factory=list)

    def messages(self, system: str, upto: int | None = None) -> list[Message]:
        """Return the messages that the model gets now, or that it got before answer number `upto`."""
        given = [Message(role="system", content=system.strip())] if system.strip() else []
        turns = self.turns if upto is None else self.turns[: upto + 1]
        for number, turn in enumerate(turns):
            if number == upto:
                given.append(Message(role="user", content=turn.question))
            elif turn.text:  # a question without an answer does not belong to the conversation
                given.append(Message(role="user", content=turn.question))
                given.append(Message(role="assistant", content=turn.text))
        return given


def fill(
    chat: Chat,
    system: str,
    options: AnswerOptions,
    answer: Answer,
    stop: Event,
    look_up: LookUp | None = None,
) -> None:
    """Fill in the answer of the last turn, in this thread. An error is written into the turn's note.

    Args:
        chat: the conversation, whose last turn has no answer yet.
        system: the persona; empty for none.
        options: how the answer is written.
        answer: `Talker.answer`, or a function for an endpoint with the same arguments.
        stop: set to end the answer.
        look_up: puts passages before the question; None for no passages.
    """
    turn = chat.turns[-1]

    def tell(text: str) -> None:
        turn.text, turn.state = text, "writing"

    try:
        messages = chat.messages(system, len(chat.turns) - 1)
        if look_up is not None:
            messages, turn.passages = look_up(messages)
        reply = answer(chat.name, messages, options, tell, stop)
    except LecternError as error:
        turn.state, turn.note = "failed", str(error)
        return
    turn.text = reply.text
    turn.state = "stopped" if stop.is_set() and not reply.finished else "done"
    notes = (
        [] if reply.finished else ["stopped" if turn.state == "stopped" else "the token limit was reached"]
    )
    notes += ["the oldest turns were left out, because the context is full"] if reply.shortened else []
    notes += ["nothing was found"] if look_up is not None and not turn.passages else []
    notes += [reply.note] if reply.note else []
    turn.note = "; ".join(notes)
