"""The store of replies: no call is paid for twice, and whoever has the store needs no LLM.

data/replies/<stage>/<first two digits>.jsonl   by the key of the request, in its order; tracked by DVC
data/replies/<stage>/_replies.json              how many they are
data/replies/<stage>/_journal.jsonl             replies of a run that is under way, or was killed
data/.replies/<stage>.jsonl                     on this machine only: replies that no request asked for when they were
                                                put there, so that going back to an earlier prompt pays for nothing

The shards depend on nothing but the replies in them. A reply leaves a file only when another one holds it, so that a
process killed at any moment loses none. (Nothing is forced to the disk at once: a power cut may take the last seconds.)
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from pydantic import ValidationError

from lectern.core import io
from lectern.core.errors import LecternError
from lectern.llm.request import Reply

JOURNAL = "_journal.jsonl"
COUNT = "_replies.json"
"""How many there are: DVC warns of an empty folder."""


class Replies:
    """The replies in a folder, by the key of their request."""

    def __init__(self, folder: Path) -> None:
        """Open the store, which may not exist yet; its folder does from now on, since DVC wants it even when empty.

        Raises:
            LecternError: a shard is damaged; names the line.
        """
        self.folder = folder
        self.spare = folder.parents[1] / ".replies" / f"{folder.name}.jsonl"
        folder.mkdir(parents=True, exist_ok=True)
        self._stored = {reply.key: reply for reply in _read_lines(folder / JOURNAL)}
        # Where both have one, the shard's counts: it is the one that others have, too.
        self._stored |= {reply.key: reply for reply in self._read_shards()}
        # Spares only add up, and few are ever asked for: they stay on the disk.
        self._spare = {reply.key: place for place, reply in _read_places(self.spare)}

    def get(self, key: str) -> Reply | None:
        """The reply to the request with this key, if there is one."""
        if key in self._stored or key not in self._spare:
            return self._stored.get(key)
        with self.spare.open("rb") as file:
            file.seek(self._spare[key])
            return Reply.model_validate_json(file.readline())

    def put(self, reply: Reply) -> None:
        """Store a reply, unless the request has one already; after this call no kill loses it.

        Raises:
            LecternError: the disk is full or read-only.
        """
        if reply.key not in self._stored:
            with _disk_failures(self.folder):
                _append(self.folder / JOURNAL, [reply])
            self._stored[reply.key] = reply

    def close(self, needed: Iterable[str]) -> None:
        """Write the store in its order. It keeps the replies to `needed`; the others stay on this machine as spares.

        Raises:
            LecternError: the disk is full or read-only.
        """
        kept = {key: reply for key in set(needed) if (reply := self.get(key)) is not None}
        shards: dict[str, list[Reply]] = {}
        for key in sorted(kept):
            shards.setdefault(f"{key[:2]}.jsonl", []).append(kept[key])
        with _disk_failures(self.folder):
            unneeded = [key for key in sorted(self._stored) if key not in kept and key not in self._spare]
            self._spare |= dict(
                zip(unneeded, _append(self.spare, [self._stored[key] for key in unneeded]), strict=True)
            )
            for name, replies in shards.items():
                _write(self.folder / name, b"".join(_line(reply) for reply in replies))
            _write(self.folder / COUNT, f'{{"replies": {len(kept)}}}\n'.encode())
            for path in self.folder.iterdir():  # only now: the journal, and what it holds is in the shards
                if path.name not in shards and path.name != COUNT:
                    path.unlink()
        self._stored = kept

    def _read_shards(self) -> Iterator[Reply]:
        for path in sorted(self.folder.glob("??.jsonl")):
            yield from io.read_jsonl(path, Reply)


def _write(path: Path, content: bytes) -> None:
    if not path.is_file() or path.read_bytes() != content:  # DVC hashes again whatever was written
        with io.replacing(path) as temporary:
            temporary.write_bytes(content)


def _read_lines(path: Path) -> Iterator[Reply]:
    return (reply for _, reply in _read_places(path))


def _read_places(path: Path) -> Iterator[tuple[int, Reply]]:
    """Byte at which its line begins, and reply. A killed run may have left half a line, which counts for nothing."""
    if not path.is_file():
        return
    with path.open("rb") as file:
        place = 0
        for line in file:
            if line.strip():
                with suppress(ValidationError):
                    yield place, Reply.model_validate_json(line)
            place += len(line)


def _append(path: Path, replies: Sequence[Reply]) -> list[int]:
    """Append a line for each; return where each begins."""
    places: list[int] = []
    if replies:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            for reply in replies:
                file.write(b"\n")  # ends what may be half a line
                places.append(file.tell())
                file.write(_line(reply))
    return places


def _line(reply: Reply) -> bytes:
    return (io.to_json(reply.model_dump(mode="json"), indent=None) + "\n").encode()


@contextmanager
def _disk_failures(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LecternError(
            f"{folder}: {error.strerror or error}. Make room, or the folder writable, and run `dvc repro` again: the "
            "replies that were stored are kept."
        ) from error
