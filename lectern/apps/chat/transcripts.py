"""Write a conversation as a file: JSON for programs, Markdown for people."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from lectern.core import io
from lectern.core.schema import Episode, Message
from lectern.publishing import markdown


def to_json(chats: Mapping[str, Sequence[Message]], facts: Mapping[str, Any]) -> str:
    """Write the messages of each model, and the facts about them, as JSON.

    Args:
        chats: model -> messages.
        facts: base model, adapter, revision and settings.
    """
    plain = {name: [message.model_dump() for message in messages] for name, messages in chats.items()}
    return io.to_json({"chats": plain, **facts}) + "\n"


def to_markdown(chats: Mapping[str, Sequence[Message]], facts: Mapping[str, Any]) -> str:
    """Write the same as Markdown. All messages stand in fenced code blocks, so that none of them acts as Markdown."""
    lines = ["# Conversation", ""]
    lines += [f"- {name}: {markdown.code(value, None)}" for name, value in facts.items()]
    for name, messages in chats.items():
        lines += ["", f"## {name}"]
        for message in messages:
            lines += ["", f"**{message.role}**", "", fence(message.content)]
    return "\n".join(lines) + "\n"


def episode_to_markdown(episode: Episode, facts: Mapping[str, Any]) -> str:
    """Write an episode as Markdown."""
    lines = ["# Episode", ""]
    lines += [f"- {name}: {markdown.code(value, None)}" for name, value in facts.items()]
    for turn in episode.turns:
        lines += ["", f"**{turn.role}**", "", fence(turn.text)]
    return "\n".join(lines) + "\n"


def fence(text: str) -> str:
    """Return a fenced code block that holds any text (CommonMark 0.31, section 4.5)."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    bar = "`" * max(3, longest + 1)
    return f"{bar}text\n{text}\n{bar}"
