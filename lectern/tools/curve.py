"""Train on fewer items, and tell from these trainings what more items would change.

Each training is a DVC experiment that differs from the committed run in `split.train_items` alone; the validation and
test rows stay the same. What is needed of it is kept in metrics/noise/curve, and the summary in
metrics/noise/curve.json, which the report reads. Commit them.
"""

from collections.abc import Sequence
from pathlib import Path

import click

from lectern.core import io, paths
from lectern.core.errors import LecternError
from lectern.core.schema import Example
from lectern.curation.partition import UNITS
from lectern.evaluation import reruns
from lectern.report import certainty
from lectern.tools import terminal
from lectern.tools.repeating import ending
from lectern.tools.repeating import reruns as running
from lectern.tools.repeating.ending import Part
from lectern.tools.repeating.reruns import Committed, Wanted
from lectern.tools.terminal import Command

ITEMS, DRAW = "split.train_items", "split.train_draw"
KIND = "curve"
POINTS = 4
"""How many numbers of items are tried if none are given."""


def main(sizes: Sequence[int], draws: int, more: int, jobs: int, part: Part | None = None) -> list[str]:
    """Run the trainings that are missing, or a part of them. Returns a table and what it says.

    Raises:
        LecternError: as in `repeating.reruns.read_committed`; the sizes do not fit the committed run; or a training
            failed, and those that did not are kept.
    """
    committed = running.read_committed()
    items = _count_items(committed)
    chosen = sorted(set(sizes)) or choose_sizes(items)
    if wrong := [size for size in chosen if not 1 <= size < items]:
        raise LecternError(
            f"--items has {', '.join(map(str, wrong))}, but the committed run is trained on {items} items: give "
            f"numbers from 1 to {items - 1}."
        )
    if not chosen:
        raise LecternError(
            f"the committed run is trained on {items} items, which is too few for a curve. Add sources."
        )
    run = running.fingerprint(committed.lock, [ITEMS, DRAW])
    wanted = [
        Wanted(
            f"{size} items" + (f", draw {draw}" if draws > 1 else ""),
            f"{run}-{size}-{draw}",
            [f"{ITEMS}={size}", f"{DRAW}={draw}"],
            {"items": size, "draw": draw},
        )
        for draw in range(draws)
        for size in chosen
    ]
    if part:
        mine = part.choose(wanted)
        failures = running.run_missing(KIND, committed, run, mine, [ITEMS, DRAW], jobs)
        return ending.conclude_part(part, failures, len(mine), KIND)
    failures = running.run_missing(KIND, committed, run, wanted, [ITEMS, DRAW], jobs)
    content = reruns.summarise_curve(
        committed.scores,
        committed.scores_name,
        items,
        running.find_kept(KIND, run).values(),
        running.read_seeds(committed),
        more,
    )
    running.write_summary(Path(reruns.CURVE), content)
    told = [certainty.tabulate_curve(content), certainty.tell_curve(content)]
    return ending.conclude(told, failures, len(wanted), reruns.CURVE)


def choose_sizes(items: int) -> list[int]:
    """Choose up to POINTS numbers below that of all items, evenly from about two fifths of them."""
    least = max(1, round(0.4 * items))
    sizes = range(least, items)
    if len(sizes) <= POINTS:
        return list(sizes)
    return sorted({round(least + place * (items - least) / POINTS) for place in range(POINTS)})


def _count_items(committed: Committed) -> int:
    unit = UNITS[committed.get("split.by")]
    return len({unit(row) for row in io.read_jsonl(paths.TRAIN_SPLIT, Example)})


def _read_sizes(context: click.Context, option: click.Parameter, text: str | None) -> list[int]:
    try:
        return [int(part) for part in (text or "").split(",") if part.strip()]
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a list of whole numbers such as 3,4,5,6") from None


@click.command("curve", cls=Command, examples=("lectern curve", "lectern curve --items 3,4,5,6 --draws 2"))
@click.option(
    "--items",
    "sizes",
    metavar="N,N,...",
    callback=_read_sizes,
    help="The numbers of items to train on. Without it, up to four from two fifths of all items on.",
)
@click.option(
    "--draws",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="How often so many items are drawn.",
)
@click.option(
    "--more",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="The number of further items whose effect is asked for.",
)
@ending.take_jobs
@ending.take_part
def command(sizes: list[int], draws: int, more: int, jobs: int, part: Part | None) -> None:
    """Train on fewer items, and tell what more items would change.

    The working tree stays as it is, and must be committed and up to date. Finished trainings are kept in metrics/noise:
    the same command goes on where it was cut off. Run `lectern seeds` before, so that the curve knows how far trainings
    differ by chance.
    """
    with ending.keeping("trainings", jobs):
        terminal.tell(*main(sizes, draws, more, jobs, part))
