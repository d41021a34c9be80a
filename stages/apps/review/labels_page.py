"""The page of the labels: two answers, nobody says whose, and a person says which is better."""

from asyncio import to_thread
from pathlib import Path
from typing import Any

from stages.apps.review import labelling
from stages.apps.review.examples_state import State
from stages.apps.review.labelling import Case, Kind
from stages.apps.review.navigation import frame
from stages.apps.web import widgets
from stages.core import params
from stages.core.errors import LecternError
from stages.scoring.settings import JudgingParams
from stages.text.rating_settings import RateParams

VERDICTS = {
    "pair": (
        ("a", "Left is better", ("1", "ArrowLeft")),
        ("tie", "Equally good", ("0", "ArrowDown")),
        ("b", "Right is better", ("2", "ArrowRight")),
    ),
    "row": (("accept", "Accept", ("a", "1")), ("reject", "Reject", ("r", "2"))),
}
"""Kind -> verdict, what the button says, its keys."""


def define(root: Path, reviewer: str) -> None:
    """Define the page over the repository at `root`; `reviewer` is whose labels are written."""
    from nicegui import ui

    state = State(root)

    @ui.page("/labels", title="Labels - Lectern")
    async def page() -> None:
        with frame("Labels"):
            await _LabelsPage(root, reviewer, state).show()


class _LabelsPage:
    """The labels in one tab."""

    def __init__(self, root: Path, reviewer: str, state: State) -> None:
        self.root, self.reviewer, self.state = root, reviewer, state
        self.kind: Kind = "pair"
        self.cases: list[Case] = []
        self.at = 0
        self.last: list[str] = []
        self.with_source = False

    async def show(self) -> None:
        from nicegui import ui

        await (
            ui.context.client.connected()
        )  # many answers take seconds to read, and a page has to answer before
        try:
            self.done = set(labelling.read_own(self.root, self.reviewer))
        except LecternError as error:
            widgets.text(str(error))
            return
        names = labelling.list_contestants(self.root)
        self.contestants = names[:2]
        with ui.row().classes("items-end w-full gap-4"):
            kinds = ui.toggle({"pair": "Answers", "row": "Training rows"}, value=self.kind).props("no-caps")
            kinds.on_value_change(self._change_kind)
            if len(names) > 2:
                for place in (0, 1):
                    which = ui.select(names, value=self.contestants[place], label=("compare", "with")[place])
                    which.props("dense").classes("w-36").on_value_change(
                        lambda event, place=place: self._change_contestant(place, event.value)
                    )
            ui.label(f"labels by {self.reviewer}").classes("text-sm opacity-80")
        self.show_case = ui.refreshable(self._show_case)
        self.show_summary = ui.refreshable(self._show_summary)
        await self._load()
        self.show_case()
        self.show_summary()
        ui.keyboard(on_key=self._press, ignore=["input", "select", "textarea"])
        ui.timer(2.0, self._look)

    async def _load(self) -> None:
        self.problem, self.cases = "", []
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
            else:
                rows, _ = await to_thread(self.state.get)
                methods = params.load("rate", RateParams, self.root / "params.yaml").methods
                self.cases = await to_thread(labelling.list_rows, self.root, rows, methods)
        except LecternError as error:
            self.problem = str(error)
        self._next()

    def _take_stamp(self) -> tuple[Any, ...]:
        paths = [self.root / "data/predictions", *sorted((self.root / "data/predictions").glob("*.jsonl"))]
        return tuple((path.name, path.stat().st_mtime_ns) for path in paths if path.exists())

    def _next(self) -> None:
        """Go to the first case that this person has not labelled."""
        self.at = next(
            (at for at, case in enumerate(self.cases) if case.id not in self.done), len(self.cases)
        )

    def _show_case(self) -> None:
        from nicegui import ui

        if self.problem:
            widgets.text(self.problem)
            return
        labelled = sum(case.id in self.done for case in self.cases)
        if not self.cases:
            ui.label("There is nothing to label here yet: `make run` makes rows and answers.")
            return
        with ui.row().classes("items-center w-full gap-4"):
            ui.label(f"{labelled} of {len(self.cases)} labelled")
            ui.linear_progress(labelled / len(self.cases), show_value=False).classes("w-40")
            ui.button("Undo the last", on_click=self._undo).props("no-caps flat dense").set_enabled(
                bool(self.last)
            )
        if self.at >= len(self.cases):
            ui.label("All of them are labelled. Rebuild takes them into the calibration of the judge.")
            return
        case = self.cases[self.at]
        criterion = params.load("judging", JudgingParams, self.root / "params.yaml").criterion
        what = (
            f"Which is the better one? It is {criterion}."
            if self.kind == "pair"
            else "Would you train on this row?"
        )
        ui.label(what).classes("text-sm opacity-80")
        for message in case.messages:
            ui.label(message.role).classes("text-xs uppercase opacity-70")
            widgets.text(message.content)
        self._show_source(case)
        if self.kind == "pair":
            with ui.grid().classes("w-full gap-4 grid-cols-1 md:grid-cols-2"):
                for side, answer in (("Left", case.a), ("Right", case.b)):
                    with ui.card().classes("w-full p-3 gap-1"):
                        ui.label(side).classes("text-xs uppercase opacity-70")
                        widgets.text(answer or "")
        self.note = ui.input("Note (not needed)").props("dense").classes("w-full")
        with ui.row().classes("gap-2"):
            for verdict, told, keys in VERDICTS[self.kind]:
                ui.button(told, on_click=lambda _, verdict=verdict: self._label(verdict)).props(
                    "no-caps"
                ).tooltip(keys[0])
            ui.button("Skip", on_click=self._skip).props("no-caps flat").tooltip("s")

    def _show_source(self, case: Case) -> None:
        from nicegui import ui

        told = [
            (name, text) for name, text in (("true answer", case.reference), ("source", case.passage)) if text
        ]
        if not told:
            return
        with ui.expansion("True answer and source", value=self.with_source).classes("w-full") as opened:
            opened.on_value_change(lambda event: setattr(self, "with_source", event.value))
            for name, text in told:
                ui.label(name).classes("text-xs uppercase opacity-70")
                widgets.text(text)

    def _show_summary(self) -> None:
        from nicegui import ui

        try:
            told = labelling.summarise(self.root, self.kind, self.reviewer)
        except LecternError as error:
            told = str(error)
        ui.label(told).classes("text-sm opacity-80")

    async def _press(self, event: Any) -> None:
        if not event.action.keydown or event.action.repeat or event.modifiers.ctrl or event.modifiers.meta:
            return
        key = event.key.name
        for verdict, _, keys in VERDICTS[self.kind]:
            if key in keys:
                await self._label(verdict)
        if key == "s":
            self._skip()
        elif key == "u":
            await self._undo()

    async def _label(self, verdict: str) -> None:
        from nicegui import ui

        if self.at >= len(self.cases):
            return
        case = self.cases[self.at]
        try:
            await to_thread(labelling.write, self.root, case, verdict, self.reviewer, self.note.value)
        except LecternError as error:
            ui.notify(str(error), type="negative", multi_line=True, timeout=15_000, close_button=True)
            return
        self.done.add(case.id)
        self.last.append(case.id)
        self._next()
        self.show_case.refresh()
        self.show_summary.refresh()

    def _skip(self) -> None:
        """Put the case at the end."""
        if self.at < len(self.cases):
            self.cases.append(self.cases.pop(self.at))
            self._next()
            self.show_case.refresh()

    async def _undo(self) -> None:
        if self.last:
            case = self.last.pop()
            await to_thread(labelling.take_back, self.root, case, self.reviewer)
            self.done.discard(case)
            self.at = next((at for at, each in enumerate(self.cases) if each.id == case), self.at)
            self.show_case.refresh()
            self.show_summary.refresh()

    async def _change_kind(self, event: Any) -> None:
        self.kind, self.last = event.value, []
        await self._load()
        self.show_case.refresh()
        self.show_summary.refresh()

    async def _change_contestant(self, place: int, name: str) -> None:
        self.contestants[place] = name
        await self._load()
        self.show_case.refresh()

    async def _look(self) -> None:
        """Take new answers in when a rebuild made some; the labels of the earlier ones stay."""
        from nicegui import ui

        typed = self.at < len(self.cases) and self.note.value
        if self.kind == "pair" and not typed and self.stamp != self._take_stamp():
            await self._load()
            self.show_case.refresh()
            ui.notify("The answers were made anew; labels of the earlier ones stay.")
