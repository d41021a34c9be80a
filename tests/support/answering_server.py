"""A server with OpenAI's chat API on 127.0.0.1 that repeats the question, and may go down after some calls."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from lectern.settings.llm import LLM
from tests.settings import configure


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

    It says `You ask: ...`; to a question with `long` in it no end, and to one with `nothing` in it nothing.
    """
    state, lock = Server(), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            with lock:
                down = state.lives is not None and len(state.asked) >= state.lives
                if not down:
                    state.asked.append(body)
            if down:
                self.close_connection = True  # without a word, as a process that is gone
                return
            question = body["messages"][-1]["content"]
            text = "" if "nothing" in question else f" You ask: {question}\n"
            choice = {
                "index": 0,
                "finish_reason": "length" if "long" in question else "stop",
                "message": {"role": "assistant", "content": text},
            }
            reply = {"id": "1", "object": "chat.completion", "created": 0, "model": "x", "choices": [choice]}
            content = json.dumps(reply).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        state.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
        try:
            yield state
        finally:
            server.shutdown()
