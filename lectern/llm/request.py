"""A request to an LLM and its reply, as the store of replies keeps them."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from lectern.core.schema import Message, Record
from lectern.settings.llm import LLM

CUT = "the reply was cut"
"""The beginning of a problem that says that the reply reached its limit of tokens."""


@dataclass(frozen=True)
class Request:
    """One call: everything that decides its reply, and nothing about where or when it is made."""

    model: str
    messages: Sequence[Message]
    schema: Mapping[str, Any] | None = None
    """JSON schema of the reply; `None` for plain text."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Options such as temperature and max_tokens, as the endpoint takes them."""

    @cached_property
    def key(self) -> str:
        """Sha256 of the request, in hex. The store keeps the reply under it."""
        content = {
            "model": self.model,
            "messages": [[message.role, message.content] for message in self.messages],
            "schema": self.schema,
            "options": dict(self.options),
        }
        canonical = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def texts(self) -> list[str]:
        """What the messages show, without the system's."""
        return [message.content for message in self.messages if message.role != "system"]


class Reply(Record):
    """A line of the store of replies: an LLM's final reply to one request."""

    key: str = Field(description="of the request")
    model: str
    text: str
    problem: str | None = Field(
        default=None, description="why the text cannot be used: not JSON, or it does not fit the schema"
    )
    calls: int = Field(
        default=1, ge=1, description="number of answered calls: 2 when the first reply was corrected"
    )
    input_tokens: int = Field(default=0, ge=0, description="of all calls, as the endpoint counts them")
    output_tokens: int = Field(default=0, ge=0)
    asked: str | None = Field(
        default=None,
        description="of a reply with a problem: digest of the server and the form it was asked in",
    )

    @model_serializer(mode="wrap")
    def _leave_out_asked(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        plain: dict[str, Any] = handler(self)
        return plain if self.asked is not None else {k: v for k, v in plain.items() if k != "asked"}

    @property
    def cut(self) -> bool:
        """Whether the reply ended at its limit of tokens."""
        return self.problem is not None and self.problem.startswith(CUT)


def make_request(llm: LLM, messages: list[Message], schema: dict[str, Any] | None = None) -> Request:
    """The request that sends these messages to this LLM, with its options."""
    options: dict[str, Any] = {"temperature": llm.temperature, "max_tokens": llm.max_tokens}
    if llm.seed is not None:
        options["seed"] = llm.seed
    given = {name: value for name, value in (options | llm.extra).items() if value is not None}
    return Request(llm.model, messages, schema, given)
