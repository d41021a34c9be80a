"""uvicorn's HTTP/1.1, with an end to waiting for a request that does not come whole.

uvicorn itself waits for the rest of a request for ever: `timeout_keep_alive` counts between requests only. So whoever
sends halves of requests would hold as many connections. h11 is taken rather than httptools, since it bounds the size of
the headers and refuses two hosts; its refusals carry the headers of the others.
"""

import asyncio
from http import HTTPStatus
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from lectern.core.guard import HEADERS

SECONDS = 30.0
"""In which a whole request has to come, headers and body, counted from its first byte or from the connection."""


class PatientProtocol(H11Protocol):
    """A connection that is closed unless each of its requests comes whole within `seconds`."""

    seconds = SECONDS

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to count: the first request is expected."""
        super().connection_made(transport)
        self._expect()

    def data_received(self, data: bytes) -> None:
        """Take in a part; the time goes on where the request is not whole, however often parts come."""
        if self._deadline is None and self.conn.their_state is h11.IDLE:
            self._expect()
        super().data_received(data)
        if self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
            self._stop_counting()

    def on_response_complete(self) -> None:
        """Go on with what came behind a whole request; the rest of that has to come in time as well."""
        super().on_response_complete()
        if self._deadline is None and self.conn.their_state is h11.SEND_BODY:
            self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the time."""
        self._stop_counting()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Hand the connection on; a websocket has pings of its own."""
        self._stop_counting()
        super().handle_websocket_upgrade(event)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP."""
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
            self._refuse(408, f"The request did not come whole within {self.seconds:g} s.")

    def _refuse(self, status: int, message: str) -> None:
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):  # an answer has begun
            self.transport.close()
            return
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True  # the app has to say no more
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
