"""What an image takes from the machine where it is built, and as whom it runs."""

import json
import re
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

IGNORED = Path(".dockerignore").read_text(encoding="utf-8").splitlines()
STEPS = re.sub(r"\\\n", " ", Path("Dockerfile").read_text(encoding="utf-8"))


def test_no_output_of_the_pipeline_gets_into_the_image() -> None:
    pipeline: Any = OmegaConf.to_container(OmegaConf.load("dvc.yaml"))
    outs = [
        out if isinstance(out, str) else next(iter(out))
        for s in pipeline["stages"].values()
        for out in s.get("outs", [])
    ]
    kept_by_git = {"metrics/report.md"}
    # property: recordings and models come by DVC, and no build sends gigabytes
    assert [
        out for out in outs if out not in {*IGNORED, *kept_by_git} and f"{Path(out).parent}/*" not in IGNORED
    ] == []


def test_no_secret_and_no_environment_gets_into_the_image() -> None:
    assert {".env", ".netrc", ".dvc/config.local", ".dvc/cache", ".venv", ".venv-whisperx"} <= set(IGNORED)


def test_the_environment_is_made_by_a_normal_user() -> None:
    stages = re.split(r"(?m)^(?=FROM )", STEPS)[1:]
    users = re.findall(r"(?m)^USER (\S+)", stages[0])
    assert users == ["lectern"]
    # property: nothing after it goes back to root, so that .venv belongs to who uses it
    assert not re.search(r"(?m)^USER ", stages[1])
    assert all("--chown=lectern:lectern" in line for line in re.findall(r"(?m)^COPY .*", stages[1]))
    assert "RUN make setup" in stages[1]


def test_the_development_container_is_a_part_of_the_image() -> None:
    text = re.sub(r"(?m)^\s*//.*$", "", Path(".devcontainer/devcontainer.json").read_text(encoding="utf-8"))
    settings = json.loads(text)
    folder = Path(".devcontainer")
    assert (folder / settings["build"]["dockerfile"]).resolve() == Path("Dockerfile").resolve()
    assert f" AS {settings['build']['target']}\n" in STEPS
    assert f"USER {settings['remoteUser']}\n" in STEPS
