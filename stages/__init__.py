"""The stages of the pipeline and what they are made of; `python -m stages.x` runs one."""

import sys
from importlib.util import find_spec

# `.venv/bin/dvc repro` without the environment activated runs the stages with whatever `python` is first on the path.
if find_spec("pydantic") is None or find_spec("omegaconf") is None:
    sys.exit(
        f"error: {sys.executable} lacks the packages of this pipeline. Run `make setup` once, and "
        "`source .venv/bin/activate` in each shell before dvc."
    )
