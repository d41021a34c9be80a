"""The store of replies: no call is paid for twice, and whoever has the store needs no LLM.

data/replies/<stage>/<first two digits>.jsonl   by the key of the request, in its order; tracked by DVC
data/replies/<stage>/_journal.jsonl             replies of a run that is under way, or was killed
data/.replies/<stage>.jsonl                     on this machine only: replies that no request asks for now
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import ValidationError

from stages.core import io
from stages.llm.request import Reply

JOURNAL = "_journal.jsonl"


class Replies:
    """The replies in a folder, by the key of their request."""

    def __init__(self, folder: Path) -> None:
        """Open the store, which may not exist yet."""
        self.folder = folder
        self.spare = folder.parents[1] / ".replies" / f"{folder.name}.jsonl"
        folder.mkdir(parents=True, exist_ok=True)
        self._stored = {reply.key: reply for reply in self._read_shards()}
        self._stored |= {reply.key: reply for reply in _read_lines(folder / JOURNAL)}
        self._spare = {reply.key: reply for reply in _read_lines(self.spare)}

    def get(self, key: str) -> Reply | None:
        """The reply to the request with this key, if there is one."""
        return self._stored.get(key) or self._spare.get(key)

    def put(self, reply: Reply) -> None:
        """Store a reply; after this call no kill loses it."""
        self._stored[reply.key] = reply
        _append(self.folder / JOURNAL, [reply])

    def close(self, needed: Iterable[str]) -> None:
        """Write the store in its order. It keeps the replies to `needed`; the others stay on this machine as spares."""
        wanted = set(needed)
        kept = {key: reply for key in wanted if (reply := self.get(key)) is not None}
        _append(
            self.spare, [r for r in self._stored.values() if r.key not in kept and r.key not in self._spare]
        )
        shards: dict[str, list[Reply]] = {}
        for key in sorted(kept):
            shards.setdefault(f"{key[:2]}.jsonl", []).append(kept[key])
        for name, replies in shards.items():
            io.write_jsonl(self.folder / name, replies)
        for path in self.folder.iterdir():
            if path.name not in shards:
                path.unlink()
        self._stored = kept

    def _read_shards(self) -> Iterator[Reply]:
        for path in sorted(self.folder.glob("??.jsonl")):
            yield from io.read_jsonl(path, Reply)


def _read_lines(path: Path) -> Iterator[Reply]:
    """The replies in a file whose last line may be half a line."""
    if not path.is_file():
        return
    for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
        try:
            yield Reply.model_validate_json(line)
        except ValidationError:
            continue


def _append(path: Path, replies: list[Reply]) -> None:
    if replies:
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = (io.to_json(reply.model_dump(mode="json"), indent=None) for reply in replies)
        with path.open("a", encoding="utf-8", newline="\n") as file:
            file.write("".join(f"\n{line}\n" for line in lines))
