"""One item of a step that works item by item, and how its output is made, in whatever process that happens."""

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
"""The machine's failures, not the item's: the next item would meet them too."""


@dataclass(frozen=True)
class Item:
    """One recording, page or document, and all that its output is made from."""

    id: str
    inputs: Mapping[str, Path]
    """role -> file; the bytes count, the path does not"""
    values: Mapping[str, Any] = field(default_factory=dict)
    """what else decides the bytes and is in no file, such as a URL"""


Make = Callable[[Item, Path], Mapping[str, Any] | None]
Load = Callable[[], Make]


@dataclass(frozen=True)
class Made:
    """What became of one item: its output, still where it was made, or the reason why there is none."""

    id: str
    path: Path | None = None
    """alone in a folder of its own"""
    facts: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""
    traceback: str = ""
    """of an error that nobody foresaw, for whoever mends the code"""


def use_one_blas_thread() -> None:
    """Let matrix products be summed in one order, whatever the number of cores; call it before a model is loaded.

    OpenBLAS, NumPy's, otherwise sums in as many parts as there are cores, the last digits of Whisper's spectrogram
    differ, and with them words: the transcript would depend on the machine, and on `OMP_NUM_THREADS`.
    """
    from threadpoolctl import threadpool_limits

    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # what is loaded from now on reads this
    threadpool_limits(1, user_api="blas")  # and this is for what is loaded already


def make_one(make: Make, item: Item, scratch: Path, suffix: str) -> Made:
    """Make the output of one item in a new folder below `scratch`. What goes wrong with the item is in the result.

    Raises:
        OSError: a failure of the machine, such as a full disk (`FATAL`).
    """
    folder = Path(tempfile.mkdtemp(dir=scratch))
    path = folder / (item.id + suffix)
    try:
        facts = dict(make(item, path) or {})
        path.stat()  # there must be something now
        return Made(item.id, path, facts)
    except ItemError as error:
        failed = Made(item.id, error=str(error))
    except Exception as error:
        if isinstance(error, OSError) and error.errno in FATAL:
            raise
        lines = traceback.format_exception(error)
        failed = Made(item.id, error=f"{type(error).__name__}: {error}", traceback="".join(lines))
    shutil.rmtree(folder, ignore_errors=True)
    return failed
