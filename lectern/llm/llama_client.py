"""Call the endpoints that only llama.cpp's server has, on a Unix socket or at an address of HTTP."""

from collections.abc import Sequence
from typing import Any

from lectern.core.errors import LecternError
from lectern.core.schema import Message
from lectern.llm import llama_server


def post(address: str, path: str, body: dict[str, Any], key: str | None = None) -> Any:
    """Send a request, and return the answer as plain values.

    Args:
        address: such as http://127.0.0.1:8080, or that of a `llama_server.Llama`.
        path: of the endpoint, such as /completion.
        body: of the request.
        key: the API key that the server asks for.

    Raises:
        LecternError: the server does not answer as llama.cpp's does.
    """
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


def tokenize(address: str, text: str, key: str | None = None) -> list[int]:
    """The tokens of a prompt as the server reads it, with the one that begins a text if the model has such a token."""
    body = {"content": text, "add_special": True, "parse_special": True}
    return list(post(address, "/tokenize", body, key)["tokens"])


def tokenize_chat(address: str, messages: Sequence[Message], key: str | None = None) -> list[int]:
    """The tokens of messages, up to where the answer begins, by the server's own chat template and tokenizer."""
    chat = [message.model_dump() for message in messages]
    return tokenize(address, post(address, "/apply-template", {"messages": chat}, key)["prompt"], key)
