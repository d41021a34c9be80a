"""Make items in worker processes of this machine.

One pipe to each worker, and nothing that two share: a worker that is killed at any moment, even while it waits, takes
nothing along but the item that it was making. The pools of `concurrent.futures` and loky fail every item when one
worker dies; pebble's fails its item only, but breaks when an idle worker is killed, which holds the pool's lock.
"""

import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from lectern.core import stage
from lectern.core.errors import LecternError
from lectern.core.executors import crew
from lectern.core.item import Item, Load, Made, make_one, use_one_blas_thread

GRACE = 5.0
"""Seconds that a worker gets to end by itself before it is killed."""


def run(
    load: Load, items: Sequence[Item], scratch: Path, suffix: str, *, workers: int, max_tries: int
) -> Iterator[Made]:
    """See `compute.run`. When a worker dies, the item that it was making loses one try."""
    processes = _Processes(load, scratch, suffix, workers)
    try:
        yield from crew.make_all(processes, items, workers=workers, max_tries=max_tries)
        processes.dismiss()
    finally:
        processes.stop()


class _Processes:
    remedy = "Too little memory is the usual cause: lower compute.workers."

    def __init__(self, load: Load, scratch: Path, suffix: str, workers: int) -> None:
        # New processes are spawned, never forked: the threads of the libraries do not survive a fork.
        self.context = multiprocessing.get_context("spawn")
        self.order = (load, scratch, suffix)
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
        with suppress(OSError):  # if the worker has just died, `events` reports that
            worker.send(item)

    def events(self) -> Iterator[tuple[Hashable, crew.Ready | Made | crew.Died]]:
        for pipe in connection.wait(list(self.workers)):
            assert isinstance(pipe, connection.Connection)
            try:
                message = pipe.recv()
            except (EOFError, OSError):
                process = self.workers.pop(pipe)
                process.join()
                yield pipe, crew.Died(_cause(process.exitcode))
                continue
            if isinstance(message, Exception):
                raise message
            yield pipe, message

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


def _work(pipe: Any, load: Load, scratch: Path, suffix: str) -> None:
    """What a worker does: it loads, then makes each item that it receives until the pipe closes."""
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
            pipe.send(make_one(make, item, scratch, suffix))
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
    traceback.print_exception(error)
    return LecternError(f"a worker could not load: {type(error).__name__}: {error} (the traceback is above)")
