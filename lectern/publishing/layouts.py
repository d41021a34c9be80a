"""The data set in the layouts that trainers read: messages, ShareGPT and Alpaca, with one file for each split."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lectern.core import io
from lectern.core.schema import SPLITS, Example

TO_SHAREGPT = {"system": "system", "user": "human", "assistant": "gpt"}


def to_messages(row: Example) -> dict[str, Any]:
    """Chat messages in the format of OpenAI and Hugging Face, with the row's id and provenance."""
    return {
        "id": row.id,
        "messages": [message.model_dump() for message in row.messages],
        "provenance": row.provenance.model_dump(mode="json"),
    }


def to_sharegpt(row: Example) -> dict[str, Any]:
    """A list `conversations` of objects with `from` and `value`."""
    turns = [{"from": TO_SHAREGPT[message.role], "value": message.content} for message in row.messages]
    return {"id": row.id, "conversations": turns}


def to_alpaca(row: Example) -> dict[str, Any] | None:
    """`instruction`, `input` and `output`, with `system`, and the turns before as `history`.

    Returns `None` if the row does not fit: questions and answers must alternate, after at most one system message.
    """
    messages = list(row.messages)
    system = messages.pop(0).content if messages[0].role == "system" else ""
    roles = [message.role for message in messages]
    if roles != ["user", "assistant"] * (len(messages) // 2) or not messages:
        return None
    pairs = [[messages[at].content, messages[at + 1].content] for at in range(0, len(messages), 2)]
    *history, (instruction, output) = pairs
    return {
        "id": row.id,
        "instruction": instruction,
        "input": "",
        "output": output,
        "system": system,
        "history": history,
    }


LAYOUTS: Mapping[str, Callable[[Example], dict[str, Any] | None]] = {
    "messages": to_messages,
    "sharegpt": to_sharegpt,
    "alpaca": to_alpaca,
}


def write(splits: Path, out: Path) -> dict[str, int]:
    """Write every layout of every split to `<out>/<layout>/<split>.jsonl`. Returns layout -> rows that do not fit it.

    Raises:
        LecternError: a split is missing or broken.
    """
    left_out = dict.fromkeys(LAYOUTS, 0)
    for split in SPLITS:
        rows = io.read_jsonl(splits / f"{split}.jsonl", Example)
        for name, convert in LAYOUTS.items():
            converted = [convert(row) for row in rows]
            io.write_jsonl(out / name / f"{split}.jsonl", [row for row in converted if row is not None])
            left_out[name] += converted.count(None)
    return left_out
