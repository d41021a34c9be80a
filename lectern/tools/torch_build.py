"""Choose the build of torch that fits this machine: the CPU build where there is no NVIDIA device.

Run: python lectern/tools/torch_build.py        (`make setup` and `make whisperx` do so before anything is installed)
Prints pip's options to standard output, and the reason to standard error. It imports only the standard library.

On Linux, PyPI has only the CUDA build of torch, with gigabytes of libraries that are useless without a GPU. The CPU
build is on PyTorch's own index, which is used when it can be reached. `$TORCH_INDEX` overrides the choice.
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
"""One of these exists where an NVIDIA driver is loaded; the last one under the Windows Subsystem for Linux."""
PATIENCE = 5.0
"""Seconds to wait for the index's answer."""


def choose(
    environment: Mapping[str, str], *, linux: bool, nvidia: bool, index: str = CPU_INDEX
) -> tuple[list[str], str]:
    """Choose pip's options for torch on this machine. Returns them and the reason as a sentence.

    Args:
        environment: when it holds `TORCH_INDEX`, that alone decides.
        linux: whether this is Linux; elsewhere PyPI's build is right.
        nvidia: whether there is an NVIDIA device.
        index: the package index that has the CPU build.
    """
    if chosen := environment.get("TORCH_INDEX", "").strip():
        return ["--index-url", chosen], f"torch comes from {chosen}, as TORCH_INDEX says"
    if not linux:
        return [], "torch comes from pip's package index"
    if nvidia:
        return [], "there is an NVIDIA device, so torch comes as its CUDA build (6.5 GB of environment)"
    if answers(index):
        # The lock file lists what torch depends on.
        return ["--no-deps", "--index-url", index], (
            "there is no NVIDIA device, so torch comes as its CPU build (2.8 GB of environment). "
            f"For a GPU that is not in this machine now: make setup TORCH_INDEX={PYPI}"
        )
    return [], (
        f"there is no NVIDIA device, but {index} does not answer, so torch comes from pip's package index, on PyPI "
        "as the CUDA build (6.5 GB of environment instead of 2.8 GB). To name another index that has the CPU "
        "build: make setup TORCH_INDEX=..."
    )


def has_nvidia() -> bool:
    """Whether an NVIDIA driver is loaded here."""
    return any(Path(path).exists() for path in DEVICES) or shutil.which("nvidia-smi") is not None


def answers(index: str) -> bool:
    """Whether a package index lists torch and answers within `PATIENCE` seconds."""
    try:
        with urllib.request.urlopen(f"{index}/torch/", timeout=PATIENCE) as answer:
            return bool(answer.status == 200)
    except (OSError, ValueError):  # URLError is an OSError; ValueError: the address is malformed
        return False


if __name__ == "__main__":
    options, reason = choose(os.environ, linux=platform.system() == "Linux", nvidia=has_nvidia())
    print(f"setup: {reason}", file=sys.stderr)
    print(*options)
