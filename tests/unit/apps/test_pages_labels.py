"""The page of the labels in this process: which cases it shows, what a verdict writes, and what another tab changed."""

import json
from pathlib import Path
from typing import Any

from lectern.apps.review import labelling
from lectern.core import io
from lectern.core.schema import Prediction
from tests.support import pages
from tests.support.lazily import Lazily
from tests.support.pages import Visitor

labels_page, label_desk = Lazily("lectern.apps.review.labels_page"), Lazily("lectern.apps.review.label_desk")

BY = "Asha Rao"


def visit(root: Path, act: Any) -> None:
    pages.visit(lambda: labels_page.define(root, BY), act)


def labels(root: Path, by: str = "asha-rao") -> dict[str, str]:
    """Case -> verdict, as the files say."""
    return {
        path.stem: json.loads(path.read_text())["verdict"]
        for path in (root / f"data/labels/{by}").glob("*.json")
    }


async def opened(page: Visitor) -> dict[str, Any]:
    await page.open("/labels")
    await page.see(f"labels by {BY}")
    await pages.until(lambda: page.elements(label_desk.LabelDesk))
    return page.find(label_desk.LabelDesk).props["view"]


async def do(
    page: Visitor, n: int, case: dict[str, Any], verdict: str | None = "a", **act: Any
) -> dict[str, Any]:
    """Send an act as the browser does; return the view after it."""
    desk = page.find(label_desk.LabelDesk)
    values = {"decides": True, "verdict": verdict, "note": "", "seen": case["seen"], **act}
    await page.trigger(desk, "act", {"n": n, "id": case["id"], **values})
    await pages.until(lambda: desk.props["view"]["ack"] == n)
    return desk.props["view"]


def test_two_answers_are_shown_without_names_and_a_verdict_moves_on(root: Path) -> None:
    async def act(page: Visitor) -> None:
        view = await opened(page)
        pairs = labelling.list_pairs(root, "base", "tuned", BY)
        assert [case["id"] for case in view["cases"]] == [pair.id for pair in pairs[:8]]
        assert {name: view[name] for name in view if name != "cases"} == {
            "labelled": 0, "total": 12, "set": 1, "asked": True, "ack": 0, "problem": "",
            "nothing": "There is nothing to label yet. `make run` makes rows and answers.",
            "question": f"Which is the better one? It is {criterion(root)}.",
            "verdicts": (
                ("a", "Left is better", ("1", "ArrowLeft")), ("tie", "Equally good", ("0", "ArrowDown")),
                ("b", "Right is better", ("2", "ArrowRight")),
            ),
        }  # fmt: skip
        first, pair = view["cases"][0], pairs[0]

        def told(role: str, text: str | None) -> dict[str, Any]:
            return {"role": role, "content": text, "length": len(text or ""), "cut": False}

        below = [told("true answer", pair.reference)] + (
            [told("source", pair.passage)] if pair.passage else []
        )
        assert first == {
            "id": pair.id, "seen": "", "messages": [told(m.role, m.content) for m in pair.messages], "told": below,
            "sides": [told("Left", pair.a), told("Right", pair.b)],
        }  # fmt: skip
        assert page.texts == [
            f"labels by {BY}",
            "0 pairs labelled by you; nobody else has labelled the same cases",
        ]
        view = await do(page, 1, first, "b", note=" a note ")
        assert labels(root) == {first["id"]: "b"}
        written = json.loads((root / f"data/labels/asha-rao/{first['id']}.json").read_text())
        assert (written["note"], written["by"], written["a"]) == ("a note", BY, pair.a)
        assert page.calls[-1] == ("done", (1, {"label": written}))
        assert (view["labelled"], [case["id"] for case in view["cases"]]) == (
            1,
            [pair.id for pair in pairs[1:9]],
        )
        await pages.until(
            lambda: page.texts[-1] == "1 pairs labelled by you (1 b); nobody else has labelled the same cases"
        )
        # one that is skipped comes last; one whose verdict is taken back comes first
        view = await do(page, 2, view["cases"][0], decides=False, skip=True)
        assert [case["id"] for case in view["cases"]] == [pair.id for pair in pairs[2:10]]
        view = await do(page, 3, first, None, seen="act 1")
        assert labels(root) == {}
        assert page.calls[-1] == ("done", (3, {"label": None}))
        assert [case["id"] for case in view["cases"][:2]] == [pairs[0].id, pairs[2].id]
        assert (view["labelled"], view["set"]) == (0, 1)
        # property: each case is shown once, the skipped one at the end
        shown = []
        for n in range(4, 16):
            shown.append(view["cases"][0]["id"])
            view = await do(page, n, view["cases"][0], "tie")
        assert shown == [pairs[0].id, *(pair.id for pair in pairs[2:]), pairs[1].id]
        assert (view["cases"], view["labelled"]) == ([], 12)

    visit(root, act)


def criterion(root: Path) -> str:
    from lectern.core import params
    from lectern.settings.judging import Judging

    return params.load("judging", Judging, root / "params.yaml").criterion


def test_what_another_tab_wrote_is_told_and_kept(root: Path) -> None:
    async def act(page: Visitor) -> None:
        view = await opened(page)
        pairs = labelling.list_pairs(root, "base", "tuned", BY)
        case = view["cases"][0]
        theirs = labelling.write(root, pairs[0], "tie", BY, "")
        view = await do(page, 1, case, "a")
        assert labels(root) == {case["id"]: "tie"}
        _, (n, result) = page.calls[-1]
        assert (n, result) == (1, {
            "error": result["error"],
            "told": "Not saved: this case was labelled in another tab in the meantime.",
            "theirs": {"told": "The verdict there: Equally good", "messages": [], "seen": labelling.digest(theirs)},
        })  # fmt: skip
        assert view["labelled"] == 1
        view = await do(page, 2, case, "a", seen=labelling.digest(theirs))
        assert labels(root) == {case["id"]: "a"}
        (root / f"data/labels/asha-rao/{case['id']}.json").unlink()
        await do(page, 3, case, "b", seen="act 2")
        assert page.calls[-1][1][1]["theirs"] == {
            "told": "The verdict there: none, the label was removed", "messages": [], "seen": "",
        }  # fmt: skip
        await do(page, 4, case, "b", seen="act 77")
        assert "theirs" in page.calls[-1][1][1], "an act that this tab never did was not seen"
        await do(page, 5, {"id": "0" * 16, "seen": ""}, "b")
        assert page.calls[-1][1][1] == {
            "error": "this case is not shown on this page now; load the page again"
        }
        assert labels(root) == {}

    visit(root, act)


def test_rows_are_labelled_too_and_what_was_labelled_before_is_not_shown_again(root: Path) -> None:
    async def act(page: Visitor) -> None:
        from nicegui import ui

        view = await opened(page)
        await do(page, 1, view["cases"][0], "a")
        assert page.find(ui.toggle).options == {"pair": "Answers", "row": "Train rows"}
        await page.fill(page.find(ui.toggle), "row")
        view = await pages.until(
            lambda: (v := page.find(label_desk.LabelDesk).props["view"])["set"] == 2 and v
        )
        assert (view["question"], view["total"], view["labelled"]) == ("Would you train on this row?", 4, 0)
        assert view["verdicts"] == (("accept", "Accept", ("a", "1")), ("reject", "Reject", ("r", "2")))
        assert [case["sides"] for case in view["cases"]] == [[]] * 4
        assert [told["role"] for told in view["cases"][0]["told"]] == ["source"]
        await do(page, 2, view["cases"][0], "reject")
        await pages.until(
            lambda: (
                page.texts[-1] == "1 rows labelled by you (1 reject); nobody else has labelled the same cases"
            )
        )
        view = await opened(page)
        assert (view["labelled"], len(view["cases"]), view["set"]) == (1, 8, 1)
        # of what others labelled too, the agreement is told
        pairs = {pair.id: pair for pair in labelling.list_pairs(root, "base", "tuned", "Ben")}
        [case] = [id for id, verdict in labels(root).items() if verdict == "a"]
        labelling.write(root, pairs[case], "tie", "Ben", "")
        await do(page, 1, view["cases"][0], "b")
        told = "2 pairs labelled by you (1 a, 1 b); the same verdict as others on 0 of 1, kappa 0.00"
        await pages.until(lambda: page.texts[-1] == told)

    visit(root, act)


def test_three_contestants_can_be_chosen_and_new_answers_are_loaded(root: Path) -> None:
    folder = root / "data/predictions"
    third = [
        row.model_copy(update={"prediction": f"retrieved {row.id}"})
        for row in io.read_jsonl(folder / "base.jsonl", Prediction)
    ]
    io.write_jsonl(folder / "retrieval.jsonl", third)

    async def act(page: Visitor) -> None:
        from nicegui import ui

        view = await opened(page)
        assert [field.options for field in page.elements(ui.select)] == [["base", "tuned", "retrieval"]] * 2
        assert [field.value for field in page.elements(ui.select)] == ["base", "tuned"]
        await page.fill(page.find(ui.select, "with"), "retrieval")
        view = await pages.until(
            lambda: (v := page.find(label_desk.LabelDesk).props["view"])["set"] == 2 and v
        )
        assert {side["content"].split()[0] for case in view["cases"] for side in case["sides"]} == {
            "base",
            "retrieved",
        }
        await page.fill(page.find(ui.select, "compare"), "tuned")
        view = await pages.until(
            lambda: (v := page.find(label_desk.LabelDesk).props["view"])["set"] == 3 and v
        )
        assert {side["content"].split()[0] for case in view["cases"] for side in case["sides"]} == {
            "tuned",
            "retrieved",
        }
        assert view["asked"]
        await page.tick()
        assert page.told == []
        io.write_jsonl(folder / "retrieval.jsonl", third[:5])
        await page.tick()
        view = page.find(label_desk.LabelDesk).props["view"]
        assert (view["total"], view["asked"], view["set"]) == (5, False, 4)
        assert page.told == ["There are new answers. The labels of the earlier ones are kept."]
        await page.fill(page.find(ui.toggle), "row")
        await pages.until(lambda: page.find(label_desk.LabelDesk).props["view"]["set"] == 5)
        io.write_jsonl(folder / "retrieval.jsonl", third[:4])
        await page.tick()
        assert page.find(label_desk.LabelDesk).props["view"]["set"] == 5, "rows do not change with answers"

    visit(root, act)


def test_what_cannot_be_shown_is_told(root: Path) -> None:
    async def act(page: Visitor) -> None:
        (root / "data/predictions/tuned.jsonl").write_text("{\n")
        view = await opened(page)
        assert "tuned.jsonl" in view["problem"]
        assert view["cases"] == []
        (root / "data/predictions/tuned.jsonl").unlink()
        view = await opened(page)
        assert (view["problem"], view["cases"], view["total"]) == ("", [], 0)
        (root / "data/labels/asha-rao").mkdir()
        (root / "data/labels/asha-rao/x.json").write_text("{")
        await page.open("/labels")
        await pages.until(lambda: any("x.json" in text for text in page.texts))
        assert page.elements(label_desk.LabelDesk) == []

    visit(root, act)


def test_answers_that_cannot_be_compared_are_told_and_not_taken_for_missing(root: Path) -> None:
    for name in ("base", "tuned"):
        path = root / f"data/predictions/{name}.jsonl"
        answered = io.read_jsonl(path, Prediction)
        blank = [
            each.model_copy(update={"prediction": "" if at and name == "tuned" else "the same"})
            for at, each in enumerate(answered)
        ]
        io.write_jsonl(path, blank)

    async def act(page: Visitor) -> None:
        view = await opened(page)
        assert (view["total"], view["cases"]) == (0, [])
        assert view["nothing"].startswith(
            "There is nothing to compare: of 12 questions, 11 have an answer without a word and 1 have two answers "
            "that are the same."
        )

    visit(root, act)
