"""llama.cpp's own server, as xllamacpp brings it, from a GGUF file on a CPU; only this process reaches it.

It listens on a Unix socket in a folder that no other user can enter, and on no port: no page of a browser and no other
user comes past the limits of `gateway`, which stands before it where others are served.
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
from lectern.publishing import openmp

HOST = "127.0.0.1"
KEY = "LECTERN_API_KEY"
"""The variable of the environment that holds the key which the server asks for."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")
PARALLEL = 4
SOCKET = "llama.sock"
LONGEST_PATH = 103
"""Bytes of a Unix socket's path that every system takes."""
CACHE = 256
"""MiB of what earlier conversations left, so that they need not be read again; llama.cpp's default is 8192."""


class Llama:
    """A running server; it runs as long as this lives, or until `close`."""

    def __init__(self, server: Any, folder: "tempfile.TemporaryDirectory[str]") -> None:
        self._server, self._folder = server, folder
        self.listening_address = address_of(Path(folder.name) / SOCKET)
        """such as unix:///tmp/lectern-x/llama.sock"""

    def close(self) -> None:
        """Leave no file behind; what is under way goes on until the process ends."""
        self._folder.cleanup()


def start(gguf: Path, *, name: str, context: int, parallel: int = PARALLEL) -> Llama:
    """Start a server in this process.

    Args:
        gguf: the model, with its chat template in it.
        name: what the API calls it.
        context: tokens that one conversation may have.
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
    params.endpoint_slots = False  # they tell what others ask
    params.endpoint_props = False
    params.cors_origins = f"http://{HOST}"  # no site may read the answers; the default lets all
    params.verbosity = 1
    try:
        with _keeping_signals():
            server = xllamacpp.Server(params)
    except RuntimeError as error:
        raise LecternError(f"{gguf} cannot be served: {error}") from error
    return Llama(server, folder)


@contextmanager
def _keeping_signals() -> Iterator[None]:
    """llama.cpp takes SIGINT and SIGTERM for itself: Ctrl-C would end its loop, and nothing else."""
    if threading.current_thread() is not threading.main_thread():  # no other may set them
        yield
        return
    former = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in former.items():
            if handler is not None:  # None: it was not set from Python
                signal.signal(each, handler)


SCHEME = "unix://"


def address_of(socket: Path) -> str:
    """The address of a server that listens on a Unix socket."""
    return f"{SCHEME}{socket}"


def socket_of(address: str) -> str | None:
    """The path of the Unix socket that an address names; None for an address of a host."""
    return address.removeprefix(SCHEME) if address.startswith(SCHEME) else None


def get_key(host: str) -> str | None:
    """The key that the environment holds.

    Raises:
        LecternError: others can reach the server, and there is none.
    """
    key = os.environ.get(KEY, "").strip() or None
    if key is None and host not in LOOPBACK:
        raise LecternError(
            f"{host} can be reached from other machines, so callers must send a key: `export {KEY}=$(openssl rand -hex "
            "24)` first, and give it to them as their API key. Or leave out --host."
        )
    return key
