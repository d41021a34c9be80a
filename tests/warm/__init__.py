"""Python processes that need not import torch again: a server that has it forks them.

A stage run as `python -m stages.x` spends 2 to 8 s of CPU time on imports, and the tests run hundreds of them.
`environment()` has a PATH that begins with a `python` and a `dvc`. Each is a small client: it hands its arguments,
environment, folder and open files to the server (server.py), which forks the process that runs them, and it ends as
that process ends. Signals go through, in both directions. All workers of a test run share one server.

The process is a real one, but for these: it has another parent and process group than its client, and the seed of
hashes is that of the server. Whatever needs more runs `sys.executable`: a test that kills process groups, for one.
A client does so itself where a variable is set that the libraries read while they are imported, save for those of
ANY_VALUE.
"""

import atexit
import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from filelock import FileLock

from lectern.core import instructions

HERE = Path(__file__).parent
HEAD = """#!{python} -IS
MODULE, PYTHON, SOCKET = {module!r}, {python!r}, {socket!r}
READ_AT_IMPORT, ANY_VALUE, SETTINGS, SCRIPTS = {read!r}, {any_value!r}, {settings!r}, {scripts!r}
"""
READ_AT_IMPORT = (
    "HF_",
    "HUGGING",
    "TRANSFORMERS_",
    "TORCH",
    "OMP_",
    "OPENBLAS_",
    "MKL_",
    "ATEN_",
    "CUDA",
    "LD_",
)
ANY_VALUE = (
    # what the code under test, and torch with its compiler, leave in the environment of a process of tests: the server
    # has one thread for products of matrices as well, and nothing is compiled
    "OPENBLAS_NUM_THREADS",
    "TORCHINDUCTOR_CACHE_DIR",
    # what huggingface_hub reads again in a process whose hub is another one
    "HF_ENDPOINT",
    "HF_HOME",
    "HF_HUB_DISABLE_PROGRESS_BARS",
    "HF_HUB_DISABLE_TELEMETRY",
    "HF_HUB_DISABLE_XET",
    "HF_HUB_OFFLINE",
    "HF_TOKEN",
)
"""The variables among them that may differ from the server's."""
SCRIPTS = ("convert_hf_to_gguf.py",)
"""The files that are worth a warm process; others run cold."""
CHILDREN = "LECTERN_TESTS_PYTHON"
"""The variable that makes a Python the `sys.executable` of a warm process, so that what it starts is warm too."""


def environment(**more: str) -> dict[str, str]:
    """Variables for a process in which `python` and `dvc` are the clients; tests run at the same time, so each has one
    thread."""
    path = os.pathsep.join([str(folder()), str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1", **more}


def python() -> str:
    """The client that stands for `sys.executable`."""
    return str(folder() / "python")


@cache
def folder() -> Path:
    """The folder of `python` and `dvc`; the server starts when a test run asks for the first time."""
    if not sys.platform.startswith("linux"):
        return Path(sys.executable).parent
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", f"alone-{os.getpid()}")
    place = Path(tempfile.gettempdir()) / f"lectern-warm-{run}"
    place.mkdir(mode=0o700, exist_ok=True)
    with FileLock(place / "lock"):
        try:
            held = os.open(place / "alive", os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # nobody has started it, or it has ended
            _start(place)
            held = os.open(place / "alive", os.O_WRONLY | os.O_NONBLOCK)
    atexit.register(os.close, held)  # the server ends when the last worker has closed this
    return place / "bin"


def _start(place: Path) -> None:
    for name in ("alive", "socket"):
        (place / name).unlink(missing_ok=True)
    os.mkfifo(place / "alive")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"OMP_NUM_THREADS": "1"}
    read = {n: v for n, v in environment.items() if n.startswith(READ_AT_IMPORT) and n not in ANY_VALUE}
    _write_clients(place, read)
    command = [sys.executable, str(HERE / "server.py"), str(place)]
    with (place / "log").open("w") as log:
        process = subprocess.Popen(
            command,
            env=environment | instructions.PORTABLE,  # as stages do before they load a library
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
    assert process.stdout is not None
    if process.stdout.readline() != b"ready\n":
        raise RuntimeError(f"the server of warm processes did not start: {(place / 'log').read_text()}")
    process.stdout.close()


def _write_clients(place: Path, settings: dict[str, str]) -> None:
    (place / "bin").mkdir(exist_ok=True)
    code = (HERE / "client.py").read_text(encoding="utf-8")
    for name, module in (("python", ""), ("dvc", "dvc")):
        head = HEAD.format(
            python=sys.executable,
            module=module,
            socket=str(place / "socket"),
            read=READ_AT_IMPORT,
            any_value=ANY_VALUE,
            scripts=SCRIPTS,
            settings=settings,
        )
        (place / "bin" / name).write_text(head + code, encoding="utf-8")
        (place / "bin" / name).chmod(0o755)
