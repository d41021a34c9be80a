"""Choose the device of this machine and the precision that suits it."""

from typing import Any

DTYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}


def device() -> Any:
    """Return the first visible GPU, else the CPU."""
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def choose_precision(asked: str) -> str:
    """Return the precision, fp32, bf16 or fp16: the one asked for, or for `auto` the one that suits the device.

    A CPU gets fp32, since without instructions for bfloat16, bf16 takes 6 to 10 times as long. A GPU from Ampere on
    (compute capability 8) gets bf16, which has the range of fp32; an older one gets fp16 with loss scaling.
    """
    import torch

    if asked != "auto":
        return asked
    if not torch.cuda.is_available():
        return "fp32"
    return "bf16" if torch.cuda.get_device_capability()[0] >= 8 else "fp16"


def measure_speed(tokens: int, seconds: float) -> dict[str, float]:
    """Return figures for metrics/runtime: tokens per second without padding, and the peak memory of the GPU."""
    import torch

    figures = {
        "trained_seconds": round(seconds, 1),
        "tokens_a_second": round(tokens / seconds, 1) if seconds else 0.0,
    }
    if torch.cuda.is_available():
        figures["peak_gpu_memory_mb"] = round(torch.cuda.max_memory_allocated() / 1e6)
    return figures
