"""Find the training rows most similar to an answer, by their embeddings (`models.embeddings`, an English model)."""

from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from lectern.core import io
from lectern.core.errors import LecternError
from lectern.core.schema import Example
from lectern.models import embeddings

SHOWN = 5
QUICK = 4_000_000
"""Greatest size in bytes of a file of rows whose embeddings are ready in seconds, so that nobody need ask for them."""


@dataclass(frozen=True)
class Near:
    """A training row and its similarity to the answer."""

    row: Example
    similarity: float
    """cosine of the embeddings, -1 to 1"""


class Index:
    """The embeddings of data/splits/train.jsonl, computed at the first question and again when the file changes."""

    def __init__(self, root: Path) -> None:
        self._path = root / "data/splits/train.jsonl"
        self._lock = Lock()
        self._stamp: Any = None
        self._rows: list[Example] = []
        self._vectors: Any = None

    @property
    def is_quick(self) -> bool:
        """Whether there are rows, and few enough to look for the nearest one below each answer."""
        return self._path.is_file() and 0 < self._path.stat().st_size <= QUICK

    def find(self, question: str, answer: str, most: int = SHOWN) -> list[Near]:
        """Return the most similar rows, the most similar first. Of a row, the text of all messages counts.

        Raises:
            LecternError: there are no training rows.
        """
        import numpy as np

        with self._lock:
            self._refresh()
            if not self._rows:
                raise LecternError(f"{self._path} has no rows")
            [wanted] = embeddings.embed([f"{question}\n{answer}"])
            similarities = self._vectors @ wanted
        best = np.argsort(-similarities, kind="stable")[:most]
        return [Near(self._rows[number], float(similarities[number])) for number in best]

    def _refresh(self) -> None:
        if not self._path.is_file():
            raise LecternError(f"{self._path} does not exist. Run `dvc repro`, which makes what is missing.")
        state = self._path.stat()
        stamp = (state.st_mtime_ns, state.st_size)
        if stamp != self._stamp:
            self._rows = io.read_jsonl(self._path, Example)
            texts = ["\n".join(m.content for m in row.messages if m.role != "system") for row in self._rows]
            self._vectors = embeddings.embed(texts, quick=len(texts) > 2000)
            self._stamp = stamp
