"""Keep what is made batch by batch, so that the next run makes only the batches that are not there yet.

For records that are computed together, where an item of its own (`core.items`) would be wasteful: what a batch holds
decides the last bits of its results, so the batch is the unit. DVC sees one directory, kept between runs
(`persist: true`):

<file>.jsonl      the records of one contestant, say
_manifest.json    file -> its sha256 and the keys of the batches that it was made from; results beside them
_journal.jsonl    the batches of a run that is under way, or was killed

A batch has a key over all that decides its records, and all batches that are wanted are cut anew in each run, whatever
is there. The invariant is then that of items: an incremental run leaves the same bytes as a clean one, whatever was
added, removed, changed, tampered with or killed in between. A killed run loses at most the batch that it was making.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from lectern.core import io
from lectern.core.errors import LecternError

MANIFEST = "_manifest.json"
JOURNAL = "_journal.jsonl"

R = TypeVar("R", bound=BaseModel)


@dataclass(frozen=True)
class Batch:
    """Records that are made together."""

    key: str
    """over all that decides them, their ids included"""
    ids: tuple[str, ...]
    """in the order in which they are made"""


@dataclass(frozen=True)
class File(Generic[R]):
    """What a file shall hold."""

    batches: Sequence[Batch]
    """that it is made from; all of them were made, in this run or before"""
    records: Sequence[R]
    """as it shows them: of the same ids"""


def make_key(*decides: Any) -> str:
    """Sha256, in hex, of plain values that decide a result."""
    return hashlib.sha256(io.to_json(decides, indent=None).encode()).hexdigest()


class Store(Generic[R]):
    """The batches that were made, by their keys."""

    def __init__(self, out: Path, record: type[R], identify: Callable[[R], str]) -> None:
        """Open a folder, which may not exist yet. What was changed by anyone else there counts for nothing.

        Args:
            out: the folder.
            record: the type of its rows.
            identify: the id of a record, which no other in its file has.
        """
        self.out, self._record, self._identify = out, record, identify
        self._made: dict[str, Mapping[str, R]] = {}  # key -> id -> record; those of a file's batches are one
        self._results: dict[str, Any] = {}
        self._journaled: set[str] = set()
        with _disk_failures(out):
            out.mkdir(parents=True, exist_ok=True)
        manifest = _read_manifest(out)
        for name, entry in manifest["files"].items():
            rows = self._read_file(out / f"{name}.jsonl", entry["sha256"])
            self._made |= dict.fromkeys(entry["keys"], rows)
        self._results |= manifest["results"]
        self._read_journal()

    def get(self, batch: Batch) -> list[R] | None:
        """The records of a batch, in its order; None where it was not made yet."""
        rows = self._made.get(batch.key, {})
        return [rows[id] for id in batch.ids] if all(id in rows for id in batch.ids) else None

    def put(self, batch: Batch, records: Sequence[R]) -> None:
        """Store the records of a batch; after this call no kill loses them.

        Raises:
            LecternError: the disk is full or read-only.
        """
        self._made[batch.key] = {self._identify(record): record for record in records}
        self._append_journal(batch, records)

    def result(self, key: str) -> Any:
        """The plain value that was stored under this key; None where there is none."""
        return self._results.get(key)

    def put_result(self, key: str, value: Any) -> None:
        """Store a plain value, not None, that is no record of a file.

        Raises:
            LecternError: the disk is full or read-only.
        """
        self._results[key] = value
        self._append({"key": key, "value": value})

    def close(self, files: Mapping[str, File[R]], results: Collection[str] = ()) -> None:
        """Bring the folder to exactly these files and results, and the manifest, which comes last.

        Args:
            files: name without suffix -> what it shall hold.
            results: keys of the results that are kept.

        Raises:
            LecternError: the disk is full or read-only.
        """
        texts = {name: _to_text(file.records) for name, file in files.items()}
        changed = [name for name, text in texts.items() if not _holds(self._path(name), text)]
        # Until the manifest knows a new file, nobody trusts it: till then, the journal has its batches.
        for batch in (batch for name in changed for batch in files[name].batches):
            if batch.key not in self._journaled and (records := self.get(batch)) is not None:
                self._append_journal(batch, records)
        manifest = {
            "files": {
                name: {
                    "sha256": hashlib.sha256(texts[name].encode()).hexdigest(),
                    "keys": sorted({batch.key for batch in file.batches}),
                }
                for name, file in files.items()
            },
            "results": {key: self._results[key] for key in results},
        }
        with _disk_failures(self.out):
            for name in changed:
                io.write_text(self._path(name), texts[name])
            explained = {self._path(name).name for name in files} | {MANIFEST, JOURNAL}
            for path in self.out.iterdir():
                if path.name not in explained:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
            text = io.to_json(manifest) + "\n"
            if not _holds(self.out / MANIFEST, text):
                io.write_text(self.out / MANIFEST, text)
            (self.out / JOURNAL).unlink(missing_ok=True)
        self._journaled = set()

    def _path(self, name: str) -> Path:
        return self.out / f"{name}.jsonl"

    def _read_file(self, path: Path, sha256: str) -> dict[str, R]:
        try:
            if io.sha256(path) != sha256:
                return {}
            return {self._identify(record): record for record in io.read_jsonl(path, self._record)}
        except (OSError, LecternError):  # gone, or of an earlier schema: its batches are made again
            return {}

    def _read_journal(self) -> None:
        """Of a run that was cut off. Its last line may be half a line."""
        try:
            lines = (self.out / JOURNAL).read_text(encoding="utf-8", errors="replace").split("\n")
        except FileNotFoundError:
            return
        for line in lines:
            try:
                entry = json.loads(line)
                if entry.pop("sha256") != make_key(entry):
                    continue
                if "value" in entry:
                    self._results[entry["key"]] = entry["value"]
                    continue
                records = [self._record.model_validate(record) for record in entry["records"]]
            except (ValueError, KeyError, TypeError, AttributeError, ValidationError):
                continue
            self._made[entry["key"]] = {self._identify(record): record for record in records}
            self._journaled.add(entry["key"])

    def _append_journal(self, batch: Batch, records: Sequence[R]) -> None:
        self._append({"key": batch.key, "records": [record.model_dump(mode="json") for record in records]})
        self._journaled.add(batch.key)

    def _append(self, entry: Mapping[str, Any]) -> None:
        with _disk_failures(self.out), (self.out / JOURNAL).open("a", encoding="utf-8", newline="\n") as file:
            whole = {**entry, "sha256": make_key(entry)}
            file.write("\n" + io.to_json(whole, indent=None) + "\n")  # the first ends what may be half a line


def _to_text(records: Sequence[BaseModel]) -> str:
    return "".join(io.to_json(record.model_dump(mode="json"), indent=None) + "\n" for record in records)


def _holds(path: Path, text: str) -> bool:
    """Whether the file is this text already: DVC hashes again whatever is written."""
    return path.is_file() and path.read_bytes() == text.encode()


def _read_manifest(out: Path) -> dict[str, Any]:
    nothing: dict[str, Any] = {"files": {}, "results": {}}
    try:
        found = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
        files = {name: {"sha256": e["sha256"], "keys": list(e["keys"])} for name, e in found["files"].items()}
        return {"files": files, "results": dict(found["results"])}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return nothing  # unreadable: every batch is made again, which is right and only slow


@contextmanager
def _disk_failures(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LecternError(
            f"{out}: {error.strerror or error}. Make room, or the folder writable, and run `dvc repro` again: what was "
            "finished is kept."
        ) from error
