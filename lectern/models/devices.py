"""What the machine computes on, and in which precision it does so well."""

from typing import Any

DTYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}


def device() -> Any:
    """The first visible GPU, else the CPU."""
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def choose_precision(asked: str) -> str:
    """fp32, bf16 or fp16: what was asked for, or for `auto` what the device does well.

    On a CPU fp32, since without instructions for bfloat16 it takes 6 to 10 times as long; on a GPU bf16, whose range is
    that of fp32, from Ampere (compute capability 8) on, and fp16 with a scaled loss before.
    """
    import torch

    if asked != "auto":
        return asked
    if not torch.cuda.is_available():
        return "fp32"
    return "bf16" if torch.cuda.get_device_capability()[0] >= 8 else "fp16"


def measure_speed(tokens: int, seconds: float) -> dict[str, float]:
    """Figures for metrics/runtime: useful tokens a second, and the most memory of the GPU that was taken at once."""
    import torch

    figures = {
        "trained_seconds": round(seconds, 1),
        "tokens_a_second": round(tokens / seconds, 1) if seconds else 0.0,
    }
    if torch.cuda.is_available():
        figures["peak_gpu_memory_mb"] = round(torch.cuda.max_memory_allocated() / 1e6)
    return figures
