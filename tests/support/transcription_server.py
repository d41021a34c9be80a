"""A server on 127.0.0.1 with OpenAI's transcription API, behind which the packaged Whisper listens."""

import email.parser
import email.policy
import io
import json
import threading
import wave
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

Answer = tuple[int, bytes]
"""Status and body of a reply."""


@dataclass
class Call:
    """What came with a request."""

    fields: Mapping[str, list[str]]
    samples: Any
    """mono, 16 kHz, in [-1, 1]"""
    token: str


@dataclass
class Server:
    """Where it listens, and what it was asked."""

    url: str = ""
    calls: list[Call] = field(default_factory=list)


@contextmanager
def serve(answer: Callable[[Call], Answer]) -> Iterator[Server]:
    """Run a server until the block ends; `answer` is called from several threads."""
    server = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send(200, json.dumps({"data": [{"id": "whisper"}]}).encode())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            call = read(self.headers["content-type"], body, self.headers.get("authorization", ""))
            server.calls.append(call)
            self.send(*answer(call))

        def send(self, status: int, content: bytes) -> None:
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            if 300 <= status < 400:
                self.send_header("location", "http://127.0.0.1:9/elsewhere")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.daemon_threads = True
        threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
        server.url = f"http://127.0.0.1:{http.server_address[1]}/v1"
        try:
            yield server
        finally:
            http.shutdown()


def read(kind: str, body: bytes, token: str) -> Call:
    """Read a form with a WAV file."""
    head = f"content-type: {kind}\r\n\r\n".encode()
    form = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    fields: dict[str, list[str]] = {}
    samples: Any = None
    for part in form.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if part.get_filename():
            with wave.open(io.BytesIO(content)) as sound:
                assert (sound.getnchannels(), sound.getframerate(), sound.getsampwidth()) == (1, 16_000, 2)
                samples = (
                    np.frombuffer(sound.readframes(sound.getnframes()), "<i2").astype(np.float32) / 32768
                )
        else:
            fields.setdefault(str(name), []).append(content.decode())
    return Call(fields, samples, token)


def hear(whisper: Any, call: Call, *, bare: bool = True) -> dict[str, Any]:
    """What Whisper hears, as the API writes it with the times of words; `bare` words lack their marks, as OpenAI's."""
    found, about = whisper.transcribe(
        call.samples, language="en", beam_size=5, word_timestamps=True, temperature=0.0
    )
    segments = list(found)
    words = [word for segment in segments for word in segment.words or []]
    return {
        "text": "".join(segment.text for segment in segments).strip(),
        "language": "english",
        "duration": about.duration,
        "words": [
            {"word": word.word.strip(" .,?!") if bare else word.word, "start": word.start, "end": word.end}
            for word in words
        ],
        "segments": [
            {
                "text": segment.text,
                "start": segment.start,
                "end": segment.end,
                "no_speech_prob": segment.no_speech_prob,
                "avg_logprob": segment.avg_logprob,
                "compression_ratio": segment.compression_ratio,
            }
            for segment in segments
        ],
    }
