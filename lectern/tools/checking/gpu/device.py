"""The device of this machine: its name, its peak, its memory."""

import gc
import importlib.metadata

from lectern.tools.checking.gpu.report import Machine

PACKAGES = ("torch", "transformers", "peft", "trl", "accelerate", "bitsandbytes", "triton", "flash_attn")


def describe() -> Machine:
    """Say what the device is. Without a GPU it is the CPU, of which no peak is assumed."""
    import torch

    gpu = torch.cuda.get_device_properties(0) if torch.cuda.is_available() else None
    return Machine(
        device=gpu.name if gpu else "cpu",
        memory=gpu.total_memory if gpu else None,
        capability=f"{gpu.major}.{gpu.minor}" if gpu else None,
        peak_flops=find_peak(gpu.name) if gpu else None,
        packages={name: _version(name) for name in PACKAGES},
        cuda=torch.version.cuda,
    )


def find_peak(name: str) -> float | None:
    """Dense bf16 operations a second of a GPU, by TRL's table of the makers' figures; None for one that it lacks.

    A slice of a GPU (MIG) has the name of the whole one, and no figure of its own.
    """
    if " MIG " in f" {name} ":
        return None
    try:
        from trl.trainer.utils import get_peak_flops
    except ImportError:
        return None
    peak: float | None = get_peak_flops(name, "bfloat16")
    return peak


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def release() -> None:
    """Give back the memory of models that nobody holds any more, so that the next check begins with a free device."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
