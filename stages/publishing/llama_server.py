"""llama.cpp's own server, as xllamacpp brings it: OpenAI's chat API from a GGUF file, on a CPU."""

import os
from pathlib import Path
from typing import Any

from stages.apps.web.server import find_port
from stages.core.errors import LecternError

HOST = "127.0.0.1"
KEY = "LECTERN_API_KEY"
"""The variable of the environment that holds the key which the server asks for."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def start(
    gguf: Path,
    *,
    name: str,
    context: int,
    host: str = HOST,
    port: int = 0,
    parallel: int = 4,
    key: str | None = None,
) -> Any:
    """Start a server in this process; it runs as long as the returned object lives, at its `listening_address`.

    Args:
        gguf: the model, with its chat template in it.
        name: what the API calls it.
        context: tokens that one conversation may have.
        host: address to listen on.
        port: 0 takes any that is free.
        parallel: conversations answered at a time; each has room for `context` tokens.
        key: that callers must send; None lets all in.

    Raises:
        LecternError: the model cannot be loaded, or the port is taken.
    """
    import xllamacpp

    if not gguf.is_file():
        raise LecternError(f"{gguf} does not exist. `make export` writes it.")
    find_port(port, host)  # the server itself would wait for it without a word
    params = xllamacpp.CommonParams()
    params.model.path = str(gguf)
    params.model_alias = {name}
    params.hostnames = [host]
    params.port = port
    params.n_parallel = parallel
    params.n_ctx = context * parallel
    params.api_keys = [key] if key else []
    params.ui = False
    params.endpoint_slots = False  # they tell what others ask
    params.endpoint_props = False
    params.cors_origins = f"http://{HOST}"  # no site may read the answers; the default lets all
    params.verbosity = 1
    try:
        server = xllamacpp.Server(params)
    except RuntimeError as error:
        raise LecternError(f"{gguf} cannot be served at {host}:{port}: {error}") from error
    return server


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
