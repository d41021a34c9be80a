"""A space says what may be tried, and a mistake in it is named before the first trial."""

from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from lectern.core.errors import LecternError
from lectern.tools import search
from lectern.tools.searching.space import load

GOOD: dict[str, Any] = {
    "name": "toy",
    "trials": 3,
    "seed": 0,
    "metric": "metrics/train.json:validation_loss",
    "direction": "minimize",
    "target": None,
    "space": {"train.learning_rate": {"kind": "float", "low": 1e-4, "high": 1e-2, "log": True}},
}


def write(folder: Path, **changes: Any) -> Path:
    (folder / "space.yaml").write_text(OmegaConf.to_yaml({**GOOD, **changes}))
    return folder / "space.yaml"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "a/b"}, "name is 'a/b'"),
        ({"trials": 0}, "trials is 0"),
        ({"trials": "many"}, "many"),
        ({"seeds": 1}, "seeds"),
        ({"metric": "validation_loss"}, r"FILE\.json:KEY"),
        ({"metric": "metrics/scores.json:tuned.nll.value"}, "test split"),
        ({"direction": "down"}, "minimize or maximize"),
        ({"space": {}}, "space is empty"),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(LecternError, match=message) as raised:
        load(write(tmp_path, **changes))
    assert "space.yaml" in str(raised.value)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "real", "low": 1, "high": 2}, "kind is 'real'"),
        ({"kind": "float", "low": 2, "high": 1}, "low is 2.0 and high is 1.0"),
        ({"kind": "float", "low": 1}, "high is None"),
        ({"kind": "float", "low": 0, "high": 1, "log": True}, "above 0"),
        ({"kind": "int", "low": 1, "high": 2.5}, "whole numbers"),
        ({"kind": "int", "low": 1, "high": 2, "step": 1}, "step"),
        ({"kind": "choice"}, "`choices`"),
        ({"kind": "choice", "choices": [4, 4]}, "different"),
        ({"kind": "choice", "choices": [[1], [2]]}, "choices are"),
        ({"kind": "choice", "choices": [1], "low": 1}, "leave out low"),
        (3, "space.train.r"),
    ],
)
def test_a_wrong_dimension_is_named(tmp_path: Path, values: Any, message: str) -> None:
    with pytest.raises(LecternError, match=message) as raised:
        load(write(tmp_path, space={"train.r": values}))
    assert "space.train.r" in str(raised.value)
    assert "space.yaml" in str(raised.value)


def test_a_missing_file_and_a_missing_field_are_named(tmp_path: Path) -> None:
    with pytest.raises(LecternError, match=r"nowhere\.yaml does not exist"):
        load(tmp_path / "nowhere.yaml")
    path = tmp_path / "short.yaml"
    path.write_text(OmegaConf.to_yaml({key: value for key, value in GOOD.items() if key != "seed"}))
    with pytest.raises(LecternError, match="seed"):
        load(path)


def test_the_command_line_goes_before_the_file(tmp_path: Path) -> None:
    changed = load(write(tmp_path), name="other", trials=9)
    assert (changed.name, changed.trials, changed.seed) == ("other", 9, 0)


@pytest.mark.parametrize("path", sorted(Path("conf/search").glob("*.yaml")), ids=str)
def test_a_shipped_space_names_parameters_that_are_there(path: Path) -> None:
    chosen = load(path)
    assert chosen.name == path.stem
    assert path.read_text().startswith("# lectern search")
    search.check_space(chosen, [])


@pytest.mark.parametrize(
    ("space", "overrides", "message"),
    [
        ({"train.lerning_rate": {"kind": "float", "low": 1, "high": 2}}, [], "lerning_rate"),
        ({"base_model": {"kind": "choice", "choices": ["tiny_llama", "gpt_9"]}}, [], "gpt_9"),
        ({"train.r": {"kind": "int", "low": 1, "high": 2}}, ["train.r=4"], "leave out one of them"),
        ({"train.r": {"kind": "int", "low": 1, "high": 2}}, ["tran.seed=4"], "tran"),
    ],
)
def test_what_no_trial_could_use_is_found_before_the_first(
    tmp_path: Path, space: dict[str, Any], overrides: list[str], message: str
) -> None:
    with pytest.raises(LecternError, match=message):
        search.check_space(load(write(tmp_path, space=space)), overrides)
