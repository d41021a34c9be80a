"""Who may talk to a page that runs on this machine: a browser on this machine, on that page, and nobody else.

A page that listens on 127.0.0.1 is still within reach of every site that the browser has open: the site may send it
requests, or point a name of its own at 127.0.0.1 (DNS rebinding). Both are seen from the headers that a browser sets
and no script can change (Fetch Metadata and Origin, https://www.w3.org/TR/fetch-metadata/).
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

OWN_NAMES = ("127.0.0.1", "localhost", "[::1]")
HEADERS = {
    # the framework's own scripts are inline, and its templates are compiled in the page
    "content-security-policy": "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; media-src 'self' blob:; "
    "connect-src 'self'; object-src 'none'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
"""What the browser is told: nothing is loaded from elsewhere, and no other site may frame the page or read it."""


def why_refused(method: str, headers: dict[str, str]) -> str | None:
    """Why a request is not answered; None where it is.

    Args:
        method: GET, POST and so on; GET for a websocket.
        headers: names in lower case.
    """
    host = headers.get("host", "")
    if host.rpartition(":")[0] not in OWN_NAMES and host not in OWN_NAMES:
        return "this page answers to 127.0.0.1 and localhost alone"
    if (origin := headers.get("origin")) is not None and urlsplit(origin).netloc != host:
        return "the request comes from another site"
    site = headers.get("sec-fetch-site", "none")
    opened = (
        method == "GET"
        and headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest") == "document"
    )
    if site not in ("none", "same-origin") and not opened:
        return "the request comes from another site"
    return None


class Guard:
    """ASGI middleware that answers 403 to whatever `why_refused` gives a reason for."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
        }
        reason = why_refused(scope.get("method", "GET"), headers)
        if reason is not None and scope["type"] == "websocket":
            await receive()
            return await send({"type": "websocket.close", "code": 1008, "reason": reason})
        if reason is not None:
            plain = [(b"content-type", b"text/plain; charset=utf-8")]
            await send({"type": "http.response.start", "status": 403, "headers": plain})
            return await send({"type": "http.response.body", "body": reason.encode()})

        async def send_with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                own = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                # the framework allows every origin to read its answers
                kept = [
                    pair for pair in message["headers"] if not pair[0].lower().startswith(b"access-control-")
                ]
                message["headers"] = [*kept, *own]
            await send(message)

        return await self._app(scope, receive, send_with_headers)
