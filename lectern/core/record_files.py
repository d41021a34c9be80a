"""A folder with one record a file, so that two people's files merge by git where they touched different things."""

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from lectern.core import io
from lectern.core.errors import LecternError

R = TypeVar("R", bound=BaseModel)


def read(folder: Path, record: type[R]) -> list[tuple[Path, R]]:
    """Each file `*.json` of a folder with its record, in order of the names; none where there is no folder.

    Raises:
        LecternError: a file is no such record, or git could not merge it.
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
