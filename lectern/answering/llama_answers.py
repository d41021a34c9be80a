"""Answers of a GGUF file: llama.cpp's server runs it in this process, as `lectern serve` does, one row at a time.

A prompt is what the server makes of the messages by the file's own chat template and tokenizer, as when it is served.
The server also says how likely a given answer is. A grammar that allows only its tokens, one after the other, makes the
server write them, and the probabilities that it reports are those before any grammar, penalty or temperature.
"""

import hashlib
import mmap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from lectern.answering import files
from lectern.answering.files import ModelFile
from lectern.core.errors import LecternError
from lectern.core.schema import Message
from lectern.llm import llama_client, llama_server, option_names
from lectern.models import chat_format, loading
from lectern.models.generation import AnswerOptions, Row, RowResult
from lectern.settings.base_model import BaseModelSettings

TEMPLATE = b"tokenizer.chat_template"
"""The field of a GGUF file that holds its chat template. Without one, llama.cpp would take some other."""
ROOM = 64
"""Tokens of the context that the server may keep for itself."""
FORCED = 1000.0
"""Added to a token's logit, so that no other token can be chosen."""
SEEDS = 2**32


@contextmanager
def run(file: ModelFile, base: BaseModelSettings) -> Iterator[str]:
    """Run llama.cpp's server with a GGUF file, and yield its address.

    Args:
        file: the GGUF file.
        base: section `base_model`: the tokenizer, template and context of the prompts.

    Raises:
        LecternError: the file cannot be loaded, has no chat template, or turns chats into other tokens than the base
            model.
    """
    _check_template(file)
    try:
        server = llama_server.start(
            file.path, name="contestant", context=base.context_length + ROOM, parallel=1
        )
    except LecternError as error:
        raise LecternError(f"{file.where}: {error}. Export it again (`lectern export`).") from error
    address = server.listening_address
    try:
        tokenizer = loading.get_tokenizer(base)
        for chat in files.probe(tokenizer, base):
            expected = chat_format.serve(tokenizer, [chat], answering=True)[0]
            if llama_client.tokenize_chat(address, chat) != expected:
                raise files.other_tokenizer(file, base)
        yield address
    finally:
        server.close()
        del server


def _check_template(file: ModelFile) -> None:
    with file.path.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if content.find(TEMPLATE) >= 0:
            return
    raise LecternError(
        f"{file.where}: {file.shown} has no chat template, so every program would choose one of its own. `lectern "
        "export` writes files that have one."
    )


def answer_rows(
    address: str,
    rows: Sequence[Row],
    *,
    chats: Mapping[str, Sequence[Message]],
    tokenizer: Any,
    options: AnswerOptions,
) -> list[RowResult]:
    """Let the server answer each row, and measure the likelihood of its reference.

    Nothing is kept between rows, so a row's result does not depend on the others.

    Args:
        address: of the server.
        rows: the references in the tokens of the model.
        chats: key of a row -> the messages of its prompt.
        tokenizer: of the model.
        options: how the answers are written; llama.cpp has no `no_repeat_ngram_size`, and its penalty counts the last
            tokens of the prompt too.
    """
    results = []
    for row in rows:
        prompt = llama_client.tokenize_chat(address, chats[row.key])
        text, finished = _answer(address, row.key, prompt, tokenizer, options)
        nll, tokens = _measure(address, row, prompt) if any(row.mask) else (None, None)
        results.append(RowResult(text, finished, nll, tokens))
    return results


def _answer(
    address: str, key: str, prompt: Sequence[int], tokenizer: Any, options: AnswerOptions
) -> tuple[str, bool]:
    """Return the text of an answer, and whether the model ended it."""
    found = llama_client.post(
        address,
        "/completion",
        {
            **option_names.name_for_llama_cpp(options.decoding),
            "samplers": list(option_names.ORDER),
            "prompt": list(prompt),
            "n_predict": options.max_new_tokens,
            "seed": _draw_seed(options.seed, key),
            "return_tokens": True,
            "cache_prompt": False,
        },
    )
    finished = found["stop_type"] == "eos"
    tokens = found["tokens"]
    if finished and len(tokens) == found["tokens_predicted"]:
        tokens = tokens[:-1]  # the one that ended it
    return tokenizer.decode(tokens, skip_special_tokens=True).strip(), finished


def _draw_seed(seed: int, key: str) -> int:
    """Return a seed that depends on the row's key alone, as with the models that run in transformers."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{key}".encode()).digest()[:4]) % (
        SEEDS - 1
    )  # the last is random


def _measure(address: str, row: Row, prompt: Sequence[int]) -> tuple[float, int]:
    """Return the negative log-likelihood of the marked tokens, summed, in nats; and their number."""
    marked = [at for at, marks in enumerate(row.mask) if marks]
    begin, end = marked[0], marked[-1] + 1
    wanted = row.whole[begin:end]
    before = row.whole[:begin]
    if before == row.prompt:
        before = list(prompt)
    losses = _measure_at_once(address, before, wanted)
    if losses is None:  # the last token does not end a text, or a token in the middle does
        losses = [_measure_one(address, [*before, *wanted[:at]], token) for at, token in enumerate(wanted)]
    return round(sum(losses[at - begin] for at in marked), 4), len(marked)


def _measure_at_once(address: str, prompt: Sequence[int], wanted: Sequence[int]) -> list[float] | None:
    """Return the loss of each token, the last of which ends the text; None if the server writes others."""
    *answer, last = wanted
    if not answer:
        return None
    found = llama_client.post(
        address,
        "/completion",
        {
            "prompt": list(prompt),
            "grammar": "root ::= " + " ".join(f"<[{token}]>" for token in answer),
            "logit_bias": [[last, FORCED]],  # of all the tokens that may follow the grammar
            "n_predict": len(wanted),
            "temperature": 0,
            "n_probs": 1,
            "cache_prompt": False,
        },
    )
    written = found.get("completion_probabilities", [])
    if [one["id"] for one in written] != list(wanted):
        return None
    return [-one["logprob"] for one in written]


def _measure_one(address: str, prompt: Sequence[int], token: int) -> float:
    forced = {"logit_bias": [[token, FORCED]], "temperature": 0, "n_predict": 1}
    found = llama_client.post(
        address, "/completion", {"prompt": list(prompt), **forced, "n_probs": 1, "cache_prompt": True}
    )
    [one] = found["completion_probabilities"]
    if one["id"] != token:
        raise LecternError(
            f"llama.cpp's server wrote token {one['id']} where it was made to write {token}: report this, with the "
            "versions in requirements.lock."
        )
    return -float(one["logprob"])
