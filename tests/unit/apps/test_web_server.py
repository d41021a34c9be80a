"""A server waits neither for a request that does not come whole nor, once it shall end, for anybody."""

import asyncio
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from lectern.apps.web.leaving import Leaving
from lectern.core.guard import HEADERS
from tests import warm
from tests.support import review_repo
from tests.support.web_app import ROOT, started

SECONDS = 1.0
"""In which a whole request has to come, here."""
ENOUGH = 60.0
"""Seconds in which a process ends; it takes .5 to 2.5."""
POLLING = "/_nicegui_ws/socket.io/?EIO=4&transport=polling"
APP = """
import threading
from asyncio import to_thread
from fastapi import Request
from lectern.apps.web import patience, server

patience.PatientProtocol.seconds = {seconds}

def build():
    from nicegui import app, ui

    @ui.page("/")
    def home():
        ui.label("home")

    @app.post("/body")
    async def body(request: Request):
        return len(await request.body())

    @app.get("/work")
    async def work():
        await to_thread(threading.Event().wait)

    app.on_shutdown(lambda: print("closed", flush=True))

server.serve("app", "a page", build, port=0, show=False)
"""


@contextmanager
def app(folder: Path) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    (folder / "tiny_app.py").write_text(APP.format(seconds=SECONDS))
    with started("tiny_app", folder) as (address, process):
        yield address, process


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with app(tmp_path_factory.mktemp("app")) as (address, _):
        yield address


def connect(address: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])), timeout=ENOUGH)


def read(connection: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize("begun", [True, False])
def test_a_page_that_is_left_while_it_is_sent_is_no_error(begun: bool) -> None:
    import uvicorn
    from starlette.middleware.base import BaseHTTPMiddleware
    from starlette.middleware.gzip import GZipMiddleware
    from uvicorn.server import ServerState

    from lectern.apps.web.patience import PatientProtocol

    async def give_up(scope: Any, receive: Any, send: Any) -> None:
        """As a file's response does, once the browser has left."""
        if begun:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        while (await receive())["type"] != "http.disconnect":
            pass

    async def fail(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("broken")

    async def pass_on(request: Any, call_next: Any) -> Any:
        return await call_next(request)

    def serve(app: Any) -> None:
        messages = iter([{"type": "http.request", "body": b"", "more_body": False}])

        async def receive() -> Any:
            return next(messages, {"type": "http.disconnect"})

        async def send(message: Any) -> None:
            pass

        request = {"type": "http", "method": "GET", "path": "/", "headers": [(b"accept-encoding", b"gzip")]}
        asyncio.run(app(request, receive, send))

    sent, broken = (BaseHTTPMiddleware(GZipMiddleware(app), dispatch=pass_on) for app in (give_up, fail))
    with pytest.raises(RuntimeError, match="No response returned"):
        serve(sent)  # else this test would say nothing
    serve(Leaving(sent))
    with pytest.raises(RuntimeError, match="broken"):
        serve(Leaving(broken))
    # and it stands around every app that is served
    config = uvicorn.Config(sent, lifespan="off")
    config.load()
    protocol = PatientProtocol(config, ServerState(), {}, asyncio.new_event_loop())
    assert isinstance(protocol.app, Leaving)


WHOLE = b"GET / HTTP/1.1\r\nhost: HERE\r\n\r\n"


@pytest.mark.parametrize(
    "half",
    [
        b"",
        b"GET / HT",
        b"GET / HTTP/1.1\r\nhost: HERE\r\nx: y",
        b"POST /body HTTP/1.1\r\nhost: HERE\r\ncontent-length: 10\r\n\r\nhalf",
        b"POST /body HTTP/1.1\r\nhost: HERE\r\ntransfer-encoding: chunked\r\n\r\n9\r\nhalf",
        b"GET / HTTP/1.1\r\nhost: HERE\r\n\r\nGET / HT",
        b"GET / HTTP/1.1\r\nhost: HERE\r\n\r\nPOST /body HTTP/1.1\r\nhost: HERE\r\ncontent-length: 10\r\n\r\nhalf",
    ],
    ids=["nothing", "line", "headers", "body", "chunk", "second", "body of the second"],
)
def test_half_a_request_is_not_waited_for(patient: str, half: bytes) -> None:
    with ExitStack() as open_ones:
        many = [open_ones.enter_context(closing(connect(patient))) for _ in range(5)]
        for each in many:
            each.sendall(half.replace(b"HERE", patient.removeprefix("http://").encode()))
        began = time.monotonic()
        answers = [read(each) for each in many]
        assert time.monotonic() - began < ENOUGH
        assert b"HTTP/1.1 200" not in answers[0] or half.startswith(WHOLE)
    assert httpx.get(f"{patient}/").status_code == 200


def test_what_comes_byte_by_byte_has_no_more_time_and_is_told_why(patient: str) -> None:
    with closing(connect(patient)) as connection:
        connection.settimeout(SECONDS / 10)
        began, told = time.monotonic(), b""
        while not told and time.monotonic() - began < ENOUGH:
            connection.sendall(b"a")
            try:
                told = connection.recv(65536)
            except TimeoutError:
                continue
    assert told.startswith(b"HTTP/1.1 408")
    assert all(f"{name}: {value}".encode() in told for name, value in HEADERS.items())


def test_an_answer_may_take_longer_than_its_request(patient: str) -> None:
    with closing(connect(patient)) as connection:
        connection.sendall(
            b"GET /work HTTP/1.1\r\nhost: " + patient.removeprefix("http://").encode() + b"\r\n\r\n"
        )
        connection.settimeout(SECONDS * 2)
        with pytest.raises(TimeoutError):
            connection.recv(1)


def poll(address: str) -> socket.socket:
    """As a page whose websocket is not let through: a request that waits for the server's word."""
    found = re.search(r'"sid":"([^"]+)"', httpx.get(address + POLLING).text)
    assert found
    waiting = connect(address)
    host = address.removeprefix("http://")
    waiting.sendall(f"GET {POLLING}&sid={found[1]} HTTP/1.1\r\nhost: {host}\r\n\r\n".encode())
    return waiting


def use_websocket(address: str) -> socket.socket:
    """A websocket of the page."""
    connection, host = connect(address), address.removeprefix("http://")
    asked = (
        f"GET {POLLING.replace('polling', 'websocket')} HTTP/1.1\r\nhost: {host}\r\nupgrade: websocket\r\n"
    )
    more = "connection: Upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    connection.sendall((asked + more).encode())
    assert connection.recv(65536).startswith(b"HTTP/1.1 101")
    return connection


def work(address: str) -> socket.socket:
    """A request whose thread never ends."""
    connection = connect(address)
    connection.sendall(f"GET /work HTTP/1.1\r\nhost: {address.removeprefix('http://')}\r\n\r\n".encode())
    return connection


def keep(address: str) -> socket.socket:
    """A connection that is kept for the next request."""
    connection = connect(address)
    connection.sendall(f"GET /nothing HTTP/1.1\r\nhost: {address.removeprefix('http://')}\r\n\r\n".encode())
    connection.recv(65536)
    return connection


def assert_it_ends(process: "subprocess.Popen[str]", number: signal.Signals, name: str) -> None:
    began = time.monotonic()
    process.send_signal(number)
    assert process.wait(ENOUGH) == 0
    print(f"{name} {number.name}: {time.monotonic() - began:.1f} s")
    assert process.stdout is not None
    closed = ["closed"] if name == "app" else []
    assert process.stdout.read().splitlines() == [*closed, f"{name}: ended"], "what it began is closed before"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("held", [poll, work, use_websocket, keep])
def test_it_ends_soon_whatever_is_open(
    tmp_path: Path, number: signal.Signals, held: Callable[[str], socket.socket]
) -> None:
    with app(tmp_path) as (address, process), closing(held(address)):
        httpx.get(f"{address}/nothing")  # the other request has arrived by then
        assert_it_ends(process, number, "app")
    assert "Traceback" not in (tmp_path / "app.err").read_text()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("name", ["review", "chat"])
def test_review_and_chat_end_soon_with_pages_open(tmp_path: Path, number: signal.Signals, name: str) -> None:
    review_repo.make(tmp_path)
    with (
        started(f"lectern {name}", tmp_path, *(["--by", "Asha Rao"] if name == "review" else [])) as (
            address,
            process,
        ),
        closing(poll(address)),
        closing(use_websocket(address)),
        closing(keep(address)),
    ):
        httpx.get(f"{address}/nothing")  # the other requests have arrived by then
        assert_it_ends(process, number, name)


@pytest.mark.parametrize(("options", "opened"), [([], "True"), (["--no-browser"], "False")])
@pytest.mark.parametrize("name", [["review", "--by", "Asha Rao"], ["chat"]])
def test_the_browser_opens_unless_it_shall_not(
    tmp_path: Path, name: list[str], options: list[str], opened: str
) -> None:
    review_repo.make(tmp_path)
    code = (
        "import sys; from nicegui import ui; ui.run = lambda **chosen: print(chosen['show'])\n"
        "from lectern.tools.main import main; main(sys.argv[1:])"
    )
    done = subprocess.run(
        [warm.python(), "-c", code, *name, "--port", "0", *options],
        cwd=tmp_path,
        env=warm.environment(PYTHONPATH=str(ROOT)),
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, f"{opened}\n"), done.stderr
