"""A server on 127.0.0.1 with OpenAI's chat API that answers each call as a function says."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.support import chat_api


@dataclass
class OddServer:
    """The running server and the bodies of its calls."""

    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    most: int = 0
    """The greatest number of calls at a time."""


@contextmanager
def serve(answer: Callable[[dict[str, Any], int], tuple[int, dict[str, Any]]]) -> Iterator[OddServer]:
    """Run a server until the block ends.

    Args:
        answer: (body of a call, how many came before it) -> the status, and either a message or, for an error, its
            body.
    """
    running = OddServer()
    lock = threading.Lock()
    flying = 0

    def reply(body: dict[str, Any]) -> chat_api.Answer:
        nonlocal flying
        with lock:
            number = len(running.asked)
            running.asked.append(body)
            flying += 1
            running.most = max(running.most, flying)
        status, said = answer(body, number)
        with lock:
            flying -= 1
        if status != 200:
            return status, said
        return status, chat_api.complete(said, said.pop("finish_reason", "stop"))

    with chat_api.serve(reply) as running.url:
        yield running
