"""What is searched for each question of the contestants, and for each training row."""

from collections.abc import Collection, Sequence

from lectern.answering.questions import Ask
from lectern.core.errors import LecternError
from lectern.core.schema import DIALOGUES, SPLITS, Example, Unit
from lectern.retrieval.lookup import Query, write_query

EVAL = "eval"
"""The method in the provenance of people's questions."""
SHOWN = 10
"""Number of names that an error lists."""


def of_asks(asks: Sequence[Ask], rows: Sequence[Example], units: Sequence[Unit]) -> list[Query]:
    """Return the query of each question, in their order.

    People's questions may name the items and rows that hold the answer. Where a set names none that exist, it was
    written for another corpus, and nobody knows where its answers are.

    Args:
        asks: held-out questions and those of people.
        rows: of all splits.
        units: of all items.

    Raises:
        LecternError: a set names an item or row that does not exist, beside others that do.
    """
    by_id, items = {row.id: row for row in rows}, {unit.provenance.item for unit in units}
    strange = _find_strange(asks, by_id, items)
    queries = []
    for ask in asks:
        text = write_query(ask.messages)
        if ask.provenance.method == EVAL:
            evidence = tuple(by_id[id].provenance for id in ask.rows if id in by_id)
            # A row is known to the second or page, so the whole item would say less.
            named = () if evidence or ask.set in strange else ask.items
            queries.append(Query(ask.set, ask.id, text, evidence=evidence, items=named))
        else:
            # The place of a dialogue is the whole conversation, so finding any part of it would mean nothing.
            evidence = () if ask.set == DIALOGUES else (ask.provenance,)
            queries.append(Query(ask.set, ask.id, text, ask.provenance, ask.reference, evidence))
    return queries


def _find_strange(asks: Sequence[Ask], rows: Collection[str], items: Collection[str]) -> set[str]:
    """Return the sets that name items and rows, but none that exist."""
    shown = ", ".join(sorted(items)[:SHOWN]) + (", ..." if len(items) > SHOWN else "")
    known: set[str] = set()
    unknown: dict[str, str] = {}
    for ask in asks:
        named = {
            f"items names {name!r}, which has no passages and no turns in data/index. It has {shown}.": name
            in items
            for name in ask.items
        } | {
            f"rows names {id!r}, which is not the id of a row in data/splits.": id in rows for id in ask.rows
        }
        for error, exists in named.items():
            if exists:
                known.add(ask.set)
            elif items:
                where = f"data/evals/{ask.set}.jsonl:{ask.provenance.row}"
                unknown.setdefault(ask.set, f"{where}: {error}")
    if faults := [error for name, error in sorted(unknown.items()) if name in known]:
        raise LecternError(f"{faults[0]} Correct the name or leave it out.")
    return set(unknown) - known


def of_rows(trained: Sequence[Example]) -> list[Query]:
    """Return the query of each training row that has one answer; whole dialogues carry no passages."""
    return [
        Query(
            SPLITS[0],
            row.id,
            write_query(row.messages),
            row.provenance,
            row.messages[-1].content,
        )
        for row in trained
        if sum(message.role == "assistant" for message in row.messages) == 1
    ]
