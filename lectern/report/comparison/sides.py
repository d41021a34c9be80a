"""The two sides of a comparison: the working tree, or another revision."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lectern.core import revisions
from lectern.core.errors import LecternError
from lectern.core.revisions import Copy, Revision, call_git

WORKING_TREE = "working tree"


@dataclass(frozen=True)
class Side:
    """One side of a comparison."""

    name: str
    """the name that the user gave"""
    root: Path
    """the folder of dvc.yaml"""
    revision: Revision | None = None
    """the revision; None for the working tree"""
    about: str = ""
    """short hash and subject of the commit"""

    def read(self, path: str) -> str | None:
        """Return the text of a file that is not an output; None if there is no such file."""
        if self.revision:
            return self.revision.read(path)
        file = self.root / path
        return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else None

    def list(self, folder: str) -> list[str]:
        """Return the files under a folder, sorted."""
        if self.revision:
            return self.revision.list(folder)
        files = (path for path in (self.root / folder).rglob("*") if path.is_file())
        return sorted(path.relative_to(self.root).as_posix() for path in files)

    @contextmanager
    def outputs(self) -> Iterator[Copy]:
        """Yield a function that copies an output (a file or a folder) and returns whether it exists.

        The function raises a LecternError if a revision has the output but neither cache nor remote has its content.
        """
        if self.revision:
            with self.revision.outputs() as copy:
                yield copy
        else:
            yield self._copy

    def _copy(self, path: str, to: Path) -> bool:
        source = self.root / path
        if source.is_file():
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, to)
        elif source.is_dir():
            shutil.copytree(source, to)
        return source.exists()


def open_side(name: str | None, root: Path) -> Side:
    """Open the revision of this name, or the working tree if the name is None.

    Raises:
        LecternError: there is no such revision, or the pipeline was never run there.
    """
    head = _describe("HEAD", root)
    if name is None:
        side = Side(WORKING_TREE, root, about=f"on {head}" if head else "")
        remedy = "Run `dvc repro`."
    else:
        revision = revisions.find(name, root)
        side = Side(name, root, revision, _describe(revision.commit, root))
        remedy = "Choose a commit after a run of the pipeline: `git log --oneline -- dvc.lock` lists some."
    if side.read("dvc.lock") is None:
        raise LecternError(f"{side.name} has no dvc.lock, so there is no run to compare. {remedy}")
    return side


def _describe(commit: str, root: Path) -> str:
    return call_git(root, "show", "--no-patch", "--format=%h %s", commit).stdout.strip()
