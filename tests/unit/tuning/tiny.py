"""A base model that loads in no time, and chats for it."""

from stages.core.schema import Example, Message, Provenance
from stages.tuning import models

TINY = models.BaseModel(
    name="tiny_llama",
    source="random",
    package="smollm2_135m",
    architecture="llama",
    context_length=512,
    end_of_turn="<|im_end|>",
    chat_template="smollm2.jinja",
)


def chat(*contents: str, system: str | None = None) -> list[Message]:
    """Alternating messages, the first one the user's."""
    turns = [
        Message(role="assistant" if position % 2 else "user", content=content)
        for position, content in enumerate(contents)
    ]
    return [Message(role="system", content=system), *turns] if system else turns


def example(*contents: str, system: str | None = None) -> Example:
    return Example.of(chat(*contents, system=system), Provenance(item="talk", method="test"))
