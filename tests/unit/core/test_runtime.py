"""What a stage took is found again by what it wrote, and by nothing else."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from lectern.core import runtime, stage
from tests import warm

PIPELINE = {
    "stages": {
        "make": {
            "cmd": "mkdir -p out/ünder && echo 1 > out/ünder/b && echo 2 > out/a && echo '{}' > m.json",
            "outs": ["out"],
            "metrics": [{"m.json": {"cache": False}}],
        }
    }
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pipeline of one stage that was run by DVC."""
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump(PIPELINE))
    for command in (["git", "init", "-q"], ["dvc", "init", "-q"], ["dvc", "repro", "-q"]):
        subprocess.run(command, cwd=tmp_path, check=True, env=warm.environment(DVC_NO_ANALYTICS="1"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lock(root: Path) -> dict[str, dict[str, str]]:
    return runtime.list_outputs(yaml.safe_load((root / "dvc.lock").read_text()))


def test_the_times_of_a_revision_are_those_of_its_outputs(root: Path) -> None:
    first = lock(root)
    # property: an output's hash is DVC's own, of files and of folders
    assert first == {"make": {name: runtime.hash_output(root / name) for name in ("out", "m.json")}}
    folder = root / "metrics/runtime"
    runtime.write(folder, "make", {"seconds": 1.0}, root)
    (root / "out/a").write_text("other")
    runtime.write(folder, "make", {"seconds": 2.0}, root)
    second = {"make": {**first["make"], "out": str(runtime.hash_output(root / "out"))}}
    assert runtime.read(folder, first) == {"make": {"seconds": 1.0}}
    assert runtime.read(folder, second) == {"make": {"seconds": 2.0}}
    assert runtime.read_file(folder / "make.json") == {"seconds": 2.0}
    # property: what was never made here has no times, rather than those of something else
    assert runtime.read(folder, {"make": {**first["make"], "out": "0" * 32}, "other": {}}) == {}
    # made again on a machine with less to do: the last time counts
    runtime.write(folder, "make", {"seconds": 0.5}, root)
    assert runtime.read(folder, second) == {"make": {"seconds": 0.5}}


def test_git_keeps_no_times_so_that_two_branches_that_ran_merge(root: Path) -> None:
    shutil.copy(Path(__file__).parents[3] / ".gitignore", root)
    runtime.write(root / "metrics/runtime", "make", {"seconds": 1.0}, root)
    seen = subprocess.run(
        ["git", "status", "--porcelain", "-uall", "metrics"], cwd=root, check=True, capture_output=True
    )
    assert seen.stdout == b""


@pytest.mark.parametrize("what", ["no such stage", "no output", "no pipeline", "no yaml"])
def test_without_outputs_only_the_last_run_is_kept(root: Path, what: str) -> None:
    if what == "no output":
        (root / "m.json").unlink()
    elif what == "no pipeline":
        (root / "dvc.yaml").unlink()
    elif what == "no yaml":
        (root / "dvc.yaml").write_text("stages: [")
    name = "other" if what == "no such stage" else "make"
    runtime.write(root / "metrics/runtime", name, {"seconds": 1.0}, root)
    written = [path.name for path in (root / "metrics/runtime").rglob("*.json")]
    assert written == [f"{name}.json"]


def test_an_experiment_in_a_copy_leaves_its_times_in_the_repository(root: Path) -> None:
    copy = root / ".dvc/tmp/exps/standalone/tmpabc"
    copy.mkdir(parents=True)
    subprocess.run(f"cp -r {root}/dvc.yaml {root}/out {root}/m.json {copy}", shell=True, check=True)
    runtime.write(copy / "metrics/runtime", "make", {"seconds": 3.0}, copy)
    assert runtime.read(root / "metrics/runtime", lock(root)) == {"make": {"seconds": 3.0}}
    assert not (root / "metrics/runtime/make.json").exists(), "the last run here is another one"


def test_a_stage_records_what_it_took_with_what_it_wrote(root: Path) -> None:
    stage.run("make", lambda: "made 1")
    found = runtime.read(runtime.FOLDER, lock(root))["make"]
    assert found == json.loads((root / "metrics/runtime/make.json").read_text())
    assert found["cpu_seconds"] >= 0


@pytest.mark.parametrize("content", ["{", "[1]", ""])
def test_a_broken_file_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "x.json").write_text(content)
    assert runtime.read_file(tmp_path / "x.json") == {}
