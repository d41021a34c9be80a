"""Read data/general: text, questions and requests that belong to no corpus, and what the models made of them."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import Field

from lectern.core import io, schema
from lectern.core.errors import LecternError
from lectern.core.schema import Record

PASSAGES, QUESTIONS, REFUSALS = "passages.jsonl", "questions.jsonl", "refusals.jsonl"
Filled = Annotated[str, Field(min_length=1)]
R = TypeVar("R", bound=Record)


class Passage(Record):
    """A line of `data/general/passages.jsonl`: text that belongs to no corpus."""

    id: Filled
    domain: Filled = Field(description="such as fiction or law")
    source: str = Field(description="the work and its part")
    text: Filled


class Question(Record):
    """A line of `data/general/questions.jsonl`: a question of general knowledge."""

    question: Filled
    answers: Annotated[list[Filled], Field(min_length=1)] = Field(
        description="every spelling that is accepted, the usual one first: its likelihood is measured"
    )


class Request(Record):
    """A line of `data/general/refusals.jsonl`: a request that a chat model should decline."""

    request: Filled


class Result(Record):
    """A line of `data/forgetting/<contestant>.jsonl`: what a model made of a general passage, question or request."""

    kind: Literal["passage", "question", "request"]
    id: str = Field(description="the passage's own; of a question or request, the hash of its text")
    domain: str | None = Field(default=None, description="of a passage")
    prompt: str | None = Field(default=None, description="the question or request")
    answers: list[str] = Field(default_factory=list, description="of a question: the accepted answers")
    prediction: str | None = Field(default=None, description="what the model answers")
    nll: float | None = Field(
        description="negative log-likelihood in nats, summed over a passage after its first token, or over the first "
        "accepted answer and its end of turn; null for a request"
    )
    tokens: int | None = Field(description="how many tokens `nll` sums over", gt=0)
    bytes: int | None = Field(default=None, description="of a passage: UTF-8 bytes of these tokens")


@dataclass(frozen=True)
class General:
    """What both models are shown."""

    passages: Sequence[Passage]
    questions: Sequence[Question]
    requests: Sequence[Request]


def read(
    folder: Path, *, words: int | None, questions: int | None, refusals: int | None, seed: int
) -> General:
    """Read what is asked for.

    Args:
        folder: data/general.
        words: number of words of passages, drawn by `draw`; None for all, 0 for none.
        questions: number of questions, drawn at random; None for all, 0 for none.
        refusals: the same for requests.
        seed: of the drawing.

    Raises:
        LecternError: a file is missing or empty, or a line does not fit, is blank or repeats another.
    """
    return General(
        draw(_read(folder / PASSAGES, Passage, "id", "words"), words, seed) if words != 0 else [],
        _sample(folder / QUESTIONS, Question, "question", "questions", questions, seed),
        _sample(folder / REFUSALS, Request, "request", "refusals", refusals, seed),
    )


def list_asked(folder: Path) -> list[schema.Question]:
    """Return all that the models may be shown, as questions that no trained row may hold.

    Raises:
        LecternError: as `read`.
    """
    shown = read(folder, words=None, questions=None, refusals=None, seed=0)
    texts = [passage.text for passage in shown.passages] + [one.request for one in shown.requests]
    return [
        *(schema.Question(question=one.question, answer=one.answers[0]) for one in shown.questions),
        *(schema.Question(question=text) for text in texts),
    ]


def _sample(path: Path, record: type[R], field: str, setting: str, wanted: int | None, seed: int) -> list[R]:
    """Draw so many rows at random, and return them in their own order. More rows are the same ones and others."""
    if wanted == 0:
        return []
    rows = _read(path, record, field, setting)
    order = list(range(len(rows)))
    random.Random(f"{seed}/{setting}").shuffle(order)
    return [rows[place] for place in sorted(order[:wanted])]


def draw(passages: Sequence[Passage], words: int | None, seed: int) -> list[Passage]:
    """Draw passages evenly from their domains, and return them in their own order.

    The next passage always comes from the domain with the fewest words so far, until `words` is reached; each domain is
    shuffled by the seed. So a larger number takes the same passages and some more.

    Args:
        passages: all of them.
        words: number of words that are wanted; the last passage may exceed it. None takes all.
        seed: of the shuffling.
    """
    if words is None:
        return list(passages)
    waiting: dict[str, list[Passage]] = {}
    for passage in passages:
        waiting.setdefault(passage.domain, []).append(passage)
    for domain, some in waiting.items():
        random.Random(f"{seed}/{domain}").shuffle(some)
    taken = dict.fromkeys(waiting, 0)
    chosen = set()
    while sum(taken.values()) < words and any(waiting.values()):
        domain = min((name for name in waiting if waiting[name]), key=lambda name: (taken[name], name))
        passage = waiting[domain].pop()
        taken[domain] += count_words(passage.text)
        chosen.add(passage.id)
    return [passage for passage in passages if passage.id in chosen]


def count_words(text: str) -> int:
    """Count the words between spaces."""
    return len(text.split())


def _read(path: Path, record: type[R], field: str, setting: str) -> list[R]:
    """Read a file in which no two lines have the same `field`; with 0 as `setting`, the stage does without it."""
    found: dict[str, int] = {}
    rows = []
    for number, row in io.read_numbered(path, record):
        name = getattr(row, field)
        if (before := found.setdefault(name, number)) != number:
            raise LecternError(f"{path}:{number}: the same {field} as in line {before}. Remove one of them.")
        if blank := [part for part in _texts(row) if not part.strip()]:
            raise LecternError(f"{path}:{number}: it holds a blank text ({blank[0]!r}). Fill it in.")
        rows.append(row)
    if not rows:
        raise LecternError(
            f"{path} is empty, so there is nothing to ask. Write one {record.__name__.lower()} a line, as "
            f"{path.parent / 'README.md'} shows, or set forget.{setting} to 0."
        )
    return rows


def _texts(row: Record) -> Iterable[str]:
    for value in dict(row).values():
        yield from [value] if isinstance(value, str) else value
