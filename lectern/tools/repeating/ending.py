"""What the commands that train again have in common: their options, what they tell, and what is said when cut off."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import click

from lectern.core.errors import LecternError
from lectern.tools.terminal import InterruptionError

T = TypeVar("T")

take_jobs = click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="How many trainings at once. Several run by the workers of DVC's queue.",
)
"""The option `--jobs` of a command."""


@dataclass(frozen=True)
class Part:
    """What one of several machines runs of all trainings."""

    number: int
    """of the part, from 1"""
    parts: int

    def choose(self, wanted: Sequence[T]) -> Sequence[T]:
        """Return every n-th training, so that each machine has quick and slow ones."""
        return wanted[self.number - 1 :: self.parts]


def _read_part(context: click.Context, option: click.Parameter, text: str | None) -> Part | None:
    if text is None:
        return None
    found = re.fullmatch(r"([1-9]\d{0,3})/([1-9]\d{0,3})", text)
    if found is None or int(found[1]) > int(found[2]):
        raise click.BadParameter(f"{text!r} is not a part such as 1/3, the first of three")
    return Part(int(found[1]), int(found[2]))


take_part = click.option(
    "--part",
    metavar="I/N",
    callback=_read_part,
    help="Run only the I-th of N parts, as one of N machines. Commit metrics/noise on each of them and merge; the same "
    "command without --part then sums up.",
)
"""The option `--part` of a command."""


def conclude_part(part: Part, failures: Sequence[str], number: int, kind: str) -> list[str]:
    """Return what a command tells at the end of its part.

    Args:
        part: of all trainings.
        failures: why trainings failed.
        number: how many belong to the part.
        kind: seeds or curve.

    Raises:
        LecternError: a training failed.
    """
    if failures:
        raise LecternError(f"{len(failures)} of {number} failed, the last: {failures[-1]}")
    return [
        f"{kind}: {number} of part {part.number} of {part.parts} are finished. Commit metrics/noise/{kind}; where the "
        f"parts of all machines are merged, `lectern {kind}` sums up."
    ]


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
