"""What every stage does besides its own work: it measures its time, prints one line, and shows readable errors."""

import logging
import os
import resource
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn

from lectern.core import runtime
from lectern.core.errors import LecternError
from lectern.core.printing import say, warn

RUNTIME = runtime.FOLDER

_more: dict[str, float | None] = {}


def record(figures: Mapping[str, float | None]) -> None:
    """Add figures of this machine, such as speed or cost, to the stage's file in `metrics/runtime`."""
    _more.update(figures)


def run(name: str, main: Callable[[], object]) -> None:
    """Run a stage's main, print `name: <result>`, and record its time and memory in `metrics/runtime`.

    A `LecternError` becomes its message and exit status 1. Time and memory are kept outside git and DVC,
    because they differ between runs that otherwise agree.
    """
    quieten_libraries()
    began = time.perf_counter()
    try:
        result = main()
    except LecternError as error:
        _fail(name, str(error))
    except KeyboardInterrupt:
        _fail(name, "interrupted; what was finished is kept, and the next `dvc repro` continues from there")
    figures = {**_usage(time.perf_counter() - began), **_more}
    runtime.write(RUNTIME, name, figures, Path.cwd())
    say(f"{name}: {result}")


def quieten_libraries() -> None:
    """Leave out what libraries say of their own future and of missing GPU kernels; let threads that wait sleep soon.

    Call it before torch or llama.cpp is loaded.
    """
    # By default, threads that wait for work spin. On a machine that is busy with something else, a step of training
    # or an answer of llama.cpp then takes several times the CPU. Threads that sleep at once have to be woken for each
    # of the thousands of small products of a step, which takes a fifth of its time. So they spin for some microseconds.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)


def _usage(wall: float) -> dict[str, float]:
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    cpu = own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
    unit = 1 if sys.platform == "darwin" else 1024  # ru_maxrss is in bytes on macOS, in KiB on Linux
    peak = max(own.ru_maxrss, children.ru_maxrss) * unit
    return {"seconds": round(wall, 1), "cpu_seconds": round(cpu, 1), "peak_memory_mb": round(peak / 1e6)}


def _fail(name: str, message: str) -> NoReturn:
    warn(f"{name}: error: {message}")
    raise SystemExit(1)
