"""Look up what the sources say of a question, as the stage `retrieve` does, in all of data/index."""

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

from lectern.core import items, params
from lectern.core.manifest import MANIFEST
from lectern.core.schema import Found, Message, Sentence, Unit
from lectern.llm import prompting
from lectern.retrieval import prompts
from lectern.retrieval.index import Index
from lectern.retrieval.lookup import describe, write_query
from lectern.retrieval.support import Sources
from lectern.settings.retrieval import Retrieval


class Library:
    """The passages and turns of data/index, read at the first question and again when they change."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._manifest = root / "data/index" / MANIFEST
        self._lock = Lock()
        self._stamp: Any = None
        self._index = Index([], [])
        self._sources: Sources | None = None

    @property
    def is_there(self) -> bool:
        """Whether there is anything to look up."""
        return self._manifest.is_file() and bool(items.read(self._manifest.parent))

    def look_up(self, messages: Sequence[Message]) -> tuple[list[Message], list[Found]]:
        """Return the messages with what was found in the last question, and what was found.

        Raises:
            LecternError: params.yaml is not valid, or there is no such prompt.
        """
        settings = params.load("retrieval", Retrieval, self._root / "params.yaml")
        with self._lock:
            self._refresh(settings.methods)
            (hits,) = self._index.search([write_query(messages)])
        chosen = prompts.choose(
            [describe(hit) for hit in hits], most=settings.passages, max_words=settings.max_words
        )
        return prompts.place(messages, chosen, prompting.load(settings.prompt)), chosen

    def support(self, text: str) -> list[Sentence]:
        """Return the sentences of an answer, each with the place in the sources that says something like it.

        Raises:
            LecternError: params.yaml is not valid.
        """
        settings = params.load("retrieval", Retrieval, self._root / "params.yaml")
        with self._lock:
            self._refresh(settings.methods)
            if self._sources is None:
                self._sources = Sources(self._index.units, meanings=True)
            (found,) = self._sources.support([text])
        return found

    def _refresh(self, methods: Sequence[str]) -> None:
        state = self._manifest.stat() if self.is_there else None
        stamp = (state and (state.st_mtime_ns, state.st_size), tuple(methods))
        if stamp != self._stamp:
            known = items.read_records(self._manifest.parent, Unit) if state else []
            self._index, self._sources, self._stamp = Index(known, methods), None, stamp
