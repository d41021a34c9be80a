"""Openings: how an episode begins that a model shall write, from files or from held-out conversations."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from lectern.core import io
from lectern.core.errors import LecternError
from lectern.core.schema import Example, Message, Provenance, Record


class Opening(Record):
    """A line of `data/openings/<file>.jsonl`."""

    opening: Annotated[str, Field(min_length=1, pattern=r"\S")] = Field(description="the host's first turn")
    guest: str | None = Field(
        default=None, description="name; a model learns it from the opening or biography"
    )
    biography: str | None = Field(
        default=None, description="of the guest: given to the model as a system message, word for word"
    )
    note: str | None = Field(default=None, description="for people")


@dataclass(frozen=True)
class Start:
    """What an episode is written from."""

    opening: Opening
    systems: Sequence[Message]
    """what a held-out conversation told the model"""
    provenance: Provenance
    where: str
    """file and line, or row, for messages"""

    @property
    def id(self) -> str:
        """The first 16 hex digits of the sha256 of the opening and the biography."""
        both = json.dumps([self.opening.opening, self.opening.biography], ensure_ascii=False)
        return hashlib.sha256(both.encode()).hexdigest()[:16]


def collect(files: Sequence[str], folder: Path, held_out: Sequence[Example], most: int) -> list[list[Start]]:
    """The openings of each file, in its order, then those of held-out conversations, in order of their ids.

    Args:
        files: names in `folder`, without suffix.
        folder: data/openings.
        held_out: rows of the test split.
        most: how many of those with several answers begin an episode.

    Raises:
        LecternError: a file is missing, has a line that is no opening, or two openings are the same.
    """
    groups = [_read(folder, name) for name in files]
    groups.append(
        [start for example in sorted(held_out, key=lambda e: e.id) if (start := _of_dialogue(example))][:most]
    )
    seen: dict[str, str] = {}
    for start in (start for group in groups for start in group):
        if (before := seen.setdefault(start.id, start.where)) != start.where:
            raise LecternError(
                f"{start.where}: the same opening and biography as in {before}. Remove one of them."
            )
    return groups


def _read(folder: Path, name: str) -> list[Start]:
    path = folder / f"{name}.jsonl"
    if not path.is_file():
        known = ", ".join(sorted(found.stem for found in folder.glob("*.jsonl"))) or "none"
        raise LecternError(
            f"episodes.openings: there is no {path}; there is {known}. Correct the name under conf/ and run "
            "`lectern params`, or write the file."
        )
    return [
        Start(opening, (), Provenance(item=name, method="opening", row=line), f"{path}:{line}")
        for line, opening in io.read_numbered(path, Opening)
    ]


def _of_dialogue(example: Example) -> Start | None:
    """Its first question, where it has several answers."""
    if sum(message.role == "assistant" for message in example.messages) < 2:
        return None
    first = next((message for message in example.messages if message.role == "user"), None)
    if first is None:
        return None
    systems = [message for message in example.messages if message.role == "system"][:1]
    return Start(Opening(opening=first.content), systems, example.provenance, f"test row {example.id}")
