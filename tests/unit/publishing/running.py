"""The commands of publishing as processes, in a folder that is a repository."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def run(root: Path, *arguments: str, command: str = "export", **env: str) -> subprocess.CompletedProcess[str]:
    """Run `lectern <command>` in a folder to its end."""
    everything = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **env}
    return subprocess.run(
        [sys.executable, "-m", "lectern", command, *arguments],
        cwd=root,
        env=everything,
        capture_output=True,
        text=True,
    )
