"""uvicorn's HTTP/1.1 protocol with a timeout for incomplete requests.

uvicorn waits forever for the rest of a request, since `timeout_keep_alive` applies only between requests. A client that
sends incomplete requests could therefore hold any number of connections. This uses h11 and not httptools, because h11
limits the size of headers and refuses two Host headers. Refusals have the same security headers as other responses.
"""

import asyncio
from http import HTTPStatus
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from lectern.apps.web.leaving import Leaving
from lectern.core.guard import HEADERS

SECONDS = 30.0
"""Time within which a whole request must arrive, headers and body, from its first byte or from the connection."""


class PatientProtocol(H11Protocol):
    """A connection that is closed if one of its requests does not arrive completely within `seconds`."""

    seconds = SECONDS

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.app = Leaving(self.app)
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the timeout of the first request."""
        super().connection_made(transport)
        self._expect()

    def data_received(self, data: bytes) -> None:
        """Receive a part of a request. The timeout is not restarted, however many parts arrive."""
        if self._deadline is None and self.conn.their_state is h11.IDLE:
            self._expect()
        super().data_received(data)
        if self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
            self._stop_counting()

    def on_response_complete(self) -> None:
        """Continue with the next request, if a part of it has arrived; its rest must arrive in time too."""
        super().on_response_complete()
        if self._deadline is None and self.conn.their_state is h11.SEND_BODY:
            self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the timeout."""
        self._stop_counting()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Hand over the connection without a timeout, since a websocket has its own pings."""
        self._stop_counting()
        super().handle_websocket_upgrade(event)

    def send_400_response(self, msg: str) -> None:
        """Refuse data that is not HTTP."""
        self._refuse(400, msg)

    def _expect(self) -> None:
        self._deadline = self.loop.call_later(self.seconds, self._give_up)

    def _stop_counting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        if not self.transport.is_closing():
            self._refuse(408, f"The request did not arrive completely within {self.seconds:g} s.")

    def _refuse(self, status: int, message: str) -> None:
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):  # a response has begun
            self.transport.close()
            return
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True  # the application must not answer any more
            self.cycle.message_event.set()
        headers = [
            ("content-type", "text/plain; charset=utf-8"),
            ("content-length", str(len(message))),
            ("connection", "close"),
            *HEADERS.items(),
        ]
        for event in (
            h11.Response(status_code=status, headers=headers, reason=HTTPStatus(status).phrase),
            h11.Data(data=message.encode("ascii")),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
