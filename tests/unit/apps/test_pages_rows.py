"""The page of the rows in this process: exactly what it shows and hands to the browser, and what an act writes."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from lectern.apps.review import decisions, row_index
from lectern.apps.review.row_index import Filter
from lectern.core import io
from lectern.core.schema import Example
from tests.support import pages, review_repo
from tests.support.lazily import Lazily
from tests.support.pages import Visitor
from tests.support.review_repo import read_decisions

examples_page, row_desk = Lazily("lectern.apps.review.examples_page"), Lazily("lectern.apps.review.row_desk")

SWITCH = "Only duplicates, with the row they repeat"


def visit(root: Path, act: Any) -> None:
    pages.visit(lambda: examples_page.define(root), act)


def rows(root: Path, item: str) -> list[Example]:
    [path] = [
        root / f"data/{kind}/{item}.jsonl"
        for kind in ("taught", "examples")
        if (root / f"data/{kind}/{item}.jsonl").exists()
    ]
    return io.read_jsonl(path, Example)


async def opened(page: Visitor, query: str = "") -> dict[str, Any]:
    """Open the page; return what the browser's part of it was given."""
    await page.open(f"/examples{query}")
    await page.see("Keys")
    return page.find(row_desk.RowDesk).props["view"]


async def do(page: Visitor, row: str, n: int, **act: Any) -> dict[str, Any]:
    """Send an act as the browser does; return the view after it."""
    desk = page.find(row_desk.RowDesk)
    await page.trigger(desk, "act", {"n": n, "id": row, "decides": "decision" in act, **act})
    await pages.until(lambda: desk.props["view"]["ack"] == n)
    return desk.props["view"]


def test_the_page_shows_the_row_what_became_of_it_and_its_source(root: Path) -> None:
    async def act(page: Visitor) -> None:
        view = await opened(page)
        first = rows(root, "paper-0000")[0]
        assert page.texts == [
            "Filters", "Keys", SWITCH, "12 of 12 rows shown, 0 of them reviewed", "qa, rated 4 of 5, in train",
            "Title of paper-0000 ", "page 3",
            "The seeds of paper-0000 are ", "kept dry in a drawer.", "  They live for five years.",
        ]  # fmt: skip
        assert {name: view[name] for name in view if name != "rows"} == {
            "first": 0, "total": 12, "here": first.id, "ack": 0, "problem": ""
        }  # fmt: skip
        assert len(view["rows"]) == 12
        question, answer = first.messages[0].content, first.messages[1].content
        assert view["rows"][0] == {
            "id": first.id, "dropped": False, "seen": decisions.digest(None), "decided": None,
            "text": " ".join(f"{question} {answer}".split())[:90],
            "messages": [
                {"role": role, "content": text, "length": len(text), "cut": False}
                for role, text in (("user", question), ("assistant", answer))
            ],
        }  # fmt: skip
        # of a duplicate, the row that was kept instead is shown, and a recording's row can be heard
        repeats = [
            row for row in rows(root, "talk-0001") + rows(root, "talk-0000") if row.id in dropped(root)
        ]
        view = await opened(page, f"?row={repeats[0].id}")
        assert view["here"] == repeats[0].id
        assert [row["id"] for row in view["rows"] if row["dropped"]] == [
            row["id"] for row in view["rows"] if row["id"] in dropped(root)
        ]
        kept = dropped(root)[repeats[0].id]
        await page.see("This row was kept instead", kept.messages[0].content, "user", "assistant")
        rated = f"rated {1 + number(root, repeats[0].id) % 5} of 5"
        await page.see(f"description_questions, {rated}, dropped: near_duplicate, similarity 0.91")

    visit(root, act)


def made_rows(root: Path) -> list[Example]:
    return rows(root, "talk-0000") + rows(root, "talk-0001") + rows(root, "paper-0000")


def number(root: Path, row: str) -> int:
    return [each.id for each in made_rows(root)].index(row)


def dropped(root: Path) -> dict[str, Example]:
    """Id of each duplicate -> the row it repeats."""
    return {row.id: made_rows(root)[n - 1] for n, row in enumerate(made_rows(root)) if n % 5 == 4}


@pytest.mark.parametrize(
    ("field", "kind", "value", "wanted"),
    [
        ("Search in the rows", "input", "word 2 of", Filter(text="word 2 of")),
        ("Source", "select", "talk-0001", Filter(item="talk-0001")),
        ("Method", "select", "qa", Filter(method="qa")),
        ("Kept, or why dropped", "select", "near_duplicate", Filter(reason="near_duplicate")),
        ("Reviewed", "select", True, Filter(reviewed=True)),
        ("Score from", "number", 4, Filter(least_score=4)),
        ("Words from", "number", 12.0, Filter(least_words=12)),
        ("Order", "select", "shortest", Filter(order="shortest")),
        (SWITCH, "switch", True, Filter(repeats=True)),
    ],
)
def test_each_field_filters_and_stands_in_the_address(
    root: Path, field: str, kind: str, value: Any, wanted: Filter
) -> None:
    async def act(page: Visitor) -> None:
        from nicegui import ui

        await opened(page)
        element = page.find(getattr(ui, kind), field)
        if kind == "select":
            assert value in element.options
        await page.fill(element, value)
        known = row_index.build(root)
        found = [known.ids[n] for n in row_index.select(known, wanted, set())]
        assert 0 < len(found) <= 12 or field == "Reviewed"
        view = page.find(row_desk.RowDesk).props["view"]
        assert [row["id"] for row in view["rows"]] == found
        assert view["here"] == (found[0] if found else None)
        await page.see(f"{len(found)} of 12 rows shown, 0 of them reviewed")
        # property: the address leads back to the same rows
        again = await opened(page, page.addresses[-1].removeprefix("/examples"))
        assert [row["id"] for row in again["rows"]] == found
        # and an empty field filters nothing
        await page.fill(page.find(getattr(ui, kind), field), "" if kind == "input" else None)
        if kind in ("input", "number"):
            assert page.find(row_desk.RowDesk).props["view"]["total"] == 12

    visit(root, act)


def test_decisions_are_written_and_counted(root: Path) -> None:
    async def act(page: Visitor) -> None:
        view = await opened(page, "?item=talk-0000")
        a, b, c, d = [row["id"] for row in view["rows"]]
        view = await do(
            page, a, 1, to=b, seen=view["rows"][0]["seen"], decision={"action": "accept", "reason": "good"}
        )
        assert page.calls[-1] == ("done", (1, {}))
        assert view["here"] == b
        assert view["rows"][0]["decided"] == {"action": "accept", "reason": "good", "messages": None}
        assert view["rows"][0]["seen"] != decisions.digest(None)
        await page.see("4 of 12 rows shown, 1 of them reviewed")
        edited = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}]
        view = await do(
            page, b, 2, to=c, seen=view["rows"][1]["seen"],
            decision={"action": "edit", "reason": "wrong", "messages": edited},
        )  # fmt: skip
        assert [m["content"] for m in view["rows"][1]["decided"]["messages"]] == ["Why?", "So."]
        # property: going on writes nothing, and a second decision of this tab is on top of its first
        view = await do(page, c, 3, to=d)
        assert view["here"] == d
        view = await do(page, a, 4, to=b, seen="act 1", decision={"action": "reject", "reason": "wrong"})
        assert {id: found["action"] for id, found in read_decisions(root).items()} == {a: "reject", b: "edit"}
        view = await do(page, a, 5, to=a, seen="act 4", decision=None)
        assert sorted(read_decisions(root)) == [b]
        assert view["rows"][0]["decided"] is None
        # an edit that cannot be saved stays at its row, any other goes on
        bad = {"action": "edit", "reason": "wrong", "messages": edited[:1]}
        view = await do(page, c, 6, to=d, seen=view["rows"][2]["seen"], decision=bad)
        assert view["here"] == c
        name, (n, result) = page.calls[-1]
        assert (name, n) == ("done", 6)
        assert "messages" in result["error"]
        view = await do(page, c, 7, to=d, seen="nonsense", decision={"action": "reject", "reason": "wrong"})
        assert view["here"] == d
        assert page.calls[-1][1][1] == {
            "error": page.calls[-1][1][1]["error"],
            "told": "Not saved: somebody else has decided about this row in the meantime.",
            "theirs": {
                "told": "They removed their decision.",
                "messages": [],
                "seen": decisions.digest(None),
            },
        }
        theirs = decisions.make(d, "edit", "theirs", rows(root, "talk-0001")[0].messages)
        decisions.write(root, d, theirs, None)
        await do(
            page, d, 8, to=a, seen=decisions.digest(None), decision={"action": "reject", "reason": "mine"}
        )
        told = page.calls[-1][1][1]["theirs"]
        assert told["told"] == f"They {theirs}"
        assert [m["content"] for m in told["messages"]] == [m.content for m in theirs.messages]
        assert told["seen"] == decisions.digest(theirs)
        # an act that this tab never did was not seen either
        await do(page, c, 9, to=a, seen="act 77", decision={"action": "reject", "reason": "mine"})
        assert "error" in page.calls[-1][1][1]

    visit(root, act)


def test_a_rebuild_and_others_decisions_are_shown_when_they_come(root: Path) -> None:
    async def act(page: Visitor) -> None:
        view = await opened(page, "?item=talk-0001&order=shortest")
        here = view["rows"][2]["id"]
        view = await do(page, here, 1, to=here)
        await page.tick()
        assert page.told == []
        decisions.write(root, here, decisions.make(here, "reject", "theirs"), None)
        await page.tick()
        assert page.told == ["Somebody else decided about rows; this is shown now."]
        view = page.find(row_desk.RowDesk).props["view"]
        assert [row["decided"] and row["decided"]["reason"] for row in view["rows"]] == [
            None,
            None,
            "theirs",
            None,
        ]
        await page.see("4 of 12 rows shown, 1 of them reviewed")
        path = root / "data/examples/talk-0001.jsonl"
        kept = rows(root, "talk-0001")
        # the row at which the reviewer is stays the current one, though it has another place
        new = review_repo.talk_row("talk-0001", 8)
        io.write_jsonl(path, [new, *kept])
        review_repo.write_manifest(root / "data/examples", ["talk-0000", "talk-0001"], ".jsonl")
        await page.tick()
        assert page.told[1:] == ["The rows were rebuilt."]
        view = page.find(row_desk.RowDesk).props["view"]
        assert (view["total"], view["here"]) == (5, here)
        # a decision whose row is gone is kept and shown
        io.write_jsonl(path, [row for row in kept if row.id != here])
        review_repo.write_manifest(root / "data/examples", ["talk-0000", "talk-0001"], ".jsonl")
        await page.tick()
        await page.see(f"{here}: rejected by a person: theirs ({root}/data/corrections/examples/{here}.json)")
        io.write_text(path, "{")
        review_repo.write_manifest(root / "data/examples", ["talk-0000", "talk-0001"], ".jsonl")
        await page.tick()
        assert "talk-0001.jsonl" in page.find(row_desk.RowDesk).props["view"]["problem"]
        io.write_jsonl(path, kept)
        await page.tick()
        assert page.find(row_desk.RowDesk).props["view"]["problem"] == ""

    visit(root, act)


def test_a_page_without_rows_says_what_to_do(root: Path) -> None:
    async def act(page: Visitor) -> None:
        await page.open("/examples")
        await page.see("There are no rows yet. `make run` makes them.")
        (root / "data/examples").mkdir(parents=True)
        (root / "data/examples/_manifest.json").write_text("{")
        await page.open("/examples")
        await pages.until(lambda: any("_manifest.json" in text for text in page.texts))

    shutil.rmtree(root / "data")
    visit(root, act)
