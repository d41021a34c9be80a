"""The persona: a system message, which tells the model who it is, for conversations that have none.

If a chat template has no system role, the text of each system message is put in front of the next user turn. The makers
of such models advise this, and Llama 2 and Gemma are served in this way too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from lectern.core.errors import LecternError
from lectern.core.schema import BLANK_LINE, Example, Message, Provenance
from lectern.models import chat_format

PROBE = "8c1f"
"""A text that no chat template contains."""


@dataclass(frozen=True)
class Shape:
    """How conversations become the messages that are passed to the chat template."""

    persona: str | None
    """a Jinja template over the fields of a row's provenance"""
    system_role: bool
    """whether the chat template has a system role"""

    def open(self, example: Example) -> list[Message]:
        """Return the messages of an example with the persona; see `introduce`, also for errors."""
        return self.introduce(example.messages, example.provenance)

    def introduce(self, messages: Sequence[Message], provenance: Provenance) -> list[Message]:
        """Return the messages, with the persona as a system message if they have none.

        Raises:
            LecternError: the persona is not a Jinja template, or does not fit this provenance.
        """
        if self.persona is None or any(message.role == "system" for message in messages):
            return list(messages)
        text = fill(self.persona, provenance).strip()
        return ([Message(role="system", content=text)] if text else []) + list(messages)

    def place(self, messages: Sequence[Message]) -> list[Message]:
        """Return the messages in the form that the chat template takes.

        Consecutive system messages are joined, since some templates allow only one.
        """
        return join_systems(messages) if self.system_role else into_questions(messages)


def shape(tokenizer: Any, template: str, persona: str | None) -> Shape:
    """Return the shape of conversations for a model.

    Args:
        tokenizer: of the base model, with the chat template that serving uses.
        template: the chat template with generation marks.
        persona: a Jinja template, or None.

    Raises:
        LecternError: the persona is not a Jinja template.
    """
    if persona is not None:
        _compile(persona)
    return Shape(persona, has_system_role(tokenizer, template))


def has_system_role(tokenizer: Any, template: str) -> bool:
    """Try whether both the training template and the model's own write out a system message."""
    chat = [
        Message(role="system", content=PROBE),
        Message(role="user", content="?"),
        Message(role="assistant", content="!"),
    ]
    try:
        texts = chat_format.write(tokenizer, [chat], template) + chat_format.write(tokenizer, [chat])
    except chat_format.RefusedError:
        return False
    return all(PROBE in text for text in texts)


def join_systems(messages: Sequence[Message]) -> list[Message]:
    """Join consecutive system messages into one, with blank lines between their texts."""
    joined: list[Message] = []
    for message in messages:
        if joined and message.role == joined[-1].role == "system":
            message = Message(role="system", content=joined.pop().content + BLANK_LINE + message.content)
        joined.append(message)
    return joined


def into_questions(messages: Sequence[Message]) -> list[Message]:
    """Put the text of each system message, and a blank line, in front of the next user turn.

    If no user turn follows, the text is put behind the last one.
    """
    placed: list[Message] = []
    waiting: list[str] = []
    for message in messages:
        if message.role == "system":
            waiting.append(message.content)
        elif message.role == "user" and waiting:
            placed.append(Message(role="user", content=BLANK_LINE.join([*waiting, message.content])))
            waiting = []
        else:
            placed.append(message)
    last = max((at for at, message in enumerate(placed) if message.role == "user"), default=None)
    if waiting and last is not None:
        placed[last] = Message(role="user", content=BLANK_LINE.join([placed[last].content, *waiting]))
    return placed


def fill(persona: str, provenance: Provenance) -> str:
    """Return the persona for an example of this provenance.

    Raises:
        LecternError: it is not a Jinja template, names a field that provenance does not have, or writes a field that is
            empty for this example.
    """
    from jinja2 import TemplateError

    fields = provenance.model_dump()
    try:
        return str(_compile(persona).render(fields))
    except (TemplateError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        empty = ", ".join(name for name, value in fields.items() if value is None)
        raise LecternError(
            f"render.persona does not fit a row of {provenance.item}: {error}. The fields are {', '.join(fields)}"
            + (
                f". For this row, {empty} are empty: test such a field with {{% if ... %}} before it is written."
                if empty
                else "."
            )
        ) from error


@cache
def _compile(persona: str) -> Any:
    from jinja2 import StrictUndefined, TemplateSyntaxError
    from jinja2.exceptions import TemplateRuntimeError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def refuse_empty(value: Any) -> Any:
        if value is None:
            raise TemplateRuntimeError("it writes a field that is empty")
        return value

    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, finalize=refuse_empty, trim_blocks=True, lstrip_blocks=True
    )
    try:
        return environment.from_string(persona)
    except TemplateSyntaxError as error:
        raise LecternError(
            f"render.persona is not a Jinja template: line {error.lineno}: {error.message}. Correct it under conf/ "
            "and run `lectern params`."
        ) from error
