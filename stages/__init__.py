"""The stages of the pipeline, a file each: `python -m stages.x` runs one, as dvc.yaml does. The library is lectern."""

import sys

import lectern  # noqa: F401 - it says what to do where this Python lacks the packages
from lectern.core import instructions

# Python is about to run a stage, maybe under a profiler or debugger, and no library is loaded yet.
if sys.argv[0] == "-m" or any(word.startswith("stages.") for word in sys.orig_argv):
    instructions.prepare()
