"""Make the chat examples of one conversation: its questions, by the first method that finds any, and its dialogue."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from lectern.conversations import housekeeping
from lectern.core import io
from lectern.core.item import Item, Make
from lectern.core.schema import Conversation, Example
from lectern.examples import description_questions, dialogue, question_turns
from lectern.examples.rows import Made
from lectern.formats import table_rows
from lectern.settings.housekeeping import HousekeepingRule

QUESTIONS: Mapping[str, Callable[..., Made]] = {
    description_questions.METHOD: description_questions.make_examples,
    description_questions.CHAPTERS: description_questions.make_chapter_examples,
    question_turns.METHOD: question_turns.make_examples,
}


def load(
    *,
    questions: Sequence[str],
    with_dialogue: bool,
    options: Mapping[str, Mapping[str, Any]],
    rules: Sequence[HousekeepingRule],
    max_words: int,
) -> Make:
    """Return the function that writes an item's examples, from a conversation (see `build`) or from a table."""

    def make(item: Item, path: Path) -> Mapping[str, Any]:
        if "table" in item.inputs:
            return table_rows.write_examples(item, path)
        rows, facts = build(
            item.inputs["conversation"], questions, with_dialogue, options, rules=rules, max_words=max_words
        )
        io.write_jsonl(path, rows)
        return facts

    return make


def build(
    path: Path,
    questions: Sequence[str],
    with_dialogue: bool,
    options: Mapping[str, Mapping[str, Any]],
    *,
    rules: Sequence[HousekeepingRule] = (),
    max_words: int = 12,
) -> tuple[list[Example], dict[str, Any]]:
    """Make the examples of the conversation in the file `path`.

    Args:
        path: file of a `Conversation` record.
        questions: keys of QUESTIONS in the order in which they are tried; the first that makes a row is used.
        with_dialogue: whether to make the dialogue too.
        options: method -> its keyword arguments.
        rules: the housekeeping that is removed first.
        max_words: see `housekeeping.remove`.

    Returns: the rows; and the facts that the manifest keeps: how many rows each tried method made and dropped, and how
    many words went in and came out.
    """
    whole = io.read_json(path, Conversation)
    kept = housekeeping.remove(whole, rules, max_words)
    made: dict[str, Made] = {}
    for method in questions:
        made[method] = QUESTIONS[method](kept.conversation, **options[method])
        if made[method].examples:
            break
    answers = [
        sum(len(m.content.split()) for m in row.messages if m.role == "assistant")
        for result in made.values()
        for row in result.examples
    ]
    if with_dialogue:
        made[dialogue.METHOD] = dialogue.make_examples(kept.conversation)
    rows = [row for result in made.values() for row in result.examples]
    return rows, {
        "rows": len(rows),
        "by_method": {method: _facts(result) for method, result in made.items()},
        "housekeeping": dict(sorted(kept.removals.items())),
        "words": {
            "heard": sum(len(utterance.words) for utterance in whole.utterances),
            "housekeeping": kept.words,
            "of_unknown_speakers": sum(
                len(u.words) for u in kept.conversation.utterances if u.role not in dialogue.CHAT_ROLES
            ),
            "in_answers": sum(answers),
        },
        "answer_words": answers,
    }


def _facts(made: Made) -> dict[str, Any]:
    counts = {"dropped": made.dropped, "details": made.details}
    return {"rows": len(made.examples)} | {
        name: dict(sorted(count.items())) for name, count in counts.items() if count or name == "dropped"
    }


def summarise(facts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Add up the facts that `build` returned for each item: rows, drops and details by method, and answer lengths.

    The reason `no_questions` counts recordings. It counts only those in which no other method found a question either.
    """
    by_method: dict[str, dict[str, Any]] = {}
    dropped: Counter[str] = Counter()
    removals: Counter[str] = Counter()
    words: Counter[str] = Counter()
    for item in facts.values():
        for method, counts in item["by_method"].items():
            total = by_method.setdefault(
                method, {"items": 0, "rows": 0, "dropped": Counter(), "details": Counter()}
            )
            total["items"] += bool(counts["rows"])
            total["rows"] += counts["rows"]
            total["dropped"].update(counts["dropped"])
            total["details"].update(counts.get("details", {}))
        dropped.update(_drops(item["by_method"]))
        removals.update(item["housekeeping"])
        words.update(item["words"])
    return {
        "items": len(facts),
        "items_without_rows": sum(item["rows"] == 0 for item in facts.values()),
        "rows": sum(item["rows"] for item in facts.values()),
        "by_method": by_method,
        "dropped": dict(dropped),
        "housekeeping": dict(removals),
        "words": dict(words),
        "answer_words": describe([n for item in facts.values() for n in item["answer_words"]]),
    }


def _drops(by_method: Mapping[str, Mapping[str, Any]]) -> Counter[str]:
    """Add up the drops of one item. `no_questions` counts once, and not at all if another method found a question."""
    total: Counter[str] = Counter()
    for counts in by_method.values():
        total.update(counts["dropped"])
    if total["no_questions"]:
        total["no_questions"] = int(not any(by_method[m]["rows"] for m in by_method if m in QUESTIONS))
    return +total


def describe(lengths: Sequence[int]) -> dict[str, float]:
    """Return the count, minimum, median, 90th percentile and maximum of lengths; only the count if there are none."""
    if not lengths:
        return {"count": 0}
    ninth = quantiles(lengths, n=10, method="inclusive")[8] if len(lengths) > 1 else lengths[0]
    return {
        "count": len(lengths),
        "min": min(lengths),
        "median": round(median(lengths), 1),
        "p90": round(ninth, 1),
        "max": max(lengths),
    }
