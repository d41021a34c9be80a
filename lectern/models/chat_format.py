"""Turn chats into tokens by chat templates, for training and as a server would.

The training template is the model's own with `{% generation %}` around each answer and its end of turn. These marks
become the mask of trained tokens. `preflight` checks that both templates give the same tokens.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

from lectern.core import limits
from lectern.core.errors import LecternError
from lectern.core.schema import Message
from lectern.models import thinking

FOLDER = Path(__file__).parent / "chat_templates"
SECONDS, MEGABYTES = 20.0, 1000
"""CPU time and memory that a chat template may take for one call: it is a program of strangers."""


Span = tuple[int, int]
"""Start and end (exclusive) of some characters of a text."""


class RefusedError(LecternError):
    """The chat template refuses a conversation; `fault` is a key of `preflight.REMEDIES`."""

    def __init__(self, reason: str, fault: str = "template_refused") -> None:
        super().__init__(reason)
        self.fault = fault


class Offsets(Sequence[Span]):
    """The span of characters of each token, taken from the tokenizer only when it is needed.

    Building a list of all spans would take more time than anything but the tokenization itself.
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
        """Return the spans of the first `length` tokens."""
        return Offsets(self._encoding, length)


@dataclass(frozen=True)
class Encoded:
    """One conversation in tokens."""

    input_ids: list[int]
    assistant_mask: list[int]
    """1 where the token is trained, else 0; as long as input_ids"""
    text: str
    """the tokenized text: the whole conversation with control tokens"""
    offsets: Offsets
    """the span of characters of each token"""
    answers: list[Span]
    """the spans of characters that the template marks as trained"""


def training_template(tokenizer: Any, file: str | None) -> str:
    """Return the chat template with generation marks: `file` in FOLDER, or None for the tokenizer's own.

    Raises:
        LecternError: the file does not exist, or the template has no generation marks.
    """
    if file is None:
        text, where = tokenizer.chat_template or "", "the tokenizer's own chat template"
    else:
        path, where = FOLDER / file, f"the chat template {file}"
        if not path.is_file():
            known = ", ".join(sorted(found.name for found in FOLDER.glob("*.jinja")))
            raise LecternError(
                f"base_model.chat_template: there is no {file} in {FOLDER.name}. Choose one of {known}"
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
    """Return the template without its generation marks, for servers that do not know them. The output is the same."""
    # An empty comment strips the white space around it as the mark did.
    return re.sub(r"\{%(-?)\s*(?:end)?generation\s*(-?)%\}", r"{#\1 \2#}", template)


def encode(tokenizer: Any, conversations: Sequence[Sequence[Message]], template: str) -> list[Encoded]:
    """Tokenize whole conversations in one batch, with masks. Nothing is cut off, and only the template adds tokens.

    Raises:
        RefusedError: the template refuses one of the conversations.
        LecternError: the template takes too much time or memory.
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
    """Render each conversation to text with control tokens.

    Args:
        tokenizer: of the base model.
        conversations: the messages of each conversation.
        template: the chat template; None for the model's own, which a server uses.
        answering: whether to append the beginning of the model's answer (add_generation_prompt).

    Raises:
        RefusedError: the template refuses one of the conversations.
        LecternError: the template takes too much time or memory.
    """
    own = tokenizer.get_chat_template() if template is None else template
    return _render(tokenizer, conversations, own, answering=answering)[0]


def tokenize(tokenizer: Any, texts: Sequence[str]) -> list[tuple[list[int], Offsets]]:
    """Tokenize texts in one batch; return tokens and their spans of characters. Nothing is cut off or added.

    Raises:
        LecternError: the model has no fast tokenizer.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise LecternError(
            f"{type(tokenizer).__name__} is not a fast tokenizer, and only these know which characters a token stands "
            "for. Choose a base model whose files hold a tokenizer.json, or convert its tokenizer to one."
        )
    # The file of a tokenizer may silently make it truncate every text.
    backend.no_truncation()
    backend.no_padding()
    backend.encode_special_tokens = False
    found = backend.encode_batch(list(texts), add_special_tokens=False)
    return [(ids := one.ids, Offsets(one, len(ids))) for one in found]


def mask(offsets: Sequence[Span], spans: Sequence[Span]) -> list[int]:
    """Return a mask: 1 for each token that covers a character of one of the spans, 0 for the others."""
    marked = [0] * len(offsets)
    for begin, end in spans:
        first, last = _covering(offsets, begin, end)
        marked[first:last] = [1] * (last - first)
    return marked


def begin_of(whole: Encoded, text: str, special: frozenset[int]) -> Encoded | None:
    """Take the tokens of `text` from those of a longer text; None if they might differ.

    The tokens are certain if the longer text begins with `text` and there is a control token on either side of its end.
    Tokenizers split a text at control tokens first, so neither side can affect the tokens of the other.
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
    """Return the control tokens: id -> text. Those around thinking are some too, though tokenizers call them plain."""
    added = tokenizer.added_tokens_decoder.items()
    return {id: str(token) for id, token in added if token.special or str(token) in thinking.MARKS}


def serve(tokenizer: Any, conversations: Sequence[Sequence[Message]], *, answering: bool) -> list[list[int]]:
    """Tokenize as a server does: with transformers' own function and the model's own template.

    Args:
        tokenizer: of the base model.
        conversations: the messages of each conversation.
        answering: whether to append the beginning of the model's answer (add_generation_prompt).
    """
    if not conversations:
        return []
    write(
        tokenizer, conversations[:1], answering=answering
    )  # under limits, which the tokenizer's threads would break
    batch = tokenizer.apply_chat_template(
        [_plain(messages) for messages in conversations],
        tokenize=True,
        return_dict=True,
        add_generation_prompt=answering,
    )
    return [list(ids) for ids in batch["input_ids"]]


def _covering(offsets: Sequence[Span], begin: int, end: int) -> tuple[int, int]:
    """Return the range of tokens that cover some of the characters from `begin` to `end`."""
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
        with limits.within(SECONDS, MEGABYTES):
            return render_jinja_template(
                conversations=[_plain(messages) for messages in conversations],
                chat_template=template,
                return_assistant_tokens_mask=marks,
                add_generation_prompt=answering,
                **tokenizer.special_tokens_map,
            )
    except limits.BeyondError as error:  # of no one row: the next would take as long
        raise _too_much(error) from error
    except Exception as error:  # a template is a program: it may fail in any way
        raise RefusedError(f"the chat template says: {error or type(error).__name__}") from error


def _too_much(error: limits.BeyondError) -> LecternError:
    return LecternError(
        f"the chat template takes {error} for a few hundred conversations. It may be made to harm whoever runs it: "
        "choose another base model, or write a template and name it in base_model.chat_template."
    )


def _plain(messages: Sequence[Message]) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content} for message in messages]
