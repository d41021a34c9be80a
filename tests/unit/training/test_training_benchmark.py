"""The training benchmark runs, and what it measures hangs together."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_every_contestant_sees_the_same_tokens_and_learns_the_same(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    command = [
        sys.executable,
        "-m",
        "tests.benchmarks.training",
        "--quick",
        "--sets",
        "qa",
        "--without",
        "litgpt",
    ]
    subprocess.run([*command, "--json", str(figures)], check=True)
    found = json.loads(figures.read_text())["qa"]
    results = found["results"]
    assert set(results) == {"ours", "trl"}
    for result in results.values():
        assert (result["tokens"], result["steps"]) == (found["tokens"], 2)
        # the phases are the whole of the time, and nearly all of it is the model's
        assert sum(result["phases"].values()) == pytest.approx(result["cpu_seconds"], rel=0.01)
        assert result["phases"]["everything else"] < 0.25 * result["cpu_seconds"]
        # it learned, and as much as the other
        assert found["loss_before"] - result["loss"] > 1e-3
    ours, theirs = results["ours"], results["trl"]
    assert ours["loss"] == pytest.approx(theirs["loss"], abs=1e-3)
    assert ours["positions"] == found["tokens"] < theirs["positions"]
    assert ours["phases"]["layers forward again"] == 0 < theirs["phases"]["layers forward again"]
