"""What is searched for each question of the contestants, and for each training row."""

from collections.abc import Collection, Mapping, Sequence

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

    Args:
        asks: held-out questions and those of people.
        rows: of all splits.
        units: of all items.

    Raises:
        LecternError: a person's question names an item or a row that does not exist.
    """
    by_id, items = {row.id: row for row in rows}, {unit.provenance.item for unit in units}
    queries = []
    for ask in asks:
        text = write_query(ask.messages)
        if ask.provenance.method == EVAL:
            _check(ask, by_id, items)
            evidence = tuple(by_id[id].provenance for id in ask.rows)
            queries.append(Query(ask.set, ask.id, text, evidence=evidence, items=ask.items))
        else:
            # The place of a dialogue is the whole conversation, so finding any part of it would mean nothing.
            evidence = () if ask.set == DIALOGUES else (ask.provenance,)
            queries.append(Query(ask.set, ask.id, text, ask.provenance, ask.reference, evidence))
    return queries


def _check(ask: Ask, rows: Mapping[str, Example], items: Collection[str]) -> None:
    where = f"data/evals/{ask.set}.jsonl:{ask.provenance.row}"
    if unknown := [id for id in ask.rows if id not in rows]:
        raise LecternError(
            f"{where}: rows names {unknown[0]!r}, which is not the id of a row in data/splits. Correct it, or leave it "
            "out."
        )
    if items and (unknown := [name for name in ask.items if name not in items]):
        raise LecternError(
            f"{where}: items names {unknown[0]!r}, which has no passages and no turns in data/index. The names there "
            f"are {', '.join(sorted(items)[:SHOWN])}{', ...' if len(items) > SHOWN else ''}."
        )


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
