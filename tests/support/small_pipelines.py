"""Small repositories of real DVC, in which nothing has run."""

import subprocess
from pathlib import Path

from tests import warm


def make(root: Path, **files: str) -> Path:
    """A repository of git and DVC with these files; in a name, `_` stands for the dot."""
    root.mkdir()
    for name, text in files.items():
        (root / name.replace("_", ".")).write_text(text)
    for command in (["git", "init", "-q"], ["dvc", "init", "-q"]):
        subprocess.run(command, cwd=root, check=True, env=warm.environment(DVC_NO_ANALYTICS="1"))
    return root
