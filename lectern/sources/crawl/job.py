"""A crawl as its own process, since Twisted's reactor starts once in a process and its log is the whole process's.

The process reads the job from its standard input and writes events to its standard output, one JSON a line. It ends
when its input does: so it never outlives whoever started it, however that ended. Secrets stand in the job, and so in no
argument that others may list.
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
    """What to crawl, and how; `lectern/sources/website.py` explains the fields of the same names."""

    folder: str
    scratch: str
    """folder of what a crawl remembers while it runs"""
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
    """with their secrets"""
    secrets: list[str]
    """that no page may repeat"""
    refresh: bool
    """ask for each page whole, whatever is known of it"""


@dataclass(frozen=True)
class Report:
    """What came of a crawl."""

    pages: int
    """that are kept now"""
    counts: Mapping[str, int]
    """outcome -> how many"""
    failures: list[str]
    """what could not be fetched, and why"""
    problems: list[str]
    """of these, the ones that leave the crawl without a start"""
    notes: list[str]
    """what else a person would want to know"""


def run(job: Job, name: str) -> Report:
    """Crawl, with a progress bar.

    Raises:
        LecternError: the crawl could not go on; what was fetched is kept.
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
            start_new_session=True,  # an interrupt is the parent's matter
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(BrokenPipeError):  # then its error output says why
            process.stdin.write(json.dumps(asdict(job)) + "\n")
            process.stdin.flush()
        for line in process.stdout:
            last = json.loads(line)
            if "found" in last:
                bar.total = last["found"]
                bar.update(last["done"] - bar.n)
            if "report" in last:
                break  # Scrapy would still take its time to close connections
        if "report" not in last:
            process.wait()
            said.seek(0)
            reason = last.get("error") or " ".join(last_lines(said.read())) or "it said nothing"
            raise LecternError(f"{name}: {reason}")
    return Report(**last["report"])
