"""Bring everything up to date by `dvc repro`, and tell where it is, and what came out of it."""

import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import Popen

import click

from lectern.apps import repro, torn
from lectern.report import wording
from lectern.tools.running import closing, process, progress
from lectern.tools.terminal import Command, tell

LOG = Path(".dvc/tmp/lectern-run.log")
LAST = "report"
"""The stage whose results are told at the end, if the run comes to it."""
EVERY = 60.0
"""Seconds without a line after which the running stage is spoken of again."""


def main(arguments: Sequence[str], root: Path, *, verbose: bool = False) -> int:
    """Run `dvc repro` and print what is told on the way. Returns DVC's exit status.

    What DVC and the stages write to stderr goes through untouched. What DVC itself prints is in the log. Files of DVC
    that a kill has torn are brought back first, and again at the end.

    Args:
        arguments: those of `dvc repro`.
        root: the folder of dvc.yaml.
        verbose: whether to print every line of DVC.

    Raises:
        LecternError: there is no pipeline, or its dvc.lock is torn and there is no whole one.
    """
    pipeline = repro.read_pipeline(root)
    known = progress.Progress(progress.describe(pipeline), progress.expect(root, pipeline))
    began = time.monotonic()
    tell(*torn.mend(root))
    (root / LOG).parent.mkdir(parents=True, exist_ok=True)
    with (root / LOG).open("w", encoding="utf-8") as log:

        def read(line: str) -> None:
            log.write(f"{line}\n")
            log.flush()
            if repro.RUNNING.search(line):  # so the stage before it is in dvc.lock
                torn.keep(root)
            shown = known.read(line)
            if verbose:
                tell(line)
            elif shown is not None:
                tell(shown)

        def wait() -> None:
            if (shown := known.tell()) is not None:
                tell(shown)

        with _passing_signals() as children:
            dvc = repro.start(arguments, root)
            children.append(dvc)
            status = process.follow(dvc, read, wait, EVERY)
    tell(*torn.mend(root))
    torn.keep(root)
    if status:
        return status if status > 0 else 128 - status
    known.finish()
    took = time.monotonic() - began
    if LAST in pipeline and LAST not in known.passed:
        made = (
            ", ".join(stage for stage in pipeline if stage in known.ran)
            or "nothing, since all of it is up to date"
        )
        tell("", f"Made: {made}, in {wording.duration(took)}. `lectern run` brings everything up to date.")
        return 0
    if not known.ran:
        tell("Everything is up to date.")
    tell("", *closing.describe(root, took if known.ran else None))
    return 0


@contextmanager
def _passing_signals() -> Iterator[list["Popen[str]"]]:
    """Pass on what tells this process to end to DVC and the stage that it runs, and wait for them to end.

    They are a session of their own, which no terminal sends Ctrl-C to, so that each of them gets it once.
    """
    children: list[Popen[str]] = []

    def pass_on(number: int, _: object) -> None:
        for child in children:
            with suppress(ProcessLookupError):  # it has just ended
                os.killpg(child.pid, number)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, pass_on) for number in numbers}
    try:
        yield children
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@click.command(
    "run",
    cls=Command,
    examples=("lectern run", "lectern run train", "lectern run -- --force score"),
)
@click.option("--verbose", is_flag=True, help="Show every line that DVC prints.")
@click.argument(
    "arguments", nargs=-1, type=click.UNPROCESSED, help="Those of dvc repro, such as the name of a stage."
)
def command(verbose: bool, arguments: tuple[str, ...]) -> None:
    """Bring everything up to date with params.yaml, and tell what came out.

    Runs `dvc repro`. Each stage is announced with its number, what it does, and about how long it and the rest take:
    as the last runs on this machine did or, where it never ran, as the demo did elsewhere, put right by the stages that
    have run. Ends with what was made, the six answers of the report in short, and where the report is. The exit status
    and the errors are DVC's; what else DVC prints is in .dvc/tmp/lectern-run.log. Where a kill has cut off DVC's own
    files, their last whole state is brought back first.
    """
    click.get_current_context().exit(main(arguments, Path(), verbose=verbose))
