"""Run a crawl in a process of its own: Twisted's reactor can only start once per process, and its log is global.

The process reads the job from its standard input and writes events to its standard output, one JSON object a line. It
ends when its input ends, so it never outlives its parent, however that ended. The job contains the secrets, so they are
not in the arguments, which other users can list.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

import lectern
from lectern.core.errors import LecternError
from lectern.core.printing import last_lines


@dataclass(frozen=True)
class Job:
    """What to crawl and how; `lectern/sources/website.py` explains the fields of the same names."""

    folder: str
    scratch: str
    """Folder of the state of a running crawl."""
    start: list[str]
    sitemaps: list[str] | None
    hosts: list[str]
    include: list[str]
    exclude: list[str]
    max_depth: int
    max_pages: int
    max_alike: int
    delay: float
    concurrency: int
    retries: int
    longest_wait: float
    timeout: float
    max_bytes: int
    render: str
    render_below: int
    documents: bool
    gone: str
    obey_robots: bool
    allow_private: bool
    headers: dict[str, str]
    """With their secrets filled in."""
    secrets: list[str]
    """Texts that no stored page may contain."""
    refresh: bool
    """Whether to download each page again even if it is unchanged."""


@dataclass(frozen=True)
class Report:
    """The result of a crawl."""

    pages: int
    """Number of pages that are stored now."""
    counts: Mapping[str, int]
    """Outcome -> number of addresses."""
    failures: list[str]
    """What could not be fetched, and why."""
    problems: list[str]
    """Those failures that leave the crawl without a start."""
    notes: list[str]
    """Other facts that a person should know."""


def run(job: Job, name: str) -> Report:
    """Crawl, with a progress bar; `name` stands for the source in messages.

    Raises:
        LecternError: the crawl had to stop; what was fetched is kept.
    """
    root = str(Path(lectern.__file__).parents[1])
    paths = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    last: Mapping[str, Any] = {}
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said,
        tqdm(desc=name, unit="page", disable=None) as bar,
        subprocess.Popen(
            [sys.executable, "-m", "lectern.sources.crawl.process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            env={**os.environ, "PYTHONPATH": paths},
            start_new_session=True,  # only the parent reacts to an interrupt
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(BrokenPipeError):  # its error output then says why
            process.stdin.write(json.dumps(asdict(job)) + "\n")
            process.stdin.flush()
        for line in process.stdout:
            last = json.loads(line)
            if "found" in last:
                bar.total = last["found"]
                bar.update(last["done"] - bar.n)
            if "report" in last:
                break  # do not wait for Scrapy to close its connections
        if "report" not in last:
            process.wait()
            said.seek(0)
            reason = last.get("error") or " ".join(last_lines(said.read())) or "the crawler gave no reason"
            raise LecternError(f"{name}: {reason}")
    return Report(**last["report"])
