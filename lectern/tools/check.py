"""Look whether everything is here that the configuration needs, and say what to do where it is not."""

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


@click.command("check", cls=Command, examples=("lectern check", "lectern check && make run"))
@click.pass_context
def command(context: click.Context) -> None:
    """Look whether everything is here that the configuration needs.

    That is packages, bundled models, models of a hub, keys (only the names of their variables), endpoints, sources,
    GPU, disk, git and DVC. Each has a line: `ok`; `note`, where the configuration runs without it; or `missing`, with
    what to do. The hub and endpoints are asked only where the configuration needs them, for 5 seconds each; nothing is
    downloaded or written. The exit status is 0 when the configuration would run here, and 1 when it would not.
    """
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
