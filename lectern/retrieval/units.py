"""What is searched: the passages of documents and lectures, and the turns of other conversations.

An item that has passages is searched by these. A conversation without passages is searched by the turns of the speakers
who answer; where the speakers have no roles, by all turns.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from lectern.conversations.dividing import divide
from lectern.conversations.provenance import locate
from lectern.core import io
from lectern.core.item import Item, Make
from lectern.core.schema import Conversation, Passage, Provenance, Unit, passage_id
from lectern.examples.question_turns import QuestionFinder, Turn, find_turns
from lectern.retrieval import vectors
from lectern.text.sentences import join_words

LIBRARIES = ("sentencex", "tokenizers", "torch", "transformers")
INTERJECTION = 4
"""A turn of at most so many words (`right`, `I see`) neither interrupts another one nor says anything to look up."""
QUESTION = 120
"""Most words of the question before a turn, as in section `examples`."""
LEAST = 3
"""Fewest words of a sentence that is a question."""


def list_items(passages: Mapping[str, Path], conversations: Mapping[str, Path]) -> list[Item]:
    """Return one item for each document and recording.

    Args:
        passages: item -> file of its passages, which may be empty.
        conversations: item -> file of a `Conversation`.
    """
    inputs: dict[str, dict[str, Path]] = {}
    for role, files in (("passages", passages), ("conversation", conversations)):
        for name, path in files.items():
            inputs.setdefault(name, {})[role] = path
    return [Item(name, files) for name, files in sorted(inputs.items())]


def load(*, turns: str, max_turn_words: int, embeddings: bool) -> Make:
    """Return the function that writes the units of an item.

    Args:
        turns: `answers`, or `exchanges` to search for the question before each turn too.
        max_turn_words: a longer turn is divided.
        embeddings: whether the units get embeddings.
    """

    def make(item: Item, path: Path) -> Mapping[str, Any]:
        found = io.read_jsonl(item.inputs["passages"], Passage) if "passages" in item.inputs else []
        units = [of_passage(passage) for passage in found]
        if not units and "conversation" in item.inputs:
            units = of_conversation(
                io.read_json(item.inputs["conversation"], Conversation), turns, max_turn_words
            )
        io.write_jsonl(path, embed(units) if embeddings else units)
        return {"units": len(units), "words": sum(len(unit.text.split()) for unit in units)}

    return make


def of_passage(passage: Passage) -> Unit:
    """Return the unit of a passage of a document or lecture."""
    where = Provenance(
        item=passage.item,
        url=passage.url,
        start=passage.start,
        end=passage.end,
        page=passage.page,
        heading=passage.heading,
        method="passage",
        passage=passage.id,
        span=passage.span,
    )
    return Unit(id=passage.id, text=passage.text, provenance=where)


def of_conversation(conversation: Conversation, turns: str, most: int) -> list[Unit]:
    """Return the turns of a conversation, each of at most `most` words; a turn that repeats another one is left out."""
    finder = QuestionFinder(conversation, LEAST, QUESTION)
    units: dict[str, Unit] = {}
    asked: str | None = None
    for turn in find_turns(conversation.utterances, finder, INTERJECTION) or _by_speaker(conversation):
        if turn.asks:
            asked = join_words(finder.find(turn.words) or turn.words[-QUESTION:])
            continue
        for words in divide(turn.words, conversation.language, least=most // 2, most=most):
            text = join_words(words)
            if len(words) > INTERJECTION:
                id = passage_id(conversation.item, text)
                question = asked if turns == "exchanges" else None
                where = locate(conversation, words, "turn")
                units.setdefault(id, Unit(id=id, text=text, question=question, provenance=where))
        asked = None
    return list(units.values())


def _by_speaker(conversation: Conversation) -> list[Turn]:
    """Return the turns where nobody's role is known."""
    return [
        Turn(asks=False, words=[word for utterance in group for word in utterance.words])
        for _, group in groupby(conversation.utterances, key=lambda utterance: utterance.speaker)
    ]


def embed(units: Sequence[Unit]) -> list[Unit]:
    """Return the units with their embeddings, where the model can read them."""
    made = vectors.make([searched_text(unit) for unit in units])
    return [
        unit
        if vector is None
        else unit.model_copy(update=dict(zip(("vector", "scale"), vectors.write(vector), strict=True)))
        for unit, vector in zip(units, made, strict=True)
    ]


def searched_text(unit: Unit) -> str:
    """Return what is compared with a question: the text, and before it the headings or the question that it answers."""
    return "\n".join(part for part in (unit.provenance.heading, unit.question, unit.text) if part)


def overlaps(one: Provenance, other: Provenance) -> bool:
    """Whether two places have anything in common: a passage, characters, seconds or a page."""
    return _common(one, other) > 0


def holds(unit: Provenance, evidence: Provenance) -> bool:
    """Whether a passage or turn holds what an answer comes from: at least half of the shorter one lies in the other."""
    return _common(unit, evidence) >= 0.5


def _common(one: Provenance, other: Provenance) -> float:
    """Return the share of the shorter place that lies in the other one, as exactly as both are known."""
    if one.item != other.item:
        return 0.0
    if one.passage is not None and one.passage == other.passage:
        return 1.0
    if one.span is not None and other.span is not None:
        return _common_range(one.span, other.span)
    if None not in (one.start, one.end, other.start, other.end):
        return _common_range((one.start, one.end), (other.start, other.end))  # type: ignore[arg-type]
    return float(one.page is not None and one.page == other.page)


def _common_range(one: tuple[float, float], other: tuple[float, float]) -> float:
    common = min(one[1], other[1]) - max(one[0], other[0])
    shorter = min(one[1] - one[0], other[1] - other[0])
    return max(0.0, common) / shorter if shorter > 0 else 0.0
