"""Choose the build of torch that fits this machine: the CPU build where there is no NVIDIA device.

Run: python lectern/tools/torch_build.py        (`make setup` and `make whisperx` do, before anything is installed)
Prints pip's options to standard output, and the reason to standard error. Only Python's own library is imported here.

On Linux, PyPI has torch as its CUDA build, with gigabytes of libraries that serve nothing without a GPU. The CPU build
stands on an index of PyTorch's own, which is taken where it answers. `$TORCH_INDEX` overrides the choice.
"""

import os
import platform
import shutil
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path

CPU_INDEX = "https://download.pytorch.org/whl/cpu"
PYPI = "https://pypi.org/simple"
DEVICES = ("/proc/driver/nvidia/version", "/dev/nvidiactl", "/dev/nvidia0", "/usr/lib/wsl/lib/libcuda.so.1")
"""One of these exists where an NVIDIA driver is at work; the last one under Windows' Linux."""
PATIENCE = 5.0
"""seconds that the index has to answer"""


def choose(
    environment: Mapping[str, str], *, linux: bool, nvidia: bool, index: str = CPU_INDEX
) -> tuple[list[str], str]:
    """Pip's options for torch on this machine, and the reason in a sentence.

    Args:
        environment: `TORCH_INDEX` in it decides alone.
        linux: elsewhere PyPI's build is the right one.
        nvidia: whether there is an NVIDIA device.
        index: that has the CPU build.
    """
    if chosen := environment.get("TORCH_INDEX", "").strip():
        return ["--index-url", chosen], f"torch comes from {chosen}, as TORCH_INDEX says"
    if not linux:
        return [], "torch comes from the package index of pip"
    if nvidia:
        return [], "there is an NVIDIA device, so torch comes as its CUDA build (6.5 GB of environment)"
    if answers(index):
        # What torch needs besides stands in the lock.
        return ["--no-deps", "--index-url", index], (
            "there is no NVIDIA device, so torch comes as its CPU build (2.8 GB of environment). "
            f"For a GPU that is not in this machine now: make setup TORCH_INDEX={PYPI}"
        )
    return [], (
        f"there is no NVIDIA device, and {index} does not answer: torch comes as pip's package index has it, on PyPI "
        "as the CUDA build (6.5 GB of environment, 2.8 GB with the CPU build). An index of your own that has the CPU "
        "build: make setup TORCH_INDEX=..."
    )


def has_nvidia() -> bool:
    """Whether an NVIDIA driver is at work here."""
    return any(Path(path).exists() for path in DEVICES) or shutil.which("nvidia-smi") is not None


def answers(index: str) -> bool:
    """Whether a package index lists torch, within `PATIENCE`."""
    try:
        with urllib.request.urlopen(f"{index}/torch/", timeout=PATIENCE) as answer:
            return bool(answer.status == 200)
    except (OSError, ValueError):  # URLError is an OSError; ValueError: not an address
        return False


if __name__ == "__main__":
    options, reason = choose(os.environ, linux=platform.system() == "Linux", nvidia=has_nvidia())
    print(f"setup: {reason}", file=sys.stderr)
    print(*options)
