"""The tuned model at a server with OpenAI's chat API, such as `lectern serve`, in place of the one in memory."""

import os
from collections.abc import Callable, Sequence
from threading import Event
from typing import Any

from lectern.apps.chat.talker import Reply
from lectern.core import secrets
from lectern.core.errors import LecternError
from lectern.core.schema import Message
from lectern.models.generation import Decoding

KEY = "LECTERN_API_KEY"
"""The variable of the environment that holds the server's key, where it wants one."""


def answer(
    url: str,
    wanted: str,
    messages: Sequence[Message],
    decoding: Decoding,
    on_text: Callable[[str], None],
    stop: Event,
) -> Reply:
    """The next answer to a conversation, told as it comes; the other arguments are those of `Talker.answer`.

    Args:
        url: of the API, such as http://127.0.0.1:8080/v1.
        wanted: the model's name there; a server without one of that name answers with its first.
        messages: that end with the user's.
        decoding: how tokens are chosen.
        on_text: given the text so far.
        stop: set to end it.

    Raises:
        LecternError: the server cannot be reached or refuses; says why.
    """
    import openai

    key = os.environ.get(KEY) or "none"
    client = openai.OpenAI(base_url=url, api_key=key, max_retries=1, timeout=120)
    chat: Any = [{"role": message.role, "content": message.content} for message in messages]
    text, finished = "", False
    try:
        known = [model.id for model in client.models.list()]
        model = wanted if wanted in known else known[0]
        stream = client.chat.completions.create(
            model=model,
            messages=chat,
            max_tokens=decoding.max_new_tokens,
            temperature=decoding.temperature,
            top_p=decoding.top_p,
            seed=decoding.seed,
            stream=True,
        )
        for part in stream:
            if stop.is_set():
                stream.close()
                break
            if part.choices:
                text += part.choices[0].delta.content or ""
                finished = part.choices[0].finish_reason == "stop"
                on_text(text.strip())
    except (openai.OpenAIError, IndexError) as error:
        said = secrets.mask(str(error), key) or "it has no model"
        raise LecternError(f"{url} does not answer: {said}. Is the server running?") from None
    return Reply(text.strip(), finished, False)
