"""Review the pipeline's results in the browser: who speaks, which rows are trained on, which answer is better.

It reads what the stages made, and writes nothing but data/corrections and data/labels.
"""

import subprocess
from pathlib import Path

import click

from lectern.apps.review import pages
from lectern.apps.web import server
from lectern.core.errors import LecternError
from lectern.tools.terminal import Command


def main(reviewer: str | None, port: int, show: bool) -> None:
    """Serve the pages until the process is interrupted.

    Args:
        reviewer: name under which labels are written; `None` for git's user.name.
        port: on 127.0.0.1; 0 takes any free port.
        show: whether to open the browser.

    Raises:
        LecternError: the reviewer has no name, or the port is in use.
    """
    name = (reviewer if reviewer is not None else get_user()).strip()
    if not name:
        raise LecternError(
            "whose labels are these? Give a name: lectern review --by asha, or git config user.name"
        )
    server.serve("review", "Lectern: review", lambda: pages.build(Path(), name), port=port, show=show)


def get_user() -> str:
    """Git's user.name; empty if it is not set."""
    asked = ["git", "config", "user.name"]
    return subprocess.run(asked, capture_output=True, text=True).stdout.strip()


@click.command(
    "review", cls=Command, examples=("lectern review", "lectern review --by asha --port 0 --no-browser")
)
@click.option("--by", metavar="NAME", help="Whose labels are written; git's user.name if it is not given.")
@click.option(
    "--port",
    type=int,
    default=8501,
    show_default=True,
    help="The port of 127.0.0.1; 0 takes any that is free.",
)
@click.option("--no-browser", is_flag=True, help="Do not open the browser.")
def command(by: str | None, port: int, no_browser: bool) -> None:
    """Review speakers, rows and answers in the browser.

    One can name speakers, hear a passage, correct or drop rows, say blindly which answer is better, and rebuild. Reads
    what the stages made, and writes nothing but data/corrections and data/labels. Ctrl-C ends it.
    """
    main(by, port, not no_browser)
