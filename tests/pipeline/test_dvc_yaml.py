"""dvc.yaml says all that a stage depends on, and its outputs stay comparable between branches."""

from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from lectern.core import code
from lectern.tools import clean
from tests.support import made_up_runs

PIPELINE: Any = OmegaConf.to_container(OmegaConf.load("dvc.yaml"))
STAGES: dict[str, Any] = PIPELINE["stages"]


@pytest.mark.parametrize("name", STAGES)
def test_every_module_that_a_stage_imports_is_a_dependency(name: str) -> None:
    root = Path.cwd()
    dependencies = [root / dependency for dependency in STAGES[name]["deps"]]
    for module, path in code.closure([f"stages.{name}"]).items():
        # lectern/__init__.py looks for the packages and decides no byte; that of a folder says what it is for
        if path.name != "__init__.py":
            assert any(path.is_relative_to(d) for d in dependencies), (
                f"stage {name} imports {module}: add it to deps"
            )


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_is_described_and_named_after_its_file(name: str) -> None:
    assert STAGES[name]["desc"]
    # A stage whose engines may need an environment of their own takes its interpreter from its section.
    assert STAGES[name]["cmd"] in (f"python -m stages.{name}", f"${{{name}.python}} -m stages.{name}")
    assert f"stages/{name}.py" in STAGES[name]["deps"]


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_depends_on_its_own_section(name: str) -> None:
    sections = OmegaConf.load("params.yaml")
    wanted = STAGES[name].get("params", [])
    # all of a section, or one value of another stage's
    assert all(OmegaConf.select(sections, key, default="absent") != "absent" for key in wanted)
    assert name not in sections or name in wanted or "params.yaml" in STAGES[name]["deps"]


def test_what_reads_all_parameters_lists_none_of_them() -> None:
    # dvc.lock would hold them all once more, and DVC reads and writes it anew for each stage.
    assert [name for name in STAGES if "params.yaml" in STAGES[name]["deps"]] == ["check_params", "report"]
    assert all("params" not in STAGES[name] for name in ("check_params", "report"))


def test_no_output_has_a_name_that_a_parameter_decides() -> None:
    for name, stage in STAGES.items():
        places = {key: value for key, value in stage.items() if key in ("outs", "metrics", "plots", "deps")}
        assert "${" not in str(places), name


def test_no_stage_depends_on_times() -> None:
    assert "metrics/runtime" not in Path("dvc.yaml").read_text()


def test_metrics_keep_the_run_cache() -> None:
    # `cache: false` on an out disables a stage's run-cache; on a metric or plot it does not. The report is cheap.
    for name, stage in STAGES.items():
        for out in stage.get("outs", []):
            if isinstance(out, dict) and name != "report":
                (options,) = out.values()
                assert options.get("cache", True), (name, out)


def test_clean_knows_every_output() -> None:
    assert {"data/raw", "data/sft", "models/adapter", "metrics/report.md"} <= set(clean.outputs(Path()))


def test_the_adapter_is_fetched_by_its_name_and_version(tmp_path: Path) -> None:
    from dvc.api import artifacts_show

    root = tmp_path / "repository"
    root.mkdir()
    for command in (
        "git init -q -b main",
        "git config user.name T",
        "git config user.email t@example.org",
        "dvc init -q",
    ):
        made_up_runs.call(root, *command.split())
    stage = {"cmd": "true", "outs": STAGES["train"]["outs"]}
    section = {"stages": {"train": stage}, "artifacts": PIPELINE["artifacts"]}
    OmegaConf.save(OmegaConf.create(section), root / "dvc.yaml")
    weights = root / "models/adapter/adapter_model.safetensors"
    weights.parent.mkdir(parents=True)
    for version in ("v1.0.0", "v1.1.0"):
        weights.write_text(version)
        made_up_runs.commit(root, version)
        made_up_runs.call(root, "git", "tag", "-a", f"adapter@{version}", "-m", version)
    weights.write_text("not released")
    made_up_runs.commit(root, "go on")
    # property: without a version the last release, and not the newest commit
    for options, expected in (((), "v1.1.0"), (("--rev", "v1.0.0"), "v1.0.0")):
        place = tmp_path / expected
        made_up_runs.call(
            tmp_path, "dvc", "artifacts", "get", str(root), "adapter", "-o", str(place), *options
        )
        assert (place / weights.name).read_text() == expected
    shown = artifacts_show("adapter", version="v1.0.0", repo=str(root))
    assert shown == {
        "path": "models/adapter",
        "rev": made_up_runs.call(root, "git", "rev-parse", "HEAD~2").strip(),
    }
