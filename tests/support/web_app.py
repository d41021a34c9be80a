"""An app of pages as a process of its own."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import warm

ROOT = Path(__file__).parents[2]


@contextmanager
def running(program: str, folder: Path, *arguments: str, python: str | None = None) -> Iterator[str]:
    """Run `python -m <program>` in a folder, on any free port; yields its address, without a slash at the end."""
    with started(program, folder, *arguments, python=python) as (address, _):
        yield address


@contextmanager
def started(
    program: str, folder: Path, *arguments: str, python: str | None = None
) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """As `running`, with the process too: a warm one, unless a Python is given."""
    everything = warm.environment(PYTHONPATH=str(ROOT), PYTHONUNBUFFERED="1")
    env = {name: value for name, value in everything.items() if not name.startswith("PYTEST")}
    command = [python or warm.python(), "-m", *program.split(), "--port", "0", "--no-browser", *arguments]
    with (folder / "app.err").open("w") as errors:
        process = subprocess.Popen(
            command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=errors, text=True
        )
    try:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                _wait_until_open(found[0])
                yield found[0], process
                break
        else:
            raise AssertionError(f"{program} did not start: {said}{(folder / 'app.err').read_text()}")
    finally:
        process.terminate()
        process.wait(20)


def _wait_until_open(address: str) -> None:
    import httpx

    with httpx.Client(
        transport=httpx.HTTPTransport(retries=8)
    ) as client:  # it waits longer after each refusal
        client.get(f"{address}/nothing-here", timeout=30)
