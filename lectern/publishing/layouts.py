"""The data set in the layouts that trainers read: messages, ShareGPT and Alpaca, one file for each split."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lectern.core import io
from lectern.core.schema import SPLITS, Example

TO_SHAREGPT = {"system": "system", "user": "human", "assistant": "gpt"}


def to_messages(row: Example) -> dict[str, Any]:
    """Chat messages as OpenAI and Hugging Face have them, with the row's id and where it comes from."""
    return {
        "id": row.id,
        "messages": [message.model_dump() for message in row.messages],
        "provenance": row.provenance.model_dump(mode="json"),
    }


def to_sharegpt(row: Example) -> dict[str, Any]:
    """`conversations` of `from` and `value`."""
    turns = [{"from": TO_SHAREGPT[message.role], "value": message.content} for message in row.messages]
    return {"id": row.id, "conversations": turns}


def to_alpaca(row: Example) -> dict[str, Any] | None:
    """`instruction`, `input`, `output`, with `system` and the turns before as `history`.

    None where it does not fit: question and answer have to alternate, a system message comes first or not at all.
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
    """Write every layout of every split to `<out>/<layout>/<split>.jsonl`; returns rows that a layout cannot hold.

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
