"""The review as a person uses it in a real browser."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from lectern.core import io
from lectern.core.schema import Example
from tests.support import browsers, review_repo
from tests.support.review_repo import read_decisions
from tests.support.web_app import running

Open = Callable[[str], Any]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    root = tmp_path_factory.mktemp("repo")
    review_repo.make(root)
    with running("lectern review", root, "--by", "Asha Rao") as address:
        yield root, address


@pytest.fixture(scope="module")
def window(chromium: Any) -> Any:
    """One for all tests, as a person has it: what pages have in common is loaded and compiled once."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(15_000)
    return context


@pytest.fixture
def visit(window: Any, app: tuple[Path, str]) -> Iterator[Open]:
    """Open pages, each a tab of its own, which is closed after the test; none of them may complain or ask another
    host."""
    wrong: list[str] = []

    def visit(path: str) -> Any:
        page = window.new_page()
        page.on("console", lambda message: message.type == "error" and wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "request", lambda request: request.url.startswith((app[1], "data:")) or wrong.append(request.url)
        )
        browsers.open_page(page, app[1] + path)
        return page

    yield visit
    for page in window.pages:
        page.close()
    assert wrong == []


def corrections(root: Path, item: str) -> Any:
    return yaml.safe_load((root / f"data/corrections/speakers/{item}.yaml").read_text())


def test_a_voice_is_named_split_cut_and_undone(visit: Open, app: tuple[Path, str]) -> None:
    root, _ = app
    page = visit("/speakers")
    page.get_by_label("Search titles").fill("talk-0001")
    page.get_by_text("1 shown").wait_for()
    page.get_by_role("link", name="Title of talk-0001").click()
    page.get_by_label("Name of speaker_1").fill("Ann <b>Lee</b>")
    page.get_by_label("Name of speaker_1").press("Enter")
    page.locator(".who b", has_text="Ann <b>Lee</b>").first.wait_for()
    words = page.locator(".segment").nth(2).locator(".word")
    words.nth(4).click()
    page.get_by_text("9 words from").wait_for()
    page.get_by_label("These are the words of").click()
    page.get_by_role("option", name="a new voice").click()
    page.get_by_role("button", name="Split").click()
    page.get_by_text("Ann <b>Lee</b> is speaker_3").wait_for()
    first = page.locator(".segment").nth(0).locator(".word")
    first.nth(0).click()
    first.nth(2).click(modifiers=["Shift"])
    page.get_by_text("3 words from").wait_for()
    page.get_by_label("Why cut them").fill("advert")
    page.get_by_role("button", name="Cut", exact=True).click()
    page.locator(".segment.cut").wait_for()
    found = corrections(root, "talk-0001")
    assert found["rename"] == {"speaker_1": "Ann <b>Lee</b>"}
    assert [(split["speaker"], split["to"]) for split in found["split"]] == [("speaker_1", "speaker_3")]
    assert found["cut"] == [{"start": 0.0, "end": 0.85, "reason": "advert"}]
    review_repo.converse_again(root)  # what the page wrote is what the stage takes
    told = json.loads((root / "data/conversations/talk-0001.json").read_text())
    assert {u["speaker"] for u in told["utterances"]} == {"Ann <b>Lee</b>", "speaker_2", "speaker_3"}
    assert told["utterances"][0]["words"][0]["text"] == "number"
    page.get_by_text("cut from 0:00").locator("..").get_by_role("button", name="Undo").click()
    page.locator(".segment.cut").wait_for(state="detached")
    assert "cut" not in corrections(root, "talk-0001")


def test_the_sound_of_a_known_recording_alone_is_given_from_any_second(app: tuple[Path, str]) -> None:
    import httpx

    _, address = app
    part = httpx.get(f"{address}/audio/talk-0000", headers={"range": "bytes=100-199"})
    assert (part.status_code, len(part.content)) == (206, 100)
    assert part.headers["content-type"] == "audio/mpeg"
    for item in ("..%2f..%2fparams.yaml", "paper-0000", "nothing", "talk-0000%2f..%2ftalk-0000"):
        assert httpx.get(f"{address}/audio/{item}").status_code == 404


def test_two_tabs_lose_nothing_and_a_contradiction_is_told(visit: Open, app: tuple[Path, str]) -> None:
    root, _ = app
    path = root / "data/corrections/speakers/talk-0000.yaml"
    one, other = visit("/speakers/talk-0000"), visit("/speakers/talk-0000")
    field = one.get_by_label("Name of speaker_2")
    field.wait_for()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("# by hand\nroles:\n  speaker_1: host  # sure of it\n")  # an editor, or git
    field.fill("Ben")
    field.press("Enter")
    one.locator(".who b", has_text="Ben").first.wait_for()
    assert "# sure of it" in path.read_text()
    assert corrections(root, "talk-0000") == {"roles": {"speaker_1": "host"}, "rename": {"speaker_2": "Ben"}}
    other.get_by_label("Name of speaker_1").fill("typed")
    other.get_by_text("Somebody else changed the corrections").wait_for()
    assert other.get_by_label("Name of speaker_1").input_value() == "typed"
    other.get_by_role("button", name="Show the changes").click()
    other.locator(".who b", has_text="Ben").first.wait_for()
    shown = other.get_by_label("Name of speaker_2")
    path.write_text(path.read_text().replace("Ben", "Benedict"))
    shown.fill("Benjamin")
    shown.press("Enter")
    other.get_by_text("Their value: Benedict").wait_for()
    assert corrections(root, "talk-0000")["rename"] == {"speaker_2": "Benedict"}


def test_rows_are_decided_by_keyboard(visit: Open, app: tuple[Path, str]) -> None:
    root, _ = app
    page = visit("/examples")
    page.get_by_text("1 of 12", exact=True).wait_for()
    ids = [
        json.loads(line)["id"] for line in (root / "data/taught/paper-0000.jsonl").read_text().splitlines()
    ]
    page.keyboard.press("a")
    page.get_by_text("2 of 12", exact=True).wait_for()
    page.keyboard.press("r")
    page.wait_for_function("document.activeElement.ariaLabel === 'Another reason'")
    page.keyboard.type("it is <i>old</i>")
    page.keyboard.press("Enter")
    page.get_by_text("3 of 12", exact=True).wait_for()
    page.get_by_label("Another reason").wait_for(state="hidden")
    page.keyboard.press("e")
    page.get_by_label("assistant").fill("In a drawer, dry.")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("4 of 12", exact=True).wait_for()
    page.keyboard.press("j")
    page.get_by_text("5 of 12", exact=True).wait_for()
    page.keyboard.press("k")
    page.get_by_text("4 of 12", exact=True).wait_for()
    found = read_decisions(root)
    assert [found[id]["action"] for id in ids[:3]] == ["accept", "reject", "edit"]
    assert found[ids[1]]["reason"] == "it is <i>old</i>"
    assert found[ids[2]]["messages"][-1]["content"] == "In a drawer, dry."
    page.get_by_text("3 of them reviewed").wait_for()
    for _ in range(3):
        page.keyboard.press("k")
    page.get_by_text("1 of 12", exact=True).wait_for()
    page.keyboard.press("u")
    page.get_by_text("2 of them reviewed").wait_for()
    assert ids[0] not in read_decisions(root)


def test_on_a_phone_the_row_stands_on_the_first_screen_and_is_marked_in_the_list(visit: Open) -> None:
    page = visit("/examples")
    page.set_viewport_size({"width": 390, "height": 844})
    page.get_by_text("1 of 12", exact=True).wait_for()
    assert page.get_by_role("button", name="Accept").bounding_box()["y"] < 844
    assert page.get_by_role("button", name="Previous").is_disabled(), "there is no row before the first one"
    page.keyboard.press("j")
    page.get_by_text("2 of 12", exact=True).wait_for()
    style = "e => { const s = getComputedStyle(e); return [s.backgroundColor, s.borderLeftColor] }"
    [(ground, edge), other] = (
        page.locator(f"[data-row]{which}").first.evaluate(style)
        for which in ("[aria-current]", ":not([aria-current])")
    )
    assert {ground, edge}.isdisjoint(other), "its ground and its edge are those of no other row"
    assert not page.get_by_label("Method").is_visible()
    page.get_by_role("button", name="Filters").click()
    page.get_by_label("Method").wait_for()


def test_filters_and_the_place_are_in_the_address(visit: Open, app: tuple[Path, str]) -> None:
    page = visit("/examples")
    page.get_by_label("Search in the rows").fill("word 2 of talk-0001")
    page.get_by_text("1 of 12 rows shown").wait_for()
    page.wait_for_function("location.search.includes('row=')")
    again = visit(page.url.partition(page.url.split("/examples")[0])[2])
    again.get_by_text("1 of 12 rows shown").wait_for()
    again.get_by_text("What is word 2 of talk-0001?").last.wait_for()
    again.get_by_label("Search in the rows").fill("")
    again.get_by_text("12 of 12 rows shown").wait_for()
    again.get_by_text("Only duplicates, with the row they repeat").click()
    again.get_by_text("2 of 12 rows shown").wait_for()
    again.get_by_text("This row was kept instead").wait_for()


def test_the_passage_is_shown_with_the_words_that_bear_the_row_out(visit: Open) -> None:
    page = visit("/examples?item=paper-0000")
    marked = page.locator(".bg-amber-200")
    marked.wait_for()
    assert marked.inner_text() == "kept dry in a drawer."


def test_a_decision_of_somebody_else_is_not_overwritten(visit: Open, app: tuple[Path, str]) -> None:
    root, _ = app
    page = visit("/examples?item=talk-0000")
    page.get_by_text("1 of 4", exact=True).wait_for()
    id = json.loads((root / "data/examples/talk-0000.jsonl").read_text().splitlines()[0])["id"]
    theirs = {"id": id, "action": "reject", "reason": "theirs", "messages": None}
    path = root / f"data/corrections/examples/{id}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(io.to_json(theirs))
    page.keyboard.press("a")  # at once, before the page has looked
    page.get_by_text("by a person: theirs").or_(page.get_by_text("rejected", exact=True)).first.wait_for()
    assert read_decisions(root)[id]["reason"] == "theirs"
    path.unlink()


def test_a_rebuild_while_somebody_edits_takes_nothing_from_them(visit: Open, app: tuple[Path, str]) -> None:
    root, _ = app
    page = visit("/examples?item=talk-0001")
    page.get_by_text("1 of 4", exact=True).wait_for()
    page.keyboard.press("e")
    page.get_by_label("assistant").fill("Typed before the rebuild.")
    path = root / "data/examples/talk-0001.jsonl"
    rows = io.read_jsonl(path, Example)
    io.write_jsonl(path, [*rows, review_repo.talk_row("talk-0001", 9)])
    names = ["talk-0000", "talk-0001"]
    review_repo.write_manifest(root / "data/examples", names, ".jsonl")
    page.wait_for_timeout(2500)  # longer than the page waits before it looks
    assert page.get_by_label("assistant").input_value() == "Typed before the rebuild."
    page.get_by_role("button", name="Save").click()
    page.get_by_text("The rows were rebuilt.").or_(page.get_by_text("of 5", exact=False)).first.wait_for()
    edited = read_decisions(root)[rows[0].id]
    assert edited["messages"][-1]["content"] == "Typed before the rebuild."


def test_ten_answers_are_labelled_blind(visit: Open, app: tuple[Path, str]) -> None:
    root, _ = app
    page = visit("/labels")
    page.get_by_text("0 of 12 labelled").wait_for()
    content = page.content()
    assert "contestant" not in content
    for number in range(10):
        page.get_by_text(f"{number} of 12 labelled").wait_for()
        page.keyboard.press("120"[number % 3])
    page.get_by_text("10 of 12 labelled").wait_for()
    folder = root / "data/labels/asha-rao"
    found = [json.loads(path.read_text()) for path in folder.glob("*.json")]
    assert len(found) == 10
    assert {label["by"] for label in found} == {"Asha Rao"}
    assert {label["a"].split()[0] for label in found} == {"base", "tuned"}, "the sides are drawn"
    page.get_by_text("10 pairs labelled by you").wait_for()
    page.keyboard.press("u")
    page.get_by_text("9 of 12 labelled").wait_for()
    assert len(list(folder.glob("*.json"))) == 9
    page.get_by_role("button", name="Train rows").click()
    page.get_by_role("button", name="Reject").click()
    page.get_by_text(re.compile("1 rows labelled by you")).wait_for()


def test_hostile_text_is_text_on_every_page_and_nothing_else_is_written(
    tmp_path: Path, chromium: Any
) -> None:
    root = tmp_path / "repo"
    review_repo.make(root, hostile=True)
    before = review_repo.list_files(root)
    wrong: list[str] = []
    with running("lectern review", root, "--by", "../../x <b>") as address:
        context = chromium.new_context()
        page = context.new_page()
        page.on("dialog", lambda dialog: wrong.append(dialog.message))
        page.on(
            "request", lambda request: request.url.startswith((address, "data:")) or wrong.append(request.url)
        )
        seen = {
            "/speakers": "onerror",
            "/speakers/talk-0000": "onerror",
            "/speakers/..%5c..%5cetc": "there is no recording",
            "/examples?item=talk-0000": "show the first 200,000 of 1,000,000 characters",
            "/examples?item=paper-0000": "onerror",
            "/examples?item=<script>&text=<img>&row=../..": "No row matches this filter.",
            "/labels": "onerror",
        }
        for path, text in seen.items():
            browsers.open_page(page, address + path)
            page.get_by_text(text).first.wait_for()
            assert page.title().endswith("- Lectern"), f"a script ran on {path}"
            assert page.locator("a[href^=javascript]").count() == 0
            # property: no page is wider than a phone, whatever a word is like
            page.set_viewport_size({"width": 390, "height": 844})
            assert page.evaluate("document.documentElement.scrollWidth") == 390, path
            page.set_viewport_size({"width": 1280, "height": 720})
        page.keyboard.press("1")
        page.get_by_text("1 of 12 labelled").wait_for()
        browsers.open_page(page, f"{address}/examples?item=talk-0001")
        page.get_by_text("1 of 4", exact=True).wait_for()
        page.keyboard.press("a")
        page.get_by_text("2 of 4", exact=True).wait_for()
        browsers.open_page(page, f"{address}/speakers/talk-0001")
        page.get_by_label("Name of speaker_1").fill("../../../evil: [x]")
        page.get_by_label("Name of speaker_1").press("Enter")
        page.locator(".who b", has_text="../../../evil: [x]").first.wait_for()
        page.get_by_label("Name of speaker_2").fill("n" * 300)
        page.get_by_label("Name of speaker_2").press("Enter")
        page.locator(".who b", has_text="nnn").first.wait_for()
        page.set_viewport_size({"width": 390, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        context.close()
    assert wrong == []
    assert review_repo.list_files(root) == before
    written = sorted(path.parent.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    assert {"data/labels/x-b", "data/corrections/examples", "data/corrections/speakers"} <= set(written)
    assert corrections(root, "talk-0001")["rename"] == {
        "speaker_1": "../../../evil: [x]",
        "speaker_2": "n" * 300,
    }


def test_without_any_output_every_page_says_what_to_do(tmp_path: Path, chromium: Any) -> None:
    root = tmp_path / "repo"
    root.mkdir()
    for name in ("params.yaml", "dvc.yaml"):
        (root / name).write_bytes((review_repo.ROOT / name).read_bytes())
    with running("lectern review", root, "--by", "x") as address:
        page = chromium.new_page()
        for path in ("/speakers", "/examples", "/labels"):
            browsers.open_page(page, address + path)
            page.get_by_text("make run").or_(page.get_by_text("dvc repro")).first.wait_for()
        page.close()
