"""The chat: the pipeline's own answers, told while they are written."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from markdown_it import MarkdownIt

from lectern.answering.openings import Opening
from lectern.apps.chat import near, session, transcripts
from lectern.apps.chat.library import Library
from lectern.apps.chat.session import Chat, Turn
from lectern.apps.chat.talker import Reply, Talker
from lectern.core import io, params
from lectern.core.errors import LecternError
from lectern.core.schema import Episode, Example, Message, Prediction
from lectern.models.generation import AnswerOptions
from lectern.retrieval import units
from lectern.settings.base_model import BaseModelSettings
from lectern.settings.decoding import Decoding
from lectern.settings.episodes import Episodes
from lectern.settings.generate import Generate
from stages import generate
from tests.settings import configure, write_answers
from tests.support import browsers, review_repo, tuned_repo
from tests.support.generating import WITHOUT
from tests.support.review_repo import HOSTILE
from tests.support.searched import unit

GREEDY = write_answers(12)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("repo")
    tuned_repo.make(made)
    return made


@pytest.fixture(scope="module")
def talker(root: Path) -> Talker:
    found = Talker(root)
    found.load()
    return found


def ask(talker: Talker, name: str, *said: str, options: AnswerOptions = GREEDY) -> tuple[Any, list[str]]:
    roles = ("user", "assistant")
    messages = [Message(role=roles[n % 2], content=text) for n, text in enumerate(said)]  # type: ignore[arg-type]
    told: list[str] = []
    return talker.answer(name, messages, options, told.append, Event()), told


def test_a_greedy_answer_is_the_one_that_the_pipeline_scores(
    root: Path, talker: Talker, tmp_path: Path
) -> None:
    held_out = io.read_jsonl(root / "data/splits/test.jsonl", Example)
    chosen = configure(
        Generate, max_new_tokens=12, batch_size=2, parity_prompts=0, parity_tokens=1, background=0, evals=[]
    )
    io.write_text(tmp_path / "reworded/questions.jsonl", "")
    generate.main(
        chosen,
        configure(Decoding),
        params.load("base_model", BaseModelSettings, root / "params.yaml"),
        {},
        None,
        WITHOUT,
        trained=root / "data/splits/test.jsonl",
        held_out=root / "data/splits/test.jsonl",
        evals=root / "data/evals",
        reworded=tmp_path / "reworded/questions.jsonl",
        adapter=root / "models/adapter",
        out=tmp_path / "out",
        background=tmp_path / "background",
        replies=tmp_path / "replies",
        metrics=tmp_path / "generation.json",
        parity=tmp_path / "parity.json",
    )
    answers = {}
    for name in ("base", "tuned"):
        [scored] = io.read_jsonl(tmp_path / f"out/{name}.jsonl", Prediction)
        reply, told = ask(talker, name, held_out[0].messages[0].content)
        assert reply.text == scored.prediction
        assert reply.finished == scored.finished
        assert told[-1] == reply.text
        assert len(told) > 3, "it is told token by token"
        answers[name] = reply.text
    assert answers["base"] != answers["tuned"], "the adapter is switched on and off"


def test_drawn_answers_repeat_with_their_seed(talker: Talker) -> None:
    drawn = write_answers(12, temperature=1.5, top_p=0.9, seed=1)
    first, _ = ask(talker, "tuned", "Why?", options=drawn)
    assert ask(talker, "tuned", "Why?", options=drawn)[0] == first
    assert ask(talker, "tuned", "Why?", options=replace(drawn, seed=2))[0] != first


def test_it_stops_at_the_next_token(talker: Talker) -> None:
    stop, told = Event(), []

    def tell(text: str) -> None:
        told.append(text)
        if len(told) == 3:
            stop.set()

    reply = talker.answer("base", [Message(role="user", content="Go on.")], write_answers(200), tell, stop)
    assert len(told) <= 4
    assert not reply.finished
    told.clear()
    talker.answer("base", [Message(role="user", content="And?")], GREEDY, told.append, Event())
    assert len(told) > 4, "the next answer is not stopped"


def test_the_oldest_turns_are_left_out_when_the_context_is_full(talker: Talker) -> None:
    long = "word " * (talker.base.context_length // 3)
    reply, _ = ask(talker, "base", long, "yes", long, "no", long, "so", "And now?")
    assert reply.shortened
    with pytest.raises(LecternError, match="longer than the context"):
        ask(talker, "base", long * 4)
    with pytest.raises(LecternError, match="shorten it"):
        ask(talker, "base", "x" * 200_000)


def test_the_adapter_is_told_by_the_hash_of_its_weights(root: Path, talker: Talker) -> None:
    assert talker.adapter == io.sha256(root / "models/adapter/adapter_model.safetensors")[:16]
    assert (talker.names, talker.loaded) == (["base", "tuned"], True)


def test_without_an_adapter_the_base_model_answers_alone(root: Path, tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_bytes((root / "params.yaml").read_bytes())
    alone = Talker(tmp_path)
    assert alone.names == ["base"]
    assert ask(alone, "base", "Hello?")[1]


def test_an_adapter_of_another_model_is_named(root: Path, tmp_path: Path) -> None:
    tuned_repo.make(tmp_path / "repo")
    text = (tmp_path / "repo/params.yaml").read_text()
    (tmp_path / "repo/params.yaml").write_text(text.replace("name: tiny_llama", "name: another"))
    with pytest.raises(LecternError, match="was made for tiny_llama"):
        Talker(tmp_path / "repo").load()


def test_an_episode_is_the_stage_s_and_told_turn_by_turn(root: Path, talker: Talker) -> None:
    chosen = params.load("episodes", Episodes, root / "params.yaml")
    settings = replace(chosen.for_episode(configure(Decoding)), turns=4)
    opening, told = Opening(opening="Welcome. What is a seed?"), dict[int, str]()
    made = talker.write_episode("tuned", opening, settings, told.__setitem__, Event())
    assert made is not None
    assert made == talker.write_episode("tuned", opening, settings, lambda number, text: None, Event())
    assert made.turns[0].text == opening.opening
    assert sorted(told) == list(range(1, len(made.turns)))
    stop = Event()
    assert talker.write_episode("tuned", opening, settings, lambda number, text: stop.set(), stop) is None


def test_near_rows_are_those_that_say_the_same(root: Path, tmp_path: Path) -> None:
    rows = [
        review_repo.row("a", "How do I bake bread?", "Mix flour, water, salt and yeast, and bake it hot."),
        review_repo.row("b", "Why did the engine stop?", "It had no oil."),
        review_repo.row("c", "What is a random seed?", "A number that fixes what chance does in a program."),
    ]
    io.write_jsonl(tmp_path / "data/splits/train.jsonl", rows)
    index = near.Index(tmp_path)
    [first, second] = index.find(
        "Why set a seed?", "So that random numbers are the same in each run.", most=2
    )
    assert first.row.id == rows[2].id
    assert first.similarity > second.similarity
    io.write_jsonl(tmp_path / "data/splits/train.jsonl", rows[:2])  # a rebuild
    assert rows[2].id not in [found.row.id for found in index.find("Why set a seed?", "x")]
    with pytest.raises(LecternError, match=r"train\.jsonl does not exist"):
        near.Index(tmp_path / "nothing").find("a", "b")


def test_a_failure_is_told_in_the_turn_and_ends_nothing(talker: Talker) -> None:
    chat = Chat("tuned", [Turn("x" * 200_000)])
    session.fill(chat, chat.turns[-1], "", GREEDY, talker.answer, Event())
    assert chat.turns[0].state == "failed"
    chat.turns = [Turn("Hello?")]
    session.fill(chat, chat.turns[-1], "You are short.", GREEDY, talker.answer, Event())
    assert chat.turns[0].state == "done"
    chat.turns += [Turn("Was this answered?"), Turn("And?")]
    given = chat.messages("You are short.", chat.turns[2])
    assert [message.role for message in given] == ["system", "user", "assistant", "user"]


def index(root: Path, *said: str) -> None:
    """What `retrieve` leaves in data/index."""
    made = units.embed([unit("talk", at, text) for at, text in enumerate(said)])
    io.write_jsonl(root / "data/index/talk.jsonl", made)
    review_repo.write_manifest(root / "data/index", ["talk"], ".jsonl")


def test_what_is_looked_up_stands_before_the_question_and_not_in_the_history(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(Path("params.yaml").read_text())
    found = Library(tmp_path)
    assert not found.is_there
    index(tmp_path, "Salt eats the steel of bridges.", "Goats are milked at five.")
    assert found.is_there
    given: list[list[Message]] = []

    def answer(name: str, messages: Sequence[Message], *rest: Any) -> Reply:
        given.append(list(messages))
        return Reply("So.", True, False)

    chat = Chat("tuned", [Turn("What eats the steel of a bridge?")])
    session.fill(chat, chat.turns[-1], "You are short.", GREEDY, answer, Event(), found.look_up)
    assert chat.turns[0].passages[0].text == "Salt eats the steel of bridges."
    assert chat.turns[0].passages[0].provenance.start == 0.0
    assert given[0][0].content == "You are short."
    assert "Salt eats" in given[0][-1].content
    chat.turns.append(Turn("And when are the goats of the village milked?"))
    session.fill(chat, chat.turns[-1], "You are short.", GREEDY, answer, Event())
    assert not any("Salt eats" in message.content for message in given[1])
    assert chat.turns[1].passages == []
    index(tmp_path, "A wheel of cheese ripens for ten months.")
    chat.turns.append(Turn("?!"))
    session.fill(chat, chat.turns[-1], "", GREEDY, answer, Event(), found.look_up)
    assert "Salt" not in str(chat.turns[2].passages), "it is read again when it changes"


def test_the_sentences_of_an_answer_have_their_sources(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(Path("params.yaml").read_text())
    found = Library(tmp_path)
    said = "Salt eats the steel of bridges. Goats are milked at six. Is it?"
    assert [one.source for one in found.support(said)] == [None, None, None], "there is nothing to look up"
    index(tmp_path, "Salt eats the steel of bridges.", "Goats are milked at five.")
    salt, goats, question = found.support(said)
    assert salt.source is not None
    assert salt.source.provenance.item == "talk"
    assert (goats.counts, goats.source, question.counts) == (True, None, False)
    index(tmp_path, "Goats are milked at six.")
    assert [one.source is not None for one in found.support(said)] == [False, True, False], "it is read again"


@pytest.mark.parametrize(
    "text", ["```\n# x", "````` a ``", "~~~\n<script>", "[a](javascript:x)", HOSTILE, "`"]
)
def test_a_kept_conversation_holds_text_as_text(text: str) -> None:
    chats = {"base": [Message(role="user", content=text), Message(role="assistant", content=text)]}
    facts = {"base_model": text.split("\n")[0]}
    shown = MarkdownIt("commonmark").parse(transcripts.to_markdown(chats, facts))
    assert [token.content.rstrip("\n") for token in shown if token.type == "fence"] == [text, text]
    inline = [child.type for token in shown for child in token.children or []]
    assert set(inline) <= {"text", "code_inline", "strong_open", "strong_close", "softbreak"}
    assert json.loads(transcripts.to_json(chats, facts))["chats"]["base"][0]["content"] == text
    episode = Episode(
        id="0", opening=text, turns=[{"role": "host", "text": text, "finished": True}], ended="turns"
    )  # type: ignore[list-item]
    fences = [
        t for t in MarkdownIt().parse(transcripts.episode_to_markdown(episode, facts)) if t.type == "fence"
    ]
    assert [token.content.rstrip("\n") for token in fences] == [text]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    from tests.support.web_app import running

    root = tmp_path_factory.mktemp("hostile")
    tuned_repo.make(root, "generate.max_new_tokens=24", hostile=True)
    index(root, f"Salt eats the steel of a bridge. {HOSTILE}")
    with running("lectern chat", root) as address:
        yield root, address


@pytest.mark.slow
@browsers.needs_chromium
def test_two_people_chat_in_the_browser_at_once(served: tuple[Path, str]) -> None:
    root, address = served
    before = review_repo.list_files(root)
    wrong: list[str] = []
    with browsers.start() as started:
        pages = [started.new_page() for _ in range(2)]
        for page in pages:
            page.on("console", lambda message: message.type == "error" and wrong.append(message.text))
            page.on("request", lambda r: r.url.startswith((address, "data:")) or wrong.append(r.url))
            browsers.open_page(page, address)
            page.get_by_role("button", name="Settings").click()
            page.get_by_label("Persona").fill(HOSTILE)
            page.get_by_label("Temperature").fill("1.5")  # the untrained model is silent without
            page.get_by_role("button", name="Settings").click()
            page.get_by_label("Ask something").fill(f"Is it so? {HOSTILE}")
            page.get_by_label("Ask something").press("Enter")
        for page in pages:
            page.get_by_role("button", name="Show similar").nth(1).wait_for(timeout=180_000)
            page.get_by_label("Ask something").fill("And then?")
            page.get_by_label("Ask something").press("Enter")
        for page in pages:
            page.get_by_role("button", name="Show similar").nth(3).wait_for(timeout=180_000)
            assert page.title() == "Chat - Lectern"
        pages[0].get_by_role("button", name="Show similar").nth(3).click()
        pages[0].get_by_text("lectern trace").nth(4).wait_for(timeout=180_000)
        assert pages[0].locator("a[href^=javascript]").count() == 0
        assert pages[0].get_by_role("link", name="open the source").count() > 0
        pages[0].get_by_text("Look it up").click()
        pages[0].get_by_label("Ask something").fill("What eats the steel?")
        pages[0].get_by_label("Ask something").press("Enter")
        pages[0].get_by_text("looked up").nth(1).wait_for(timeout=180_000)
        assert pages[0].get_by_text("0:00 to 0:10").count() == 2, (
            "the second of the passage, below both answers"
        )
        with pages[0].expect_download() as kept:
            pages[0].get_by_role("button", name="Save as JSON").click()
        assert kept.value.suggested_filename == "conversation.json"
        assert len(json.loads(Path(kept.value.path()).read_text())["chats"]["tuned"]) == 7
        # property: a word of any length widens no page, and the answer of a closed tab lets the others answer
        page = pages[1]
        page.set_viewport_size({"width": 390, "height": 800})
        page.get_by_label("Ask something").fill("x" * 5_000)
        page.get_by_label("Ask something").press("Enter")
        page.get_by_role("button", name="Show similar").nth(5).wait_for(timeout=180_000)
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        left = started.new_page()
        browsers.open_page(left, address)
        left.get_by_role("button", name="Settings").click()
        left.get_by_label("Temperature").fill("1.5")
        left.get_by_label("Token limit").fill("4000")
        left.get_by_label("Ask something").fill("Go on for long.")
        left.get_by_label("Ask something").press("Enter")
        left.get_by_text("writing …").first.wait_for()
        left.close()
        page.get_by_label("Ask something").fill("Is the model free?")
        page.get_by_label("Ask something").press("Enter")
        page.get_by_role("button", name="Show similar").nth(7).wait_for(timeout=30_000)
        page.get_by_role("button", name="Settings").click()
        page.get_by_label("Token limit").fill("4000")
        page.get_by_label("Ask something").fill("Go on for long.")
        page.get_by_label("Ask something").press("Enter")
        page.get_by_text("writing …").first.wait_for()
        page.get_by_role("button", name="Stop").click()
        page.get_by_text("stopped", exact=False).first.wait_for()
        browsers.open_page(page, f"{address}/episode")
        page.get_by_label("The host's first turn").fill(f"Welcome. {HOSTILE}")
        page.get_by_label("Turns", exact=True).fill("3")
        page.get_by_role("button", name="Write the episode").click()
        page.get_by_text("all turns are written").or_(page.get_by_text("said nothing")).wait_for(
            timeout=180_000
        )
        assert page.title() == "Episode - Lectern"
    assert wrong == []
    assert review_repo.list_files(root) == before
