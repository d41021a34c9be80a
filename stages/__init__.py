"""The stages of the pipeline, a file each: `python -m stages.x` runs one, as dvc.yaml does. The library is lectern."""

import sys

import lectern  # noqa: F401 - it says what to do where this Python lacks the packages
from lectern.core import instructions

if sys.argv[0] == "-m":  # Python is about to run a stage, and no library is loaded yet
    instructions.prepare()
