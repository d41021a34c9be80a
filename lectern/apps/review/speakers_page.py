"""The pages of the speakers: the list of recordings, and the voices of one recording."""

from asyncio import Lock, to_thread
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args
from urllib.parse import quote

from lectern.apps.review import audio, recordings, speaker_edits
from lectern.apps.review.navigation import frame
from lectern.apps.review.recordings import Entry, Recording, Speaker
from lectern.apps.web import versions, widgets
from lectern.conversations import voices_file
from lectern.core.errors import LecternError
from lectern.core.schema import Role

NEW = "a new voice"
KEEP = "Keep theirs"
SHOWN = 50
"""How many recordings a page of the list shows."""


def define(root: Path) -> None:
    """Define the pages over the repository at `root`."""
    from nicegui import ui

    audio.define(root)

    @ui.page("/speakers", title="Speakers - Lectern")
    async def speakers() -> None:
        with frame("Speakers"):
            await widgets.show_unless_left(_show_list(root))

    @ui.page("/speakers/{item}", title="Speakers - Lectern")
    async def speaker(item: str) -> None:
        from lectern.apps.review.transcript import STYLE

        ui.add_css(STYLE)
        with frame("Speakers"):
            await widgets.show_unless_left(_RecordingPage(root, item).show())


async def _show_list(root: Path) -> None:
    from nicegui import ui

    with widgets.waiting("Reading the recordings …") as place:
        await ui.context.client.connected()
        try:
            entries = await to_thread(recordings.list_entries, root)
        except LecternError as error:
            place.clear()
            with place:
                widgets.text(str(error))
            return
    place.delete()
    if not entries:
        ui.label("There are no recordings yet. `make run` fetches and transcribes them.")
        return
    chosen: dict[str, Any] = {"text": "", "attention": False, "page": 1}

    def matches(entry: Entry) -> bool:
        wanted = chosen["text"].casefold()
        return (not chosen["attention"] or entry.needs_attention) and (
            wanted in entry.title.casefold() or wanted in entry.item.casefold()
        )

    def again() -> None:
        chosen["page"] = 1
        rows.refresh()

    waiting = sum(entry.needs_attention for entry in entries)
    ui.label(f"{len(entries)} recordings, {waiting} with voices to check").classes("text-xl")
    with ui.row().classes("items-center w-full"):
        search = ui.input("Search titles", on_change=again).props("clearable dense").classes("grow")
        search.bind_value_to(chosen, "text", forward=lambda value: value or "")
        ui.switch("Only recordings with voices to check", on_change=again).bind_value_to(chosen, "attention")

    @ui.refreshable
    def rows() -> None:
        found = [entry for entry in entries if matches(entry)]
        ui.label(f"{len(found)} shown").classes("text-sm opacity-70")
        with ui.column().classes("w-full gap-0"):
            for entry in found[(chosen["page"] - 1) * SHOWN : chosen["page"] * SHOWN]:
                _show_entry(entry)
        pages = -(-len(found) // SHOWN)
        if pages > 1:
            ui.pagination(1, pages, value=chosen["page"], direction_links=True).bind_value_to(
                chosen, "page"
            ).on_value_change(rows.refresh)

    rows()


def _show_entry(entry: Entry) -> None:
    from nicegui import ui

    with ui.row().classes("w-full items-center gap-4 py-1 border-b border-gray-500/20 no-wrap"):
        ui.link(entry.title or entry.item, f"/speakers/{quote(entry.item, safe='')}").classes(
            "grow wrap-anywhere"
        )
        for shown, told in (
            (entry.nameless > 0, f"{entry.nameless} nameless"),
            (entry.ghosts, "ghost"),
            (entry.corrected, "corrected"),
        ):
            if shown:
                ui.badge(told).props("outline")
        ui.label("not transcribed yet" if entry.seconds is None else recordings.show_time(entry.seconds))


Make = Callable[[str | None], speaker_edits.Change]
"""Makes a change of a single value, given the value that it replaces."""


@dataclass(frozen=True, eq=False)
class _Problem:
    """A change that could not be written, with the labels of its two buttons."""

    told: str
    what: str
    again: str
    leave: str
    change: speaker_edits.Change
    make: Make | None
    about: str
    """the changed value, such as `rename of speaker_1`; empty for an addition to a list"""
    value: str | None


class _RecordingPage:
    """One recording in one browser tab."""

    def __init__(self, root: Path, item: str) -> None:
        self.root, self.item = root, item
        self.now: Recording
        self.transcript: Any = None
        self.chosen: dict[str, Any] | None = None
        self.writing = self.stale = False
        self.order = Lock()
        """makes the changes of this tab one after the other"""
        self.typed: dict[str, str] = {}
        """label -> a name that is typed but not saved, kept while the page is redrawn"""
        self.reasons = {"cut": "", "drop": ""}
        """reasons that are typed but not saved"""
        self.mine: dict[str, str | None] = {}
        """changed value -> the last value that this tab gave it"""
        self.problems: list[_Problem] = []

    async def show(self) -> None:
        from nicegui import ui

        from lectern.apps.review.transcript import Transcript

        with widgets.waiting("Reading the recording …") as place:
            await (
                ui.context.client.connected()
            )  # long recordings take seconds, and the page must respond before
            try:
                self.now = await to_thread(recordings.load, self.root, self.item)
            except LecternError as error:
                problem = str(error)
            else:
                problem = ""
        place.delete()
        if problem:
            widgets.text(problem)
            return
        with ui.row().classes("items-center w-full"):
            widgets.text(self.now.title).classes("grow").style("width: auto")
            widgets.link(self.now.url, "source")
        self.show_notices = ui.refreshable(self._show_notices)
        self.show_voices = ui.refreshable(self._show_voices)
        self.show_choice = ui.refreshable(self._show_choice)
        self.show_edits = ui.refreshable(self._show_edits)
        self.show_problems = ui.refreshable(self._show_problems)
        self.show_problems()
        self.show_notices()
        with ui.row().classes("w-full items-start gap-6"):
            with ui.column().classes("gap-3 grow basis-72 min-w-0"):
                self.show_voices()
                self.show_edits()
            with ui.column().classes("gap-2 grow-[3] basis-96 min-w-0"):
                self.show_choice()
                place = audio.address(self.item) if self.now.playable else None
                self.transcript = Transcript(self.now, place, self._choose)
        ui.timer(2.0, self._look)

    def _show_problems(self) -> None:
        """Show the changes that could not be saved, until the user retries or dismisses them."""
        from nicegui import ui

        for problem in self.problems:
            with ui.card().classes("w-full bg-red-100 text-black gap-1") as card:
                card.props("role=alert")
                ui.label(problem.told).classes("font-semibold")
                widgets.text(problem.what)
                with ui.row():
                    ui.button(problem.again, on_click=lambda _, each=problem: self._again(each)).props(
                        "dense flat no-caps"
                    )
                    ui.button(problem.leave, on_click=lambda _, each=problem: self._drop(each)).props(
                        "dense flat no-caps"
                    )

    async def _again(self, problem: "_Problem") -> None:
        if problem in self.problems:
            await self.change(problem.change, problem.make, problem.about, problem.value, problem)

    async def _drop(self, problem: "_Problem") -> None:
        self.problems = [each for each in self.problems if each is not problem]
        self.show_problems.refresh()
        if problem.leave == KEEP:
            self.typed.pop(problem.about.partition(" of ")[2], None)
            await self._reload()

    def _show_notices(self) -> None:
        from nicegui import ui

        if self.stale:  # the change is not shown at once, since the user may be typing
            with ui.card().classes("w-full bg-amber-100 text-black"), ui.row().classes("items-center"):
                ui.label("Somebody else changed the corrections of this recording.")
                ui.button("Show the changes", on_click=self._reload).props("dense no-caps")
        if self.now.problem:
            with ui.card().classes("w-full bg-red-100 text-black"):
                ui.label("The corrections of this recording cannot be applied; it is shown without them.")
                widgets.text(self.now.problem)
        if self.now.dropped:
            with ui.card().classes("w-full bg-amber-100 text-black"), ui.row().classes("items-center"):
                widgets.text(f"This recording is left out: {self.now.dropped}").style("width: auto")
                dropped = self.now.dropped
                ui.button("Include it again", on_click=lambda: self.change(speaker_edits.drop(None, dropped)))

    def _show_voices(self) -> None:
        from nicegui import ui

        ui.label("Voices").classes("text-lg")
        for speaker in self.now.speakers:
            with ui.card().classes("w-full gap-1 p-3"):
                self._show_voice(speaker)

    def _show_voice(self, speaker: Speaker) -> None:
        from nicegui import ui

        with ui.row().classes("items-center w-full gap-2"):
            ui.label(speaker.name).classes("font-semibold wrap-anywhere")
            ui.label(f"{speaker.share:.0%}, {recordings.show_time(speaker.seconds)}").classes("opacity-80")
            if speaker.name != speaker.label:
                ui.label(speaker.label).classes("text-sm opacity-70")
            if speaker.ghost:
                ui.badge("ghost").tooltip(
                    "This voice has so little speech that it may be a noise, or part of another voice."
                )
        if speaker.first_words:
            ui.label(f"“{speaker.first_words} …”").classes("text-sm opacity-80 wrap-anywhere")
        if speaker.like:
            ui.label(f"sounds like {speaker.like}").classes("text-sm")
        with ui.row().classes("gap-1"):
            for number, (start, end) in enumerate(speaker.samples, 1):
                clip = ui.button(f"Sample {number}", icon="play_arrow")
                clip.on_click(lambda _, start=start, end=end: self.transcript.play(start, end))
                clip.props("dense flat no-caps").set_enabled(self.now.playable)
        if speaker.merged_into:
            with ui.row().classes("items-center"):
                ui.label(f"is the same voice as {self._call(speaker.merged_into)}")
                into = speaker.merged_into
                ui.button("Undo", on_click=lambda: self._put("merge", speaker.label, None, into)).props(
                    "dense flat no-caps"
                )
            return
        self._show_naming(speaker)

    def _show_naming(self, speaker: Speaker) -> None:
        from nicegui import ui

        given = self.now.edits.rename.get(speaker.label)
        with ui.row().classes("items-end w-full gap-2"):
            field = (
                ui.input(
                    "Name", value=self.typed.get(speaker.label, given or ""), autocomplete=self.now.names
                )
                .props("dense")
                .classes("grow")
            )
            field.props["aria-label"] = f"Name of {speaker.label}"

            def keep(event: Any) -> None:
                self.typed[speaker.label] = event.value or ""

            async def name() -> None:
                typed = field.value or ""
                if await self._put("rename", speaker.label, " ".join(typed.split()) or None, given):
                    self._forget(speaker.label, typed)

            field.on_value_change(keep)

            field.on("keydown.enter", name)
            ui.button("Save name", on_click=name).props("dense no-caps")
        with ui.row().classes("items-end w-full gap-2"):
            seen = self.now.edits.roles.get(speaker.label)
            role = (
                ui.select([*get_args(Role)], value=speaker.role, label="Role").props("dense").classes("w-28")
            )
            role.on_value_change(lambda event: self._put("roles", speaker.label, event.value, seen))
            others = {
                each.label: self._call(each.label)
                for each in self.now.speakers
                if each.label != speaker.label and not each.merged_into
            }
            same = ui.select(others, label="Is the same voice as").props("dense clearable").classes("w-44")
            same.on_value_change(
                lambda event: self._put("merge", speaker.label, event.value, None) if event.value else None
            )
        if given:
            ui.button(
                "Remember this voice in other recordings",
                on_click=lambda: self._remember(speaker.label, given),
            ).props("dense flat no-caps")

    def _show_choice(self) -> None:
        from nicegui import ui

        chosen = self.chosen
        if chosen is None:
            ui.label(
                "Click a word to select from there to the end of its turn; click another one with Shift to select up "
                "to it. Then choose whose words they are, or cut them."
            ).classes("text-sm opacity-80")
            return
        start, end = chosen["start"], chosen["end"]
        with ui.card().classes("w-full p-3 gap-2"):
            ui.label(
                f"{chosen['words']} words from “{chosen['text']}”, {recordings.show_time(start)} to "
                f"{recordings.show_time(end)}, said by "
                + ", ".join(self._call(label) for label in chosen["labels"])
            )
            with ui.row().classes("items-end gap-2"):
                labels = {speaker.label: self._call(speaker.label) for speaker in self.now.speakers}
                to = ui.select({**labels, NEW: NEW}, label="These are the words of")
                to.props("dense").classes("w-48")
                ui.button("Split", on_click=lambda: self._split(chosen, to.value)).props("no-caps dense")
                ui.button("Swap two voices", on_click=lambda: self._swap(chosen, to.value)).props(
                    "no-caps dense flat"
                ).tooltip("Within these words, exchange the voice that speaks with the one chosen here.")
            with ui.row().classes("items-end gap-2"):
                why = ui.input("Why cut them (advert, chatter)").props("dense").classes("w-48")
                why.bind_value(self.reasons, "cut")

                async def cut() -> None:
                    reason = {"reason": why.value} if why.value.strip() else {}
                    if await self.change(speaker_edits.add("cut", {"start": start, "end": end} | reason)):
                        self.reasons["cut"] = ""

                ui.button("Cut", on_click=cut).props("no-caps dense")
                ui.button("Cancel", on_click=lambda: self._choose(None)).props("no-caps dense flat")

    def _show_edits(self) -> None:
        from nicegui import ui

        ui.label("Corrections").classes("text-lg")
        called = {speaker.label: self._call(speaker.label) for speaker in self.now.speakers}
        listed = recordings.list_edits(self.now.edits, called)
        for told, section, entry in listed:
            with ui.row().classes("items-center w-full gap-2"):
                ui.label(told).classes("grow wrap-anywhere")
                undo = speaker_edits.take_away(section, entry)
                ui.button("Undo", on_click=lambda _, undo=undo: self.change(undo)).props("dense flat no-caps")
        if not (listed or self.now.edits.count()):
            ui.label("none yet").classes("text-sm opacity-80")
        else:
            ui.label("The transcript here shows them; Rebuild applies them to the rows.").classes(
                "text-sm opacity-80"
            )
        if not self.now.dropped:
            with ui.row().classes("items-end gap-2"):
                why = ui.input("Leave this recording out, because").props("dense")
                why.bind_value(self.reasons, "drop")

                async def leave_out() -> None:
                    reason = why.value or "no reason given"

                    def over(theirs: str | None) -> speaker_edits.Change:
                        return speaker_edits.drop(reason, theirs)

                    if await self.change(over(None), over, "drop", reason):
                        self.reasons["drop"] = ""

                ui.button("Leave out", on_click=leave_out).props("dense flat no-caps")

    def _call(self, label: str) -> str:
        """Return the name of a voice of this recording, or its label if it has none."""
        return next((speaker.name for speaker in self.now.speakers if speaker.label == label), label)

    def _choose(self, chosen: dict[str, Any] | None) -> None:
        self.chosen = chosen
        self.show_choice.refresh()

    async def _split(self, chosen: dict[str, Any], to: str | None) -> None:
        from nicegui import ui

        if to is None:
            ui.notify("Choose whose words they are.")
            return
        taken = {speaker.label for speaker in self.now.speakers}
        if to == NEW:
            to = next(f"speaker_{n}" for n in range(1, len(taken) + 2) if f"speaker_{n}" not in taken)
        stretch = {"start": chosen["start"], "end": chosen["end"]}
        others = [label for label in chosen["labels"] if label != to]

        def split(document: speaker_edits.Document) -> None:
            for label in others:
                speaker_edits.add("split", {"speaker": label, **stretch, "to": to})(document)

        await self.change(split)

    async def _swap(self, chosen: dict[str, Any], other: str | None) -> None:
        from nicegui import ui

        own = chosen["labels"][0]
        if other in (None, NEW, own):
            ui.notify(f"Choose the voice that {self._call(own)} is swapped with.")
            return
        stretch = {"start": chosen["start"], "end": chosen["end"]}

        def swap(document: speaker_edits.Document) -> None:
            speaker_edits.add("swap", stretch)(document)
            document["swap"][-1]["speakers"] = [own, other]

        await self.change(swap)

    async def _put(self, section: str, label: str, value: str | None, seen: str | None) -> bool:
        """Set the value of a label; `seen` is the value that was on the screen."""

        def over(theirs: str | None) -> speaker_edits.Change:
            return speaker_edits.put(section, label, value, theirs)

        return await self.change(over(seen), over, f"{section} of {label}", value)

    def _forget(self, label: str, typed: str) -> None:
        """Delete the draft of a saved name, unless the user has typed more in the meantime."""
        if self.typed.get(label) == typed:
            del self.typed[label]

    async def change(
        self,
        change: speaker_edits.Change,
        make: Make | None = None,
        about: str = "",
        value: str | None = None,
        problem: "_Problem | None" = None,
    ) -> bool:
        """Write a correction and show the result. A correction that cannot be written is kept to be retried.

        Args:
            change: the correction.
            make: for a single value, makes the same correction over another current value.
            about: name of that value.
            value: the new value.
            problem: the failed correction that is retried.

        Returns: whether it was written.
        """
        from nicegui import ui

        async with self.order:
            elsewhere, self.writing = self._is_stale(), True
            try:
                told = await to_thread(self._write, change, make, about, value)
            finally:
                self.writing = False
            self.problems = [
                each for each in self.problems if each is not problem and not (about and each.about == about)
            ]
            self.problems += [told] if told else []
            self.show_problems.refresh()
            if told:
                return False
            if about:
                self.mine[about] = value
            self.chosen = None
            await self._reload()
            ui.notify("Saved, together with somebody else's changes." if elsewhere else "Saved.")
            return True

    def _write(
        self, change: speaker_edits.Change, make: Make | None, about: str, value: str | None
    ) -> "_Problem | None":
        """Write a correction, in a thread; return the problem if it cannot be written, else None."""
        try:
            try:
                recordings.apply(self.root, self.item, change)
            except speaker_edits.MeanwhileError as error:
                if make is None or about not in self.mine or self.mine[about] != error.theirs:
                    raise
                recordings.apply(
                    self.root, self.item, make(error.theirs)
                )  # the current value is an earlier change of this tab
        except speaker_edits.MeanwhileError as error:
            return _Problem(
                told="Not saved: somebody else changed the same value in the meantime.",
                what=f"Their value: {error.theirs or 'none'}. Your value: {value or 'none'}.",
                again="Save mine over theirs",
                leave=KEEP,
                change=make(error.theirs) if make else change,
                make=make,
                about=about,
                value=value,
            )
        except (LecternError, OSError) as error:
            what = (
                f"{about}: {value or 'nothing'}"
                if about
                else "Your change is kept here until you dismiss it."
            )
            return _Problem(f"Not saved: {error}", what, "Try again", "Dismiss", change, make, about, value)
        return None

    async def _remember(self, label: str, name: str) -> None:
        from nicegui import ui

        def remember() -> str:
            with versions.locked(self.root / "data/corrections"):
                return voices_file.remember(self.item, label, name, self.root / "data")

        try:
            ui.notify(await to_thread(remember), multi_line=True)
        except (LecternError, OSError) as error:
            ui.notify(str(error), type="negative", multi_line=True, timeout=0, close_button=True)

    def _is_stale(self) -> bool:
        return versions.version(recordings.corrections_file(self.root, self.item)) != self.now.version

    def _look(self) -> None:
        """Show a notice as soon as somebody else changed something."""
        if not self.writing and not self.stale and self._is_stale():
            self.stale = True
            self.show_notices.refresh()

    async def _reload(self) -> None:
        self.now = await to_thread(recordings.load, self.root, self.item)
        self.stale = False
        self.transcript.show(self.now)
        for part in (self.show_notices, self.show_voices, self.show_choice, self.show_edits):
            part.refresh()
