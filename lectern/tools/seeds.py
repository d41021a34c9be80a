"""Train again with other seeds, and measure how far figures differ for no other reason.

Each seed is a DVC experiment that differs from the committed run in `train.seed` alone. What is needed of it is kept in
metrics/noise/seeds, and the summary in metrics/noise/seeds.json, by which the report and `lectern compare` widen their
intervals. Commit them.
"""

from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path

import click

from lectern.core.errors import LecternError
from lectern.evaluation import reruns
from lectern.report import certainty
from lectern.tools import terminal
from lectern.tools.repeating import ending
from lectern.tools.repeating import reruns as running
from lectern.tools.repeating.ending import Part
from lectern.tools.repeating.reruns import Wanted
from lectern.tools.terminal import Command

SEED = "train.seed"
KIND = "seeds"


def main(number: int, jobs: int, part: Part | None = None) -> list[str]:
    """Run the seeds that are missing, or a part of them. Returns a table and what it says.

    Raises:
        LecternError: as in `repeating.reruns.read_committed`, or a rerun failed; those that did not are kept.
    """
    committed = running.read_committed()
    own = int(committed.get(SEED))
    run = running.fingerprint(committed.lock, [SEED])
    wanted = [
        Wanted(f"seed {seed}", f"{run}-{seed}", [f"{SEED}={seed}"], {"seed": seed})
        for seed in islice(_other_seeds(own), number - 1)
    ]
    if part:
        mine = part.choose(wanted)
        failures = running.run_missing(KIND, committed, run, mine, [SEED], jobs)
        return ending.conclude_part(part, failures, len(mine), KIND)
    failures = running.run_missing(KIND, committed, run, wanted, [SEED], jobs)
    kept = running.find_kept(KIND, run).values()
    if not kept:
        raise LecternError(f"no seed could be trained. {failures[0]}")
    content = reruns.summarise_seeds(committed.scores, committed.scores_name, own, kept)
    running.write_summary(Path(reruns.SEEDS), content)
    told = [
        certainty.tabulate_seeds(content),
        certainty.tell_seeds(reruns.widen(committed.scores, content), content),
    ]
    return ending.conclude(told, failures, number, reruns.SEEDS)


def _other_seeds(own: int) -> Iterator[int]:
    return (seed for seed in count() if seed != own)


@click.command(
    "seeds",
    cls=Command,
    examples=("lectern seeds", "lectern seeds --n 10 --jobs 2", "lectern seeds --part 1/3"),
)
@click.option(
    "--n",
    "number",
    type=click.IntRange(min=2),
    default=5,
    show_default=True,
    help="How many seeds in all; the committed run is one of them.",
)
@ending.take_jobs
@ending.take_part
def command(number: int, jobs: int, part: Part | None) -> None:
    """Train again with other seeds, and measure how far figures differ by chance.

    The working tree stays as it is, and must be committed and up to date. Finished seeds are kept in metrics/noise: the
    same command goes on where it was cut off, and a larger --n adds to it.
    """
    with ending.keeping("seeds", jobs):
        terminal.tell(*main(number, jobs, part))
