"""A journal: the results of a run that is not finished, one JSON value per line, so that a kill loses none of them.

Lines are only added. Each is preceded by a line end, which ends an incomplete line that a killed run may have left. A
line that cannot be read is skipped. The journal is removed once its results stand where they belong. (Nothing is
flushed to the disk at once: a power cut may lose the last seconds.)
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

JOURNAL = "_journal.jsonl"
DAMAGED = (ValueError, LookupError, TypeError, AttributeError)
"""Errors of reading JSON that was cut off or changed. The errors of pydantic are ValueErrors."""


def append(path: Path, lines: Iterable[str]) -> list[int]:
    """Append lines to a journal, which is created if absent. Returns the byte offset of each line.

    Raises:
        OSError: the disk is full or read-only.
    """
    places: list[int] = []
    if lines := list(lines):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            for line in lines:
                file.write(b"\n")
                places.append(file.tell())
                file.write(line.encode() + b"\n")
    return places


def read(path: Path, parse: Callable[[bytes], T]) -> Iterator[tuple[int, T]]:
    """Read a journal, in the order in which its lines were added. It is empty if there is no file.

    Args:
        path: the file.
        parse: returns the value of a line, and raises one of `DAMAGED` if the line has none.

    Yields: the byte offset of a line, and its value.
    """
    if not path.is_file():
        return
    with path.open("rb") as file:
        place = 0
        for line in file:  # a binary file is split at \n alone: U+2028 is legal in a JSON string
            try:
                value = parse(line)
            except DAMAGED:
                pass
            else:
                yield place, value
            place += len(line)
