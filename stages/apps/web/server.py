"""Run the pages of an app on 127.0.0.1, for a browser on this machine."""

import os
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path

from stages.core.errors import LecternError

HOST = "127.0.0.1"


def serve(name: str, title: str, build: Callable[[], None], *, port: int, show: bool) -> None:
    """Serve pages until the process is interrupted.

    Args:
        name: of the app, which begins the line that says where it is.
        title: of the browser's tab.
        build: defines the pages with NiceGUI's `ui.page`; called once.
        port: of 127.0.0.1; 0 takes any that is free.
        show: open the browser.

    Raises:
        LecternError: the port is taken.
    """
    chosen = find_port(port)
    # nothing is stored there, yet the framework makes the folder
    storage = Path(tempfile.gettempdir()) / f"lectern-{os.getuid()}"
    os.environ.setdefault("NICEGUI_STORAGE_PATH", str(storage))
    from nicegui import app, ui

    from stages.apps.web.guard import Guard

    build()
    app.add_middleware(Guard)
    app.on_startup(lambda: print(f"{name}: http://{HOST}:{chosen}   (Ctrl-C ends it)", flush=True))
    ui.run(
        host=HOST,
        port=chosen,
        title=title,
        show=show,
        reload=False,
        dark=None,
        show_welcome_message=False,
        reconnect_timeout=30.0,
        uvicorn_logging_level="warning",
    )


def find_port(wanted: int, host: str = HOST) -> int:
    """The port, or one that is free where 0 is wanted.

    Raises:
        LecternError: it is taken or cannot be had.
    """
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind((host, wanted))
        except (OSError, OverflowError) as error:
            raise LecternError(
                f"port {wanted} of {host} cannot be had ({error}). Give another one: --port 0 takes any that is free."
            ) from error
        return int(attempt.getsockname()[1])
