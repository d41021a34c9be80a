"""Review in the browser what the machine made: who speaks, which rows are trained on, which answer is better.

Run: lectern review [--by NAME] [--port PORT] [--no-browser]     (make review; a tool, no stage)
Reads what the stages made, and writes nothing but data/corrections and data/labels.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from lectern.apps.review import pages
from lectern.apps.web import server
from lectern.core.errors import LecternError


def main(reviewer: str | None, port: int, show: bool) -> None:
    """Serve the pages until the process is interrupted.

    Args:
        reviewer: whose labels are written; git's user where none is given.
        port: of 127.0.0.1; 0 takes any that is free.
        show: open the browser.

    Raises:
        LecternError: the reviewer has no name, or the port is taken.
    """
    name = (reviewer if reviewer is not None else get_user()).strip()
    if not name:
        raise LecternError(
            "whose labels are these? Give a name: make review ARGS='--by asha', or git config user.name"
        )
    server.serve("review", "Lectern: review", lambda: pages.build(Path(), name), port=port, show=show)


def get_user() -> str:
    """What git calls whoever works here; empty where it does not know."""
    asked = ["git", "config", "user.name"]
    return subprocess.run(asked, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--by", metavar="NAME", help="whose labels are written; git's user.name where none is given"
    )
    parser.add_argument("--port", type=int, default=8501, help="of 127.0.0.1; 0 takes any that is free")
    parser.add_argument("--no-browser", action="store_true", help="do not open one")
    given = parser.parse_args()
    try:
        main(given.by, given.port, not given.no_browser)
    except LecternError as error:
        sys.exit(f"review: error: {error}")
