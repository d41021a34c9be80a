"""`lectern check --gpu`, from beginning to end on the CPU, with models that are small enough for one."""

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from lectern.tools.checking.gpu import bench, rows, running, trainings, ways
from lectern.tools.checking.gpu.catalog import list_checks
from lectern.tools.checking.gpu.shapes import SHAPES

ROOT = Path(__file__).parents[3]
NEEDED = (ways.DEFAULTS, rows.TALKS, rows.PASSAGES)


@pytest.mark.slow
def test_all_tiny_checks_pass_on_the_cpu_and_only_the_json_is_written(tmp_path: Path) -> None:
    for path in NEEDED:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    before = set(tmp_path.rglob("*"))
    command = [
        sys.executable,
        "-m",
        "lectern",
        "check",
        "--gpu",
        "--quick",
        "--minutes",
        "60",
        "--out",
        "g.json",
    ]
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told == json.loads((tmp_path / "g.json").read_text())
    assert set(tmp_path.rglob("*")) - before == {tmp_path / "g.json"}
    assert {one["state"] for one in told["checks"]} == {"passed"}, done.stderr
    assert told["machine"]["device"] == "cpu"
    trained = [training for one in told["checks"] for training in one["trainings"]]
    assert {(one["method"], one["packing"], one["activation_checkpointing"]) for one in trained} == {
        (way.method, way.packing, way.checkpointing) for way in ways.ALL
    }
    assert {one["trainer"] for one in trained} == {"ours", "trl"}
    # a CPU has no peak that anybody assumes, and its allocator tells no peak of memory
    assert {(one["mfu"], one["peak_memory"]) for one in trained} == {(None, None)}
    assert all(one["tokens_a_second"] > 0 and one["estimated_memory"] > 0 for one in trained)


@pytest.mark.slow
def test_the_checks_of_a_model_of_real_size_run_on_a_smaller_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = {
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
    }
    real = SHAPES["mistral_7b"]
    shapes = {**SHAPES, real.name: replace(real, values={**real.values, **small})}
    monkeypatch.setattr(bench, "SHAPES", shapes)
    monkeypatch.setattr(trainings, "REAL_ROWS", 10)
    checks = [one for one in list_checks(quick=False) if one.name.startswith(real.name)]
    found = list(running.run(checks, bench.Bench(tmp_path, time.monotonic() + 3600)))
    assert {one.name: one.message for one in found} == {one.name: None for one in checks}
    compared = {one.name: one.figures.get("checkpointing_difference") for one in found}
    assert compared["mistral_7b.lora.packed"] == 0.0
    assert {training.trainer for one in found for training in one.trainings} == {"ours", "trl"}
