"""Chat text to tokens: as it is trained, and as a server would send it.

The training template is the model's own plus `{% generation %}` round each answer and its end of turn; these marks
become the mask of trained tokens. That both templates give the same tokens is checked by `preflight`.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

from lectern.core.errors import LecternError
from lectern.core.schema import Message

FOLDER = Path(__file__).parent / "chat_templates"


Span = tuple[int, int]
"""Characters of a text, from and up to."""


class RefusedError(LecternError):
    """A conversation that the chat template does not take; `fault` is the kind, of those that `preflight` explains."""

    def __init__(self, reason: str, fault: str = "template_refused") -> None:
        super().__init__(reason)
        self.fault = fault


class Offsets(Sequence[Span]):
    """The characters that each token stands for, asked of the tokenizer only where they are needed.

    As a list they cost more time than all else but the tokenization itself.
    """

    def __init__(self, encoding: Any, length: int) -> None:
        self._encoding, self._length = encoding, length

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, at: int) -> Span: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[Span]: ...

    def __getitem__(self, at: int | slice) -> Span | Sequence[Span]:
        if isinstance(at, slice):
            return list(self)[at]
        if not -self._length <= at < self._length:
            raise IndexError(at)
        begin, end = self._encoding.token_to_chars(at % self._length)
        return begin, end

    def __iter__(self) -> Iterator[Span]:
        return iter(self._encoding.offsets[: self._length])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def first(self, length: int) -> "Offsets":
        """Those of the first so many tokens."""
        return Offsets(self._encoding, length)


@dataclass(frozen=True)
class Encoded:
    """One conversation in tokens."""

    input_ids: list[int]
    assistant_mask: list[int]
    """1 where the token is trained; as long as input_ids"""
    text: str
    """what was tokenized: the whole conversation, control tokens and all"""
    offsets: Offsets
    """the characters of the text that each token stands for"""
    answers: list[Span]
    """the characters of the text that the template marks as trained"""


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
            f"lectern/models/{FOLDER.name}/, mark each answer with its end-of-turn token, and name the file in "
            "base_model.chat_template."
        )
    return text


def without_marks(template: str) -> str:
    """The template without its generation marks, for servers whose Jinja does not know them. It renders the same."""
    # an empty comment strips the white space round it as the mark did
    return re.sub(r"\{%(-?)\s*(?:end)?generation\s*(-?)%\}", r"{#\1 \2#}", template)


def encode(tokenizer: Any, conversations: Sequence[Sequence[Message]], template: str) -> list[Encoded]:
    """Tokens and mask of whole conversations, in one batch. Nothing is cut and no token is added to the template's.

    Raises:
        RefusedError: the template does not take one of the conversations.
    """
    texts, marked = _render(tokenizer, conversations, template, marks=True)
    return [
        Encoded(ids, mask(offsets, answers), text, offsets, answers)
        for (ids, offsets), text, answers in zip(tokenize(tokenizer, texts), texts, marked, strict=True)
    ]


def write(
    tokenizer: Any,
    conversations: Sequence[Sequence[Message]],
    template: str | None = None,
    *,
    answering: bool = False,
) -> list[str]:
    """The text of each conversation, control tokens and all.

    Args:
        tokenizer: of the base model.
        conversations: the messages of each.
        template: none for the model's own, which a server uses.
        answering: the last message asks, and the model is to answer (add_generation_prompt).

    Raises:
        RefusedError: the template does not take one of the conversations.
    """
    own = tokenizer.get_chat_template() if template is None else template
    return _render(tokenizer, conversations, own, answering=answering)[0]


def tokenize(tokenizer: Any, texts: Sequence[str]) -> list[tuple[list[int], Offsets]]:
    """The tokens of each text and the characters that they stand for, in one batch. Nothing is cut or added.

    Raises:
        LecternError: the model has no fast tokenizer.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise LecternError(
            f"{type(tokenizer).__name__} is no fast tokenizer, and only these know which characters a token stands "
            "for. Choose a base model whose files hold a tokenizer.json, or convert its tokenizer to one."
        )
    # A tokenizer's file may tell it to cut every text at some length, without a word.
    backend.no_truncation()
    backend.no_padding()
    backend.encode_special_tokens = False
    found = backend.encode_batch(list(texts), add_special_tokens=False)
    return [(ids := one.ids, Offsets(one, len(ids))) for one in found]


def mask(offsets: Sequence[Span], spans: Sequence[Span]) -> list[int]:
    """1 for each token that stands for a character of one of the spans, 0 for the others."""
    marked = [0] * len(offsets)
    for begin, end in spans:
        first, last = _covering(offsets, begin, end)
        marked[first:last] = [1] * (last - first)
    return marked


def begin_of(whole: Encoded, text: str, special: frozenset[int]) -> Encoded | None:
    """The tokens of `text`, taken from those of a longer one, or None where that is not certain.

    It is where the longer text begins with it and a control token stands on one side of the place: tokenizers divide a
    text at these before all else, so that neither side can change the tokens of the other.
    """
    at = bisect_left(whole.offsets, len(text), key=lambda span: span[0])
    if not whole.text.startswith(text) or not 0 < at < len(whole.offsets):
        return None
    if whole.offsets[at - 1][1] > len(text) or not special & {*whole.input_ids[at - 1 : at + 1]}:
        return None
    return Encoded(
        whole.input_ids[:at],
        whole.assistant_mask[:at],
        text,
        whole.offsets.first(at),
        [span for span in whole.answers if span[1] <= len(text)],
    )


def special_tokens(tokenizer: Any) -> dict[int, str]:
    """The control tokens: id -> text."""
    return {id: str(token) for id, token in tokenizer.added_tokens_decoder.items() if token.special}


def serve(tokenizer: Any, conversations: Sequence[Sequence[Message]], *, answering: bool) -> list[list[int]]:
    """Tokens as a server makes them: by transformers' own way, with the model's own template.

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


def _covering(offsets: Sequence[Span], begin: int, end: int) -> tuple[int, int]:
    """The tokens, from and up to, that stand for some of the characters from and up to."""
    first = bisect_right(offsets, begin, key=lambda span: span[1])
    return first, max(first, bisect_left(offsets, end, key=lambda span: span[0]))


def _render(
    tokenizer: Any,
    conversations: Sequence[Sequence[Message]],
    template: str,
    *,
    marks: bool = False,
    answering: bool = False,
) -> tuple[list[str], list[list[Span]]]:
    from transformers.utils.chat_template_utils import render_jinja_template

    try:
        return render_jinja_template(
            conversations=[_plain(messages) for messages in conversations],
            chat_template=template,
            return_assistant_tokens_mask=marks,
            add_generation_prompt=answering,
            **tokenizer.special_tokens_map,
        )
    except Exception as error:  # a template is a program: it may fail in any way
        raise RefusedError(f"the chat template says: {error or type(error).__name__}") from error


def _plain(messages: Sequence[Message]) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content} for message in messages]
