"""How the commands that train again end: what they tell, and what is said when they are cut off."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click

from lectern.core.errors import LecternError
from lectern.tools.terminal import InterruptionError

take_jobs = click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="How many trainings at once. Several run by the workers of DVC's queue.",
)
"""The option `--jobs` of a command."""


def conclude(told: Sequence[str], failures: Sequence[str], number: int, summary: str) -> list[str]:
    """Return what a command tells at its end.

    Args:
        told: the table and what it says.
        failures: why trainings failed.
        number: how many were asked for.
        summary: path of the summary that was written.

    Raises:
        LecternError: a training failed; the message has what was told, too.
    """
    if failures:
        raise LecternError(
            "\n".join([*told, f"{len(failures)} of {number} failed, the last: {failures[-1]}"])
        )
    return [*told, f"{summary}: commit metrics/noise, and run `dvc repro report` for the report to say it"]


@contextmanager
def keeping(what: str, jobs: int) -> Iterator[None]:
    """Say what is kept when Ctrl-C ends the command.

    Raises:
        InterruptionError: the command was cut off.
    """
    try:
        yield
    except KeyboardInterrupt as stopped:
        raise InterruptionError(
            f"the finished {what} are kept, and the same command goes on from there"
            + (" (`dvc queue stop` ends the workers)" if jobs > 1 else "")
        ) from stopped
