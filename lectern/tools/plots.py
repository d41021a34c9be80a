"""Draw the curves and scores of this and other revisions on one page that needs no network.

Reads the plots that dvc.yaml defines, through `dvc plots`, and writes metrics/plots/index.html.

DVC's own page loads Vega from the network, stays blank without one, and interprets the content of a plot's file as
markup. This page contains Vega, and shows data as data.
"""

import html
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import yaml

from lectern.apps import repro
from lectern.core import io, revisions
from lectern.core.errors import LecternError
from lectern.core.printing import one_line
from lectern.tools.terminal import Command, tell

VEGA_LITE = "5.21"
"""The newest release of the major version that DVC's templates are written for."""
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval';
 style-src 'unsafe-inline'; img-src data: blob:">
<link rel="icon" href="data:,">
<title>Plots</title>
<style>
body { font: 1rem/1.5 system-ui, sans-serif; margin: 2rem; background: #fff; color: #222; }
.plot { margin: 0 0 2rem; overflow-x: auto; } .vega-embed { display: inline-block; }
</style>
</head>
<body>
%(body)s
<script>%(vega)s</script>
<script>
for (const [id, spec] of Object.entries(%(plots)s)) vegaEmbed("#" + id, spec, {renderer: "svg", actions: false});
</script>
</body>
</html>
"""


def main(names: Sequence[str], out: Path) -> str:
    """Write the page to `out`, of the working tree and the named revisions. Returns its path and what is missing.

    Raises:
        LecternError: there is no such revision, dvc.yaml defines no plots, or DVC cannot read them.
    """
    for name in names:
        revisions.find(name)  # raises for a name that begins with a dash, which DVC would read as an option
    drawn = ask_dvc(names, list_plots(Path("dvc.yaml")))
    plots = [plot for entries in drawn.get("data", {}).values() for plot in entries if plot["type"] == "vega"]
    if not plots:
        raise LecternError("no plot has any data yet. `dvc repro` writes the files that they are drawn from.")
    missing = sorted(
        {f"{error['rev']} has no {error['source']}" for error in drawn.get("errors", []) if "source" in error}
    )
    io.write_text(out, make_page([plot["content"] for plot in plots], missing))
    return "\n".join([str(out), *missing])


def list_plots(pipeline: Path) -> list[str]:
    """The names under `plots:`. Without them, DVC would also draw each file a second time, without its title.

    Raises:
        LecternError: there is no such file, or it defines no plots.
    """
    if not pipeline.is_file():
        raise LecternError(f"{pipeline} does not exist. Run this in the folder of the pipeline.")
    plots = yaml.safe_load(pipeline.read_text(encoding="utf-8")).get("plots", [])
    names = [name for entry in plots for name in (entry if isinstance(entry, dict) else [entry])]
    if not names:
        raise LecternError(f"{pipeline} defines no plots. Add some in a list `plots:` at its end.")
    return names


def ask_dvc(names: Sequence[str], targets: Sequence[str]) -> dict[str, Any]:
    """DVC's description of the plots: `data` (plot -> its specifications) and `errors`.

    Raises:
        LecternError: DVC exits with an error.
    """
    chosen = ["diff", *names, "workspace", "--targets"] if names else ["show"]
    command = [sys.executable, "-m", "dvc", "plots", *chosen, *targets, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", env=repro.environment())
    if done.returncode:
        raise LecternError(f"dvc plots ended with status {done.returncode}: {one_line(done.stderr[-500:])}")
    return json.loads(done.stdout or "{}")


def make_page(specifications: Sequence[Mapping[str, Any]], missing: Sequence[str]) -> str:
    """Build a page that contains Vega, Vega-Lite and Vega-Embed.

    Args:
        specifications: Vega-Lite specifications of the plots.
        missing: sentences about plots that could not be drawn.
    """
    try:
        import vl_convert
    except ImportError as error:
        raise LecternError(
            "drawing needs the package vl-convert-python: `make extras` installs it."
        ) from error
    plots = {f"plot{number}": one for number, one in enumerate(specifications)}
    body = [
        *(f'<div class="plot" id="{id}"></div>' for id in plots),
        *(f"<p>{html.escape(one)}</p>" for one in missing),
    ]
    data = json.dumps(plots, sort_keys=True).replace(
        "<", "\\u003c"
    )  # otherwise `</script>` would end the script
    vega = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=VEGA_LITE)
    return PAGE % {"body": "\n".join(body), "vega": vega, "plots": data}


@click.command("plots", cls=Command, examples=("lectern plots", "lectern plots main my-experiment"))
@click.argument(
    "revisions",
    metavar="[REVISION]...",
    nargs=-1,
    help="A commit, branch, tag or experiment to draw beside the working tree.",
)
def command(revisions: tuple[str, ...]) -> None:
    """Draw the curves and scores of revisions on one page.

    The page needs no network. Reads the plots that dvc.yaml defines, through `dvc plots`, and writes
    metrics/plots/index.html. The package that draws is of `make extras`.
    """
    tell(f"plots: {main(revisions, Path('metrics/plots/index.html'))}")
