"""The library of the pipeline, in layers: a folder imports itself and what stands above it in docs/how-it-works.md."""

import sys
from importlib.util import find_spec

# `.venv/bin/dvc repro` without the environment activated runs the stages with whatever `python` is first on the path.
if find_spec("pydantic") is None or find_spec("omegaconf") is None:
    sys.exit(
        f"error: {sys.executable} lacks the packages of this project. Run `make setup` once, and "
        "`source .venv/bin/activate` in each shell before dvc."
    )

from lectern.core import instructions

instructions.follow()  # in a process that a stage has started
