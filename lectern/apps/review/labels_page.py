"""The page of the labels: it shows two answers without names, and a person says which one is better."""

from asyncio import to_thread
from pathlib import Path
from typing import Any

from lectern.apps.review import labelling
from lectern.apps.review.examples_state import State
from lectern.apps.review.labelling import Case, Kind
from lectern.apps.review.navigation import frame
from lectern.apps.web import desk, widgets
from lectern.apps.web.desk import Act, Acts
from lectern.core import params
from lectern.core.errors import LecternError
from lectern.core.schema import Label
from lectern.settings.judging import Judging
from lectern.settings.rate import Rate

VERDICTS = {
    "pair": (
        ("a", "Left is better", ("1", "ArrowLeft")),
        ("tie", "Equally good", ("0", "ArrowDown")),
        ("b", "Right is better", ("2", "ArrowRight")),
    ),
    "row": (("accept", "Accept", ("a", "1")), ("reject", "Reject", ("r", "2"))),
}
"""Kind -> (verdict, label of the button, keys)."""
NOTHING = "There is nothing to label yet. `make run` makes rows and answers."
NEXT = 8
"""How many of the next cases the browser has in advance."""


def define(root: Path, reviewer: str) -> None:
    """Define the page over the repository at `root`; labels are written in the name of `reviewer`."""
    from nicegui import ui

    from lectern.apps.review import label_desk  # noqa: F401  (a page includes only scripts that are known before)

    state = State(root)

    @ui.page("/labels", title="Labels - Lectern")
    async def page() -> None:
        with frame("Labels"):
            await widgets.show_unless_left(_LabelsPage(root, reviewer, state).show())


class _LabelsPage:
    """The labels in one browser tab.

    The browser itself moves on to the next case (label_desk.js), and sends each verdict together with its case.
    """

    def __init__(self, root: Path, reviewer: str, state: State) -> None:
        self.root, self.reviewer, self.state = root, reviewer, state
        self.kind: Kind = "pair"
        self.cases: list[Case] = []
        self.order: list[Case] = []
        """the cases that are not labelled, the next one first"""
        self.known: dict[str, Case] = {}
        """id -> case, for all cases that this tab has shown, including those before a rebuild"""
        self.acts = Acts(self._write, self._follow, self._show_acts)
        self.written: dict[int, str] = {}
        """number of an act -> `labelling.digest` of the label after it"""
        self.set = 0
        self.asked = True
        """whether the person asked for this set of cases; else it comes from a rebuild"""

    async def show(self) -> None:
        from nicegui import ui

        from lectern.apps.review.label_desk import LabelDesk

        # Reading many answers takes seconds, and the page must respond before.
        await ui.context.client.connected()
        try:
            self.done = labelling.read_own(self.root, self.reviewer)
        except LecternError as error:
            widgets.text(str(error))
            return
        names = labelling.list_contestants(self.root)
        self.contestants = names[:2]
        with ui.row().classes("items-end w-full gap-4"):
            kinds = ui.toggle({"pair": "Answers", "row": "Train rows"}, value=self.kind).props("no-caps")
            kinds.on_value_change(self._change_kind)
            if len(names) > 2:
                for place in (0, 1):
                    which = ui.select(names, value=self.contestants[place], label=("compare", "with")[place])
                    which.props("dense").classes("w-36").on_value_change(
                        lambda event, place=place: self._change_contestant(place, event.value)
                    )
            ui.label(f"labels by {self.reviewer}").classes("text-sm opacity-80")
        self.show_summary = ui.refreshable(self._show_summary)
        await self._load()
        self.desk = LabelDesk(self._view())
        self.desk.on("act", lambda event: self.acts.take(self.desk, event.args))
        self.show_summary()
        ui.timer(2.0, self._look)

    async def _load(self) -> None:
        self.problem, self.cases, self.nothing = "", [], ""
        try:
            self.stamp = self._take_stamp()
            if self.kind == "pair":
                if len(self.contestants) == 2:
                    self.cases = await to_thread(
                        labelling.list_pairs,
                        self.root,
                        self.contestants[0],
                        self.contestants[1],
                        self.reviewer,
                    )
                    if not self.cases:
                        self.nothing = await to_thread(
                            labelling.explain_nothing, self.root, *self.contestants
                        )
            else:
                rows, _ = await to_thread(self.state.get)
                methods = params.load("rate", Rate, self.root / "params.yaml").methods
                self.cases = await to_thread(labelling.list_rows, self.root, rows, methods)
        except LecternError as error:
            self.problem = str(error)
        self.set += 1
        self.known |= {case.id: case for case in self.cases}
        self.order = [case for case in self.cases if case.id not in self.done]

    def _take_stamp(self) -> tuple[Any, ...]:
        paths = [self.root / "data/predictions", *sorted((self.root / "data/predictions").glob("*.jsonl"))]
        return tuple((path.name, path.stat().st_mtime_ns) for path in paths if path.exists())

    def _view(self) -> dict[str, Any]:
        """Return what the browser needs: the next cases, and the progress of this person."""
        question = "Would you train on this row?"
        if self.kind == "pair":
            criterion = params.load("judging", Judging, self.root / "params.yaml").criterion
            question = f"Which is the better one? It is {criterion}."
        return {
            "cases": [self._plain(case) for case in self.order[:NEXT]],
            "labelled": sum(case.id in self.done for case in self.cases),
            "total": len(self.cases),
            "set": self.set,
            "asked": self.asked,
            "ack": self.acts.last,
            "problem": self.problem,
            "nothing": self.nothing or NOTHING,
            "question": question,
            "verdicts": VERDICTS[self.kind],
        }

    def _plain(self, case: Case) -> dict[str, Any]:
        """Return a case for the browser; it does not tell which contestant gave which answer."""
        below = (("true answer", case.reference), ("source", case.source or case.passage))
        sides = (("Left", case.a), ("Right", case.b)) if self.kind == "pair" else ()
        return {
            "id": case.id,
            "seen": labelling.digest(self.done.get(case.id)),
            "messages": [desk.told(message.content, message.role) for message in case.messages],
            "told": [desk.told(text, name) for name, text in below if text],
            "sides": [desk.told(text or "", name) for name, text in sides],
        }

    def _show_summary(self) -> None:
        from nicegui import ui

        try:
            told = labelling.summarise(self.root, self.kind, self.reviewer)
        except LecternError as error:
            told = str(error)
        ui.label(told).classes("text-sm opacity-80")

    def _write(self, act: Act) -> dict[str, Any]:
        """Write or remove a verdict, unless another tab wrote another one in the meantime."""
        number, id, verdict = int(act["n"]), str(act["id"]), act["verdict"]
        seen = str(act["seen"])
        if seen.startswith("act "):  # an earlier verdict of this tab
            seen = self.written.get(int(seen.removeprefix("act ")), "not known")
        self.written[number] = seen
        case = self.known.get(id)
        if case is None:
            raise LecternError("this case is not shown on this page now; load the page again")
        try:
            if verdict is None:
                labelling.take_back(self.root, id, self.reviewer, seen)
                label = None
            else:
                label = labelling.write(self.root, case, verdict, self.reviewer, act["note"], seen)
        except labelling.MeanwhileError as error:
            theirs = None
            if error.theirs is not None:
                self.done[id] = error.theirs
                theirs = next(said for name, said, _ in VERDICTS[case.kind] if name == error.theirs.verdict)
            return {
                "error": str(error),
                "told": "Not saved: this case was labelled in another tab in the meantime.",
                "theirs": {
                    "told": f"The verdict there: {theirs or 'none, the label was removed'}",
                    "messages": [],
                    "seen": labelling.digest(error.theirs),
                },
            }
        self.written[number] = labelling.digest(label)
        return {"label": label and label.model_dump(mode="json")}

    def _follow(self, act: Act, result: dict[str, Any]) -> None:
        """Remove a case from those that are shown next, or put it back."""
        id = str(act["id"])
        case = self.known.get(id)
        if case is None:
            return
        shown = any(each.id == id for each in self.cases)
        self.order = [each for each in self.order if each.id != id]
        if act.get("skip"):
            self.order += [case] if shown and id not in self.done else []
        elif "error" in result:
            return
        elif result["label"] is None:
            self.done.pop(id, None)
            self.order = [case, *self.order] if shown else self.order
        else:
            self.done[id] = Label.model_validate(result["label"])

    async def _show_acts(self) -> None:
        """Show the results of the verdicts."""
        self.desk.show(self._view())
        self.show_summary.refresh()

    async def _change_kind(self, event: Any) -> None:
        self.kind, self.asked = event.value, True
        await self._load()
        await self._show_acts()

    async def _change_contestant(self, place: int, name: str) -> None:
        self.contestants[place], self.asked = name, True
        await self._load()
        await self._show_acts()

    async def _look(self) -> None:
        """Load new answers if a rebuild made some; the labels of earlier ones stay."""
        from nicegui import ui

        if self.kind == "pair" and not self.acts.running and self.stamp != self._take_stamp():
            self.asked = False
            await self._load()
            await self._show_acts()
            ui.notify("There are new answers. The labels of the earlier ones are kept.")
