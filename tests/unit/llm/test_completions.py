"""What the answer of a server means, or its error: tables of what servers send, without a server."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from lectern.llm import completions
from lectern.llm.completions import AccessError, Completion, RefusedError, TryError
from tests.support.lazily import Lazily

openai = Lazily("openai")


def answer(**values: Any) -> bytes:
    message = {"content": "Hello.", **values.pop("message", {})}
    choice = {"message": message, "finish_reason": "stop", **values.pop("choice", {})}
    usage = {"prompt_tokens": 7, "completion_tokens": 3}
    return json.dumps({"choices": [choice], "usage": usage, **values}).encode()


CALL = httpx.Request("POST", "http://h/chat/completions")


class Client:
    """Stands for the package's client: answers or fails as the test wants, and keeps what it was asked."""

    def __init__(self, said: bytes | Exception, seconds: float = 0.0) -> None:
        self.said, self.seconds = said, seconds
        self.asked: list[Any] = []

    async def post(self, path: str, **options: Any) -> bytes:
        self.asked.append((path, options))
        await asyncio.sleep(self.seconds)
        if isinstance(self.said, Exception):
            raise self.said
        return self.said


def send(said: bytes | Exception, *, seconds: float = 0.0, timeout: float = 60.0) -> Completion:
    client: Any = Client(said, seconds)
    chat = ({"role": "user", "content": "Hello?"},)
    found = asyncio.run(completions.send(client, "big", chat, {"temperature": 0.5}, timeout))
    body = {"model": "big", "messages": [*chat], "temperature": 0.5}
    assert client.asked == [
        ("/chat/completions", {"cast_to": bytes, "body": body, "options": {"follow_redirects": False}})
    ]
    return found


def refuse(status: int, headers: dict[str, str], text: str) -> Exception:
    """What `send` raises where the server answers with an error."""
    response = httpx.Response(status, headers=headers, text=text, request=CALL)
    with pytest.raises((TryError, RefusedError, AccessError)) as caught:
        send(openai.APIStatusError(text, response=response, body=None))
    return caught.value


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (answer(), Completion("Hello.", None, False, 7, 3)),
        (answer(usage=None), Completion("Hello.", None, False, 0, 0)),
        (answer(usage={"prompt_tokens": None}), Completion("Hello.", None, False, 0, 0)),
        (answer(message={"content": None}), Completion("", None, False, 7, 3)),
        (answer(message={"content": "a\ud83d"}), Completion("a?", None, False, 7, 3)),
        (
            answer(
                message={"content": [{"type": "text", "text": "a"}, {"type": "output_text", "text": "b"}]}
            ),
            Completion("ab", None, False, 7, 3),
        ),
        (
            answer(message={"content": [{"type": "reasoning", "text": "hm"}, {"type": "text", "text": "a"}]}),
            Completion("a", None, False, 7, 3),
        ),
        (answer(message={"content": "a", "reasoning": "hm"}), Completion("a", None, False, 7, 3)),
        (
            answer(message={"content": " ", "reasoning": "hm"}),
            Completion("", "the reply is empty: the server returned the model's reasoning alone", True, 7, 3),
        ),
        (
            answer(choice={"finish_reason": "length"}),
            Completion("Hello.", "the reply was cut off at its limit of tokens (after 3)", False, 7, 3),
        ),
        (
            answer(choice={"finish_reason": "length"}, usage=None),
            Completion(
                "Hello.", "the reply was cut off at its limit of tokens (after max_tokens)", False, 0, 0
            ),
        ),
        (
            answer(message={"refusal": "I may\n not."}),
            Completion("Hello.", "the model refused: I may not.", True, 7, 3),
        ),
        (
            answer(choice={"finish_reason": "content_filter"}),
            Completion("Hello.", "the model refused: content_filter", True, 7, 3),
        ),
    ],
)
def test_an_answer_is_its_text_its_problem_and_its_tokens(content: bytes, expected: Completion) -> None:
    assert send(content) == expected


@pytest.mark.parametrize(
    "content",
    [
        b"<html>busy</html>",
        b"\xff",
        b"[" * 100_000,
        b"null",
        b"[]",
        b"{}",
        b'{"choices": null}',
        b'{"choices": []}',
        b'{"choices": [{}]}',
        b'{"choices": [{"message": null}]}',
        b'{"choices": [{"message": {"content": 7}}]}',
        b'{"choices": [{"message": {"content": ["a"]}}]}',
        answer(usage={"prompt_tokens": "many"}),
        answer(usage=[7]),
    ],
    ids=lambda content: content[:40].decode("latin-1"),
)
def test_what_is_no_answer_was_paid_for_and_is_asked_again(content: bytes) -> None:
    with pytest.raises(TryError, match="chat completion: ") as caught:
        send(content)
    assert caught.value.paid
    assert len(str(caught.value)) < 11_000


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        ({"error": {"code": 502, "message": "Upstream is down"}}, "Upstream is down"),
        (
            {"error": {"code": 502, "message": "Upstream is down"}, "message": {"content": ""}},
            "Upstream is down",
        ),
        ({"finish_reason": "error"}, "error"),
    ],
)
def test_an_error_behind_a_gateway_is_no_reply_and_is_asked_again(choice: dict[str, Any], told: str) -> None:
    # Property: what the model had written before it failed is not taken for its reply, and its error is shown.
    with pytest.raises(TryError, match=f"an error: .*{told}") as caught:
        send(answer(choice=choice))
    assert caught.value.paid


@pytest.mark.parametrize("status", [401, 402, 403, 404])
def test_who_may_not_ask_stops(status: int) -> None:
    error = refuse(status, {}, "no\nsuch key")
    assert isinstance(error, AccessError)
    assert (error.status, str(error)) == (status, f"the server answers {status}: no such key")


@pytest.mark.parametrize(
    ("status", "headers", "text", "again"),
    [
        (400, {}, "too long", False),
        (422, {}, "", False),
        (499, {}, "", False),
        (408, {}, "", True),
        (409, {}, "", True),
        (429, {}, "slow down", True),
        (500, {}, "", True),
        (503, {}, "", True),
        (529, {}, "", True),
        (429, {}, "insufficient_quota", False),  # no waiting fills a purse
        (500, {"x-should-retry": "false"}, "", False),
        (400, {"x-should-retry": "true"}, "", True),
        (429, {"x-should-retry": "true"}, "insufficient_quota", True),
    ],
)
def test_an_error_is_asked_again_where_that_may_help(
    status: int, headers: dict[str, str], text: str, again: bool
) -> None:
    error = refuse(status, {**headers, "retry-after": "7"}, text)
    if not again:
        assert isinstance(error, RefusedError)
        return
    assert isinstance(error, TryError)
    assert (error.wait, error.paid) == (7.0, False)
    # property: a server that has too much to do is left alone by all, another error is the request's own
    assert error.for_all == (status in (429, 503))


def test_a_reply_that_does_not_come_in_time_may_have_been_paid_for() -> None:
    for said in (openai.APITimeoutError(CALL), TimeoutError()):
        with pytest.raises(TryError, match=r"^no reply in 60 s$") as caught:
            send(said)
        assert caught.value.paid
    with pytest.raises(TryError, match=r"^no reply in 0\.01 s$") as caught:
        send(answer(), seconds=5.0, timeout=0.01)
    assert caught.value.paid


@pytest.mark.parametrize(
    ("cause", "told", "paid"),
    [
        (httpx.ConnectError("refused"), "ConnectError: refused", False),
        (httpx.ConnectTimeout(""), "ConnectTimeout", False),
        (httpx.ReadError("reset"), "ReadError: reset", True),
        (None, "APIConnectionError: Connection error.", True),
    ],
)
def test_a_call_that_reached_nobody_was_not_paid_for(cause: Exception | None, told: str, paid: bool) -> None:
    error = openai.APIConnectionError(request=CALL)
    error.__cause__ = cause
    with pytest.raises(TryError) as caught:
        send(error)
    assert (str(caught.value), caught.value.paid) == (f"no connection, or one that broke ({told})", paid)
    assert (caught.value.wait, caught.value.for_all) == (None, False)


@pytest.mark.parametrize(
    ("status", "for_all"), [(429, True), (503, True), (500, False), (408, False), (529, False)]
)
def test_a_busy_server_stops_all_calls(status: int, for_all: bool) -> None:
    error = refuse(status, {}, "busy")
    assert isinstance(error, TryError)
    assert (error.for_all, str(error)) == (for_all, f"the server answers {status}: busy")
