"""Chat text to tokens: as it is trained, and as a server would send it.

The training template is the model's own plus `{% generation %}` round each answer and its end of turn; these marks
become the mask of trained tokens. That both templates give the same tokens is checked by `preflight`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.core.errors import LecternError
from stages.core.schema import Message

FOLDER = Path(__file__).parent / "chat_templates"


@dataclass(frozen=True)
class Encoded:
    """One conversation in tokens."""

    input_ids: list[int]
    assistant_mask: list[int]
    """1 where the token is trained; as long as input_ids"""


def training_template(tokenizer: Any, file: str | None) -> str:
    """The chat template with generation marks: that file, or the tokenizer's own.

    Raises:
        LecternError: the file does not exist, or the template marks nothing to train.
    """
    if file is None:
        text, where = tokenizer.chat_template or "", "the tokenizer's own chat template"
    else:
        path, where = FOLDER / file, f"the chat template {file}"
        if not path.is_file():
            known = ", ".join(sorted(found.name for found in FOLDER.glob("*.jinja")))
            raise LecternError(
                f"base_model.chat_template: there is no {file} in {FOLDER.name}; there is {known}"
            )
        text = path.read_text(encoding="utf-8")
    if "generation -%}" not in text and "generation %}" not in text:
        raise LecternError(
            f"{where} has no {{% generation %}} mark, so nothing says what is trained. Copy it to "
            f"stages/tuning/{FOLDER.name}/, mark each answer with its end-of-turn token, and name the file in "
            "base_model.chat_template."
        )
    return text


def without_marks(template: str) -> str:
    """The template without its generation marks, for servers whose Jinja does not know them. It renders the same."""
    # an empty comment strips the white space round it as the mark did
    return re.sub(r"\{%(-?)\s*(?:end)?generation\s*(-?)%\}", r"{#\1 \2#}", template)


def encode(tokenizer: Any, conversations: Sequence[Sequence[Message]], template: str) -> list[Encoded]:
    """Tokens and mask of whole conversations, in one batch. Nothing is cut and no token is added to the template's."""
    if not conversations:
        return []
    batch = tokenizer.apply_chat_template(
        [_plain(messages) for messages in conversations],
        chat_template=template,
        tokenize=True,
        return_dict=True,
        return_assistant_tokens_mask=True,
    )
    return [
        Encoded(list(ids), list(mask))
        for ids, mask in zip(batch["input_ids"], batch["assistant_masks"], strict=True)
    ]


def serve(tokenizer: Any, conversations: Sequence[Sequence[Message]], *, answering: bool) -> list[list[int]]:
    """Tokens as a server makes them with the model's own template.

    Args:
        tokenizer: of the base model.
        conversations: the messages of each.
        answering: the last message asks, and the model is to answer (add_generation_prompt).
    """
    if not conversations:
        return []
    batch = tokenizer.apply_chat_template(
        [_plain(messages) for messages in conversations],
        tokenize=True,
        return_dict=True,
        add_generation_prompt=answering,
    )
    return [list(ids) for ids in batch["input_ids"]]


def _plain(messages: Sequence[Message]) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content} for message in messages]
