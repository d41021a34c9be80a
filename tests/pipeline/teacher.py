"""A server with OpenAI's chat API whose model copies: questions from a passage's sentences, and fours as ratings.

What it says is sound by the rules that the stages hold replies to, and depends on the request alone.
"""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PASSAGE = re.compile(r"<(passage-\w+) [^>]*>\n(.*?)\n</\1>", re.DOTALL)


@dataclass
class Teacher:
    """The running server."""

    base_url: str = ""
    calls: list[str] = field(default_factory=list)
    """what the user said in each call that was answered"""


def write(schema: dict[str, Any], text: str) -> dict[str, Any]:
    """A reply that fits the schema of `qa`, or of a rating."""
    properties = schema["properties"]
    if "rows" not in properties:
        return {name: {"reason": "It is what the source says.", "score": 4} for name in properties}
    sentences = [s for s in re.split(r"(?<=[.!?])\s+", text) if len(s.split()) >= 6] or [text]
    rows = []
    for number in range(properties["rows"]["minItems"]):
        sentence = sentences[number % len(sentences)]
        topic = " ".join(sentence.split()[:5]).strip(".,;:?!\"'")
        rows.append(
            {"question": f"What is there to know about: {topic}?", "evidence": sentence, "answer": sentence}
        )
    return {"rows": rows}


@contextmanager
def serve() -> Iterator[Teacher]:
    """Run the server on a free port until the block ends."""
    teacher = Teacher()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            said = "\n".join(m["content"] for m in body["messages"] if m["role"] == "user")
            passage = PASSAGE.findall(said)[-1][1]
            teacher.calls.append(said)
            reply = json.dumps(write(body["response_format"]["json_schema"]["schema"], passage))
            choice = {
                "index": 0,
                "message": {"role": "assistant", "content": reply},
                "finish_reason": "stop",
            }
            usage = {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150}
            completion = {"id": "x", "object": "chat.completion", "created": 0, "model": body["model"]}
            content = json.dumps({**completion, "choices": [choice], "usage": usage}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        teacher.base_url = f"http://127.0.0.1:{server.server_address[1]}/v1"
        try:
            yield teacher
        finally:
            server.shutdown()
            thread.join()
