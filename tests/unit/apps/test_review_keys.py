"""Nobody loses or misplaces a decision: what a person does in a real browser, however fast, is what the files say."""

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from lectern.apps.review import labelling
from lectern.apps.web import desk, versions, widgets
from lectern.core import io
from lectern.core.schema import Example
from tests.support import browsers, review_repo
from tests.support.review_repo import read_decisions
from tests.support.web_app import running

ROWS = 12
ITEMS = 12
Open = Callable[[str], Any]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    root = tmp_path_factory.mktemp("repo")
    review_repo.make(root, recordings=ITEMS, rows=ROWS)
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
    """Open pages, each a tab of its own, which is closed after the test."""
    wrong: list[str] = []

    def visit(path: str) -> Any:
        page = window.new_page()
        page.on("console", lambda message: message.type == "error" and wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        browsers.open_page(page, app[1] + path)
        return page

    yield visit
    for page in window.pages:
        page.close()
    assert wrong == []


def ids_of(root: Path, item: str) -> list[str]:
    return [
        json.loads(line)["id"] for line in (root / f"data/examples/{item}.jsonl").read_text().splitlines()
    ]


def open_rows(visit: Open, root: Path, number: int) -> tuple[Any, list[str]]:
    """A tab with the rows of a recording that no other test decides on, and their ids."""
    item = f"talk-{number:04}"
    page = visit(f"/examples?item={item}")
    page.get_by_text(f"1 of {ROWS}", exact=True).wait_for()
    return page, ids_of(root, item)


def decided(root: Path, ids: list[str]) -> dict[int, str]:
    """Place -> what was decided."""
    found = read_decisions(root)
    return {place: found[id]["action"] for place, id in enumerate(ids) if id in found}


def wait_until_at(page: Any, place: int) -> None:
    page.get_by_text(f"{place} of {ROWS}", exact=True).wait_for()


def somebody_else(root: Path, id: str, reason: str = "theirs") -> Path:
    """Another tab, or git, rejects a row."""
    path = root / f"data/corrections/examples/{id}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(io.to_json({"id": id, "action": "reject", "reason": reason, "messages": None}))
    return path


def test_keys_act_on_the_dialog_that_is_open_and_on_nothing_behind_it(
    app: tuple[Path, str], visit: Open
) -> None:
    root, _ = app
    page, ids = open_rows(visit, root, 0)
    page.keyboard.press("r")
    page.get_by_text("Why is it rejected?").click()  # the field has no longer the focus
    for key in "jaeu?":
        page.keyboard.press(key)
    page.get_by_role("button", name="1 wrong").click()
    wait_until_at(page, 2)
    page.get_by_text("1 of them reviewed").wait_for()
    assert decided(root, ids) == {0: "reject"}
    page.keyboard.press("?")
    page.get_by_text("undo the decision").wait_for()
    for key in "jar":
        page.keyboard.press(key)
    page.keyboard.press("Escape")
    page.get_by_text("undo the decision").wait_for(state="hidden")
    page.keyboard.press("a")
    wait_until_at(page, 3)
    page.get_by_text("2 of them reviewed").wait_for()
    assert decided(root, ids) == {0: "reject", 1: "accept"}


def test_a_text_that_was_typed_outlives_what_somebody_else_decides(
    app: tuple[Path, str], visit: Open
) -> None:
    root, _ = app
    page, ids = open_rows(visit, root, 1)
    page.keyboard.press("e")
    page.get_by_label("assistant").fill("Typed with care.")
    somebody_else(root, ids[0])
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Not saved: somebody else has decided about this row in the meantime.").wait_for()
    page.get_by_text("by a person: theirs").wait_for()
    page.locator(f"[data-here='{ids[0]}']").get_by_text(f"1 of {ROWS}", exact=True).wait_for()
    assert page.get_by_label("assistant").input_value() == "Typed with care."
    assert read_decisions(root)[ids[0]]["reason"] == "theirs"
    page.get_by_role("button", name="Save mine over theirs").click()
    wait_until_at(page, 2)
    page.get_by_text("1 of them reviewed").wait_for()
    assert read_decisions(root)[ids[0]]["messages"][-1]["content"] == "Typed with care."


def test_not_saved_stays_until_it_is_seen_and_can_be_tried_again(visit: Open, app: tuple[Path, str]) -> None:
    root, _ = app
    page, ids = open_rows(visit, root, 2)
    by_hand = root / "data/corrections/examples.jsonl"
    line = {"id": ids[0], "action": "accept", "reason": "by hand", "messages": None}
    somebody_else(root, ids[1])  # before the page has looked
    page.get_by_text("1 of them reviewed").wait_for()  # and now it has
    by_hand.write_text(json.dumps(line) + "\n")
    page.get_by_role("button", name="Reject").click()
    page.get_by_role("button", name="1 wrong").click()
    page.get_by_text("this row is corrected by hand").wait_for()
    by_hand.unlink()
    somebody_else(root, ids[2])
    page.get_by_text("2 of them reviewed").wait_for()  # the page has looked again, and drawn itself anew
    page.get_by_text("this row is corrected by hand").wait_for()
    page.get_by_role("button", name="Try again").click()
    page.get_by_text("3 of them reviewed").wait_for()
    assert read_decisions(root)[ids[0]]["reason"] == "wrong"
    page.get_by_text("this row is corrected by hand").wait_for(state="hidden")


def test_what_somebody_else_decided_is_told_until_one_has_chosen(visit: Open, app: tuple[Path, str]) -> None:
    root, _ = app
    page, ids = open_rows(visit, root, 3)
    somebody_else(root, ids[0])
    page.get_by_role("button", name="Accept").click()  # at once, before the page has looked
    page.get_by_text("Not saved: somebody else has decided about this row in the meantime.").wait_for()
    somebody_else(root, ids[4])
    page.get_by_text("2 of them reviewed").wait_for()
    page.get_by_text("Not saved: somebody else has decided about this row in the meantime.").wait_for()
    assert read_decisions(root)[ids[0]]["reason"] == "theirs"
    page.get_by_role("button", name="Keep theirs").click()
    page.get_by_text("Not saved").wait_for(state="hidden")
    assert read_decisions(root)[ids[0]]["reason"] == "theirs"


@pytest.mark.parametrize(("number", "between"), [(4, 0), (5, 5), (6, 10)])
def test_no_key_is_dropped_however_fast(
    app: tuple[Path, str], visit: Open, number: int, between: int
) -> None:
    root, _ = app
    page, ids = open_rows(visit, root, number)
    page.keyboard.type("ajaakkuaajjjja", delay=between)
    wait_until_at(page, 10)
    page.get_by_text("4 of them reviewed").wait_for()
    assert decided(root, ids) == dict.fromkeys((0, 2, 3, 8), "accept")


class Person:
    """What a person means by their keys, one after the other: a model that knows nothing of browsers."""

    def __init__(self, texts: list[str]) -> None:
        self.texts = texts
        self.at = 0
        self.found: dict[int, tuple[str, str]] = {}
        """place -> what was decided, and the reason or the new text"""

    def go(self, place: int) -> None:
        self.at = min(max(place, 0), len(self.texts) - 1)

    def decide(self, action: str, told: str) -> None:
        self.found[self.at] = (action, told)
        self.go(self.at + 1)

    def text(self) -> str:
        action, told = self.found.get(self.at, ("", ""))
        return told if action == "edit" else self.texts[self.at]

    def act(self, page: Any, draw: random.Random) -> None:
        """Do one thing, in the page and here."""
        keys = page.keyboard
        delay = draw.choice((0, 0, 1, 5, 10))
        kind = draw.choice(
            ["a", "a", "a", "j", "k", "u", "r", "r", "never mind", "held", "?", "e", "list", "button"]
        )
        if kind in "ajku":
            keys.type(kind, delay=delay)
            self.key(kind)
        elif kind == "r":
            reason, told = draw.choice(
                [("1", "wrong"), ("6", "says nothing"), ("just so", "just so"), ("jauer", "jauer")]
            )
            keys.type(f"r{reason}\n", delay=delay)
            self.decide("reject", told)
        elif kind == "never mind":
            keys.type("raj", delay=delay)
            keys.press("Escape")
        elif kind == "held":
            for _ in range(3):
                keys.down("a")  # what comes after the first is a repetition
            keys.up("a")
            self.key("a")
        elif kind == "?":
            keys.type("?ajr", delay=delay)
            keys.press("Escape")
        elif kind == "e":
            new = f" {draw.randrange(10**6)} a j u ?"
            keys.type(f"e{new}", delay=delay)
            text = self.text() + new
            page.get_by_role("button", name="Save").click()
            self.decide("edit", text)
        elif kind == "list":
            lines = page.locator("[data-row]")
            place = draw.randrange(lines.count())
            lines.nth(place).click()
            self.go(place)
        else:
            page.get_by_role("button", name="Accept").click()
            self.key("a")

    def key(self, key: str) -> None:
        if key == "a":
            self.decide("accept", "read and found correct")
        elif key == "u":
            self.found.pop(self.at, None)
        else:
            self.go(self.at + (1 if key == "j" else -1))


@pytest.mark.parametrize("seed", range(2))
def test_whatever_is_pressed_the_files_say_what_was_meant(
    app: tuple[Path, str], visit: Open, seed: int
) -> None:
    """Two tabs on the rows of two recordings; each act is done at once after the one before."""
    root, _ = app
    draw = random.Random(seed)
    tabs = []
    for number in (7, 8):
        item = f"talk-{number:04}"
        rows = io.read_jsonl(root / f"data/examples/{item}.jsonl", Example)
        for row in rows:
            (root / f"data/corrections/examples/{row.id}.json").unlink(missing_ok=True)
        page, ids = open_rows(visit, root, number)
        tabs.append((page, ids, Person([row.messages[-1].content for row in rows])))
    for _ in range(12):
        page, ids, person = draw.choice(tabs)
        for _ in range(draw.randrange(1, 6)):
            person.act(page, draw)
    for page, ids, person in tabs:
        page.wait_for_function("!JSON.parse(sessionStorage['lectern /examples'] ?? '{}').outbox?.length")
        wait_until_at(page, person.at + 1)
        assert page.locator("[data-about]").all_inner_texts() == []
        found = read_decisions(root)
        told = {
            place: (
                found[id]["action"],
                (found[id]["messages"] or [{"content": found[id]["reason"]}])[-1]["content"],
            )
            for place, id in enumerate(ids)
            if id in found
        }
        assert told == person.found


def test_while_the_server_is_slow_the_page_goes_on_and_nothing_falls_on_another_row(
    app: tuple[Path, str], visit: Open
) -> None:
    root, _ = app
    page, ids = open_rows(visit, root, 9)
    folder = root / "data/corrections/examples"
    folder.mkdir(exist_ok=True)
    with versions.locked(folder):  # nothing can be written
        page.keyboard.type("ajr1\na")
        wait_until_at(page, 5)  # what is decided next is decided on what is on the screen
        page.keyboard.type("kkua")
        wait_until_at(page, 4)
        page.keyboard.type("e!")
        page.get_by_role("button", name="Save").click()
        page.keyboard.type("ae?")  # not before the edit is saved
        assert decided(root, ids) == {}
    page.get_by_text("4 of them reviewed").wait_for()
    assert page.get_by_label("assistant").input_value().endswith("?")
    assert decided(root, ids) == {0: "accept", 2: "accept", 3: "edit", 4: "accept"}


def test_a_draft_outlives_whatever_one_looks_at_meanwhile(visit: Open, app: tuple[Path, str]) -> None:
    root, _ = app
    page, ids = open_rows(visit, root, 10)
    page.keyboard.type("e One.")
    page.get_by_label("Search in the rows").fill("word 2 of talk-0010")
    page.get_by_text("1 of 156 rows shown").wait_for()
    assert page.get_by_label("assistant").input_value().endswith(" One.")
    page.get_by_label("Search in the rows").fill("")
    page.locator(f"[data-row='{ids[5]}']").click()
    page.locator(f"[data-here='{ids[5]}']").wait_for()
    page.locator(f"[data-row='{ids[0]}']", has_text="draft").wait_for()
    page.keyboard.type("e Two.")
    page.reload()
    page.get_by_text("Edits that are not saved").wait_for()
    page.get_by_role("button", name=f"continue {ids[0]}").click()
    assert page.get_by_label("assistant").input_value().endswith(" One.")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("1 of them reviewed").wait_for()
    page.get_by_role("button", name=f"continue {ids[5]}").click()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("Edits that are not saved").wait_for(state="hidden")
    found = read_decisions(root)
    assert found[ids[0]]["messages"][-1]["content"].endswith(" One.")
    assert decided(root, ids) == {0: "edit"}


def test_a_decision_outlives_a_page_that_is_loaded_again_before_it_is_written(
    app: tuple[Path, str], visit: Open
) -> None:
    root, _ = app
    page, ids = open_rows(visit, root, 11)
    page.evaluate("socket.disconnect()")
    page.keyboard.type("aa")
    page.reload()
    page.get_by_text("2 of them reviewed").wait_for()
    assert decided(root, ids) == {0: "accept", 1: "accept"}


def test_a_file_that_cannot_be_read_is_told_while_it_is_so(visit: Open, app: tuple[Path, str]) -> None:
    root, _ = app
    page, ids = open_rows(visit, root, 2)
    path = root / f"data/corrections/examples/{ids[9]}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text("{")  # half written by an editor
    page.get_by_text(path.name).wait_for()
    page.keyboard.type("j")
    wait_until_at(page, 2)
    path.unlink()
    page.get_by_text(path.name).wait_for(state="hidden")


@pytest.fixture
def labelled(tmp_path: Path) -> Iterator[tuple[Path, str, list[str]]]:
    """A repository without labels, the address of its review, and its pairs in the order in which they are asked."""
    root = tmp_path / "repo"
    review_repo.make(root, recordings=2, rows=10)
    ids = [case.id for case in labelling.list_pairs(root, "base", "tuned", "Asha Rao")]
    with running("lectern review", root, "--by", "Asha Rao") as address:
        yield root, address, ids


def verdicts(root: Path, ids: list[str]) -> dict[int, str]:
    folder = root / "data/labels/asha-rao"
    return {
        place: json.loads((folder / f"{id}.json").read_text())["verdict"]
        for place, id in enumerate(ids)
        if (folder / f"{id}.json").is_file()
    }


def test_a_label_is_one_on_the_pair_on_the_screen_however_fast(
    labelled: tuple[Path, str, list[str]], window: Any
) -> None:
    root, address, ids = labelled
    page = window.new_page()
    browsers.open_page(page, f"{address}/labels")
    page.get_by_text("0 of 30 labelled").wait_for()
    draw = random.Random(1)
    order, last, meant = [*range(len(ids))], list[int](), dict[int, str]()
    (root / "data/labels/asha-rao").mkdir(parents=True)
    for _ in range(6):
        with versions.locked(root / "data/labels/asha-rao"):  # the server is slow, and then it is not
            for key in draw.choices("120120su", k=draw.randrange(5)):
                page.keyboard.press(key)
                if key == "s":
                    order.append(order.pop(0))
                elif key == "u" and last:
                    order.insert(0, last.pop())
                    del meant[order[0]]
                elif key != "u":
                    last.append(order.pop(0))
                    meant[last[-1]] = {"1": "a", "2": "b", "0": "tie"}[key]
            page.locator(f"[data-here='{ids[order[0]]}']").wait_for()
        page.keyboard.type("120", delay=draw.choice((0, 5, 10)))
        for verdict in ("a", "b", "tie"):
            last.append(order.pop(0))
            meant[last[-1]] = verdict
        page.get_by_text(f"{len(meant)} of 30 labelled").wait_for()
    page.get_by_text(f"{len(meant)} pairs labelled by you").wait_for()
    assert page.locator("[data-about]").all_inner_texts() == []
    assert verdicts(root, ids) == meant
    page.close()


def test_a_label_that_is_not_saved_is_told_until_it_is(
    labelled: tuple[Path, str, list[str]], window: Any
) -> None:
    root, address, ids = labelled
    one, other = (window.new_page() for _ in range(2))
    for page in (one, other):
        browsers.open_page(page, f"{address}/labels")
        page.get_by_text("0 of 30 labelled").wait_for()
    one.keyboard.type("12")
    one.get_by_text("2 pairs labelled by you").wait_for()
    other.keyboard.type("22")  # the same pairs: the first otherwise
    other.get_by_text("The verdict there: Left is better").wait_for()
    assert verdicts(root, ids) == {0: "a", 1: "b"}
    other.get_by_role("button", name="Save mine over theirs").click()
    other.get_by_text("Not saved").wait_for(state="hidden")
    assert verdicts(root, ids) == {0: "b", 1: "b"}
    folder = root / "data/labels/asha-rao"
    folder.rename(folder.with_name("away"))
    folder.write_text("")  # no file can be written below it
    other.keyboard.type("0")
    other.get_by_text("Not saved").wait_for()
    folder.unlink()
    folder.with_name("away").rename(folder)
    other.get_by_role("button", name="Try again").click()
    other.get_by_text("3 pairs labelled by you").wait_for()
    assert verdicts(root, ids) == {0: "b", 1: "b", 2: "tie"}
    other.get_by_label("Note (optional)").fill("a careful note")
    other.reload()
    other.get_by_text("3 of 30 labelled").wait_for()
    assert other.get_by_label("Note (optional)").input_value() == "a careful note"
    one.close()
    other.close()


def test_a_text_that_is_shown_to_its_end_may_be_edited_and_no_other() -> None:
    # whatever a browser counts: to JavaScript the first text is longer than what is shown at most
    for text, cut in (
        ("😀" * 300 + "a" * (widgets.LONGEST - 300), False),
        ("😀" * 300 + "a" * widgets.LONGEST, True),
    ):
        told = desk.told(text, "assistant")
        assert told["cut"] is cut
        assert (told["content"] == text) is not cut


def test_a_name_that_is_typed_outlives_what_is_saved_beside_it(visit: Open, app: tuple[Path, str]) -> None:
    root, _ = app
    page = visit("/speakers/talk-0000")
    path = root / "data/corrections/speakers/talk-0000.yaml"
    one, two = (page.get_by_label(f"Name of speaker_{number}") for number in (1, 2))
    two.fill("Typed, not saved")
    one.fill("Ann")
    one.press("Enter")
    page.locator(".who b", has_text="Ann").first.wait_for()
    assert two.input_value() == "Typed, not saved"
    path.write_text(path.read_text().replace("Ann", "Anna"))  # somebody else
    one.fill("Annie")
    one.press("Enter")
    page.get_by_text("Their value: Anna. Your value: Annie.").wait_for()
    page.get_by_text("Somebody else changed the corrections").wait_for()  # the page has looked since
    page.get_by_role("button", name="Show the changes").click()
    page.locator(".who b", has_text="Anna").first.wait_for()
    assert (one.input_value(), two.input_value()) == ("Annie", "Typed, not saved")
    page.get_by_role("button", name="Save mine over theirs").click()
    page.locator(".who b", has_text="Annie").first.wait_for()
    page.get_by_text("Their value").wait_for(state="hidden")
    assert yaml.safe_load(path.read_text())["rename"] == {"speaker_1": "Annie"}


def test_a_correction_that_cannot_be_written_is_kept_until_it_is(visit: Open, app: tuple[Path, str]) -> None:
    root, _ = app
    page = visit("/speakers/talk-0001")
    path = root / "data/corrections/speakers/talk-0001.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text("rename: [")  # half written by hand
    page.get_by_label("Leave this recording out, because").fill("no consent")
    page.get_by_role("button", name="Leave out").click()
    page.get_by_text("Not saved").wait_for()
    path.unlink()
    page.get_by_role("button", name="Try again").click()
    page.get_by_text("This recording is left out: no consent").wait_for()
    assert yaml.safe_load(path.read_text()) == {"drop": "no consent"}
