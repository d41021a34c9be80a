"""Ask training questions in other words: an LLM rewords them, and what says something else is left out.

The rewordings are never trained. The tuned model's answers to them are scored against the answers that were trained,
which tells knowledge from the memory of a wording.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lectern.answering.background import draw_training
from lectern.answering.questions import Ask
from lectern.core.schema import Example, Question
from lectern.curation import paraphrases
from lectern.llm.prompting import Prompt
from lectern.llm.request import Reply, Request, make_request
from lectern.llm.structured import closed_object
from lectern.models import embeddings
from lectern.settings.llm import LLM
from lectern.text.words import normalise, words

SCHEMA = closed_object(question={"type": "string"})
OUTCOMES = ("kept", "same_words", "trained", "other_meaning", "malformed", "no_reply")
"""What can happen to a rewording: it is kept; it has too many of the question's words; another training question has
them; it means something else; the reply is not valid JSON or empty; or no reply came."""


@dataclass(frozen=True)
class Reworded:
    """A training question and what became of its rewording."""

    ask: Ask
    outcome: str
    question: Question | None
    """None unless it is kept"""


def draw(trained: Sequence[Example], count: int, seed: int) -> list[tuple[Ask, Example]]:
    """Draw training questions evenly over the items, each with its row. Rows of dialogues are left out."""
    single = [row for row in trained if sum(said.role == "assistant" for said in row.messages) == 1]
    by_id = {row.id: row for row in single}
    return [(ask, by_id[ask.id]) for ask in draw_training(single, count, seed)]


def request(ask: Ask, row: Example, llm: LLM, prompt: Prompt) -> Request:
    """The request to reword a question, given its answer."""
    asked, answer = ask.messages[-1].content, row.messages[-1].content
    return make_request(llm, prompt.render(question=asked, answer=answer), SCHEMA)


def judge(
    asked: Sequence[tuple[Ask, Example]],
    replies: Sequence[Reply | None],
    trained: Sequence[Example],
    *,
    most_shared: float,
    least_similar: float,
) -> list[Reworded]:
    """Decide on each rewording.

    Args:
        asked: the questions with their rows.
        replies: to each of them.
        trained: all training rows.
        most_shared: greatest share of the words of a rewording that a training question may have, too.
        least_similar: least cosine of the embeddings of question and rewording. Texts that the embedding model cannot
            read are not compared.
    """
    known = {normalise(said.content): set(words(said.content)) for said in _questions(trained)}
    texts = [_read(reply) for reply in replies]
    originals = [ask.messages[-1].content for ask, _ in asked]
    vectors = embeddings.embed([*originals, *(text or "" for text in texts)])
    near = embeddings.similarity(vectors[: len(asked)], vectors[len(asked) :])
    decided = []
    for (ask, row), reply, text, similarity in zip(asked, replies, texts, near, strict=True):
        outcome = (
            "no_reply"
            if reply is None
            else "malformed"
            if text is None
            else _find_fault(ask, row, text, known, most_shared)
            or _compare(ask, row, text, float(similarity), least_similar)
        )
        question = None
        if outcome == "kept" and text is not None:
            item, answer = row.provenance.item, row.messages[-1].content
            question = Question(question=text, answer=answer, items=[item], rows=[row.id])
        decided.append(Reworded(ask, outcome, question))
    return decided


def _questions(rows: Sequence[Example]) -> list[Any]:
    return [said for row in rows for said in row.messages if said.role == "user"]


def _read(reply: Reply | None) -> str | None:
    if reply is None or reply.problem is not None:
        return None
    text = str(json.loads(reply.text)["question"]).strip()
    return text if normalise(text) else None


def _find_fault(
    ask: Ask, row: Example, text: str, known: Mapping[str, set[str]], most_shared: float
) -> str | None:
    """Tell whether a training question has too many of the words of a rewording."""
    own, original = set(words(text)), normalise(ask.messages[-1].content)
    shared = {question: len(own & theirs) / len(own) for question, theirs in known.items()}
    if shared.get(original, 0.0) > most_shared:
        return "same_words"
    return "trained" if max(shared.values(), default=0.0) > most_shared else None


def _compare(ask: Ask, row: Example, text: str, similarity: float, least: float) -> str:
    original, answer = ask.messages[-1].content, row.messages[-1].content
    if paraphrases.contradict((original, answer), (text, answer)):
        return "other_meaning"
    readable = embeddings.is_readable(original) and embeddings.is_readable(text)
    return "other_meaning" if readable and similarity < least else "kept"


def summarise(decided: Sequence[Reworded]) -> dict[str, int]:
    """Count the outcomes."""
    counts = Counter(one.outcome for one in decided)
    return {"asked": len(decided), **{outcome: counts[outcome] for outcome in OUTCOMES}}
