"""A section of params.yaml: checked before anything runs."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from lectern.core import params
from lectern.core.errors import LecternError


@dataclass(frozen=True)
class ToyParams:
    rate: float = 0.1
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.rate <= 0:
            raise ValueError(f"rate is {self.rate}; give a number above 0")


def load(tmp_path: Path, text: str) -> ToyParams:
    (tmp_path / "params.yaml").write_text(text)
    return params.load("toy", ToyParams, tmp_path / "params.yaml")


def test_a_number_in_scientific_notation_is_a_number(tmp_path: Path) -> None:
    # PyYAML alone reads 1e-4 as a string
    assert load(tmp_path, "toy: {rate: 1e-4}").rate == 0.0001


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("toy: {rat: 1}", "section 'toy': .*rat.* Correct it under conf/ and run `lectern params`"),
        ("toy: {rate: fast}", "section 'toy': .*fast"),
        ("toy: {rate: -1}", r"section 'toy': rate is -1\.0; give a number above 0"),
        ("other: {}", "has no section 'toy'"),
    ],
)
def test_a_wrong_section_is_named_with_its_key(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(LecternError, match=message):
        load(tmp_path, text)


def test_no_file_says_what_writes_it(tmp_path: Path) -> None:
    with pytest.raises(LecternError, match=r"params\.yaml does not exist\. `lectern params` writes it"):
        params.load("toy", ToyParams, tmp_path / "params.yaml")
