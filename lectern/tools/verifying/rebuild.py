"""The rebuild: a checkout of the revision in a folder apart, with an empty cache, and `dvc repro` in it."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml

from lectern.apps import repro
from lectern.core import runtime
from lectern.core.errors import LecternError
from lectern.core.printing import last_lines
from lectern.core.revisions import call_git
from lectern.tools.running import process, progress
from lectern.tools.terminal import tell
from lectern.tools.verifying.revision import LOCK, Committed

LOG = "dvc-repro.log"
EVERY = 60.0
"""Seconds without a line after which the running stage is spoken of again."""
REPLIES = "data/replies"
"""Where what LLMs replied is kept."""


@contextmanager
def open_folder(*, keep: bool) -> Iterator[Path]:
    """Yield a new folder, which is removed at the end, also when the process is interrupted or told to end."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    folder = Path(tempfile.mkdtemp(prefix="lectern-verify-"))
    try:
        yield folder
    finally:
        signal.signal(signal.SIGTERM, before)
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def check_out(committed: Committed, folder: Path) -> Path:
    """Check the revision out into an empty folder, with git's objects shared and no output of DVC. Returns its root.

    What `*.dvc` files name is an input, so it comes from DVC's cache or a remote of this repository. So do the replies
    of an LLM on a server, which nobody could make again.

    Raises:
        LecternError: git fails, or an input is neither in git nor in a cache or remote.
    """
    revision = committed.revision
    objects = _ask_git(revision.root, "rev-parse", "--path-format=absolute", "--git-path", "objects")
    inside = _ask_git(revision.root, "rev-parse", "--show-prefix")
    top = folder / "repository"
    _ask_git(revision.root, "init", "--quiet", str(top))
    (top / ".git/objects/info").mkdir(parents=True, exist_ok=True)
    (top / ".git/objects/info/alternates").write_text(f"{objects}\n", encoding="utf-8")
    _ask_git(top, "-c", "advice.detachedHead=false", "checkout", "--quiet", "--detach", revision.commit)
    root = top / inside
    # Over what the revision, the user and the system configure: the cache is empty, and nothing stays elsewhere.
    (root / ".dvc").mkdir(exist_ok=True)
    (root / ".dvc/config.local").write_text(
        f"[cache]\n    dir = {root / '.dvc/cache'}\n[core]\n    site_cache_dir = {folder / 'site'}\n",
        encoding="utf-8",
    )
    wanted = [*_list_tracked(root), *_list_replies(committed)]
    if wanted:
        with revision.outputs() as copy:
            for path in wanted:
                if not (root / path).exists():
                    copy(path, root / path)
    if missing := [path for path in committed.name_inputs() if not (root / path).exists()]:
        raise LecternError(
            f"{committed.name} does not have {', '.join(missing)}, which its stages read, in git or under DVC. Add "
            "what is missing by `git add` or `dvc add`, run `make run`, and commit."
        )
    return root


def _ask_git(root: Path, *arguments: str) -> str:
    done = call_git(root, *arguments)
    if done.returncode:
        raise LecternError(f"`git {arguments[0]}` failed in {root}: {' '.join(last_lines(done.stderr))}")
    return done.stdout.strip()


def _list_tracked(root: Path) -> list[str]:
    """Return the paths of what the `*.dvc` files of a checkout name."""
    found = []
    for path in sorted(root.rglob("*.dvc")):
        if path.is_file() and ".dvc" not in path.relative_to(root).parts:
            entry = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
            place = path.parent / entry.get("wdir", ".")
            found += [os.path.relpath(place / out["path"], root) for out in entry.get("outs", [])]
    return found


def _list_replies(committed: Committed) -> list[str]:
    """Return the outputs that hold replies of LLMs, if any stage asks a server."""
    params = yaml.safe_load(committed.revision.read("params.yaml") or "") or {}
    if not _asks_server(params):
        return []
    outputs = [path for hashes in committed.outputs.values() for path in hashes]
    return [path for path in outputs if Path(path).is_relative_to(REPLIES)]


def _asks_server(params: Any) -> bool:
    if isinstance(params, Mapping):
        return params.get("engine") == "openai" or any(map(_asks_server, params.values()))
    return isinstance(params, list) and any(map(_asks_server, params))


def list_stale(root: Path, committed: Committed) -> list[str]:
    """Return what the lock was not made with, by `dvc status` of the checkout: code, parameters, commands or sources.

    Raises:
        LecternError: `dvc status` failed.
    """
    told = repro.ask_status(root, committed.name)
    outputs = committed.name_outputs()
    found: dict[str, None] = {}
    for stage in committed.stages:
        for part in told.get(stage, []):
            if isinstance(part, str):
                found[f"{stage}: {part}"] = None
                continue
            for path, state in part.get("changed deps", {}).items():
                if isinstance(state, Mapping):  # of a file of parameters
                    found |= {f"{path}: {key}": None for key in state}
                elif path not in outputs and state != "deleted":
                    found[path] = None
            if called := part.get("changed command"):
                found[f"the command of {stage} ({called})"] = None
    return list(found)


def run(root: Path, committed: Committed, until: str | None, log: Path) -> dict[str, Any]:
    """Rebuild, and tell how far it is. Returns stage -> its entry in the new dvc.lock.

    Args:
        root: of `check_out`.
        committed: what it is a checkout of.
        until: the last stage; None for all.
        log: what DVC and the stages print is written here.

    Raises:
        LecternError: a stage failed.
    """
    (root / LOCK).unlink(missing_ok=True)
    described = progress.describe(committed.pipeline)
    known = progress.Progress(
        {stage: described[stage] for stage in committed.stages}, _expect(root, committed)
    )
    with log.open("w", encoding="utf-8") as file:

        def read(line: str) -> None:
            file.write(f"{line}\n")
            if (shown := known.read(line)) is not None:
                tell(shown)

        def wait() -> None:
            if (shown := known.tell()) is not None:
                tell(shown)

        temporary = log.parent / "tmp"
        temporary.mkdir(exist_ok=True)
        arguments = ["--no-run-cache", *([until] if until else [])]
        dvc = repro.start(arguments, root, merged=True, more={"TMPDIR": str(temporary)})
        try:
            status = process.follow(dvc, read, wait, EVERY)
        finally:
            stop(dvc)
    if status:
        said = log.read_text(encoding="utf-8", errors="replace")
        where = f"at {known.running}" if known.running else "before its first stage"
        reasons = [line for line in said.splitlines() if ": error:" in line]
        raise LecternError(
            f"the rebuild of {committed.name} failed {where}: "
            + (reasons[0] if reasons else " ".join(last_lines(said)) or f"status {status}").rstrip(".")
            + ". `lectern verify --keep` leaves the folder to look into."
        )
    found = yaml.safe_load((root / LOCK).read_text(encoding="utf-8"))["stages"]
    return {stage: found[stage] for stage in committed.stages if stage in found}


def stop(dvc: "subprocess.Popen[str]") -> None:
    """End DVC and all that it started: by what Ctrl-C sends, and after a while by force."""
    if dvc.poll() is not None:
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C would leave processes behind
    try:
        for number, patience in ((signal.SIGINT, 15.0), (signal.SIGKILL, 5.0)):
            with suppress(ProcessLookupError, subprocess.TimeoutExpired):
                os.killpg(dvc.pid, number)
                dvc.wait(patience)
    finally:
        signal.signal(signal.SIGINT, before)


def _expect(root: Path, committed: Committed) -> dict[str, float]:
    """Return stage -> about how long it takes: as it did here when it made the committed outputs, or as in any run."""
    here = committed.revision.root
    known = runtime.read(here / runtime.FOLDER, committed.outputs)
    exact = {
        stage: figures["seconds"] + progress.STARTING
        for stage, figures in known.items()
        if "seconds" in figures
    }
    return {**progress.expect(root, committed.pipeline), **exact}
