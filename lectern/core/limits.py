"""Limits of time, memory and written bytes for reading what comes from strangers, in a process that may die of them.

A file of a few kilobytes can keep its reader busy for hours, unpack to a terabyte, or crash a library. So a step that
reads such files makes its items in a worker process under these limits (`executors/processes.py`), and a file that
goes beyond them is one failed item with its name. The system enforces them, so that no reader needs to look.

Time is counted as CPU time, so that a busy machine fails no item. Memory is what the process has beyond what it had
when the item began; it is limited on Linux alone.
"""

import math
import os
import resource
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Limits:
    """What one item may take."""

    seconds: int
    """CPU time"""
    megabytes: int
    """memory"""
    written: int
    """megabytes of the largest file that may be written"""
    patience: float | None = 600.0
    """seconds by the clock, since a reader may also wait for ever; None for an item that is downloaded"""


def begin(limits: Limits) -> None:
    """Let this process take as much from now on. Beyond it, SIGXCPU ends it, or it gets a MemoryError or an OSError."""
    _limit(resource.RLIMIT_CPU, math.ceil(_seconds_so_far()) + limits.seconds)
    _limit(resource.RLIMIT_FSIZE, limits.written * 1_000_000)
    if (so_far := _bytes_so_far()) is not None:
        _limit(resource.RLIMIT_DATA, so_far + limits.megabytes * 1_000_000)


def allow(seconds: float) -> None:
    """Let the item take more CPU time, as a long document may. Without limits, this does nothing."""
    soft, _ = resource.getrlimit(resource.RLIMIT_CPU)
    if soft != resource.RLIM_INFINITY:
        _limit(resource.RLIMIT_CPU, soft + math.ceil(seconds))


@contextmanager
def aside(seconds: float) -> Iterator[None]:
    """Let the block take so much CPU time of its own, such as a download, and the item as much as before."""
    soft, _ = resource.getrlimit(resource.RLIMIT_CPU)
    before = _seconds_so_far()
    allow(seconds)
    try:
        yield
    finally:
        if soft != resource.RLIM_INFINITY:
            _limit(resource.RLIMIT_CPU, math.ceil(soft + _seconds_so_far() - before))


class BeyondError(Exception):
    """A block has taken more time or memory than it may."""


@contextmanager
def within(seconds: float, megabytes: int) -> Iterator[None]:
    """Let the block, which runs a stranger's program such as a chat template, take so much CPU time and memory.

    It must run Python code, which alone can be interrupted. In a thread other than the first, nothing is limited.

    Raises:
        BeyondError: it took more.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: object) -> None:
        raise BeyondError(f"more than {seconds:g} s")

    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    if (so_far := _bytes_so_far()) is not None:
        _limit(resource.RLIMIT_DATA, min(so_far + megabytes * 1_000_000, soft if soft >= 0 else sys.maxsize))
    try:
        yield
    except MemoryError as error:
        raise BeyondError(f"more than {megabytes} MB of memory") from error
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _limit(kind: int, value: int) -> None:
    """Set the soft limit; the hard one stays, so that the next item can have its own."""
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    with suppress(ValueError, OSError):  # a system that cannot limit this
        resource.setrlimit(kind, (value, hard))


def _seconds_so_far() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _bytes_so_far() -> int | None:
    """What RLIMIT_DATA counts: the writable memory of this process."""
    if sys.platform != "linux":
        return None
    return int(Path("/proc/self/statm").read_text().split()[5]) * os.sysconf("SC_PAGE_SIZE")
