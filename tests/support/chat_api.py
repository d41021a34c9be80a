"""A server on 127.0.0.1 that speaks OpenAI's chat API, for the servers of tests, which only say what they answer."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, Mapping[str, Any]]
"""Status and body of a reply."""


@contextmanager
def serve(answer: Callable[[dict[str, Any]], Answer | None]) -> Iterator[str]:
    """Run a server on a free port until the block ends. Yields the base URL.

    Args:
        answer: takes the body of a call, from several threads at a time; None ends the connection without a word, as a
            process that is gone does.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            said = answer(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            if said is None:
                self.close_connection = True
                return
            status, body = said
            content = json.dumps(body).encode()
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
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        finally:
            server.shutdown()


def complete(message: Mapping[str, Any], finish_reason: str = "stop", tokens: int = 10) -> Mapping[str, Any]:
    """The body of a reply with this message, such as {"content": "Yes."}.

    Args:
        message: without its role.
        finish_reason: why the model stopped.
        tokens: of the reply; the prompt has a hundred.
    """
    usage = {"prompt_tokens": 100, "completion_tokens": tokens, "total_tokens": 100 + tokens}
    choice = {"index": 0, "finish_reason": finish_reason, "message": {"role": "assistant", **message}}
    return {
        "id": "1",
        "object": "chat.completion",
        "created": 0,
        "model": "x",
        "choices": [choice],
        "usage": usage,
    }
