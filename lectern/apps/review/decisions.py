"""Read and write a reviewer's decisions about rows: data/corrections/examples/<id>.json, one file for each."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lectern.apps.web import versions
from lectern.core import io
from lectern.core.errors import LecternError
from lectern.core.schema import Message
from lectern.curation import row_corrections
from lectern.curation.row_corrections import Correction, Entry

REASONS = (
    "wrong",
    "the answer is about another question",
    "not in the source",
    "unclear without the source",
    "badly transcribed",
    "says nothing",
)
"""Reasons that a reviewer can choose when a row is rejected."""


class MeanwhileError(LecternError):
    """Somebody else decided about the same row; `theirs` is their decision, or None if they removed a decision."""

    def __init__(self, theirs: Correction | None) -> None:
        super().__init__(f"somebody else decided meanwhile: {theirs or 'nothing'}")
        self.theirs = theirs


@dataclass(frozen=True)
class Decisions:
    """All decisions, those written by hand and those of this page."""

    entries: dict[str, Entry]
    stamp: tuple[Any, ...]
    """see `take_stamp`"""

    def latest(self, row: str) -> Correction | None:
        """Return the last decision about a row; an edited row may have been corrected again."""
        found: Correction | None = None
        while (entry := self.entries.get(row)) is not None:
            found = entry.correction
            if found.action != "edit":
                break
            row = found.new_id
        return found


def take_stamp(root: Path) -> tuple[Any, ...]:
    """Return times and sizes of the files of decisions, which change whenever a decision changes."""
    folder = root / "data/corrections"
    found = []
    for path in (folder / row_corrections.FILE, folder / row_corrections.FOLDER):
        found.append((state := path.stat()) and (state.st_mtime_ns, state.st_size) if path.exists() else None)
    return tuple(found)


def read(root: Path) -> Decisions:
    """Read all decisions.

    Raises:
        LecternError: a decision cannot be read; the message names the file.
    """
    stamp = take_stamp(root)
    return Decisions(row_corrections.read(root / "data/corrections"), stamp)


def make(row: str, action: str, reason: str, messages: Sequence[Message] | None = None) -> Correction:
    """Make a decision.

    Raises:
        LecternError: the decision is not valid, such as an edit that changes nothing; the message says why.
    """
    plain = None if messages is None else [message.model_dump() for message in messages]
    try:
        return Correction.model_validate(
            {"id": row, "action": action, "reason": reason.strip(), "messages": plain}
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise LecternError(
            f"{field + ': ' if field else ''}{first['msg'].removeprefix('Value error, ')}"
        ) from error


def write(root: Path, row: str, decision: Correction | None, seen: Correction | None) -> None:
    """Write a decision about a row, or remove it.

    Args:
        root: root of the repository.
        row: id of an existing row.
        decision: the new decision; None removes the existing one.
        seen: the decision that this tab showed.

    Raises:
        MeanwhileError: the file holds another decision now.
        LecternError: the row is corrected by hand in examples.jsonl.
    """
    folder = root / "data/corrections"
    path = folder / row_corrections.FOLDER / f"{row}.json"

    def rewrite(now: str | None) -> str | None:
        theirs = None if now is None else io.read_json(path, Correction)
        if theirs not in (seen, decision):
            raise MeanwhileError(theirs)
        return None if decision is None else io.to_json(decision.model_dump(mode="json")) + "\n"

    by_hand = [entry.where for entry in row_corrections.read_lines(folder) if entry.correction.id == row]
    if by_hand:
        raise LecternError(f"this row is corrected by hand at {by_hand[0]}. Change it there.")
    versions.update(path, rewrite)


def digest(decision: Correction | None) -> str:
    """Return a hash of a decision, by which a tab notices that somebody changed it."""
    if decision is None:
        return ""
    return hashlib.sha256(decision.model_dump_json().encode()).hexdigest()[:16]


def write_over(root: Path, row: str, decision: Correction | None, seen: str) -> None:
    """Write or remove a decision, if the row's file still holds the decision that the reviewer saw.

    Args:
        root: root of the repository.
        row: id of a row, as the browser sends it.
        decision: as for `write`.
        seen: `digest` of the decision that the reviewer saw.

    Raises:
        MeanwhileError: the file holds another decision now.
        LecternError: `row` is not an id of a row, or the row is corrected by hand.
    """
    if re.fullmatch("[0-9a-f]{16}", row) is None:
        raise LecternError(f"{row[:40]!r} is not an id of a row")
    now = file_says(root, row)
    if digest(now) != seen and now != decision:
        raise MeanwhileError(now)
    write(root, row, decision, now)


def file_says(root: Path, row: str) -> Correction | None:
    """Return the decision in the file of a row; None if there is no file."""
    path = root / "data/corrections" / row_corrections.FOLDER / f"{row}.json"
    return io.read_json(path, Correction) if path.is_file() else None
