"""The page of the chat: the same question to the base and the tuned model, or to one of them."""

import subprocess
from asyncio import to_thread
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any, TypeVar

from lectern.apps.chat import endpoint, session, transcripts
from lectern.apps.chat.corpus import Corpus
from lectern.apps.chat.library import Library
from lectern.apps.chat.near import SHOWN, Index, Near
from lectern.apps.chat.session import Chat, Known, Turn
from lectern.apps.chat.talker import Talker
from lectern.apps.review import audio, names, origin, recordings
from lectern.apps.web import widgets
from lectern.core import params
from lectern.core.errors import LecternError, WrongValuesError
from lectern.core.schema import BASE, TUNED, Found, Provenance, Sentence
from lectern.models.generation import AnswerOptions
from lectern.publishing.exporting import serving_name
from lectern.settings.decoding import LARGEST_PENALTY, Decoding
from lectern.settings.generate import Generate
from lectern.settings.retrieval import Retrieval

PAGES = {"Chat": "/", "Episode": "/episode"}
MISSING = "There is no tuned model yet: `make run` trains one. Until then only the base model answers."
HELD = "Held out: the model was trained on neither the question nor its answer"
PEOPLE = "From people, in words of their own, which were never trained on"
SILENT = "The model ended its answer without a word."
NO_ANSWER = "italic opacity-80"
"""Classes of what stands in the place of an answer without a word."""
ROOM = 128
"""Least number of tokens that an answer may have at first. `generate.max_new_tokens` may be too few to read, as in a
run that only tests the pipeline."""
T = TypeVar("T")


def define(root: Path, url: str | None) -> None:
    """Define the pages.

    Args:
        root: root of the repository.
        url: address of a server that answers for the tuned model; None for the model in memory.
    """
    from nicegui import ui

    from lectern.apps.chat.episode_page import show_episode

    talker, index, library, corpus = Talker(root), Index(root), Library(root), Corpus(root)
    audio.define(root)

    @ui.page("/", title="Chat - Lectern")
    async def chat() -> None:
        with widgets.frame("Lectern: chat", PAGES, "Chat"):
            shown = _ChatPage(root, talker, index, library, corpus, url)
            await widgets.show_unless_left(shown.show())

    @ui.page("/episode", title="Episode - Lectern")
    async def episode() -> None:
        with widgets.frame("Lectern: chat", PAGES, "Episode"):
            await widgets.show_unless_left(show_episode(root, talker))


class _ChatPage:
    """The conversation of one browser tab."""

    def __init__(
        self, root: Path, talker: Talker, index: Index, library: Library, corpus: Corpus, url: str | None
    ) -> None:
        self.root, self.talker, self.index, self.library, self.url = root, talker, index, library, url
        self.corpus = corpus
        self.chats = {name: Chat(name) for name in ([BASE, TUNED] if url else talker.names)}
        self.stop = Event()
        self.working = False
        self.about = {BASE: f"{talker.base.identity}, before the tuning", TUNED: ""}
        """name of a model -> what it is, in words"""
        self.beginnings: list[tuple[str, list[str]]] = []
        """what kind of questions these are, and questions to begin with"""
        self.labels: dict[tuple[str, int], Any] = {}
        self.nearest: dict[int, Any] = {}
        """id of a turn -> where its nearest training row is shown"""
        self.player: Any = None
        self.show_chats: Any = None

    @property
    def _knobs(self) -> list[Any]:
        """The fields that say how an answer is written."""
        sampling = [self.temperature, self.top_p, self.top_k, self.min_p]
        return [*sampling, self.penalty, self.ngrams, self.most, self.seed]

    @property
    def asked(self) -> list[Chat]:
        """The conversations with the models that are asked now."""
        chosen = self.who.value
        return [chat for name, chat in self.chats.items() if chosen in ("both", name)]

    async def show(self) -> None:
        from nicegui import ui

        several = len(self.chats) > 1
        if not several:
            ui.label(MISSING)
        with ui.row().classes("items-center w-full gap-x-4 gap-y-1"):
            options = (
                {"both": "side by side", BASE: "base only", TUNED: "tuned only"}
                if several
                else {BASE: "base"}
            )
            self.who = (
                ui.select(options, value=next(iter(options)), label="Who answers")
                .props("dense")
                .classes("w-36")
            )
            self.who.on_value_change(lambda: self.show_chats.refresh())
            # A model that was trained with passages in its questions is at home with them.
            trained = params.load("retrieval", Retrieval, self.root / "params.yaml").train_share > 0
            self.sources = ui.switch("Look it up", value=trained and self.library.is_there).props("dense")
            self.sources.set_visibility(self.library.is_there)
            self.fold = ui.button("Settings", icon="tune", on_click=self._fold).props("flat no-caps dense")
            self.changed = ui.label("").classes("text-sm opacity-80")
        self._show_settings()
        self.show_chats = ui.refreshable(self._show_chats)
        self.show_chats()
        self.state = ui.label("").classes("text-sm opacity-80")
        with ui.row().classes("items-end w-full gap-2"):
            self.question = (
                ui.textarea("Ask something")
                .props("autogrow rows=1 outlined autofocus")
                .classes("grow basis-40")
            )
            self.question.on("keydown.enter.exact.prevent", self._ask)
            self.send = ui.button("Ask", on_click=self._ask).props("no-caps")
            self.halt = ui.button("Stop", on_click=lambda: self.stop.set()).props("no-caps color=negative")
        with ui.row().classes("gap-x-2 gap-y-0"):
            self.repeat, self.edit, self.anew, *self.keep = (
                ui.button(label, on_click=act).props("flat no-caps dense")
                for label, act in (
                    ("Answer again", self._again),
                    ("Edit the last question", self._edit),
                    ("Start again", self._clear),
                    ("Save as JSON", self._keep_json),
                    ("Save as Markdown", self._keep_markdown),
                )
            )
        self._enable()
        ui.timer(0.15, self._tick)
        # else the answer would hold the model that others wait for
        widgets.when_left(lambda: self.stop.set())
        await ui.context.client.connected()
        await self._introduce()
        await self._load()

    def _show_settings(self) -> None:
        """Show the fields that say how an answer is written, folded until somebody asks for them."""
        from nicegui import ui

        asked = params.load("generate", Generate, self.root / "params.yaml")
        decoding = params.load("decoding", Decoding, self.root / "params.yaml")
        with ui.card().classes("w-full p-3 gap-2") as self.settings:
            with ui.row().classes("items-end w-full gap-3"):
                self.temperature = ui.number(
                    "Temperature", value=decoding.temperature, min=0, max=5, step=0.1
                )
                self.top_p = ui.number("Top p", value=decoding.top_p, min=0.01, max=1, step=0.05)
                self.top_k = ui.number("Top k", value=decoding.top_k, min=0, precision=0)
                self.min_p = ui.number("Min p", value=decoding.min_p, min=0, max=1, step=0.05)
                self.penalty = ui.number(
                    "Repetition penalty",
                    value=decoding.repetition_penalty,
                    min=0.01,
                    max=LARGEST_PENALTY,
                    step=0.05,
                )
                self.ngrams = ui.number(
                    "No repeated n-gram", value=decoding.no_repeat_ngram_size, min=0, precision=0
                )
                self.most = ui.number(
                    "Token limit", value=max(asked.max_new_tokens, ROOM), min=1, max=4096, precision=0
                )
                self.seed = ui.number("Seed", value=asked.seed, min=0, precision=0)
                for field in self._knobs:
                    field.props("dense").classes("w-32")
            self.persona = ui.textarea("Persona (a system message)", value=self.talker.plain_persona)
            if self.talker.persona and not self.talker.plain_persona:
                ui.label(
                    "In the training, the persona was filled in for each row. Write one for this chat."
                ).classes("text-sm")
            self.persona.props("dense autogrow rows=1").classes("w-full")
            self.published = [(field, field.value) for field in (*self._knobs, self.persona)]
            ui.button("As in params.yaml", on_click=self._reset).props("flat no-caps dense")
        self.settings.set_visibility(False)
        for field, _ in self.published:
            field.on_value_change(self._tell_changed)
        self._tell_changed()

    def _fold(self, *, opened: bool | None = None) -> None:
        self.settings.set_visibility(not self.settings.visible if opened is None else opened)
        self.fold.props(f"aria-expanded={'true' if self.settings.visible else 'false'}")

    def _reset(self) -> None:
        for field, value in self.published:
            field.set_value(value)

    def _tell_changed(self) -> None:
        same = all(field.value == value for field, value in self.published)
        self.changed.set_text("as in params.yaml" if same else "changed in this tab")

    async def _introduce(self) -> None:
        """Say who the tuned model is, and offer questions to begin with."""
        try:
            self.about[TUNED] = await to_thread(self.corpus.describe_tuned)
            kinds = ((HELD, self.corpus.list_held_out), (PEOPLE, self.corpus.list_of_people))
            self.beginnings = [(told, found) for told, find in kinds if (found := await to_thread(find))]
        except LecternError as error:
            self.state.set_text(str(error))
        if not any(chat.turns for chat in self.chats.values()):  # else it would fold what a person has opened
            self.show_chats.refresh()

    async def _load(self) -> None:
        """Load the models while the user types."""
        if not self.talker.loaded:
            self.state.set_text("Loading the models …")
            try:
                await to_thread(self.talker.load)
                self.state.set_text("")
            except LecternError as error:
                self.state.set_text(str(error))

    def _show_chats(self) -> None:
        from nicegui import ui

        self.labels, self.nearest = {}, {}
        with ui.row().classes("w-full items-start gap-4"):
            for chat in self.asked:
                with ui.column().classes("basis-72 grow min-w-0 gap-2"):
                    with ui.row().classes("items-baseline gap-x-3 gap-y-0"):
                        ui.label(chat.name).classes("text-lg")
                        if about := self.about[chat.name]:
                            ui.label(about).classes("text-sm opacity-80 wrap-anywhere")
                    for number, turn in enumerate(chat.turns):
                        self._show_turn(chat, number, turn)
        if not any(chat.turns for chat in self.asked):
            self._show_beginnings()

    def _show_beginnings(self) -> None:
        from nicegui import ui

        for told, questions in self.beginnings:
            with ui.column().classes("w-full gap-1"):
                ui.label(told).classes("text-sm opacity-80")
                for question in questions:
                    ui.button(question, on_click=partial(self._begin, question)).props(
                        "outline no-caps align=left"
                    ).classes("lectern-begin max-w-full wrap-anywhere")

    async def _begin(self, question: str) -> None:
        """Ask one of the questions that are offered."""
        if not self.working:
            self.question.set_value(question)
            await self._ask()

    def _show_turn(self, chat: Chat, number: int, turn: Turn) -> None:
        from nicegui import ui

        ended = turn.state in ("done", "stopped")
        widgets.text(turn.question, classes="font-semibold")
        with ui.card().classes("w-full p-3 gap-1"):
            # An answer is no longer than the token limit, so a browser can show all of it.
            answer = ui.label("").classes(widgets.TEXT)
            note = ui.label("").classes("text-sm opacity-80 wrap-anywhere")
            self.labels[chat.name, number] = (answer, note)
            _show_state(turn, answer, note)
            for passage in turn.passages if ended else []:
                self._show_passage(passage)
            if ended and turn.text:
                self.nearest[id(turn)] = ui.column().classes("w-full gap-1")
                with self.nearest[id(turn)]:
                    self._show_nearest(turn)
                place = ui.column().classes("w-full")
                ui.button("Show similar training rows", on_click=lambda: self._show_near(turn, place)).props(
                    "flat dense no-caps"
                )
                if self.library.is_there:
                    ui.button(
                        "Show the source of each sentence", on_click=lambda: self._show_support(turn, place)
                    ).props("flat dense no-caps")

    def _look_near(self, question: str, answer: str, most: int = SHOWN) -> list[Known]:
        """Return the most similar training rows, each with the name of the person who gave its answer, if known."""
        found = self.index.find(question, answer, most)
        return [(near, names.find_answering(self.root, near.row.provenance)) for near in found]

    async def _find_nearest(self, turns: Sequence[Turn]) -> None:
        """Find the nearest training row of each answer, and show it below the answer."""
        for turn in turns:
            if turn.text and turn.state in ("done", "stopped") and self.index.is_quick:
                try:
                    [turn.nearest] = await to_thread(self._look_near, turn.question, turn.text, 1)
                except LecternError as error:
                    turn.nearest_note = str(error)
                place = self.nearest.get(id(turn))
                if place is not None and not place.is_deleted:
                    place.clear()
                    with place:
                        self._show_nearest(turn)

    def _show_nearest(self, turn: Turn) -> None:
        from nicegui import ui

        if turn.nearest is not None:
            self._show_row("nearest trained passage", *turn.nearest)
        elif turn.nearest_note:
            ui.label(turn.nearest_note).classes("text-sm opacity-80 wrap-anywhere")
        elif self.index.is_quick:
            ui.label("Looking for the nearest trained passage …").classes("text-sm opacity-80")

    async def _show_near(self, turn: Turn, place: Any) -> None:
        found = await _find_in(place, self._look_near, turn.question, turn.text)
        with place:
            for near, name in found:
                self._show_row("similar trained passage", near, name)

    async def _show_support(self, turn: Turn, place: Any) -> None:
        found = await _find_in(place, self.library.support, turn.text)
        with place:
            for sentence in found:
                self._show_sentence(turn.text[slice(*sentence.span)], sentence)

    def _enable(self) -> None:
        """Let the buttons look active that have something to do now."""
        begun = any(chat.turns for chat in self.asked)
        anything = any(chat.turns for chat in self.chats.values())
        self.send.set_enabled(not self.working)
        self.halt.set_enabled(self.working and not self.stop.is_set())
        for button in (self.repeat, self.edit):
            button.set_enabled(begun and not self.working)
        for button in (self.anew, *self.keep):
            button.set_enabled(anything)

    async def _tick(self) -> None:
        """Show the text that was written since the last call."""
        self._enable()
        for (name, number), (answer, note) in self.labels.items():
            turns = self.chats[name].turns
            if number < len(turns):
                _show_state(turns[number], answer, note)

    async def _ask(self) -> None:
        question = (self.question.value or "").strip()
        if not question or self.working or (options := self._options_or_tell()) is None:
            return
        self.question.set_value("")
        for chat in self.asked:
            chat.turns.append(Turn(question))
        await self._answer(options)

    async def _answer(self, options: AnswerOptions) -> None:
        """Have the last question of each conversation answered, one after the other."""
        self.working = True
        stop = self.stop = Event()
        self.show_chats.refresh()
        self._enable()
        # The tuned model, which people wait for, answers first.
        in_turn = sorted(self.asked, key=lambda chat: chat.name != TUNED)
        asked = [(chat, chat.turns[-1]) for chat in in_turn if chat.turns]
        system = self.persona.value or ""
        look_up = self.library.look_up if self.sources.value else None
        try:
            for chat, turn in asked:
                answer: session.Answer = self.talker.answer
                if self.url and chat.name == TUNED:
                    answer = partial(_ask_server, self.url, serving_name(self.talker.base.name))
                if not any(turn is each for each in chat.turns):
                    continue  # the conversation was begun anew meanwhile
                await to_thread(session.fill, chat, turn, system, options, answer, stop, look_up)
        finally:
            self.working = False
            self.show_chats.refresh()
            self._enable()
        await self._find_nearest([turn for _, turn in asked])

    def _options(self) -> AnswerOptions:
        """How the next answer is written. Raises TypeError or ValueError if a field is empty or a value not allowed."""
        decoding = Decoding(
            temperature=float(self.temperature.value),
            top_p=float(self.top_p.value),
            top_k=int(self.top_k.value),
            min_p=float(self.min_p.value),
            repetition_penalty=float(self.penalty.value),
            no_repeat_ngram_size=int(self.ngrams.value),
        )
        return AnswerOptions(int(self.most.value), decoding, int(self.seed.value))

    def _options_or_tell(self) -> AnswerOptions | None:
        """Return how the next answer is written; if a field is wrong, say so, open the settings and return None."""
        from nicegui import ui

        try:
            return self._options()
        except (TypeError, ValueError) as error:
            wrong = isinstance(error, WrongValuesError)
            ui.notify(str(error) if wrong else "Fill in all the numbers of the settings.", type="negative")
            self._fold(opened=True)
            return None

    async def _again(self) -> None:
        """Ask the last question once more; sampled answers get the next seed."""
        if self.working or not any(chat.turns for chat in self.asked):
            return
        self.seed.set_value(int(self.seed.value or 0) + 1)
        if (options := self._options_or_tell()) is None:
            return
        for chat in self.asked:
            if chat.turns:
                chat.turns[-1] = Turn(chat.turns[-1].question)
        await self._answer(options)

    async def _edit(self) -> None:
        """Remove the last question and put it into the input field, to change it."""
        if self.working:
            return
        for chat in self.asked:
            if chat.turns:
                self.question.set_value(chat.turns.pop().question)
        self.show_chats.refresh()
        self._enable()

    async def _clear(self) -> None:
        """Begin the conversations anew; an answer that is being written ends."""
        self.stop.set()
        for chat in self.chats.values():
            chat.turns = []
        self.show_chats.refresh()
        self._enable()

    # the places that answers are compared with

    def _show_sentence(self, text: str, sentence: Sentence) -> None:
        """Show a sentence of an answer, and the place that says something like it or that none was found."""
        from nicegui import ui

        source = sentence.source
        colour = (
            "border-[var(--q-positive)]"
            if source
            else "border-[var(--q-warning)]"
            if sentence.counts
            else "border-transparent"
        )
        with ui.column().classes(f"gap-0 w-full border-l-4 {colour} pl-3"):
            widgets.text(text, classes="text-sm")
            if source:
                self._show_place(source.provenance)
                widgets.text(source.text, long=400, classes="text-sm opacity-80")
            elif sentence.counts:
                ui.label("no source").classes("text-sm opacity-80")

    def _show_passage(self, passage: Found) -> None:
        from nicegui import ui

        with ui.column().classes("gap-0 w-full border-l-4 border-[var(--q-secondary)] pl-3"):
            self._show_place(passage.provenance, "looked up")
            widgets.text(passage.text, long=400, classes="text-sm")

    def _show_row(self, told: str, near: Near, name: str | None) -> None:
        """Show a training row with its place.

        Args:
            told: why it is shown.
            near: the row.
            name: of the person who gives its answer, or None.
        """
        from nicegui import ui

        with ui.column().classes("gap-0 w-full border-l-4 border-[var(--q-primary)] pl-3"):
            self._show_place(near.row.provenance, told, f"similarity {near.similarity:.2f}")
            called = {"user": "asked", "assistant": name or "answered", "system": "persona"}
            for message in near.row.messages[:4]:
                widgets.text(f"{called[message.role]}: {message.content}", long=400, classes="text-sm")
            ui.label(f"lectern trace {near.row.id}").classes("text-xs font-mono opacity-80")

    def _show_place(self, where: Provenance, told: str = "", *more: str) -> None:
        """Show a place in the sources: its title, its second or page, and how to hear or open it."""
        from nicegui import ui

        with ui.row().classes("items-center gap-x-3 gap-y-0 w-full"):
            if told:
                ui.label(told).classes("font-semibold")
            for text in (*more, self.corpus.title(where.item), origin.describe(where)):
                if text:
                    ui.label(text).classes("text-sm wrap-anywhere")
            if where.start is not None and recordings.media_file(self.root, where.item) is not None:
                ui.button(
                    f"Play {recordings.show_time(where.start)}",
                    icon="play_arrow",
                    on_click=lambda: self._play(where, place),
                ).props("flat dense no-caps")
            widgets.link(where.url, "open the source")
        place: Any = ui.column().classes("w-full gap-0")

    def _play(self, where: Provenance, place: Any) -> None:
        """Play a place of a recording; another one that plays ends."""
        if self.player is not None and not self.player.is_deleted:
            self.player.delete()
        with place:
            self.player = audio.player(self.root, where.item, where.start, where.end, begin=True)

    def _facts(self) -> dict[str, Any]:
        return {
            "base_model": self.talker.base.identity,
            "adapter": self.talker.adapter,
            "revision": describe_revision(self.root),
            "settings": asdict(self._options()),
        }

    async def _keep_json(self) -> None:
        from nicegui import ui

        ui.download.content(transcripts.to_json(self._said(), self._facts()), "conversation.json")

    async def _keep_markdown(self) -> None:
        from nicegui import ui

        ui.download.content(transcripts.to_markdown(self._said(), self._facts()), "conversation.md")

    def _said(self) -> dict[str, Any]:
        system = self.persona.value or ""
        return {name: chat.messages(system) for name, chat in self.chats.items() if chat.turns}


def _ask_server(url: str, wanted: str, name: str, *rest: Any) -> Any:
    return endpoint.answer(url, wanted, *rest)


async def _find_in(place: Any, find: Callable[..., list[T]], *args: str) -> list[T]:
    """Return what `find` returns, with a sign in `place` until then; an error is shown there, and nothing returned."""
    from nicegui import ui

    place.clear()
    with place:
        ui.spinner()
    try:
        found = await to_thread(find, *args)
    except LecternError as error:
        place.clear()
        with place:
            widgets.text(str(error))
        return []
    place.clear()
    return found


def _show_state(turn: Turn, answer: Any, note: Any) -> None:
    """Show the text of an answer as it is now, and the note below it."""
    waits = {"waiting": "…", "writing": "writing …"}.get(turn.state)
    silent = {"done": SILENT, "stopped": "It was stopped before the first word."}.get(turn.state, "")
    for label, text in ((answer, turn.text or silent), (note, waits or turn.note)):
        if label.text != text:
            label.set_text(text)
        label.set_visibility(bool(text))
    answer.classes(**{"remove" if turn.text else "add": NO_ANSWER})


def describe_revision(root: Path) -> str:
    """Return the commit of the working tree, marked `-dirty` if files were changed."""
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12"]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout.strip() or "unknown"
