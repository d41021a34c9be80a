"""The rows and the decisions as all tabs share them, read again when their files change."""

from pathlib import Path
from threading import Lock

from lectern.apps.review import decisions, row_index
from lectern.apps.review.decisions import Decisions
from lectern.apps.review.row_index import Rows


class State:
    """The newest state that was read; reading takes seconds with 100,000 rows, so it happens in a thread."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = Lock()
        self._rows: Rows | None = None
        self._decisions: Decisions | None = None

    def get(self) -> tuple[Rows, Decisions]:
        """The rows and decisions as they are now.

        Raises:
            LecternError: an output or a decision cannot be read; names the file.
        """
        with self._lock:
            if self._rows is None or self._rows.stamp != row_index.take_stamp(self._root):
                self._rows = row_index.build(self._root)
            if self._decisions is None or self._decisions.stamp != decisions.take_stamp(self._root):
                self._decisions = decisions.read(self._root)
            return self._rows, self._decisions

    def forget(self) -> None:
        """A decision was written: read them again, even if so soon after the last that no time of a file tells it."""
        with self._lock:
            self._decisions = None

    def is_stale(self, rows: Rows, known: Decisions) -> bool:
        """Whether others changed something since `get` gave these."""
        return (
            rows.stamp != row_index.take_stamp(self._root)
            or known is not self._decisions
            or known.stamp != decisions.take_stamp(self._root)
        )
