"""Generate turns of both roles of a chat template: find where a turn begins, what ends it, and stray control tokens.

A chat model is trained to speak in one role. Its chat template also shows what stands before and after a user's
message, so a turn can be generated in the user's role too. Rendering a sentinel text as a user's message shows both.
Every turn therefore ends where the template would end it, and no token needs to be forbidden to make the model go on.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lectern.core.errors import LecternError
from lectern.core.schema import Message
from lectern.models import chat_format
from lectern.settings.base_model import BaseModelSettings
from lectern.training import persona

SENTINEL = "5f0e7a"
"""A text that no chat template contains."""
Side = Literal["user", "assistant"]


@dataclass(frozen=True)
class Turn:
    """One generated turn."""

    text: str
    """the text, followed by the control token that ended it if that one does not belong there"""
    said: str
    """the text without that token, with which the conversation continues"""
    finished: bool
    """whether the turn ended as the template ends a turn"""


@dataclass(frozen=True)
class Format:
    """How the chat template of one model writes turns."""

    tokenizer: Any
    shape: persona.Shape
    context_length: int
    """number of tokens that the model can read"""
    end_of_turn: str
    """the token that ends an answer"""
    close_text: str | None
    """text that ends a user's turn, such as Llama 2's `[/INST]`; None if a control token does"""
    close_token: int | None
    """the control token that ends a user's turn; None if a text does"""
    tags: re.Pattern[str]
    """matches control tokens and tags in a text"""
    special: dict[int, str]
    """id -> text of the control tokens"""

    def prompt(self, messages: Sequence[Message], side: Side) -> list[int]:
        """Return the tokens up to where the next turn begins; `side` is the role of that turn.

        Raises:
            LecternError: the template refuses the messages.
        """
        placed = self.shape.place(messages)
        if side == "assistant":
            [text] = chat_format.write(self.tokenizer, [placed], answering=True)
        else:
            [whole] = chat_format.write(self.tokenizer, [[*placed, Message(role="user", content=SENTINEL)]])
            # A space before the first word belongs to the token of that word.
            text = whole.rpartition(SENTINEL)[0].rstrip(" ")
        return chat_format.tokenize(self.tokenizer, [text])[0][0]

    def stop(self, side: Side, ends: set[int]) -> set[int]:
        """Return the tokens that end a turn; `ends` are those that end an answer."""
        return {self.close_token} if side == "user" and self.close_token is not None else ends

    def read(self, tokens: Sequence[int], ended: bool, side: Side) -> Turn:
        """Read a turn from its tokens.

        Args:
            tokens: of the turn, without the one that ended it.
            ended: whether a token of `stop` ended it.
            side: the role of the turn.
        """
        upto = next((at for at, token in enumerate(tokens) if token in self.special), len(tokens))
        # If the limit is reached, the last character may be incomplete.
        text = self.tokenizer.decode(tokens[:upto]).rstrip("\ufffd")
        close = self.close_text if side == "user" else None
        closed_at = text.find(close) if close else -1
        stray = self.tags.search(text)
        if close and closed_at >= 0 and (stray is None or closed_at <= stray.start()):
            return Turn(text[:closed_at].strip(), text[:closed_at].strip(), True)
        if stray:
            tag = stray[0]
        elif upto < len(tokens):
            tag = self.special[tokens[upto]]
        elif ended and close:  # by a token that ends an answer, but not a turn of the user
            tag = self.end_of_turn
        else:
            return Turn(text.strip(), text.strip(), ended)
        said = (text[: stray.start()] if stray else text).strip()
        return Turn(f"{said} {tag}".strip(), said, False)


def get_format(base: BaseModelSettings, tokenizer: Any, persona_text: str | None) -> Format:
    """Find out how the turns of a base model, and of all that is tuned on it, are written.

    Args:
        base: section `base_model`.
        tokenizer: of the model, with the chat template that serving uses.
        persona_text: `render.persona`.

    Raises:
        LecternError: the chat template does not write a second question unchanged, so that no turn can be generated in
            its place, or the persona is not a Jinja template.
    """
    shape = persona.shape(
        tokenizer, chat_format.training_template(tokenizer, base.chat_template), persona_text
    )
    roles: list[tuple[Literal["system", "user", "assistant"], str]] = [
        ("system", "."),
        ("user", "?"),
        ("assistant", "!"),
        ("user", SENTINEL),
    ]
    chat = shape.place([Message(role=role, content=content) for role, content in roles])
    [text] = chat_format.write(tokenizer, [chat], answering=True)
    after = text.rpartition(SENTINEL)[2].strip()
    if SENTINEL not in text or not after:
        raise LecternError(
            f"base_model {base.name}: its chat template does not show where a question begins and ends, so the model "
            "cannot write episodes. Set episodes.openings to [] and episodes.held_out to 0."
        )
    special = chat_format.special_tokens(tokenizer)
    ids = {name: id for id, name in special.items()}
    opens = max((name for name in ids if after.startswith(name)), key=len, default=None)
    plain = re.sub("|".join(map(re.escape, ids)) or "$.", " ", text)
    # Words such as Phi's `question:` are not included, since they may occur in speech.
    written = {piece for piece in plain.split() if re.match(r"[\[<]", piece)}
    return Format(
        tokenizer=tokenizer,
        shape=shape,
        context_length=base.context_length,
        end_of_turn=base.end_of_turn,
        close_text=None if opens else after.split()[0],
        close_token=ids[opens] if opens else None,
        tags=re.compile("|".join(map(re.escape, sorted({*ids, *written}, key=len, reverse=True))) or "$."),
        special=special,
    )
