"""What this repository held at another git revision: files from git, outputs from DVC's cache or a remote."""

import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from lectern.core.errors import LecternError

HERE = Path()
Copy = Callable[[str, Path], bool]
"""Copies an output to a path; returns whether the revision has that output."""


@dataclass(frozen=True)
class Revision:
    """A commit of the repository. Its pipeline may be in a subfolder."""

    commit: str
    """40 hex digits"""
    root: Path = HERE
    """The folder of dvc.yaml; the paths below are relative to it."""

    def read(self, path: str) -> str | None:
        """The text of a file that git holds at this revision, such as `params.yaml`; `None` if there is none."""
        found = call_git(self.root, "show", f"{self.commit}:./{path}")
        return found.stdout if found.returncode == 0 else None

    def list(self, folder: str) -> list[str]:
        """The files that git holds under a folder at this revision, sorted; an empty list if there are none."""
        found = call_git(self.root, "ls-tree", "-r", "-z", "--name-only", self.commit, "--", f"./{folder}/")
        return sorted(filter(None, found.stdout.split("\0"))) if found.returncode == 0 else []

    def copy(self, path: str, to: Path) -> bool:
        """Copy one output, as `outputs` does."""
        with self.outputs() as copy:
            return copy(path, to)

    @contextmanager
    def outputs(self) -> Iterator[Copy]:
        """Open the outputs of the pipeline at this revision. No stage runs.

        DVC reads the whole pipeline first, so open it once for many outputs. It uses the remotes that are configured
        now, so a remote that was added later serves older revisions too.

        Yields: a function that copies an output (a file or a folder), such as `data/scores.jsonl`, from DVC's cache or
            a remote to a path where nothing is yet, and returns whether the revision has it. It raises a LecternError
            when the content is neither in the cache nor in a remote, and a ValueError when the path exists.
        """
        from dvc.exceptions import NotDvcRepoError
        from dvc.repo import Repo

        with ExitStack() as opened:
            try:
                with Repo(str(self.root)) as here:
                    config = dict(here.config)  # `switch` would use the commit's configuration
                repo = opened.enter_context(Repo(str(self.root), config=config))
                opened.enter_context(repo.switch(self.commit))
            except NotDvcRepoError:  # the commit is older than the pipeline
                yield lambda path, to: False
            else:
                yield partial(self._copy, repo.dvcfs)

    def _copy(self, files: Any, path: str, to: Path) -> bool:
        if to.exists():  # a folder would be copied into it
            raise ValueError(f"{to} exists")
        try:
            if not files.exists(f"/{path}"):
                return False
            to.parent.mkdir(parents=True, exist_ok=True)
            files.get(f"/{path}", str(to), recursive=files.isdir(f"/{path}"))
        except Exception as error:  # DVC has no common class for failing to find content
            raise LecternError(
                f"{path} of revision {self.commit[:10]} is neither in DVC's cache nor in a remote ({error}). "
                "Fetch it with `dvc fetch --all-commits`, or check out that revision and run `dvc repro`."
            ) from error
        return True


def find(name: str, root: Path = HERE) -> Revision:
    """The revision that git knows by this name (a commit, branch or tag), or the DVC experiment of this name.

    Args:
        name: as a person types it.
        root: the folder of dvc.yaml.

    Raises:
        LecternError: there is no such revision, there are several experiments of this name, or no git repository.
    """
    # Without --end-of-options, a name that begins with a dash would be taken for an option.
    found = call_git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    commits = [found.stdout.strip()] if found.returncode == 0 else sorted(set(_find_experiments(name, root)))
    if len(commits) > 1:
        raise LecternError(
            f"{len(commits)} experiments are called {name!r}. Give the commit of one: "
            + ", ".join(commit[:10] for commit in commits)
        )
    if not commits or not re.fullmatch("[0-9a-f]{40}", commits[0]):
        raise LecternError(
            f"git knows no revision {name!r} here, and DVC no experiment. `git log --oneline --all` lists commits, "
            "`git branch -a` branches, `dvc exp list --all-commits` experiments."
        )
    return Revision(commits[0], root)


def _find_experiments(name: str, root: Path) -> Iterator[str]:
    """The commits of DVC's experiments of this name, from `refs/exps/<2 digits>/<38 digits of the base>/<name>`."""
    listed = call_git(root, "for-each-ref", "--format=%(objectname) %(refname)", "refs/exps")
    for line in listed.stdout.splitlines():
        commit, _, reference = line.partition(" ")
        if re.fullmatch("refs/exps/[0-9a-f]{2}/[0-9a-f]{38}/" + re.escape(name), reference):
            yield commit


def call_git(root: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run git in a folder. Its output is decoded as UTF-8; invalid bytes are replaced.

    Raises:
        LecternError: there is no git on this machine.
    """
    command = ["git", "-C", str(root), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", errors="replace")
    except FileNotFoundError as error:
        raise LecternError(
            "git is not installed. Install it: other revisions are read through git."
        ) from error
