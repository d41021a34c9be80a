"""The page of the chat: the same question to the base and the tuned model, or to one of them."""

import subprocess
from asyncio import to_thread
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any, TypeVar

from lectern.apps.chat import endpoint, session, transcripts
from lectern.apps.chat.library import Library
from lectern.apps.chat.near import Index, Near
from lectern.apps.chat.session import Chat, Turn
from lectern.apps.chat.talker import Talker
from lectern.apps.review import origin
from lectern.apps.web import widgets
from lectern.core import params
from lectern.core.errors import LecternError, WrongValuesError
from lectern.core.schema import BASE, TUNED, Found, Provenance, Sentence
from lectern.models.generation import AnswerOptions
from lectern.publishing.exporting import serving_name
from lectern.settings.decoding import LARGEST_PENALTY, Decoding
from lectern.settings.generate import Generate

PAGES = {"Chat": "/", "Episode": "/episode"}
MISSING = "There is no tuned model yet: `make run` trains one. Until then only the base model answers."
T = TypeVar("T")


def define(root: Path, url: str | None) -> None:
    """Define the pages.

    Args:
        root: root of the repository.
        url: address of a server that answers for the tuned model; None for the model in memory.
    """
    from nicegui import ui

    from lectern.apps.chat.episode_page import show_episode

    talker, index, library = Talker(root), Index(root), Library(root)

    @ui.page("/", title="Chat - Lectern")
    async def chat() -> None:
        with widgets.frame("Lectern: chat", PAGES, "Chat"):
            await _ChatPage(root, talker, index, library, url).show()

    @ui.page("/episode", title="Episode - Lectern")
    async def episode() -> None:
        with widgets.frame("Lectern: chat", PAGES, "Episode"):
            await show_episode(root, talker)


class _ChatPage:
    """The conversation of one browser tab."""

    def __init__(self, root: Path, talker: Talker, index: Index, library: Library, url: str | None) -> None:
        self.root, self.talker, self.index, self.library, self.url = root, talker, index, library, url
        self.chats = {name: Chat(name) for name in ([BASE, TUNED] if url else talker.names)}
        self.stop = Event()
        self.working = False
        self.labels: dict[tuple[str, int], Any] = {}
        self.show_chats: Any = None

    @property
    def _numbers(self) -> list[Any]:
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

        defaults = params.load("generate", Generate, self.root / "params.yaml")
        decoding = params.load("decoding", Decoding, self.root / "params.yaml")
        several = len(self.chats) > 1
        if not several:
            ui.label(MISSING)
        with ui.row().classes("items-end w-full gap-3"):
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
            self.sources = ui.switch("Look it up").props("dense")
            self.sources.set_visibility(self.library.is_there)
            self.temperature = ui.number("Temperature", value=decoding.temperature, min=0, max=5, step=0.1)
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
            self.most = ui.number("Token limit", value=defaults.max_new_tokens, min=1, max=4096, precision=0)
            self.seed = ui.number("Seed", value=defaults.seed, min=0, precision=0)
            for field in self._numbers:
                field.props("dense").classes("w-28")
            ui.button("Save as JSON", on_click=self._keep_json).props("flat no-caps dense")
            ui.button("Save as Markdown", on_click=self._keep_markdown).props("flat no-caps dense")
            ui.button("Start again", on_click=self._clear).props("flat no-caps dense")
        self.persona = ui.textarea("Persona (a system message)", value=self.talker.plain_persona)
        if self.talker.persona and not self.talker.plain_persona:
            ui.label(
                "In the training, the persona was filled in for each row. Write one for this chat."
            ).classes("text-sm")
        self.persona.props("dense autogrow rows=1").classes("w-full")
        self.show_chats = ui.refreshable(self._show_chats)
        self.show_chats()
        self.state = ui.label("").classes("text-sm opacity-80")
        with ui.row().classes("items-end w-full gap-2"):
            self.question = (
                ui.textarea("Ask something").props("autogrow rows=1 outlined autofocus").classes("grow")
            )
            self.question.on("keydown.enter.exact.prevent", self._ask)
            self.send = ui.button("Ask", on_click=self._ask).props("no-caps")
            self.halt = ui.button("Stop", on_click=self.stop.set).props("no-caps color=negative")
        with ui.row():
            ui.button("Answer again", on_click=self._again).props("flat no-caps dense")
            ui.button("Edit the last question", on_click=self._edit).props("flat no-caps dense")
        ui.timer(0.15, self._tick)
        await ui.context.client.connected()
        await self._load()

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

        self.labels = {}
        with ui.row().classes("w-full items-start gap-4"):
            for chat in self.asked:
                with ui.column().classes("basis-72 grow gap-2"):
                    ui.label(chat.name).classes("text-lg")
                    for number, turn in enumerate(chat.turns):
                        self._show_turn(chat, number, turn)

    def _show_turn(self, chat: Chat, number: int, turn: Turn) -> None:
        from nicegui import ui

        widgets.text(turn.question, classes="font-semibold")
        with ui.card().classes("w-full p-3 gap-1"):
            # An answer is no longer than the token limit, so a browser can show all of it.
            answer = ui.label(turn.text or " ").classes("whitespace-pre-wrap break-words max-w-full")
            note = ui.label(turn.note).classes("text-sm opacity-80")
            self.labels[chat.name, number] = (answer, note)
            for passage in turn.passages if turn.state in ("done", "stopped") else []:
                _show_passage(passage)
            if turn.state in ("done", "stopped") and turn.text:
                place = ui.column().classes("w-full")
                ui.button("Show similar training rows", on_click=lambda: self._show_near(turn, place)).props(
                    "flat dense no-caps"
                )
                if self.library.is_there:
                    ui.button(
                        "Show the source of each sentence", on_click=lambda: self._show_support(turn, place)
                    ).props("flat dense no-caps")

    async def _show_near(self, turn: Turn, place: Any) -> None:
        found = await _find_in(place, self.index.find, turn.question, turn.text)
        with place:
            for near in found:
                _show_row(near)

    async def _show_support(self, turn: Turn, place: Any) -> None:
        found = await _find_in(place, self.library.support, turn.text)
        with place:
            for sentence in found:
                _show_sentence(turn.text[slice(*sentence.span)], sentence)

    async def _tick(self) -> None:
        """Show the text that was written since the last call."""
        self.send.set_enabled(not self.working)
        self.halt.set_enabled(self.working)
        for (name, number), (answer, note) in self.labels.items():
            turns = self.chats[name].turns
            if number < len(turns):
                turn = turns[number]
                waits = {"waiting": "…", "writing": "writing …"}.get(turn.state)
                if answer.text != (turn.text or " "):
                    answer.set_text(turn.text or " ")
                if note.text != (waits or turn.note):
                    note.set_text(waits or turn.note)

    async def _ask(self) -> None:
        question = (self.question.value or "").strip()
        if not question or self.working:
            return
        self.question.set_value("")
        for chat in self.asked:
            chat.turns.append(Turn(question))
        await self._answer()

    async def _answer(self) -> None:
        from nicegui import ui

        try:
            options = self._options()
        except (TypeError, ValueError) as error:
            wrong = isinstance(error, WrongValuesError)
            ui.notify(str(error) if wrong else "Fill in all the numbers above.", type="negative")
            for chat in self.asked:
                chat.turns.pop()
            return
        self.working = True
        self.stop.clear()
        self.show_chats.refresh()
        asked, system = self.asked, self.persona.value or ""
        look_up = self.library.look_up if self.sources.value else None
        try:
            for chat in asked:
                answer: session.Answer = self.talker.answer
                if self.url and chat.name == TUNED:
                    answer = partial(_ask_server, self.url, serving_name(self.talker.base.name))
                await to_thread(session.fill, chat, system, options, answer, self.stop, look_up)
        finally:
            self.working = False
            self.show_chats.refresh()

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

    async def _again(self) -> None:
        """Ask the last question once more; sampled answers get the next seed."""
        if self.working or not any(chat.turns for chat in self.asked):
            return
        self.seed.set_value(int(self.seed.value or 0) + 1)
        for chat in self.asked:
            if chat.turns:
                chat.turns[-1] = Turn(chat.turns[-1].question)
        await self._answer()

    async def _edit(self) -> None:
        """Remove the last question and put it into the input field, to change it."""
        if self.working:
            return
        for chat in self.asked:
            if chat.turns:
                self.question.set_value(chat.turns.pop().question)
        self.show_chats.refresh()

    async def _clear(self) -> None:
        self.stop.set()
        for chat in self.chats.values():
            chat.turns = []
        self.show_chats.refresh()

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


def _show_sentence(text: str, sentence: Sentence) -> None:
    """Show a sentence of an answer, and the place that says something like it or that none was found."""
    from nicegui import ui

    source = sentence.source
    colour = "border-positive" if source else "border-warning" if sentence.counts else "border-transparent"
    with ui.column().classes(f"gap-0 w-full border-l-4 {colour} pl-3"):
        widgets.text(text, classes="text-sm")
        if source:
            with ui.row().classes("items-center gap-3"):
                _show_place(source.provenance)
            widgets.text(source.text, long=400, classes="text-sm opacity-80")
        elif sentence.counts:
            ui.label("no source").classes("text-sm opacity-80")


def _show_passage(passage: Found) -> None:
    from nicegui import ui

    with ui.column().classes("gap-0 w-full border-l-4 border-secondary pl-3"):
        with ui.row().classes("items-center gap-3"):
            ui.label("looked up").classes("font-semibold")
            _show_place(passage.provenance)
        widgets.text(passage.text, long=400, classes="text-sm")


def _show_place(where: Provenance) -> None:
    from nicegui import ui

    ui.label(where.item).classes("text-sm")
    ui.label(origin.describe(where)).classes("text-sm")
    widgets.link(where.url, "open the source")


def _show_row(near: Near) -> None:
    from nicegui import ui

    row, where = near.row, near.row.provenance
    with ui.column().classes("gap-0 w-full border-l-4 border-primary pl-3"):
        with ui.row().classes("items-center gap-3"):
            ui.label(f"similarity {near.similarity:.2f}").classes("font-semibold")
            _show_place(where)
        for message in row.messages[:4]:
            widgets.text(f"{message.role}: {message.content}", long=400, classes="text-sm")
        ui.label(f"lectern trace {row.id}").classes("text-xs font-mono opacity-80")


def describe_revision(root: Path) -> str:
    """Return the commit of the working tree, marked `-dirty` if files were changed."""
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12"]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout.strip() or "unknown"
