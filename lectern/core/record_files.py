"""A folder with one record per file, so that git can merge two people's changes to different records."""

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from lectern.core import io
from lectern.core.errors import LecternError

R = TypeVar("R", bound=BaseModel)


def read(folder: Path, record: type[R]) -> list[tuple[Path, R]]:
    """Each file `*.json` of a folder with its record, sorted by name; an empty list if there is no folder.

    Raises:
        LecternError: a file does not hold such a record, or git could not merge it.
    """
    return [(path, _read(path, record)) for path in sorted(folder.glob("[!.]*.json"))]


def _read(path: Path, record: type[R]) -> R:
    try:
        return io.read_json(path, record)
    except LecternError as error:
        if any(line.startswith(b"<<<<<<< ") for line in path.read_bytes().splitlines()):
            raise LecternError(
                f"{path}: two people decided differently here, and git left both between <<<<<<< and >>>>>>>. Keep the "
                "lines of one of them, then `git add` the file."
            ) from error
        raise
