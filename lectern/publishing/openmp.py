"""xllamacpp, where the system has no libgomp.

xllamacpp wants `libgomp.so.1`, which its wheel does not bring and a bare Debian does not have. torch's wheel brings it
under the same soname, and a library that is loaded already satisfies the loader. (cyllama's wheel brings its own.)
"""

import ctypes
import importlib.util
import sys
from pathlib import Path
from typing import Any

from lectern.core.errors import LecternError

SONAME = "libgomp.so.1"


def import_xllamacpp() -> Any:
    """The module.

    Raises:
        LecternError: it cannot be loaded; says what to install.
    """
    if sys.platform == "linux":
        load(find_copies())
    try:
        import xllamacpp
    except ImportError as error:
        raise LecternError(
            f"xllamacpp, which holds llama.cpp, cannot be loaded: {error}. `make setup` installs it."
        ) from error
    return xllamacpp


def find_copies() -> list[Path]:
    """The copies of libgomp that torch brings; torch is not imported."""
    found = importlib.util.find_spec("torch")
    if found is None or found.origin is None:
        return []
    return sorted((Path(found.origin).parent / "lib").glob("libgomp*.so*"))


def load(copies: list[Path], soname: str = SONAME) -> None:
    """Load a library by its soname: the system's, or else the first of the copies that has this soname.

    Raises:
        LecternError: there is none.
    """
    if _loads(soname):
        return
    for copy in copies:
        if _loads(str(copy)) and _loads(soname):
            return
    raise LecternError(
        f"llama.cpp wants {soname}, and neither this system nor torch has it. On Debian and Ubuntu: "
        "`apt install libgomp1`."
    )


def _loads(name: str) -> bool:
    try:
        ctypes.CDLL(name, ctypes.RTLD_GLOBAL)
    except OSError:
        return False
    return True
