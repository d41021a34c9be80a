"""A table with a row for each episode."""

import json

import pytest

from lectern.conversations import metadata
from lectern.core.errors import LecternError
from lectern.core.schema import Source

SOURCES = {
    name: Source(item=name, kind="podcast", title=title, url=url)
    for name, title, url in [
        ("e1", "Sleep", "https://example.org/1"),
        ("e2", "Trailer", "https://example.org/2"),
        ("e3", "Trailer", None),
    ]
}


def match(text: str, name: str = "t.csv") -> dict[str, object]:
    rows, _ = metadata.read(text, name)
    return dict(metadata.match(rows, SOURCES)[0])


def test_csv_and_json_say_the_same() -> None:
    table = 'Title,Host,guest,Intro End,outro_start\n" sleep ",Ada,Ram; Asha,1:05,\n'
    rows = [{"title": "Sleep", "host": "Ada", "guest": ["Ram", "Asha"], "intro_end": 65, "outro_start": None}]
    expected = {"e1": {"host": ["Ada"], "guest": ["Ram", "Asha"], "intro_end": 65.0}}
    assert match(table) == match(json.dumps(rows), "t.json") == match(table.replace(",", "\t")) == expected
    assert match(table.replace(";", "").replace(",", ";"))["e1"] == {
        "host": ["Ada"],
        "guest": ["Ram Asha"],
        "intro_end": 65.0,
    }


@pytest.mark.parametrize(
    "key",
    [
        "item\ne1",
        "url\nhttps://example.org/1",
        "guid\nhttps://example.org/1",
        "title\nSLEEP",
        "item,title\n,Sleep",
    ],
)
def test_a_row_is_found_by_each_key(key: str) -> None:
    header, row = key.split("\n")
    assert match(f"{header},host\n{row},Ada\n") == {"e1": {"host": ["Ada"]}}


def test_what_is_not_used_or_matches_nothing_is_said() -> None:
    rows, unused = metadata.read("item,host,views\ne1,Ada,9\ne9,Ram,7\n,,\n", "t.csv")
    found, strays = metadata.match(rows, SOURCES)
    assert list(found) == ["e1"]
    assert [row.where for row in strays] == ["t.csv:3"]
    assert unused == ["views"]


@pytest.mark.parametrize(
    ("text", "name", "reason"),
    [
        ("item\ne1\ne1\n", "t.csv", r"t\.csv:2 and t\.csv:3 both belong to the item e1"),
        (
            '[{"item": "e1"}, {"title": "Sleep"}]',
            "t.json",
            r"row 1 and t\.json: row 2 both belong to the item e1",
        ),
        ("title\nTrailer\n", "t.csv", r"t\.csv:2: 2 items have the title 'Trailer' \(e2, e3\)"),
        ("item,host\n,Ada\n", "t.csv", r"t\.csv:2: the row does not say which item"),
        ("item,intro_end\ne1,soon\n", "t.csv", r"t\.csv:2: intro_end: 'soon' is not a time"),
        ("item,intro_end,outro_start\ne1,2:00,1:00\n", "t.csv", r"t\.csv:2: the intro ends at 2:00"),
        ("item,host\ne1,Ada,Ram\n", "t.csv", r"t\.csv:2: the row has more fields"),
        ('item,host\ne1,"Ada\n', "t.csv", r"t\.csv:\d: not CSV"),
        ("{}", "t.json", "list of objects"),
        ("[", "t.json", "not JSON"),
    ],
)
def test_each_mistake_is_named_with_its_line(text: str, name: str, reason: str) -> None:
    with pytest.raises(LecternError, match=reason):
        match(text, name)
