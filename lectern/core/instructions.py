"""Compute the same bytes on every x86-64 processor, whoever made it and however new it is.

Numeric libraries look at the processor when they are loaded, and choose among kernels that add up in different orders:
AVX2 or AVX-512, Intel's or another maker's, in as many parts as there are cores. With `compute.instructions: portable`
each library is told to use the kernels that every processor with AVX2 has, and what differs even then is replaced. With
`native` each library chooses by itself, which is faster on a new processor.

`stages/__init__.py` calls `prepare`, before any library is loaded. The processes that a stage starts inherit the
environment, and `lectern/__init__.py` calls `follow` in them. docs/reproducibility.md says what was compared, and what
differs between processors all the same.
"""

import importlib.abc
import importlib.machinery
import os
import platform
import sys
import warnings
from collections.abc import Mapping, MutableMapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

CHOICES = ("portable", "native")
LONGEST = 200_000
"""Most characters of a parameter file (`core.params`)."""
CHOSEN = "LECTERN_INSTRUCTIONS"
"""The environment variable by which processes that a stage starts know what it chose."""
THREADS = 2
"""Threads of a product of matrices. Another number adds up in another order, so it does not depend on the cores."""

PORTABLE = {
    # CTranslate2 (Whisper): Intel's MKL takes other kernels on Intel's processors, so oneDNN multiplies.
    "CT2_FORCE_CPU_ISA": "AVX2",
    "CT2_USE_MKL": "0",
    # torch: its own kernels, those of oneDNN and those of MKL. MKL has no other setting that treats all makers alike.
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_CBWR": "COMPATIBLE",
    "MKL_DYNAMIC": "FALSE",
    "OMP_DYNAMIC": "FALSE",
    "OMP_NUM_THREADS": str(THREADS),
    "MKL_NUM_THREADS": str(THREADS),
    # NumPy's functions, and the OpenBLAS of NumPy and SciPy.
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
    "OPENBLAS_CORETYPE": "Haswell",
    "OPENBLAS_NUM_THREADS": "1",
}
"""What the libraries read when they are loaded. A value that the caller's shell has set does not count."""


def prepare(params: Path = Path("params.yaml"), environment: MutableMapping[str, str] = os.environ) -> None:
    """Set what `compute.instructions` needs. Call it before numpy, torch or ctranslate2 is imported.

    A file that cannot be read, or that lacks the choice, changes nothing: the stage itself reports it.
    """
    choose(_read_choice(params), environment)


def choose(choice: str, environment: MutableMapping[str, str] = os.environ) -> None:
    """Set the environment for this choice, and change torch as soon as it is imported."""
    environment[CHOSEN] = choice
    if choice == "portable" and platform.machine().lower() in ("x86_64", "amd64"):
        environment.update(PORTABLE)
        follow(environment)


def follow(environment: MutableMapping[str, str] = os.environ) -> None:
    """Do in this process what the process that started it has chosen."""
    if environment.get(CHOSEN) != "portable" or "ATEN_CPU_CAPABILITY" not in environment:
        return
    if "torch" in sys.modules:
        adapt_torch()
    elif not any(isinstance(finder, _TorchFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _TorchFinder())


def chosen(environment: Mapping[str, str] = os.environ) -> str:
    """Return what this process computes with: `portable`, or `native` where nothing was chosen."""
    return environment.get(CHOSEN) or "native"


def inherited(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the variables that a process on another machine must get."""
    return {name: environment[name] for name in (CHOSEN, *PORTABLE) if name in environment}


def _read_choice(params: Path) -> str:
    from yaml import YAMLError, safe_load

    try:
        text = params.read_text(encoding="utf-8")
        # Whoever reads the whole file says what is wrong with one that is no configuration.
        return str(safe_load(text)["compute"]["instructions"]) if len(text) < LONGEST else ""
    except (OSError, ValueError, YAMLError, KeyError, TypeError, RecursionError):
        return ""


class _TorchFinder(importlib.abc.MetaPathFinder):
    """Calls `adapt_torch` when torch has been imported, whoever imports it."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != "torch":
            return None
        # It stays in its place, since others look for torch without importing it.
        others = [finder for finder in sys.meta_path if finder is not self]
        found = (finder.find_spec(name, path, target) for finder in others if hasattr(finder, "find_spec"))
        spec = next((one for one in found if one is not None), None)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def load_and_adapt(module: ModuleType) -> None:
                load(module)
                adapt_torch()

            spec.loader.exec_module = load_and_adapt  # type: ignore[method-assign]
        return spec


_libraries: list[Any] = []
"""torch's kernels are replaced as long as these exist."""


def adapt_torch() -> None:
    """Replace those of torch's kernels for the CPU whose results depend on the processor in spite of `PORTABLE`.

    - The square root in single precision starts from the processor's own approximation, which differs between makers,
      and is not rounded correctly. NumPy's is.
    - Products of matrices are oneDNN's, since those of MKL take 3.5 times as long with `MKL_CBWR=COMPATIBLE`.
    - oneDNN's LSTM differs between processors; torch's own does not.
    """
    if _libraries:
        return
    import torch

    torch.set_num_threads(THREADS)
    kernels = torch.library.Library("aten", "IMPL", "CPU")
    _libraries.append(kernels)
    # That of the environment for WhisperX and pyannote is too old; what they compute is not claimed to be portable.
    if hasattr(torch.library, "get_kernel"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for name, function in _make_kernels(torch).items():
                kernels.impl(name, function, allow_override=True)
    lstm = torch._VF.lstm

    def lstm_outside_onednn(*args: Any, **options: Any) -> Any:
        before = torch._C._get_mkldnn_enabled()
        torch._C._set_mkldnn_enabled(False)
        try:
            return lstm(*args, **options)
        finally:
            torch._C._set_mkldnn_enabled(before)

    torch._VF.lstm = lstm_outside_onednn


def _make_kernels(torch: Any) -> dict[str, Any]:
    """Name of an operator -> the function that replaces torch's kernel."""
    original = {
        name: torch.library.get_kernel(f"aten::{name}", "CPU")
        for name in ("mm", "mm.out", "addmm", "addmm.out", "pow.Tensor_Scalar")
    }
    keys = torch._C.DispatchKeySet(torch._C.DispatchKey.CPU)
    linear = torch.ops.mkldnn._linear_pointwise

    def sqrt(values: Any) -> Any:
        import numpy as np

        if values.dtype in (torch.float16, torch.bfloat16):
            return sqrt(values.float()).to(values.dtype)
        if not (values.is_floating_point() or values.is_complex()):
            values = values.to(torch.get_default_dtype())
        with np.errstate(invalid="ignore"):
            return torch.as_tensor(np.sqrt(values.detach().resolve_conj().resolve_neg().numpy()))

    def sqrt_(values: Any) -> Any:
        return values.copy_(sqrt(values))

    def sqrt_out(values: Any, *, out: Any) -> Any:
        return _fill(out, sqrt(values))

    def power(values: Any, exponent: Any) -> Any:
        if exponent == 0.5 and values.is_floating_point():
            return sqrt(values)
        return original["pow.Tensor_Scalar"].call_boxed(keys, values, exponent)

    def suits(left: Any, right: Any) -> bool:
        both_float = left.dtype == right.dtype == torch.float32
        return both_float and left.shape[1] == right.shape[0] and left.numel() > 0 and right.numel() > 0

    def mm(left: Any, right: Any) -> Any:
        if not suits(left, right):
            return original["mm"].call_boxed(keys, left, right)
        return linear(left, right.t(), None, "none", [], "")

    def mm_out(left: Any, right: Any, *, out: Any) -> Any:
        if not suits(left, right) or out.dtype != torch.float32:
            return original["mm.out"].call_boxed(keys, left, right, out=out)
        return _fill(out, mm(left, right))

    def addmm(bias: Any, left: Any, right: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
        if not suits(left, right) or bias.dtype != torch.float32:
            return original["addmm"].call_boxed(keys, bias, left, right, beta=beta, alpha=alpha)
        product = mm(left, right)
        product = product if alpha == 1 else product.mul_(alpha)
        if beta == 0:  # the bias may then be anything, even not a number
            return product
        return product.add_(bias, alpha=beta)

    def addmm_out(bias: Any, left: Any, right: Any, *, beta: Any = 1, alpha: Any = 1, out: Any) -> Any:
        if not suits(left, right) or bias.dtype != torch.float32 or out.dtype != torch.float32:
            return original["addmm.out"].call_boxed(keys, bias, left, right, beta=beta, alpha=alpha, out=out)
        return _fill(out, addmm(bias, left, right, beta=beta, alpha=alpha))

    def addmm_(bias: Any, left: Any, right: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
        return bias.copy_(addmm(bias, left, right, beta=beta, alpha=alpha))

    return {
        "sqrt": sqrt,
        "sqrt_": sqrt_,
        "sqrt.out": sqrt_out,
        "pow.Tensor_Scalar": power,
        "mm": mm,
        "mm.out": mm_out,
        "addmm": addmm,
        "addmm.out": addmm_out,
        "addmm_": addmm_,
    }


def _fill(out: Any, found: Any) -> Any:
    if out.shape != found.shape:
        out.resize_(found.shape)
    return out.copy_(found)
