"""What a crawl has done so far, so that one that was killed goes on: a line for each address.

It stands in a folder beside the pages. A crawl that ended leaves none. What failed has no line, and so gets another
chance.
"""

import fcntl
import hashlib
import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Literal, TextIO

from pydantic import Field, ValidationError

from lectern.core.errors import LecternError
from lectern.core.schema import Record
from lectern.sources.crawl.job import Job
from lectern.sources.crawl.pages import Page

_TOO_OLD = 24 * 3600
"""Seconds after which a crawl begins anew: what it saw first may not be so any more."""
_PATIENCE = 5.0

Outcome = Literal["new", "changed", "unchanged", "gone", "failed", "redirect", "skipped", "noindex"]


class Visit(Record):
    """What became of one address."""

    url: str
    outcome: Outcome
    links: list[str] = Field(default_factory=list)
    target: str | None = Field(default=None, description="of a redirect")
    canonical: str | None = Field(default=None, description="where the page says that it really stands")
    page: Page | None = Field(default=None, description="that is kept")
    note: str = Field(default="", description="why it failed, or what else is to be said")


class Journal:
    """The open journal of a crawl."""

    def __init__(self, visits: dict[str, Visit], file: TextIO) -> None:
        """`visits`: those that were made before the crawl was cut off."""
        self.visits, self.file = visits, file

    def add(self, visit: Visit) -> None:
        """Remember a visit; it is on disk when this returns."""
        self.file.write(visit.model_dump_json() + "\n")
        self.file.flush()


@contextmanager
def opened(job: Job) -> Iterator[Journal]:
    """The journal of a crawl: that of the same job where it was cut off, else an empty one.

    It is gone when the block ends well.

    Raises:
        LecternError: another process crawls the same source.
    """
    scratch = Path(job.scratch)
    scratch.mkdir(parents=True, exist_ok=True)
    path = scratch / "journal.jsonl"
    with (scratch / "lock").open("w") as lock:
        _take(lock, job)
        begin = json.dumps({"job": _digest(job)})
        visits = _read(path, begin)
        temporary = scratch / "journal.tmp"  # rewritten whole: the last line may have been cut off
        lines = [begin, *(visit.model_dump_json() for visit in visits.values())]
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
        temporary.replace(path)
        with path.open("a", encoding="utf-8") as file:
            yield Journal(visits, file)
        shutil.rmtree(scratch)


def _take(lock: TextIO, job: Job) -> None:
    until = time.monotonic() + _PATIENCE  # one whose parent was killed ends at once, but not in no time
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise LecternError(
                    f"another process crawls {job.folder} now. Wait until it has ended."
                ) from None
            time.sleep(0.05)


def _digest(job: Job) -> str:
    values = {key: value for key, value in asdict(job).items() if key not in ("headers", "secrets")}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _read(path: Path, begin: str) -> dict[str, Visit]:
    if not path.is_file() or time.time() - path.stat().st_mtime > _TOO_OLD:
        return {}
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    if lines[0] != begin:
        return {}
    visits = {}
    for line in filter(None, lines[1:]):
        try:
            visit = Visit.model_validate_json(line)
        except ValidationError:
            continue
        visits[visit.url] = visit
    return visits
