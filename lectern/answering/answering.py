"""Answers of models that run here: divide the prompts into batches, compute those that the store lacks, sort them."""

import importlib.metadata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from lectern.answering import contestants, llama_answers
from lectern.answering import questions as prompts
from lectern.answering.contestants import Local, Served
from lectern.answering.questions import Ask, Prepared
from lectern.answering.sources import Sources
from lectern.core import batches, code, instructions
from lectern.core.schema import BASE, HELD_OUT, TUNED, WITH_SOURCES, Found, Prediction
from lectern.models import chat_format, generation, loading, thinking
from lectern.models.batching import by_length
from lectern.models.generation import AnswerOptions, Row, RowResult
from lectern.training import adapters, merging

Store = batches.Store[Prediction]


@dataclass(frozen=True)
class AnsweringPlan:
    """All prompts of one contestant, in batches."""

    who: Local
    tokenizer: Any
    prepared: Prepared
    batches: Mapping[batches.Batch, Sequence[Row]]
    """batch -> its rows, which are computed together"""


@dataclass(frozen=True)
class Parity:
    """A comparison of the model with the adapter merged into it and beside it (`merging.measure_parity`)."""

    key: str
    """hash of everything that affects the result"""
    prompts: Sequence[Sequence[int]]
    new_tokens: int


def make_plans(
    everyone: Sequence[Local],
    asks: Sequence[Ask],
    options: AnswerOptions,
    batch_size: int,
    sources: Sources | None = None,
) -> list[AnsweringPlan]:
    """Divide the prompts of each contestant into batches. The batches do not depend on what the store already has.

    Args:
        everyone: the contestants.
        asks: the questions, in order of set and id.
        options: how the answers are written.
        batch_size: number of rows that are computed together.
        sources: the passages of contestants that answer with some; None if there are no such contestants.

    Raises:
        LecternError: a tokenizer or a chat template cannot be loaded, or the persona does not fit a row.
    """
    seen: dict[tuple[str, str | None, bool], tuple[Any, Prepared]] = {}
    plans = []
    for who in everyone:
        same = (repr(who.base), who.persona, who.sources)
        if same not in seen:  # the base and the tuned model get the same prompts
            tokenizer = loading.get_tokenizer(who.base)
            prepared = prompts.prepare(
                asks,
                tokenizer,
                chat_format.training_template(tokenizer, who.base.chat_template),
                context_length=who.base.context_length,
                max_new_tokens=options.max_new_tokens,
                persona_text=who.persona,
                sources=sources if who.sources else None,
            )
            seen[same] = tokenizer, prepared
        tokenizer, prepared = seen[same]
        plans.append(AnsweringPlan(who, tokenizer, prepared, _cut(who, prepared.rows, options, batch_size)))
    return plans


def _cut(
    who: Local, rows: Sequence[Row], options: AnswerOptions, size: int
) -> dict[batches.Batch, Sequence[Row]]:
    modules = [llama_answers] if who.kind == "gguf" else [generation, loading, adapters]
    decides = {**made_with(who, *modules), "decoding": options.decides}
    cut: dict[batches.Batch, Sequence[Row]] = {}
    for numbers in by_length([len(row.prompt) for row in rows], size):
        batch = [rows[number] for number in numbers]
        key = batches.make_key(decides, [asdict(row) for row in batch])
        cut[batches.Batch(key, tuple(row.key for row in batch))] = batch
    return cut


def made_with(who: Local, *modules: Any) -> dict[str, Any]:
    """Return everything that affects an answer besides the prompt: weights, code and libraries."""
    libraries = ["torch", "transformers", "peft"] + (["bitsandbytes"] if who.quantized else [])
    if who.kind == "gguf":
        libraries = ["xllamacpp"]
    return {
        "contestant": contestants.fingerprint(who),
        "code": code.digest(modules),
        "libraries": {name: importlib.metadata.version(name) for name in libraries},
        "instructions": instructions.chosen(),
    }


def plan_parity(plan: AnsweringPlan, prompts: int, new_tokens: int) -> Parity | None:
    """Choose the prompts for the parity check; None if there are no prompts, or no adapter to merge.

    Args:
        plan: of the tuned model.
        prompts: number of prompts; they are held-out rows if there are any.
        new_tokens: limit of an answer, in tokens.
    """
    rows = plan.prepared.rows
    single = [row for row in rows if row.key.startswith(f"{HELD_OUT}/")] or rows
    asked = [row.prompt for row in single[:prompts]]
    if not asked or plan.who.record.method == "full":
        return None
    return Parity(
        batches.make_key(made_with(plan.who, merging, adapters), asked, new_tokens), asked, new_tokens
    )


def make_missing(
    plans: Sequence[AnsweringPlan],
    asks: Mapping[str, Ask],
    store: Store,
    options: AnswerOptions,
    parity: Parity | None,
) -> dict[str, int]:
    """Compute the batches that the store lacks, and the parity check. Models with nothing to compute are not loaded.

    Args:
        plans: of all contestants.
        asks: key -> question.
        store: gets each batch as soon as it is computed.
        options: how the answers are written.
        parity: the parity check of the tuned model; None for no check.

    Returns: name of the contestant -> number of rows that were computed.
    """
    from tqdm import tqdm

    missing = {plan.who.name: [batch for batch in plan.batches if store.get(batch) is None] for plan in plans}
    compared = parity is None or store.result(parity.key) is not None
    needed = {
        plan.who.name: plan
        for plan in plans
        if missing[plan.who.name] or (plan.who.name == TUNED and not compared)
    }
    with tqdm(total=sum(map(len, missing.values())), desc="generate", unit="batch", disable=None) as bar:
        for who, model in contestants.load_in_turn([plan.who for plan in needed.values()]):
            plan = needed[who.name]
            bar.set_postfix_str(who.name, refresh=False)
            answer = _get_answerer(plan, model, options)
            for batch in missing[who.name]:
                outcomes = answer(plan.batches[batch])
                told = zip(batch.ids, outcomes, strict=True)
                shown = plan.prepared.shown
                store.put(batch, [predict(asks[key], outcome, shown[key]) for key, outcome in told])
                bar.update()
            if (
                who.name == TUNED and parity is not None and not compared
            ):  # this comes last, since merging changes the model
                found = merging.measure_parity(
                    model,
                    parity.prompts,
                    who.record.precision,
                    new_tokens=parity.new_tokens,
                    stop=generation.stop_tokens(model, plan.tokenizer, who.base.end_of_turn),
                    pad=plan.tokenizer.pad_token_id,
                )
                store.put_result(parity.key, found)
            del model, answer  # before the next one is loaded
    return {name: sum(len(batch.ids) for batch in parts) for name, parts in missing.items()}


def _get_answerer(
    plan: AnsweringPlan, model: Any, options: AnswerOptions
) -> Callable[[Sequence[Row]], list[RowResult]]:
    """Return the function that answers a batch of a contestant."""
    if plan.who.kind == "gguf":
        return partial(
            llama_answers.answer_rows,
            model,
            chats=plan.prepared.messages,
            tokenizer=plan.tokenizer,
            options=options,
        )
    stop = generation.stop_tokens(model, plan.tokenizer, plan.who.base.end_of_turn)
    return partial(generation.answer_rows, model, tokenizer=plan.tokenizer, stop=stop, options=options)


def bring(out: Path, who: Local, asks: Sequence[Ask], options: AnswerOptions, batch_size: int) -> None:
    """Bring a folder to exactly one file, with the answers of one contestant.

    Raises:
        LecternError: as `make_plans`.
    """
    (plan,) = make_plans([who], asks, options, batch_size)
    by_key = {ask.key: ask for ask in asks}
    store = batches.Store(out, Prediction, identify)
    make_missing([plan], by_key, store, options, None)
    store.close({who.name: fill(plan, by_key, store)}, [])


def predict(ask: Ask, outcome: RowResult, shown: Sequence[Found] = ()) -> Prediction:
    """Make a line of `data/predictions`, without thinking; `shown` are the passages that stood in the prompt."""
    return Prediction(
        id=ask.id,
        set=ask.set,
        messages=ask.messages,
        reference=ask.reference,
        prediction=thinking.drop(outcome.prediction),
        finished=outcome.finished,
        nll=outcome.nll,
        tokens=outcome.tokens,
        provenance=ask.provenance,
        places=[*ask.items, *ask.rows],
        sources=[passage.provenance for passage in shown],
    )


def identify(row: Prediction) -> str:
    """Return the key of the question that a row answers."""
    return f"{row.set}/{row.id}"


def fill(plan: AnsweringPlan, asks: Mapping[str, Ask], store: Store) -> batches.File[Prediction]:
    """Return the file of a contestant whose batches are all in the store, in order of set and id.

    Fields that do not come from the model, such as the provenance, are taken from the current questions.
    """
    rows = [row for batch in plan.batches for row in store.get(batch) or []]
    shown = plan.prepared.shown
    current = [predict(asks[key := identify(row)], _outcome(row), shown[key]) for row in rows]
    return batches.File(list(plan.batches), sort(current))


def sort(rows: Sequence[Prediction]) -> list[Prediction]:
    """Sort rows by set and id."""
    return sorted(rows, key=lambda row: (row.set, row.id))


def _outcome(row: Prediction) -> RowResult:
    return RowResult(row.prediction, row.finished, row.nll, row.tokens)


def skipped(plans: Sequence[AnsweringPlan]) -> Iterator[tuple[str, int]]:
    """Yield (reason, number) of the prompts that a contestant skips. The tuned model skips the same as its base."""
    names = {plan.who.name for plan in plans}
    for plan in plans:
        name = plan.who.name
        if name == TUNED or (name == TUNED + WITH_SOURCES and BASE + WITH_SOURCES in names):
            continue
        for reason, count in sorted(plan.prepared.skipped.items()):
            yield reason if name == BASE else f"{reason} of {name}", count


def summarise(
    everyone: Sequence[Local | Served],
    plans: Sequence[AnsweringPlan],
    files: Mapping[str, batches.File[Prediction]],
    unanswered: Mapping[str, int],
) -> dict[str, Any]:
    """Return the content of metrics/generation.json.

    Args:
        everyone: all contestants.
        plans: of those that run here; the base comes first.
        files: contestant -> its answers.
        unanswered: contestant at an endpoint -> number of questions that got no reply.
    """
    missing = {f"no reply from {name}": count for name, count in unanswered.items() if count}
    return {
        "contestants": {who.name: contestants.describe(who) for who in everyone},
        "sets": dict(Counter(row.set for row in files[plans[0].who.name].records)),
        "skipped": {**dict(skipped(plans)), **missing},
    }


def tell_counts(counts: Mapping[str, int], made: Mapping[str, int], skipped: Mapping[str, int]) -> str:
    """One line, such as `base 24, tuned 24 (8 made, 16 kept); 1 skipped (longer than the context)`."""
    told = [
        f"{name} {rows}"
        + (f" ({made[name]} made, {rows - made[name]} kept)" if made.get(name, rows) < rows else "")
        for name, rows in counts.items()
    ]
    left = [f"{count} skipped ({reason})" for reason, count in skipped.items()]
    return "; ".join([", ".join(told), *left])
