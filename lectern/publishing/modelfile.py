"""An Ollama Modelfile, with the model's chat format as an Ollama template if that can express it.

Rendering sentinels shows what the chat template writes before and after a message of each role. The template is written
only if these parts, put together again, give the text of the model's own template for several chats.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lectern.core.schema import Message
from lectern.llm import option_names
from lectern.models import chat_format
from lectern.publishing import engine_options
from lectern.settings.decoding import Decoding

SENTINELS = {"system": "5f0e7a", "user": "8c1f22", "assistant": "d94b03"}
PROBES = (
    ("user",),
    ("system", "user"),
    ("user", "assistant", "user"),
    ("system", "user", "assistant", "user"),
)
"""Chats for which both templates must give the same text."""


@dataclass(frozen=True)
class Format:
    """What a chat template writes around messages."""

    opening: str
    """The text before the first message if that is not a system message: a default system message, or nothing."""
    around: dict[str, tuple[str, str]]
    """Role -> the text before and after its messages."""
    asking: str
    """The text before an answer."""
    inside: str | None = None
    """The text between a system message and the question, where the format puts it into the first question as Gemma's
    does; None where it is a message of its own."""


def find_format(tokenizer: Any) -> Format | None:
    """The format of a chat template; `None` if a message's text depends on its position."""
    try:
        return _find(tokenizer)
    except (chat_format.RefusedError, ValueError):
        return None


def _find(tokenizer: Any) -> Format | None:
    user, system, assistant = SENTINELS["user"], SENTINELS["system"], SENTINELS["assistant"]
    asked = _write(tokenizer, ["user"], answering=True)
    closing = _find_closing(tokenizer, asked)

    def write(*roles: str) -> str:
        return _write(tokenizer, roles, answering=False).removesuffix(closing)

    alone, answered = write("user"), write("user", "assistant")
    with_system = write("system", "user")
    after_user, after_answer = alone.rpartition(user)[2], answered.rpartition(assistant)[2]
    again = write("user", "assistant", "user").rpartition(assistant)[2]
    if not again.startswith(after_answer) or system not in with_system or not asked.startswith(alone):
        return None
    before_user = again.removeprefix(after_answer).partition(user)[0]
    opening = alone.partition(user)[0].removesuffix(before_user)
    if not _may_repeat(tokenizer, before_user + user + after_user):
        return None
    before_system, _, rest = with_system.partition(system)
    between = rest.partition(user)[0]
    inside = before_system == opening + before_user and not between.endswith(before_user)
    found = Format(
        opening,
        {
            "system": (before_system, between if inside else between.removesuffix(before_user)),
            "user": (before_user, after_user),
            "assistant": (answered.removeprefix(alone).partition(assistant)[0], after_answer),
        },
        asked.removeprefix(alone),
        between if inside else None,
    )
    same = all(_put_together(found, roles) == _write(tokenizer, roles, answering=True) for roles in PROBES)
    return found if same else None


def _find_closing(tokenizer: Any, asked: str) -> str:
    """The token that a template writes behind a conversation that is not to be answered, as Phi-4-mini's does."""
    alone, eos = _write(tokenizer, ["user"], answering=False), tokenizer.eos_token or ""
    return eos if alone.endswith(eos) and not asked.startswith(alone) else ""


def _may_repeat(tokenizer: Any, question: str) -> bool:
    """Whether a template writes a second question as it writes the first, or refuses two in a row."""
    try:
        return question * 2 in _write(tokenizer, ["user", "user"], answering=False)
    except chat_format.RefusedError:
        return True


def _write(tokenizer: Any, roles: Sequence[str], *, answering: bool) -> str:
    chat = [Message(role=role, content=SENTINELS[role]) for role in roles]  # type: ignore[arg-type]
    [text] = chat_format.write(tokenizer, [chat], answering=answering)
    # Ollama adds the beginning-of-sequence token itself.
    return text.removeprefix(tokenizer.bos_token or "\0") if _adds_bos(tokenizer) else text


def _adds_bos(tokenizer: Any) -> bool:
    bos = tokenizer.bos_token_id
    return bos is not None and tokenizer("a")["input_ids"][:1] == [bos]


def _put_together(found: Format, roles: Sequence[str]) -> str:
    said = "".join(found.around[role][0] + SENTINELS[role] + found.around[role][1] for role in roles)
    if found.inside is not None and "system" in roles:
        said = said.replace(found.inside + found.around["user"][0], found.inside, 1)
    return ("" if "system" in roles else found.opening) + said + found.asking


def write(
    gguf: str, tokenizer: Any, *, context: int, end_of_turn: str, persona: str | None, decoding: Decoding
) -> str:
    """The text of a Modelfile.

    Args:
        gguf: path of the model, relative to the Modelfile.
        tokenizer: with the chat template that serving uses.
        context: most tokens of a conversation.
        end_of_turn: the token that ends an answer.
        persona: a system message for every conversation; `None` for no message.
        decoding: how tokens are chosen.
    """
    lines = ["# ollama create lectern -f Modelfile && ollama run lectern", f"FROM ./{gguf}"]
    found = find_format(tokenizer)
    if found is None:
        lines.append(
            "# Ollama's templates cannot express this chat format. Ollama then derives one from the GGUF file's own "
            "template; llama.cpp's server uses that template itself."
        )
    else:
        lines.append(f"TEMPLATE {_quote(_to_go(found))}")
    if persona:
        lines.append(f"SYSTEM {_quote(persona)}")
    lines += [f"PARAMETER stop {json.dumps(end_of_turn)}", f"PARAMETER num_ctx {context}"]
    named = option_names.name_for_llama_cpp(decoding)
    lines += [f"PARAMETER {name} {value}" for name, value in named.items()]
    lines += [f"# {said}" for said in engine_options.list_differences(decoding, engine_options.OLLAMA)]
    return "\n".join(lines) + "\n"


def _to_go(found: Format) -> str:
    """The format in the language of Go's text/template, as Ollama documents it: each literal is a quoted constant."""

    def say(text: str) -> str:
        return "{{ " + json.dumps(text, ensure_ascii=False) + " }}" if text else ""

    def open_message(role: str) -> str:
        before = say(found.around[role][0])
        if role == "user" and found.inside is not None:  # the first question was begun by the system message
            return f"{{{{ if not (and $.System (eq $at 1)) }}}}{before}{{{{ end }}}}"
        return before

    roles = "".join(
        ("{{ if " if role == "system" else "{{ else if ")
        + f'eq .Role "{role}" }}}}'
        + open_message(role)
        + "{{ .Content }}"
        + say(after)
        for role, (_, after) in found.around.items()
    )
    opening = f"{{{{ if not .System }}}}{say(found.opening)}{{{{ end }}}}" if found.opening else ""
    messages = ".Messages" if found.inside is None else "$at, $message := .Messages"
    return f"{opening}{{{{ range {messages} }}}}{roles}{{{{ end }}}}{{{{ end }}}}{say(found.asking)}"


def _quote(text: str) -> str:
    """A quoted value for a Modelfile: triple quotation marks may contain anything but themselves."""
    return '"""' + text.replace('"""', "'''") + '"""'
