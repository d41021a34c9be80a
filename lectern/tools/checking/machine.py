"""What this machine and this folder are: GPU, disk, git, DVC."""

import importlib.metadata
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from lectern.apps import repro
from lectern.models import bundled
from lectern.tools import torch_build
from lectern.tools.checking.finding import MISSING, NOTE, OK, Finding

LEAST_FREE = 2e9
"""Bytes. The base model of the demo alone takes 0.5 GB once it is converted."""


def check_gpu() -> Finding:
    """Which GPU torch sees, and which build of torch is installed."""
    try:
        version = importlib.metadata.version("torch")
        import torch
    except ImportError:
        return Finding(MISSING, "torch is not installed", "`make setup` installs it")
    if torch.cuda.is_available():
        gpus = [torch.cuda.get_device_properties(number) for number in range(torch.cuda.device_count())]
        named = ", ".join(f"{gpu.name} ({gpu.total_memory / 2**30:.0f} GiB)" for gpu in gpus)
        return Finding(OK, f"GPU: {named}; torch {version}")
    if torch_build.has_nvidia():
        build = "its CPU build" if torch.version.cuda is None else f"built for CUDA {torch.version.cuda}"
        return Finding(
            NOTE,
            f"there is an NVIDIA device, but torch {version} ({build}) does not use it",
            "`rm -r .venv && make setup` installs the CUDA build; if it is that already, update the driver",
        )
    return Finding(OK, f"no GPU: torch {version} computes on {os.cpu_count()} CPU cores")


def check_disk(to_download: int) -> Iterator[Finding]:
    """A finding for each file system that a run writes to.

    Args:
        to_download: bytes of the models that come from the hub.
    """
    places = {
        "this folder": (Path(), LEAST_FREE),
        f"the cache {bundled.cache_dir()}": (bundled.cache_dir(), 0.0),
    }
    if to_download:
        from huggingface_hub import constants

        cache = Path(constants.HF_HUB_CACHE)
        places[f"the hub's cache {cache}"] = (cache, float(to_download))
    wanted: dict[int, tuple[list[str], float, float]] = {}
    for name, (path, size) in places.items():
        there = next(folder for folder in (path.resolve(), *path.resolve().parents) if folder.exists())
        names, free, needed = wanted.get(there.stat().st_dev, ([], float(shutil.disk_usage(there).free), 0.0))
        wanted[there.stat().st_dev] = ([*names, name], free, needed + size)
    for names, free, needed in wanted.values():
        what = f"{free / 1e9:.0f} GB are free for {' and '.join(names)}"
        if free < needed:
            yield Finding(MISSING, f"{what}; {needed / 1e9:.0f} GB are needed", "make room")
        else:
            yield Finding(OK, what)


def check_repository() -> Iterator[Finding]:
    """Findings for git and DVC."""
    if shutil.which("git") is None:
        yield Finding(MISSING, "there is no git on the PATH", "install git")
        return
    if _ask("git", "rev-parse", "--show-toplevel") is None:
        yield Finding(
            MISSING, "this folder is no git repository", "`git init && git add -A && git commit -m start`"
        )
        return
    if _ask("git", "rev-parse", "--verify", "HEAD") is None:
        yield Finding(
            NOTE, "git has no commit yet", "`git add -A && git commit`: experiments start from a commit"
        )
    elif changed := (_ask("git", "status", "--porcelain") or "").splitlines():
        yield Finding(
            NOTE,
            f"git: {len(changed)} files have changes that are in no commit",
            "commit them before `lectern search` and `lectern push`",
        )
    else:
        yield Finding(OK, "git: everything is committed")
    yield from _check_dvc()


def _check_dvc() -> Iterator[Finding]:
    if not Path(".dvc").is_dir() or not Path("dvc.yaml").is_file():
        absent = "folder .dvc" if Path("dvc.yaml").is_file() else "dvc.yaml"
        yield Finding(MISSING, f"there is no {absent} here", "change to the project's folder, or `dvc init`")
        return
    remotes = _ask(sys.executable, "-m", "dvc", "remote", "list")
    if remotes is None:
        yield Finding(MISSING, "`dvc remote list` fails", "run it to see why")
    elif remotes:
        names = ", ".join(line.split()[0] for line in remotes.splitlines())
        yield Finding(OK, f"DVC: remote {names}")
    else:
        yield Finding(
            NOTE,
            "DVC has no remote: outputs stay on this machine",
            "`dvc remote add -d NAME ADDRESS` lets others pull them",
        )


def _ask(*command: str) -> str | None:
    """What a command prints; None where it fails."""
    done = subprocess.run(
        command, capture_output=True, text=True, errors="replace", env=repro.environment(), check=False
    )
    return done.stdout.strip() if done.returncode == 0 else None
