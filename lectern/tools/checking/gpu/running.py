"""Run checks one after the other within a budget of time. A check that fails stops no other."""

import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec

from lectern.core.errors import LecternError
from lectern.core.printing import one_line, warn
from lectern.tools.checking.gpu.bench import Bench
from lectern.tools.checking.gpu.catalog import Check
from lectern.tools.checking.gpu.found import Found, NotRunError, NotSoError
from lectern.tools.checking.gpu.report import Outcome, State
from lectern.training import out_of_memory

LONGEST = 600
"""Characters of a message."""
AGAIN = 5.0
"""Seconds after which a check that swallowed the end of its time is told again."""


class OutOfTimeError(BaseException):
    """The budget is used up. It is no Exception, so that no library mistakes it for a failure of its own."""


def run(checks: Sequence[Check], bench: Bench) -> Iterator[Outcome]:
    """Yield what each check found, in their order. What the budget leaves no time for is named, and not run."""
    for check in checks:
        began = time.monotonic()
        state, message, found = _try(check, bench)
        outcome = Outcome(
            name=check.name,
            proves=check.proves,
            state=state,
            message=message,
            seconds=round(time.monotonic() - began, 2),
            figures=found.figures,
            trainings=found.trainings,
        )
        warn(f"check: {state:<13} {check.name} ({outcome.seconds:.1f} s){f': {message}' if message else ''}")
        yield outcome


def _try(check: Check, bench: Bench) -> tuple[State, str | None, Found]:
    """Make one check; returns its state, why it did not pass, and what it found."""
    if missing := [name for name in check.needs if find_spec(name) is None]:
        return "not_run", f"{', '.join(missing)} is not installed", Found()
    if bench.left <= check.least:
        return "not_run", f"{bench.left:.0f} seconds of the budget are left", Found()
    try:
        with _limited(bench.left):
            return "passed", None, check.run(bench)
    except OutOfTimeError:
        return "not_run", "the budget was used up while it ran", Found()
    except NotRunError as error:
        return "not_run", one_line(str(error), LONGEST), Found()
    except Exception as error:
        found = error.found if isinstance(error, NotSoError) else Found()
        return "out_of_memory" if lacks_memory(error) else "failed", _describe(error), found


def _describe(error: Exception) -> str:
    name = "" if isinstance(error, LecternError) else f"{type(error).__name__}: "
    return name + one_line(str(error), LONGEST)


def lacks_memory(error: BaseException | None) -> bool:
    """Whether an error, or one that it came of, is a lack of memory."""
    import torch

    while error is not None:
        if isinstance(error, MemoryError | torch.OutOfMemoryError):
            return True
        if isinstance(error, RuntimeError) and any(sign in str(error) for sign in out_of_memory.SIGNS):
            return True
        error = error.__cause__
    return False


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Raise OutOfTimeError in the block once the time is over. Only the main thread of a process can do this."""

    def stop(*_: object) -> None:
        raise OutOfTimeError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001), AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
