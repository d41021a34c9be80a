"""A server on 127.0.0.1 with OpenAI's chat API that answers each call as a function says."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


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

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            nonlocal flying
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            with lock:
                number = len(running.asked)
                running.asked.append(body)
                flying += 1
                running.most = max(running.most, flying)
            status, said = answer(body, number)
            with lock:
                flying -= 1
            finish = said.pop("finish_reason", "stop")
            choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", **said}}
            usage = {"prompt_tokens": 50, "completion_tokens": 10}
            content = json.dumps({"choices": [choice], "usage": usage} if status == 200 else said).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        running.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
        try:
            yield running
        finally:
            server.shutdown()
