"""Read openings, the beginnings of generated episodes, from files or from held-out conversations."""

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
        default=None, description="the guest's name, for reports; the model sees only opening and biography"
    )
    biography: str | None = Field(
        default=None, description="about the guest; the model gets it word for word as a system message"
    )
    note: str | None = Field(default=None, description="a note for people, which nothing uses")


@dataclass(frozen=True)
class Start:
    """The start of an episode: an opening and where it comes from."""

    opening: Opening
    systems: Sequence[Message]
    """system messages of the held-out conversation"""
    provenance: Provenance
    where: str
    """file and line, or row, for error messages"""

    @property
    def id(self) -> str:
        """The first 16 hex digits of the sha256 of the opening and the biography."""
        both = json.dumps([self.opening.opening, self.opening.biography], ensure_ascii=False)
        return hashlib.sha256(both.encode()).hexdigest()[:16]


def collect(files: Sequence[str], folder: Path, held_out: Sequence[Example], most: int) -> list[list[Start]]:
    """Return a list of openings for each file, in its order, and one of held-out conversations, in order of their ids.

    Args:
        files: names of files in `folder`, without suffix.
        folder: data/openings.
        held_out: rows of the test split.
        most: greatest number of held-out conversations; only those with several answers are used.

    Raises:
        LecternError: a file is missing or has a line that is not an opening, or two openings are the same.
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
            f"episodes.openings: there is no {path}. Files in {folder}: {known}. Correct the name under conf/ and run "
            "`lectern params`, or write the file."
        )
    return [
        Start(opening, (), Provenance(item=name, method="opening", row=line), f"{path}:{line}")
        for line, opening in io.read_numbered(path, Opening)
    ]


def _of_dialogue(example: Example) -> Start | None:
    """Return the first question of a conversation with several answers; None for other rows."""
    if sum(message.role == "assistant" for message in example.messages) < 2:
        return None
    first = next((message for message in example.messages if message.role == "user"), None)
    if first is None:
        return None
    systems = [message for message in example.messages if message.role == "system"][:1]
    return Start(Opening(opening=first.content), systems, example.provenance, f"test row {example.id}")
