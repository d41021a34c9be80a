"""Keep results that are made batch by batch, so that the next run makes only the batches that are missing.

For records that are computed together. The other records of a batch influence the last bits of each result, so an item
of its own for each record (`core.items`) would not do: the batch is the unit. DVC sees one directory, which it keeps
between runs (`persist: true`):

<file>.jsonl      the records of one file, such as one contestant's answers
_manifest.json    file -> its sha256 and the keys of the batches it was made from; the plain results are here too
_journal.jsonl    the batches of a run that is not finished, or was killed

A batch has a key over everything that decides its records. Each run cuts all the wanted batches anew, whatever the
folder already holds. So the invariant is that of items: an incremental run leaves the same bytes as a clean one,
whatever was added, removed, changed, tampered with or killed in between. A killed run loses at most the batch that it
was making.
"""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from lectern.core import io, journal, manifest
from lectern.core.errors import LecternError
from lectern.core.journal import JOURNAL
from lectern.core.manifest import MANIFEST

R = TypeVar("R", bound=BaseModel)


@dataclass(frozen=True)
class Batch:
    """Records that are made together."""

    key: str
    """A hash over everything that decides the records, their ids included."""
    ids: tuple[str, ...]
    """The records' ids, in the order in which they are made."""


@dataclass(frozen=True)
class File(Generic[R]):
    """What a file is to hold."""

    batches: Sequence[Batch]
    """The batches that the file is made from. All of them are in the store, from this run or an earlier one."""
    records: Sequence[R]
    """The records as the file shows them. Their ids are those of the batches."""


def make_key(*decides: Any) -> str:
    """Hash the plain values that decide a result. Returns the sha256 in hex."""
    return hashlib.sha256(io.to_json(decides, indent=None).encode()).hexdigest()


class Store(Generic[R]):
    """The batches that were made so far, by their keys."""

    def __init__(self, out: Path, record: type[R], identify: Callable[[R], str]) -> None:
        """Open a folder, which may not exist yet. Files that someone else has changed there are ignored.

        Args:
            out: the folder.
            record: the type of its rows.
            identify: returns the id of a record, which is unique in its file.
        """
        self.out, self._record, self._identify = out, record, identify
        self._made: dict[
            str, Mapping[str, R]
        ] = {}  # key -> id -> record; batches of one file share a mapping
        self._results: dict[str, Any] = {}
        self._journaled: set[str] = set()
        with manifest.disk_failures(out):
            out.mkdir(parents=True, exist_ok=True)
            files, results = manifest.read(out / MANIFEST, _parse_manifest) or ({}, {})
            for name, (sha256, keys) in files.items():
                self._made |= dict.fromkeys(keys, self._read_file(out / f"{name}.jsonl", sha256))
            self._results |= results
            self._read_journal()

    def get(self, batch: Batch) -> list[R] | None:
        """The records of a batch, in the order of its ids; `None` when it has not been made yet."""
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
        """The plain value that was stored under this key; `None` when there is none."""
        return self._results.get(key)

    def put_result(self, key: str, value: Any) -> None:
        """Store a plain value that belongs to no file. It must not be `None`.

        Raises:
            LecternError: the disk is full or read-only.
        """
        self._results[key] = value
        self._append({"key": key, "value": value})

    def close(self, files: Mapping[str, File[R]], results: Collection[str] = ()) -> None:
        """Bring the folder to exactly these files and results, and write the manifest last.

        Args:
            files: name without suffix -> what the file is to hold.
            results: keys of the results to keep.

        Raises:
            LecternError: the disk is full or read-only.
        """
        texts = {name: io.to_lines(file.records) for name, file in files.items()}
        changed = [name for name, text in texts.items() if not io.holds(self._path(name), text)]
        # A new file counts only once the manifest lists it. Until then the journal must hold its batches.
        for batch in (batch for name in changed for batch in files[name].batches):
            if batch.key not in self._journaled and (records := self.get(batch)) is not None:
                self._append_journal(batch, records)
        listed = {
            "files": {
                name: {
                    "sha256": hashlib.sha256(texts[name].encode()).hexdigest(),
                    "keys": sorted({batch.key for batch in file.batches}),
                }
                for name, file in files.items()
            },
            "results": {key: self._results[key] for key in results},
        }
        with manifest.disk_failures(self.out):
            for name in changed:
                io.write_text(self._path(name), texts[name])
            manifest.remove_unlisted(self.out, {MANIFEST, *(self._path(name).name for name in files)})
            manifest.write(self.out / MANIFEST, listed)
        self._journaled = set()

    def _path(self, name: str) -> Path:
        return self.out / f"{name}.jsonl"

    def _read_file(self, path: Path, sha256: str) -> dict[str, R]:
        try:
            if io.sha256(path) != sha256:
                return {}
            return {self._identify(record): record for record in io.read_jsonl(path, self._record)}
        except (OSError, LecternError):  # missing, or of an earlier schema: its batches are made again
            return {}

    def _read_journal(self) -> None:
        for _, (key, found) in journal.read(self.out / JOURNAL, self._parse_line):
            if isinstance(found, dict):
                self._made[key] = found
                self._journaled.add(key)
            else:
                self._results[key] = found[0]

    def _parse_line(self, line: bytes) -> tuple[str, dict[str, R] | tuple[Any]]:
        """The key, and records by their ids, or a result."""
        entry = io.parse_json(line)
        if entry.pop("sha256") != make_key(entry):
            raise ValueError("someone has changed the line")
        if "value" in entry:
            return entry["key"], (entry["value"],)
        records = [self._record.model_validate(record) for record in entry["records"]]
        return entry["key"], {self._identify(record): record for record in records}

    def _append_journal(self, batch: Batch, records: Sequence[R]) -> None:
        self._append({"key": batch.key, "records": [record.model_dump(mode="json") for record in records]})
        self._journaled.add(batch.key)

    def _append(self, entry: Mapping[str, Any]) -> None:
        with manifest.disk_failures(self.out):
            whole = {**entry, "sha256": make_key(entry)}
            journal.append(self.out / JOURNAL, [io.to_json(whole, indent=None)])


def _parse_manifest(value: Any) -> tuple[dict[str, tuple[str, list[str]]], dict[str, Any]]:
    """File -> its sha256 and the keys of its batches; the results."""
    files = {name: (entry["sha256"], [*map(str, entry["keys"])]) for name, entry in value["files"].items()}
    return files, dict(value["results"])
