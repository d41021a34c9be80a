"""The README names what is there: commands, stages, pictures, files."""

import re
from pathlib import Path

from omegaconf import OmegaConf

from lectern.tools.main import SUMMARIES

README = Path("README.md").read_text()
MAKEFILE = Path("Makefile").read_text()


def test_every_make_command_exists_and_is_documented() -> None:
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    named = set(re.findall(r"(?:`|&& |^ *)make ([a-z-]+)", README, re.MULTILINE))
    assert named <= targets
    assert {"demo", "test", "run"} <= named


def test_every_command_of_lectern_exists() -> None:
    named = set(re.findall(r"(?:`|&& |^ *|^\$ )lectern ([a-z-]+)", README, re.MULTILINE))
    assert named <= set(SUMMARIES)
    assert {"params", "update", "review"} <= named


def test_every_stage_is_in_the_table_and_in_the_picture() -> None:
    stages = set(OmegaConf.load("dvc.yaml").stages)
    assert set(re.findall(r"^\| `(\w+)` \|", README, re.MULTILINE)) == stages
    picture = README[README.index("```mermaid") : README.index("```", README.index("```mermaid") + 3)]
    assert stages <= set(re.findall(r"\w+", picture))


def test_every_file_that_is_linked_exists() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    assert [link for link in links if not Path(link).exists()] == []


def test_no_placeholder_is_left() -> None:
    assert "@@" not in README
