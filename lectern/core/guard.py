"""Refuse requests of other web sites to a server on this machine; only its own pages and local programs are answered.

A server that listens on 127.0.0.1 can still be reached by every site that is open in the browser: the site can send
requests to it, or let a domain name of its own point to 127.0.0.1 (DNS rebinding). Both can be recognised by headers
that the browser sets and no script can change (Fetch Metadata and Origin, https://www.w3.org/TR/fetch-metadata/).
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
    # The framework's own scripts are inline, and it compiles templates in the browser.
    "content-security-policy": "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; media-src 'self' blob:; "
    "connect-src 'self'; object-src 'none'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
"""Security headers: the browser loads nothing from elsewhere, and no other site may embed the page or read it."""

HOST = re.compile(r"(?P<name>[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?")
"""A name or address, and the port. Any port is accepted, since an SSH tunnel may have another one than the server."""
ALONE = ("host", "origin", "sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest")
"""Headers that a browser sends once. If there were two, the server and a proxy before it might read different ones."""
ELSEWHERE = "the request comes from another site"


def why_refused(
    method: str,
    headers: Iterable[tuple[str, str]],
    names: Collection[str] | None = OWN_NAMES,
    *,
    opened: bool = True,
) -> str | None:
    """Return why a request is refused; None if it is answered.

    Args:
        method: GET, POST and so on; GET for a websocket.
        headers: name and value of each header, as received.
        names: names of hosts to which the server answers, in lower case; None for any well-formed name.
        opened: whether a link on another site may open a page.
    """
    found: dict[str, list[str]] = {}
    for name, value in headers:
        found.setdefault(name.lower(), []).append(value)
    if doubled := next((name for name in ALONE if len(found.get(name, [])) > 1), None):
        return f"the request has {len(found[doubled])} headers named {doubled}"
    sent = {name: values[0] for name, values in found.items()}
    host = sent.get("host", "").lower()
    matched = HOST.fullmatch(host)
    if matched is None or int(matched["port"] or 0) > 65535:
        return "the request has no valid Host header"
    if names is not None and matched["name"] not in names:
        return f"this server answers only to the names {', '.join(names)}"
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
    """Return a refusal as plain text."""
    return "text/plain; charset=utf-8", reason.encode()


class Guard:
    """ASGI middleware that answers 403 to each request for which `why_refused` gives a reason.

    Args:
        app: the application that answers all other requests.
        names: see `why_refused`.
        opened: see `why_refused`.
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
            (b"connection", b"close"),  # do not wait for the rest of a refused request
        ]
        send = _with_headers(send)
        await send({**started, "headers": own})
        await send({"type": f"{kind}.response.body", "body": b"" if method == "HEAD" else body})


def _with_headers(send: Send) -> Send:
    """Add `HEADERS` to all responses, and remove headers that allow other sites to read them."""

    async def send_with_headers(message: MutableMapping[str, Any]) -> None:
        if message["type"] in ("http.response.start", "websocket.http.response.start"):
            own = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
            # The framework allows every origin to read its responses.
            kept = [
                pair
                for pair in message.get("headers", [])
                if not pair[0].lower().startswith(b"access-control-")
            ]
            message["headers"] = [*kept, *own]
        await send(message)

    return send_with_headers
