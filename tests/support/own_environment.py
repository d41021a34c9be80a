"""Run a stage in the environment of `make whisperx`, in a folder of its own, as DVC does."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from lectern.core import io
from lectern.core.schema import Source
from lectern.tools import params

ROOT = Path(__file__).parents[2]
LAUNCHER = ROOT / "lectern/speech/python-whisperx"
PYTHON = ROOT / ".venv-whisperx/bin/python"

built = pytest.mark.skipif(not PYTHON.exists(), reason="`make whisperx` has not built .venv-whisperx")


def add_recording(root: Path, name: str, media: Path) -> None:
    """Put a recording among the raw items, as the fetch stage does."""
    folder = root / "data/raw" / name
    folder.mkdir(parents=True)
    shutil.copyfile(media, folder / media.name)
    io.write_json(folder / "item.json", Source(item=name, kind="media", title=name, media=media.name))


def run_stage(root: Path, stage: str, *choices: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Compose params.yaml in `root`, copy the code there and run a stage of it, without a model hub."""
    params.main(list(choices), ROOT / "conf", root / "params.yaml")
    for package in ("lectern", "stages"):
        shutil.copytree(ROOT / package, root / package, dirs_exist_ok=True)
    launcher = place_launcher(root, PYTHON.parents[1])
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
    }
    everything: Mapping[str, str] = {
        **kept,
        "PATH": f"{launcher.parent}:{os.environ['PATH']}",
        "HF_HOME": str(root / "hub"),
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
        **environment,
    }
    command = [launcher.name, "-m", f"stages.{stage}"]
    return subprocess.run(command, cwd=root, env=everything, capture_output=True, text=True)


def make_model(kind: str, folder: Path, *arguments: Path) -> Path:
    """Make a small model there, see made_up_models.py."""
    script = Path(__file__).with_name("made_up_models.py")
    command = [str(PYTHON), str(script), kind, str(folder), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def place_launcher(root: Path, environment: Path | None) -> Path:
    """Put the launcher where `make setup` does, in a repository whose .venv-whisperx is `environment`, if any."""
    launcher = root / ".venv/bin/python-whisperx"
    launcher.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(LAUNCHER, launcher)
    launcher.chmod(0o755)
    if environment is not None and not (root / ".venv-whisperx").exists():
        (root / ".venv-whisperx").symlink_to(environment)
    return launcher


def call(launcher: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Call the launcher by its name from another folder, found on the PATH."""
    environment = {**os.environ, "PATH": f"{launcher.parent}:{os.environ['PATH']}"}
    return subprocess.run(
        [launcher.name, *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )
