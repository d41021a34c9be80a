"""The two that are compared: the files that lie here, or what another revision held."""

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
    """One of the two."""

    name: str
    """as it was asked for"""
    root: Path
    """the folder of dvc.yaml"""
    revision: Revision | None = None
    """none: the files that lie here"""
    about: str = ""
    """of a commit: its short name and its subject"""

    def read(self, path: str) -> str | None:
        """The text of a file that git holds, or would; None where it is not there."""
        if self.revision:
            return self.revision.read(path)
        file = self.root / path
        return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else None

    def list(self, folder: str) -> list[str]:
        """The files under a folder that git holds, or would, sorted."""
        if self.revision:
            return self.revision.list(folder)
        files = (path for path in (self.root / folder).rglob("*") if path.is_file())
        return sorted(path.relative_to(self.root).as_posix() for path in files)

    @contextmanager
    def outputs(self) -> Iterator[Copy]:
        """Yield a function that copies an output, a file or a folder, and says whether it is there.

        It raises a LecternError where a revision has it, but neither the cache nor a remote its content.
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
    """The revision of this name, or without one the working tree.

    Raises:
        LecternError: there is no such revision, or nothing was ever run there.
    """
    head = _describe("HEAD", root)
    if name is None:
        side = Side(WORKING_TREE, root, about=f"on {head}" if head else "")
        remedy = "Run `dvc repro`."
    else:
        revision = revisions.find(name, root)
        side = Side(name, root, revision, _describe(revision.commit, root))
        remedy = "Choose one at which the pipeline had run: `git log --oneline -- dvc.lock` lists some."
    if side.read("dvc.lock") is None:
        raise LecternError(
            f"{side.name} holds no dvc.lock: nothing was run there that could be compared. {remedy}"
        )
    return side


def _describe(commit: str, root: Path) -> str:
    return call_git(root, "show", "--no-patch", "--format=%h %s", commit).stdout.strip()
