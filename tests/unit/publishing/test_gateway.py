"""What stands before llama.cpp, where llama.cpp itself fails or the client does: a stand-in does what it is told."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from lectern.apps.web.patience import PatientProtocol
from lectern.publishing import gateway
from lectern.publishing.gateway import Served
from lectern.settings.decoding import Decoding
from tests.settings import configure

CHAT = {"messages": [{"role": "user", "content": "What is a seed?"}]}
SOON = 120.0
BLOCKS = 500
"""Of 64 KiB: more than lies between two processes."""


def says(word: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": word}]}


async def llama(scope: Any, receive: Any, send: Any) -> None:
    """In place of llama.cpp: does what the last message says."""
    body = b""
    while True:
        part = await receive()
        body += part.get("body", b"")
        if not part.get("more_body"):
            break
    word = json.loads(body or b"{}").get("messages", [{"content": ""}])[-1]["content"]
    failing = word == "no template" or (word == "broken" and scope["path"] != "/apply-template")
    status = 500 if failing else 200
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    for _ in range(BLOCKS if word == "much" and scope["path"] != "/apply-template" else 0):
        await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
    answer = {"error": {"message": "it cannot", "type": "server_error"}} if failing else {"said": word}
    await send({"type": "http.response.body", "body": json.dumps(answer).encode()})


def start(app: Any, bound: socket.socket) -> uvicorn.Server:
    config = uvicorn.Config(app, http=PatientProtocol, lifespan="off", log_level="critical")
    server = uvicorn.Server(config)
    threading.Thread(target=server.run, args=([bound],), daemon=True).start()
    return server


@pytest.fixture
def behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a gateway that answers one at a time, before the stand-in."""
    monkeypatch.setattr(gateway, "PATIENCE", 1.0)
    inner, outer = socket.socket(socket.AF_UNIX), socket.socket()
    inner.bind(str(tmp_path / "llama.sock"))
    outer.bind(("127.0.0.1", 0))
    app = gateway.build(Served("x", 128, configure(Decoding), parallel=1), str(tmp_path / "llama.sock"))
    for bound in (inner, outer):
        bound.listen()
    servers = [start(llama, inner), start(app, outer)]
    yield f"http://127.0.0.1:{outer.getsockname()[1]}"
    for server in servers:
        server.should_exit = server.force_exit = True


def post(address: str, body: dict[str, Any]) -> httpx.Response:
    return httpx.post(f"{address}/v1/chat/completions", json=body, timeout=SOON)


def test_a_client_that_takes_nothing_in_gives_up_its_place(behind: str) -> None:
    port = int(behind.rpartition(":")[2])
    body = json.dumps(says("much"))
    with socket.create_connection(("127.0.0.1", port)) as idle:
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {len(body)}\r\n\r\n"
        idle.sendall((head + body).encode())
        assert idle.recv(10)
        began = time.monotonic()
        assert post(behind, CHAT).json() == {"said": "What is a seed?"}
        assert time.monotonic() - began < SOON


def test_whose_fault_it_is_is_said(behind: str, tmp_path: Path) -> None:
    refused = post(behind, says("no template"))
    assert refused.status_code == 400, "the request is at fault, and is not repeated"
    assert refused.json()["error"]["message"] == "it cannot"
    assert post(behind, says("broken")).status_code == 500
    (tmp_path / "llama.sock").rename(tmp_path / "gone")
    for answer in (httpx.post(f"{behind}/tokenize", json={"content": "x"}), httpx.get(f"{behind}/health")):
        assert answer.status_code == 503
        assert answer.json()["error"]["type"] == "server_error"


@pytest.mark.parametrize(
    ("host", "names"),
    [
        ("127.0.0.1", {"127.0.0.1", "localhost", "[::1]"}),
        ("::1", {"127.0.0.1", "localhost", "[::1]"}),
        ("192.168.0.5", {"127.0.0.1", "localhost", "[::1]", "192.168.0.5"}),
        ("Box.example", {"127.0.0.1", "localhost", "[::1]", "box.example"}),
        ("fe80::1", {"127.0.0.1", "localhost", "[::1]", "[fe80::1]"}),
    ],
)
def test_it_answers_to_the_host_that_was_asked_for(host: str, names: set[str]) -> None:
    assert set(Served("x", 1, configure(Decoding), host=host).names or ()) == names
    assert Served("x", 1, configure(Decoding), host="0.0.0.0").names is None, (
        "any name of this machine may lead there"
    )
