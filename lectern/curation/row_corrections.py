"""People's decisions about single rows: examples.jsonl and examples/ in data/corrections, whose README explains them.

A row's id is a hash of its messages, so a correction finds its row again, no matter how often the rows are made anew.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from lectern.core import io, record_files
from lectern.core.errors import LecternError
from lectern.core.schema import Example, Message, Record, example_id

FILE, FOLDER = "examples.jsonl", "examples"
"""The file that people write by hand, one row a line, and the folder that the review page writes, one row a file."""

ACTIONS: tuple[Literal["accept", "reject", "edit"], ...] = ("accept", "reject", "edit")


class Correction(Record):
    """A line of examples.jsonl, or a file of examples/."""

    id: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    action: Literal["accept", "reject", "edit"]
    reason: Annotated[str, Field(min_length=1)]
    messages: list[Message] | None = Field(default=None, description="of the row as it should be; for `edit`")

    @model_validator(mode="after")
    def _is_whole(self) -> "Correction":
        if (self.messages is not None) != (self.action == "edit"):
            raise ValueError(f"`messages` belong to `edit` only, which needs them; this is `{self.action}`")
        if self.messages is not None:
            if len(self.messages) < 2 or self.messages[-1].role != "assistant":
                raise ValueError("an edited row has at least two messages, and the assistant's is the last")
            if self.new_id == self.id:
                raise ValueError("the edit changes nothing: use `accept` to keep the row as it is")
        return self

    @property
    def new_id(self) -> str:
        """The row's id after the correction."""
        return self.id if self.messages is None else example_id(self.messages)

    def __str__(self) -> str:
        return f"{self.action}ed by a person: {self.reason}"


@dataclass(frozen=True)
class Entry:
    """A correction and where it was read."""

    correction: Correction
    where: str
    """The file, or file:line."""


@dataclass(frozen=True)
class Corrected:
    """A row after people's corrections; `correction` is the last of them."""

    row: Example
    came_as: str
    """The id before any edit."""
    correction: Correction | None = None


def read(folder: Path) -> dict[str, Entry]:
    """Row id -> its correction, from examples.jsonl and examples/<id>.json; empty if neither exists.

    Args:
        folder: data/corrections.

    Raises:
        LecternError: a line or a file is malformed, a row is corrected twice, or edits form a circle; the message
            names file and line.
    """
    found: dict[str, Entry] = {}
    for entry in [*read_lines(folder), *_read_files(folder / FOLDER)]:
        if (earlier := found.get(entry.correction.id)) is not None:
            raise LecternError(
                f"{entry.where}: row {entry.correction.id} is already corrected, at {earlier.where}. Keep one of them."
            )
        found[entry.correction.id] = entry
    for row in found:
        _refuse_circle(row, found)
    return found


def read_lines(folder: Path) -> list[Entry]:
    """The corrections of examples.jsonl alone; arguments and errors as in `read`."""
    path = folder / FILE
    if not path.is_file():
        return []
    return [Entry(found, f"{path}:{number}") for number, found in io.read_numbered(path, Correction)]


def _read_files(folder: Path) -> list[Entry]:
    entries = []
    for path, correction in record_files.read(folder, Correction):
        if path.stem != correction.id:
            raise LecternError(
                f"{path}: it is about row {correction.id}. Rename it to {correction.id}.json, or correct the id in it."
            )
        entries.append(Entry(correction, str(path)))
    return entries


def _refuse_circle(start: str, found: Mapping[str, Entry]) -> None:
    passed: list[Entry] = []
    row = start
    while (entry := found.get(row)) is not None and entry.correction.action == "edit":
        passed.append(entry)
        row = entry.correction.new_id
        if row == start:
            places = " and ".join(entry.where for entry in passed)
            raise LecternError(f"{places}: these edits lead in a circle. Keep the one that you mean.")
        if len(passed) > len(found):
            return  # it leads into a circle that another row is part of


def apply(rows: Iterable[Example], corrections: Mapping[str, Entry]) -> list[Corrected]:
    """Each row with its correction. An edited row may be corrected again under its new id."""
    return [_correct(row, corrections) for row in rows]


def _correct(row: Example, corrections: Mapping[str, Entry]) -> Corrected:
    came_as = row.id
    last: Correction | None = None
    while (entry := corrections.get(row.id)) is not None:
        last = entry.correction
        if last.messages is None:
            break
        row = Example.of(last.messages, row.provenance.model_copy(update={"corrected": came_as}))
    return Corrected(row, came_as, last)


def find_unmatched(rows: Sequence[Corrected], corrections: Mapping[str, Entry]) -> list[Entry]:
    """The corrections that match no row any more, in the order of the file."""
    met = set[str]()
    for row in {row.came_as for row in rows}:
        while (entry := corrections.get(row)) is not None:
            met.add(row)
            if entry.correction.action != "edit":
                break
            row = entry.correction.new_id
    return [entry for row, entry in corrections.items() if row not in met]


def count(corrections: Mapping[str, Entry], unmatched: Sequence[Entry]) -> dict[str, Any]:
    """How many corrections of each kind found their row, and the ids of those that did not."""
    lost = {entry.correction.id for entry in unmatched}
    actions = Counter(entry.correction.action for id, entry in corrections.items() if id not in lost)
    return {**{action: actions[action] for action in ACTIONS}, "unmatched": sorted(lost)}
