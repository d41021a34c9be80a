"""Collect the questions for the contestants (held-out rows, dialogues, evaluation sets), and tokenize the prompts."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lectern.answering.sources import Sources
from lectern.core import io
from lectern.core.errors import LecternError
from lectern.core.schema import (
    DIALOGUES,
    HELD_OUT,
    REWORDED,
    Example,
    Found,
    Message,
    Provenance,
    Question,
    example_id,
)
from lectern.models import chat_format
from lectern.models.generation import Row
from lectern.training import persona

TOO_LONG = "longer than the context"
REFUSED = "refused by the chat template"


@dataclass(frozen=True)
class Ask:
    """One question for all contestants."""

    set: str
    """`held_out`, `dialogues`, or the name of an evaluation set"""
    id: str
    """unique within its set"""
    messages: list[Message]
    """all messages before the answer, without persona"""
    reference: str | None
    """the true answer, or None if it is unknown"""
    provenance: Provenance
    items: tuple[str, ...] = ()
    """items that hold the answer to a person's question, where that is known"""
    rows: tuple[str, ...] = ()
    """ids of the rows that hold it"""

    @property
    def key(self) -> str:
        """A unique key."""
        return f"{self.set}/{self.id}"

    @classmethod
    def of(cls, example: Example) -> "Ask":
        """Make a question of a held-out row, whose last answer is the reference."""
        answers = sum(message.role == "assistant" for message in example.messages)
        return cls(
            HELD_OUT if answers == 1 else DIALOGUES,
            example.id,
            example.messages[:-1],
            example.messages[-1].content,
            example.provenance,
        )


def collect(
    held_out: Iterable[Example], sets: Sequence[str], folder: Path, reworded: Path | None = None
) -> list[Ask]:
    """Return all questions, in order of set and id.

    Args:
        held_out: the rows of the test split.
        sets: names of evaluation sets.
        folder: the folder of their files, data/evals.
        reworded: training questions in other words, data/reworded/questions.jsonl; None for none.

    Raises:
        LecternError: a set has no file, or the file has a line that is not a question, or the same question twice.
    """
    asked = [Ask.of(example) for example in held_out]
    asked += [ask for name in sets for ask in _read_set(name, folder)]
    asked += [] if reworded is None else _read_questions(REWORDED, reworded)
    return sorted(asked, key=lambda ask: (ask.set, ask.id))


def _read_set(name: str, folder: Path) -> list[Ask]:
    path = folder / f"{name}.jsonl"
    if not path.is_file():
        known = ", ".join(sorted(found.stem for found in folder.glob("*.jsonl"))) or "none"
        raise LecternError(
            f"generate.evals: there is no evaluation set {name!r}, since {path} does not exist. Sets in {folder}: "
            f"{known}. Correct the name under conf/ and run `lectern params`, or write the file."
        )
    return _read_questions(name, path)


def _read_questions(name: str, path: Path) -> list[Ask]:
    asked: dict[str, Ask] = {}
    for number, question in io.read_numbered(path, Question):
        prompt = [Message(role="user", content=question.question)]
        answer = (question.answer or "").strip() or None
        both = [*prompt, Message(role="assistant", content=answer)] if answer else prompt
        # Rewordings of one recording belong together; people's questions do not tell which they were asked about.
        item = question.items[0] if name == REWORDED else name
        where = Provenance(item=item, method="eval", row=number)
        ask = Ask(name, example_id(both), prompt, answer, where, tuple(question.items), tuple(question.rows))
        if ask.id in asked:
            raise LecternError(
                f"{path}:{number}: the same question as in line {asked[ask.id].provenance.row}. Remove one of them."
            )
        asked[ask.id] = ask
    return list(asked.values())


@dataclass(frozen=True)
class Prepared:
    """The prompts for one model."""

    rows: list[Row]
    skipped: Counter[str]
    """reason -> number of questions that the model cannot be asked"""
    shortened: int
    """number of dialogues whose oldest turns were left out"""
    shown: Mapping[str, Sequence[Found]]
    """key of a question -> the passages in its prompt"""
    messages: Mapping[str, Sequence[Message]]
    """key of a question -> its prompt as messages for the chat template"""


def prepare(
    asks: Sequence[Ask],
    tokenizer: Any,
    template: str,
    *,
    context_length: int,
    max_new_tokens: int,
    persona_text: str | None = None,
    sources: Sources | None = None,
) -> Prepared:
    """Tokenize all questions that fit the model's context, in the given order.

    If a prompt with passages does not fit, as few as possible of those that rank last are left out. If a dialogue does
    not fit even then, as few as possible of the oldest turns after the system message are left out. The rest begins
    with a user turn.

    Args:
        asks: the questions, in any order.
        tokenizer: of the model.
        template: the chat template with generation marks.
        context_length: number of tokens that the model can read.
        max_new_tokens: number of tokens that are kept free for the answer.
        persona_text: `render.persona`, so that prompts have the form of the training rows.
        sources: the passages for each question; None for a contestant that gets none.
    """
    shape = persona.shape(tokenizer, template, persona_text)
    introduced = [shape.introduce(ask.messages, ask.provenance) for ask in asks]
    found = [sources.of(ask.key) if sources else () for ask in asks]
    opened = [
        sources.place(messages, passages) if sources else messages
        for messages, passages in zip(introduced, found, strict=True)
    ]

    def encode(ask: Ask, messages: Sequence[Message]) -> Row | None:
        try:
            return _encode([ask], [messages], shape, tokenizer, template)[0]
        except chat_format.RefusedError:
            return None

    def fits(row: Row | None) -> bool:
        return row is not None and max(len(row.prompt) + max_new_tokens, len(row.whole)) <= context_length

    def shorten(
        ask: Ask, messages: Sequence[Message], passages: Sequence[Found]
    ) -> tuple[Row | None, int, list[Message]]:
        """Return the longest prompt that fits, the number of passages in it, and its messages."""
        fewer = (
            [sources.place(messages, passages[:n]) for n in reversed(range(len(passages)))] if sources else []
        )
        tries = fewer + _leave_out_turns(messages)
        # Fewer passages and turns have fewer tokens, so bisection finds the first that fits.
        at = bisect_left(tries, True, key=lambda shorter: fits(encode(ask, shorter)))
        chosen = tries[at] if at < len(tries) else []
        return (encode(ask, chosen) if chosen else None), max(-1, len(passages) - 1 - at), chosen

    encoded: Sequence[Row | None]
    try:
        encoded = _encode(asks, opened, shape, tokenizer, template)
    except chat_format.RefusedError:  # at least one is refused: find out which
        encoded = [encode(ask, messages) for ask, messages in zip(asks, opened, strict=True)]
    rows, skipped, shortened = [], Counter[str](), 0
    shown: dict[str, Sequence[Found]] = {}
    asked: dict[str, Sequence[Message]] = {}
    for ask, messages, placed, passages, row in zip(asks, introduced, opened, found, encoded, strict=True):
        count = len(passages)
        if row is None:
            skipped[REFUSED] += 1
            continue
        if not fits(row):
            shorter, count, placed = shorten(ask, messages, passages)
            if shorter is None:
                skipped[TOO_LONG] += 1
                continue
            shortened += count < 0
            row = shorter
        rows.append(row)
        shown[ask.key] = passages[: max(0, count)]
        asked[ask.key] = shape.place(placed)
    return Prepared(rows, skipped, shortened, shown, asked)


def _leave_out_turns(messages: Sequence[Message]) -> list[list[Message]]:
    """Return versions of the messages with more and more of the oldest turns left out, each beginning with the user."""
    systems = next((at for at, message in enumerate(messages) if message.role != "system"), len(messages))
    begins = [at for at, message in enumerate(messages) if message.role == "user" and at > systems]
    return [[*messages[:systems], *messages[at:]] for at in begins]


def _encode(
    asks: Sequence[Ask],
    opened: Sequence[Sequence[Message]],
    shape: persona.Shape,
    tokenizer: Any,
    template: str,
) -> list[Row]:
    from jinja2 import TemplateError

    known = [
        shape.place([*messages, Message(role="assistant", content=ask.reference)])
        for ask, messages in zip(asks, opened, strict=True)
        if ask.reference is not None
    ]
    try:
        prompts = chat_format.serve(tokenizer, [shape.place(messages) for messages in opened], answering=True)
    except TemplateError as error:
        raise chat_format.RefusedError(f"the chat template says: {error}") from error
    wholes = iter(chat_format.encode(tokenizer, known, template))
    rows = []
    for ask, prompt in zip(asks, prompts, strict=True):
        if ask.reference is None:
            rows.append(Row(ask.key, prompt, [], []))
            continue
        whole = next(wholes)
        answered = any(message.role == "assistant" for message in ask.messages)
        # In a dialogue the template marks every answer, but only the last one counts.
        mask = chat_format.mask(whole.offsets, whole.answers[-1:]) if answered else whole.assistant_mask
        rows.append(Row(ask.key, prompt, whole.input_ids, mask))
    return rows
