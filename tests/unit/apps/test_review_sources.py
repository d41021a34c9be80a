"""Where a row of the review comes from, the sound beside it, and what is read again when files change."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from lectern.apps.review import audio, decisions, labelling, names, origin, recordings, row_index
from lectern.apps.review.examples_state import State
from lectern.apps.review.origin import Part
from lectern.core import io
from lectern.core.schema import Conversation, Provenance, Source, Utterance, Word
from tests.support import pages, review_repo
from tests.support.pages import Visitor


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("made") / "repo"
    review_repo.make(made)
    return made


def where(item: str = "talk-0000", **values: Any) -> Provenance:
    return Provenance(item=item, **{"method": "m", **values})


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, ""),
        ({"page": 0}, "page 0"),
        ({"row": 0}, "row 0 of the table"),
        ({"start": 61.9}, "1:01"),
        ({"start": 61.0, "end": 3725.0}, "1:01 to 1:02:05"),
        ({"start": 0.0, "end": 0.0}, "0:00 to 0:00"),
        ({"page": 2, "heading": "Seeds", "row": 3, "start": 1.0}, "page 2, Seeds, row 3 of the table, 0:01"),
    ],
)
def test_a_place_is_told_in_words(values: dict[str, Any], told: str) -> None:
    assert origin.describe(where(**values)) == told


def test_the_words_around_a_row_are_shown_with_its_own_marked(root: Path) -> None:
    found = origin.find(root, where(start=8.0, end=8.6))
    assert (found.place, found.missing) == ("0:08 to 0:08", "")
    assert [part.text for part in found.parts if part.marked] == ["is word "]
    text = "".join(part.text for part in found.parts)
    assert text.startswith(
        "speaker_1 (host): this is word number 0 of a talk about seeds and chance . \nspeaker_2 (main): this is"
    )
    assert text.endswith("of a talk about seeds and chance . \nspeaker_1 (host): this is word number \n")
    # words that begin more than 8 seconds away are not shown
    first = origin.find(root, where(start=15.0))
    assert "".join(part.text for part in first.parts).startswith("speaker_2 (main): ")
    assert not any(part.marked for part in origin.find(root, where(start=500.0)).parts)
    assert origin.find(root, where(start=500.0)).parts == []


def test_a_voice_is_called_by_the_name_that_a_person_gave_since(root: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(root, tmp_path / "repo"))
    rows = row_index.build(copy)
    before = labelling.list_rows(copy, rows, [])
    io.write_text(copy / "data/corrections/speakers/talk-0000.yaml", "rename: {speaker_1: Asha Rao}\n")
    voice = {
        "name": "Ben",
        "model": "m",
        "item": "talk-0000",
        "speaker": "speaker_2",
        "embedding": [1.0, 0.0],
    }
    io.write_text(copy / "data/corrections/voices.yaml", f"- {json.dumps(voice)}\n")
    found = origin.find(copy, where(start=8.0, end=8.6))
    text = "".join(part.text for part in found.parts)
    assert text.startswith("Asha Rao: this is word number 0")
    assert "speaker_" not in text
    assert "Ben: this is" in text
    # the labels of a row stay those of the row, and its source is shown with the names
    after = labelling.list_rows(copy, rows, [])
    assert [case.id for case in after] == [case.id for case in before]
    assert any("Asha Rao: " in (case.source or "") for case in after)
    # a file that must be mended first gives no names, and is no error here
    io.write_text(copy / "data/corrections/speakers/talk-0000.yaml", "rename: [\n")
    assert "speaker_1 (host): " in "".join(part.text for part in origin.find(copy, where(start=8.0)).parts)


@pytest.mark.parametrize(
    ("said", "shown", "name"),
    [
        (("speaker_2", "main"), "speaker_2 (main)", None),
        (("speaker_2", "unknown"), "speaker_2", None),
        (("Asha Rao", "main"), "Asha Rao", "Asha Rao"),
        (("unknown", "unknown"), "unknown", None),
    ],
)
def test_a_voice_without_a_name_is_told_by_its_role(
    tmp_path: Path, said: tuple[str, Any], shown: str, name: str | None
) -> None:
    who, role = said
    utterance = Utterance(speaker=who, role=role, words=[Word(text="word", start=1.0, end=3.0)])
    assert names.show(utterance, {}) == shown
    made = Conversation(
        item="talk", title="", url=None, description="", language="en", duration=9.0, utterances=[utterance]
    )
    io.write_json(tmp_path / "data/conversations/talk.json", made)
    assert names.find_answering(tmp_path, Provenance(item="talk", start=0.0, end=9.0, method="x")) == name
    assert names.find_answering(tmp_path, Provenance(item="talk", start=5.0, end=9.0, method="x")) is None
    assert names.find_answering(tmp_path, Provenance(item="../talk", start=0.0, end=9.0, method="x")) is None


@pytest.mark.parametrize(
    ("values", "missing"),
    [
        ({"item": "nothing", "start": 1.0}, "its conversation no longer exists"),
        ({"item": "../talk-0000", "start": 1.0}, "its conversation no longer exists"),
        (
            {"item": "paper-0000", "passage": "0" * 16},
            "its passage no longer exists: the source was changed, or cut into other passages",
        ),
        (
            {"item": "nothing", "passage": "0" * 16},
            "its passage no longer exists: the source was changed, or cut into other passages",
        ),
        ({}, ""),
    ],
)
def test_what_is_gone_is_told(root: Path, values: dict[str, Any], missing: str) -> None:
    found = origin.find(root, where(**values))
    assert (found.missing, found.parts) == (missing, [])


def test_a_file_that_is_broken_is_told_and_costs_nothing_else(root: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(root, tmp_path / "repo"))
    (copy / "data/conversations/talk-0000.json").write_text("{")
    found = origin.find(copy, where(start=1.0))
    assert found.missing.startswith(f"{copy}/data/conversations/talk-0000.json")
    assert (found.place, found.parts) == ("0:01", [])


@pytest.mark.parametrize(
    ("spans", "parts"),
    [
        ([], [("abcdef", False)]),
        ([(0, 6)], [("abcdef", True)]),
        ([(2, 4)], [("ab", False), ("cd", True), ("ef", False)]),
        ([(3, 5), (1, 4)], [("a", False), ("bcd", True), ("e", True), ("f", False)]),
        ([(2, 2), (1, 3), (1, 2)], [("a", False), ("b", True), ("c", True), ("def", False)]),
    ],
)
def test_a_text_is_divided_at_its_marks(spans: list[tuple[int, int]], parts: list[tuple[str, bool]]) -> None:
    assert list(origin.cut("abcdef", spans)) == [Part(*part) for part in parts]


def test_a_media_file_is_that_of_an_item_and_no_other(root: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(root, tmp_path / "repo"))
    raw = copy / "data/raw"
    assert recordings.media_file(copy, "talk-0000") == raw / "talk-0000/recording.mp3"
    for item, media in (("up", "../talk-0000/recording.mp3"), ("absent", "x.mp3")):
        source = Source(item=item, kind="media", title="T", media="a.mp3")
        io.write_json(raw / item / "item.json", source.model_dump(mode="json") | {"media": media})
    (raw / "empty").mkdir()
    for item in ("up", "absent", "empty", "paper-0000", "nothing", ".."):
        assert recordings.media_file(copy, item) is None


def test_a_player_begins_where_the_row_does(root: Path) -> None:
    def define() -> None:
        from nicegui import ui

        audio.define(root)

        @ui.page("/players")
        def players() -> None:
            for start, end in ((None, None), (1.25, None), (0.0, 61.5), (None, 5.0)):
                audio.player(root, "talk-0000", start, end)
            assert audio.player(root, "paper-0000", 1.0, 2.0) is None

    async def act(page: Visitor) -> None:
        from nicegui import ui

        await page.open("/players")
        assert [player.props["src"] for player in page.elements(ui.audio)] == [
            "/audio/talk-0000",
            "/audio/talk-0000#t=1.2",
            "/audio/talk-0000#t=0.0,61.5",
            "/audio/talk-0000",
        ]
        client = page.user.http_client
        given = await client.get("/audio/talk-0000")
        assert (given.status_code, given.headers["content-type"]) == (200, "audio/mpeg")
        absent = await client.get("/audio/nothing")
        assert (absent.status_code, absent.json()) == (404, {"detail": "there is no such recording"})

    pages.visit(define, act)
    assert audio.address("a/b ü") == "/audio/a%2Fb%20%C3%BC"


def test_a_file_that_is_no_sound_is_never_shown_as_a_page(root: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(root, tmp_path / "repo"))
    io.write_json(
        copy / "data/raw/odd/item.json", Source(item="odd", kind="media", title="T", media="a.html")
    )
    (copy / "data/raw/odd/a.html").write_text("<script>")

    async def act(page: Visitor) -> None:
        given = await page.user.http_client.get("/audio/odd")
        assert given.headers["content-type"] == "application/octet-stream"

    pages.visit(lambda: audio.define(copy), act)


def test_rows_and_decisions_are_read_again_when_they_changed_and_not_before(
    root: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(root, tmp_path / "repo"))
    state = State(copy)
    rows, known = state.get()
    assert state.get() == (rows, known)
    assert not state.is_stale(rows, known)
    row = rows.ids[0]
    decisions.write(copy, row, decisions.make(row, "reject", "x"), None)
    assert state.is_stale(rows, known)
    again, newer = state.get()
    assert again is rows
    assert newer.latest(row) is not None
    assert state.is_stale(rows, known)
    state.forget()
    assert state.is_stale(again, newer), "even if the times of the files do not show it"
    review_repo.write_manifest(copy / "data/examples", ["talk-0000"], ".jsonl")
    fewer, _ = state.get()
    assert len(fewer) == len(rows) - 4
