"""Nobody loses or misplaces a decision: what a person does in a real browser, however fast, is what the files say."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stages.core import io
from tests.unit.apps import review_repo
from tests.unit.apps.review_repo import read_decisions
from tests.unit.apps.web_app import chromium, running

ROWS = 12
ITEMS = 12
Open = Callable[[str], Any]


@pytest.fixture(scope="module")
def browsing() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    root = tmp_path_factory.mktemp("repo")
    review_repo.make(root, recordings=ITEMS, rows=ROWS)
    with running("stages.review", root, "--by", "Asha Rao") as address:
        yield root, address


@pytest.fixture
def visit(app: tuple[Path, str], browsing: Any) -> Iterator[Open]:
    """Open pages, each a tab of its own."""
    context = browsing.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(15_000)
    wrong: list[str] = []

    def visit(path: str) -> Any:
        page = context.new_page()
        page.on("console", lambda message: message.type == "error" and wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(app[1] + path)
        return page

    yield visit
    context.close()
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
    page.get_by_text("Not saved: somebody else decided on this row meanwhile.").wait_for()
    page.get_by_text("by a person: theirs").wait_for()
    assert page.get_by_label("assistant").input_value() == "Typed with care."
    assert read_decisions(root)[ids[0]]["reason"] == "theirs"
    page.get_by_role("button", name="Save mine over theirs").click()
    wait_until_at(page, 2)
    page.get_by_text("1 of them reviewed").wait_for()
    assert read_decisions(root)[ids[0]]["messages"][-1]["content"] == "Typed with care."


def test_not_saved_stays_until_it_is_seen_and_can_be_tried_again(app: tuple[Path, str], visit: Open) -> None:
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


def test_what_somebody_else_decided_is_told_until_one_has_chosen(app: tuple[Path, str], visit: Open) -> None:
    root, _ = app
    page, ids = open_rows(visit, root, 3)
    somebody_else(root, ids[0])
    page.get_by_role("button", name="Accept").click()  # at once, before the page has looked
    page.get_by_text("Not saved: somebody else decided on this row meanwhile.").wait_for()
    somebody_else(root, ids[4])
    page.get_by_text("2 of them reviewed").wait_for()
    page.get_by_text("Not saved: somebody else decided on this row meanwhile.").wait_for()
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
