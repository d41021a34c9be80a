"""The progress of a crawl, one line for each address, so that a killed crawl continues.

It stands in a folder beside the pages. A crawl that ended leaves none. What failed has no line, and so gets another
chance. Beside what `core.journal` does, it belongs to one job, named in its first line, to one process at a time, and
to one day, because a site that is crawled changes meanwhile.
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

from pydantic import Field

from lectern.core import journal
from lectern.core.errors import LecternError
from lectern.core.io import parse_json
from lectern.core.schema import Record
from lectern.sources.crawl.job import Job
from lectern.sources.crawl.pages import Page

_TOO_OLD = 24 * 3600
"""Seconds after which a crawl starts anew, because the pages that it saw first may have changed."""
_PATIENCE = 30.0

VisitOutcome = Literal["new", "changed", "unchanged", "gone", "failed", "redirect", "skipped", "noindex"]


class Visit(Record):
    """The result for one address."""

    url: str
    outcome: VisitOutcome
    links: list[str] = Field(default_factory=list)
    target: str | None = Field(default=None, description="of a redirect")
    canonical: str | None = Field(
        default=None, description="the address that the page names as its canonical one"
    )
    page: Page | None = Field(default=None, description="the page, if it is kept")
    note: str = Field(default="", description="why it failed, or another remark")


class Journal:
    """The open journal of a crawl."""

    def __init__(self, visits: dict[str, Visit], path: Path) -> None:
        """Take the visits that were made before the crawl was cut off, and the open file."""
        self.visits, self.path = visits, path

    def add(self, visit: Visit) -> None:
        """Record a visit. It is in the file when this returns."""
        journal.append(self.path, [visit.model_dump_json()])


@contextmanager
def opened(job: Job) -> Iterator[Journal]:
    """The journal of a crawl: that of the same job if it was cut off, else an empty one.

    It is removed when the block ends without an exception.

    Raises:
        LecternError: another process is crawling the same source.
    """
    scratch = Path(job.scratch)
    scratch.mkdir(parents=True, exist_ok=True)
    path = scratch / "journal.jsonl"
    with (scratch / "lock").open("w") as lock:
        _take(lock, job)
        visits = _read(path, _digest(job))
        if visits is None:
            path.unlink(missing_ok=True)
            journal.append(path, [json.dumps({"job": _digest(job)})])
        yield Journal(visits or {}, path)
        shutil.rmtree(scratch)


def _take(lock: TextIO, job: Job) -> None:
    until = (
        time.monotonic() + _PATIENCE
    )  # one whose parent was killed ends soon, on a busy machine after some seconds
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise LecternError(
                    f"another process is crawling {job.folder}. Wait until it has ended."
                ) from None
            time.sleep(0.05)


def _digest(job: Job) -> str:
    values = {key: value for key, value in asdict(job).items() if key not in ("headers", "secrets")}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _read(path: Path, digest: str) -> dict[str, Visit] | None:
    """The visits of a crawl of the same job that was cut off not long ago; None where there was none."""
    if not path.is_file() or time.time() - path.stat().st_mtime > _TOO_OLD:
        return None
    found = [value for _, value in journal.read(path, _parse)]
    return {one.url: one for one in found if isinstance(one, Visit)} if found[:1] == [digest] else None


def _parse(line: bytes) -> Visit | str:
    """A visit, or the digest of the job."""
    value = parse_json(line)
    return str(value["job"]) if "job" in value else Visit.model_validate(value)
