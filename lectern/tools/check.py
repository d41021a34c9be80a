"""Look whether everything is here that the configuration needs, and say what to do where it is not."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click

from lectern.core.errors import LecternError
from lectern.core.printing import one_line
from lectern.tools.checking.finding import MISSING, Finding
from lectern.tools.terminal import Command, tell


def find(path: Path) -> Iterator[Finding]:
    """Look at one thing after the other, the quick ones first.

    Args:
        path: of the parameters.
    """
    from lectern.tools.checking import (
        configuration,
        machine,
        models,
        packages,
        requirements,
        services,
        speech,
    )
    from lectern.tools.checking import sections as known

    yield packages.check_python()
    yield from machine.check_repository()
    try:
        settings = configuration.read(path)
    except LecternError as error:
        yield Finding(MISSING, str(error))
        return
    yield from packages.check_extras(requirements.find_extras(settings))
    yield packages.check_lock()
    yield from configuration.check_sections(path)
    yield from configuration.check_files(settings)
    yield from services.check_sources(settings, known.read_source)
    yield from services.check_browser(settings)
    yield from services.check_variables(settings)
    yield from models.check_bundled(settings)
    yield from speech.check_engines(settings, known.LIBRARIES)
    yield machine.check_gpu()
    hub_models, to_download = models.check_hub(settings)
    yield from hub_models
    yield from services.check_endpoints(settings)
    yield from services.check_cluster(settings)
    yield from machine.check_disk(to_download)


def check_gpu(quick: bool, minutes: float, out: Path | None) -> int:
    """Prove on this machine's first GPU what can be proved without a model hub; returns 0 if no check failed, else 1.

    Args:
        quick: only tiny models, on the CPU too.
        minutes: the budget.
        out: file for the JSON, which is printed too; it is written after each check.
    """
    # Libraries would ask a hub for models of the names that these have. It is read when they are imported.
    os.environ["HF_HUB_OFFLINE"] = "1"
    # Transformers would divide each micro-batch among all GPUs that it sees.
    os.environ["CUDA_VISIBLE_DEVICES"] = os.environ.get("CUDA_VISIBLE_DEVICES", "0").partition(",")[0]
    from lectern.core import io
    from lectern.tools.checking.gpu import whole
    from lectern.tools.checking.gpu.report import Report

    def keep(report: Report) -> None:
        if out is not None:
            io.write_json(out, report.to_plain())

    report = whole.main(quick, 60 * minutes, keep=keep)
    tell(io.to_json(report.to_plain()))
    return 0 if report.passed else 1


BUDGET = 8.0
"""Minutes that the checks of a GPU take at the most."""


@click.command(
    "check",
    cls=Command,
    examples=(
        "lectern check",
        "lectern check && make run",
        "lectern check --gpu --out gpu.json",
        "lectern check --gpu --quick",
    ),
)
@click.option(
    "--gpu",
    is_flag=True,
    help="Instead, train, generate and merge on the first GPU with models of random weights, and print one JSON: what "
    "passed, and speed and memory beside a plain script of TRL. Needs no model hub.",
)
@click.option(
    "--quick", is_flag=True, help="With --gpu: only tiny models, on the CPU too; speeds mean nothing."
)
@click.option(
    "--minutes",
    type=click.FloatRange(min=0, min_open=True),
    default=BUDGET,
    show_default=True,
    help="With --gpu: what is not done by then is not run, and is named.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="With --gpu: a file for the JSON; nothing else is written outside a temporary folder (TMPDIR says where).",
)
@click.pass_context
def command(context: click.Context, gpu: bool, quick: bool, minutes: float, out: Path | None) -> None:
    """Look whether everything is here that the configuration needs.

    That is packages, bundled models, models of a hub, keys (only the names of their variables), endpoints, sources,
    GPU, disk, git and DVC. Each has a line: `ok`; `note`, where the configuration runs without it; or `missing`, with
    what to do. The hub and endpoints are asked only where the configuration needs them, for 5 seconds each; nothing is
    downloaded or written. The exit status is 0 when the configuration would run here, and 1 when it would not.

    With --gpu it is 1 when a check failed. What was not run, or found too little memory, is no failure.
    """
    if gpu:
        context.exit(check_gpu(quick, minutes, out))
    if quick or out is not None:
        raise click.UsageError("--quick and --out belong to --gpu.")
    states: Counter[str] = Counter()
    for finding in find(Path("params.yaml")):
        states[finding.state] += 1
        tell(f"{finding.state:<8} {one_line(': '.join(filter(None, (finding.what, finding.remedy))))}")
    if states[MISSING]:
        tell(
            f"check: this configuration would not run here: {states[MISSING]} of {states.total()} lines say missing"
        )
        context.exit(1)
    tell("check: this configuration would run here")
