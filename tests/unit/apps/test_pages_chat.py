"""The pages of the chat in this process, with models that answer at once: what is asked, shown, stopped and kept."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lectern.answering.openings import Opening
from lectern.apps.chat import near
from lectern.apps.chat import page as chat_page
from lectern.apps.chat.library import Library
from lectern.apps.chat.near import Near
from lectern.apps.chat.talker import Reply
from lectern.core import io, params
from lectern.core.errors import LecternError
from lectern.core.schema import (
    Conversation,
    Episode,
    Example,
    Message,
    Provenance,
    Question,
    Sentence,
    Source,
    Support,
    Utterance,
    Word,
)
from lectern.settings.decoding import Decoding
from lectern.tools import params as compose
from tests.support import pages, review_repo
from tests.support.pages import Visitor

TIP = "In the training, the persona was filled in for each row. Write one for this chat."


class Talker:
    """Answers with what it was asked, or fails, or waits until it is stopped."""

    def __init__(self, names: tuple[str, ...] = ("base", "tuned"), persona: str | None = None) -> None:
        self.names, self.persona = list(names), persona
        self.loaded, self.adapter = False, "abc"
        self.base = SimpleNamespace(identity="tiny@1", name="tiny")
        self.asked: list[tuple[str, list[tuple[str, str]], Any]] = []
        self.episodes: list[Any] = []
        self.problem = ""

    @property
    def plain_persona(self) -> str:
        return "" if "{" in (self.persona or "") else self.persona or ""

    def load(self) -> None:
        if self.problem:
            raise LecternError(self.problem)
        self.loaded = True

    def answer(
        self, name: str, messages: Any, options: Any, on_text: Callable[[str], None], stop: Any
    ) -> Reply:
        self.asked.append((name, [(m.role, m.content) for m in messages], options))
        question = messages[-1].content
        if question == "fail":
            raise LecternError("it broke")
        if question == "wait":
            on_text(f"{name} begins")
            stopped = stop.wait(20)
            return Reply(f"{name} begins", not stopped, False)
        return Reply(
            f"{name}: {question}",
            question != "long",
            question == "old",
            "with a note" if question == "note" else "",
        )

    def write_episode(
        self, name: str, opening: Opening, settings: Any, tell: Any, stop: Any
    ) -> Episode | None:
        self.episodes.append((name, opening, settings))
        if opening.opening == "fail":
            raise LecternError("no room")
        tell(1, "I am a guest")
        if opening.opening == "wait":
            assert stop.wait(20)
            return None
        turns = [("host", opening.opening), ("guest", "I am a guest.")]
        ended = opening.opening if opening.opening in ("closing", "empty") else "turns"
        return Episode.model_validate({
            "id": "0", "opening": opening.opening, "ended": ended,
            "turns": [{"role": role, "text": text, "finished": True} for role, text in turns],
        })  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "params.yaml").write_text(review_repo.default_params())
    return tmp_path


def visit(
    monkeypatch: pytest.MonkeyPatch, root: Path, talker: Talker, act: Any, url: str | None = None
) -> None:
    monkeypatch.setattr(chat_page, "Talker", lambda _: talker)
    pages.visit(lambda: chat_page.define(root, url), act)


async def opened(page: Visitor, path: str = "/") -> None:
    await page.open(path)
    await page.see("Save as Markdown")


async def ask(page: Visitor, question: str, button: str = "Ask") -> None:
    from nicegui import ui

    await page.fill(page.find(ui.textarea, "Ask something"), question)
    await page.press(button)


ABOVE = ["Settings", "as in params.yaml", "As in params.yaml"]
BASE = ["base", "tiny@1, before the tuning"]
IDLE = ["Answer again", "Edit the last question", "Start again", "Save as JSON", "Save as Markdown"]
BELOW = ["Ask", "Stop", *IDLE]


def active(page: Visitor) -> list[str]:
    """The buttons below the conversation that look as if they had something to do."""
    from nicegui import ui

    return [name for name in BELOW if page.find(ui.button, name).enabled]


def test_both_models_are_asked_side_by_side_and_the_talk_goes_on(
    monkeypatch: pytest.MonkeyPatch, root: Path
) -> None:
    talker = Talker(persona="You are Ann.")

    async def act(page: Visitor) -> None:
        from nicegui import ui

        await opened(page)
        await pages.until(lambda: talker.loaded and "Loading the models …" not in page.texts)
        assert page.texts == [*ABOVE, *BASE, "tuned", *BELOW]
        assert page.find(ui.select, "Who answers").options == {
            "both": "side by side", "base": "base only", "tuned": "tuned only"
        }  # fmt: skip
        assert page.find(ui.textarea, "Persona (a system message)").value == "You are Ann."
        await ask(page, "  Why?  ")
        near = "Show similar training rows"
        await page.see("base: Why?", "tuned: Why?")
        assert page.texts == [
            *ABOVE,
            *BASE,
            "Why?",
            "base: Why?",
            near,
            "tuned",
            "Why?",
            "tuned: Why?",
            near,
            *BELOW,
        ]
        assert page.find(ui.textarea, "Ask something").value == ""
        system = ("system", "You are Ann.")
        assert [(name, said) for name, said, _ in talker.asked] == [
            ("tuned", [system, ("user", "Why?")]), ("base", [system, ("user", "Why?")])
        ], "the model that people wait for answers first"  # fmt: skip
        # property: each model sees its own answers; one that is not asked does not take part
        await page.fill(page.find(ui.select, "Who answers"), "tuned")
        assert [text for text in page.texts if text in ("base", "tuned")] == ["tuned"]
        await page.fill(page.find(ui.textarea, "Persona (a system message)"), "")
        await ask(page, "And?")
        await page.see("tuned: And?")
        assert talker.asked[2:] == [
            ("tuned", [("user", "Why?"), ("assistant", "tuned: Why?"), ("user", "And?")], talker.asked[0][2])
        ]
        await page.press("Save as JSON")
        await page.press("Save as Markdown")
        kept = json.loads(page.downloads["conversation.json"])
        assert {name: [m["content"] for m in said] for name, said in kept["chats"].items()} == {
            "base": ["Why?", "base: Why?"], "tuned": ["Why?", "tuned: Why?", "And?", "tuned: And?"]
        }  # fmt: skip
        assert (kept["base_model"], kept["adapter"], kept["revision"]) == ("tiny@1", "abc", "unknown")
        assert "## tuned" in page.downloads["conversation.md"]
        await page.press("Start again")
        assert [text for text in page.texts if text.startswith("tuned:")] == []
        await page.press("Save as JSON")
        assert json.loads(page.downloads["conversation.json"])["chats"] == {}

    visit(monkeypatch, root, talker, act)


JOE = "Why do you write tests?"


@pytest.fixture
def trained(root: Path) -> Path:
    """A repository in which Joe answers in a recording that was trained, and a document and a talk were held out."""
    rows = [
        review_repo.row("talk", JOE, "So that a change breaks loudly.", start=3.0, end=9.0),
        review_repo.row("talk", "What is a seed?", "A number.", start=20.0, end=24.0),
        review_repo.row("paper", "Where do goats live?", "In the hills.", page=4),
    ]
    held = [review_repo.row(f"held-{n % 2}", f"Held out {n}?", "Yes.") for n in range(5)]
    io.write_jsonl(root / "data/splits/train.jsonl", rows)
    io.write_jsonl(root / "data/splits/test.jsonl", held)
    asked = [Question(question=f"Of people {n}?") for n in range(9)]
    io.write_jsonl(root / "data/evals/talks.jsonl", asked)
    for item, kind, title in (("talk", "media", "A talk of tests"), ("paper", "documents", "On goats")):
        media = "recording.mp3" if kind == "media" else None
        source = Source(item=item, kind=kind, title=title, media=media)  # type: ignore[arg-type]
        io.write_json(root / f"data/raw/{item}/item.json", source)
    (root / "data/raw/talk/recording.mp3").write_bytes(b"sound")
    said = [
        ("Ada", "host", 0.0),
        ("speaker_2", "main", 3.0),
        ("Ada", "host", 15.0),
        ("speaker_2", "main", 20.0),
    ]
    conversation = Conversation(
        item="talk", title="A talk of tests", url=None, description="", language="en", duration=30.0,
        utterances=[
            Utterance(speaker=who, role=role, words=[Word(text="word", start=at, end=at + 4)])  # type: ignore[arg-type]
            for who, role, at in said
        ],
    )  # fmt: skip
    io.write_json(root / "data/conversations/talk.json", conversation)
    io.write_text(root / "data/corrections/speakers/talk.yaml", "rename: {speaker_2: Joe}\n")
    return root


def test_the_chat_opens_with_who_answers_and_with_questions_to_click(
    monkeypatch: pytest.MonkeyPatch, trained: Path
) -> None:
    talker = Talker()

    async def act(page: Visitor) -> None:
        from nicegui import ui

        await opened(page)
        await page.see("Joe, from 1 document and 1 recording (3 rows)")
        begin = page.texts.index(chat_page.HELD)
        # property: the first of each source before the second of any; of people's, evenly over the set
        assert page.texts[begin : begin + 8] == [
            chat_page.HELD, "Held out 0?", "Held out 1?", "Held out 2?",
            chat_page.PEOPLE, "Of people 0?", "Of people 3?", "Of people 6?",
        ]  # fmt: skip
        assert not page.find(ui.card).visible, "the settings are folded"
        await page.press("Settings")
        assert page.find(ui.card).visible
        await page.press("Of people 3?")
        await page.see("base: Of people 3?", "tuned: Of people 3?")
        assert chat_page.HELD not in page.texts
        await page.press("Start again")
        assert chat_page.HELD in page.texts

    visit(monkeypatch, trained, talker, act)


def test_an_answer_shows_the_nearest_trained_passage_and_plays_its_second(
    monkeypatch: pytest.MonkeyPatch, trained: Path
) -> None:
    rows = io.read_jsonl(trained / "data/splits/train.jsonl", Example)
    nearest = {"Why?": rows[0], "Goats?": rows[2]}
    monkeypatch.setattr(near.Index, "find", lambda self, question, *_: [Near(nearest[question], 0.5)])

    async def act(page: Visitor) -> None:
        from nicegui import ui

        await opened(page)
        await ask(page, "Why?")
        await page.see("nearest trained passage")
        assert not any(text.startswith("Looking for") for text in page.texts), "it is found"
        begin = page.texts.index("nearest trained passage")
        assert page.texts[begin : begin + 8] == [
            "nearest trained passage", "similarity 0.50", "A talk of tests", "0:03 to 0:09", "Play 0:03",
            f"asked: {JOE}", "Joe: So that a change breaks loudly.", f"lectern trace {rows[0].id}",
        ]  # fmt: skip
        await page.press("Play 0:03")
        await pages.until(lambda: page.elements(ui.audio))
        [player] = page.elements(ui.audio)
        assert (player.props["src"], player.props["autoplay"]) == ("/audio/talk#t=3.0,9.0", True)
        await page.press("Play 0:03")
        assert len(page.elements(ui.audio)) == 1, "one at a time"
        await ask(page, "Goats?")
        await page.see("On goats", "page 4", "answered: In the hills.")
        assert len([button for button in page.elements(ui.button) if "Play" in button.text]) == 1

    visit(monkeypatch, trained, Talker(("base",)), act)


def test_the_conversation_is_begun_anew_while_an_answer_is_written(
    monkeypatch: pytest.MonkeyPatch, root: Path
) -> None:
    talker = Talker()

    async def act(page: Visitor) -> None:
        await opened(page)
        await ask(page, "wait")
        await pages.until(lambda: talker.asked)
        await page.press("Start again")
        await pages.until(lambda: active(page) == ["Ask"])
        assert [name for name, *_ in talker.asked] == ["tuned"], "nobody wants the other answer any more"
        assert "wait" not in page.texts
        await ask(page, "Why?")
        await page.see("base: Why?", "tuned: Why?")

    visit(monkeypatch, root, talker, act)


def test_the_answer_of_a_closed_tab_ends(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    talker = Talker()
    monkeypatch.setattr(chat_page.widgets, "BACK", 0.0)

    async def act(page: Visitor) -> None:
        await opened(page)
        await ask(page, "wait")
        await pages.until(lambda: talker.asked)
        client = page.user.client
        assert client is not None
        for socket in list(client._socket_to_document_id):
            client.handle_disconnect(socket)
        await page.see("stopped")
        assert [name for name, *_ in talker.asked] == ["tuned", "base"]

    visit(monkeypatch, root, talker, act)


def test_a_blank_answer_is_told_and_buttons_without_anything_to_do_are_idle(
    monkeypatch: pytest.MonkeyPatch, root: Path
) -> None:
    talker = Talker(("base",))
    monkeypatch.setattr(
        talker,
        "answer",
        lambda *_: Reply("", True, False) if not talker.problem else Reply("So.", True, False),
    )

    async def act(page: Visitor) -> None:
        from nicegui import ui

        await opened(page)
        assert active(page) == ["Ask"]
        await ask(page, "Why?")
        await page.see(chat_page.SILENT)
        assert "italic" in page.find(ui.label, chat_page.SILENT).classes
        assert active(page) == ["Ask", *IDLE]
        assert "Show similar training rows" not in page.texts
        await page.press("Edit the last question")
        assert active(page) == ["Ask"]

    visit(monkeypatch, root, talker, act)


def test_a_wrong_number_takes_no_question_away(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    async def act(page: Visitor) -> None:
        from nicegui import ui

        await opened(page)
        await ask(page, "Why?")
        await page.see("base: Why?")
        await page.fill(page.find(ui.number, "Top p"), None)
        assert "changed in this tab" in page.texts
        await page.press("Answer again")
        assert "base: Why?" in page.texts
        assert page.find(ui.card).visible, "the settings are unfolded, so that the number is seen"
        await page.press("As in params.yaml")
        assert (page.find(ui.number, "Top p").value, "as in params.yaml" in page.texts) == (1.0, True)

    visit(monkeypatch, root, Talker(("base",)), act)


def test_an_answer_has_room_to_be_read_where_the_pipeline_asks_for_a_few_tokens(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    compose.main(["recipe=smoke"], review_repo.ROOT / "conf", tmp_path / "params.yaml")

    async def act(page: Visitor) -> None:
        from nicegui import ui

        await opened(page)
        assert page.find(ui.number, "Token limit").value == chat_page.ROOM
        assert (
            page.find(ui.number, "Repetition penalty").value
            == params.load("decoding", Decoding, tmp_path / "params.yaml").repetition_penalty
        )

    visit(monkeypatch, tmp_path, Talker(), act)


@pytest.mark.parametrize(
    ("share", "there", "on"), [(0.0, True, False), (0.5, True, True), (0.5, False, False)]
)
def test_passages_are_looked_up_at_first_where_the_model_was_trained_with_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, share: float, there: bool, on: bool
) -> None:
    chosen = ["recipe=smoke", f"retrieval.train_share={share}"]
    compose.main(chosen, review_repo.ROOT / "conf", tmp_path / "params.yaml")
    monkeypatch.setattr(Library, "is_there", there)

    async def act(page: Visitor) -> None:
        from nicegui import ui

        await opened(page)
        assert page.find(ui.switch, "Look it up").value is on

    visit(monkeypatch, tmp_path, Talker(), act)


def test_the_numbers_on_the_page_are_those_of_the_answer(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    talker = Talker()
    fields = {
        "Temperature": (0.7, "temperature"), "Top p": (0.9, "top_p"), "Top k": (5, "top_k"), "Min p": (0.1, "min_p"),
        "Repetition penalty": (1.2, "repetition_penalty"), "No repeated n-gram": (3, "no_repeat_ngram_size"),
    }  # fmt: skip

    async def act(page: Visitor) -> None:
        from nicegui import ui

        await opened(page)
        for label, (value, _) in fields.items():
            await page.fill(page.find(ui.number, label), value)
        await page.fill(page.find(ui.number, "Token limit"), 33)
        await page.fill(page.find(ui.number, "Seed"), 8)
        await ask(page, "Why?")
        await page.see("tuned: Why?")
        options = talker.asked[0][2]
        assert (options.max_new_tokens, options.seed) == (33, 8)
        assert {name: getattr(options.decoding, name) for _, name in fields.values()} == {
            name: value for value, name in fields.values()
        }
        # answering again takes the next seed, and replaces the answer
        await page.press("Answer again")
        await pages.until(lambda: len(talker.asked) == 4)
        assert page.find(ui.number, "Seed").value == 9
        assert (talker.asked[3][2].seed, talker.asked[3][1]) == (9, [("user", "Why?")])
        await page.see("tuned: Why?")
        await page.press("Save as JSON")
        assert json.loads(page.downloads["conversation.json"])["settings"]["decoding"]["top_k"] == 5
        # an empty or a wrong number is told, and nothing is asked
        for label, value, told in (
            ("Top p", None, "Fill in all the numbers of"), ("Top p", 3, "top_p"), ("Seed", None, "Fill in"),
        ):  # fmt: skip
            field = page.find(ui.number, label)
            before = field.value
            await page.fill(field, value)
            await ask(page, "Again?")
            await pages.until(lambda: page.told)
            assert told in page.told.pop()
            assert len(talker.asked) == 4
            assert "Again?" not in page.texts
            await page.fill(field, before)

    visit(monkeypatch, root, talker, act)


def test_the_last_question_is_edited_and_an_empty_one_is_not_asked(
    monkeypatch: pytest.MonkeyPatch, root: Path
) -> None:
    talker = Talker(("base",))

    async def act(page: Visitor) -> None:
        from nicegui import ui

        await opened(page)
        missing = (
            "There is no tuned model yet: `make run` trains one. Until then only the base model answers."
        )
        assert page.texts == [missing, *ABOVE, *BASE, *BELOW]
        assert page.find(ui.select, "Who answers").options == {"base": "base"}
        await page.press("Answer again")
        await page.press("Edit the last question")
        await ask(page, " ")
        assert talker.asked == []
        await ask(page, "One?")
        await page.see("base: One?")
        question = page.find(ui.textarea, "Ask something")
        await page.fill(question, "Two?")
        await page.trigger(question, "keydown.enter.exact.prevent")
        await page.see("base: Two?")
        await page.press("Edit the last question")
        assert question.value == "Two?"
        assert "base: Two?" not in page.texts
        await ask(page, "Three?")
        await page.see("base: Three?")
        assert [content for _, content in talker.asked[-1][1]] == ["One?", "base: One?", "Three?"]

    visit(monkeypatch, root, talker, act)


def test_notes_and_failures_stand_below_their_answer(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    async def act(page: Visitor) -> None:
        await opened(page)
        for question, note in (
            ("long", "the token limit was reached"), ("note", "with a note"), ("fail", "it broke"),
            ("old", "the oldest turns were left out, because the context is full"),
        ):  # fmt: skip
            await ask(page, question)
            await page.see(note)
        shown = page.texts
        assert shown[shown.index("fail") : shown.index("fail") + 2] == ["fail", "it broke"]
        assert shown.count("Show similar training rows") == 3, "a failed answer has none"

    visit(monkeypatch, root, Talker(("base",), "You are {name}."), act)


def test_an_answer_is_stopped_and_meanwhile_nothing_else_is_asked(
    monkeypatch: pytest.MonkeyPatch, root: Path
) -> None:
    talker = Talker(("base",), "You are {name}.")

    async def act(page: Visitor) -> None:
        from nicegui import ui

        await opened(page)
        await page.see(TIP)
        assert page.find(ui.textarea, "Persona (a system message)").value == ""
        await page.tick()
        assert (page.find(ui.button, "Ask").enabled, page.find(ui.button, "Stop").enabled) == (True, False)
        await ask(page, "wait")
        await pages.until(lambda: talker.asked)
        await page.tick()
        await page.see("base begins", "writing …")
        assert "italic" not in page.find(ui.label, "base begins").classes, (
            "it is the answer, not a note in its place"
        )
        assert (page.find(ui.button, "Ask").enabled, page.find(ui.button, "Stop").enabled) == (False, True)
        question = page.find(ui.textarea, "Ask something")
        await page.fill(question, "More?")
        await page.trigger(question, "keydown.enter.exact.prevent")
        for button in ("Answer again", "Edit the last question"):
            await page.press(button)
        assert (len(talker.asked), question.value) == (1, "More?")
        await page.press("Stop")
        await page.see("stopped")
        await page.tick()
        assert (page.find(ui.button, "Ask").enabled, page.find(ui.button, "Stop").enabled) == (True, False)
        await page.press("Ask")
        await page.see("base: More?")
        assert talker.asked[-1][1][-3:] == [("user", "wait"), ("assistant", "base begins"), ("user", "More?")]

    visit(monkeypatch, root, talker, act)


def test_the_tuned_model_may_answer_at_a_server(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    talker, asked = Talker(("base",)), []

    def answer(url: str, wanted: str, messages: Any, *rest: Any) -> Reply:
        asked.append((url, wanted, [m.content for m in messages]))
        return Reply("from the server", True, False)

    monkeypatch.setattr(chat_page.endpoint, "answer", answer)

    async def act(page: Visitor) -> None:
        await opened(page)
        await ask(page, "Why?")
        await page.see("from the server", "base: Why?")
        assert [name for name, *_ in talker.asked] == ["base"]
        assert asked == [("http://x/v1", chat_page.serving_name("tiny"), ["Why?"])]

    visit(monkeypatch, root, talker, act, "http://x/v1")


def test_a_model_that_cannot_be_loaded_is_told(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    talker = Talker()
    talker.problem = "there is no such model"

    async def act(page: Visitor) -> None:
        await opened(page)
        await page.see("there is no such model")
        talker.problem = ""
        await opened(page)
        await pages.until(lambda: talker.loaded)
        await pages.until(lambda: "Loading the models …" not in page.texts)

    visit(monkeypatch, root, talker, act)


def test_similar_training_rows_are_shown_with_their_source(
    monkeypatch: pytest.MonkeyPatch, root: Path
) -> None:
    row = review_repo.row("talk", "What?", "That.", start=61.0, end=65.0, url="https://example.org/t", page=2)
    long = row.model_copy(
        update={"messages": [*row.messages, *[Message(role="user", content=f"m{n}") for n in range(4)]]}
    )
    asked = []

    def find(self: Any, question: str, answer: str, most: int) -> list[Near]:
        asked.append((question, answer))
        if question == "none":
            raise LecternError("train.jsonl has no rows")
        return [Near(long, 0.8765)]

    monkeypatch.setattr(near.Index, "find", find)

    async def act(page: Visitor) -> None:
        from nicegui import ui

        await opened(page)
        await ask(page, "Why?")
        await page.see("base: Why?")
        await page.press("Show similar training rows")
        await page.see("similarity 0.88")
        shown = page.texts
        begin = shown.index("similarity 0.88")
        assert shown[begin : begin + 9] == [
            "similarity 0.88", "talk", "page 2, 1:01 to 1:05", "open the source", "asked: What?", "answered: That.",
            "asked: m0", "asked: m1", f"lectern trace {row.id}",
        ]  # fmt: skip
        assert [link.props["href"] for link in page.elements(ui.link) if link.text == "open the source"] == [
            "https://example.org/t"
        ]
        assert asked == [("Why?", "base: Why?")]
        await ask(page, "none")
        await page.see("base: none")
        await page.press("Show similar training rows", 1)
        await page.see("train.jsonl has no rows")

    visit(monkeypatch, root, Talker(("base",)), act)


def test_each_sentence_of_an_answer_shows_its_source(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    where = Provenance(item="talk", start=61.0, end=65.0, url="javascript:alert(1)", method="turn")
    source = Support(text="<b>they say so</b>", provenance=where, score=0.9)

    def support(self: Library, text: str) -> list[Sentence]:
        return [
            Sentence(span=(0, 5), counts=True, source=source),
            Sentence(span=(6, len(text)), counts=True),
        ]

    monkeypatch.setattr(Library, "support", support)
    monkeypatch.setattr(Library, "look_up", lambda self, messages: (list(messages), []))
    monkeypatch.setattr(Library, "is_there", True)

    async def act(page: Visitor) -> None:
        from nicegui import ui

        await opened(page)
        await ask(page, "Why?")
        await page.see("base: Why?")
        await page.press("Show the source of each sentence")
        await page.see("no source")
        begin = page.texts.index("base:")
        assert page.texts[begin : begin + 7] == [
            "base:", "talk", "1:01 to 1:05", "open the source", "<b>they say so</b>", "Why?", "no source",
        ]  # fmt: skip
        assert not [link for link in page.elements(ui.link) if link.text == "open the source"], (
            "not of the web"
        )

    visit(monkeypatch, root, Talker(("base",)), act)


def test_an_episode_is_written_with_the_numbers_on_the_page(
    monkeypatch: pytest.MonkeyPatch, root: Path
) -> None:
    talker = Talker()

    async def act(page: Visitor) -> None:
        from nicegui import ui

        await opened(page, "/episode")
        assert page.texts == ["Write the episode", "Stop", "Save as JSON", "Save as Markdown"]
        assert (page.find(ui.select, "Who writes").options, page.find(ui.select, "Who writes").value) == (
            ["base", "tuned"],
            "tuned",
        )
        await page.press("Save as JSON")
        await page.press("Write the episode")
        assert (page.downloads, talker.episodes) == ({}, [])
        for label, value in (("Turns", 7), ("Tokens per turn", 21), ("Temperature", 0.5), ("Seed", 3)):
            await page.fill(page.find(ui.number, label), value)
        await page.fill(page.find(ui.input, "Guest's name (optional)"), " Ben ")
        await page.fill(page.find(ui.textarea, "The host's first turn"), " Welcome. ")
        await page.press("Write the episode")
        await pages.until(lambda: talker.episodes)
        await page.tick()
        await page.see("all turns are written")
        assert page.texts[4:] == ["all turns are written", "host", "Welcome.", "guest", "I am a guest."]
        name, opening, settings = talker.episodes[0]
        assert (name, opening) == ("tuned", Opening(opening="Welcome.", guest="Ben", biography=None))
        assert (settings.turns, settings.max_turn_tokens, settings.decoding.temperature, settings.seed) == (
            7,
            21,
            0.5,
            3,
        )
        await page.press("Save as JSON")
        await page.press("Save as Markdown")
        assert [turn["text"] for turn in json.loads(page.downloads["episode.json"])["turns"]] == [
            "Welcome.",
            "I am a guest.",
        ]
        assert page.downloads["episode.json"].endswith("}\n")
        assert "- written by: `tuned`" in page.downloads["episode.md"]
        assert "- base_model: `tiny@1`" in page.downloads["episode.md"]
        for first, note in (
            ("closing", "ended with a closing"), ("empty", "ended because the model said nothing"), ("fail", "no room"),
        ):  # fmt: skip
            await page.fill(page.find(ui.textarea, "The host's first turn"), first)
            await page.press("Write the episode")
            await pages.until(lambda first=first: talker.episodes[-1][1].opening == first)
            await pages.until(lambda: page.find(ui.button, "Write the episode"))
            await page.tick()
            await page.see(note)
        await page.fill(page.find(ui.number, "Turns"), None)
        await page.press("Write the episode")
        await page.tick()
        assert len(talker.episodes) == 4

    visit(monkeypatch, root, talker, act)


def test_an_episode_is_shown_while_it_is_written_and_stopped(
    monkeypatch: pytest.MonkeyPatch, root: Path
) -> None:
    talker = Talker(("base",))

    async def act(page: Visitor) -> None:
        from nicegui import ui

        await opened(page, "/episode")
        await page.fill(page.find(ui.textarea, "The host's first turn"), "wait")
        await page.fill(page.find(ui.input, "About the guest (optional)"), "A baker")
        await page.press("Write the episode")
        await pages.until(lambda: talker.episodes)
        await page.tick()
        assert page.texts[4:] == ["Loading the models …", "host", "wait", "guest", "I am a guest"]
        assert (page.find(ui.button, "Write the episode").enabled, page.find(ui.button, "Stop").enabled) == (
            False,
            True,
        )
        await page.press("Write the episode")
        assert len(talker.episodes) == 1
        await page.press("Stop")
        await pages.until(lambda: page.texts[4] != "Loading the models …" or None)
        await page.tick()
        assert page.texts[4] == "stopped"
        assert (page.find(ui.button, "Write the episode").enabled, page.find(ui.button, "Stop").enabled) == (
            True,
            False,
        )
        talker.loaded = True
        await page.press("Write the episode")
        await pages.until(lambda: len(talker.episodes) == 2)
        await page.tick()
        assert page.texts[4] == "writing …"
        await page.press("Stop")
        assert talker.episodes[1][1] == Opening(opening="wait", guest=None, biography="A baker")

    visit(monkeypatch, root, talker, act)


def test_the_revision_is_gits_and_says_when_files_were_changed(tmp_path: Path) -> None:
    assert chat_page.describe_revision(tmp_path) == "unknown"
    git = ["git", "-C", str(tmp_path), "-c", "user.name=x", "-c", "user.email=x@y"]
    (tmp_path / "a").write_text("1")
    for command in (["init", "-q"], ["add", "a"], ["commit", "-qm", "x"]):
        subprocess.run([*git, *command], check=True)
    first = chat_page.describe_revision(tmp_path)
    assert len(first) == 12
    (tmp_path / "a").write_text("2")
    assert chat_page.describe_revision(tmp_path) == f"{first}-dirty"
