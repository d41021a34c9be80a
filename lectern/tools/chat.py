"""Talk to the base and the tuned model side by side, and see which training rows an answer is near to.

Run: lectern chat [--endpoint URL] [--port PORT] [--no-browser]        (make chat; a tool, no stage)
Reads params.yaml, models/adapter and data/splits; writes nothing.
"""

import argparse
import sys
from pathlib import Path

from lectern.apps.chat import page
from lectern.apps.web import server
from lectern.core.errors import LecternError


def main(endpoint: str | None, port: int, show: bool) -> None:
    """Serve the pages until the process is interrupted.

    Args:
        endpoint: of a server with OpenAI's chat API that answers for the tuned model; None for the one in memory.
        port: of 127.0.0.1; 0 takes any that is free.
        show: open the browser.

    Raises:
        LecternError: params.yaml does not fit, or the port is taken.
    """
    server.serve("chat", "Lectern: chat", lambda: page.define(Path(), endpoint), port=port, show=show)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--endpoint", metavar="URL", help="such as http://127.0.0.1:8080/v1, as make serve says it"
    )
    parser.add_argument("--port", type=int, default=8502, help="of 127.0.0.1; 0 takes any that is free")
    parser.add_argument("--no-browser", action="store_true", help="do not open one")
    given = parser.parse_args()
    try:
        main(given.endpoint, given.port, not given.no_browser)
    except LecternError as error:
        sys.exit(f"chat: error: {error}")
