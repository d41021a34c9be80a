"""The chat's parts alone: an answer of a server, what is said below an answer, and where a conversation stands."""

import sys
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest

from lectern.apps.chat import endpoint, near, session
from lectern.apps.chat.session import Chat, Turn
from lectern.apps.chat.talker import Reply, Talker
from lectern.core import io
from lectern.core.errors import LecternError
from lectern.core.schema import Example, Message
from tests.settings import write_answers
from tests.support import review_repo

OPTIONS = write_answers(
    7, temperature=0.5, top_p=0.9, top_k=4, min_p=0.1, repetition_penalty=1.3, no_repeat_ngram_size=2, seed=6
)


class OpenAI:
    """Stands for the package: answers in pieces, and keeps what it was asked."""

    class OpenAIError(Exception):
        pass

    def __init__(
        self, *pieces: tuple[str | None, str | None], models: tuple[str, ...] = ("other", "talks")
    ) -> None:
        self.pieces, self.known = pieces, models
        self.asked: list[Any] = []
        self.closed = False

    def OpenAI(self, **options: Any) -> Any:  # noqa: N802
        self.asked.append(options)
        return SimpleNamespace(
            models=SimpleNamespace(list=lambda: [SimpleNamespace(id=name) for name in self.known]),
            chat=SimpleNamespace(completions=SimpleNamespace(create=self.create)),
        )

    def create(self, **options: Any) -> Any:
        self.asked.append(options)
        if not self.pieces:
            raise self.OpenAIError("key sk-hush refused")
        parts = [
            SimpleNamespace(choices=[SimpleNamespace(delta=SimpleNamespace(content=text), finish_reason=why)])
            for text, why in self.pieces
        ]
        parts.insert(1, SimpleNamespace(choices=[]))

        class Stream(list[Any]):
            def close(this) -> None:  # noqa: N805
                self.closed = True

        return Stream(parts)


def ask(
    patch: pytest.MonkeyPatch, server: OpenAI, options: Any = OPTIONS, stop: Event | None = None
) -> tuple[Reply, list[str]]:
    patch.setitem(sys.modules, "openai", server)  # type: ignore[arg-type]
    told: list[str] = []
    messages = [Message(role="system", content="Short."), Message(role="user", content="Why?")]
    return endpoint.answer("http://h/v1", "talks", messages, options, told.append, stop or Event()), told


def test_a_server_is_asked_with_everything_that_decides_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(endpoint.KEY, raising=False)
    server = OpenAI((" So", None), (" it", None), (None, "stop"))
    reply, told = ask(monkeypatch, server)
    assert reply == Reply("So it", True, False, endpoint.WITHOUT_NGRAMS)
    assert told == ["So", "So it", "So it"]
    assert server.asked == [
        {"base_url": "http://h/v1", "api_key": "none", "max_retries": 1, "timeout": 120},
        {
            "model": "talks",
            "messages": [{"role": "system", "content": "Short."}, {"role": "user", "content": "Why?"}],
            "max_tokens": 7, "temperature": 0.5, "top_p": 0.9, "seed": 6, "stream": True,
            "extra_body": {"top_k": 4, "min_p": 0.1, "repeat_penalty": 1.3, "repetition_penalty": 1.3},
        },
    ]  # fmt: skip


def test_nobody_sees_what_a_server_s_model_thinks(monkeypatch: pytest.MonkeyPatch) -> None:
    server = OpenAI(("<think>", None), ("\nHm.\n</th", None), ("ink>\n\nSo", None), (" it is.", "stop"))
    reply, told = ask(monkeypatch, server)
    assert (reply.text, told) == ("So it is.", ["", "", "So", "So it is."])


def test_another_model_answers_where_ours_is_not_served_and_an_end_by_length_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(endpoint.KEY, "sk-hush")
    server = OpenAI(("a", None), ("b", "length"), models=("first", "second"))
    reply, _ = ask(monkeypatch, server, write_answers(7))
    assert reply == Reply("ab", False, False, "")
    assert (server.asked[0]["api_key"], server.asked[1]["model"]) == ("sk-hush", "first")


def test_a_stopped_answer_ends_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    stop = Event()
    stop.set()
    server = OpenAI(("a", None), ("b", "stop"))
    reply, told = ask(monkeypatch, server, stop=stop)
    assert (reply.text, reply.finished, told, server.closed) == ("", False, [], True)


def test_a_server_that_cannot_answer_is_told_without_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(endpoint.KEY, "sk-hush")
    with pytest.raises(LecternError) as caught:
        ask(monkeypatch, OpenAI())
    assert (
        str(caught.value) == "http://h/v1 does not answer: key *** refused. Check that the server is running."
    )
    with pytest.raises(LecternError, match=r"^http://h/v1 does not answer: list index out of range\."):
        ask(monkeypatch, OpenAI(("a", None), models=()))


@pytest.mark.parametrize(
    ("reply", "stopped", "state", "note"),
    [
        (Reply("So.", True, False), False, "done", ""),
        (Reply("So.", True, False), True, "done", ""),
        (Reply("So", False, False), False, "done", "the token limit was reached"),
        (Reply("So", False, False), True, "stopped", "stopped"),
        (Reply("So", False, True, "and more"), False, "done",
         "the token limit was reached; the oldest turns were left out, because the context is full; and more"),
    ],
)  # fmt: skip
def test_what_stands_below_an_answer(reply: Reply, stopped: bool, state: str, note: str) -> None:
    stop = Event()
    chat = Chat("base", [Turn("One?", "Yes."), Turn("Two?"), Turn("Three?")])
    seen: list[Any] = []

    def answer(name: str, messages: Any, options: Any, tell: Any, event: Event) -> Reply:
        seen.append([m.content for m in messages])
        tell("half")
        seen.append((chat.turns[-1].text, chat.turns[-1].state))
        if stopped:
            event.set()
        return reply

    turn = chat.turns[-1]
    session.fill(chat, turn, " Be short. ", OPTIONS, answer, stop)
    assert seen == [["Be short.", "One?", "Yes.", "Three?"], ("half", "writing")]
    assert (turn.text, turn.state, turn.note) == (reply.text, state, note)
    assert [m.content for m in chat.messages("", chat.turns[0])] == ["One?"]
    assert [m.content for m in chat.messages(" ")] == ["One?", "Yes.", "Three?", turn.text]


@pytest.mark.parametrize(
    ("reply", "found", "note"),
    [
        (Reply("So.", True, False), 0, "nothing was found"),
        (Reply("So.", True, False, "and more"), 0, "nothing was found; and more"),
        (Reply("So.", True, False, "and more"), 1, "and more"),
    ],
)
def test_a_search_that_finds_nothing_is_told_below_the_answer(reply: Reply, found: int, note: str) -> None:
    chat = Chat("base", [Turn("One?")])
    passages: list[Any] = [object()] * found
    session.fill(chat, chat.turns[0], "", OPTIONS, lambda *_: reply, Event(), lambda m: (m, passages))
    assert (chat.turns[0].state, chat.turns[0].note) == ("done", note)


def test_an_answer_goes_on_when_its_conversation_is_begun_anew_and_nobody_sees_it() -> None:
    chat = Chat("base", [Turn("One?", "Yes."), Turn("Two?")])
    turn = chat.turns[-1]

    def answer(name: str, messages: Any, options: Any, tell: Any, event: Event) -> Reply:
        chat.turns = []
        tell("half")
        return Reply("half", False, False)

    session.fill(chat, turn, "", OPTIONS, answer, Event())
    assert (turn.text, chat.turns) == ("half", [])


def test_any_error_stands_below_the_answer_and_is_raised_for_the_log() -> None:
    chat = Chat("base", [Turn("One?")])

    def answer(*_: Any) -> Reply:
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError):
        session.fill(chat, chat.turns[0], "", OPTIONS, answer, Event())
    assert (chat.turns[0].state, chat.turns[0].note) == ("failed", "the answer failed: out of memory")


@pytest.mark.parametrize(
    ("persona", "plain"),
    [(None, ""), ("", ""), ("You are Ann.", "You are Ann."), ("You are {{ name }}.", "")],
)
def test_a_persona_is_plain_where_it_is_the_same_for_all_rows(
    tmp_path: Path, persona: str | None, plain: str
) -> None:
    (tmp_path / "params.yaml").write_text(review_repo.default_params())
    talker = Talker(tmp_path)
    talker.persona = persona
    assert talker.plain_persona == plain
    assert (talker.names, talker.loaded, talker.adapter) == (["base"], False, None)


def test_the_nearest_rows_leave_the_persona_out_and_notice_a_rebuild(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def embed(texts: list[str], quick: bool = False) -> Any:
        import numpy as np

        asked.append((texts, quick))
        return np.array([[float(text.count("a")), 1.0] for text in texts])

    monkeypatch.setattr(near.embeddings, "embed", embed)
    rows = [
        review_repo.row("t", f"q{n}", "a" * count or "b") for n, count in enumerate((2, 5, 5, 1, 3, 4, 0))
    ]
    system = Message(role="system", content="aaaaaaaaaaaaaaaa")
    rows[0] = Example.of([system, *rows[0].messages], rows[0].provenance)
    path = tmp_path / "data/splits/train.jsonl"
    io.write_jsonl(path, rows)
    index = near.Index(tmp_path)
    found = index.find("wa", "s")
    assert [one.row.messages[-1].content.count("a") for one in found] == [5, 5, 4, 3, 2]
    assert [one.row.messages[0].content for one in found[:2]] == ["q1", "q2"], (
        "equal ones in the order of the file"
    )
    assert found[0].similarity == 6.0
    assert asked[0] == (["q0\naa", "q1\naaaaa", "q2\naaaaa", "q3\na", "q4\naaa", "q5\naaaa", "q6\nb"], False)
    assert asked[1] == (["wa\ns"], False)
    index.find("x", "y")
    assert len(asked) == 3, "the rows are embedded once"
    io.write_text(path, "")
    with pytest.raises(LecternError) as caught:
        index.find("x", "y")
    assert str(caught.value) == f"{path} has no rows"
