"""The PATH of somebody who calls `.venv/bin/lectern` without having activated the environment."""

import os
import sys
from pathlib import Path

NOT_ACTIVATED = os.pathsep.join(
    part for part in os.environ.get("PATH", "").split(os.pathsep) if Path(part) != Path(sys.executable).parent
)
