"""Records on disk: what is wrong is named with its file and line, and nothing is half written."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from lectern.core import io
from lectern.core.errors import LecternError
from lectern.core.schema import Example, Label, Message, Provenance, TokenRow, Word

ROW = Example.of(
    [Message(role="user", content="Почему?\u2028 Why?"), Message(role="assistant", content="因为 … 👍\n")],
    Provenance(item="talk", start=1.23456, method="dialogue"),
)


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    # U+2028 ends a line for str.splitlines, though not in JSON
    io.write_jsonl(tmp_path / "rows.jsonl", [ROW, ROW])
    assert io.read_jsonl(tmp_path / "rows.jsonl", Example) == [ROW, ROW]
    assert "Почему" in (tmp_path / "rows.jsonl").read_text(encoding="utf-8")
    assert ROW.provenance.start == 1.235


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", r"rows\.jsonl:2: Word\.record: Invalid JSON"),
        (
            '{"text": "a", "start": -1, "end": 2}',
            r"rows\.jsonl:2: Word\.start: .*greater than or equal to 0 \(got -1\)",
        ),
        ('{"text": "a", "start": 1}', r"rows\.jsonl:2: Word\.end: Field required"),
        ('{"text": "a", "start": 1, "end": 2, "endd": 3}', r"rows\.jsonl:2: Word\.endd: Extra inputs"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "rows.jsonl").write_text('{"text": "a", "start": 1, "end": 2}\n' + line + "\n")
    with pytest.raises(LecternError, match=message):
        io.read_jsonl(tmp_path / "rows.jsonl", Word)


def test_a_missing_file_and_a_wrong_encoding_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(LecternError, match=r"none\.json does not exist\. Run `dvc repro`"):
        io.read_json(tmp_path / "none.json", Word)
    (tmp_path / "latin.json").write_bytes('{"text": "Größe"}'.encode("latin-1"))
    with pytest.raises(LecternError, match=r"latin\.json: not UTF-8"):
        io.read_json(tmp_path / "latin.json", Word)


def write_half(path: Path) -> None:
    with io.replacing(path) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path) -> None:
    io.write_text(tmp_path / "a.txt", "old")
    with pytest.raises(KeyboardInterrupt):
        write_half(tmp_path / "a.txt")
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"a.txt": "old"}


def test_a_number_that_json_does_not_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        io.write_json(tmp_path / "a.json", {"loss": float("nan")})


def test_an_example_answers_for_its_id() -> None:
    # The same messages have the same id wherever they come from; a changed message is another example.
    other = Example.of(ROW.messages, Provenance(item="other", method="description_questions"))
    assert other.id == ROW.id
    assert len(ROW.id) == 16
    with pytest.raises(ValueError, match="does not match the messages"):
        Example(id="0" * 16, messages=ROW.messages, provenance=ROW.provenance)
    with pytest.raises(ValueError, match="must be the assistant's"):
        Example.of(ROW.messages[:1] * 2, ROW.provenance)


def test_a_mask_is_as_long_as_its_tokens() -> None:
    with pytest.raises(ValueError, match="2 input_ids but 1 assistant_masks"):
        TokenRow(id="a", example="a", input_ids=[1, 2], assistant_masks=[1], provenance=ROW.provenance)


def test_a_line_is_known_by_its_number_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    words = ['{"text": "a\u2028", "start": 1, "end": 2}', '{"text": "b", "start": 1, "end": 2}', "no JSON"]
    path.write_text("\n".join(["", words[0], "  ", words[1], words[2]]), encoding="utf-8")
    found = io.read_numbered(path, Word)
    # property: blank lines count in the number, and the lines before a broken one are given
    assert [(number, word.text) for number, word in (next(found), next(found))] == [(2, "a\u2028"), (4, "b")]
    with pytest.raises(LecternError, match=r"rows\.jsonl:5: Word"):
        next(found)
    # property: a line that is not wanted is not even parsed
    assert [number for number, _ in io.read_numbered(path, Word, lambda line: '"b"' in line)] == [4]


def test_what_is_as_it_was_is_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    for text, is_written in (("one", True), ("one", False), ("two", True)):
        before = path.stat().st_ino if path.exists() else None
        io.update_text(path, text)
        assert (path.read_text(), path.stat().st_ino != before) == (text, is_written)


ASKED, ANSWERED = [Message(role="user", content="Why?")], [Message(role="assistant", content="So.")]


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"kind": "pair", "messages": ASKED, "a": "x", "b": "y", "verdict": "tie"}, None),
        ({"kind": "pair", "messages": ASKED, "a": "", "b": "y", "verdict": "b"}, None),
        (
            {"kind": "pair", "messages": ASKED, "a": None, "b": "y", "verdict": "b"},
            "needs the answers a and b",
        ),
        (
            {"kind": "pair", "messages": ASKED, "a": "x", "b": None, "verdict": "a"},
            "needs the answers a and b",
        ),
        (
            {"kind": "pair", "messages": ASKED + ANSWERED, "a": "x", "b": "y", "verdict": "a"},
            "last message must be the user's",
        ),
        ({"kind": "pair", "messages": ASKED, "a": "x", "b": "y", "verdict": "accept"}, "not 'accept'"),
        ({"kind": "row", "messages": ASKED + ANSWERED, "verdict": "reject"}, None),
        ({"kind": "row", "messages": ASKED, "verdict": "accept"}, "must be the assistant's"),
        ({"kind": "row", "messages": ASKED + ANSWERED, "verdict": "tie"}, "accept or reject, not 'tie'"),
    ],
)
def test_a_verdict_fits_what_it_is_on(values: dict[str, Any], problem: str | None) -> None:
    if problem is None:
        assert Label(by="ann", **values).verdict == values["verdict"]
    else:
        with pytest.raises(ValidationError, match=problem):
            Label(by="ann", **values)


@pytest.mark.parametrize(
    ("messages", "problem"), [(ASKED + ANSWERED, None), (ANSWERED + ASKED, "the assistant's, not the user's")]
)
def test_the_last_message_of_an_example_is_the_answer(messages: list[Message], problem: str | None) -> None:
    if problem is None:
        assert Example.of(messages, Provenance(item="i", method="m")).messages == messages
    else:
        with pytest.raises(ValidationError, match=problem):
            Example.of(messages, Provenance(item="i", method="m"))
