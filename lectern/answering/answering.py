"""All answers that are computed here: cut into batches, made where the store does not have them, and put in order."""

import importlib.metadata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lectern.answering import contestants
from lectern.answering import questions as prompts
from lectern.answering.contestants import Local
from lectern.answering.questions import Ask, Prepared
from lectern.core import batches, code
from lectern.core.schema import HELD_OUT, TUNED, Prediction
from lectern.models import generation, loading, templates
from lectern.models.batching import by_length
from lectern.models.generation import Decoding, Outcome, Row
from lectern.training import adapters, merging

Store = batches.Store[Prediction]


@dataclass(frozen=True)
class Plan:
    """What one contestant is asked."""

    who: Local
    tokenizer: Any
    prepared: Prepared
    batches: Mapping[batches.Batch, Sequence[Row]]
    """the rows of each, which are computed together"""


@dataclass(frozen=True)
class Parity:
    """A comparison of the adapter with itself merged into the model (`merging.measure_parity`)."""

    key: str
    """over all that decides it"""
    prompts: Sequence[Sequence[int]]
    new_tokens: int


def make_plans(
    everyone: Sequence[Local], asks: Sequence[Ask], decoding: Decoding, batch_size: int
) -> list[Plan]:
    """Cut everything that each contestant is asked into batches, whatever was made before.

    Args:
        everyone: those who answer.
        asks: in order of set and id.
        decoding: how tokens are chosen.
        batch_size: rows computed together.

    Raises:
        LecternError: a tokenizer or a chat template cannot be had, or the persona does not fit a row.
    """
    seen: dict[tuple[str, str | None], tuple[Any, Prepared]] = {}
    plans = []
    for who in everyone:
        same = (repr(who.base), who.persona)
        if same not in seen:  # the base and the tuned model are asked the same
            tokenizer = loading.get_tokenizer(who.base)
            prepared = prompts.prepare(
                asks,
                tokenizer,
                templates.training_template(tokenizer, who.base.chat_template),
                context_length=who.base.context_length,
                max_new_tokens=decoding.max_new_tokens,
                persona_text=who.persona,
            )
            seen[same] = tokenizer, prepared
        tokenizer, prepared = seen[same]
        plans.append(Plan(who, tokenizer, prepared, _cut(who, prepared.rows, decoding, batch_size)))
    return plans


def _cut(
    who: Local, rows: Sequence[Row], decoding: Decoding, size: int
) -> dict[batches.Batch, Sequence[Row]]:
    decides = {**_made_with(who, generation, loading, adapters), "decoding": decoding.decides}
    cut: dict[batches.Batch, Sequence[Row]] = {}
    for numbers in by_length([len(row.prompt) for row in rows], size):
        batch = [rows[number] for number in numbers]
        key = batches.make_key(decides, [asdict(row) for row in batch])
        cut[batches.Batch(key, tuple(row.key for row in batch))] = batch
    return cut


def _made_with(who: Local, *modules: Any) -> dict[str, Any]:
    """What decides an answer beside the prompt: weights, code and libraries."""
    libraries = ["torch", "transformers", "peft"] + (["bitsandbytes"] if who.quantized else [])
    return {
        "contestant": contestants.fingerprint(who),
        "code": code.digest(modules),
        "libraries": {name: importlib.metadata.version(name) for name in libraries},
    }


def plan_parity(plan: Plan, prompts: int, new_tokens: int) -> Parity | None:
    """What the tuned model is compared with itself on; None where nothing is asked, or there is nothing to merge.

    Args:
        plan: of the tuned model.
        prompts: how many; held-out rows where there are any.
        new_tokens: limit of an answer.
    """
    rows = plan.prepared.rows
    single = [row for row in rows if row.key.startswith(f"{HELD_OUT}/")] or rows
    asked = [row.prompt for row in single[:prompts]]
    if not asked or plan.who.record.method == "full":
        return None
    return Parity(
        batches.make_key(_made_with(plan.who, merging, adapters), asked, new_tokens), asked, new_tokens
    )


def make_missing(
    plans: Sequence[Plan], asks: Mapping[str, Ask], store: Store, decoding: Decoding, parity: Parity | None
) -> dict[str, int]:
    """Make the batches that the store does not have, and the comparison; no model is loaded for which nothing is made.

    Args:
        plans: of all contestants.
        asks: by key.
        store: takes each batch as it is made.
        decoding: how tokens are chosen.
        parity: of the tuned model.

    Returns: name of the contestant -> rows that were made.
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
            stop = generation.stop_tokens(model, plan.tokenizer, who.base.end_of_turn)
            for batch in missing[who.name]:
                outcomes = generation.answer_rows(
                    model, plan.batches[batch], plan.tokenizer, stop=stop, decoding=decoding
                )
                told = zip(batch.ids, outcomes, strict=True)
                store.put(batch, [predict(asks[key], outcome) for key, outcome in told])
                bar.update()
            if (
                who.name == TUNED and parity is not None and not compared
            ):  # the last, since merging uses it up
                found = merging.measure_parity(
                    model,
                    parity.prompts,
                    who.record.precision,
                    new_tokens=parity.new_tokens,
                    stop=stop,
                    pad=plan.tokenizer.pad_token_id,
                )
                store.put_result(parity.key, found)
            del model  # before the next one is loaded
    return {name: sum(len(batch.ids) for batch in parts) for name, parts in missing.items()}


def predict(ask: Ask, outcome: Outcome) -> Prediction:
    """A line of `data/predictions`."""
    return Prediction(
        id=ask.id,
        set=ask.set,
        messages=ask.messages,
        reference=ask.reference,
        prediction=outcome.prediction,
        finished=outcome.finished,
        nll=outcome.nll,
        tokens=outcome.tokens,
        provenance=ask.provenance,
    )


def identify(row: Prediction) -> str:
    """The key of what was asked."""
    return f"{row.set}/{row.id}"


def fill(plan: Plan, asks: Mapping[str, Ask], store: Store) -> batches.File[Prediction]:
    """The file of a contestant whose batches are all made, in order of set and id.

    What is not the model's own, such as where a row comes from, is taken from what is asked now.
    """
    rows = [row for batch in plan.batches for row in store.get(batch) or []]
    current = [predict(asks[identify(row)], _outcome(row)) for row in rows]
    return batches.File(list(plan.batches), sort(current))


def sort(rows: Sequence[Prediction]) -> list[Prediction]:
    """In order of set and id."""
    return sorted(rows, key=lambda row: (row.set, row.id))


def _outcome(row: Prediction) -> Outcome:
    return Outcome(row.prediction, row.finished, row.nll, row.tokens)


def skipped(plans: Sequence[Plan]) -> Iterator[tuple[str, int]]:
    """Reason and number of the prompts that a contestant cannot be asked; the tuned model's are those of its base."""
    for plan in plans:
        if plan.who.kind != "tuned":
            for reason, count in sorted(plan.prepared.skipped.items()):
                yield reason if plan.who.kind == "base" else f"{reason} of {plan.who.name}", count


def tell_counts(counts: Mapping[str, int], made: Mapping[str, int], skipped: Mapping[str, int]) -> str:
    """One line, such as `base 24, tuned 24 (8 made, 16 kept); 1 skipped (longer than the context)`."""
    told = [
        f"{name} {rows}"
        + (f" ({made[name]} made, {rows - made[name]} kept)" if made.get(name, rows) < rows else "")
        for name, rows in counts.items()
    ]
    left = [f"{count} skipped ({reason})" for reason, count in skipped.items()]
    return "; ".join([", ".join(told), *left])
