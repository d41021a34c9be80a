"""Rows of ready question-answer pairs: reading their cells and turning them into chat examples.

Cells are text from strangers. `=SUM(A1)` is a question like any other, and a malformed web address is left out.
"""

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from lectern.core import io
from lectern.core import raw as folders
from lectern.core.item import Item
from lectern.core.schema import Address, Example, Message, Provenance, Record, Source
from lectern.text.encoding import clean
from lectern.text.words import normalise

METHOD = "table"
FILE = "table.jsonl"
PAIR = ("question", "answer")
INPUT = "input"
COLUMNS = (*PAIR, INPUT, "system", "url", "messages")
"""The meanings that a column can have."""
ROLES: Mapping[str, Any] = {
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("user", "human"), "user"),
    **dict.fromkeys(("assistant", "gpt", "chatgpt", "bot", "model"), "assistant"),
}
"""Role names of chat templates, ShareGPT and others -> those used here."""
SHOWN = 5
TEXT_PARTS = ("text", "input_text", "output_text")
"""Types of the parts of a message that are text; pictures and sounds cannot be used."""


class TableRow(Record):
    """A line of `data/raw/<item>/table.jsonl`: one row of a table, or why it cannot be used."""

    row: int = Field(ge=1, description="number in the table, from 1, without the header and blank lines")
    messages: list[Message] = Field(default_factory=list)
    url: Address | None = None
    problem: str | None = None


class _BrokenRowError(Exception):
    """The message is the reason under which the row is counted."""


def read_row(number: int, cells: Mapping[str, Any] | None, columns: Mapping[str, str]) -> TableRow:
    """The chat in the cells of a row.

    Args:
        number: of the row.
        cells: the table's column name -> value; `None` if the row could not be read.
        columns: meaning of a column (COLUMNS) -> its name in the table; `messages`, or `question` and `answer`.
    """
    try:
        if cells is None:
            raise _BrokenRowError("broken_line")
        own = {role: cells.get(column) for role, column in columns.items()}
        messages = _read_chat(own["messages"]) if "messages" in columns else _read_pair(own)
        return TableRow(row=number, messages=messages, url=_read_url(own.get("url")))
    except _BrokenRowError as error:
        return TableRow(row=number, problem=str(error))


def question_key(row: TableRow) -> str:
    """A key that rows share if their questions differ only in case and punctuation; empty for an unusable row."""
    return next((normalise(message.content) for message in row.messages if message.role == "user"), "")


def read_text(value: Any) -> str:
    """A cell as text, without unreadable characters; empty if it is not a text, number or truth value."""
    if isinstance(value, float) and math.isnan(value):  # pandas represents an empty cell so
        return ""
    return clean(str(value)).strip() if isinstance(value, str | int | float) else ""


def _read_pair(cells: Mapping[str, Any]) -> list[Message]:
    # Alpaca's `input` is what the instruction is about; alone, it is the question.
    asked = [text for name in ("question", INPUT) if (text := read_text(cells.get(name)))]
    for name, text in (("question", "".join(asked)), ("answer", read_text(cells["answer"]))):
        if not text:
            raise _BrokenRowError(f"empty_{name}")
    turns = [("system", cells.get("system")), ("user", "\n\n".join(asked)), ("assistant", cells["answer"])]
    return [Message(role=ROLES[role], content=text) for role, cell in turns if (text := read_text(cell))]


def _read_chat(value: Any) -> list[Message]:
    """The turns of a chat: a list of role and content (or ShareGPT's from and value), or such a list as JSON text."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise _BrokenRowError("broken_messages") from None
    if not (isinstance(value, list) and value and all(isinstance(turn, Mapping) for turn in value)):
        raise _BrokenRowError("broken_messages")
    messages = []
    for turn in value:
        role, content = turn.get("role", turn.get("from")), turn.get("content", turn.get("value"))
        if not isinstance(role, str) or role.lower() not in ROLES:
            raise _BrokenRowError("unknown_role")
        if not (text := _read_content(content)):
            raise _BrokenRowError("empty_message")
        messages.append(Message(role=ROLES[role.lower()], content=text))
    roles = [message.role for message in messages]
    turns = roles[1:] if roles[0] == "system" else roles
    if any(role != ("assistant" if at % 2 else "user") for at, role in enumerate(turns)):
        raise _BrokenRowError("turns_not_in_order")  # chat templates reject such messages
    if not turns or turns[-1] != "assistant":
        raise _BrokenRowError("ends_without_answer")
    return messages


def _read_content(content: Any) -> str:
    """The text of a message, which may be divided into parts as OpenAI's chat API has them."""
    if not isinstance(content, list):
        return read_text(content) if isinstance(content, str) else ""
    parts = [part if isinstance(part, Mapping) else {"type": "text", "text": part} for part in content]
    if any(part.get("type", "text") not in TEXT_PARTS for part in parts):
        raise _BrokenRowError("not_only_text")
    return "\n".join(text for part in parts if (text := read_text(part.get("text"))))


def _read_url(value: Any) -> str | None:
    url = read_text(value)
    return url if url.lower().startswith(("https://", "http://")) and len(url.split()) == 1 else None


def find(raw: Path) -> list[Item]:
    """One item per folder of `raw` whose item.json names a table. Inputs are `table` and `record`.

    Raises:
        LecternError: `raw` is missing, or a record in it is broken or names a file that is not there.
    """
    return [
        Item(record.parent.name, {"table": table, "record": record})
        for record, _, table in folders.find(raw, "table")
    ]


def write_examples(item: Item, path: Path) -> Mapping[str, Any]:
    """Write the examples of a table. Returns facts like those of `examples.examples.build`, and the rows dropped."""
    source = io.read_json(item.inputs["record"], Source)
    rows: list[Example] = []
    dropped: dict[str, list[int]] = {}
    for row in io.read_jsonl(item.inputs["table"], TableRow):
        if row.problem:
            dropped.setdefault(row.problem, []).append(row.row)
        else:
            url = row.url or source.url
            rows.append(
                Example.of(row.messages, Provenance(item=item.id, url=url, row=row.row, method=METHOD))
            )
    io.write_jsonl(path, rows)
    counts = {reason: len(numbers) for reason, numbers in sorted(dropped.items())}
    return {
        "rows": len(rows),
        "by_method": {METHOD: {"rows": len(rows), "dropped": counts}},
        "housekeeping": {},
        "words": {},
        "answer_words": [
            sum(len(m.content.split()) for m in row.messages if m.role == "assistant") for row in rows
        ],
        "dropped_rows": {reason: numbers[:SHOWN] for reason, numbers in sorted(dropped.items())},
    }


def describe_drops(facts: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """A line for each reason why rows of tables were dropped, which names the first of them."""
    total: Counter[str] = Counter()
    places: dict[str, list[str]] = {}
    for name, item in facts.items():
        for reason, numbers in item.get("dropped_rows", {}).items():
            total[reason] += item["by_method"][METHOD]["dropped"][reason]
            places.setdefault(reason, []).extend(f"{name} row {number}" for number in numbers)
    for reason, count in sorted(total.items()):
        more = ", ..." if count > SHOWN else ""
        yield f"{count} rows of tables dropped as {reason}: {', '.join(places[reason][:SHOWN])}{more}"
