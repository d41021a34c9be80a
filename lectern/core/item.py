"""One item of a step that works item by item, and how its output is made, whichever process makes it."""

import errno
import os
import shutil
import tempfile
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lectern.core.errors import ItemError

FATAL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE}
"""Failures of the machine rather than of the item: the next item would meet them too."""


@dataclass(frozen=True)
class Item:
    """One recording, page or document, and everything that its output is made from."""

    id: str
    inputs: Mapping[str, Path]
    """Role -> file. The key depends on the bytes, not on the path."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """What else decides the bytes and is in no file, such as a URL."""


Make = Callable[[Item, Path], Mapping[str, Any] | None]
Load = Callable[[], Make]


@dataclass(frozen=True)
class Made:
    """The result of making one item: its output, still where it was made, or the reason why there is none."""

    id: str
    path: Path | None = None
    """The output, alone in a folder of its own; `None` when the item failed."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""
    traceback: str = ""
    """Of an unforeseen error, for whoever corrects the code."""
    exhausted: bool = False
    """Whether it failed because memory has ended."""


def use_one_blas_thread() -> None:
    """Make matrix products add up in the same order on any number of cores. Call it before a model is loaded.

    OpenBLAS, which NumPy uses, otherwise splits a sum into as many parts as there are cores. The last digits of
    Whisper's spectrogram then differ, and so do some words: the transcript would depend on the machine and on
    `OMP_NUM_THREADS`.
    """
    from threadpoolctl import threadpool_limits

    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # for libraries that are loaded later
    threadpool_limits(1, user_api="blas")  # for libraries that are loaded already


def make_one(make: Make, item: Item, scratch: Path, suffix: str) -> Made:
    """Make the output of one item in a new folder below `scratch`. A failure of the item is part of the result.

    Raises:
        OSError: a failure of the machine, such as a full disk (`FATAL`).
    """
    folder = Path(tempfile.mkdtemp(dir=scratch))
    path = folder / (item.id + suffix)
    try:
        facts = dict(make(item, path) or {})
        path.stat()  # raises if `make` wrote nothing
        return Made(item.id, path, facts)
    except ItemError as error:
        failed = Made(item.id, error=str(error))
    except MemoryError:
        reason = "reading it takes more memory than there is. Leave it out, or divide it."
        failed = Made(item.id, error=reason, exhausted=True)
    except RecursionError:
        failed = Made(item.id, error="its parts are nested too deeply to be read. Leave it out.")
    except Exception as error:
        if isinstance(error, OSError) and error.errno in FATAL:
            raise
        lines = traceback.format_exception(error)
        failed = Made(item.id, error=f"{type(error).__name__}: {error}", traceback="".join(lines))
    shutil.rmtree(folder, ignore_errors=True)
    return failed
