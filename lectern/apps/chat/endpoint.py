"""Ask the tuned model at a server with OpenAI's chat API, such as `lectern serve`, instead of the model in memory."""

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from threading import Event
from typing import Any

from lectern.apps.chat.talker import Reply
from lectern.core import secrets
from lectern.core.errors import LecternError
from lectern.core.schema import Message
from lectern.llm.option_names import LLAMA_CPP, VLLM, name_options
from lectern.models import thinking
from lectern.models.generation import AnswerOptions

KEY = "LECTERN_API_KEY"
"""The environment variable that holds the server's key, if it needs one."""
WITHOUT_NGRAMS = "servers have no option no_repeat_ngram_size, so the answer was written without it"


def answer(
    url: str,
    wanted: str,
    messages: Sequence[Message],
    options: AnswerOptions,
    on_text: Callable[[str], None],
    stop: Event,
) -> Reply:
    """Get the next answer of a conversation, streamed. The arguments after `wanted` are those of `Talker.answer`.

    Args:
        url: address of the API, such as http://127.0.0.1:8080/v1.
        wanted: name of the model at the server; if the server has no such model, its first one answers.
        messages: the conversation, which ends with a user's message.
        options: how the answer is written; it is sent whole, because the server has defaults of its own.
        on_text: called with the text so far.
        stop: set to end the answer.

    Raises:
        LecternError: the server cannot be reached or refuses the request; the message gives the reason.
    """
    import openai

    key = os.environ.get(KEY) or "none"
    client = openai.OpenAI(base_url=url, api_key=key, max_retries=1, timeout=120)
    chat: Any = [{"role": message.role, "content": message.content} for message in messages]
    decoding = options.decoding
    other = {name: value for name, value in asdict(decoding).items() if name not in ("temperature", "top_p")}
    text, finished = "", False
    try:
        known = [model.id for model in client.models.list()]
        model = wanted if wanted in known else known[0]
        stream = client.chat.completions.create(
            model=model,
            messages=chat,
            max_tokens=options.max_new_tokens,
            temperature=decoding.temperature,
            top_p=decoding.top_p,
            seed=options.seed,
            stream=True,
            extra_body={**name_options(other, VLLM), **name_options(other, LLAMA_CPP)},
        )
        for part in stream:
            if stop.is_set():
                stream.close()
                break
            if part.choices:
                text += part.choices[0].delta.content or ""
                finished = part.choices[0].finish_reason == "stop"
                on_text(thinking.drop(text.strip()))
    except (openai.OpenAIError, IndexError) as error:
        said = secrets.mask(str(error), key) or "it has no model"
        raise LecternError(f"{url} does not answer: {said}. Check that the server is running.") from None
    return Reply(
        thinking.drop(text.strip()), finished, False, WITHOUT_NGRAMS if decoding.no_repeat_ngram_size else ""
    )
