"""Let the base and the tuned model read and answer what is in data/general, batch by batch."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lectern.answering import answering, contestants, harness
from lectern.answering.contestants import Local
from lectern.answering.general import General, Passage, Result
from lectern.answering.questions import Ask
from lectern.core import batches
from lectern.core.errors import LecternError
from lectern.core.schema import Message, Provenance, example_id
from lectern.models import chat_format, generation, likelihood, loading
from lectern.models.batching import by_length
from lectern.models.generation import AnswerOptions, Row, RowResult
from lectern.settings.decoding import Decoding
from lectern.training import adapters

Store = batches.Store[Result]
GREEDY = Decoding(
    temperature=0.0, top_p=1.0, top_k=0, min_p=0.0, repetition_penalty=1.0, no_repeat_ngram_size=0
)
"""The likeliest token each time, so that both models are compared and not their decoding."""


@dataclass(frozen=True)
class Reading:
    """A passage in the tokens of one model."""

    key: str
    ids: list[int]
    first: int
    """place of the first token that counts, whose predecessors are given"""
    bytes: int
    """UTF-8 bytes of the tokens that count"""


@dataclass(frozen=True)
class Plan:
    """Everything that one contestant is shown, in batches."""

    who: Local
    tokenizer: Any
    passages: Mapping[batches.Batch, Sequence[Reading]]
    chats: Mapping[batches.Batch, Sequence[Row]]
    skipped: Counter[str]
    """reason -> number of questions and requests that the model cannot be asked"""

    @property
    def batches(self) -> list[batches.Batch]:
        """All batches."""
        return [*self.passages, *self.chats]


def make_plans(
    everyone: Sequence[Local], shown: General, options: AnswerOptions, batch_size: int
) -> list[Plan]:
    """Divide what each contestant is shown into batches, whatever the store already has.

    Args:
        everyone: the contestants.
        shown: what they are shown; questions and requests get the persona, as every question does.
        options: how answers are written.
        batch_size: number of rows that are computed together.

    Raises:
        LecternError: a tokenizer or a chat template cannot be loaded, or a passage is too short.
    """
    asks = sorted(_ask(shown), key=lambda ask: ask.key)
    plans = []
    for chat in answering.make_plans(everyone, asks, options, batch_size):
        readings = _read(shown.passages, chat.tokenizer, chat.who.base.context_length)
        decides = answering.made_with(chat.who, likelihood, loading, adapters)
        cut = {}
        for numbers in by_length([len(one.ids) for one in readings], batch_size):
            batch = [readings[number] for number in numbers]
            key = batches.make_key(decides, [asdict(one) for one in batch])
            cut[batches.Batch(key, tuple(one.key for one in batch))] = batch
        plans.append(Plan(chat.who, chat.tokenizer, cut, chat.batches, chat.prepared.skipped))
    return plans


def _ask(shown: General) -> Iterable[Ask]:
    for number, question in enumerate(shown.questions, 1):
        yield _make_ask("question", number, question.question, question.answers[0])
    for number, request in enumerate(shown.requests, 1):
        yield _make_ask("request", number, request.request, None)


def _make_ask(kind: str, number: int, text: str, answer: str | None) -> Ask:
    messages = [Message(role="user", content=text)]
    origin = Provenance(item="general", method="general", row=number)
    return Ask(kind, example_id(messages), messages, answer, origin)


def _read(passages: Sequence[Passage], tokenizer: Any, context_length: int) -> list[Reading]:
    """Tokenize the passages, behind the token that begins a text if the tokenizer always writes one.

    What does not fit the context is left out.
    """
    if not passages:
        return []
    begin = [token for token in tokenizer("").input_ids if token == tokenizer.bos_token_id][:1]
    readings = []
    tokenized = chat_format.tokenize(tokenizer, [passage.text for passage in passages])
    for passage, (tokens, offsets) in zip(passages, tokenized, strict=True):
        ids = [*begin, *tokens][:context_length]
        first = max(len(begin), 1)
        if len(ids) <= first:
            raise LecternError(
                f"the passage {passage.id} of data/general has too few tokens for a likelihood. Write a sentence or "
                "more."
            )
        counted = passage.text[offsets[first - len(begin)][0] : offsets[len(ids) - len(begin) - 1][1]]
        readings.append(Reading(f"passage/{passage.id}", ids, first, len(counted.encode())))
    return readings


def make_missing(
    plans: Sequence[Plan],
    shown: General,
    store: Store,
    options: AnswerOptions,
    tasks: harness.Harness | None,
    batch_size: int,
) -> int:
    """Compute the batches and tasks that the store lacks. A model with nothing to compute is not loaded.

    Args:
        plans: of all contestants.
        shown: what the plans were made of.
        store: gets each batch and each task's outcome as soon as it is there.
        options: how answers are written.
        tasks: tasks of lm-evaluation-harness; None for none.
        batch_size: of the tasks.

    Returns: number of rows that were computed, without those of tasks.
    """
    from tqdm import tqdm

    missing = {plan.who.name: [one for one in plan.batches if store.get(one) is None] for plan in plans}
    undone = {
        plan.who.name: [name for name in tasks.names if store.result(tasks.key(plan.who, name)) is None]
        for plan in plans
        if tasks is not None
    }
    needed = {plan.who.name: plan for plan in plans if missing[plan.who.name] or undone.get(plan.who.name)}
    about = describe(shown)
    with tqdm(total=sum(map(len, missing.values())), desc="forget", unit="batch", disable=None) as bar:
        for who, model in contestants.load_in_turn([plan.who for plan in needed.values()]):
            plan = needed[who.name]
            bar.set_postfix_str(who.name, refresh=False)
            for batch in missing[who.name]:
                store.put(batch, _make_batch(plan, batch, model, options, about))
                bar.update()
            for name in undone.get(who.name, []):
                assert tasks is not None
                outcome = harness.evaluate(tasks, name, model, plan.tokenizer, batch_size)
                store.put_result(tasks.key(who, name), outcome)
            del model  # before the next one is loaded
    return sum(len(batch.ids) for some in missing.values() for batch in some)


def _make_batch(
    plan: Plan, batch: batches.Batch, model: Any, options: AnswerOptions, about: Mapping[str, Result]
) -> list[Result]:
    if batch in plan.passages:
        readings = plan.passages[batch]
        found = likelihood.negative_log_likelihoods(
            model,
            [(one.ids, [int(place >= one.first) for place in range(len(one.ids))]) for one in readings],
            pad=plan.tokenizer.pad_token_id,
            batch_size=len(readings),
        )
        return [
            about[one.key].model_copy(update={"nll": round(nll, 4), "tokens": tokens, "bytes": one.bytes})
            for one, (nll, tokens) in zip(readings, found, strict=True)
        ]
    stop = generation.stop_tokens(model, plan.tokenizer, plan.who.base.end_of_turn)
    outcomes = generation.answer_rows(model, plan.chats[batch], plan.tokenizer, stop=stop, options=options)
    return [
        about[key].model_copy(update=_take(outcome)) for key, outcome in zip(batch.ids, outcomes, strict=True)
    ]


def _take(outcome: RowResult) -> dict[str, Any]:
    return {"prediction": outcome.prediction, "nll": outcome.nll, "tokens": outcome.tokens}


def describe(shown: General) -> dict[str, Result]:
    """Return key -> a result that has nothing yet but what data/general says."""
    blank: dict[str, Any] = {"nll": None, "tokens": None}
    rows = [Result(kind="passage", id=one.id, domain=one.domain, **blank) for one in shown.passages]
    told = {question.question: question.answers for question in shown.questions}
    for ask in _ask(shown):
        text = ask.messages[0].content
        rows.append(
            Result(kind=ask.set, id=ask.id, prompt=text, answers=told.get(text, []), **blank)  # type: ignore[arg-type]
        )
    return {identify(row): row for row in rows}


def identify(row: Result) -> str:
    """Return the key of a result, which is unique in its file."""
    return f"{row.kind}/{row.id}"


def fill(plan: Plan, shown: General, store: Store) -> batches.File[Result]:
    """Return the file of a contestant whose batches are all in the store, in the order of data/general.

    What does not come from the model, such as the accepted answers, is taken from data/general as it is now.
    """
    made = {identify(row): row for batch in plan.batches for row in store.get(batch) or []}
    fields = ("prediction", "nll", "tokens", "bytes")
    rows = [
        row.model_copy(update={name: getattr(made[key], name) for name in fields})
        for key, row in describe(shown).items()
        if key in made
    ]
    return batches.File(plan.batches, rows)


def gather_tasks(plans: Sequence[Plan], tasks: harness.Harness | None, store: Store) -> dict[str, Any]:
    """Return contestant -> what it made of the tasks, which are all in the store, by their names."""
    if tasks is None:
        return {}
    return {
        plan.who.name: {
            task: outcome
            for name in tasks.names
            for task, outcome in store.result(tasks.key(plan.who, name)).items()
        }
        for plan in plans
    }
