"""Talk to the base and the tuned model side by side, and see which trained passage is closest to an answer.

It reads params.yaml, models/adapter and data/splits, and writes nothing.
"""

from pathlib import Path

import click

from lectern.apps.web import server
from lectern.core import instructions
from lectern.tools.terminal import Command


def main(endpoint: str | None, port: int, show: bool) -> None:
    """Serve the pages until the process is interrupted.

    Args:
        endpoint: address of a server with OpenAI's chat API for the tuned model; `None` loads the model instead.
        port: on 127.0.0.1; 0 takes any free port.
        show: whether to open the browser.

    Raises:
        LecternError: params.yaml is not valid, or the port is in use.
    """
    from lectern.apps.chat import page

    instructions.prepare()  # so that an answer is the one that the report shows
    server.serve("chat", "Lectern: chat", lambda: page.define(Path(), endpoint), port=port, show=show)


@click.command(
    "chat", cls=Command, examples=("lectern chat", "lectern chat --endpoint http://127.0.0.1:8080/v1")
)
@click.option(
    "--endpoint",
    metavar="URL",
    help="A server that answers for the tuned model, such as http://127.0.0.1:8080/v1 of `lectern serve`. If it is not "
    "given, the model is loaded here.",
)
@click.option(
    "--port",
    type=int,
    default=8502,
    show_default=True,
    help="The port of 127.0.0.1; 0 takes any that is free.",
)
@click.option("--no-browser", is_flag=True, help="Do not open the browser.")
def command(endpoint: str | None, port: int, no_browser: bool) -> None:
    """Talk to the base and the tuned model side by side in the browser.

    It opens with questions to click. Below an answer stands the trained passage that it is nearest to, which can be
    played. Reads params.yaml, models/adapter and data/splits, and writes nothing. Ctrl-C ends it.
    """
    main(endpoint, port, not no_browser)
