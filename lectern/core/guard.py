"""Who may talk to a server that runs on this machine: its own pages and programs, and no other site.

A server that listens on 127.0.0.1 is still within reach of every site that the browser has open: the site may send it
requests, or point a name of its own at 127.0.0.1 (DNS rebinding). Both are seen from the headers that a browser sets
and no script can change (Fetch Metadata and Origin, https://www.w3.org/TR/fetch-metadata/).
"""

import re
from collections.abc import Awaitable, Callable, Collection, Iterable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Answer = Callable[[str], tuple[str, bytes]]
"""Makes the content type and the body of a refusal from its reason."""

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

HOST = re.compile(r"(?P<name>[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?")
"""A name or an address, and the port. Any port will do: an SSH tunnel may have another one than the server."""
ALONE = ("host", "origin", "sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest")
"""Headers that a browser sends once. Where there are two, the server and what stands before it may read another one."""
ELSEWHERE = "the request comes from another site"


def why_refused(
    method: str,
    headers: Iterable[tuple[str, str]],
    names: Collection[str] | None = OWN_NAMES,
    *,
    opened: bool = True,
) -> str | None:
    """Why a request is not answered; None where it is.

    Args:
        method: GET, POST and so on; GET for a websocket.
        headers: name and value of each, as they came.
        names: that the server answers to, in lower case; None for any that is well formed.
        opened: a link of another site may open a page, as it may open any other.
    """
    found: dict[str, list[str]] = {}
    for name, value in headers:
        found.setdefault(name.lower(), []).append(value)
    if doubled := next((name for name in ALONE if len(found.get(name, [])) > 1), None):
        return f"the request has {len(found[doubled])} headers {doubled}"
    sent = {name: values[0] for name, values in found.items()}
    host = sent.get("host", "").lower()
    matched = HOST.fullmatch(host)
    if matched is None or int(matched["port"] or 0) > 65535:
        return "the request names no host, or none that can be read"
    if names is not None and matched["name"] not in names:
        return f"this server answers to {', '.join(names)} alone"
    if (origin := sent.get("origin")) is not None and origin.lower() not in (
        f"http://{host}",
        f"https://{host}",
    ):
        return ELSEWHERE
    navigated = (
        opened
        and method == "GET"
        and sent.get("sec-fetch-mode") == "navigate"
        and sent.get("sec-fetch-dest") == "document"
    )
    if sent.get("sec-fetch-site", "none") not in ("none", "same-origin") and not navigated:
        return ELSEWHERE
    return None


def in_plain_text(reason: str) -> tuple[str, bytes]:
    """A refusal as a page of text."""
    return "text/plain; charset=utf-8", reason.encode()


class Guard:
    """ASGI middleware that answers 403 to whatever `why_refused` gives a reason for.

    Args:
        app: that answers the others.
        names: as `why_refused` takes them.
        opened: as `why_refused` takes it.
        answer: writes a refusal.
    """

    def __init__(
        self,
        app: App,
        names: Collection[str] | None = OWN_NAMES,
        *,
        opened: bool = True,
        answer: Answer = in_plain_text,
    ) -> None:
        self._app, self._names, self._opened, self._answer = app, names, opened, answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        method = scope.get("method", "GET")
        reason = why_refused(method, headers, self._names, opened=self._opened)
        if reason is None:
            return await self._app(scope, receive, _with_headers(send))
        kind = "http"
        if scope["type"] == "websocket":
            await receive()
            if "websocket.http.response" not in scope.get("extensions", {}):
                return await send({"type": "websocket.close", "code": 1008, "reason": reason})
            kind = "websocket.http"
        content_type, body = self._answer(reason)
        started = {"type": f"{kind}.response.start", "status": 403}
        own = [
            (b"content-type", content_type.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),  # the rest of a refused request is not waited for
        ]
        send = _with_headers(send)
        await send({**started, "headers": own})
        await send({"type": f"{kind}.response.body", "body": b"" if method == "HEAD" else body})


def _with_headers(send: Send) -> Send:
    """Add `HEADERS` to what is answered, and take out leave for other sites to read it."""

    async def send_with_headers(message: MutableMapping[str, Any]) -> None:
        if message["type"] in ("http.response.start", "websocket.http.response.start"):
            own = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
            # the framework allows every origin to read its answers
            kept = [
                pair
                for pair in message.get("headers", [])
                if not pair[0].lower().startswith(b"access-control-")
            ]
            message["headers"] = [*kept, *own]
        await send(message)

    return send_with_headers
