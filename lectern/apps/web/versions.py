"""Write a small file that others may write too: another tab, an editor, git. Nobody's change is lost unseen."""

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
    """What a file says now, as a hash: another one means that it was changed."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        return ABSENT


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Nobody else who asks for the lock of this folder writes meanwhile, in this process or in another."""
    from filelock import FileLock

    name = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]
    with FileLock(Path(tempfile.gettempdir()) / f"lectern-{os.getuid()}-{name}.lock"):
        yield


def update(path: Path, change: Callable[[str | None], str | None]) -> str:
    """Read a file, change its text and write it, with no other writer in between.

    Args:
        path: of the file.
        change: from the text that it has now (None where there is no file) to the one that it shall have (None removes
            it); whatever it raises is passed on, and nothing is written.

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
