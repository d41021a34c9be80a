"""The page of the rebuild: it shows what is out of date, the running stages, and what changed."""

from asyncio import to_thread
from pathlib import Path
from typing import Any

from lectern.apps import torn
from lectern.apps.review import rebuilding
from lectern.apps.review.changes import SHOWN, Changes
from lectern.apps.review.navigation import frame
from lectern.apps.review.rebuilding import Builder, Job
from lectern.apps.web import widgets
from lectern.core.errors import LecternError

TARGETS = {
    None: "everything, including the report",
    "curate": "up to the rows",
    "converse": "only the conversations",
}
MARKS = {"running": "▶", "done": "✓", "from the cache": "✓", "unchanged": "·", "failed": "✗"}
TAIL = 200
"""How many lines of the output are shown."""


def define(root: Path) -> None:
    """Define the page and the address of the report over the repository at `root`."""
    from fastapi import HTTPException
    from fastapi.responses import FileResponse
    from nicegui import app, ui

    builder = Builder(root)
    app.on_shutdown(builder.close)

    @app.get("/report")
    def report() -> FileResponse:
        path = root / "metrics/report.html"
        if not path.is_file():
            raise HTTPException(
                status_code=404, detail="There is no report yet. Rebuild everything to make it."
            )
        return FileResponse(path, media_type="text/html", headers={"cache-control": "no-store"})

    @ui.page("/rebuild", title="Rebuild - Lectern")
    async def rebuild() -> None:
        with frame("Rebuild"):
            await widgets.show_unless_left(_RebuildPage(root, builder).show())


class _RebuildPage:
    """The page of the rebuild in one browser tab."""

    def __init__(self, root: Path, builder: Builder) -> None:
        self.root, self.builder = root, builder
        self.shown: tuple[Any, ...] = ()

    async def show(self) -> None:
        from nicegui import ui

        with ui.row().classes("items-end gap-3"):
            self.target = ui.select(TARGETS, value=None, label="Rebuild").props("dense").classes("w-64")
            self.start_button = ui.button("Rebuild", on_click=self._start).props("no-caps")
            self.stop_button = ui.button("Stop", on_click=self.builder.stop).props(
                "no-caps flat color=negative"
            )
            ui.link("Open the report", "/report", new_tab=True)
        self._enable()
        self.show_due = ui.refreshable(self._show_due)
        self.show_job = ui.refreshable(self._show_job)
        self.due: list[rebuilding.Due] | str | None = None
        self.show_due()
        self.show_job()
        ui.timer(0.5, self._tick)
        if self.builder.job is None or not self.builder.job.running:
            await ui.context.client.connected()
            await self._ask()

    async def _ask(self) -> None:
        from nicegui import ui

        try:
            for sentence in await to_thread(torn.mend, self.root):
                ui.notify(sentence, timeout=0, close_button="OK", multi_line=True)
            self.due = await to_thread(rebuilding.find_due, self.root)
        except LecternError as error:
            self.due = str(error)
        self.show_due.refresh()

    def _show_due(self) -> None:
        from nicegui import ui

        if self.builder.job is not None and self.builder.job.running:
            return
        if self.due is None:
            with ui.row().classes("items-center"):
                ui.spinner()
                ui.label("Asking DVC what is out of date …")
        elif isinstance(self.due, str):
            widgets.text(self.due)
        elif not self.due:
            ui.label("Everything is up to date.")
        else:
            known = [due.seconds for due in self.due if due.seconds is not None]
            ui.label(
                f"{len(self.due)} stages are out of date. Their last runs took {_show_seconds(sum(known))}; now only "
                "items that changed are made again."
            )
            with ui.column().classes("gap-0"):
                for due in self.due:
                    with ui.row().classes("gap-3"):
                        ui.label(due.stage).classes("w-32 font-mono")
                        ui.label("" if due.seconds is None else _show_seconds(due.seconds)).classes(
                            "w-16 text-right"
                        )
                        ui.label(due.why).classes("text-sm opacity-80 wrap-anywhere")

    def _show_job(self) -> None:
        from nicegui import ui

        job = self.builder.job
        if job is None:
            return
        ui.label(f"{job.outcome or 'Running'} {_show_seconds(job.elapsed)}").classes("text-lg")
        with ui.row().classes("gap-x-4 gap-y-0 w-full"):
            for stage in job.stages:
                state = job.states.get(stage)
                if state is not None:
                    ui.label(f"{MARKS[state]} {stage}").classes("font-mono text-sm").tooltip(state)
        for line in job.summaries[-30:]:
            ui.label(line).classes("text-sm wrap-anywhere")
        if not job.running and job.returncode:
            ui.label("Last lines of the output").classes("font-semibold")
            for line in job.lines[-12:]:
                ui.label(line).classes("font-mono text-sm wrap-anywhere")
        if job.found is not None:
            _show_changes(job.found)
        with ui.expansion("Output of DVC").classes("w-full"):
            for line in job.lines[-TAIL:]:
                ui.label(line).classes("font-mono text-xs wrap-anywhere")

    async def _start(self) -> None:
        from nicegui import ui

        try:
            await to_thread(self.builder.start, self.target.value)
        except LecternError as error:
            ui.notify(str(error), type="negative")

    def _enable(self) -> bool:
        """Let the buttons look active that have something to do now; return whether a job runs."""
        job = self.builder.job
        running = job is not None and job.running
        self.start_button.set_enabled(not running)
        self.stop_button.set_enabled(running)
        return running

    async def _tick(self) -> None:
        """Show the progress of the job, which another tab may have started."""
        job, running = self.builder.job, self._enable()
        now = _digest(job)
        if now != self.shown:
            ended = bool(self.shown) and not running
            self.shown = now
            self.show_job.refresh()
            self.show_due.refresh()
            if ended:
                self.due = None
                await self._ask()


def _digest(job: Job | None) -> tuple[Any, ...]:
    """Return a value that changes whenever there is something new to show."""
    if job is None:
        return ()
    return (id(job), len(job.lines), job.lines[-1:], tuple(job.states.items()), int(job.elapsed), job.running)


def _show_changes(found: Changes) -> None:
    from nicegui import ui

    ui.label("What changed").classes("text-lg")
    if found.nothing:
        ui.label("Nothing changed: every output has the same bytes as before.")
        return
    for stage, paths in found.outputs.items():
        ui.label(f"{stage}: {', '.join(paths)}").classes("text-sm wrap-anywhere")
    if found.rows:
        ui.label(f"{len(found.rows)} rows").classes("font-semibold")
        for (old, new), count in sorted(found.counts.items(), key=lambda pair: -pair[1]):
            ui.label(f"{count}: {old or 'not there'} → {new or 'gone'}").classes("text-sm")
        with ui.expansion("The rows").classes("w-full"):
            for row, item, old, new in found.rows[:SHOWN]:
                ui.label(f"{row} of {item}: {old or 'not there'} → {new or 'gone'}").classes("text-sm")
                widgets.text(found.questions.get(row, ""), long=200, classes="text-sm opacity-80")
    if found.figures:
        ui.label(f"{len(found.figures)} figures changed").classes("font-semibold")
        with ui.column().classes("gap-0"):
            for key, old, new in sorted(found.figures, key=_by_weight)[:SHOWN]:
                ui.label(f"{key}: {old or 'none'} → {new or 'none'}"[:300]).classes("text-sm wrap-anywhere")


def _by_weight(figure: tuple[str, str, str]) -> tuple[bool, str]:
    """Return the key by which figures are sorted, the scores first."""
    return (not figure[0].startswith(("scores: difference", "scores: tuned", "curation: rows")), figure[0])


def _show_seconds(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
