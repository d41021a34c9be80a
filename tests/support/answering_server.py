"""A server with OpenAI's chat API on 127.0.0.1 that repeats the question, and may go down after some calls."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from lectern.settings.llm import LLM
from tests.settings import configure
from tests.support import chat_api


@dataclass
class Server:
    """What it was asked, and how long it lives."""

    url: str = ""
    lives: int | None = None
    """calls that it answers; none for all"""
    asked: list[dict[str, Any]] = field(default_factory=list)
    """bodies of the calls that it answered"""

    def endpoint(self, **more: Any) -> LLM:
        """How to ask it, without patience."""
        settings: dict[str, Any] = {"concurrency": 1, "max_tries": 1, "backoff": 0.001}
        return configure(
            LLM, name="test", engine="openai", model="parrot", base_url=self.url, **(settings | more)
        )


@contextmanager
def serve() -> Iterator[Server]:
    """Run a server until the block ends.

    It says `You ask: ...`; to a question with `long` in it no end, to one with `nothing` in it nothing, and before one
    with `hard` in it, it thinks.
    """
    state, lock = Server(), threading.Lock()

    def reply(body: dict[str, Any]) -> chat_api.Answer | None:
        with lock:
            if state.lives is not None and len(state.asked) >= state.lives:
                return None
            state.asked.append(body)
        question = body["messages"][-1]["content"]
        text = "" if "nothing" in question else f" You ask: {question}\n"
        if "hard" in question:
            text = f"<think>\nIs {question} a question?\n</think>\n{text}"
        return 200, chat_api.complete({"content": text}, "length" if "long" in question else "stop")

    with chat_api.serve(reply) as state.url:
        yield state
