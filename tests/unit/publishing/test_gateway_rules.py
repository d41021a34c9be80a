"""Who is let in and what is passed on: the gateway by itself, before a llama.cpp that says what the test wants."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from lectern.llm import option_names
from lectern.publishing import gateway
from lectern.publishing.gateway import Served
from lectern.settings.decoding import Decoding
from tests.settings import configure

SAID = {"messages": [{"role": "user", "content": "Why?"}]}
MODEL = {"id": "talks", "object": "model", "created": 0, "owned_by": "lectern", "max_model_len": 128}


class Llama:
    """Answers each path with a status and a body, and remembers what it was asked."""

    def __init__(self, **answers: tuple[int, Any]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, Any]] = []

    def _find(self, path: str) -> Any:
        name = path.strip("/").replace("/", "_").replace("-", "_")
        status, body = self.answers.get(name, (200, {"from": path}))
        content = body if isinstance(body, bytes) else json.dumps(body).encode()

        async def parts() -> AsyncIterator[bytes]:
            yield content[:3]
            yield content[3:]

        async def read() -> bytes:
            return content

        headers = {"content-type": "text/event-stream"} if path.endswith("completions") else {}
        return SimpleNamespace(
            status_code=status, content=content, headers=headers, aread=read, aiter_raw=parts
        )

    async def get(self, path: str, timeout: float) -> Any:
        return self._find(path)

    async def post(self, path: str, json: Any) -> Any:
        self.asked.append((path, json))
        return self._find(path)

    @asynccontextmanager
    async def stream(self, method: str, path: str, json: Any) -> AsyncIterator[Any]:
        assert method == "POST"
        self.asked.append((path, json))
        yield self._find(path)


class Answer:
    def __init__(self, sent: list[dict[str, Any]]) -> None:
        self.status: int = sent[0]["status"]
        self.headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        self.body = b"".join(part.get("body", b"") for part in sent[1:])

    @property
    def error(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)["error"]
        return found


def ask(
    path: str,
    body: Any = None,
    *,
    method: str = "",
    llama: Llama | None = None,
    parts: int = 1,
    **served: Any,
) -> Answer:
    """What comes of a request to a gateway of a model `talks` with 128 tokens of context."""
    headers = served.pop("headers", [])
    app = gateway._Gateway(Served("talks", 128, configure(Decoding), **served), "/nowhere")
    app._llama = llama or Llama()  # type: ignore[assignment]
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    size = -(-len(content) // parts)
    chunks = [content[at : at + size] for at in range(0, len(content), size)]
    sent: list[dict[str, Any]] = []

    async def main() -> None:
        forever = asyncio.Event()

        async def receive() -> dict[str, Any]:
            if chunks:
                part = chunks.pop(0)
                return {"type": "http.request", "body": part, "more_body": bool(chunks)}
            await forever.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "path": path,
            "method": method or ("GET" if body is None else "POST"),
            "headers": headers,
        }
        await app(scope, receive, send)
        assert app._asked == 0

    asyncio.run(main())
    return Answer(sent)


def test_a_chat_is_checked_by_its_template_and_then_answered() -> None:
    llama = Llama(v1_chat_completions=(200, b"data: x\n\n"))
    answer = ask("/v1/chat/completions", SAID, llama=llama, parts=3)
    assert (answer.status, answer.body, answer.headers["content-type"]) == (
        200,
        b"data: x\n\n",
        "text/event-stream",
    )
    assert answer.headers["cache-control"] == "no-store"
    built = {
        **SAID,
        **option_names.name_for_llama_cpp(configure(Decoding)),
        "samplers": list(option_names.ORDER),
        "max_tokens": 128,
    }
    assert llama.asked == [("/apply-template", {**built, "stream": False}), ("/v1/chat/completions", built)]
    assert ask("/chat/completions", SAID, max_tokens=7, llama=(short := Llama())).status == 200
    assert short.asked[1][1]["max_tokens"] == 7


@pytest.mark.parametrize(
    ("body", "status", "code", "param"),
    [
        ({**SAID, "model": "talks", "max_tokens": 128}, 200, None, None),
        ({**SAID, "model": "other"}, 404, "model_not_found", "model"),
        ({**SAID, "max_tokens": 129}, 400, "context_length_exceeded", "max_tokens"),
        ({**SAID, "max_tokens": 0}, 400, None, "max_tokens"),
        (b"{", 400, None, None),
        (b"\xff", 400, None, None),
        (b" " * (2**20 + 16 * 128) + b"{}", 413, "request_too_large", None),
    ],
)
def test_a_faulty_request_says_what_is_wrong_and_is_not_passed_on(
    body: Any, status: int, code: str | None, param: str | None
) -> None:
    llama = Llama()
    answer = ask("/v1/chat/completions", body, llama=llama)
    assert answer.status == status
    assert bool(llama.asked) == (status == 200)
    if status != 200:
        assert (answer.error["code"], answer.error["param"], answer.error["type"]) == (
            code,
            param,
            "invalid_request_error",
        )
        assert answer.headers["connection"] == "close"
        assert "retry-after" not in answer.headers


def test_a_body_of_just_the_size_is_read() -> None:
    most = 2**20 + 16 * 128
    body = json.dumps(SAID).encode()
    assert ask("/v1/chat/completions", body + b" " * (most - len(body))).status == 200
    assert ask("/v1/chat/completions", body + b" " * (most - len(body) + 1)).status == 413


@pytest.mark.parametrize(
    ("path", "body", "sent"),
    [
        ("/tokenize", {"content": "x"}, {"content": "x", "add_special": False, "parse_special": True}),
        ("/apply-template", SAID, SAID),
        (
            "/completion",
            {"prompt": [1], "n_predict": 128},
            {
                "prompt": [1],
                "n_predict": 128,
                "temperature": 0.0,
                "top_k": 1,
                "return_tokens": True,
                "cache_prompt": True,
            },
        ),
    ],
)
def test_what_the_check_asks_is_passed_on(path: str, body: Any, sent: Any) -> None:
    llama = Llama()
    answer = ask(path, body, llama=llama)
    assert (answer.status, json.loads(answer.body)) == (200, {"from": path})
    assert llama.asked[-1] == (path, sent)


@pytest.mark.parametrize("body", [{"prompt": [1] * 129, "n_predict": 1}, {"prompt": [1], "n_predict": 129}])
def test_a_completion_fits_the_context(body: Any) -> None:
    assert ask("/completion", body).error["code"] == "context_length_exceeded"


@pytest.mark.parametrize(
    ("llama", "status", "message", "kind"),
    [
        (
            Llama(apply_template=(500, {"error": {"message": "no user"}})),
            400,
            "no user",
            "invalid_request_error",
        ),
        (Llama(apply_template=(500, b"oops")), 400, "llama.cpp gives no reason.", "invalid_request_error"),
        (
            Llama(v1_chat_completions=(500, {"error": {"message": "it cannot", "type": "x"}})),
            500,
            "it cannot",
            "server_error",
        ),
        (Llama(v1_chat_completions=(500, {"error": 7})), 500, "llama.cpp gives no reason.", "server_error"),
        (
            Llama(v1_chat_completions=(400, {"error": {"message": "m" * 2000}})),
            400,
            "m" * 1000,
            "invalid_request_error",
        ),
    ],
)
def test_whose_fault_an_error_is_stands_in_its_status(
    llama: Llama, status: int, message: str, kind: str
) -> None:
    answer = ask("/v1/chat/completions", SAID, llama=llama)
    assert (answer.status, answer.error["message"], answer.error["type"]) == (status, message, kind)


def test_models_and_health_are_told() -> None:
    for path in ("/v1/models", "/models"):
        assert json.loads(ask(path).body) == {"object": "list", "data": [MODEL]}
    assert json.loads(ask("/v1/models/talks").body) == MODEL
    assert ask("/v1/models/other").error["code"] == "model_not_found"
    assert json.loads(ask("/health").body) == {"status": "ok"}
    ill = ask("/v1/health", llama=Llama(health=(503, {})))
    assert (ill.status, ill.headers["retry-after"], ill.error["code"]) == (503, "1", "unavailable")
    head = ask("/v1/models", method="HEAD")
    assert (head.status, head.body) == (200, b"")
    assert int(head.headers["content-length"]) > 0


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/", "GET", 404),
        ("/v1/models", "POST", 405),
        ("/v1/chat/completions", "GET", 405),
        ("/tokenize", "HEAD", 405),
        ("/v1/models/talks", "DELETE", 404),
        ("/slots", "GET", 404),
        ("/v1/models/talks", "HEAD", 200),
    ],
)
def test_other_addresses_and_methods_lead_nowhere(path: str, method: str, status: int) -> None:
    assert ask(path, method=method).status == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([], 401),
        ([(b"authorization", b"Bearer s3cr3t")], 200),
        ([(b"authorization", b"bearer  s3cr3t ")], 200),
        ([(b"x-api-key", b"s3cr3t")], 200),
        ([(b"authorization", b"Basic s3cr3t")], 401),
        ([(b"authorization", b"s3cr3t")], 401),
        ([(b"x-api-key", b"s3cr3")], 401),
        ([(b"x-api-key", b"no"), (b"authorization", b"Bearer s3cr3t")], 200),
        ([(b"cookie", b"s3cr3t")], 401),
    ],
)
def test_a_key_is_wanted_for_all_but_health(headers: list[tuple[bytes, bytes]], status: int) -> None:
    assert ask("/v1/models", headers=headers, key="s3cr3t").status == status
    assert ask("/nothing", headers=headers, key="s3cr3t").status == (404 if status == 200 else 401)
    assert ask("/health", headers=headers, key="s3cr3t").status == 200
    assert ask("/v1/models", headers=headers).status == 200, "without a key everybody is let in"


def test_more_than_can_wait_are_sent_away() -> None:
    app = gateway._Gateway(Served("talks", 128, configure(Decoding), parallel=2), "/nowhere")
    app._llama = Llama()  # type: ignore[assignment]

    async def try_with(waiting: int) -> None:
        app._asked = waiting

        async def nothing(*_: Any) -> dict[str, Any]:
            await asyncio.sleep(60)
            return {}

        async def send(message: dict[str, Any]) -> None:
            return None

        await app._pass_on("/tokenize", {}, nothing, send)

    asyncio.run(try_with(2 + gateway.WAITING - 1))
    with pytest.raises(gateway._RefusedError, match="Too many requests"):
        asyncio.run(try_with(2 + gateway.WAITING))
    assert app._asked == 2 + gateway.WAITING
