"""Write small files that another tab, an editor or git may change too, so that no change is lost unnoticed."""

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lectern.core import io

ABSENT = ""
"""The version of a file that does not exist."""


def version(path: Path) -> str:
    """Return a hash of a file's content, which changes whenever the file changes."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        return ABSENT


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder, so that no other holder writes in it, in this process or in another."""
    from filelock import FileLock

    name = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]
    with FileLock(Path(tempfile.gettempdir()) / f"lectern-{os.getuid()}-{name}.lock"):
        yield


def update(path: Path, change: Callable[[str | None], str | None]) -> str:
    """Read a file, change its text and write it, with no other writer in between.

    Args:
        path: the file.
        change: takes the current text (None if there is no file) and returns the new one (None removes the file). If it
            raises, the error is passed on and nothing is written.

    Returns: the new version.
    """
    with locked(path.parent):
        now = path.read_text(encoding="utf-8") if path.is_file() else None
        new = change(now)
        if new is None:
            path.unlink(missing_ok=True)
        elif new != now:
            io.write_text(path, new)
        return version(path)
