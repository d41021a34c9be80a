"""The stages of the pipeline, a file each: `python -m stages.x` runs one, as dvc.yaml does. The library is lectern."""

import lectern  # noqa: F401 - it says what to do where this Python lacks the packages
