"""Worker processes that need not start a Python and import again: multiprocessing's fork server has done so.

The library asks for "spawn". Under test it gets a process that a server of one thread forks, which has imported what
most workers import (imported.py) and knows nothing of the tests. A spawned process costs .3 to 1.5 s of CPU time, and
the tests start hundreds. As a spawned one would, it takes the variables and the open files 1 and 2 of the moment at
which it starts. Stages that tests run as processes of their own spawn theirs.
"""

import contextlib
import multiprocessing
import os
import pickle
import resource
import sys
from collections.abc import Mapping, Sequence
from multiprocessing import context, forkserver, reduction
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parents[2]
_get_context = multiprocessing.get_context


class Worker(context.ForkServerProcess):
    """A process that a test may start; the state of the server does not show in it."""

    def __reduce_ex__(self, _: Any) -> Any:
        files = [reduction.DupFd(number) for number in (1, 2)]
        return _resume, (dict(os.environ), files, bytes(reduction.ForkingPickler.dumps(self.__dict__)))

    @staticmethod
    def _Popen(process: Any) -> Any:  # noqa: N802 - multiprocessing calls it so
        with contextlib.chdir(ROOT):  # where the server finds what it imports
            forkserver.ensure_running()
        return context.ForkServerProcess._Popen(process)  # type: ignore[attr-defined]


def _resume(environment: Mapping[str, str], files: Sequence[Any], state: bytes) -> Worker:
    """In the new process, before anything of what it shall do is imported."""
    os.environ.clear()
    os.environ.update(environment)
    for number, file in enumerate(files, 1):
        opened = file.detach()
        os.dup2(opened, number)
        os.close(opened)
    worker = Worker.__new__(Worker)
    worker.__dict__.update(pickle.loads(state))
    return worker


class Context(context.ForkServerContext):
    """Stands for multiprocessing's "spawn"."""

    Process = Worker  # type: ignore[assignment]


def install() -> None:
    """From now on, whoever asks for "spawn" in this process gets warm workers."""
    if not sys.platform.startswith("linux"):
        return
    warm = Context()
    warm.set_forkserver_preload(["tests.warm.imported"])
    multiprocessing.get_context = (  # type: ignore[assignment]
        lambda method=None: warm if method == "spawn" else _get_context(method)
    )
    os.register_at_fork(after_in_child=_uninstall)


def seconds() -> float:
    """CPU seconds of the processes that this one has started and that have ended."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = ended.ru_utime + ended.ru_stime
    if (server := forkserver._forkserver._forkserver_pid) is not None:
        times = psutil.Process(server).cpu_times()
        spent += times.children_user + times.children_system
    return spent


def _uninstall() -> None:
    """The server serves the process that started it alone; one that a test forks spawns its workers."""
    multiprocessing.get_context = _get_context
