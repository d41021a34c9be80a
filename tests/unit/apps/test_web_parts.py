"""What all pages share, each part alone: ports, connections that are given up, texts, links and acts."""

import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import h11
import pytest

from lectern.apps.web import desk, server, widgets
from lectern.apps.web.patience import PatientProtocol
from lectern.core.errors import LecternError
from lectern.core.guard import HEADERS
from tests.support import pages
from tests.support.pages import Visitor


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_a_port_is_the_one_that_was_asked_for_or_any_free_one(taken: int) -> None:
    free = server.find_port(0)
    assert 1024 <= free < 65536
    assert server.find_port(free) == free
    with server.bind(free) as bound:
        assert bound.getsockname() == ("127.0.0.1", free)
        server.listen(bound)
        with socket.create_connection(("127.0.0.1", free), 5):
            pass
    for port in (taken, 65536, -1):
        with pytest.raises(LecternError) as caught:
            server.find_port(port)
        assert str(caught.value).startswith(f"port {port} of 127.0.0.1 cannot be used (")
        assert str(caught.value).endswith("). Give another one; --port 0 takes any free port.")


def test_a_port_that_somebody_else_listened_at_first_is_named() -> None:
    with server.bind(0) as first:
        port = first.getsockname()[1]
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind(("127.0.0.1", port))
            other.listen()
            with pytest.raises(LecternError, match=f"port {port} of 127.0.0.1 cannot be used"):
                server.listen(first)


@pytest.mark.parametrize(("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]"), ("a.b", "a.b")])
def test_a_host_as_it_stands_in_an_address(host: str, shown: str) -> None:
    assert server.show_host(host) == shown


class Wire:
    """A transport that keeps what is written, and the clock of a loop."""

    def __init__(self) -> None:
        self.written = b""
        self.closed = False
        self.calls: list[Any] = []

    def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def get_extra_info(self, name: str) -> Any:
        return {"peername": ("127.0.0.1", 5), "sockname": ("127.0.0.1", 6)}.get(name)

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def call_later(self, seconds: float, call: Any) -> Any:
        handle = SimpleNamespace(seconds=seconds, call=call, cancelled=False)
        handle.cancel = lambda: setattr(handle, "cancelled", True)
        self.calls.append(handle)
        return handle

    @property
    def waiting(self) -> list[float]:
        """Seconds of the timeouts that still run."""
        return [call.seconds for call in self.calls if not call.cancelled]

    def create_task(self, work: Any) -> Any:
        work.close()
        return Task()


class Task:
    """An answer that never comes."""

    def add_done_callback(self, call: Any) -> None: ...


def connected() -> tuple[PatientProtocol, Wire]:
    from uvicorn import Config
    from uvicorn.server import ServerState

    wire = Wire()

    async def app(scope: Any, receive: Any, send: Any) -> None: ...

    config = Config(app, timeout_keep_alive=0)
    config.load()
    protocol = PatientProtocol(config, ServerState(), {}, wire)
    protocol.connection_made(wire)  # type: ignore[arg-type]
    return protocol, wire


WHOLE = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


def test_a_request_has_one_time_limit_from_its_first_byte_to_its_last() -> None:
    protocol, wire = connected()
    assert wire.waiting == [30.0]
    for byte in WHOLE[:10]:
        protocol.data_received(bytes([byte]))
    assert (wire.waiting, len(wire.calls)) == ([30.0], 1), "no byte gives more time"
    protocol.data_received(WHOLE[10:])
    assert wire.waiting == [], "the answer has no limit"
    protocol, wire = connected()
    protocol.data_received(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nab")
    assert wire.waiting == [30.0], "the body belongs to the request"
    protocol.data_received(b"c")
    assert wire.waiting == []
    protocol, wire = connected()
    protocol.connection_lost(None)
    assert wire.waiting == []


def test_a_request_that_does_not_come_whole_is_refused_with_the_reason() -> None:
    protocol, wire = connected()
    protocol.data_received(WHOLE[:10])
    wire.calls[0].call()
    head, _, body = wire.written.decode().partition("\r\n\r\n")
    assert body == "The request did not arrive completely within 30 s."
    assert head.splitlines() == [
        "HTTP/1.1 408 Request Timeout", "content-type: text/plain; charset=utf-8", f"content-length: {len(body)}",
        "connection: close", *(f"{name}: {value}" for name, value in HEADERS.items()),
    ]  # fmt: skip
    assert wire.closed
    # property: a connection that is being closed is told nothing more
    protocol, wire = connected()
    wire.closed = True
    wire.calls[0].call()
    assert wire.written == b""


def test_what_is_not_http_is_refused_and_an_answer_that_has_begun_is_cut_off() -> None:
    protocol, wire = connected()
    protocol.data_received(b"\x00\x01\r\n\r\n")
    assert wire.written.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert wire.closed
    protocol, wire = connected()
    protocol.data_received(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nab")
    cycle = protocol.cycle
    protocol.conn.send(h11.Response(status_code=200, headers=[("content-length", "9")]))
    protocol.send_400_response("no")
    assert (wire.written, wire.closed) == (b"", True)
    protocol, wire = connected()
    protocol.data_received(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nab")
    cycle = protocol.cycle
    wire.calls[0].call()
    assert cycle.disconnected, "the application does not answer any more"
    assert cycle.message_event.is_set()


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://example.org/a?b", True), ("http://127.0.0.1:1", True), ("javascript:alert(1)", False),
        ("ftp://example.org", False), ("https://", False), ("//example.org", False), ("", False),
        ("http://[::1", False), ("HTTPS://EXAMPLE.ORG", True),
    ],
)  # fmt: skip
def test_only_web_addresses_are_links(url: str, safe: bool) -> None:
    assert widgets.is_web_address(url) is safe


@pytest.mark.parametrize(
    ("length", "shown", "cut"), [(200_000, 200_000, False), (200_001, 200_000, True), (3, 3, False)]
)
def test_a_text_for_the_browser_says_whether_it_is_cut(length: int, shown: int, cut: bool) -> None:
    told = desk.told("é" * length, "user")
    assert told == {"role": "user", "content": "é" * shown, "length": length, "cut": cut}


def test_a_long_text_is_cut_and_shown_when_asked_for() -> None:
    def define() -> None:
        from nicegui import ui

        @ui.page("/texts")
        def texts() -> None:
            widgets.text("a" * 4_000)
            widgets.text("b" * 4_001)
            widgets.text("c" * 200_001, long=5)
            widgets.text("<b>", long=3)
            widgets.link("javascript:x", "unsafe")
            widgets.link(None, "nowhere")
            widgets.link("https://example.org", "safe")

    async def act(page: Visitor) -> None:
        from nicegui import ui

        await page.open("/texts")
        assert page.texts == [
            "a" * 4_000, "b" * 4_000, "show all of 4,001 characters", "c" * 5,
            "show the first 200,000 of 200,001 characters", "<b>", "unsafe", "safe",
        ]  # fmt: skip
        [link] = page.elements(ui.link)
        assert (link.props["href"], link.props["target"], link.props["rel"]) == (
            "https://example.org", "_blank", "noopener noreferrer",
        )  # fmt: skip
        await page.press("show all of 4,001 characters")
        await page.press("show the first 200,000 of 200,001 characters")
        assert page.texts[1:3] == ["b" * 4_001, "c" * 200_000]

    pages.visit(define, act)


def test_acts_are_done_one_at_a_time_in_order_and_a_failure_is_told() -> None:
    done: list[Any] = []

    def work(act: Any) -> dict[str, Any]:
        done.append(("work", act["n"]))
        if act["n"] == 2:
            raise ValueError
        if act["n"] == 3:
            raise LecternError("it is full")
        return {"ok": act["n"]}

    async def show() -> None:
        done.append("show")

    def define() -> None:
        from nicegui import ui

        @ui.page("/acts")
        def acts() -> None:
            element = ui.element()
            kept = desk.Acts(work, lambda act, result: done.append((act["n"], result)), show)

            def take() -> None:
                assert (kept.running, kept.last) == (False, 0)
                for n in range(1, 5):
                    kept.take(element, {"n": n, "decides": n != 4})
                    assert kept.running

            ui.button("Take", on_click=take)
            ui.button("Ended", on_click=lambda: done.append((kept.running, kept.last)))

    async def act(page: Visitor) -> None:
        await page.open("/acts")
        await page.press("Take")
        await pages.until(lambda: "show" in done)
        await page.press("Ended")
        assert done == [
            ("work", 1), (1, {"ok": 1}), ("work", 2), (2, {"error": "ValueError"}),
            ("work", 3), (3, {"error": "it is full"}), (4, {}), "show", (False, 4),
        ]  # fmt: skip
        assert page.calls == [
            ("done", (1, {"ok": 1})), ("done", (2, {"error": "ValueError"})), ("done", (3, {"error": "it is full"})),
        ]  # fmt: skip

    pages.visit(define, act)


def test_an_error_of_a_page_that_was_left_is_none_and_any_other_is_raised() -> None:
    caught: list[str] = []

    def define() -> None:
        from nicegui import ui

        async def show(leaves: bool) -> None:
            if leaves:
                ui.context.client.delete()
            raise RuntimeError("the parent slot of the element has been deleted")

        @ui.page("/{leaves}")
        async def page(leaves: str) -> None:
            await ui.context.client.connected()
            try:
                await widgets.show_unless_left(show(leaves == "left"))
                caught.append("nothing")
            except RuntimeError as error:
                caught.append(str(error))

    async def act(page: Visitor) -> None:
        await page.open("/stays")
        await pages.until(lambda: caught)
        assert caught.pop() == "the parent slot of the element has been deleted"
        await page.open("/left")
        await pages.until(lambda: caught)
        assert caught == ["nothing"]

    pages.visit(define, act)
