"""The page of the rows: each beside its source, to keep, reject or word otherwise."""

from asyncio import to_thread
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from stages.apps.review import audio, decisions, origin, row_index
from stages.apps.review.examples_state import State
from stages.apps.review.navigation import frame
from stages.apps.review.row_index import Filter
from stages.apps.web import widgets
from stages.core.errors import LecternError
from stages.core.schema import Example, Message
from stages.text.row_corrections import Correction

NEAR = 24
"""Rows that the list shows around the one that is looked at."""
FOUND_RIGHT = "read, and found right"
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

    state = State(root)

    @ui.page("/examples", title="Examples - Lectern")
    async def examples(request: Request) -> None:
        with frame("Examples"):
            await _ExamplesPage(root, state).show(dict(request.query_params))


class _ExamplesPage:
    """The rows in one tab."""

    def __init__(self, root: Path, state: State) -> None:
        self.root, self.state = root, state
        self.at = 0
        self.editing = False
        self.busy = False
        """a decision is being written, or its reason asked for"""

    async def show(self, query: dict[str, str]) -> None:
        from nicegui import ui

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
            ui.label("There are no rows here yet: `make run` makes them.")
            return
        self.wanted = row_index.parse(query)
        self.found = self._select()
        row = self.rows.where.get(query.get("row", ""), -1)
        self.at = next((at for at, number in enumerate(self.found) if number == row), 0)
        self._show_filters()
        self.show_progress = ui.refreshable(self._show_progress)
        self.show_list = ui.refreshable(self._show_list)
        self.show_row = ui.refreshable(self._show_row)
        self.show_progress()
        with ui.row().classes("w-full items-start gap-6"):
            with ui.column().classes("basis-72 grow gap-0 max-h-[70vh] overflow-y-auto flex-nowrap"):
                self.show_list()
            with ui.column().classes("basis-96 grow-[3] gap-3"):
                self.show_row()
        self.show_lost = ui.refreshable(self._show_lost)
        self.show_lost()
        ui.keyboard(on_key=self._press, ignore=["input", "select", "textarea"])
        ui.timer(2.0, self._look)

    # what is shown

    def _show_filters(self) -> None:
        from nicegui import ui

        rows = self.rows
        items = {item: rows.titles.get(item, item) for item in sorted(rows.items)}
        with ui.row().classes("items-end w-full gap-3"):
            self.search = self._field(
                ui.input("Search in the rows").props("dense clearable debounce=50"), "text"
            )
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
            self._field(ui.switch("Repeats beside what they repeat"), "repeats", "")
            ui.button("Keys", on_click=_show_keys).props("flat dense no-caps")

    def _field(self, element: Any, name: str, width: str = "grow") -> Any:
        """A field of the filter; what it says is in the address too, so that it can be shared."""
        element.props("dense").classes(width)
        element.value = getattr(self.wanted, name)

        def change(event: Any) -> None:
            value = event.value if event.value not in ("", None) else getattr(Filter(), name)
            if name.endswith("_words") and value is not None:
                value = int(value)
            self.wanted = Filter(**{**vars(self.wanted), name: value})
            self.found, self.at, self.editing = self._select(), 0, False
            self._refresh()

        element.on_value_change(change)
        return element

    def _select(self) -> Any:
        return row_index.select(self.rows, self.wanted, set(self.known.entries))

    def _show_progress(self) -> None:
        from nicegui import ui

        shown = len(self.found)
        reviewed = row_index.count_reviewed(self.rows, self.found, self.known.entries)
        with ui.row().classes("items-center w-full gap-4"):
            ui.label(f"{shown:,} of {len(self.rows):,} rows shown, {reviewed:,} of them reviewed")
            ui.linear_progress(reviewed / shown if shown else 0, show_value=False).classes("w-40")

    def _show_list(self) -> None:
        from nicegui import ui

        first = max(self.at - NEAR // 2, 0)
        for at in range(first, min(first + NEAR, len(self.found))):
            number = int(self.found[at])
            id = self.rows.ids[number]
            decided = self.known.latest(id)
            mark = {"accept": "✓", "reject": "✗", "edit": "✎"}[decided.action] if decided else "·"
            text = " ".join(self.rows.text(number, 90).split())
            with ui.row().classes(
                "w-full items-center no-wrap gap-2 px-2 py-1 cursor-pointer border-b border-gray-500/20"
            ) as line:
                ui.label(mark).classes("w-4 shrink-0")
                ui.label(text).classes("grow text-sm truncate")
                if id in self.rows.dropped:
                    ui.label("dropped").classes("text-xs opacity-70")
            if at == self.at:
                line.classes("bg-primary/15 font-semibold")
            line.on("click", lambda _, at=at: self._go(at))

    def _show_row(self) -> None:
        from nicegui import ui

        if not len(self.found):
            ui.label("No row passes this filter.")
            return
        number = int(self.found[self.at])
        id = self.rows.ids[number]
        try:
            row = self.rows.read(number)
            on_file = decisions.file_says(self.root, id)
        except LecternError as error:
            widgets.text(str(error))
            return
        self.shown, self.on_file = row, on_file
        decided = self.known.latest(id)
        messages = decided.messages if decided and decided.messages else row.messages
        with ui.row().classes("items-center w-full gap-3"):
            ui.label(f"{self.at + 1:,} of {len(self.found):,}").classes("opacity-70")
            ui.label(id).classes("font-mono text-sm")
            _show_decision(decided)
        if self.editing:
            self._show_editor(messages)
        else:
            _show_messages(messages)
            self._show_buttons(decided)
        self._show_fate(row)
        self._show_origin(row)

    def _show_buttons(self, decided: Correction | None) -> None:
        from nicegui import ui

        with ui.row().classes("items-center gap-2"):
            ui.button("Accept", on_click=self._accept).props("no-caps").tooltip("a")
            ui.button("Reject", on_click=self._reject).props("no-caps color=negative").tooltip("r")
            ui.button("Edit", on_click=self._edit).props("no-caps outline").tooltip("e")
            ui.button("Undo", on_click=self._undo).props("no-caps flat").tooltip("u").set_enabled(
                decided is not None
            )
            ui.button("Previous", on_click=lambda: self._go(self.at - 1)).props("no-caps flat").tooltip("k")
            ui.button("Next", on_click=lambda: self._go(self.at + 1)).props("no-caps flat").tooltip("j")

    def _show_editor(self, messages: list[Message]) -> None:
        from nicegui import ui

        fields = []
        for message in messages:
            area = (
                ui.textarea(message.role, value=message.content).props("outlined autogrow").classes("w-full")
            )
            fields.append((message.role, area))
        reason = ui.input("Why", value="worded better").props("dense").classes("w-full")

        async def save() -> None:
            new = [Message(role=role, content=area.value) for role, area in fields if area.value.strip()]
            await self._decide("edit", reason.value, new)

        async def cancel() -> None:
            self.editing = False
            self.show_row.refresh()

        with ui.row():
            ui.button("Save", on_click=save).props("no-caps")
            ui.button("Cancel", on_click=cancel).props("no-caps flat")

    def _show_fate(self, row: Example) -> None:
        """What became of the row in the last run; of a repeat, the row that says the same."""
        from nicegui import ui

        found = self.rows.dropped.get(row.id)
        score = float(self.rows.score[self.rows.where[row.id]])
        told = [row.provenance.method] + ([f"rated {score:g} of 5"] if score == score else [])
        split = self.rows.splits.get(row.id)
        told += [f"in {split}"] if split else []
        if found is not None:
            told.append(
                f"dropped: {found.reason}" + (f", {found.similarity:.2f} alike" if found.similarity else "")
            )
        ui.label(", ".join(told)).classes("text-sm opacity-80")
        partner = self.rows.where.get(found.kept_id or "") if found else None
        if partner is not None:
            with ui.card().classes("w-full p-3 gap-1"):
                ui.label("kept in its place").classes("text-sm font-semibold")
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
                ui.label(self.rows.titles.get(where.item, where.item)).classes("font-semibold break-words")
                ui.label(found.place).classes("text-sm")
                widgets.link(where.url, "open the source")
            if where.start is not None:
                audio.player(self.root, where.item, where.start, where.end)
            if found.missing:
                widgets.text(found.missing)
            with ui.element("div").classes("whitespace-pre-wrap break-words max-h-80 overflow-y-auto w-full"):
                left = widgets.LONGEST
                for part in found.parts:
                    mark = "inline bg-amber-200 text-black" if part.marked else "inline"
                    ui.label(part.text[:left]).classes(mark)
                    left = max(left - len(part.text), 0)

    def _show_lost(self) -> None:
        """Decisions whose row is not there now; they stay, and count again should it come back."""
        from nicegui import ui

        new = {e.correction.new_id for e in self.known.entries.values() if e.correction.action == "edit"}
        lost = [id for id in self.known.entries if id not in self.rows.where and id not in new]
        if lost:
            with ui.expansion(f"{len(lost)} decisions without a row").classes("w-full"):
                ui.label("The sources or the teacher say something else now. The files are kept.")
                for id in lost[:200]:
                    entry = self.known.entries[id]
                    widgets.text(f"{id}: {entry.correction} ({entry.where})", long=300)

    # what a person does

    async def _press(self, event: Any) -> None:
        if not event.action.keydown or event.modifiers.ctrl or event.modifiers.meta or event.modifiers.alt:
            return
        key = event.key.name
        if key == "/":
            self.search.run_method("focus")
        elif key == "?":
            _show_keys()
        elif self.editing or not len(self.found):
            return
        elif key in ("j", "ArrowDown", "ArrowRight"):
            self._go(self.at + 1)
        elif key in ("k", "ArrowUp", "ArrowLeft"):
            self._go(self.at - 1)
        elif key in ("a", "r", "e", "u") and not event.action.repeat:
            await {"a": self._accept, "r": self._reject, "e": self._edit, "u": self._undo}[key]()

    def _go(self, at: int) -> None:
        self.at = min(max(at, 0), max(len(self.found) - 1, 0))
        self.editing = False
        self._refresh()

    async def _accept(self) -> None:
        await self._decide("accept", FOUND_RIGHT)

    async def _edit(self) -> None:
        self.editing = True
        self.show_row.refresh()

    async def _undo(self) -> None:
        await self._write(None)

    async def _reject(self) -> None:
        from nicegui import ui

        async def chosen(reason: str) -> None:
            asked.close()
            await self._decide("reject", reason)

        self.busy = True
        with ui.dialog(value=True) as asked, ui.card().classes("gap-2"):
            asked.on("hide", lambda: setattr(self, "busy", False))
            ui.label("Why is it rejected?").classes("font-semibold")
            for number, reason in enumerate(decisions.REASONS, 1):
                ui.button(f"{number}  {reason}", on_click=lambda _, reason=reason: chosen(reason)).props(
                    "no-caps flat dense"
                )
            own = ui.input("Another reason").props("autofocus dense").classes("w-full")

            async def enter() -> None:
                text = own.value.strip()
                if text.isdigit() and 1 <= int(text) <= len(decisions.REASONS):
                    text = decisions.REASONS[int(text) - 1]
                if text:
                    await chosen(text)

            own.on("keydown.enter", enter)
            ui.label("Type a number or a reason, then Enter.").classes("text-sm opacity-80")

    async def _decide(self, action: str, reason: str, messages: list[Message] | None = None) -> None:
        from nicegui import ui

        try:
            decision = decisions.make(self.shown.id, action, reason, messages)
        except LecternError as error:
            ui.notify(str(error), type="negative")
            return
        await self._write(decision)

    async def _write(self, decision: Correction | None) -> None:
        from nicegui import ui

        row, seen = self.shown.id, self.on_file
        self.busy = True
        try:
            await to_thread(decisions.write, self.root, row, decision, seen)
        except decisions.MeanwhileError as error:
            _tell_meanwhile(error, self._reload)
            return
        except LecternError as error:
            ui.notify(str(error), type="negative", multi_line=True, timeout=15_000, close_button=True)
            return
        finally:
            self.busy = False
        self.editing = False
        self.known = await to_thread(lambda: self.state.get()[1])
        if decision is not None and self.at + 1 < len(self.found):
            self.at += 1
        self._refresh()
        self.show_lost.refresh()

    async def _look(self) -> None:
        """Show what a rebuild or somebody else changed, but never under the hands of a person who is editing."""
        from nicegui import ui

        if not self.editing and not self.busy and self.state.is_stale(self.rows, self.known):
            rebuilt = await self._reload()
            ui.notify(
                "The rows were rebuilt." if rebuilt else "Somebody else decided on rows; it is shown now."
            )

    async def _reload(self) -> bool:
        before, row = self.rows, self.shown.id if len(self.found) else ""
        self.rows, self.known = await to_thread(self.state.get)
        if before is not self.rows:
            self.found = self._select()
            number = self.rows.where.get(row, -1)
            self.at = next((at for at, each in enumerate(self.found) if each == number), 0)
        self._refresh()
        self.show_lost.refresh()
        return before is not self.rows

    def _refresh(self) -> None:
        from nicegui import ui

        for part in (self.show_progress, self.show_list, self.show_row):
            part.refresh()
        query = row_index.to_query(self.wanted)
        if len(self.found):
            query["row"] = self.rows.ids[int(self.found[self.at])]
        ui.navigate.history.replace(f"/examples?{urlencode(query)}")


def _show_messages(messages: list[Message]) -> None:
    from nicegui import ui

    for message in messages:
        with ui.column().classes("gap-0 w-full"):
            ui.label(message.role).classes("text-xs uppercase opacity-70")
            widgets.text(message.content)


def _show_decision(decided: Correction | None) -> None:
    from nicegui import ui

    if decided is not None:
        color = {"accept": "positive", "reject": "negative", "edit": "primary"}[decided.action]
        ui.badge(f"{decided.action}ed", color=color)
        ui.label(decided.reason).classes("text-sm break-words")


def _show_keys() -> None:
    from nicegui import ui

    with ui.dialog(value=True), ui.card(), ui.grid(columns=2):
        for key, told in KEYS:
            ui.label(key).classes("font-mono")
            ui.label(told)


def _tell_meanwhile(error: decisions.MeanwhileError, reload: Any) -> None:
    """Say what somebody else decided on the row; theirs stays until this tab decides again, having seen it."""
    from nicegui import ui

    async def see() -> None:
        asked.close()
        await reload()

    with ui.dialog(value=True).props("persistent") as asked, ui.card():
        ui.label("Not saved: somebody else decided on this row meanwhile.").classes("font-semibold")
        widgets.text("They took their decision back." if error.theirs is None else f"They {error.theirs}")
        if error.theirs is not None and error.theirs.messages:
            _show_messages(error.theirs.messages)
        ui.label("It is shown now; decide again if yours is right.")
        ui.button("Show it", on_click=see).props("no-caps")
