"""What the chat says of the corpus before anybody asks: who the tuned model is, and which questions to begin with."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

from lectern.apps.review import names
from lectern.core import io, params
from lectern.core.errors import LecternError
from lectern.core.schema import Example, Question, Source
from lectern.settings.generate import Generate

BEGIN = 3
"""How many questions of each kind are offered."""
LONGEST = 240
"""Greatest number of characters of a question that is offered."""
NAMED = 3
"""How many speakers are named."""
READ = 50
"""How many trained recordings are read for the names of their speakers."""
KINDS = {
    "media": "recording",
    "youtube": "recording",
    "podcast": "episode",
    "transcripts": "transcript",
    "website": "page",
    "documents": "document",
    "table": "table",
}
"""Kind of a source -> what its items are called."""


class Corpus:
    """The rows, the sources and the evaluation sets of a repository; read at each question, for they may change."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = Lock()
        self._stamp: Any = None
        self._tuned = ""

    def describe_tuned(self) -> str:
        """Say whose answers the tuned model learned, and from how many sources; empty if there are no rows.

        Raises:
            LecternError: a file of the outputs is broken.
        """
        path = self._root / "data/splits/train.jsonl"
        if not path.is_file():
            return ""
        stamp = tuple(
            each.stat().st_mtime_ns
            for each in (path, self._root / "data/conversations", self._root / "data/corrections")
            if each.exists()
        )
        with self._lock:
            if stamp != self._stamp:
                rows = io.read_jsonl(path, Example)
                self._tuned = self._describe(rows) if rows else ""
                self._stamp = stamp
            return self._tuned

    def _describe(self, rows: Sequence[Example]) -> str:
        items = sorted({row.provenance.item for row in rows})
        kinds = Counter(KINDS.get(self._kind(item), "source") for item in items)
        sources = join(count(number, noun) for noun, number in kinds.most_common())
        seconds: Counter[str] = Counter()
        for item in items[:READ]:
            seconds.update(names.list_answering(self._root, item))
        who = [name for name, _ in seconds.most_common()]
        if len(who) > NAMED:
            who = [*who[: NAMED - 1], count(len(who) - NAMED + 1, "other")]
        told = f"{join(who)}, from {sources}" if who else f"learned from {sources}"
        return f"{told} ({count(len(rows), 'row')})"

    def title(self, item: str) -> str:
        """Return the title of an item, or its id if it has none."""
        source = self._source(item)
        return (source and source.title) or item

    def _kind(self, item: str) -> str:
        source = self._source(item)
        return source.kind if source else ""

    def _source(self, item: str) -> Source | None:
        path = self._root / "data/raw" / item / "item.json"
        if path.parent.parent != self._root / "data/raw":
            return None  # an item is a name, never a path
        try:
            return io.read_json(path, Source) if path.is_file() else None
        except LecternError:
            return None

    def list_held_out(self) -> list[str]:
        """Return questions of held-out rows, the first of each source before the second of any.

        Raises:
            LecternError: the file of the rows is broken.
        """
        path = self._root / "data/splits/test.jsonl"
        by_item: dict[str, list[str]] = {}
        for row in io.read_jsonl(path, Example) if path.is_file() else []:
            asked = [message.content for message in row.messages if message.role != "system"]
            if len(asked) == 2 and len(asked[0]) <= LONGEST:
                by_item.setdefault(row.provenance.item, []).append(asked[0])
        most = max(map(len, by_item.values()), default=0)
        found = [asked[at] for at in range(most) for asked in by_item.values() if at < len(asked)]
        return list(dict.fromkeys(found))[:BEGIN]

    def list_of_people(self) -> list[str]:
        """Return questions of the sets that `generate.evals` names, evenly over each set.

        Raises:
            LecternError: params.yaml or a set is not valid.
        """
        found = []
        for name in params.load("generate", Generate, self._root / "params.yaml").evals:
            path = self._root / "data/evals" / f"{name}.jsonl"
            asked = [each.question for each in io.read_jsonl(path, Question)] if path.is_file() else []
            found += [question for question in asked if len(question) <= LONGEST]
        return [found[len(found) * at // BEGIN] for at in range(min(BEGIN, len(found)))]


def count(number: int, noun: str) -> str:
    """Write a count with its noun: `1 row`, `1,204 rows`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def join(parts: Iterable[str]) -> str:
    """Join words as in a sentence: `a`, `a and b`, `a, b and c`."""
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last
