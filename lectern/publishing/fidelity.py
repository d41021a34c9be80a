"""Whether a server says what the model says that it was made from.

The original's own greedy answers are what is compared with: at each place of them, the server's likeliest next token
with the one that the original chose there. So one early difference does not count as all that follow. The server goes
on by itself as long as it agrees; where it does not, it is set right and goes on from there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lectern.core.errors import LecternError
from lectern.core.schema import Message
from lectern.publishing import llama_server


@dataclass(frozen=True)
class Asked:
    """One prompt, and what the original answers."""

    messages: Sequence[Message]
    """as the server is given them"""
    prompt: list[int]
    """the tokens that the original is given"""
    answer: list[int]
    """the likeliest tokens, one that ends the turn among them where it came"""
    ends: frozenset[int]
    """tokens that end a turn, which all mean the same"""


def measure(address: str, asked: Sequence[Asked], key: str | None = None) -> dict[str, Any]:
    """How far a llama.cpp server agrees with the original.

    Args:
        address: such as http://127.0.0.1:8080, or that of a `llama_server.Llama`.
        asked: prompts and the original's answers.
        key: that the server asks for.

    Returns: prompts; tokens of the original's answers; the share of them that is the server's likeliest token, given
        what comes before; and how many whole answers are the same.

    Raises:
        LecternError: the server writes a prompt in other tokens than the training, or does not answer.
    """
    same_tokens = tokens = same_answers = 0
    for one in asked:
        check_prompt(address, one, key)
        hits = _count_hits(address, one, key)
        tokens += len(one.answer)
        same_tokens += hits
        same_answers += hits == len(one.answer)
    return {
        "prompts": len(asked),
        "tokens": tokens,
        "same_tokens": round(same_tokens / tokens, 4) if tokens else None,
        "same_answers": same_answers,
    }


def greet(address: str, key: str | None = None) -> None:
    """Raise unless a llama.cpp server is there and takes the key."""
    _post(address, "/tokenize", {"content": ""}, key)


def check_prompt(address: str, one: Asked, key: str | None = None) -> None:
    """Raise unless the server writes these messages in the tokens that the model was trained on."""
    chat = [message.model_dump() for message in one.messages]
    text = _post(address, "/apply-template", {"messages": chat}, key)["prompt"]
    plain = {"content": text, "add_special": True, "parse_special": True}
    found = _post(address, "/tokenize", plain, key)["tokens"]
    if found != one.prompt:
        pairs = zip(found, one.prompt, strict=False)
        at = next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(found), len(one.prompt)))
        raise LecternError(
            f"the server at {address} writes a prompt in other tokens than the training: {len(found)} against "
            f"{len(one.prompt)}, the first other one at place {at}: {found[at : at + 3]} against "
            f"{one.prompt[at : at + 3]}. Its answers would be those of another model: report it, with base_model and "
            "the versions in requirements.lock."
        )


END = -1
"""Stands for every token that ends a turn."""


def _count_hits(address: str, one: Asked, key: str | None) -> int:
    """At how many places of the answer the server's likeliest token is the original's."""
    wanted = [END if token in one.ends else token for token in one.answer]
    at = hits = 0
    while at < len(wanted):
        for token in _go_on(address, one, at, key):
            at += 1
            if token != wanted[at - 1]:
                break
            hits += 1
    return hits


def _go_on(address: str, one: Asked, at: int, key: str | None) -> list[int]:
    """What the server says after `at` tokens of the answer: one token at least, as many as are left at most."""
    left = len(one.answer) - at
    asked = {"prompt": one.prompt + one.answer[:at], "n_predict": left, "temperature": 0, "top_k": 1}
    found = _post(address, "/completion", {**asked, "return_tokens": True, "cache_prompt": True}, key)
    said = [token for token in found["tokens"] if token not in one.ends]
    return [*said, END][:left]  # it ends there, or has said all that was asked for


def _post(address: str, path: str, body: dict[str, Any], key: str | None) -> Any:
    import httpx

    socket = llama_server.socket_of(address)
    transport = httpx.HTTPTransport(uds=socket) if socket else None
    base = "http://llama.cpp" if socket else address
    headers = {"authorization": f"Bearer {key}"} if key else {}
    try:
        with httpx.Client(base_url=base, transport=transport, headers=headers, timeout=300) as client:
            answer = client.post(path, json=body)
            answer.raise_for_status()
            return answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise LecternError(f"{address}{path} does not answer as llama.cpp's server does: {error}") from error
