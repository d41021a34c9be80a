"""Files that are other than their reader expects: JSON, YAML, and texts that people write."""

import json
from pathlib import Path
from typing import Any

import pytest

from lectern.conversations import inputs, metadata, speaker_corrections, voice_matching, voices_file
from lectern.core import io, items, journal, manifest, params, yaml_bombs
from lectern.core.errors import ItemError, LecternError
from lectern.core.item import Item
from lectern.settings.extract import Extract
from lectern.sources import folders

DEEP = "[" * 200_000


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (DEEP, "nested too deeply"),
        ('{"a":' * 200_000, "nested too deeply"),
        ("NaN", "NaN is not a number"),
        ('{"a": [1, -Infinity]}', "-Infinity is not a number"),
        ("1e999", "1e999 is too large"),
        ('["\\ud800"]', "half a surrogate pair"),
        ('{"a\\udfff": 1}', "half a surrogate pair"),
        ("[1,", "Expecting value"),
    ],
)
def test_json_that_could_not_be_written_again_is_an_error_as_any_other(text: str, said: str) -> None:
    for form in (text, text.encode()):
        with pytest.raises(ValueError, match=said):
            io.parse_json(form)


def test_json_is_parsed_as_python_does() -> None:
    text = '{"a": [1, 2.5, -1e-9, "\\ud83d\\ude00", "\\u0000", null, true], "b": {}}'
    assert io.parse_json(text) == io.parse_json(text.encode()) == json.loads(text)


@pytest.mark.parametrize("text", [DEEP, '{"title": NaN}', '{"title": "\\ud800"}', "[]", "5"])
def test_an_info_of_another_shape_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.info.json").write_text(text)
    with pytest.raises(ItemError, match=r"a\.info\.json (is not JSON|holds a)"):
        folders.read_info(tmp_path / "a.info.json")


@pytest.mark.parametrize("text", [DEEP, '[{"item": NaN}]', '[{"item": "\\ud800"}]'])
def test_a_table_of_people_that_is_no_json_is_named(text: str) -> None:
    with pytest.raises(LecternError, match=r"^people\.json: not JSON"):
        metadata.read(text, "people.json")


BOMBS = {
    "lists": "[" * 200_000,
    "objects": "{a: " * 200_000,
    "dashes": "- " * 100_000,
    "questions": "? " * 100_000,
    "just too deep": "[" * 51 + "]" * 51,
}


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS)
def test_yaml_that_crashes_the_parser_is_an_error_of_its_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(ItemError, match=r"talk\.yaml:1: the values are nested too deeply"):
        speaker_corrections.read(text, "talk")
    with pytest.raises(LecternError, match="nested too deeply"):
        voice_matching.read(text)
    (tmp_path / "params.yaml").write_text(text[:150_000])
    with pytest.raises(
        LecternError, match=r"params\.yaml cannot be read \(line 1: the values are nested too deeply"
    ):
        params.load("extract", Extract, tmp_path / "params.yaml")


def test_aliases_that_stand_for_more_than_memory_holds_are_an_error(tmp_path: Path) -> None:
    values = ", ".join(["x"] * 500)
    text = f"- &a [{values}]\n- [{values.replace('x', '*a')}]\n"
    with pytest.raises(
        LecternError, match=r"voices\.yaml: aliases repeat its values too often; write the values out"
    ):
        voice_matching.read(text)
    (tmp_path / "params.yaml").write_text("a: &a [x]\nextract: *a\n")
    with pytest.raises(LecternError, match=r"line 2: it holds an alias"):
        params.load("extract", Extract, tmp_path / "params.yaml")
    assert yaml_bombs.find("a: &a [x]\nb: *a\n") is None


def test_a_parameter_file_of_megabytes_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("".join(f"a{n}: b\n" for n in range(100_000)))
    with pytest.raises(LecternError, match="no configuration needs more than 200,000"):
        params.load("extract", Extract, tmp_path / "params.yaml")


LATIN = "a: b\nc: Größe\n".encode("latin-1")


def test_a_text_of_people_in_another_encoding_is_named_with_its_line(tmp_path: Path) -> None:
    corrections = tmp_path / "corrections"
    corrections.mkdir()
    (corrections / "voices.yaml").write_bytes(LATIN)
    with pytest.raises(LecternError, match=r"voices\.yaml:2: not UTF-8 .* Save the file as UTF-8\."):
        voices_file.list_remembered(tmp_path)
    with pytest.raises(LecternError, match=r"voices\.yaml:2: not UTF-8"):
        inputs.find(tmp_path, {}, {}, corrections, None)
    (corrections / "voices.yaml").unlink()
    (corrections / "people.csv").write_bytes(LATIN)
    with pytest.raises(LecternError, match=r"people\.csv:2: not UTF-8"):
        inputs.find(tmp_path, {}, {}, corrections, "people.csv")


GOOD: dict[str, Any] = {"key": "k", "file": "a.txt", "sha256": "x", "facts": {"words": 1}}
DAMAGED = [
    DEEP,
    '{"items": ' + DEEP,
    '{"items": {"a": {"key": NaN}}}',
    *(json.dumps({"items": items_}) for items_ in (5, [], {"a": 5}, {"a": []}, {"a": {"error": 5}})),
    *(
        json.dumps({"items": {"a": {**GOOD, name: value}}})
        for name in GOOD
        for value in (None, 5, ["x"], "\ud800")
    ),
    *(json.dumps({"items": {"a": {n: v for n, v in GOOD.items() if n != name}}}) for name in GOOD),
]


@pytest.mark.parametrize("number", range(len(DAMAGED)))
def test_a_manifest_or_journal_of_another_shape_heals_by_making_the_item_again(
    tmp_path: Path, number: int
) -> None:
    (tmp_path / "source.txt").write_text("text")

    def sync(out: Path) -> dict[str, bytes]:
        found = [Item("a", {"text": tmp_path / "source.txt"})]
        items.sync(found, out, lambda: write, suffix=".txt", params={}, code=())
        assert items.facts(out) == {"a": {"words": 1}}
        return {path.name: path.read_bytes() for path in out.iterdir()}

    def write(item: Item, path: Path) -> dict[str, int]:
        path.write_text("made")
        return {"words": 1}

    clean = sync(tmp_path / "clean")
    # of the item that is there, with the right key and hash as far as the damage leaves them
    entry = json.loads(clean[manifest.MANIFEST])["items"]["a"]
    text = (
        DAMAGED[number].replace('"k"', json.dumps(entry["key"])).replace('"x"', json.dumps(entry["sha256"]))
    )
    for name in (manifest.MANIFEST, journal.JOURNAL):
        out = tmp_path / name
        sync(out)
        line = (
            text
            if name == manifest.MANIFEST
            else text.replace('{"items": {"a": ', '["a", ').replace("}}}", "}]")
        )
        (out / name).write_text(line + "\n")
        assert sync(out) == clean
