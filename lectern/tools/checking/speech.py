"""Whether the engines that hear can run: their Python, their libraries, and the device that they are to compute on."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from omegaconf import DictConfig

from lectern.speech.environment import OWN_ENVIRONMENT
from lectern.tools.checking.finding import MISSING, OK, Finding
from lectern.tools.checking.requirements import get

PATIENCE = 60.0
"""Seconds: torch is slow to load the first time."""
PROBE = """
import importlib.metadata as metadata, json, sys
missing = []
for name in sys.argv[2:]:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        missing.append(name)
gpus = None
if sys.argv[1] == "cuda":
    try:
        if "ctranslate2" in sys.argv[2:]:
            import ctranslate2
            gpus = ctranslate2.get_cuda_device_count()
        else:
            import torch
            gpus = torch.cuda.device_count()
    except Exception:
        gpus = 0
print(json.dumps([missing, gpus]))
"""
"""Runs in the Python of the stage: argv is the device, then the distributions."""


def check_engines(
    settings: DictConfig, libraries: Mapping[str, Mapping[str, tuple[str, ...]]]
) -> Iterator[Finding]:
    """A finding for `transcribe` and for `diarize`.

    Args:
        settings: the parameters.
        libraries: section -> engine -> the distributions that it needs.
    """
    for section, engines in libraries.items():
        engine, python = get(settings, f"{section}.engine"), get(settings, f"{section}.python")
        if engine in engines:  # any other is said where the sections are checked
            yield _check(
                section, str(python), str(engine), engines[engine], str(get(settings, f"{section}.device"))
            )


def find_python(name: str) -> str | None:
    """The interpreter of that name on the PATH, on which `make run` puts this environment first."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return shutil.which(name, path=path)


def _check(section: str, python: str, engine: str, libraries: tuple[str, ...], device: str) -> Finding:
    what = f"{section}: the engine {engine} in {python}"
    own = set(libraries) & set(OWN_ENVIRONMENT)
    build = "`make whisperx` builds its environment" if own else "`make setup` installs it"
    if own and python == "python":
        return Finding(
            MISSING, f"{what} has no {', '.join(sorted(own))}", f"set {section}.python=python-whisperx"
        )
    found = find_python(python)
    if found is None:
        return Finding(MISSING, f"{what}: no such program is on the PATH", build)
    command = [found, "-c", PROBE, device, *libraries]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding(MISSING, f"{what}: {error}", build)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it does not start"])[-1]
        return Finding(MISSING, f"{what}: {last}", build)
    missing, gpus = json.loads(done.stdout.splitlines()[-1])
    if missing:
        return Finding(MISSING, f"{what} has no {', '.join(missing)}", build)
    if gpus == 0:
        return Finding(
            MISSING,
            f"{what} finds no GPU, and {section}.device is cuda",
            f"set {section}.device=cpu"
            + (" transcribe.compute_type=int8" if section == "transcribe" else ""),
        )
    return Finding(OK, f"{what}, on {device}")
