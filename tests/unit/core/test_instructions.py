"""Portable instructions are chosen before a library is loaded, and torch computes the same values with them."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lectern.core import instructions

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.skipif(
    platform.machine().lower() not in ("x86_64", "amd64"), reason="only x86-64 has portable instructions"
)

AT_EXIT = """
import atexit, json, os

def tell():
    with open(os.environ["TOLD"], "w") as file:
        json.dump(dict(os.environ), file)

atexit.register(tell)
"""

IN_TORCH = """
import json, sys
from lectern.core import instructions
instructions.choose("portable")
assert "numpy" not in sys.modules
import numpy as np
import torch

chance = torch.Generator().manual_seed(0)
values = torch.rand(100_000, generator=chance) * 100
exact = np.sqrt(values.numpy())
turned = values.view(100, 1000).t()
learned = torch.nn.Parameter(values[:4].clone())
learned.sqrt().sum().backward()
bias, left, right = (torch.randn(*shape, generator=chance) for shape in ((9,), (5, 7), (7, 9)))
product = left.double() @ right.double()

def near(found, wanted):
    return found.dtype == torch.float32 and torch.allclose(found.double(), wanted, atol=1e-5)

def refuses(left, right):
    try:
        left @ right
    except RuntimeError:
        return True
    return False

empty, filled = torch.empty(0), torch.full((5, 9), float("nan"))
layer = torch.nn.Linear(7, 9)
layer(left).sum().backward()
print(json.dumps({
    "sqrt": bool((values.sqrt().numpy() == exact).all()),
    "sqrt_": bool((values.clone().sqrt_().numpy() == exact).all()),
    "sqrt.out": bool((torch.sqrt(values, out=torch.empty(0)).numpy() == exact).all()),
    "foreach": bool((torch._foreach_sqrt([values])[0].numpy() == exact).all()),
    "power": bool((values.pow(0.5).numpy() == exact).all()),
    "other powers": bool(torch.equal(values**2, values * values)),
    "turned": bool((turned.sqrt().numpy() == np.sqrt(turned.numpy())).all()),
    "bfloat16": torch.tensor([2.0]).bfloat16().sqrt().dtype == torch.bfloat16,
    "whole numbers": torch.arange(5).sqrt().tolist() == torch.arange(5.0).sqrt().tolist(),
    "gradient of sqrt": torch.allclose(learned.grad, 0.5 / values[:4].sqrt()),
    "mm": near(left @ right, product),
    "mm.out": near(torch.mm(left, right, out=empty), product) and empty.shape == (5, 9),
    "addmm": near(torch.addmm(bias, left, right, alpha=2, beta=3), 3 * bias.double() + 2 * product),
    "addmm without bias": near(torch.addmm(filled, left, right, beta=0), product),
    "addmm_": near(torch.zeros(5, 9).addmm_(left, right), product),
    "turned factors": near(right.t() @ left.t(), product.t()),
    "double": torch.equal(left.double() @ right.double(), product),
    "no rows": (torch.empty(0, 3) @ torch.empty(3, 2)).shape == (0, 2),
    "no inputs": torch.equal(torch.empty(3, 0) @ torch.empty(0, 2), torch.zeros(3, 2)),
    "no columns": (left @ torch.empty(7, 0)).shape == (5, 0),
    "wrong shapes": refuses(left, left) and refuses(torch.ones(1, 3), torch.ones(1, 3)),
    "wrong kinds": refuses(left, right.double()) and refuses(left.double(), right),
    "gradient of products": near(layer.weight.grad, left.double().sum(0).expand(9, 7)),
    "lstm": torch.nn.LSTM(4, 3)(torch.ones(2, 1, 4))[0].shape == (2, 1, 3),
    "oneDNN still on": torch.backends.mkldnn.enabled,
    "threads": torch.get_num_threads() == instructions.THREADS,
    "capability": torch.backends.cpu.get_cpu_capability() == "AVX2",
}))
"""


@pytest.fixture(autouse=True)
def _same_imports() -> Iterator[None]:
    """This process keeps its own torch."""
    before = list(sys.meta_path)
    yield
    sys.meta_path[:] = before


def write_params(folder: Path, text: str) -> Path:
    path = folder / "params.yaml"
    path.write_text(text)
    return path


def run(*command: str, **environment: str) -> str:
    everything = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    done = subprocess.run([sys.executable, *command], env=everything, capture_output=True, text=True)
    assert not done.returncode, done.stderr
    return done.stdout


def test_portable_replaces_what_the_shell_has_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instructions, "follow", lambda environment: None)
    environment = {"MKL_CBWR": "AVX512", "HOME": "/home/someone"}
    instructions.prepare(write_params(tmp_path, "compute:\n  instructions: portable\n"), environment)
    ours = {instructions.CHOSEN: "portable", **instructions.PORTABLE}
    assert environment == {"HOME": "/home/someone", **ours}
    assert instructions.chosen(environment) == "portable"
    assert instructions.inherited(environment) == ours


def test_native_leaves_the_choice_to_the_libraries(tmp_path: Path) -> None:
    environment: dict[str, str] = {}
    instructions.prepare(write_params(tmp_path, "compute: {instructions: native}\n"), environment)
    assert environment == {instructions.CHOSEN: "native"}
    instructions.follow(environment)


@pytest.mark.parametrize("text", ["", "compute:", "compute: {name: local}", "{", "- a list"])
def test_a_file_that_says_nothing_is_left_to_the_stage(tmp_path: Path, text: str) -> None:
    environment: dict[str, str] = {}
    instructions.prepare(write_params(tmp_path, text), environment)
    instructions.prepare(tmp_path / "missing.yaml", environment)
    assert not environment.keys() & instructions.PORTABLE.keys()
    assert instructions.chosen(environment) == "native"


@pytest.mark.parametrize(
    ("choice", "under"),
    [("portable", []), ("native", []), ("portable", ["-m", "cProfile", "-o", os.devnull])],
    ids=["portable", "native", "under a profiler"],
)
def test_a_stage_prepares_and_its_tests_do_not(tmp_path: Path, choice: str, under: list[str]) -> None:
    # the stage fails, because the file has one section only; that is after the libraries were prepared
    write_params(tmp_path, f"compute: {{instructions: {choice}}}\n")
    (tmp_path / "sitecustomize.py").write_text(AT_EXIT)
    told, path = tmp_path / "told.json", os.pathsep.join([str(ROOT), str(tmp_path)])
    environment = {"PYTHONPATH": path, "TOLD": str(told), "MKL_CBWR": ""}
    everything = {**os.environ, **environment}
    subprocess.run(
        [sys.executable, *under, "-m", "stages.check_params"],
        env=everything,
        cwd=tmp_path,
        capture_output=True,
    )
    left: dict[str, Any] = json.loads(told.read_text())
    assert left[instructions.CHOSEN] == choice
    assert left["MKL_CBWR"] == ("COMPATIBLE" if choice == "portable" else "")
    run("-c", "import stages", **environment)
    assert instructions.CHOSEN not in json.loads(told.read_text())


def test_torch_computes_the_same_values_with_other_kernels() -> None:
    found: dict[str, bool] = json.loads(run("-c", IN_TORCH).splitlines()[-1])
    assert [name for name, right in found.items() if not right] == []


def test_a_process_that_a_stage_starts_follows() -> None:
    told = "import lectern, torch; from lectern.core import instructions; print(len(instructions._libraries))"
    portable = {instructions.CHOSEN: "portable", **instructions.PORTABLE}
    assert run("-c", told, **portable).split() == ["1"]
    assert run("-c", told, **{instructions.CHOSEN: "native"}).split() == ["0"]


def test_torch_is_adapted_once() -> None:
    code = """
import sys
from lectern.core import instructions
for _ in range(2):
    instructions.choose("portable")
finders = [finder for finder in sys.meta_path if type(finder).__name__ == "_TorchFinder"]
import importlib.util
importlib.util.find_spec("torch")  # transformers looks whether there is torch before it is imported
import torch
adapted = len(instructions._libraries)
instructions.choose("portable")
print(len(finders), adapted, len(instructions._libraries))
"""
    assert run("-c", code).split() == ["1", "1", "1"]
