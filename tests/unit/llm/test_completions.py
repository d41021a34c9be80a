"""What the answer of a server means, or its error: tables of what servers send, without a server."""

import json
from typing import Any

import pytest

from lectern.llm import completions
from lectern.llm.completions import AccessError, Completion, RefusedError, TryError


def answer(**values: Any) -> bytes:
    message = {"content": "Hello.", **values.pop("message", {})}
    choice = {"message": message, "finish_reason": "stop", **values.pop("choice", {})}
    usage = {"prompt_tokens": 7, "completion_tokens": 3}
    return json.dumps({"choices": [choice], "usage": usage, **values}).encode()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (answer(), Completion("Hello.", None, False, 7, 3)),
        (answer(usage=None), Completion("Hello.", None, False, 0, 0)),
        (answer(usage={"prompt_tokens": None}), Completion("Hello.", None, False, 0, 0)),
        (answer(message={"content": None}), Completion("", None, False, 7, 3)),
        (answer(message={"content": "a\ud83d"}), Completion("a?", None, False, 7, 3)),
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
    assert completions._read(content) == expected


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
        answer(usage={"prompt_tokens": "many"}),
        answer(usage=[7]),
    ],
    ids=lambda content: content[:40].decode("latin-1"),
)
def test_what_is_no_answer_was_paid_for_and_is_asked_again(content: bytes) -> None:
    with pytest.raises(TryError, match="chat completion: ") as caught:
        completions._read(content)
    assert caught.value.paid
    assert len(str(caught.value)) < 11_000


@pytest.mark.parametrize("status", [401, 402, 403, 404])
def test_who_may_not_ask_stops(status: int) -> None:
    error = completions._judge(status, {}, "no\nsuch key")
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
    error = completions._judge(status, {**headers, "retry-after": "7"}, text)
    if not again:
        assert isinstance(error, RefusedError)
        return
    assert isinstance(error, TryError)
    assert (error.wait, error.paid) == (7.0, False)
    # property: a server that has too much to do is left alone by all, another error is the request's own
    assert error.for_all == (status in (429, 503))
