"""What a judge LLM is asked about each row: the row, its passage and the criteria that apply."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from lectern.core import io, items
from lectern.core.schema import Example, Passage
from lectern.curation import ratings
from lectern.llm import prompting
from lectern.llm.request import Reply, Request, make_request
from lectern.settings.llm import LLM
from lectern.settings.rate import Rate


class Asked(NamedTuple):
    """The request about one row, and its criteria."""

    row: Example
    criteria: list[str]
    request: Request


def read_rows(
    examples: Path, taught: Path, passages: Path
) -> Iterator[tuple[str, list[Example], dict[str, str]]]:
    """Yield each item with its rows and the texts of its passages by their ids."""
    made = [items.read(examples), items.read(taught)]
    cut = items.read(passages)
    for item in sorted({name for found in made for name in found}):
        rows = [row for found in made if item in found for row in io.read_jsonl(found[item], Example)]
        texts = {p.id: p.text for p in io.read_jsonl(cut[item], Passage)} if item in cut else {}
        yield item, rows, texts


def ask(
    row: Example, texts: Mapping[str, str], settings: Rate, judge: LLM, prompt: prompting.Prompt
) -> Asked:
    """The request about a row; `texts` holds the texts of its item's passages by their ids."""
    passage = texts.get(row.provenance.passage or "")
    criteria = ratings.choose_criteria(settings.criteria, settings.about_source, passage is not None)
    messages = prompt.render(
        messages=row.messages, passage=passage, criteria=criteria, reasons=settings.reasons
    )
    schema = ratings.make_schema(criteria, reasons=settings.reasons)
    return Asked(row, list(criteria), make_request(judge, messages, schema))


def describe(asked: Asked, reply: Reply | None) -> dict[str, Any]:
    """Everything that decides a row's rating."""
    said = None if reply is None else {"text": reply.text, "problem": reply.problem}
    row = asked.row
    return {"id": row.id, "method": row.provenance.method, "criteria": asked.criteria, "reply": said}
