"""Train state that survives a kill, and never serves another run.

Each run has a folder named by the fingerprint of everything that affects its result. A checkpoint counts as complete
once it is sealed, that is, once the list of its files with their sha256 is written, which comes last. The finished
adapter is kept in the same way, so that a completed run is not trained again.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

from lectern.core import code, io
from lectern.core.errors import LecternError

SEAL = "complete.json"
FINISHED = "finished"
KEPT = "kept-{}"
"""Name of the folder with the weights after a step, which may become the result."""


def fingerprint(
    sections: Mapping[str, Any],
    files: Sequence[Path],
    modules: Sequence[ModuleType],
    libraries: Sequence[str],
) -> str:
    """Return the first 16 hex digits of the sha256 over parameters, data, code and library versions.

    Args:
        sections: section -> its plain values.
        files: the data; their names and bytes count, their folders do not.
        modules: the modules that train; the project's modules that they import count too.
        libraries: distributions whose versions can change the result.
    """
    content = {
        "sections": dict(sections),
        "files": {file.name: io.sha256(file) for file in files},
        "code": code.digest(modules),
        "libraries": {name: version(name) for name in libraries},
    }
    return hashlib.sha256(io.to_json(content).encode()).hexdigest()[:16]


def seal(folder: Path) -> None:
    """Mark a folder as complete. All of its files must have been written."""
    io.write_json(folder / SEAL, {file: io.sha256(folder / file) for file in _files(folder)})


def is_complete(folder: Path) -> bool:
    """Tell whether the folder was sealed and still holds exactly the bytes that were sealed."""
    try:
        sealed = io.read_plain(folder / SEAL)
    except LecternError:
        return False
    return bool(sealed == {file: io.sha256(folder / file) for file in _files(folder)})


def latest(run: Path, clean: bool = True) -> Path | None:
    """Return the newest complete checkpoint of a run, or None. With `clean`, newer incomplete ones are removed."""
    numbered = {
        int(found[1]): path
        for path in run.glob("checkpoint-*")
        if (found := re.fullmatch(r"checkpoint-(\d+)", path.name))
    }
    for _, path in sorted(numbered.items(), reverse=True):
        if is_complete(path):
            return path
        if clean:
            shutil.rmtree(path, ignore_errors=True)
    return None


def finished(run: Path) -> Path | None:
    """Return the folder with the result of a run; None if the run is not completed."""
    folder = run / FINISHED
    return folder if is_complete(folder) else None


@contextmanager
def finishing(run: Path) -> Iterator[Path]:
    """Yield an empty folder for the result of a run; then seal it, move it into place, and remove the checkpoints."""
    scratch = run / f".{FINISHED}.tmp"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    yield scratch
    seal(scratch)
    shutil.rmtree(run / FINISHED, ignore_errors=True)
    scratch.rename(run / FINISHED)
    for pattern in ("checkpoint-*", KEPT.format("*")):
        for folder in run.glob(pattern):
            shutil.rmtree(folder)


def open_run(root: Path, name: str, keep: int) -> Path:
    """Create or reopen the folder of a run, and remove all runs but the `keep` that were opened last."""
    run = root / name
    run.mkdir(parents=True, exist_ok=True)
    os.utime(run)
    others = sorted(
        (path for path in root.iterdir() if path.is_dir() and path != run),
        key=lambda path: path.stat().st_mtime,
    )
    for path in others[: max(0, len(others) - keep + 1)]:
        shutil.rmtree(path)
    return run


def _files(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.name != SEAL and not path.name.endswith(".tmp")
    )
