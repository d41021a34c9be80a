"""Run the pages of an app on 127.0.0.1, for a browser on this machine."""

import logging
import os
import signal
import socket
import tempfile
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from lectern.core.errors import LecternError
from lectern.core.printing import say

HOST = "127.0.0.1"
SIGNALS = (signal.SIGINT, signal.SIGTERM)
GRACE = 1
"""Seconds that running requests, and then threads, get to finish when the process ends."""
CLOSING = 25.0
"""Seconds that an app may take to stop its work, such as a rebuild (`Builder.close` waits 20)."""


def serve(name: str, title: str, build: Callable[[], None], *, port: int, show: bool) -> None:
    """Serve pages until the process is interrupted.

    Args:
        name: name of the app, which stands at the beginning of the line that gives the address.
        title: title of the browser tab.
        build: defines the pages with NiceGUI's `ui.page`; called once.
        port: port on 127.0.0.1; 0 takes any free port.
        show: whether to open the browser.

    Raises:
        LecternError: the port is taken.
    """
    chosen = find_port(port)
    # Nothing is stored in this folder, but the framework creates it.
    storage = Path(tempfile.gettempdir()) / f"lectern-{os.getuid()}"
    os.environ.setdefault("NICEGUI_STORAGE_PATH", str(storage))
    from nicegui import app, ui

    from lectern.apps.web.patience import PatientProtocol
    from lectern.core.guard import Guard

    build()
    app.add_middleware(Guard)
    closed, ended = threading.Event(), threading.Event()
    app.on_startup(lambda: _end_in_time(name, closed, ended))
    app.on_startup(lambda: say(f"{name}: http://{HOST}:{chosen}   (Ctrl-C ends it)"))
    app.on_shutdown(closed.set)  # runs after the handlers of the app
    try:
        for each in SIGNALS:
            signal.signal(each, _interrupt)
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
            http=PatientProtocol,
            timeout_graceful_shutdown=GRACE,
        )
    except KeyboardInterrupt:  # uvicorn raises the signal again once it has ended
        say(f"{name}: ended")
        ended.set()
        closed.set()


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def _end_in_time(name: str, closed: threading.Event, ended: threading.Event) -> None:
    """End the process soon after a signal, even if a thread still runs, such as a model or a call of DVC.

    Call this in the main thread after uvicorn has installed its signal handlers.
    """

    def leave() -> None:
        closed.wait(CLOSING)
        threading.Event().wait(GRACE)
        if not ended.is_set():
            say(f"{name}: ended")
        os._exit(0)  # a normal exit would wait for the threads

    leaving = threading.Thread(target=leave, daemon=True)

    def handle(former: Any, number: int, frame: Any) -> None:
        if not leaving.is_alive():
            leaving.start()
        _say_no_more()
        former(number, frame)

    for each in SIGNALS:
        signal.signal(each, partial(handle, signal.getsignal(each)))


def _say_no_more() -> None:
    """Do not log requests that are cut off from now on as errors."""
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)


def run(app: Any, bound: socket.socket) -> None:
    """Serve an ASGI application until SIGINT or SIGTERM; running requests are cut off after GRACE seconds.

    Args:
        app: the application, with a guard around it.
        bound: the socket from `bind`.
    """
    import uvicorn

    from lectern.apps.web.patience import PatientProtocol

    class Server(uvicorn.Server):
        def handle_exit(self, sig: int, frame: Any) -> None:
            _say_no_more()
            super().handle_exit(sig, frame)

    server = Server(
        uvicorn.Config(
            app,
            http=PatientProtocol,
            ws="none",
            lifespan="off",
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=GRACE,
        )
    )
    try:
        for each in SIGNALS:
            signal.signal(each, _interrupt)
        server.run([bound])
    except KeyboardInterrupt:  # uvicorn raises the signal again once it has ended
        return


def bind(port: int, host: str = HOST) -> socket.socket:
    """Return a socket that is bound to the port, or to any free port for 0. It does not listen yet.

    Raises:
        LecternError: the port is taken or cannot be used.
    """
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except (OSError, OverflowError) as error:
        bound.close()
        raise _taken(port, host, error) from error
    return bound


def listen(bound: socket.socket) -> None:
    """Start to listen; connections wait until `run`.

    Raises:
        LecternError: another process was bound to the port too, and started to listen first.
    """
    try:
        bound.listen()
    except OSError as error:
        host, port = bound.getsockname()[:2]
        raise _taken(port, host, error) from error


def _taken(port: int, host: str, error: Exception) -> LecternError:
    return LecternError(
        f"port {port} of {host} cannot be used ({error}). Give another one; --port 0 takes any free port."
    )


def find_port(wanted: int, host: str = HOST) -> int:
    """Return the port if it is free, or any free port for 0.

    Raises:
        LecternError: the port is taken or cannot be used.
    """
    with bind(wanted, host) as attempt:
        return int(attempt.getsockname()[1])


def show_host(host: str) -> str:
    """Write a host as it stands in an address, an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host
