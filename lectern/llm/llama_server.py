"""llama.cpp's own server, from the package xllamacpp: it serves a GGUF file on a CPU, and only this process reaches it.

It listens on a Unix socket in a folder that no other user can enter, and on no port. So no page in a browser and no
other user can bypass the limits of `gateway`, which stands in front of it.
"""

import os
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lectern.core.errors import LecternError
from lectern.llm import openmp

HOST = "127.0.0.1"
KEY = "LECTERN_API_KEY"
"""The environment variable that holds the API key which callers must send."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")
PARALLEL = 4
SOCKET = "llama.sock"
LONGEST_PATH = 103
"""Most bytes of a Unix socket's path that all systems accept."""
CACHE = 256
"""MiB for the state of earlier conversations, which then need not be computed again; llama.cpp's default is 8192."""


class Llama:
    """A running server. It runs as long as this object lives, or until `close`."""

    def __init__(self, server: Any, folder: "tempfile.TemporaryDirectory[str]") -> None:
        self._server, self._folder = server, folder
        self.listening_address = address_of(Path(folder.name) / SOCKET)
        """Such as unix:///tmp/lectern-x/llama.sock."""

    def close(self) -> None:
        """Remove its files. Requests in progress continue until the process ends."""
        self._folder.cleanup()


def start(gguf: Path, *, name: str, context: int, parallel: int = PARALLEL) -> Llama:
    """Start a server in this process.

    Args:
        gguf: the model, which contains its chat template.
        name: the model's name in the API.
        context: most tokens of a conversation.
        parallel: conversations answered at a time; each has room for `context` tokens.

    Raises:
        LecternError: the model cannot be loaded.
    """
    xllamacpp = openmp.import_xllamacpp()
    if not gguf.is_file():
        raise LecternError(f"{gguf} does not exist. `lectern export` writes it.")
    folder = tempfile.TemporaryDirectory(prefix="lectern-")
    place = str(Path(folder.name) / SOCKET)
    if len(os.fsencode(place)) > LONGEST_PATH:
        raise LecternError(
            f"{place} is too long for a Unix socket. Set TMPDIR to a folder with a shorter path."
        )
    params = xllamacpp.CommonParams()
    params.model.path = str(gguf)
    params.model_alias = {name}
    params.hostnames = [place]
    params.n_parallel = parallel
    params.n_ctx = context * parallel
    params.cache_ram_mib = CACHE
    params.ui = False
    params.endpoint_slots = False  # they would show what others ask
    params.endpoint_props = False
    params.cors_origins = f"http://{HOST}"  # no web site may read the answers; by default all may
    params.verbosity = 1
    try:
        with _keeping_signals():
            server = xllamacpp.Server(params)
    except RuntimeError as error:
        raise LecternError(f"{gguf} cannot be served: {error}") from error
    return Llama(server, folder)


@contextmanager
def _keeping_signals() -> Iterator[None]:
    """Restore the handlers of SIGINT and SIGTERM. With llama.cpp's own, Ctrl-C would end its loop, but nothing else."""
    if threading.current_thread() is not threading.main_thread():  # only the main thread may set handlers
        yield
        return
    former = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in former.items():
            if handler is not None:  # None: the handler was not set from Python
                signal.signal(each, handler)


SCHEME = "unix://"


def address_of(socket: Path) -> str:
    """The address of a server that listens on a Unix socket."""
    return f"{SCHEME}{socket}"


def socket_of(address: str) -> str | None:
    """The path of the Unix socket in an address; `None` if the address names a host."""
    return address.removeprefix(SCHEME) if address.startswith(SCHEME) else None


def get_key(host: str) -> str | None:
    """The API key from the environment; `None` if there is none.

    Raises:
        LecternError: there is none, although other machines can reach the server.
    """
    key = os.environ.get(KEY, "").strip() or None
    if key is None and host not in LOOPBACK:
        raise LecternError(
            f"{host} can be reached from other machines, so callers must send a key. Run `export {KEY}=$(openssl rand "
            "-hex 24)` first and give it to them as their API key, or leave out --host."
        )
    return key
