"""`dvc repro` as a process whose output is followed line by line."""

import queue
import subprocess
from collections.abc import Callable
from threading import Thread


def follow(
    process: "subprocess.Popen[str]", read: Callable[[str], None], wait: Callable[[], None], every: float
) -> int:
    """Read what a process prints until it ends. Returns its exit status.

    Args:
        process: of `repro.start`.
        read: is called with each line, without its end.
        wait: is called each time when nothing was printed for a while.
        every: that while, in seconds.
    """
    assert process.stdout is not None
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    reader = Thread(target=_pass_on, args=(process, lines), daemon=True)
    reader.start()
    while True:
        try:
            line = lines.get(timeout=every)
        except queue.Empty:
            wait()
            continue
        if line is None:
            return process.wait()
        read(line.rstrip("\n"))


def _pass_on(process: "subprocess.Popen[str]", lines: "queue.SimpleQueue[str | None]") -> None:
    assert process.stdout is not None
    try:
        for line in process.stdout:
            lines.put(line)
    finally:
        lines.put(None)
