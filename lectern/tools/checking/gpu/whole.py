"""The whole of `lectern check --gpu`: make all checks in a temporary folder, and report."""

import contextlib
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import get_args

from lectern.core.errors import LecternError
from lectern.core.stage import quieten_libraries
from lectern.tools.checking.gpu import device, flops, running
from lectern.tools.checking.gpu.bench import Bench
from lectern.tools.checking.gpu.catalog import Check, list_checks
from lectern.tools.checking.gpu.report import Outcome, Report, State


def main(
    quick: bool,
    seconds: float,
    checks: Sequence[Check] | None = None,
    keep: Callable[[Report], None] = lambda report: None,
) -> Report:
    """Make all checks, and return the report. Progress goes to standard error.

    Args:
        quick: only tiny models, on the CPU too.
        seconds: the budget.
        checks: None for those of the catalog.
        keep: is given the report after each check, so that a crash of the whole process loses nothing before it.

    Raises:
        LecternError: there is no GPU, and it need not be quick.
    """
    import torch

    began = time.monotonic()
    quieten_libraries()
    if not quick and not torch.cuda.is_available():
        raise LecternError(
            "torch sees no GPU. `lectern check` says why, and `lectern check --gpu --quick` tries tiny models on the "
            "CPU."
        )
    checks = list_checks(quick) if checks is None else checks
    outcomes: list[Outcome] = []

    def report() -> Report:
        counts = Counter(outcome.state for outcome in outcomes)
        return Report(
            quick=quick,
            complete=len(outcomes) == len(checks),
            passed=not counts["failed"],
            counts={state: counts[state] for state in get_args(State)},
            machine=machine,
            budget_seconds=seconds,
            seconds=round(time.monotonic() - began, 1),
            flops=flops.COUNTED,
            checks=list(outcomes),
        )

    # What libraries print must not stand in the JSON, and what they write must not stand in the working tree.
    with (
        contextlib.redirect_stdout(sys.stderr),
        _ending_in_order(),
        tempfile.TemporaryDirectory(prefix="lectern-gpu-") as scratch,
    ):
        machine = device.describe()
        latest = report()
        for outcome in running.run(checks, Bench(Path(scratch), began + seconds)):
            outcomes.append(outcome)
            latest = report()
            keep(latest)
    return latest


@contextlib.contextmanager
def _ending_in_order() -> Iterator[None]:
    """Let SIGTERM leave the block as an exception does, so that the folder in it is removed."""

    def leave(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
