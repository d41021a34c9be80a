"""The commands of publishing as processes, in a folder that is a repository."""

import subprocess
from pathlib import Path

from tests import warm

ROOT = Path(__file__).parents[2]


def run(root: Path, *arguments: str, command: str = "export", **env: str) -> subprocess.CompletedProcess[str]:
    """Run `lectern <command>` in a folder to its end."""
    everything = warm.environment(PYTHONPATH=str(ROOT), **{warm.CHILDREN: warm.python()}, **env)
    program = [warm.python(), "-m", "lectern", command, *arguments]
    return subprocess.run(program, cwd=root, env=everything, capture_output=True, text=True)
