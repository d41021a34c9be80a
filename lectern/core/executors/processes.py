"""Make items in worker processes of this machine.

One pipe to each worker, and nothing that two share: a worker that is killed at any moment, even while it waits, takes
nothing along but the item that it was making. The pools of `concurrent.futures` and loky fail every item when one
worker dies; pebble's fails its item only, but breaks when an idle worker is killed, which holds the pool's lock.
"""

import functools
import math
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from lectern.core import limits as limiting
from lectern.core import stage
from lectern.core.errors import LecternError
from lectern.core.executors import crew
from lectern.core.item import Item, Load, Made, Make, make_one, use_one_blas_thread
from lectern.core.limits import Limits
from lectern.core.printing import show_traceback

REMEDY = "Too little memory is the usual cause: lower compute.workers."
REMEDY_FOR_FILES = "Memory has ended, or somebody ended it: leave the file out, or run `dvc repro` again."
CRASHES = (signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGSEGV, signal.SIGTRAP)
"""By these a library ends its process when a file is other than it expects, or when no memory is left."""
GRACE = 5.0
"""Seconds that a worker gets to end by itself before it is killed."""


def run(
    load: Load,
    items: Sequence[Item],
    scratch: Path,
    suffix: str,
    *,
    workers: int,
    max_tries: int,
    limits: Limits | None = None,
) -> Iterator[Made]:
    """See `compute.run`. When a worker dies, the item that it was making loses one try.

    A worker that crashed, or took more time than `limits` allow, has its item failed at once: the next would do so too.
    """
    processes = _Processes(load, scratch, suffix, workers, limits)
    try:
        yield from crew.make_all(processes, items, workers=workers, max_tries=max_tries)
        processes.dismiss()
    finally:
        processes.stop()


def call_each(
    function: Callable[[Any], Any], arguments: Sequence[Any], limits: Limits
) -> Iterator[tuple[Any, str | None]]:
    """Call a function of a module with each argument, in a worker process under limits, for what a stage must know of
    a stranger's file before it has items. Yields the result and None, or None and why there is none, in order.
    """
    found = [Item(f"{number:09}", {}, {"argument": one}) for number, one in enumerate(arguments)]
    made: dict[str, Made] = {}
    if found:
        with tempfile.TemporaryDirectory() as folder:
            load = functools.partial(_load_function, function)
            ended = run(load, found, Path(folder), "", workers=1, max_tries=3, limits=limits)
            made = {one.id: one for one in ended}
    for item in found:
        facts = made[item.id].facts
        yield facts.get("result"), made[item.id].error or facts["error"]


def _load_function(function: Callable[[Any], Any]) -> Make:
    return functools.partial(_call, function)


def _call(function: Callable[[Any], Any], item: Item, path: Path) -> Mapping[str, Any]:
    path.touch()
    try:
        return {"result": function(item.values["argument"]), "error": None}
    except LecternError as error:
        return {"error": str(error)}


class _Processes:
    def __init__(self, load: Load, scratch: Path, suffix: str, workers: int, limits: Limits | None) -> None:
        # New processes are spawned, never forked: the threads of the libraries do not survive a fork.
        self.context = multiprocessing.get_context("spawn")
        self.order = (load, scratch, suffix, limits)
        self.limits = limits
        self.remedy = REMEDY if limits is None else REMEDY_FOR_FILES
        self.ends: dict[Any, float] = {}  # the same key -> when its item must have been made, by the clock
        self.environment = {} if "OMP_NUM_THREADS" in os.environ else _threads(workers)
        self.workers: dict[Any, SpawnProcess] = {}  # keyed by the driver's end of the pipe

    def start(self) -> Hashable:
        ours, theirs = self.context.Pipe()
        process = self.context.Process(target=_work, args=(theirs, *self.order))
        with _added_to_environment(self.environment):
            process.start()
        theirs.close()  # so that the pipe closes when the worker ends
        self.workers[ours] = process
        return ours

    def give(self, worker: Any, item: Item) -> None:
        if self.limits is not None and self.limits.patience is not None:
            self.ends[worker] = time.monotonic() + self.limits.patience
        with suppress(OSError):  # if the worker has just died, `events` reports that
            worker.send(item)

    def events(self) -> Iterator[tuple[Hashable, crew.Ready | Made | crew.Died]]:
        for pipe in connection.wait(list(self.workers), self._kill_late_workers()):
            assert isinstance(pipe, connection.Connection)
            try:
                message = pipe.recv()
            except (EOFError, OSError):
                process = self.workers.pop(pipe)
                process.join()
                late = self.ends.pop(pipe, math.inf) <= time.monotonic()
                yield pipe, self._explain(process.exitcode, late)
                continue
            self.ends.pop(pipe, None)
            if isinstance(message, Exception):
                raise message
            yield pipe, message

    def _kill_late_workers(self) -> float | None:
        """Kill workers whose item has taken too long by the clock. Returns for how long to wait for the next one."""
        for pipe, end in self.ends.items():
            if end <= time.monotonic():
                self.workers[pipe].kill()
        return max(0.0, min(self.ends.values()) - time.monotonic()) if self.ends else None

    def _explain(self, exitcode: int | None, late: bool) -> crew.Died:
        if self.limits is not None and (late or exitcode == -signal.SIGXCPU):
            return crew.Died(
                f"it took more than {self.limits.patience if late else self.limits.seconds:g} s of "
                f"{'' if late else 'CPU '}time. Leave the file out, or divide it.",
                final=True,
            )
        if self.limits is not None and exitcode is not None and -exitcode in CRASHES:
            return crew.Died(
                f"its reader crashed ({signal.Signals(-exitcode).name}). Leave the file out, or save it anew.",
                final=True,
            )
        return crew.Died(_cause(exitcode))

    def dismiss(self) -> None:
        """Let the workers, which are all idle, end by themselves."""
        for pipe in self.workers:
            pipe.close()
        for process in self.workers.values():
            process.join(GRACE)

    def stop(self) -> None:
        """End every worker that is still running."""
        for process in self.workers.values():
            process.terminate()
        for process in self.workers.values():
            process.join(GRACE)
            process.kill()
            process.join()


def _threads(workers: int) -> dict[str, str]:
    """Limit the workers' threads to the number of cores; OpenMP, MKL and CTranslate2 respect the variable."""
    return {"OMP_NUM_THREADS": str(max(1, count_cores() // workers))}


def count_cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


@contextmanager
def _added_to_environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables while a process starts: a library reads its number of threads when it is loaded."""
    os.environ.update(values)
    try:
        yield
    finally:
        for name in values:
            del os.environ[name]


def _cause(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        return f"killed by {signal.Signals(-exitcode).name}"
    return f"ended with status {exitcode}"


def _work(pipe: Any, load: Load, scratch: Path, suffix: str, limits: Limits | None) -> None:
    """What a worker does: it loads, then makes each item that it receives until the pipe closes.

    Under limits, it ends after an item for which the memory did not suffice: what that left behind is not known.
    """
    # Ctrl-C reaches all processes; only the driver reacts to it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_driver, daemon=True).start()
    stage.quieten_libraries()
    try:
        use_one_blas_thread()
        make = load()
        pipe.send(crew.Ready())
        while True:
            try:
                item = pipe.recv()
            except EOFError:
                return
            if limits is not None:
                limiting.begin(limits)
            made = make_one(make, item, scratch, suffix)
            pipe.send(made)
            if limits is not None and made.exhausted:
                return
    except Exception as error:
        pipe.send(_as_message(error))


def _end_with_driver() -> None:
    driver = multiprocessing.parent_process()
    assert driver
    connection.wait([driver.sentinel])
    os._exit(1)


def _as_message(error: Exception) -> Exception:
    if isinstance(error, LecternError | OSError):
        return error
    show_traceback("".join(traceback.format_exception(error)))
    return LecternError(f"a worker could not load: {type(error).__name__}: {error} (the traceback is above)")
