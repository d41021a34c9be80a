"""Make one call to a server with OpenAI's chat API, by the openai package, and interpret its answer or error."""

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lectern.core import secrets
from lectern.core.printing import one_line
from lectern.llm.limits import retry_after
from lectern.llm.request import CUT

if TYPE_CHECKING:
    import openai

TEXT_PARTS = ("text", "output_text")
"""Types of the parts of a message that hold its text."""
REASONING = ("reasoning_content", "reasoning")
"""Fields of a message in which servers return a model's reasoning."""
SCHEMA = re.compile(
    r"response_format|json.?schema|grammar|guided_|structured.?output|unsupported.{1,40}schema", re.I
)
"""Words of a server that refuses the form in which JSON is requested."""
FLAGGED = ("moderation", "flagged", "content policy", "content management policy", "content_filter")
"""Words of a server that refuses one prompt for what it says."""
Chat = Sequence[Mapping[str, str]]


class TryError(Exception):
    """The call failed, but another try may succeed."""

    def __init__(self, reason: str, wait: float | None = None, *, paid: bool, for_all: bool = False) -> None:
        """Keep why the call failed, and what follows from it.

        Args:
            reason: for the message.
            wait: seconds that the server asks to wait before the next try.
            paid: whether the server may have done its work nevertheless.
            for_all: whether `wait` holds for all calls, not only for this one.
        """
        super().__init__(reason)
        self.wait, self.paid, self.for_all = wait, paid, for_all


class RefusedError(Exception):
    """The server will never answer this request, for example because it is too long."""

    def __init__(self, reason: str, *, for_schema: bool = False) -> None:
        """Keep the reason; `for_schema` says that the server does not take the form in which JSON is requested."""
        super().__init__(reason)
        self.for_schema = for_schema


class AccessError(Exception):
    """The server will answer no request: it rejects the token or does not have the model."""

    def __init__(self, reason: str, status: int) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True)
class Completion:
    """The text that a model wrote, and what the server reported about it."""

    text: str
    problem: str | None
    """Why the text cannot be used whatever it says: it was cut off, or the model refused."""
    final: bool
    """Whether asking again would not help."""
    read: int
    """Input tokens as the server counts them; 0 if it does not report them."""
    written: int


async def send(
    client: "openai.AsyncOpenAI", model: str, chat: Chat, options: Mapping[str, Any], timeout: float
) -> Completion:
    """Make one call, without retries.

    Args:
        client: made with `max_retries=0`.
        model: the server's name for it.
        chat: messages with role and content.
        options: of the chat API, or specific to this server.
        timeout: seconds for the whole call. (The package's own timeout applies to each piece of the answer.)

    Raises:
        TryError, RefusedError, AccessError: no completion came. Their messages may be long and quote the server.
    """
    import openai

    try:
        async with asyncio.timeout(timeout):
            # client.chat.completions.create is not used: it spends more time on inspecting the messages and building an
            # object from the answer than all the rest takes, and it rejects options that it does not know.
            body = {"model": model, "messages": [*chat], **options}
            # The prompt and the token are meant for this server: they follow no redirect.
            content = await client.post(
                "/chat/completions", cast_to=bytes, body=body, options={"follow_redirects": False}
            )
    except (openai.APITimeoutError, TimeoutError):
        raise TryError(f"no reply in {timeout:g} s", paid=True) from None
    except openai.APIConnectionError as error:
        cause = error.__cause__ or error
        reason = type(cause).__name__ + (f": {cause}" if str(cause) else "")
        unheard = type(cause).__name__ in ("ConnectError", "ConnectTimeout")
        raise TryError(f"no connection, or one that broke ({reason})", paid=not unheard) from None
    except openai.APIStatusError as error:
        raise _judge(error.status_code, error.response.headers, error.response.text) from None
    return _read(content)


def _judge(status: int, headers: Mapping[str, str], text: str) -> Exception:
    """The exception for an error status. No call that ends with one is paid for."""
    if 300 <= status < 400:
        return AccessError(f"the server answers {status}: it has moved to {moved(headers)}", status)
    reason = f"the server answers {status}: {_short(text)}"
    if status == 403 and any(word in text.lower() for word in FLAGGED):
        return RefusedError(reason)
    if status in (401, 402, 403, 404):
        return AccessError(reason, status)
    transient = status in (408, 409, 429) or status >= 500
    said = headers.get("x-should-retry")  # OpenAI sends it, and the package respects it too
    if said != "true" and (not transient or said == "false" or "insufficient_quota" in text):
        return RefusedError(reason, for_schema=status in (400, 422) and SCHEMA.search(text) is not None)
    return TryError(reason, retry_after(headers), paid=False, for_all=status in (429, 503))


def moved(headers: Mapping[str, str]) -> str:
    """The address that a redirect names, without secrets, for messages."""
    return (
        one_line(secrets.without_secrets(headers.get("location", "")), 200)
        or "an address that it does not name"
    )


def _read(content: bytes) -> Completion:
    try:
        body = json.loads(content)
        choice = body["choices"][0]
        message, finish = choice["message"], choice.get("finish_reason")
        text, refusal = _join(message.get("content") or ""), message.get("refusal")
        usage = body.get("usage") or {}
        read, written = int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0)
        broken = choice.get("error") or (finish if finish == "error" else None)
        text = text.encode(errors="replace").decode()  # an unpaired surrogate cannot be stored
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        shown = _short(content.decode(errors="replace"))
        raise TryError(f"the server's answer is not a chat completion: {shown}", paid=True) from None
    if broken:  # a gateway such as OpenRouter answers 200 where the model behind it failed
        raise TryError(f"the server's answer is an error: {_short(json.dumps(broken))}", paid=True)
    if refusal or finish == "content_filter":
        return Completion(text, f"the model refused: {_short(str(refusal or finish))}", True, read, written)
    if not text.strip() and any(message.get(name) for name in REASONING):
        unseen = "the reply is empty: the server returned the model's reasoning alone"
        return Completion("", unseen, True, read, written)
    cut = f"{CUT} off at its limit of tokens (after {written or 'max_tokens'})"
    return Completion(text, cut if finish == "length" else None, False, read, written)


def _join(content: str | Sequence[Mapping[str, Any]]) -> str:
    """The text of a message, which some servers divide into parts; those with the model's reasoning are left out."""
    if isinstance(content, str):
        return content
    return "".join(str(part["text"]) for part in content if part.get("type") in TEXT_PARTS)


def _short(text: str) -> str:
    return " ".join(text[:10_000].split())
