"""Import xllamacpp on systems without libgomp.

xllamacpp needs `libgomp.so.1`, which its wheel does not contain and a minimal Debian does not have. torch's wheel has
it under the same soname, and the loader accepts a library that is already loaded. (cyllama's wheel has its own.)
"""

import ctypes
import importlib.util
import sys
from pathlib import Path
from typing import Any

from lectern.core.errors import LecternError

SONAME = "libgomp.so.1"


def import_xllamacpp() -> Any:
    """Import xllamacpp and return the module.

    Raises:
        LecternError: it cannot be imported; the message says what to install.
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
    """The copies of libgomp in torch's wheel. torch is not imported."""
    found = importlib.util.find_spec("torch")
    if found is None or found.origin is None:
        return []
    return sorted((Path(found.origin).parent / "lib").glob("libgomp*.so*"))


def load(copies: list[Path], soname: str = SONAME) -> None:
    """Load a library by its soname: the system's, or else the first of the copies that has this soname.

    Raises:
        LecternError: neither the system nor a copy provides it.
    """
    if _loads(soname):
        return
    for copy in copies:
        if _loads(str(copy)) and _loads(soname):
            return
    raise LecternError(
        f"llama.cpp needs {soname}, which neither this system nor torch has. On Debian and Ubuntu: "
        "`apt install libgomp1`."
    )


def _loads(name: str) -> bool:
    try:
        ctypes.CDLL(name, ctypes.RTLD_GLOBAL)
    except OSError:
        return False
    return True
