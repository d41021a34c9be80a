"""The store of replies: no call is paid for twice, and a colleague who has the store needs no LLM.

data/replies/<stage>/<first two digits>.jsonl   sorted by the key of the request; tracked by DVC
data/replies/<stage>/_replies.json              the number of replies
data/replies/<stage>/_journal.jsonl             replies of a run that is not finished, or was killed
data/.replies/<stage>.jsonl                     on this machine only: replies that no request needed when the store was
                                                closed, so that going back to an earlier prompt costs nothing

The bytes of the shards depend only on the replies in them. A reply is removed from a file only when another file holds
it, so a process that is killed at any moment loses none. The shards have no manifest (`core.manifest`), because they
are the only copy of what was paid for: a damaged shard is an error, and is not made again.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from lectern.core import io, journal, manifest
from lectern.core.journal import JOURNAL
from lectern.llm.request import Reply

COUNT = "_replies.json"
"""The file with the number of replies, so that the folder is never empty: DVC warns of an empty one."""


class Replies:
    """The replies in a folder, by the keys of their requests."""

    def __init__(self, folder: Path) -> None:
        """Open the store. Its folder is created if absent, since DVC needs it even when it is empty.

        Raises:
            LecternError: a shard is damaged; the message names the line.
        """
        self.folder = folder
        self.spare = folder.parents[1] / ".replies" / f"{folder.name}.jsonl"
        folder.mkdir(parents=True, exist_ok=True)
        self._stored = {
            reply.key: reply for _, reply in journal.read(folder / JOURNAL, Reply.model_validate_json)
        }
        # If both hold a reply, the shard's counts, because other people have that one too, unless it has a problem.
        for reply in self._read_shards():
            if reply.problem is None or reply.key not in self._stored:
                self._stored[reply.key] = reply
        # Spare replies only accumulate, and few are ever needed again, so their texts stay on the disk.
        self._spare = {
            reply.key: place for place, reply in journal.read(self.spare, Reply.model_validate_json)
        }

    def get(self, key: str) -> Reply | None:
        """The reply to the request with this key; `None` if there is none."""
        if key in self._stored or key not in self._spare:
            return self._stored.get(key)
        with self.spare.open("rb") as file:
            file.seek(self._spare[key])
            return Reply.model_validate_json(file.readline())

    def put(self, reply: Reply) -> None:
        """Store a reply, unless the request already has one without a problem. After this call a kill cannot lose it.

        Raises:
            LecternError: the disk is full or read-only.
        """
        stored = self._stored.get(reply.key)
        if stored is None or stored.problem is not None:
            with manifest.disk_failures(self.folder):
                journal.append(self.folder / JOURNAL, [io.to_line(reply)])
            self._stored[reply.key] = reply

    def drop(self, keys: Iterable[str]) -> None:
        """Forget the replies to these requests, so that the next run asks again. Call `close` afterwards."""
        for key in keys:
            self._stored.pop(key, None)
            self._spare.pop(key, None)

    def close(self, needed: Iterable[str]) -> None:
        """Write the store, sorted. It keeps the replies to `needed`; the others stay on this machine as spares.

        Raises:
            LecternError: the disk is full or read-only.
        """
        kept = {key: reply for key in set(needed) if (reply := self.get(key)) is not None}
        shards: dict[str, list[Reply]] = {}
        for key in sorted(kept):
            shards.setdefault(f"{key[:2]}.jsonl", []).append(kept[key])
        with manifest.disk_failures(self.folder):
            spares = [key for key in sorted(self._stored) if key not in kept and key not in self._spare]
            places = journal.append(self.spare, (io.to_line(self._stored[key]) for key in spares))
            self._spare |= dict(zip(spares, places, strict=True))
            for name, replies in shards.items():
                io.update_text(self.folder / name, io.to_lines(replies))
            io.update_text(self.folder / COUNT, io.to_json({"replies": len(kept)}, indent=None) + "\n")
            manifest.remove_unlisted(self.folder, {*shards, COUNT})
            (self.folder / JOURNAL).unlink(missing_ok=True)  # only now: the shards hold its replies
        self._stored = kept

    def _read_shards(self) -> Iterator[Reply]:
        for path in sorted(self.folder.glob("??.jsonl")):
            yield from io.read_jsonl(path, Reply)
