"""The gateway in front of llama.cpp's server: it decides who is let in, and which requests are passed on.

It is an ASGI application. It builds a new request from what `requests` accepts, and rejects the rest with errors like
OpenAI's: 400 for a faulty request, which clients do not repeat, and 5xx for one that may succeed later.
"""

import asyncio
import hmac
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from lectern.core.guard import OWN_NAMES, App, Guard, Receive, Scope, Send
from lectern.llm.llama_server import LOOPBACK, PARALLEL
from lectern.publishing import chat_requests
from lectern.settings.decoding import Decoding

WILDCARDS = ("0.0.0.0", "::")
BODY, BODY_PER_TOKEN = 2**20, 16
"""Most bytes of a request's body: the first number, plus the second one for each token of the context."""
WAITING = 32
"""Requests that may wait while others are answered."""
PATIENCE = 60.0
"""Seconds that a client has to receive a part of its answer."""
Request = TypeVar("Request", bound=BaseModel)
OPEN = ("/health", "/v1/health")
"""Addresses that are answered without a key."""


@dataclass(frozen=True)
class Served:
    """What is served, and to whom."""

    name: str
    """Name of the model."""
    context: int
    """Most tokens of a conversation."""
    decoding: Decoding
    """How tokens are chosen as far as a request does not say."""
    max_tokens: int = chat_requests.DEFAULT_TOKENS
    """Most tokens of an answer if the request names no number."""
    host: str = "127.0.0.1"
    """The address that the server listens on."""
    key: str | None = None
    """The API key that callers must send; `None` lets in all programs of this machine."""
    parallel: int = PARALLEL
    """Requests that are answered at a time."""

    @property
    def names(self) -> tuple[str, ...] | None:
        """Host names that it answers to; `None` for any, when it listens on all addresses (and asks for a key)."""
        if self.host in WILDCARDS:
            return None
        asked = f"[{self.host}]" if ":" in self.host else self.host
        return OWN_NAMES if self.host in LOOPBACK else (*OWN_NAMES, asked.lower())


class _RefusedError(Exception):
    """A request that is rejected; it becomes an error response."""

    def __init__(
        self, status: int, message: str, *, code: str | None = None, param: str | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.param = status, message, code, param


def build(served: Served, socket: str) -> App:
    """Build the application.

    Args:
        served: what is served, and to whom.
        socket: path of the Unix socket on which llama.cpp's server listens.
    """
    return Guard(
        _Gateway(served, socket),
        served.names,
        opened=False,
        answer=lambda reason: (
            "application/json",
            _write_error(_RefusedError(403, reason, code="forbidden")),
        ),
    )


class _Gateway:
    def __init__(self, served: Served, socket: str) -> None:
        import httpx

        self.served = served
        # llama.cpp may be closing an idle connection at the moment it is used again, so none is kept.
        limits = httpx.Limits(max_keepalive_connections=0)
        transport = httpx.AsyncHTTPTransport(uds=socket, limits=limits)
        self._llama = httpx.AsyncClient(transport=transport, base_url="http://llama.cpp", timeout=None)
        self._free = asyncio.Semaphore(served.parallel)
        self._asked = 0
        self._routes: dict[tuple[str, str], Callable[[Scope, Receive, Send], Awaitable[None]]] = {
            **dict.fromkeys([("GET", path) for path in OPEN], self._tell_health),
            **dict.fromkeys([("GET", "/v1/models"), ("GET", "/models")], self._list_models),
            **dict.fromkeys([("POST", "/v1/chat/completions"), ("POST", "/chat/completions")], self._chat),
            ("POST", "/completion"): self._complete,
            ("POST", "/tokenize"): self._tokenize,
            ("POST", "/apply-template"): self._apply_template,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            await self._find(scope)(scope, receive, send)
        except _RefusedError as refused:
            more = {"retry-after": "1"} if refused.status == 503 else {}
            # The connection is closed rather than waiting for the rest of the body.
            await _answer(
                send, refused.status, _write_error(refused), {"connection": "close", **more}, scope["method"]
            )

    def _find(self, scope: Scope) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
        path, method = scope["path"], scope["method"]
        if self.served.key is not None and path not in OPEN:
            self._check_key(scope)
        found = self._routes.get(("GET" if method == "HEAD" else method, path))
        if found is not None:
            return found
        if method in ("GET", "HEAD") and path.startswith("/v1/models/"):
            return self._show_model
        if any(path == known for _, known in self._routes):
            raise _RefusedError(405, f"{path} does not accept {method}", code="method_not_allowed")
        raise _RefusedError(
            404,
            "There is nothing at this address. This server has /v1/chat/completions, /v1/models and /health.",
            code="unknown_url",
        )

    def _check_key(self, scope: Scope) -> None:
        sent = [value for name, value in scope["headers"] if name == b"authorization"]
        sent = [value[7:].strip() for value in sent if value[:7].lower() == b"bearer "]
        sent += [value for name, value in scope["headers"] if name == b"x-api-key"]
        wanted = (self.served.key or "").encode()
        if not any([hmac.compare_digest(each, wanted) for each in sent]):
            raise _RefusedError(401, "The API key is missing or wrong.", code="invalid_api_key")

    async def _tell_health(self, scope: Scope, receive: Receive, send: Send) -> None:
        import httpx

        try:
            status = (await self._llama.get("/health", timeout=5)).status_code
        except httpx.HTTPError:
            status = 503
        if status != 200:
            raise _RefusedError(503, "llama.cpp does not answer.", code="unavailable")
        await _answer(send, 200, json.dumps({"status": "ok"}).encode(), method=scope["method"])

    async def _list_models(self, scope: Scope, receive: Receive, send: Send) -> None:
        listed = {"object": "list", "data": [self._model]}
        await _answer(send, 200, json.dumps(listed).encode(), method=scope["method"])

    async def _show_model(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._check_model(scope["path"].removeprefix("/v1/models/"))
        await _answer(send, 200, json.dumps(self._model).encode(), method=scope["method"])

    @property
    def _model(self) -> dict[str, Any]:
        own = {"id": self.served.name, "object": "model", "created": 0, "owned_by": "lectern"}
        return {**own, "max_model_len": self.served.context}

    async def _chat(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = await self._read(chat_requests.Chat, receive)
        self._check_model(asked.model)
        self._check_length("max_tokens", asked.most_tokens or 1)
        body = asked.for_llama(min(self.served.max_tokens, self.served.context), self.served.decoding)
        await self._pass_on("/v1/chat/completions", body, receive, send, checked=body)

    async def _complete(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = await self._read(chat_requests.Completion, receive)
        self._check_length("prompt", len(asked.prompt))
        self._check_length("n_predict", asked.n_predict)
        await self._pass_on("/completion", asked.model_dump(), receive, send)

    async def _tokenize(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = await self._read(chat_requests.Tokenize, receive)
        await self._pass_on("/tokenize", asked.model_dump(), receive, send)

    async def _apply_template(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = await self._read(chat_requests.Template, receive)
        body = asked.model_dump(exclude_none=True)
        await self._pass_on("/apply-template", body, receive, send, checked=body)

    async def _read(self, kind: type[Request], receive: Receive) -> Request:
        """The parsed body of a request; raises _RefusedError if it is invalid."""
        most = BODY + BODY_PER_TOKEN * self.served.context
        body, more = bytearray(), True
        while more:
            part = await receive()
            if part["type"] == "http.disconnect":
                raise _RefusedError(400, "The request ended before its body.")
            body += part.get("body", b"")
            more = part.get("more_body", False)
            if len(body) > most:
                raise _RefusedError(413, f"The body has more than {most} bytes.", code="request_too_large")
        try:
            return await asyncio.to_thread(kind.model_validate_json, bytes(body))
        except ValidationError as error:
            message, param = chat_requests.explain(error)
            raise _RefusedError(400, message, param=param) from error

    def _check_model(self, name: str | None) -> None:
        if name is not None and name != self.served.name:
            raise _RefusedError(
                404,
                f"There is no model {name[:80]!r} here. The model is {self.served.name!r}.",
                code="model_not_found",
                param="model",
            )

    def _check_length(self, param: str, tokens: int) -> None:
        if tokens > self.served.context:
            raise _RefusedError(
                400,
                f"{param}: {tokens} tokens are more than a conversation may have ({self.served.context})",
                code="context_length_exceeded",
                param=param,
            )

    async def _pass_on(
        self,
        path: str,
        body: dict[str, Any],
        receive: Receive,
        send: Send,
        checked: dict[str, Any] | None = None,
    ) -> None:
        """Have llama.cpp answer while the client is connected: llama.cpp stops when its caller disconnects.

        Args:
            path: of llama.cpp.
            body: the request's body.
            receive: reports when the client disconnects.
            send: takes the answer.
            checked: a body that llama.cpp's chat template must accept first.
        """
        if self._asked >= self.served.parallel + WAITING:
            raise _RefusedError(503, "Too many requests wait for an answer.", code="overloaded")

        async def answer() -> None:
            async with self._free:
                if checked is not None:
                    await self._check_template(checked)
                await self._relay(path, body, send)

        self._asked += 1
        answering, gone = asyncio.ensure_future(answer()), asyncio.ensure_future(_wait_until_gone(receive))
        try:
            await asyncio.wait((answering, gone), return_when=asyncio.FIRST_COMPLETED)
            if answering.done():
                answering.result()
        finally:
            for task in (answering, gone):
                task.cancel()
            await asyncio.gather(answering, gone, return_exceptions=True)
            self._asked -= 1

    async def _check_template(self, body: dict[str, Any]) -> None:
        """Reject a body that the chat template cannot render, which llama.cpp would report as an error of its own."""
        import httpx

        try:
            found = await self._llama.post("/apply-template", json={**body, "stream": False})
        except httpx.HTTPError as error:
            raise _RefusedError(503, "llama.cpp does not answer.", code="unavailable") from error
        if found.status_code != 200:
            raise _RefusedError(400, _read_error(found.content)[0], param="messages")

    async def _relay(self, path: str, body: dict[str, Any], send: Send) -> None:
        import httpx

        started = False
        try:
            async with self._llama.stream("POST", path, json=body) as answer:
                if answer.status_code != 200:
                    message, code = _read_error(await answer.aread())
                    raise _RefusedError(answer.status_code, message, code=code)
                kind = answer.headers.get("content-type", "application/json")
                headers = {"content-type": kind, "cache-control": "no-store"}
                await _send_in_time(send, _start(200, headers))
                started = True
                async for part in answer.aiter_raw():
                    await _send_in_time(send, {"type": "http.response.body", "body": part, "more_body": True})
            await _send_in_time(send, {"type": "http.response.body", "body": b""})
        except TimeoutError:
            return  # closes the connection, since the answer is incomplete
        except httpx.HTTPError as error:
            if started:
                raise
            raise _RefusedError(503, "llama.cpp does not answer.", code="unavailable") from error


async def _wait_until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send_in_time(send: Send, message: dict[str, Any]) -> None:
    """Send a message. Raises TimeoutError if the client does not receive it: others are waiting for its slot."""
    async with asyncio.timeout(PATIENCE):
        await send(message)


def _start(status: int, headers: dict[str, str]) -> dict[str, Any]:
    written = [(name.encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http.response.start", "status": status, "headers": written}


async def _answer(
    send: Send, status: int, body: bytes, headers: dict[str, str] | None = None, method: str = "GET"
) -> None:
    own = {"content-type": "application/json", "content-length": str(len(body)), "cache-control": "no-store"}
    await send(_start(status, {**own, **(headers or {})}))
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else body})


def _read_error(body: bytes) -> tuple[str, str | None]:
    """The message and type of an error that llama.cpp returned."""
    try:
        error = json.loads(body)["error"]
        return str(error["message"])[:1000], str(error.get("type"))
    except (ValueError, KeyError, TypeError):
        return "llama.cpp gives no reason.", None


def _write_error(refused: _RefusedError) -> bytes:
    """An error in OpenAI's format."""
    kind = "server_error" if refused.status >= 500 else "invalid_request_error"
    error = {"message": refused.message, "type": kind, "param": refused.param, "code": refused.code}
    return json.dumps({"error": error}).encode()
