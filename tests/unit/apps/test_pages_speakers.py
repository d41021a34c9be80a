"""The pages of the speakers in this process: exactly what they show, and what each button writes."""

from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import yaml

from lectern.apps.review import recordings
from lectern.apps.review.recordings import Entry
from lectern.apps.web import versions
from lectern.core import io
from lectern.core.errors import LecternError
from tests.support import pages, review_repo
from tests.support.lazily import Lazily
from tests.support.pages import Visitor

speakers_page, transcripts = (
    Lazily("lectern.apps.review.speakers_page"),
    Lazily("lectern.apps.review.transcript"),
)

HINT = (
    "Click a word to select from there to the end of its turn; click another one with Shift to select up to it. Then "
    "choose whose words they are, or cut them."
)
APPLIED = "The transcript here shows them; Rebuild applies them to the rows."
ITEM = "talk-0000"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("made") / "repo"
    review_repo.make(root, recordings=1, documents=0)
    return root


def visit(root: Path, act: Any) -> None:
    pages.visit(lambda: speakers_page.define(root), act)


def corrections(root: Path) -> Any:
    path = root / f"data/corrections/speakers/{ITEM}.yaml"
    return yaml.safe_load(path.read_text()) if path.exists() else None


ENTRIES = [
    Entry("a", "A talk", 3725.0, 2, True, True),
    Entry("b/c", "", None, 0, False, False),
    Entry("d", "Über Samen", 61.0, 1, False, False),
    Entry("e", "Named", 9.0, 0, False, True),
]


def test_the_list_says_of_each_recording_what_is_left_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(recordings, "list_entries", lambda root: ENTRIES)

    async def act(page: Visitor) -> None:
        from nicegui import ui

        await page.open("/speakers")
        await page.see("4 shown")
        top = ["4 recordings, 2 with voices to check", "Only recordings with voices to check"]
        lines = [
            ["A talk", "2 nameless", "ghost", "corrected", "1:02:05"], ["b/c", "not transcribed yet"],
            ["Über Samen", "1 nameless", "1:01"], ["Named", "corrected", "0:09"],
        ]  # fmt: skip
        assert page.texts == [*top, "4 shown", *chain(*lines)]
        links = {link.text: link.props["href"] for link in page.elements(ui.link)}
        assert (links["A talk"], links["b/c"]) == ("/speakers/a", "/speakers/b%2Fc")
        # property: titles and items are searched, in any case, and together with the switch
        for typed, switch, shown in [
            ("über", False, [2]), ("B/", False, [1]), ("a", False, [0, 2, 3]), ("a", True, [0, 2]),
            (None, True, [0, 2]), ("nothing", False, []),
        ]:  # fmt: skip
            await page.fill(page.find(ui.switch), switch)
            await page.fill(page.find(ui.input), typed)
            assert page.texts == [*top, f"{len(shown)} shown", *chain(*(lines[n] for n in shown))]

    visit(tmp_path, act)


def test_a_long_list_is_shown_a_page_at_a_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    many = [Entry(f"x{n}", f"Talk {n}", 60.0, n % 2, False, False) for n in range(102)]
    monkeypatch.setattr(recordings, "list_entries", lambda root: many)

    async def act(page: Visitor) -> None:
        from nicegui import ui

        def shown() -> list[str]:
            return [text for text in page.texts if text.startswith("Talk ")]

        await page.open("/speakers")
        await page.see("102 shown")
        assert shown() == [f"Talk {n}" for n in range(50)]
        assert (page.find(ui.pagination).props["max"], page.find(ui.pagination).value) == (3, 1)
        await page.fill(page.find(ui.pagination), 3)
        assert shown() == ["Talk 100", "Talk 101"]
        # property: a search begins at the first page again, and 50 or fewer need no pages
        await page.fill(page.find(ui.input), "talk")
        assert shown() == [f"Talk {n}" for n in range(50)]
        await page.fill(page.find(ui.switch), True)
        assert len(shown()) == 50
        assert page.find(ui.pagination).props["max"] == 2
        await page.fill(page.find(ui.input), "talk 10")
        assert shown() == ["Talk 101"]
        assert page.elements(ui.pagination) == []

    visit(tmp_path, act)


def test_a_list_that_is_empty_or_cannot_be_read_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(root: Path) -> Any:
        raise LecternError("data/raw is no good")

    async def act(page: Visitor) -> None:
        monkeypatch.setattr(recordings, "list_entries", lambda root: [])
        await page.open("/speakers")
        await page.see("There are no recordings yet. `make run` fetches and transcribes them.")
        monkeypatch.setattr(recordings, "list_entries", fail)
        await page.open("/speakers")
        await page.see("data/raw is no good")
        assert page.texts == ["data/raw is no good"]
        await page.open("/speakers/nothing")
        await page.see("there is no recording 'nothing' in data/raw")

    visit(tmp_path, act)


VOICES = [
    "Voices",
    *(
        "speaker_2",
        "50%, 0:10",
        "“this is word number 1 of a talk about seeds …”",
        "Sample 1",
        "Sample 2",
        "Sample 3",
    ),
    "Save name",
    *(
        "speaker_1",
        "50%, 0:10",
        "“this is word number 0 of a talk about seeds …”",
        "Sample 1",
        "Sample 2",
        "Sample 3",
    ),
    "Save name",
]
LEAVE_OUT = "Leave out"
TOP = ["Title of talk-0000 "]


def test_voices_are_named_merged_and_given_roles(root: Path) -> None:
    async def act(page: Visitor) -> None:
        from nicegui import ui

        await page.open(f"/speakers/{ITEM}")
        await page.see(HINT)
        assert page.texts == [*TOP, *VOICES, "Corrections", "none yet", LEAVE_OUT, HINT]
        name = page.find(ui.input, "Name of speaker_2")
        await page.fill(name, "  Ann   Lee ")
        await page.trigger(name, "keydown.enter")
        await page.see("Ann Lee")
        assert corrections(root) == {"rename": {"speaker_2": "Ann Lee"}}
        shown = ["Ann Lee", "50%, 0:10", "speaker_2", *VOICES[3:8], "Remember this voice in other recordings"]
        assert page.texts == [*TOP, "Voices", *shown, *VOICES[8:], "Corrections", APPLIED, LEAVE_OUT, HINT]
        assert page.told == ["Saved."]
        assert page.find(ui.input, "Name of speaker_2").value == "Ann Lee"
        assert page.find(transcripts.Transcript).props["segments"][1]["name"] == "Ann Lee"
        # an empty name is none
        await page.fill(page.find(ui.input, "Name of speaker_2"), " ")
        await page.press("Save name", 0)
        await page.see("none yet")
        assert corrections(root) is None
        assert [page.find(ui.select, "Role", number).value for number in (0, 1)] == ["main", "host"]
        await page.fill(page.find(ui.select, "Role", 0), "guest")
        await page.see(APPLIED)
        assert corrections(root) == {"roles": {"speaker_2": "guest"}}
        assert page.find(ui.select, "Role", 0).options == ["host", "guest", "main", "audience", "unknown"]
        same = page.find(ui.select, "Is the same voice as", 1)
        assert same.options == {"speaker_2": "speaker_2"}
        await page.fill(same, "speaker_2")
        await page.see("is the same voice as speaker_2")
        assert corrections(root) == {"roles": {"speaker_2": "guest"}, "merge": {"speaker_1": "speaker_2"}}
        assert page.find(ui.select, "Is the same voice as").options == {}
        assert len(page.elements(ui.input)) == 2, "a merged voice has no name of its own"
        await page.press("Undo")
        await page.see(*VOICES)
        assert corrections(root) == {"roles": {"speaker_2": "guest"}}
        assert page.told == ["Saved."] * 5

    visit(root, act)


def test_chosen_words_are_split_swapped_and_cut(root: Path) -> None:
    chosen = {"start": 0.3, "end": 1.45, "words": 4, "text": "is", "labels": ["speaker_1"]}
    told = "4 words from “is”, 0:00 to 0:01, said by speaker_1"

    async def act(page: Visitor) -> None:
        from nicegui import ui

        await page.open(f"/speakers/{ITEM}")
        await page.see(HINT)
        transcript = page.find(transcripts.Transcript)
        assert transcript.props["audio"] == f"/audio/{ITEM}"
        assert transcript.props["labels"] == ["speaker_1", "speaker_2"]
        assert [segment["label"] for segment in transcript.props["segments"]] == [
            "speaker_1",
            "speaker_2",
        ] * 3
        await page.press("Sample 2", 1)
        assert page.calls == [("play", (7.8, 11.69))]

        async def choose(labels: list[str] | None = None) -> None:
            await page.trigger(transcript, "chosen", {**chosen, "labels": labels or ["speaker_1"]})

        await choose()
        tip = "Within these words, exchange the voice that speaks with the one chosen here."
        assert page.texts[-6:] == [told, "Split", "Swap two voices", tip, "Cut", "Cancel"]
        await page.press("Cancel")
        assert page.texts[-1] == HINT
        await choose()
        await page.press("Split")
        assert page.told == ["Choose whose words they are."]
        to = page.find(ui.select, "These are the words of")
        assert list(to.options) == ["speaker_2", "speaker_1", "a new voice"]
        await page.fill(to, "a new voice")
        await page.press("Split")
        await page.see("speaker_1 is speaker_3 from 0:00 to 0:01")
        split = {"speaker": "speaker_1", "start": 0.3, "end": 1.45, "to": "speaker_3"}
        assert corrections(root) == {"split": [split]}
        assert page.texts[-1] == HINT, "nothing is chosen any more"
        await page.press("Undo")
        await page.see("none yet")
        # property: words of several voices are split from each but the one they go to
        await choose(["speaker_1", "speaker_2"])
        await page.fill(page.find(ui.select, "These are the words of"), "speaker_2")
        await page.press("Split")
        await page.see("speaker_1 is speaker_2 from 0:00 to 0:01")
        assert corrections(root) == {"split": [{**split, "to": "speaker_2"}]}
        await page.press("Undo")
        await page.see("none yet")
        for nobody in (None, "a new voice", "speaker_1"):
            await choose()
            await page.fill(page.find(ui.select, "These are the words of"), nobody)
            await page.press("Swap two voices")
            assert page.told[-1] == "Choose the voice that speaker_1 is swapped with."
        await page.fill(page.find(ui.select, "These are the words of"), "speaker_2")
        await page.press("Swap two voices")
        await page.see("speaker_1 and speaker_2 swapped from 0:00 to 0:01")
        assert corrections(root) == {
            "swap": [{"start": 0.3, "end": 1.45, "speakers": ["speaker_1", "speaker_2"]}]
        }
        await page.press("Undo")
        await page.see("none yet")
        for why, told_of, entry in (
            (" ", "cut from 0:00 to 0:01", {}), ("advert", "cut from 0:00 to 0:01: advert", {"reason": "advert"})
        ):  # fmt: skip
            await choose()
            field = page.find(ui.input, "Why cut them (advert, chatter)")
            assert field.value == ""
            await page.fill(field, why)
            await page.press("Cut")
            await page.see(told_of)
            assert corrections(root) == {"cut": [{"start": 0.3, "end": 1.45, **entry}]}
            assert [segment["cut"] for segment in transcript.props["segments"][:3]] == [False, True, False]
            await page.press("Undo")
            await page.see("none yet")

    visit(root, act)


def test_a_recording_is_left_out_and_included_again(root: Path) -> None:
    async def act(page: Visitor) -> None:
        from nicegui import ui

        await page.open(f"/speakers/{ITEM}")
        await page.see(HINT)
        for typed, reason in (("", "no reason given"), ("all music", "all music")):
            await page.fill(page.find(ui.input, "Leave this recording out, because"), typed)
            await page.press("Leave out")
            await page.see(f"This recording is left out: {reason}")
            assert corrections(root) == {"drop": reason}
            assert "Leave out" not in page.texts
            await page.press("Include it again")
            await page.see("Leave out", "none yet")
            assert page.find(ui.input, "Leave this recording out, because").value == ""
            assert corrections(root) is None

    visit(root, act)


def test_what_somebody_else_changed_is_shown_when_asked_for_and_not_overwritten(root: Path) -> None:
    path = root / f"data/corrections/speakers/{ITEM}.yaml"
    notice = "Somebody else changed the corrections of this recording."

    async def act(page: Visitor) -> None:
        from nicegui import ui

        await page.open(f"/speakers/{ITEM}")
        await page.see(HINT)
        path.parent.mkdir(parents=True)
        path.write_text("rename: {speaker_1: Ben}\n")
        await page.tick()
        await page.see(notice)
        assert "Ben" not in page.texts
        # another value is written beside theirs
        await page.fill(page.find(ui.input, "Name of speaker_2"), "Ann")
        await page.press("Save name", 0)
        await page.see("Ann", "Ben")
        assert page.told == ["Saved, together with somebody else's changes."]
        assert notice not in page.texts
        path.write_text("rename: {speaker_1: Bob, speaker_2: Ann}\n")
        await page.fill(page.find(ui.input, "Name of speaker_1"), "Benjamin")
        await page.press("Save name", 1)
        problem = "Not saved: somebody else changed the same value in the meantime."
        await page.see(
            problem, "Their value: Bob. Your value: Benjamin.", "Save mine over theirs", "Keep theirs"
        )
        assert corrections(root)["rename"]["speaker_1"] == "Bob"
        await page.press("Save mine over theirs")
        await page.see("Benjamin")
        assert problem not in page.texts
        assert corrections(root)["rename"] == {"speaker_1": "Benjamin", "speaker_2": "Ann"}
        # property: what this tab itself wrote last is no conflict, though the page shows an older value
        path.write_text("rename: {speaker_2: Ann}\n")
        await page.fill(page.find(ui.input, "Name of speaker_1"), "Bernard")
        await page.press("Save name", 1)
        await page.see(problem, "Their value: none. Your value: Bernard.")
        await page.press("Keep theirs")
        await pages.until(lambda: page.find(ui.input, "Name of speaker_1").value == "")
        assert problem not in page.texts
        assert corrections(root) == {"rename": {"speaker_2": "Ann"}}

    visit(root, act)


def test_a_file_that_cannot_be_applied_is_told_and_a_change_kept_to_be_tried_again(root: Path) -> None:
    path = root / f"data/corrections/speakers/{ITEM}.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("rename: [")

    async def act(page: Visitor) -> None:
        from nicegui import ui

        await page.open(f"/speakers/{ITEM}")
        told = "The corrections of this recording cannot be applied; it is shown without them."
        await page.see(told, "speaker_1", HINT)
        await page.fill(page.find(ui.input, "Name of speaker_2"), "Ann")
        await page.press("Save name", 0)
        await page.see("rename of speaker_2: Ann", "Try again", "Dismiss")
        assert page.find(ui.input, "Name of speaker_2").value == "Ann"
        await page.press("Dismiss")
        assert "Try again" not in page.texts
        await page.trigger(page.find(transcripts.Transcript), "chosen", {
            "start": 0.3, "end": 1.45, "words": 4, "text": "is", "labels": ["speaker_1"]
        })  # fmt: skip
        await page.press("Cut")
        await page.see("Your change is kept here until you dismiss it.")
        path.unlink()
        await page.press("Try again")
        await page.see("cut from 0:00 to 0:01")
        assert "Try again" not in page.texts
        assert told not in page.texts
        assert corrections(root) == {"cut": [{"start": 0.3, "end": 1.45}]}

    visit(root, act)


def test_a_full_disk_loses_no_name(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = io.write_text
    full = [True]

    def write_if_there_is_room(path: Path, text: str) -> None:
        if full:
            raise OSError(28, "No space left on device")
        write(path, text)

    monkeypatch.setattr(versions.io, "write_text", write_if_there_is_room)

    async def act(page: Visitor) -> None:
        from nicegui import ui

        await page.open(f"/speakers/{ITEM}")
        await page.see(HINT)
        await page.fill(page.find(ui.input, "Name of speaker_2"), "Ann")
        await page.press("Save name", 0)
        await page.see(
            "Not saved: [Errno 28] No space left on device", "rename of speaker_2: Ann", "Try again"
        )
        full.clear()
        await page.press("Try again")
        await page.see("Ann")
        assert corrections(root) == {"rename": {"speaker_2": "Ann"}}
        assert page.told == ["Saved."]

    visit(root, act)


def test_a_voice_that_cannot_be_remembered_is_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = root / f"data/corrections/speakers/{ITEM}.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("rename: {speaker_1: Ben}\n")

    def refuse(path: Path, text: str) -> None:
        raise OSError(28, "No space left on device")

    async def act(page: Visitor) -> None:
        await page.open(f"/speakers/{ITEM}")
        await page.see("Remember this voice in other recordings")
        monkeypatch.setattr(io, "write_text", refuse)
        await page.press("Remember this voice in other recordings")
        await pages.until(lambda: page.told)
        assert page.told == ["[Errno 28] No space left on device"]
        assert not (root / "data/corrections/voices.yaml").exists()

    visit(root, act)


def test_a_named_voice_is_remembered_once(root: Path) -> None:
    path = root / f"data/corrections/speakers/{ITEM}.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("rename: {speaker_1: Ben}\n")

    async def act(page: Visitor) -> None:
        await page.open(f"/speakers/{ITEM}")
        await page.see("Remember this voice in other recordings")
        await page.press("Remember this voice in other recordings")
        await pages.until(lambda: page.told)
        file = root / "data/corrections/voices.yaml"
        assert page.told == [f"{file}: Ben is speaker_1 of {ITEM}, 10 s of speech. Now run `dvc repro`."]
        await page.press("Remember this voice in other recordings")
        await pages.until(lambda: len(page.told) == 2)
        assert "already has speaker_1" in page.told[1]
        await page.open(f"/speakers/{ITEM}")
        await page.see("sounds like Ben (1.00)", "sounds like Ben (0.00)")

    visit(root, act)
