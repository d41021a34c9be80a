"""A journal loses nothing that was added to it, whatever a kill leaves of its last line."""

import json
from pathlib import Path
from typing import Any

import pytest

from lectern.core import journal

VALUES = [{"n": 1}, ["two", "a\u2028b"], "three", 4]


def read(path: Path) -> list[Any]:
    return [value for _, value in journal.read(path, json.loads)]


def test_what_is_added_is_read_in_its_order_and_at_its_place(tmp_path: Path) -> None:
    path = tmp_path / "new" / journal.JOURNAL
    assert read(path) == []
    lines = [json.dumps(value, ensure_ascii=False) for value in VALUES]
    places = journal.append(path, lines[:3]) + journal.append(path, lines[3:])
    assert read(path) == VALUES
    # property: a place is where its line begins
    content = path.read_bytes()
    assert [json.loads(content[place:].split(b"\n")[0]) for place in places] == VALUES
    assert [place for place, _ in journal.read(path, json.loads)] == places


def test_nothing_to_add_makes_no_file(tmp_path: Path) -> None:
    assert journal.append(tmp_path / "new" / journal.JOURNAL, []) == []
    assert not (tmp_path / "new").exists()


def test_a_line_cut_anywhere_costs_that_line_alone(tmp_path: Path) -> None:
    path = tmp_path / journal.JOURNAL
    whole = ["first", "caf\u00e9 \u2028"]
    journal.append(path, [json.dumps(one, ensure_ascii=False) for one in whole])
    content = path.read_bytes()
    start = content.index(b'"caf')
    for cut in range(start, len(content) - 1):
        path.write_bytes(content[:cut])
        journal.append(path, ['"after"'])
        # property: neither the line before nor the one after is lost, and half a line is no value
        assert read(path) == ["first", "after"], cut


@pytest.mark.parametrize("damage", [b"\x00" * 40, b"\xff\xfe{", b"<<<<<<< HEAD", b"[1, 2"])
def test_damage_counts_for_nothing(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / journal.JOURNAL
    journal.append(path, ["1"])
    path.write_bytes(path.read_bytes() + damage)
    journal.append(path, ["2"])
    assert read(path) == [1, 2]


def test_a_line_that_is_not_what_was_written_counts_for_nothing(tmp_path: Path) -> None:
    path = tmp_path / journal.JOURNAL
    journal.append(path, ['{"name": "a"}', '{"other": 1}', "3", '["name"]', "null", '{"name": "b"}'])
    assert [name for _, name in journal.read(path, lambda line: json.loads(line)["name"])] == ["a", "b"]
