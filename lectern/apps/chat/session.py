"""The conversation of one browser tab: its turns, and the answers that are being written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import Literal

from lectern.apps.chat.near import Near
from lectern.apps.chat.talker import Reply
from lectern.core.errors import LecternError
from lectern.core.schema import Found, Message
from lectern.models.generation import AnswerOptions

Answer = Callable[[str, Sequence[Message], AnswerOptions, Callable[[str], None], Event], Reply]
"""A function with the arguments of `Talker.answer`."""
LookUp = Callable[[Sequence[Message]], tuple[list[Message], list[Found]]]
"""A function like `Library.look_up`."""
Known = tuple[Near, str | None]
"""A training row, and the name of the person who gave its answer, if it is known."""
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
    nearest: Known | None = None
    """the training row that is nearest to the answer; None until it is found"""
    nearest_note: str = ""
    """why it was not found"""


@dataclass
class Chat:
    """The conversation with one model."""

    name: str
    turns: list[Turn] = field(default_factory=list)

    def messages(self, system: str, asked: Turn | None = None) -> list[Message]:
        """Return the messages that the model gets now, or those up to the question of the turn `asked`."""
        given = [Message(role="system", content=system.strip())] if system.strip() else []
        for turn in list(self.turns):  # a copy, since another thread may begin the conversation anew
            if turn is asked:
                break
            if turn.text:  # a question without an answer does not belong to the conversation
                given.append(Message(role="user", content=turn.question))
                given.append(Message(role="assistant", content=turn.text))
        if asked is not None:
            given.append(Message(role="user", content=asked.question))
        return given


def fill(
    chat: Chat,
    turn: Turn,
    system: str,
    options: AnswerOptions,
    answer: Answer,
    stop: Event,
    look_up: LookUp | None = None,
) -> None:
    """Fill in the answer of a turn, in this thread. An error is written into the turn's note.

    Args:
        chat: the conversation.
        turn: its last turn, which has no answer yet. If it was taken out of the conversation meanwhile, it is filled in
            all the same, and nobody sees it.
        system: the persona; empty for none.
        options: how the answer is written.
        answer: `Talker.answer`, or a function for an endpoint with the same arguments.
        stop: set to end the answer.
        look_up: puts passages before the question; None for no passages.
    """

    def tell(text: str) -> None:
        turn.text, turn.state = text, "writing"

    try:
        messages = chat.messages(system, turn)
        if look_up is not None:
            messages, turn.passages = look_up(messages)
        reply = answer(chat.name, messages, options, tell, stop)
    except LecternError as error:
        turn.state, turn.note = "failed", str(error)
        return
    except (
        Exception
    ) as error:  # the person must learn of any error, and the log has to say where it comes from
        turn.state, turn.note = "failed", f"the answer failed: {error or type(error).__name__}"
        raise
    turn.text = reply.text
    turn.state = "stopped" if stop.is_set() and not reply.finished else "done"
    notes = (
        [] if reply.finished else ["stopped" if turn.state == "stopped" else "the token limit was reached"]
    )
    notes += ["the oldest turns were left out, because the context is full"] if reply.shortened else []
    notes += ["nothing was found"] if look_up is not None and not turn.passages else []
    notes += [reply.note] if reply.note else []
    turn.note = "; ".join(notes)
