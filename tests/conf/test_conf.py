"""Every shipped configuration composes, and every section of it is one that its stage accepts."""

import itertools
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from lectern.core import params
from lectern.core.errors import LecternError
from lectern.settings.comparators import load_comparators
from lectern.settings.sections import SECTIONS
from lectern.tools import params as compose

CONF = Path("conf")
# Folders without choices of params.yaml: what `lectern search` reads (tests/unit/tools), and `accelerate launch`.
OTHERS = {"search", "accelerate"}
CHOICES = sorted(
    f"{path.parent.name}={path.stem}" for path in CONF.glob("*/*.yaml") if path.parent.name not in OTHERS
)
GROUPS = {choice.partition("=")[0] for choice in CHOICES}


def composed(tmp_path: Path, *overrides: str) -> Any:
    compose.main(list(overrides), CONF, tmp_path / "params.yaml")
    return OmegaConf.to_container(OmegaConf.load(tmp_path / "params.yaml"), throw_on_missing=True)


@pytest.fixture(scope="module")
def with_others(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, Any]]:
    """The parameters with a choice, and the file that holds them.

    A choice writes its own section alone, so choices of different groups are composed together; a recipe, which chooses
    from every group, is not.
    """
    groups = [[c for c in CHOICES if c.partition("=")[0] == name] for name in sorted(GROUPS - {"recipe"})]
    recipes = [(choice,) for choice in CHOICES if choice.startswith("recipe=")]
    together = [(), *recipes, *([c for c in row if c] for row in itertools.zip_longest(*groups))]

    @cache
    def compose_together(choices: tuple[str, ...]) -> tuple[Path, Any]:
        folder = tmp_path_factory.mktemp("composed")
        return folder / "params.yaml", composed(folder, *choices)

    def find(choice: str) -> tuple[Path, Any]:
        return compose_together(
            tuple(next(row for row in together if choice in row or (not choice and not row)))
        )

    return find


@pytest.mark.parametrize("choice", ["", *CHOICES])
def test_a_choice_composes_and_its_stages_accept_it(
    choice: str, with_others: Callable[[str], tuple[Path, Any]]
) -> None:
    (_, defaults), (path, sections) = with_others(""), with_others(choice)
    load_comparators(path)  # its keys are free
    group, _, chosen = choice.partition("=")
    changed = {section for section in sections if not choice or sections[section] != defaults[section]}
    assert group in ("", "recipe") or changed <= GROUPS, "a choice changes its own section"
    for section in changed - {"comparators"} if group in ("", "recipe") else {group}:
        params.load(section, SECTIONS[section], path)
    assert group in ("", "recipe") or sections[group]["name"] == chosen


def test_the_demo_is_what_a_fresh_clone_has(tmp_path: Path) -> None:
    # So that `make demo` leaves params.yaml as it is committed.
    if "  - corpus: demo\n" not in (CONF / "config.yaml").read_text():
        pytest.skip("the defaults are somebody's own, as the README invites to")
    assert composed(tmp_path) == composed(tmp_path, "recipe=demo")


@pytest.mark.parametrize("path", sorted(CONF.glob("recipe/*.yaml")), ids=str)
def test_a_recipe_names_every_choice(path: Path) -> None:
    keys = [key for entry in OmegaConf.load(path).defaults for key in entry]
    named = {key.removeprefix("override /") for key in keys if key.startswith("override ")}
    groups = {group.parent.name for group in CONF.glob("*/*.yaml")} | {"judge@cleaner"}
    # but where it is computed, which is the machine's matter
    assert named == groups - {"recipe", "compute", *OTHERS}


@pytest.mark.parametrize("path", sorted(CONF.glob("*/*.yaml")), ids=str)
def test_a_choice_says_why_it_is_there(path: Path) -> None:
    lines = [line for line in path.read_text().splitlines() if not line.startswith("# @package")]
    assert lines[0].startswith("# ")
    assert path.parent.name != "recipe" or "make " in lines[0], "a recipe opens with the command that runs it"


def test_params_yaml_is_what_conf_composes(tmp_path: Path) -> None:
    # The committed one: what `lectern params ...` wrote last into the checkout is its user's own business. Whoever
    # changes conf/ is told at once, before the commit.
    composed(tmp_path)
    unchanged = subprocess.run(["git", "diff", "--quiet", "HEAD", "--", str(CONF)]).returncode == 0
    committed = subprocess.run(["git", "show", "HEAD:params.yaml"], capture_output=True, text=True)
    current = committed.stdout if unchanged else Path("params.yaml").read_text()
    assert current == (tmp_path / "params.yaml").read_text(), "conf/ changed: run `lectern params`"


def test_no_value_is_a_secret_or_a_place_on_a_machine() -> None:
    for path in CONF.rglob("*.yaml"):
        text = path.read_text()
        assert "oc.env" not in text, (
            f"{path}: what is interpolated from the environment would end in params.yaml"
        )
        assert not any(place in text for place in ("/home/", "/root/", "/Users/", "~/")), path


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("base_model=gpt_9", "gpt_9"),
        ("train.lerning_rate=1", "lerning_rate"),
        ("score.seed=???", "must be given"),
    ],
)
def test_a_wrong_override_is_named_and_changes_nothing(tmp_path: Path, override: str, message: str) -> None:
    with pytest.raises(LecternError, match=message):
        composed(tmp_path, override)
    assert list(tmp_path.iterdir()) == []


def test_a_number_in_scientific_notation_is_a_number(tmp_path: Path) -> None:
    assert composed(tmp_path, "train.learning_rate=1e-4")["train"]["learning_rate"] == 1e-4


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("score.seed=[", "score.seed="),  # no override at all
        ("score.seed=${nowhere.at_all}", "nowhere"),  # Hydra composes it, OmegaConf cannot resolve it
        ("score.seed=${oc.nothing:x}", "oc.nothing"),
    ],
)
def test_whatever_is_wrong_with_an_override_is_told_and_leaves_the_old_file(
    tmp_path: Path, override: str, message: str
) -> None:
    (tmp_path / "params.yaml").write_text("kept: true\n")
    with pytest.raises(LecternError) as caught:
        compose.main([override], CONF, tmp_path / "params.yaml")
    assert message in str(caught.value)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"params.yaml": "kept: true\n"}
