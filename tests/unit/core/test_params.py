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


@dataclass(frozen=True)
class Whole:
    count: int
    share: float | None
    on: bool
    parts: list[ToyParams]
    names: dict[str, int]
    text: str


def test_every_wrong_value_of_a_section_is_named_with_what_is_right() -> None:
    values = {
        "count": 1.5,
        "share": "x",
        "on": "maybe",
        "parts": [{}, {"rat": 1}],
        "names": {"a": "b"},
        "txt": 1,
    }
    assert params.read(values, Whole) == [
        "there is no txt (did you mean text?)",
        "count is 1.5; give a whole number",
        "share is 'x'; give a number, or null",
        "on is 'maybe'; give true or false",
        "there is no parts[1].rat (did you mean rate?)",
        "names.a is 'b'; give a whole number",
        "text is not given",
    ]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (3, "it is 3; give a mapping of names to values"),
        ({"rate": None}, "rate is null; give a number"),
        ({"rate": [1]}, r"rate is \[1\]; give a number"),
        ({"rates": 1}, r"there is no rates \(did you mean rate\?\)"),
        ({"other": 1}, "there is no other; it has rate, names"),
        ({"rate": True}, "rate is true; give a number"),
        ({"rate": "2e-1"}, None),
    ],
)
def test_a_value_of_another_type_is_named(values: object, said: str | None) -> None:
    if said is None:
        assert params.parse(values, ToyParams, "here").rate == 0.2
    else:
        with pytest.raises(LecternError, match=f"^here: {said}\\. Correct it under conf/"):
            params.parse(values, ToyParams, "here")


def test_no_file_says_what_writes_it(tmp_path: Path) -> None:
    with pytest.raises(LecternError, match=r"params\.yaml does not exist\. `lectern params` writes it"):
        params.load("toy", ToyParams, tmp_path / "params.yaml")


@pytest.mark.parametrize(
    ("value", "said"),
    [(None, []), (0.5, []), ([1], ["share is [1]; give a number, or null"])],
)
def test_a_value_that_may_be_null_is_held_to_its_type_otherwise(value: object, said: list[str]) -> None:
    values = {"count": 1, "share": value, "on": True, "parts": [], "names": {}, "text": ""}
    found = params.read(values, Whole)
    assert (found if isinstance(found, list) else []) == said
