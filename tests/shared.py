"""What is dear to make is made once in a test run, whichever worker asks first; the others wait, and then read it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """The folder that `make` has filled, in this test run. Nobody may change what is in it.

    Args:
        factory: pytest's; the workers of a run have folders beside each other.
        name: of the folder; one for each thing that is made.
        make: fills an empty folder.
    """
    base = factory.getbasetemp()
    together = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = together / f"shared-{name}"
    with FileLock(together / f"shared-{name}.lock"):
        if not (folder / ".complete").exists():
            folder.mkdir()  # after a failure it is there: whoever asks again fails as well, and at once
            make(folder)
            (folder / ".complete").touch()
    return folder
