"""The manifest of a folder that is kept between runs: its contents, and the keys they were made by.

It is written last and atomically, so it never lists an incomplete file. A damaged manifest counts as an empty one:
everything is made again, which is slow but right.
"""

import errno
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from lectern.core import io
from lectern.core.errors import LecternError
from lectern.core.journal import DAMAGED, JOURNAL

T = TypeVar("T")

MANIFEST = "_manifest.json"


def read(path: Path, parse: Callable[[Any], T]) -> T | None:
    """Read a manifest. Returns `None` if it is absent or damaged.

    Args:
        path: the file.
        parse: returns a value made of plain JSON, and raises one of `DAMAGED` if a part of it is missing.
    """
    try:
        return parse(io.parse_json(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, *DAMAGED):
        return None


def write(path: Path, value: Any) -> None:
    """Write a manifest, and remove the journal beside it, whose results are in the folder now."""
    io.update_text(path, io.to_json(value) + "\n")
    path.with_name(JOURNAL).unlink(missing_ok=True)


def remove_unlisted(folder: Path, listed: Collection[str]) -> None:
    """Remove everything from a folder but the listed names and its journal, which is removed last."""
    for path in folder.iterdir():
        if path.name not in listed and path.name != JOURNAL:
            remove(path)


def remove(path: Path) -> None:
    """Remove a file, a folder with its contents, or a link (not its target). An absent path is no error."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def disk_failures(folder: Path, again: str = "`dvc repro`") -> Iterator[None]:
    """Turn a full or read-only disk into an error that names the remedy.

    Args:
        folder: the folder that is written.
        again: the command to run again.
    """
    try:
        yield
    except OSError as error:
        where = f"{folder}: {error.strerror or error}" + (f" ({error.filename})" if error.filename else "")
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            remedy = "Free some space"
        elif error.errno == errno.EMFILE:
            remedy = "Raise the limit on open files (`ulimit -n 4096`)"
        else:
            remedy = "Make the directory writable"
        raise LecternError(f"{where}. {remedy} and run {again} again: what was finished is kept.") from error
