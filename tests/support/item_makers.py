"""What the tests of worker processes and of Ray have made: a module, so that another process can import it."""

import errno
import functools
import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np  # noqa: F401  (so that its BLAS is there to ask)
import psutil
from threadpoolctl import threadpool_info

import lectern
from lectern.core import limits
from lectern.core.errors import ItemError, LecternError
from lectern.core.item import Item, Load, Make


def loader(behaviour: str, log: Path | None = None) -> Load:
    """A `load` whose items behave in the named way; a line is added to `log` each time it is called."""
    return functools.partial(_load, behaviour, log)


def _load(behaviour: str, log: Path | None) -> Make:
    if log:
        with log.open("a") as file:
            file.write(f"{os.getpid()}\n")
    return BEHAVIOURS[behaviour]


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def write_text(item: Item, path: Path) -> Mapping[str, Any]:
    """The text of the input, in capitals; facts say where it was made."""
    path.write_text(item.inputs["text"].read_text().upper())
    return {}


def tell_process(item: Item, path: Path) -> Mapping[str, Any]:
    path.write_text(item.id)
    return {
        "pid": os.getpid(),
        "threads": os.environ.get("OMP_NUM_THREADS", ""),
        "node": os.environ.get(NODE, ""),
        "code": lectern.__file__,
    }


def tell_blas(item: Item, path: Path) -> Mapping[str, Any]:
    """How many threads matrix products have."""
    path.write_text(item.id)
    return {
        "threads": [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]
    }


def meet(item: Item, path: Path) -> Mapping[str, Any]:
    """Two items meet at a named pipe: neither can be made unless the other is being made at the same time."""
    with Path(item.values["pipe"]).open(item.values["mode"]):
        return tell_process(item, path)


def wait_at_pipe(item: Item, path: Path) -> Mapping[str, Any]:
    """Made at once, or where `pipe` is named only when somebody opens its other end."""
    if pipe := item.values.get("pipe"):
        with Path(pipe).open("r") as file:
            file.read()
    return tell_process(item, path)


def announce_and_hang(item: Item, path: Path) -> None:
    """Say so through the pipe `announce`, held open from then on; then wait at another for somebody who never comes."""
    with Path(item.values["announce"]).open("w") as announce:
        announce.write("w")
        announce.flush()
        with Path(item.values["hang"]).open("r"):
            raise AssertionError("somebody came")


def interrupt_itself(item: Item, path: Path) -> Mapping[str, Any]:
    """What Ctrl-C sends to each process of the terminal, the driver spared."""
    os.kill(os.getpid(), signal.SIGINT)
    return tell_process(item, path)


def die_at_bad(item: Item, path: Path) -> Mapping[str, Any]:
    if "bad" in item.inputs["text"].read_text():
        die()
    return write_text(item, path)


def die_once(item: Item, path: Path) -> Mapping[str, Any]:
    """The first process that gets an item while the file `flag` exists takes it away and dies."""
    flag = Path(item.values["flag"])
    if flag.exists():
        flag.unlink()
        path.write_text("half")
        die()
    return write_text(item, path)


NODE = "LECTERN_TEST_NODE"
"""Variable in the environment of each process of a Ray node that a test has started: which node it is."""


def processes_of(node: str) -> list[psutil.Process]:
    """The processes of the nodes whose name begins like this, the caller last."""
    found = set()
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get(NODE, "").startswith(node):
                # its children too: Ray gives its agents and workers titles, which overwrite what can be read here
                found |= {process, *process.children(recursive=True)}
    return sorted(filter(_runs, found), key=lambda process: process.pid == os.getpid())


def _runs(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def kill_node(node: str) -> None:
    """What a power cut does to a machine: all processes end at once, and none is started in between.

    Each is stopped before the first is killed. A node that sees its workers die starts others, and one that was
    started while its node died waits for it for minutes.
    """
    stopped: set[psutil.Process] = set()
    while running := set(processes_of(node)) - stopped - {psutil.Process()}:
        for process in running:
            with suppress(psutil.Error):
                process.suspend()
        stopped |= running
    for process in [*stopped, *processes_of(node)]:
        with suppress(psutil.Error):
            process.kill()


def lose_second_node(item: Item, path: Path) -> Mapping[str, Any]:
    """While the file `flag` exists: the second node dies in the middle of its item, while the first makes another."""
    flag, meeting, node = Path(item.values["flag"]), Path(item.values["pipe"]), os.environ.get(NODE, "")
    if flag.exists() and node.endswith(":0"):
        with meeting.open("r") as file:
            file.read()
    elif flag.exists() and node:
        with meeting.open("w"):
            flag.unlink()
        kill_node(node)
    return write_text(item, path)


def kill_driver(item: Item, path: Path) -> Mapping[str, Any]:
    if "bad" in item.inputs["text"].read_text():
        path.write_text("half")
        os.kill(os.getppid(), signal.SIGKILL)
    return write_text(item, path)


def fail_in_every_way(item: Item, path: Path) -> Mapping[str, Any]:
    """An error of the item, an error that nobody foresaw, nothing made, or success, by what the input says."""
    text = item.inputs["text"].read_text()
    if text == "item":
        raise ItemError(f"{item.id} is bad")
    if text == "unforeseen":
        raise ZeroDivisionError("division by zero")
    return {} if text == "nothing" else write_text(item, path)


def fill_disk_at_bad(item: Item, path: Path) -> Mapping[str, Any]:
    if "bad" in item.inputs["text"].read_text():
        raise OSError(errno.ENOSPC, "No space left on device", "somewhere")
    return write_text(item, path)


def burn(seconds: float) -> None:
    began = time.process_time()
    while time.process_time() < began + seconds:
        pass


def take_too_much(item: Item, path: Path) -> Mapping[str, Any]:
    """What a hostile file makes its reader do, by what the input says; anything else is fine."""
    text = item.inputs["text"].read_text()
    if text == "time":
        while True:
            pass
    if text == "longer":  # more than one second, in steps that are allowed
        for _ in range(3):
            limits.allow(1)
            burn(0.5)
    if text.startswith("aside"):  # more than one second, in a block that may; and then perhaps again
        with limits.aside(10):
            burn(1.2)
        burn(2.5 if text == "aside and more" else 0)
    if text == "memory":
        bytearray(400_000_000)
    if text == "crash":
        os.abort()
    if text == "deep":
        json.loads("[" * 100_000)
    if text == "file":
        path.write_bytes(bytes(11_000_000))
    if text == "wait":
        threading.Event().wait()
    return {**tell_process(item, path), **write_text(item, path)}


def copy_folder(item: Item, path: Path) -> Mapping[str, Any]:
    """A directory from a directory and a file, with the names that the inputs had."""
    shutil.copytree(item.inputs["folder"], path / item.inputs["folder"].name)
    shutil.copy(item.inputs["text"], path)
    return {"names": sorted(p.name for p in path.rglob("*"))}


BEHAVIOURS: dict[str, Make] = {
    function.__name__: function
    for function in (
        write_text,
        take_too_much,
        tell_process,
        tell_blas,
        meet,
        wait_at_pipe,
        announce_and_hang,
        interrupt_itself,
        die_at_bad,
        die_once,
        lose_second_node,
        kill_driver,
        fail_in_every_way,
        fill_disk_at_bad,
        copy_folder,
    )
}


def load_badly() -> Make:
    raise LecternError("the model is nowhere")


def load_with_bug() -> Make:
    raise KeyError("model")


def load_deadly(log: Path) -> Make:
    with log.open("a") as file:
        file.write("x")
    die()
    raise AssertionError
