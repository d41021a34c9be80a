"""Turn a teacher LLM's replies into examples, and count both."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lectern.core import io
from lectern.core.item import Item, Make
from lectern.core.schema import Example, Message, Passage, Provenance
from lectern.llm.prompting import Prompt
from lectern.llm.request import Reply
from lectern.settings.teach import Teach
from lectern.teaching.methods import Draft, read_reply
from lectern.teaching.planning import TeachingPlan

THIRDS = ("first", "middle", "last")


def digest(plan: TeachingPlan, replies: Mapping[str, Reply]) -> str:
    """Sha256 over the replies to an item's calls, so that the item is made again when a reply arrives or changes."""
    found = [replies.get(call.request.key) for call in plan.calls]
    told = [[reply.key, reply.model, reply.text, reply.problem] for reply in found if reply is not None]
    return hashlib.sha256(io.to_json(told, indent=None).encode()).hexdigest()


def load(
    *,
    plans: Mapping[str, TeachingPlan],
    replies: Mapping[str, Reply],
    choices: Teach,
    prompts: Mapping[str, Prompt],
) -> Make:
    """The function that writes an item's examples.

    Args:
        plans: item -> its calls.
        replies: key of a call -> its reply; calls without a reply are missing.
        choices: the parameters that the calls were planned with.
        prompts: method -> its prompt.
    """

    def make(item: Item, path: Path) -> Mapping[str, Any]:
        examples, facts = write(plans[item.id], replies, choices, prompts)
        io.write_jsonl(path, examples)
        return facts

    return make


def write(
    plan: TeachingPlan, replies: Mapping[str, Reply], choices: Teach, prompts: Mapping[str, Prompt]
) -> tuple[list[Example], dict[str, Any]]:
    """The examples of an item in the order of its passages, and the figures about them."""
    examples: dict[str, Example] = {}
    by_method = {method: _no_figures(skipped) for method, skipped in plan.skipped.items()}
    thirds = {third: {"passages": 0, "rows": 0} for third in THIRDS}
    for place in range(len(plan.passages)):
        thirds[_third(place, plan)]["passages"] += 1
    fruitful = set()
    for call in plan.calls:
        figures = by_method[call.method]
        figures["requests"] += 1
        reply = replies.get(call.request.key)
        if reply is None:
            figures["no_reply"] += 1
            continue
        figures["replies"] += 1
        if reply.problem is not None:
            figures["malformed"] += 1
            continue
        for draft in read_reply(reply.text, call.method, call.ask, choices):
            if isinstance(draft, str):
                figures["dropped"][draft] += 1
                continue
            example = _example(
                draft, plan.passages[call.passage], call.method, prompts[call.method].version, reply.model
            )
            if example.id in examples:
                figures["dropped"]["repeated"] += 1
                continue
            examples[example.id] = example
            figures["rows"] += 1
            figures["shortened"] += draft.shortened
            thirds[_third(call.passage, plan)]["rows"] += 1
            fruitful.add(call.passage)
    facts = {
        "passages": len(plan.passages),
        "with_rows": len(fruitful),
        "by_method": {
            method: {**f, "dropped": dict(f["dropped"]), "skipped": dict(f["skipped"])}
            for method, f in by_method.items()
        },
        "thirds": thirds,
    }
    return list(examples.values()), facts


def _third(place: int, plan: TeachingPlan) -> str:
    return THIRDS[(2 * place + 1) * len(THIRDS) // (2 * len(plan.passages))]  # by the middle of the passage


def _no_figures(skipped: Mapping[str, int]) -> dict[str, Any]:
    """Figures that start at zero. `requests` = `replies` + `no_reply`; malformed replies count as replies."""
    counted = dict.fromkeys(("requests", "replies", "malformed", "no_reply", "rows", "shortened"), 0)
    return {**counted, "dropped": Counter(), "skipped": Counter(skipped)}


def _example(draft: Draft, passage: Passage, method: str, prompt: str, model: str) -> Example:
    messages = []
    for question, answer in draft.turns:
        messages += [Message(role="user", content=question), Message(role="assistant", content=answer)]
    provenance = Provenance(
        item=passage.item,
        url=passage.url,
        start=passage.start,
        end=passage.end,
        page=passage.page,
        heading=passage.heading,
        method=method,
        passage=passage.id,
        span=passage.span,
        evidence=draft.evidence,
        prompt=prompt,
        model=model,
    )
    return Example.of(messages, provenance)


def summarise(facts: Mapping[str, Mapping[str, Any]], replies: Iterable[Reply]) -> dict[str, Any]:
    """Totals of the figures that `write` returned for each item. Calls and tokens are those of the kept replies.

    `by_third` counts the passages and rows of all items; `share` is the share of an item's passages that gave rows.
    """
    by_method: dict[str, dict[str, Any]] = {}
    thirds = {third: Counter({"passages": 0, "rows": 0}) for third in THIRDS}
    for item in facts.values():
        for method, figures in item["by_method"].items():
            total = by_method.setdefault(method, _no_figures({}))
            for name, value in figures.items():
                total[name] += Counter(value) if isinstance(value, Mapping) else value
        for third, figures in item["thirds"].items():
            thirds[third].update(figures)
    kept = list(replies)
    return {
        "items": len(facts),
        "passages": sum(item["passages"] for item in facts.values()),
        "passages_with_rows": sum(item["with_rows"] for item in facts.values()),
        "rows": sum(figures["rows"] for figures in by_method.values()),
        "by_method": by_method,
        "by_third": thirds,
        "by_item": {
            name: {"passages": item["passages"], "share": round(item["with_rows"] / item["passages"], 4)}
            for name, item in facts.items()
            if item["passages"]
        },
        "replies": {
            "kept": len(kept),
            "calls": sum(reply.calls for reply in kept),
            "input_tokens": sum(reply.input_tokens for reply in kept),
            "output_tokens": sum(reply.output_tokens for reply in kept),
        },
    }
