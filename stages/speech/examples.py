"""The chat examples of one conversation, by each method that is asked for."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from stages.core import io
from stages.core.items import Item, Make
from stages.core.schema import Conversation, Example
from stages.speech import description_questions, dialogue

METHODS: Mapping[str, Callable[..., tuple[list[Example], Counter[str]]]] = {
    description_questions.METHOD: description_questions.make_examples,
    dialogue.METHOD: dialogue.make_examples,
}


def load(*, methods: Sequence[str], options: Mapping[str, Mapping[str, Any]]) -> Make:
    """The function that writes an item's examples; see `build`."""

    def make(item: Item, path: Path) -> Mapping[str, Any]:
        rows, facts = build(item.inputs["conversation"], methods, options)
        io.write_jsonl(path, rows)
        return facts

    return make


def build(
    path: Path, methods: Sequence[str], options: Mapping[str, Mapping[str, Any]]
) -> tuple[list[Example], dict[str, Any]]:
    """The examples of the conversation in the file `path`, and the facts about them that the manifest keeps.

    Args:
        path: of a `Conversation` record.
        methods: keys of METHODS; rows come in this order.
        options: of each method, by its name; a method without any may be absent.

    Returns: the rows, and how many rows each method gave and how many it dropped, by reason.
    """
    conversation = io.read_json(path, Conversation)
    rows: list[Example] = []
    by_method: dict[str, dict[str, Any]] = {}
    for method in methods:
        made, dropped = METHODS[method](conversation, **options.get(method, {}))
        rows += made
        by_method[method] = {"rows": len(made), "dropped": dict(sorted(dropped.items()))}
    return rows, {"rows": len(rows), "by_method": by_method}


def summarise(facts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What `build` said of each item, added up: rows and drops, in all and by method."""
    by_method: dict[str, dict[str, Any]] = {}
    dropped: Counter[str] = Counter()
    for item in facts.values():
        for method, counts in item["by_method"].items():
            total = by_method.setdefault(method, {"rows": 0, "dropped": Counter()})
            total["rows"] += counts["rows"]
            total["dropped"].update(counts["dropped"])
            dropped.update(counts["dropped"])
    return {
        "items": len(facts),
        "items_without_rows": sum(item["rows"] == 0 for item in facts.values()),
        "rows": sum(item["rows"] for item in facts.values()),
        "by_method": by_method,
        "dropped": dict(dropped),
    }
