"""Files of DVC that a kill has cut off: see them, bring back the last whole state, and say so.

DVC writes dvc.lock and .dvc/tmp/rwlock in place. A kill in the middle of that leaves the beginning of the file, and
each later command of DVC fails with a message about YAML or JSON. Therefore whatever starts `dvc repro` here keeps a
copy of dvc.lock each time when a stage has ended, and looks at both files before and after a run.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml

from lectern.core import io, revisions
from lectern.core.errors import LecternError

LOCK = "dvc.lock"
RUNNING = ".dvc/tmp/rwlock"
"""DVC's list of who reads and writes what just now."""
KEPT = ".dvc/tmp/lectern-dvc.lock"
"""The copy of the last whole dvc.lock."""
ASIDE = ".dvc/tmp/torn-dvc.lock"
"""Where a torn dvc.lock is kept, should anyone want to look at it."""
GUARDS = (".dvc/tmp/lock", ".dvc/tmp/rwlock.lock")
"""What DVC locks while it writes dvc.lock and its list."""


def keep(root: Path) -> None:
    """Copy dvc.lock, if it is whole, so that `mend` can bring it back. Call it when a stage has ended.

    Args:
        root: the folder of dvc.yaml.
    """
    if (text := _read(root / LOCK)) is not None and (root / KEPT).parent.is_dir():
        kept = _read(root / KEPT)
        if text != kept and not _is_torn(text, kept, root):
            io.write_text(root / KEPT, text)


def mend(root: Path) -> list[str]:
    """Bring back what a kill has torn. Returns a sentence for each file; none if all is well, or while DVC writes.

    Raises:
        LecternError: dvc.lock is torn, and neither a copy nor git holds a whole one.
    """
    if not _find_torn(root):
        return []
    with _nobody_writes(root) as alone:
        if not alone:
            return []
        said = []
        for name in _find_torn(root):  # again, since DVC may have been writing before
            said.append(_restore_lock(root) if name == LOCK else _remove_list(root))
        return said


def _find_torn(root: Path) -> list[str]:
    text, running = _read(root / LOCK), _read(root / RUNNING)
    torn = [LOCK] if text is not None and _is_torn(text, _read(root / KEPT), root) else []
    return torn + ([RUNNING] if running is not None and not _is_list(running) else [])


def _restore_lock(root: Path) -> str:
    text, kept, committed = _read(root / LOCK) or "", _read(root / KEPT), _read_committed(root)
    found = next((one for one in (kept, committed) if one and not _is_torn(one, None, root)), None)
    if found is None:
        raise LecternError(
            f"{root / LOCK} is cut off (DVC was killed while it wrote it), and neither a copy nor git has a whole one. "
            f"Delete it and run `dvc repro`: whatever is in DVC's cache is not computed again."
        )
    io.write_text(root / ASIDE, text)
    io.write_text(root / LOCK, found)
    origin = "it had after the last stage that ended" if found == kept else "that is committed in git"
    return (
        f"{LOCK} was cut off, because DVC was killed while it wrote it. It has the content again {origin}; the torn "
        f"file is kept as {ASIDE}."
    )


def _remove_list(root: Path) -> str:
    (root / RUNNING).unlink(missing_ok=True)
    return (
        f"{RUNNING}, in which DVC lists what is read and written just now, was cut off, because DVC was killed while "
        "it wrote it. It was deleted, and DVC makes it again."
    )


def _is_torn(text: str, kept: str | None, root: Path) -> bool:
    """Whether a dvc.lock is the beginning of a whole one.

    Args:
        text: of the file.
        kept: the last whole one; it shows which stages must be there, if they are still in dvc.yaml.
        root: the folder of dvc.yaml.
    """
    if text == kept or "\n<<<<<<< " in f"\n{text}":  # a conflict of git is for people, and DVC names it
        return False
    if not text.endswith("\n"):
        return True
    try:
        stages = _read_stages(text)
    except yaml.MarkedYAMLError as error:  # an error before the end is no matter of a kill
        return error.problem_mark is None or error.problem_mark.line + 2 >= text.count("\n")
    if stages is None:
        return True
    pipeline = _read_stages(_read(root / "dvc.yaml") or "") or {}
    before = (_read_stages(kept) if kept else None) or {}
    if any(name in pipeline and name not in stages for name in before):
        return text != _read_committed(root)  # somebody has checked out an older one
    name, entry = next(reversed(stages.items()), ("", {}))
    return name != "" and _lacks_its_end(entry, pipeline.get(name))


def _read_stages(text: str) -> dict[str, Any] | None:
    """The stages of dvc.lock or dvc.yaml in their order; None if the file has none."""
    found = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    stages = found.get("stages") if isinstance(found, dict) else None
    return stages if isinstance(stages, dict) and len(stages) else None


def _lacks_its_end(entry: Any, described: Any) -> bool:
    """Whether the last stage of a dvc.lock is incomplete: a path without its hash, or no entry of its last outputs."""
    if not isinstance(entry, dict) or "cmd" not in entry:
        return True
    places = {}
    for section in ("deps", "outs"):
        listed = entry.get(section, [])
        if not isinstance(listed, list) or not all(_is_place(one) for one in listed):
            return True
        places[section] = {one["path"] for one in listed}
    wanted = set(_list_outputs(described)) if isinstance(described, dict) else set()
    missing = wanted - places["outs"]
    # DVC sorts them by path, so that a cut takes the last ones
    return bool(missing) and min(missing) > max(places["outs"], default="")


def _is_place(one: Any) -> bool:
    """Whether an entry has what DVC writes of a path: its hash, and the size if it also names the kind of the hash."""
    return isinstance(one, dict) and "path" in one and len(one) >= (4 if "hash" in one else 2)


def _list_outputs(described: Mapping[str, Any]) -> Iterator[str]:
    for section in ("outs", "metrics", "plots"):
        listed = described.get(section) or []
        for one in listed if isinstance(listed, list) else []:
            path = next(iter(one)) if isinstance(one, dict) and one else one
            if isinstance(path, str) and "${" not in path:
                yield path


def _is_list(text: str) -> bool:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and all(isinstance(value, dict) for value in found.values())


def _read_committed(root: Path) -> str | None:
    found = revisions.call_git(root, "show", f"HEAD:./{LOCK}")
    return found.stdout if found.returncode == 0 else None


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return None


@contextmanager
def _nobody_writes(root: Path) -> Iterator[bool]:
    """Hold DVC's own locks for the block, and say whether that is so."""
    from zc import lockfile

    held = []
    (root / KEPT).parent.mkdir(parents=True, exist_ok=True)
    try:
        for name in GUARDS:
            with suppress(lockfile.LockError):
                held.append(lockfile.LockFile(str(root / name)))
        yield len(held) == len(GUARDS)
    finally:
        for one in held:
            one.close()
