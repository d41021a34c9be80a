"""Bring a directory to exactly one output per item, making only those that are missing or out of date.

DVC sees one stage with one directory, which it keeps between runs (`persist: true`). This module makes that safe: every
item has a key over everything that decides its bytes, so that an incremental run leaves the same bytes as a clean one,
whatever was added, removed, changed, tampered with or killed in between.
"""

import hashlib
import importlib.metadata
import itertools
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from pydantic import BaseModel
from tqdm import tqdm

from lectern.core import code as source_code
from lectern.core import compute as computing
from lectern.core import instructions, io, journal, manifest
from lectern.core.compute import IN_PROCESS, Workers
from lectern.core.errors import LecternError
from lectern.core.io import sha256, to_json
from lectern.core.item import Item, Load, Made, Make
from lectern.core.journal import JOURNAL
from lectern.core.limits import Limits
from lectern.core.manifest import MANIFEST
from lectern.core.printing import show_traceback, warn

__all__ = ["Item", "Load", "Make", "SyncResult", "facts", "read", "sync"]

R = TypeVar("R", bound=BaseModel)
ENTRY: Mapping[str, type] = {"key": str, "file": str, "sha256": str, "facts": dict}
"""What the manifest says of an item that was made."""


@dataclass(frozen=True)
class SyncResult:
    """How many items were made, kept, removed, and could not be made."""

    made: int
    kept: int
    removed: int
    failed: int

    def __str__(self) -> str:
        return f"made {self.made}, kept {self.kept}, removed {self.removed}, failed {self.failed}"


def sync(
    items: Iterable[Item],
    out: Path,
    load: Load,
    *,
    suffix: str,
    params: Mapping[str, Any],
    code: Sequence[ModuleType],
    libraries: Sequence[str] = (),
    allow_failed: float = 0.0,
    compute: Workers = IN_PROCESS,
    limits: Limits | None = None,
) -> SyncResult:
    """Bring `out` to exactly `<id><suffix>` for each item, plus the manifest.

    Args:
        items: in any order; their ids must differ.
        out: the directory; a file in it that belongs to no item is removed.
        load: called once in each process that makes items, so that no model is loaded when no item changed. It
            returns a function that writes the output of one item to the given path (a file, or a directory when
            `suffix` is empty). That function may return small facts about the item, which the manifest keeps, and
            raises `ItemError` when it cannot make the item. `load` must be a function of a module, or a
            `functools.partial` of one, so that another process can call it.
        suffix: of the outputs, such as `.json`.
        params: the parameters that decide the bytes.
        code: the modules that decide the bytes; what they import inside `stages` counts too.
        libraries: distributions whose version decides the bytes.
        allow_failed: share of the items that may fail before the stage fails.
        compute: where the items are made; it changes no byte.
        limits: what an item may take, for items that come from strangers (see `core.limits`).

    Raises:
        LecternError: more items failed than allowed (the others are finished first), two items have the same id,
            the disk is full or read-only, or the workers cannot start (what was finished is kept).
    """
    ordered = _in_order(items)
    versions = _versions(libraries)
    made_with = {"params": dict(params), "code": source_code.digest(code), "libraries": versions}
    if versions:  # a library that decides the bytes also computes them
        made_with["instructions"] = instructions.chosen()
    with manifest.disk_failures(out):
        out.mkdir(parents=True, exist_ok=True)
        known = manifest.read(out / MANIFEST, _parse_manifest) or {}
        known |= dict(entry for _, entry in journal.read(out / JOURNAL, _parse_line))
        keys = {item.id: _key(item, made_with) for item in ordered}
        entries = {
            i.id: known[i.id]
            for i in ordered
            if _is_fresh(known.get(i.id), keys[i.id], out / (i.id + suffix))
        }
        stale = [item for item in ordered if item.id not in entries]
        kept, removed = (
            len(entries),
            len([name for name in known if name not in keys and "error" not in known[name]]),
        )
        if stale:
            with _scratch(out) as scratch:
                run = computing.run(
                    compute, load, stale, scratch, suffix=suffix, libraries=versions, limits=limits
                )
                with closing(run):
                    for made in tqdm(run, total=len(stale), desc=out.name, unit="item", disable=None):
                        entries[made.id] = {"key": keys[made.id], **_put_in_place(made, out)}
                        # A journal, because rewriting the manifest after each of n items would write n² lines.
                        line = to_json([made.id, entries[made.id]], indent=None)
                        journal.append(out / JOURNAL, [line])
        made_files = {name + suffix for name, entry in entries.items() if "error" not in entry}
        manifest.remove_unlisted(out, made_files | {MANIFEST})
        manifest.write(out / MANIFEST, {"items": dict(sorted(entries.items()))})
    failed = {name: entry["error"] for name, entry in sorted(entries.items()) if "error" in entry}
    result = SyncResult(made=len(stale) - len(failed), kept=kept, removed=removed, failed=len(failed))
    _report_failures(failed, out, len(ordered), allow_failed, result)
    return result


def read(out: Path) -> dict[str, Path]:
    """Return id -> output for every item that was made, sorted by id.

    Raises:
        LecternError: the directory has no manifest, the manifest is damaged, or an output that it lists is missing.
    """
    if not (out / MANIFEST).is_file():
        raise LecternError(f"{out} has no {MANIFEST}: its stage never finished. Run `dvc repro` to make it.")
    outputs = {name: out / entry["file"] for name, entry in _read_made(out).items()}
    for name, path in outputs.items():
        if not path.exists():
            raise LecternError(
                f"{path} is missing, though {out / MANIFEST} lists {name}. `dvc repro -f` makes it again."
            )
    return outputs


def read_records(folder: Path, record: type[R]) -> list[R]:
    """Every record of the items of a folder whose outputs are JSON lines, in order of the items.

    Raises:
        LecternError: a line is no such record; the message names the file and the line.
    """
    return [found for path in read(folder).values() for found in io.read_jsonl(path, record)]


def facts(out: Path) -> dict[str, Mapping[str, Any]]:
    """Return id -> the facts that `make` returned for it, for every item that was made, sorted by id.

    Raises:
        LecternError: the manifest is damaged.
    """
    return {name: entry["facts"] for name, entry in _read_made(out).items()}


def _read_made(out: Path) -> dict[str, dict[str, Any]]:
    """The entries of the items that were made. A later step must not take a damaged manifest for an empty folder."""
    entries = manifest.read(out / MANIFEST, _parse_manifest)
    if entries is None and (out / MANIFEST).exists():
        raise LecternError(f"{out / MANIFEST} is damaged. `dvc repro -f` makes it again.")
    return {name: entry for name, entry in (entries or {}).items() if "error" not in entry}


def _in_order(items: Iterable[Item]) -> list[Item]:
    ordered = sorted(items, key=lambda item: item.id)
    for item, following in itertools.pairwise(ordered):
        if item.id == following.id:
            places = [_show_place(one) for one in (item, following) if one.inputs]
            raise LecternError(
                f"two items have the id {item.id!r}{': ' if places else ''}{' and '.join(places)}. Rename one of their "
                "sources."
            )
    for item in ordered:
        if not item.id or item.id[0] in "._" or "/" in item.id:
            raise LecternError(
                f"{item.id!r} cannot be an item's id: ids name files and may not be empty, hold / or begin with . or _"
            )
    return ordered


def _show_place(item: Item) -> str:
    """The first input. Two names may look the same and have other characters, so these are spelt out."""
    path = str(next(iter(item.inputs.values())))
    return path if path.isascii() else ascii(path)


def _versions(libraries: Sequence[str]) -> dict[str, str]:
    try:
        return {name: importlib.metadata.version(name) for name in libraries}
    except importlib.metadata.PackageNotFoundError as error:
        raise LecternError(f"the package {error.name} is not installed. `make setup` installs it.") from error


def _key(item: Item, made_with: Mapping[str, Any]) -> str:
    try:
        inputs = {role: _sha256(path) for role, path in item.inputs.items()}
    except FileNotFoundError as error:
        raise LecternError(
            f"{item.id}: {error.filename} was removed while the stage ran. Run `dvc repro` again."
        ) from error
    everything = {"inputs": inputs, "values": dict(item.values), **made_with}
    return hashlib.sha256(json.dumps(everything, sort_keys=True, allow_nan=False).encode()).hexdigest()


def _sha256(path: Path) -> str:
    """Sha256 of a file; for a directory, of its files' sorted relative names and their sha256."""
    if path.is_dir():
        listing = [(str(p.relative_to(path)), _sha256(p)) for p in sorted(path.rglob("*")) if p.is_file()]
        return hashlib.sha256(json.dumps(listing).encode()).hexdigest()
    return sha256(path)


def _is_fresh(entry: Mapping[str, Any] | None, key: str, output: Path) -> bool:
    if entry is None or "error" in entry or entry["key"] != key:  # a failed item is tried again in each run
        return False
    return entry["file"] == output.name and output.exists() and _sha256(output) == entry["sha256"]


@contextmanager
def _scratch(out: Path) -> Iterator[Path]:
    """An empty folder beside `out`, on its file system."""
    folder = out.parent / f".{out.name}.tmp"
    shutil.rmtree(folder, ignore_errors=True)  # what a killed run left
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _put_in_place(made: Made, out: Path) -> dict[str, Any]:
    """Move an output into `out` and return its entry in the manifest."""
    if made.path is None:
        show_traceback(made.traceback)
        return {"error": made.error}
    output = out / made.path.name
    entry = {"file": output.name, "sha256": _sha256(made.path), "facts": dict(made.facts)}
    manifest.remove(output)
    made.path.rename(output)
    shutil.rmtree(made.path.parent, ignore_errors=True)
    return entry


def _parse_manifest(value: Any) -> dict[str, dict[str, Any]]:
    return {name: _parse_entry(entry) for name, entry in value["items"].items()}


def _parse_line(line: bytes) -> tuple[str, dict[str, Any]]:
    name, entry = io.parse_json(line)
    return str(name), _parse_entry(entry)


def _parse_entry(entry: Any) -> dict[str, Any]:
    kinds = {"error": str} if "error" in entry else ENTRY
    if not all(isinstance(entry[name], kind) for name, kind in kinds.items()):
        raise TypeError("a part of it is of another type")
    return dict(entry)


def _report_failures(
    failed: Mapping[str, str], out: Path, total: int, allowed: float, result: SyncResult
) -> None:
    for name, reason in failed.items():
        warn(f"{out.name}: {name} failed: {reason}")
    if len(failed) > allowed * total:
        raise LecternError(
            f"{result}. Failed: "
            + "; ".join(f"{name} ({reason})" for name, reason in list(failed.items())[:5])
            + (f"; and {len(failed) - 5} more" if len(failed) > 5 else "")
            + ". Correct or remove these sources and run `dvc repro` again (the finished items are kept), or raise "
            "`allow_failed` in this stage's section."
        )
