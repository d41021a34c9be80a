"""The page of the rows: each is shown beside its source, to accept, reject or edit it."""

from asyncio import to_thread
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from lectern.apps.review import audio, decisions, origin, row_index
from lectern.apps.review.examples_state import State
from lectern.apps.review.navigation import frame
from lectern.apps.review.row_index import Filter
from lectern.apps.web import desk, widgets
from lectern.apps.web.desk import Act, Acts
from lectern.core.errors import LecternError
from lectern.core.schema import Example, Message

NEAR = 24
"""How many rows the list shows around the current one."""
LINE = 90
"""How many characters of a row the list shows."""
FOLDED = "max-sm:hidden"
"""Class of what a narrow screen does not show."""
FOUND_RIGHT = "read and found correct"
KEYS = (
    ("j or ↓", "next"),
    ("k or ↑", "previous"),
    ("a", "accept"),
    ("r", "reject"),
    ("e", "edit"),
    ("u", "undo the decision"),
    ("/", "search"),
    ("?", "these keys"),
)


def define(root: Path) -> None:
    """Define the page over the repository at `root`."""
    from fastapi import Request
    from nicegui import ui

    from lectern.apps.review import row_desk  # noqa: F401  (a page includes only scripts that are known before)

    state = State(root)

    @ui.page("/examples", title="Examples - Lectern")
    async def examples(request: Request) -> None:
        ui.add_css(desk.STYLE)
        with frame("Examples"):
            shown = _ExamplesPage(root, state)
            await widgets.show_unless_left(shown.show(dict(request.query_params)))


class _ExamplesPage:
    """The rows in one browser tab.

    The browser holds the current row and sends each act of the reviewer in order (row_desk.js). An act names its row
    and the decision that the reviewer saw, so that it is still correct if it is processed later.
    """

    def __init__(self, root: Path, state: State) -> None:
        self.root, self.state = root, state
        self.at = 0
        self.acts = Acts(self._write, self._follow, self._show_acts)
        self.shown = 0
        """number of the last act whose result is shown"""
        self.written: dict[int, str] = {}
        """number of an act -> `decisions.digest` of the decision in its row's file after it"""
        self.decided = False
        """whether an act has changed a decision since the last display"""
        self.problem = ""

    async def show(self, query: dict[str, str]) -> None:
        from nicegui import ui

        from lectern.apps.review.row_desk import RowDesk

        with ui.row().classes("items-center") as waiting:
            ui.spinner()
            ui.label("Reading the rows …")
        await ui.context.client.connected()
        try:
            self.rows, self.known = await to_thread(self.state.get)
        except LecternError as error:
            waiting.clear()
            with waiting:
                widgets.text(str(error))
            return
        waiting.delete()
        if not len(self.rows):
            ui.label("There are no rows yet. `make run` makes them.")
            return
        self.wanted = row_index.parse(query)
        self.found = self._select()
        self.at = self._place_of(query.get("row", "")) or 0
        self._show_filters()
        self.show_progress = ui.refreshable(self._show_progress)
        self.show_details = ui.refreshable(self._show_details)
        self.show_progress()
        self.desk = RowDesk(self._view(), decisions.REASONS, KEYS, FOUND_RIGHT)
        with self.desk:
            self.show_details()
        self.desk.on("act", lambda event: self.acts.take(self.desk, event.args))
        self.show_lost = ui.refreshable(self._show_lost)
        self.show_lost()
        ui.timer(2.0, self._look)

    # display

    def _show_filters(self) -> None:
        from nicegui import ui

        rows = self.rows
        items = {item: rows.titles.get(item, item) for item in sorted(rows.items)}
        with ui.row().classes("items-end w-full gap-3"):
            self._field(ui.input("Search in the rows").props("dense clearable debounce=50"), "text")
            self.fold = ui.button("Filters", icon="tune", on_click=self._fold)
            self.fold.props("flat dense no-caps").classes("sm:hidden")
            ui.button("Keys", on_click=lambda: self.desk.run_method("showHelp")).props(
                "flat dense no-caps"
            ).classes("max-sm:hidden")
        # On a phone they would fill two screens before the row.
        with ui.column().classes("w-full gap-3") as self.filters:
            with ui.row().classes("items-end w-full gap-3"):
                self._field(ui.select(items, label="Source", with_input=True, clearable=True), "item", "w-56")
                self._field(ui.select(sorted(rows.methods), label="Method", clearable=True), "method", "w-44")
                self._field(
                    ui.select([*row_index.list_reasons(rows)], label="Kept, or why dropped", clearable=True),
                    "reason",
                    "w-48",
                )
                self._field(
                    ui.select({True: "reviewed", False: "not reviewed"}, label="Reviewed", clearable=True),
                    "reviewed",
                    "w-36",
                )
            with ui.row().classes("items-end w-full gap-3"):
                self._field(ui.number("Score from", min=1, max=5, step=0.5), "least_score", "w-24")
                self._field(ui.number("to", min=1, max=5, step=0.5), "most_score", "w-20")
                self._field(ui.number("Words from", min=0, step=1, precision=0), "least_words", "w-24")
                self._field(ui.number("to", min=0, step=1, precision=0), "most_words", "w-20")
                self._field(ui.select([*row_index.ORDERS], label="Order"), "order", "w-28")
                self._field(ui.switch("Only duplicates, with the row they repeat"), "repeats", "")
        self.folded = False
        if not row_index.to_query(replace(self.wanted, text="")):
            self._fold()

    def _fold(self) -> None:
        """Fold the filters on a narrow screen, or unfold them."""
        self.folded = not self.folded
        self.filters.classes(**{"add" if self.folded else "remove": FOLDED})
        self.fold.props(f"aria-expanded={'false' if self.folded else 'true'}")

    def _field(self, element: Any, name: str, width: str = "grow") -> Any:
        """Set up a field of the filter. Its value is also in the address, so that it can be shared."""
        element.props("dense").classes(width)
        element.value = getattr(self.wanted, name)

        def change(event: Any) -> None:
            value = event.value if event.value not in ("", None) else getattr(Filter(), name)
            if name.endswith("_words") and value is not None:
                value = int(value)
            self.wanted = Filter(**{**vars(self.wanted), name: value})
            self.found, self.at = self._select(), 0
            self._refresh()

        element.on_value_change(change)
        return element

    def _select(self) -> Any:
        return row_index.select(self.rows, self.wanted, set(self.known.entries))

    def _place_of(self, row: str) -> int | None:
        """Return the position of a row among those that are shown; None if it is not shown."""
        found = (self.found == self.rows.where.get(row, -1)).nonzero()[0]
        return int(found[0]) if len(found) else None

    def _here(self) -> str | None:
        """Return the id of the current row."""
        return self.rows.ids[int(self.found[self.at])] if len(self.found) else None

    def _show_progress(self) -> None:
        from nicegui import ui

        shown = len(self.found)
        reviewed = row_index.count_reviewed(self.rows, self.found, self.known.entries)
        with ui.row().classes("items-center w-full gap-4"):
            ui.label(f"{shown:,} of {len(self.rows):,} rows shown, {reviewed:,} of them reviewed")
            ui.linear_progress(reviewed / shown if shown else 0, show_value=False).classes("w-40")

    def _view(self) -> dict[str, Any]:
        """Return what the browser needs: the rows around the current one."""
        first = max(self.at - NEAR // 2, 0)
        numbers = [int(number) for number in self.found[first : first + NEAR]]
        return {
            "rows": [self._plain(number) for number in numbers],
            "first": first,
            "total": len(self.found),
            "here": self._here(),
            "ack": self.shown,
            "problem": self.problem,
        }

    def _plain(self, number: int) -> dict[str, Any]:
        """Return a row for the browser; its decision and `seen` are from the same moment."""
        id = self.rows.ids[number]
        decided, entry = self.known.latest(id), self.known.entries.get(id)
        shown: dict[str, Any] = {
            "id": id,
            "text": "",
            "dropped": id in self.rows.dropped,
            "seen": decisions.digest(entry.correction if entry else None),
            "decided": decided and {"action": decided.action, "reason": decided.reason, "messages": None},
            "messages": [],
        }
        try:
            messages = self.rows.read(number).messages
            said = " ".join(message.content[:LINE] for message in messages if message.role != "system")
            shown |= {"text": " ".join(said.split())[:LINE], "messages": _cut(messages)}
        except LecternError as error:
            shown |= {"text": id, "problem": str(error)}
        if decided and decided.messages:
            shown["decided"]["messages"] = _cut(decided.messages)
        return shown

    def _show_details(self) -> None:
        """Show what the last run did with the row, and where it comes from."""
        if len(self.found):
            try:
                row = self.rows.read(int(self.found[self.at]))
            except LecternError:
                return  # the row itself shows the error
            self._show_fate(row)
            self._show_origin(row)

    def _show_fate(self, row: Example) -> None:
        """Show what the last run did with the row; for a duplicate, also the row that was kept."""
        from nicegui import ui

        found = self.rows.dropped.get(row.id)
        score = float(self.rows.score[self.rows.where[row.id]])
        told = [row.provenance.method] + ([f"rated {score:g} of 5"] if score == score else [])
        split = self.rows.splits.get(row.id)
        told += [f"in {split}"] if split else []
        if found is not None:
            told.append(
                f"dropped: {found.reason}"
                + (f", similarity {found.similarity:.2f}" if found.similarity else "")
            )
        ui.label(", ".join(told)).classes("text-sm opacity-80")
        partner = self.rows.where.get(found.kept_id or "") if found else None
        if partner is not None:
            with ui.card().classes("w-full p-3 gap-1"):
                ui.label("This row was kept instead").classes("text-sm font-semibold")
                try:
                    _show_messages(self.rows.read(partner).messages)
                except LecternError as error:
                    widgets.text(str(error))

    def _show_origin(self, row: Example) -> None:
        from nicegui import ui

        where = row.provenance
        found = origin.find(self.root, where)
        with ui.card().classes("w-full p-3 gap-2"):
            with ui.row().classes("items-center gap-3"):
                ui.label(self.rows.titles.get(where.item, where.item)).classes("font-semibold wrap-anywhere")
                ui.label(found.place).classes("text-sm")
                widgets.link(where.url, "open the source")
            if where.start is not None:
                audio.player(self.root, where.item, where.start, where.end)
            if found.missing:
                widgets.text(found.missing)
            with ui.element("div").classes(
                "whitespace-pre-wrap wrap-anywhere max-h-80 overflow-y-auto w-full"
            ):
                left = widgets.LONGEST
                for part in found.parts:
                    mark = "inline bg-amber-200 text-black" if part.marked else "inline"
                    ui.label(part.text[:left]).classes(mark)
                    left = max(left - len(part.text), 0)

    def _show_lost(self) -> None:
        """Show the decisions whose row does not exist now. They are kept, and apply again if the row comes back."""
        from nicegui import ui

        new = {e.correction.new_id for e in self.known.entries.values() if e.correction.action == "edit"}
        lost = [id for id in self.known.entries if id not in self.rows.where and id not in new]
        if lost:
            with ui.expansion(f"{len(lost)} decisions without a row").classes("w-full"):
                ui.label(
                    "The sources or the teacher have changed, so these rows do not exist now. The files are kept."
                )
                for id in lost[:200]:
                    entry = self.known.entries[id]
                    widgets.text(f"{id}: {entry.correction} ({entry.where})", long=300)

    # acts of the reviewer

    def _follow(self, act: Act, result: dict[str, Any]) -> None:
        """Go to the row to which the reviewer went. If an edit could not be saved, stay at its row."""
        edit = (act.get("decision") or {}).get("action") == "edit"
        to = act["id"] if edit and "error" in result else act.get("to")
        if (at := self._place_of(str(to))) is not None:
            self.at = at

    def _write(self, act: Act) -> dict[str, Any]:
        """Write the reviewer's decision, unless somebody else made one that the reviewer has not seen."""
        number, row = int(act["n"]), str(act["id"])
        seen = str(act["seen"])
        if seen.startswith("act "):  # an earlier decision of this tab
            seen = self.written.get(int(seen.removeprefix("act ")), "not known")
        self.written[number] = seen
        told = act["decision"]
        decision = None
        if told is not None:
            messages = [Message.model_validate(each) for each in told.get("messages") or []] or None
            decision = decisions.make(row, told["action"], told["reason"], messages)
        try:
            decisions.write_over(self.root, row, decision, seen)
        except decisions.MeanwhileError as error:
            theirs = error.theirs
            return {
                "error": str(error),
                "told": "Not saved: somebody else has decided about this row in the meantime.",
                "theirs": {
                    "told": "They removed their decision." if theirs is None else f"They {theirs}",
                    "messages": _cut(theirs.messages) if theirs and theirs.messages else [],
                    "seen": decisions.digest(theirs),
                },
            }
        self.written[number] = decisions.digest(decision)
        self.decided = True
        self.state.forget()
        return {}

    async def _show_acts(self) -> None:
        """Show the results of the acts that were processed."""
        shown = self.acts.last
        if self.decided:
            self.decided = False
            try:
                self.known = await to_thread(lambda: self.state.get()[1])
                self.problem = ""
            except LecternError as error:
                self.problem = str(error)
            self.show_lost.refresh()
        self.shown = shown
        self._refresh()

    async def _look(self) -> None:
        """Check for changes by a rebuild or by somebody else, and show them."""
        from nicegui import ui

        if self.acts.running or not (self.problem or self.state.is_stale(self.rows, self.known)):
            return
        before, row, problem = self.rows, self._here(), self.problem
        try:
            self.rows, self.known = await to_thread(self.state.get)
            self.problem = ""
        except LecternError as error:  # for example in the middle of a rebuild; the next call tries again
            self.problem = str(error)
            if problem != self.problem:
                self._refresh()
            return
        rebuilt = before is not self.rows
        if rebuilt:
            self.found = self._select()
            self.at = self._place_of(row or "") or 0
        self._refresh()
        self.show_lost.refresh()
        ui.notify(
            "The rows were rebuilt." if rebuilt else "Somebody else decided about rows; this is shown now."
        )

    def _refresh(self) -> None:
        from nicegui import ui

        self.show_progress.refresh()
        self.show_details.refresh()
        self.desk.show(self._view())
        query = row_index.to_query(self.wanted)
        if (here := self._here()) is not None:
            query["row"] = here
        ui.navigate.history.replace(f"/examples?{urlencode(query)}")


def _cut(messages: list[Message]) -> list[dict[str, Any]]:
    return [desk.told(each.content, each.role) for each in messages]


def _show_messages(messages: list[Message]) -> None:
    from nicegui import ui

    for message in messages:
        with ui.column().classes("gap-0 w-full"):
            ui.label(message.role).classes("text-xs uppercase opacity-70")
            widgets.text(message.content)
