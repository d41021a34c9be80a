"""The page on which a model writes an episode: host and guest in turn, from an opening."""

from asyncio import to_thread
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

from lectern.answering.openings import Opening
from lectern.apps.chat import transcripts
from lectern.apps.chat.talker import Talker
from lectern.apps.web import widgets
from lectern.core import io, params
from lectern.core.errors import LecternError
from lectern.core.schema import Episode
from lectern.settings.decoding import Decoding
from lectern.settings.episodes import Episodes


async def show_episode(root: Path, talker: Talker) -> None:
    """Show the page's content."""
    await _EpisodePage(root, talker).show()


class _EpisodePage:
    """The episode of one browser tab."""

    def __init__(self, root: Path, talker: Talker) -> None:
        self.talker = talker
        self.settings = params.load("episodes", Episodes, root / "params.yaml")
        self.decoding = params.load("decoding", Decoding, root / "params.yaml")
        self.stop = Event()
        self.working = False
        self.turns: list[str] = []
        self.note = ""
        self.made: Episode | None = None
        self.labels: list[Any] = []

    async def show(self) -> None:
        from nicegui import ui

        names = self.talker.names
        self.opening = ui.textarea("The host's first turn").props("outlined autogrow").classes("w-full")
        with ui.row().classes("items-end w-full gap-3"):
            self.guest = ui.input("Guest's name (optional)").props("dense").classes("w-48")
            self.biography = ui.input("About the guest (optional)").props("dense").classes("grow")
        with ui.row().classes("items-end gap-3"):
            self.who = ui.select(names, value=names[-1], label="Who writes").props("dense").classes("w-28")
            self.count = ui.number("Turns", value=self.settings.turns, min=2, max=200, precision=0)
            self.most = ui.number(
                "Tokens per turn", value=self.settings.max_turn_tokens, min=1, max=2048, precision=0
            )
            self.temperature = ui.number(
                "Temperature", value=self.settings.temperature, min=0, max=5, step=0.1
            )
            self.seed = ui.number("Seed", value=self.settings.seed, min=0, precision=0)
            for field in (self.count, self.most, self.temperature, self.seed):
                field.props("dense").classes("w-28")
            self.write = ui.button("Write the episode", on_click=self._write).props("no-caps")
            self.halt = ui.button("Stop", on_click=lambda: self.stop.set()).props("no-caps color=negative")
            self.keep = [
                ui.button(label, on_click=act).props("flat no-caps dense")
                for label, act in (
                    ("Save as JSON", self._keep_json),
                    ("Save as Markdown", self._keep_markdown),
                )
            ]
        self.state = ui.label("").classes("text-sm opacity-80")
        self.place = ui.column().classes("w-full gap-2")
        self._enable()
        ui.timer(0.15, self._tick)
        widgets.when_left(
            lambda: self.stop.set()
        )  # else the episode would hold the model that others wait for

    def _enable(self) -> None:
        """Let the buttons look active that have something to do now."""
        self.write.set_enabled(not self.working)
        self.halt.set_enabled(self.working and not self.stop.is_set())
        for button in self.keep:
            button.set_enabled(self.made is not None)

    def _tick(self) -> None:
        from nicegui import ui

        self._enable()
        self.state.set_text(self.note)
        with self.place:
            while len(self.labels) < len(self.turns):
                role = "guest" if len(self.labels) % 2 else "host"
                ui.label(role).classes("text-xs uppercase opacity-70")
                self.labels.append(ui.label("").classes(widgets.TEXT))
        for label, text in zip(self.labels, self.turns, strict=False):
            if label.text != text:
                label.set_text(text)

    def _tell(self, number: int, text: str) -> None:
        while len(self.turns) <= number:
            self.turns.append("")
        self.turns[number] = text

    async def _write(self) -> None:
        opening = (self.opening.value or "").strip()
        if not opening or self.working:
            return
        self.place.clear()
        self.labels, self.turns, self.made = [], [opening], None
        self.working, self.note = True, "Loading the models …" if not self.talker.loaded else "writing …"
        stop = self.stop = Event()
        self._enable()
        try:
            chosen = replace(self.settings, temperature=float(self.temperature.value))
            settings = replace(
                chosen.for_episode(self.decoding),
                turns=int(self.count.value),
                max_turn_tokens=int(self.most.value),
                seed=int(self.seed.value),
            )
            begun = Opening(
                opening=opening,
                guest=(self.guest.value or "").strip() or None,
                biography=(self.biography.value or "").strip() or None,
            )
            self.made = await to_thread(
                self.talker.write_episode, self.who.value, begun, settings, self._tell, stop
            )
            if self.made is not None:
                self.turns = [turn.text for turn in self.made.turns]
            endings = {
                "closing": "ended with a closing",
                "turns": "all turns are written",
                "empty": "ended because the model said nothing",
            }
            self.note = endings[self.made.ended] if self.made else "stopped"
        except (LecternError, TypeError, ValueError) as error:
            self.note = str(error)
        finally:
            self.working = False

    def _keep_json(self) -> None:
        from nicegui import ui

        if self.made is not None:
            ui.download.content(io.to_json(self.made.model_dump(mode="json")) + "\n", "episode.json")

    def _keep_markdown(self) -> None:
        from nicegui import ui

        if self.made is not None:
            facts = {"base_model": self.talker.base.identity, "written by": self.who.value}
            ui.download.content(transcripts.episode_to_markdown(self.made, facts), "episode.md")
