"""The rows and decisions that all tabs share; they are read again when their files change."""

from pathlib import Path
from threading import Lock

from lectern.apps.review import decisions, row_index
from lectern.apps.review.decisions import Decisions
from lectern.apps.review.row_index import Rows


class State:
    """The newest state. Call `get` in a thread, since reading 100,000 rows takes seconds."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = Lock()
        self._rows: Rows | None = None
        self._decisions: Decisions | None = None

    def get(self) -> tuple[Rows, Decisions]:
        """Return the current rows and decisions.

        Raises:
            LecternError: an output or a decision cannot be read; the message names the file.
        """
        with self._lock:
            if self._rows is None or self._rows.stamp != row_index.take_stamp(self._root):
                self._rows = row_index.build(self._root)
            if self._decisions is None or self._decisions.stamp != decisions.take_stamp(self._root):
                self._decisions = decisions.read(self._root)
            return self._rows, self._decisions

    def forget(self) -> None:
        """Read decisions again after one was written, even if the file times do not show it because it was so quick."""
        with self._lock:
            self._decisions = None

    def is_stale(self, rows: Rows, known: Decisions) -> bool:
        """Tell whether something changed since `get` returned these."""
        return (
            rows.stamp != row_index.take_stamp(self._root)
            or known is not self._decisions
            or known.stamp != decisions.take_stamp(self._root)
        )
