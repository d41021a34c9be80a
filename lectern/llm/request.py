"""What is asked of an LLM and what it replied, as the store of replies keeps it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pydantic import Field

from lectern.core.schema import Message, Record
from lectern.settings.llm import LLM

CUT = "the reply was cut"
"""How a problem begins that says: it reached its limit of tokens."""


@dataclass(frozen=True)
class Request:
    """One call: all that decides its reply, and nothing of where or when it is made."""

    model: str
    messages: Sequence[Message]
    schema: Mapping[str, Any] | None = None
    """JSON schema of the reply; none for plain text"""
    options: Mapping[str, Any] = field(default_factory=dict)
    """temperature, max_tokens and the like, as the endpoint takes them"""

    @cached_property
    def key(self) -> str:
        """Sha256 of the request, in hex: the reply's place in the store."""
        content = {
            "model": self.model,
            "messages": [[message.role, message.content] for message in self.messages],
            "schema": self.schema,
            "options": dict(self.options),
        }
        canonical = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


class Reply(Record):
    """A line of the store of replies: the last word of an LLM on one request."""

    key: str = Field(description="of the request")
    model: str
    text: str
    problem: str | None = Field(
        default=None, description="why the text is of no use: no JSON, or not what the schema asks for"
    )
    calls: int = Field(
        default=1, ge=1, description="that were answered: 2 where the first reply was repaired"
    )
    input_tokens: int = Field(default=0, ge=0, description="of all calls, as the endpoint counts them")
    output_tokens: int = Field(default=0, ge=0)

    @property
    def cut(self) -> bool:
        """Whether it ended at its limit of tokens, not by itself."""
        return self.problem is not None and self.problem.startswith(CUT)


def make_request(llm: LLM, messages: list[Message], schema: dict[str, Any] | None = None) -> Request:
    """The request of these messages to this LLM."""
    options: dict[str, Any] = {"temperature": llm.temperature, "max_tokens": llm.max_tokens}
    if llm.seed is not None:
        options["seed"] = llm.seed
    given = {name: value for name, value in (options | llm.extra).items() if value is not None}
    return Request(llm.model, messages, schema, given)
