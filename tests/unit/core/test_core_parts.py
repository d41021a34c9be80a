"""What small parts of the core say of a file or a value that is not as it should be, word by word."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from lectern.core import guard, io, items, params, raw, record_files, revisions, schema
from lectern.core.errors import LecternError
from lectern.core.item import Item
from lectern.core.schema import Document, Passage
from lectern.curation.row_corrections import Correction


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (int, "a whole number"), (float | None, "a number, or null"), (bool, "true or false"), (Any, "any value"),
        (list[str], "a list of texts"), (list[dict[str, int]], "a list"),
        (dict[str, float], "a mapping of names to numbers"),
        (dict[str, list[int]], "a mapping"), (list[int] | None, "a list of whole numbers, or null"),
        (int | str, "a whole number, or a text"),
    ],
)  # fmt: skip
def test_a_type_is_described_in_words(kind: Any, words: str) -> None:
    assert params.describe(kind) == words


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "cannot be read (while parsing a flow node). `lectern params` writes it again."),
        ("[1, 2]", "has no sections. `lectern params` writes it from conf/."),
        (
            b"a: \xff",
            "cannot be read ('utf-8' codec can't decode byte 0xff in position 3: invalid start byte). `lectern params` "
            "writes it again.",
        ),
        (None, "does not exist. `lectern params` writes it from conf/."),
    ],
)  # fmt: skip
def test_a_parameter_file_that_cannot_be_read_says_what_writes_it(
    tmp_path: Path, text: str | bytes | None, message: str
) -> None:
    path = tmp_path / "params.yaml"
    if text is not None:
        path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(LecternError) as caught:
        params.read_file(path)
    assert str(caught.value) == f"{path} {message}"


def test_what_is_read_of_a_parameter_file_cannot_be_changed(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("a: {b: 1}\n")
    found = params.read_file(tmp_path / "params.yaml")
    with pytest.raises(Exception, match="read-only"):
        found.a.b = 2


def test_without_git_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        LecternError, match=r"^git is not installed\. Install it: other revisions are read through git\.$"
    ):
        revisions.find("HEAD", tmp_path)


@pytest.mark.parametrize("ids", [["a", "a"], ["b", "a", "b"]])
def test_two_items_of_one_id_are_refused(ids: list[str], tmp_path: Path) -> None:
    with pytest.raises(
        LecternError, match=rf"^two items have the id '{ids[0]}'\. Rename one of their sources\.$"
    ):
        items.sync(
            [Item(id, {}, {}) for id in ids],
            tmp_path,
            lambda: lambda item, path: {},
            suffix=".x",
            params={},
            code=[],
        )


def test_plain_json_that_is_broken_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("{")
    with pytest.raises(LecternError) as caught:
        io.read_plain(path)
    assert str(caught.value) == (
        f"{path}: not JSON (Expecting property name enclosed in double quotes: line 1 column 2 (char 1))"
    )
    path.write_text('{"a": [1, null]}')
    assert io.read_plain(path) == {"a": [1, None]}


def test_the_text_of_a_document_is_its_blocks_and_its_passages_are_named_by_their_text() -> None:
    block = {"kind": "paragraph", "text": "One."}
    document = Document.model_validate({
        "item": "a", "title": "A", "url": None, "language": None, "blocks": [block, {**block, "text": "Two."}]
    })  # fmt: skip
    assert document.text == "One.\n\nTwo."
    id = schema.passage_id("a", "Ünique")
    assert id == "069415c65eb23ed5"
    assert id != schema.passage_id("a", "Ünique ") != schema.passage_id("b", "Ünique")
    passage = Passage(id=id, item="a", text="x", tokens=1)
    assert passage.heading is None
    assert passage.model_copy(update={"headings": ["1 Seeds", "1.1 Dry"]}).heading == "1 Seeds > 1.1 Dry"


def test_no_data_says_what_makes_it(tmp_path: Path) -> None:
    with pytest.raises(LecternError) as caught:
        list(raw.find(tmp_path / "raw", "media"))
    assert (
        str(caught.value)
        == f"{tmp_path / 'raw'} does not exist. Run `dvc repro`, which makes what is missing."
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "{\n<<<<<<< ours\n",
            "two people decided differently here, and git left both between <<<<<<< and >>>>>>>. Keep the lines of "
            "one of them, then `git add` the file.",
        ),
        ("{\n <<<<<<< ours\n", None),
    ],
)  # fmt: skip
def test_a_conflict_of_git_is_told_from_other_damage(tmp_path: Path, text: str, message: str | None) -> None:
    path = tmp_path / "0000000000000000.json"
    path.write_text(text)
    with pytest.raises(LecternError) as caught:
        list(record_files.read(tmp_path, Correction))
    assert (str(caught.value) == f"{path}: {message}") is (message is not None)
    assert str(path) in str(caught.value)


async def _refuse(extensions: dict[str, Any], kind: str = "websocket", method: str = "GET") -> list[Any]:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        sent.append("asked")

    scope = {
        "type": kind,
        "method": method,
        "headers": [(b"host", b"evil.example")],
        "extensions": extensions,
    }
    await guard.Guard(app)(scope, receive, send)
    return sent


def test_a_foreign_websocket_is_closed_with_the_reason() -> None:
    reason = "this server answers only to the names 127.0.0.1, localhost, [::1]"
    assert asyncio.run(_refuse({})) == [{"type": "websocket.close", "code": 1008, "reason": reason}]
    start, body = asyncio.run(_refuse({"websocket.http.response": {}}))
    assert (start["type"], start["status"]) == ("websocket.http.response.start", 403)
    assert body == {"type": "websocket.http.response.body", "body": reason.encode()}
    assert dict(start["headers"])[b"content-length"] == str(len(reason)).encode()
    assert dict(start["headers"])[b"connection"] == b"close"
    start, body = asyncio.run(_refuse({}, "http", "HEAD"))
    assert (start["type"], body["body"]) == ("http.response.start", b"")
    assert asyncio.run(_refuse({}, "lifespan")) == ["asked"]


SAME = {"host": "localhost:1"}
CROSS = {**SAME, "sec-fetch-site": "cross-site"}


@pytest.mark.parametrize(
    ("method", "headers", "reason"),
    [
        ("GET", SAME, None),
        ("GET", {"Host": "127.0.0.1"}, None),
        ("GET", {"host": "localhost:65536"}, "the request has no valid Host header"),
        ("GET", {"host": "localhost:65535"}, None),
        ("GET", {}, "the request has no valid Host header"),
        ("GET", {"host": "a b"}, "the request has no valid Host header"),
        ("POST", {**SAME, "origin": "HTTP://localhost:1"}, None),
        ("POST", {**SAME, "origin": "https://localhost:1"}, None),
        ("POST", {**SAME, "origin": "http://localhost:2"}, guard.ELSEWHERE),
        ("POST", {**SAME, "origin": "null"}, guard.ELSEWHERE),
        ("GET", {**SAME, "sec-fetch-site": "cross-site"}, guard.ELSEWHERE),
        ("GET", {**SAME, "sec-fetch-site": "same-origin"}, None),
        ("GET", {**SAME, "sec-fetch-site": "none"}, None),
        ("GET", {**CROSS, "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}, None),
        ("POST", {**CROSS, "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}, guard.ELSEWHERE),
        ("GET", {**CROSS, "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"}, guard.ELSEWHERE),
        ("GET", {**CROSS, "sec-fetch-mode": "cors", "sec-fetch-dest": "document"}, guard.ELSEWHERE),
    ],
)  # fmt: skip
def test_requests_of_other_sites_are_refused(
    method: str, headers: dict[str, str], reason: str | None
) -> None:
    assert guard.why_refused(method, headers.items()) == reason
    if reason is None and headers.get("sec-fetch-site") == "cross-site":
        assert guard.why_refused(method, headers.items(), opened=False) == guard.ELSEWHERE


@pytest.mark.parametrize("name", guard.ALONE)
def test_a_header_that_stands_alone_is_not_sent_twice(name: str) -> None:
    twice = [("host", "localhost"), (name, "localhost"), (name.title(), "localhost")]
    count = 3 if name == "host" else 2
    assert guard.why_refused("GET", twice) == f"the request has {count} headers named {name}"


def test_a_name_of_any_host_is_accepted_where_none_is_given() -> None:
    assert guard.why_refused("GET", [("host", "lectern.example:8000")], None) is None
    assert (
        guard.why_refused("GET", [("host", "lectern example")], None)
        == "the request has no valid Host header"
    )
