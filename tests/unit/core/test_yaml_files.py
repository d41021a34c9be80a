"""What is said of a file that people write by hand: its line, its place, its value, and what could stand there."""

from typing import Annotated

import pytest
from pydantic import Field, RootModel

from lectern.core.errors import ItemError
from lectern.core.yaml_files import Entry, Name, parse_yaml


class Part(Entry):
    name: Name
    size: int = 0


class Whole(Entry):
    parts: Annotated[list[Part], Field(default_factory=list)]
    names: Annotated[dict[str, str], Field(default_factory=dict)]
    note: str = ""


class Listed(RootModel[list[str]]):
    pass


def test_every_value_is_a_text_and_empty_ones_are_left_out() -> None:
    found, locate = parse_yaml(
        "note: No\nnames: {a: 1.0, b: ~, c: , d: null, e: 'null', f: ''}\nparts:\n- name: on\n", Whole, "f"
    )
    assert found.note == "No"
    assert found.names == {"a": "1.0", "e": "null", "f": ""}
    assert found.parts[0].name == "on"
    assert locate(("parts", 0, "name")) == "f:4: parts[0].name"
    assert locate(("parts", 0, "size")) == "f:4: parts[0].size"
    assert locate(("nothing",)) == "f:1: nothing"
    assert locate(()) == "f:1"
    assert parse_yaml("", Whole, "f")[0] == Whole(parts=[], names={})
    assert parse_yaml("# nothing\n", Listed, "f")[0].root == []
    assert parse_yaml("- a\n- 2\n", Listed, "f")[0].root == ["a", "2"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("note: x\nnaem: y\n", "f:2: naem: there is no such key; use parts, names, note"),
        ("parts:\n- name: a\n- nmae: b\n", "f:3: parts[1].nmae: there is no such key; use name, size"),
        (
            "parts:\n- name: a\n  size: big\n",
            "f:3: parts[0].size: Input should be a valid integer, unable to parse string as an integer (got 'big')",
        ),
        ("parts:\n- size: 1\n", "f:2: parts[0].name: Field required"),
        ("parts:\n- name: ''\n", "f:2: parts[0].name: String should have at least 1 character (got '')"),
        ("note: x\nnote: y\n", "f:2: note: this key stands here twice; delete one"),
        ("names:\n  a: 1\n  a: 2\n", "f:3: names.a: this key stands here twice; delete one"),
        ("note: [\n", "f:2: not YAML (did not find expected node content)"),
        (
            "a\n<<<<<<< ours\n",
            "f:2: this is a merge conflict: git left two versions of the lines between <<<<<<< and "
            ">>>>>>>. Keep one of them, delete the marks, and `git add` the file",
        ),
        (
            "names: &a\n  b: *a\n",
            "f:2: names.b.b.b.b: the values are nested too deeply, or an alias contains itself",
        ),
        (f"note: [{'x' * 100}]\n", f"f:1: note: Input should be a valid string (got ['{'x' * 75}...)"),
    ],
)
def test_a_file_that_does_not_fit_is_told_with_its_line(text: str, message: str) -> None:
    with pytest.raises(ItemError) as caught:
        parse_yaml(text, Whole, "f")
    assert str(caught.value) == message
