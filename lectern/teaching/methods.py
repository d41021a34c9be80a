"""The kinds of examples that a teacher LLM writes: what is asked about a passage, and how a reply becomes rows.

The prompt of a method is lectern/llm/prompts/<method>.jinja. In each schema the quotation comes first: a model that
begins by copying a sentence stays closer to it in what it writes next.
"""

import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lectern.core.schema import Passage
from lectern.llm.structured import closed_object, fits
from lectern.settings.teach import MIN_EXCHANGES, MIN_STEPS, Teach
from lectern.teaching import paragraphs, rules
from lectern.text import evidence

ROW_TOKENS = 100
"""About the number of reply tokens that a question, its answer and its quotation take."""
WORD_CHARS = 7
"""Characters of a word with its space in most languages. It bounds the reply of a model that does not stop itself."""
QUOTE_CHARS = 300
MISSHAPEN = "misshapen"
"""Why a row is not usable that does not fit its own schema."""
MAX_QUOTES = 3
"""summary: most quotations, for as many of its parts."""


@dataclass(frozen=True)
class Ask:
    """One thing to ask about a passage."""

    text: str
    """The text to show: the passage or a part of it."""
    count: int = 1
    """Number of rows, exchanges or steps to ask for."""


@dataclass(frozen=True)
class Draft:
    """A row without its provenance."""

    turns: Sequence[tuple[str, str]]
    """Question and answer of each exchange."""
    evidence: str
    """Quoted in the words of the passage."""
    shortened: bool = False
    """Whether later exchanges were left out because the passage does not support one of them."""


@dataclass(frozen=True)
class Method:
    """How one kind of example is requested and read."""

    plan: Callable[[Passage, Teach], tuple[list[Ask], Counter[str]]]
    """Returns what to ask about a passage, and what is not asked about: reason -> how often."""
    schema: Callable[[Ask, Teach], dict[str, Any]]
    """Returns the JSON schema of the reply, which bounds the number of rows and their lengths."""
    read: Callable[[Any, Ask, Teach], Iterator[Draft | str]]
    """Yields each row of a reply that fits the schema, or the reason why it is not usable."""


def read_reply(text: str, method: str, ask: Ask, params: Teach) -> list[Draft | str]:
    """Each row of a reply that fits its schema, or the reason why it is not usable."""
    value = json.loads(text)
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # an unpaired surrogate: legal in JSON, but not text
        return ["unreadable"]
    return list(METHODS[method].read(value, ask, params))


def count_questions(tokens: int, params: Teach) -> int:
    """How many questions a passage gets: its tokens by `tokens_per_question`, rounded half up, at least one.

    Each passage is rounded by itself, so that an edit elsewhere does not change its number. The minimum of one gives
    the short passage at the end a question too.
    """
    rounded = int(tokens / params.tokens_per_question + 0.5)
    return max(1, min(rounded, params.max_questions))


def _plan_questions(passage: Passage, params: Teach) -> tuple[list[Ask], Counter[str]]:
    return [Ask(passage.text, count_questions(passage.tokens, params))], Counter()


def _plan_paragraphs(passage: Passage, params: Teach) -> tuple[list[Ask], Counter[str]]:
    # One call each, which shows the paragraph alone: what two passages share is asked about once.
    stretches, left_out = paragraphs.divide(passage.text, *params.paragraph_words)
    return [Ask(stretch) for stretch in stretches], left_out


def _plan_whole(
    count: Callable[[Teach], int],
) -> Callable[[Passage, Teach], tuple[list[Ask], Counter[str]]]:
    def plan(passage: Passage, params: Teach) -> tuple[list[Ask], Counter[str]]:
        if passage.tokens < params.min_tokens:
            return [], Counter(too_short=1)
        return [Ask(passage.text, count(params))], Counter()

    return plan


def _schema_of_questions(ask: Ask, params: Teach) -> dict[str, Any]:
    return closed_object(rows=_array(_schema_of_row(params), ask.count, ask.count))


def _schema_of_row(params: Teach) -> dict[str, Any]:
    return closed_object(evidence=_string(QUOTE_CHARS), question=_question(params), answer=_answer(params))


def _schema_of_question(ask: Ask, params: Teach) -> dict[str, Any]:
    return closed_object(question=_question(params))


def _schema_of_summary(ask: Ask, params: Teach) -> dict[str, Any]:
    quotes = _array(_string(QUOTE_CHARS), 1, ask.count)
    return closed_object(evidence=quotes, question=_question(params), answer=_answer(params))


def _schema_of_reasoning(ask: Ask, params: Teach) -> dict[str, Any]:
    steps = _array(_schema_of_step(params), MIN_STEPS, ask.count)
    return closed_object(question=_question(params), steps=steps, conclusion=_answer(params))


def _schema_of_step(params: Teach) -> dict[str, Any]:
    return closed_object(evidence=_string(QUOTE_CHARS), step=_question(params))


def _read_questions(value: Any, ask: Ask, params: Teach) -> Iterator[Draft | str]:
    passage = evidence.read(ask.text)
    for row in value["rows"]:
        if not fits(row, _schema_of_row(params)):
            yield MISSHAPEN
            continue
        found = _check(row["question"], row["answer"], [row["evidence"]], passage, params)
        yield found if isinstance(found, str) else Draft([_turn(row)], _cite(found, ask))


def _read_question(value: Any, ask: Ask, params: Teach) -> Iterator[Draft | str]:
    question = value["question"].strip()
    if _was_cut(value["question"], params.question_words):
        yield "cut"
        return
    fault = rules.find_fault(
        question,
        ask.text,
        evidence.read(ask.text),
        question_words=params.question_words,
        answer_words=params.paragraph_words,
    )
    yield fault or Draft([(question, ask.text)], ask.text)


def _read_conversation(value: Any, ask: Ask, params: Teach) -> Iterator[Draft | str]:
    """Yield one row, up to the first faulty exchange: earlier exchanges do not need it, but later ones may."""
    passage = evidence.read(ask.text)
    turns: list[tuple[str, str]] = []
    quotes: list[list[evidence.Span]] = []
    fault = None
    for exchange in value["rows"]:
        if not fits(exchange, _schema_of_row(params)):
            fault = MISSHAPEN
            break
        found = _check(exchange["question"], exchange["answer"], [exchange["evidence"]], passage, params)
        if isinstance(found, str):
            fault = found
            break
        turns.append(_turn(exchange))
        quotes += found
    if len(turns) < MIN_EXCHANGES:
        yield fault or "too_few_turns"
    else:
        yield Draft(turns, _cite(quotes, ask), shortened=fault is not None)


def _read_summary(value: Any, ask: Ask, params: Teach) -> Iterator[Draft | str]:
    found = _check(value["question"], value["answer"], value["evidence"], evidence.read(ask.text), params)
    yield found if isinstance(found, str) else Draft([_turn(value)], _cite(found, ask))


def _read_reasoning(value: Any, ask: Ask, params: Teach) -> Iterator[Draft | str]:
    """Yield one row. At least two steps must quote different places, or else the question needs no reasoning."""
    if not all(fits(step, _schema_of_step(params)) for step in value["steps"]):
        yield MISSHAPEN
        return
    steps = [step["step"].strip() for step in value["steps"]]
    numbered = [f"{number}. {step}" for number, step in enumerate(steps, 1)]
    answer = "\n".join(numbered) + "\n\n" + value["conclusion"].strip()
    quotes = [step["evidence"] for step in value["steps"]]
    found = _check(value["question"], answer, quotes, evidence.read(ask.text), params)
    if isinstance(found, str):
        yield found
    elif not all(steps) or not value["conclusion"].strip():
        yield "empty"
    elif len({tuple(spans) for spans in found}) < MIN_STEPS:
        yield "one_fact"
    else:
        yield Draft([(value["question"].strip(), answer)], _cite(found, ask))


def _check(
    question: str, answer: str, quotes: Sequence[str], passage: evidence.Text, params: Teach
) -> list[list[evidence.Span]] | str:
    """The spans of each quotation in the passage, or the reason why question and answer are not usable."""
    if _was_cut(question, params.question_words) or _was_cut(answer, params.answer_words):
        return "cut"
    fault = rules.find_fault(
        question,
        answer,
        passage,
        question_words=params.question_words,
        answer_words=params.answer_words,
    )
    if fault:
        return fault
    found = [_find(quote, passage, params) for quote in quotes]
    return found if found and all(found) else "no_evidence"


def _find(quote: str, passage: evidence.Text, params: Teach) -> list[evidence.Span]:
    """The spans of a quotation. A grammar ends one at its bound, even in the middle of a word, which is left out."""
    found = evidence.find(quote, passage, params.min_quote_words)
    if not found and len(quote) >= QUOTE_CHARS:
        found = evidence.find(quote.rpartition(" ")[0], passage, params.min_quote_words)
    return found


def _cite(found: Sequence[Sequence[evidence.Span]], ask: Ask) -> str:
    return evidence.cite(itertools.chain.from_iterable(found), ask.text)


def _turn(row: Mapping[str, str]) -> tuple[str, str]:
    return row["question"].strip(), row["answer"].strip()


def _array(of: dict[str, Any], least: int, most: int) -> dict[str, Any]:
    return {"type": "array", "items": of, "minItems": least, "maxItems": most}


def _string(most: int) -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": most}


def _question(params: Teach) -> dict[str, Any]:
    return _string(_room(params.question_words))


def _answer(params: Teach) -> dict[str, Any]:
    return _string(_room(params.answer_words))


def _room(bounds: tuple[int, int]) -> int:
    return bounds[1] * WORD_CHARS


def _was_cut(text: str, bounds: tuple[int, int]) -> bool:
    """Whether a text was cut at its bound: a grammar ends it there, even in the middle of a word."""
    return len(text) >= _room(bounds)


METHODS: Mapping[str, Method] = {
    "qa": Method(_plan_questions, _schema_of_questions, _read_questions),
    "paragraph_answer": Method(_plan_paragraphs, _schema_of_question, _read_question),
    "conversation": Method(
        _plan_whole(lambda params: params.exchanges), _schema_of_questions, _read_conversation
    ),
    "summary": Method(_plan_whole(lambda params: MAX_QUOTES), _schema_of_summary, _read_summary),
    "reasoning": Method(_plan_whole(lambda params: params.max_steps), _schema_of_reasoning, _read_reasoning),
}
