"""Compare a server with the model that it was made from.

The original model's greedy answers are the reference: at each position, the server's most likely next token is compared
with the one that the original chose there. So one early difference does not make all later tokens count as different.
The server continues by itself as long as it agrees. Where it does not, it is given the original's token and continues
from there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lectern.core.errors import LecternError
from lectern.core.schema import Message
from lectern.llm import llama_client


@dataclass(frozen=True)
class Asked:
    """One prompt, and the original's answer to it."""

    messages: Sequence[Message]
    """The messages as the server receives them."""
    prompt: list[int]
    """The prompt's tokens as the original receives them."""
    answer: list[int]
    """The most likely tokens, including the one that ends the turn if it came."""
    ends: frozenset[int]
    """The tokens that end a turn; they count as equal."""


def measure(address: str, asked: Sequence[Asked], key: str | None = None) -> dict[str, Any]:
    """Measure how far a llama.cpp server agrees with the original.

    Args:
        address: such as http://127.0.0.1:8080, or that of a `llama_server.Llama`.
        asked: prompts and the original's answers.
        key: the API key that the server asks for.

    Returns: the number of prompts; the number of tokens in the original's answers; the share of these that are the
        server's most likely token, given the tokens before; and the number of answers that are completely equal.

    Raises:
        LecternError: the server turns a prompt into other tokens than the training did, or does not answer.
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
    """Raise a LecternError unless a llama.cpp server answers and accepts the key."""
    llama_client.post(address, "/tokenize", {"content": ""}, key)


def check_prompt(address: str, one: Asked, key: str | None = None) -> None:
    """Raise a LecternError unless the server turns these messages into the tokens that the model was trained on."""
    found = llama_client.tokenize_chat(address, one.messages, key)
    if found != one.prompt:
        pairs = zip(found, one.prompt, strict=False)
        at = next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(found), len(one.prompt)))
        raise LecternError(
            f"the server at {address} turns a prompt into other tokens than the training did: {len(found)} against "
            f"{len(one.prompt)}, which first differ at position {at}: {found[at : at + 3]} against "
            f"{one.prompt[at : at + 3]}. Its answers would be those of another model: report this, with base_model and "
            "the versions in requirements.lock."
        )


END = -1
"""Stands for every token that ends a turn."""


def _count_hits(address: str, one: Asked, key: str | None) -> int:
    """The number of positions in the answer at which the server's most likely token is the original's."""
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
    """The server's tokens after `at` tokens of the answer: at least one, at most as many as are left."""
    left = len(one.answer) - at
    asked = {"prompt": one.prompt + one.answer[:at], "n_predict": left, "temperature": 0, "top_k": 1}
    found = llama_client.post(
        address, "/completion", {**asked, "return_tokens": True, "cache_prompt": True}, key
    )
    said = [token for token in found["tokens"] if token not in one.ends]
    return [*said, END][:left]  # it ended its turn, or wrote all the tokens that were asked for
