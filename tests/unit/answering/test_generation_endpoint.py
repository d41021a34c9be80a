"""Contestants at endpoints: what they are asked, what is kept, and what becomes of a server that goes down."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lectern.answering import endpoints
from lectern.answering.contestants import Served
from lectern.answering.questions import Ask
from lectern.core import io
from lectern.core.errors import LecternError
from lectern.core.schema import Message, Provenance
from lectern.models.generation import RowResult
from lectern.settings.comparators import Comparator
from tests.settings import write_answers
from tests.support import answering_server
from tests.support.answering_server import Server
from tests.support.generating import CHOSEN, SINGLE, outputs, read, run

GREEDY = write_answers(8)


@pytest.fixture
def server() -> Iterator[Server]:
    with answering_server.serve() as running:
        yield running


def asks(*questions: str) -> list[Ask]:
    return [
        Ask(
            "held_out",
            f"{n:016}",
            [Message(role="user", content=text)],
            "So.",
            Provenance(item="x", method="m"),
        )
        for n, text in enumerate(questions)
    ]


def answer(server: Server, folder: Path, asked: list[Ask], **more: Any) -> endpoints.Answers:
    decoding = more.pop("decoding", GREEDY)
    persona = more.pop("persona", None)
    who = Served("parrot", server.endpoint(**more))
    return endpoints.answer_all([who], asked, persona, decoding, folder / "data/replies/generate")["parrot"]


def test_a_server_answers_beside_the_models(tmp_path: Path, adapter: Path, server: Server) -> None:
    others = {"parrot": Comparator(endpoint=server.endpoint())}
    chosen = replace(CHOSEN, parity_prompts=0)
    assert run(tmp_path, adapter, SINGLE, chosen, others=others) == "base 7, tuned 7, parrot 7"
    for row in read(tmp_path, "parrot"):
        assert (row.prediction, row.nll, row.tokens) == (f"You ask: {row.messages[0].content}", None, None)
    assert [row.id for row in read(tmp_path, "parrot")] == [row.id for row in read(tmp_path, "base")]
    said = io.read_plain(tmp_path / "generation.json")["contestants"]["parrot"]
    assert said == {"kind": "endpoint", "model": "parrot", "revision": None}
    before = outputs(tmp_path)
    # property: what was answered is not asked again, also where the server is gone
    server.lives = 0
    run(tmp_path, adapter, SINGLE, chosen, others=others)
    assert outputs(tmp_path) == before
    assert len(server.asked) == 7
    # the server goes down in mid-run: a question that it was never asked gets no answer
    server.lives = 8
    more = [*SINGLE, *(type(SINGLE[0]).of([Message(role="user", content=f"New {n}?"), *SINGLE[0].messages[1:]],
                       SINGLE[0].provenance) for n in range(3))]  # fmt: skip
    with pytest.raises(
        LecternError, match=r"2 of 10 calls to the comparators\.parrot\.endpoint got no reply"
    ):
        run(tmp_path, adapter, more, chosen, others=others)
    # property: what came is written, and the others have answered everything
    assert [len(read(tmp_path, name)) for name in ("base", "tuned", "parrot")] == [10, 10, 8]
    assert io.read_plain(tmp_path / "generation.json")["skipped"] == {"no reply from parrot": 2}
    tolerant = {"parrot": Comparator(endpoint=server.endpoint(allow_failed=0.5))}
    assert "2 skipped (no reply from parrot)" in run(tmp_path, adapter, more, chosen, others=tolerant)
    # property: the next run asks only what is missing, and leaves what a run without the failure would have left
    server.lives = None
    run(tmp_path, adapter, more, chosen, others=others)
    assert len(server.asked) == 10
    run(tmp_path / "clean", adapter, more, chosen, others=others)
    assert outputs(tmp_path) == outputs(tmp_path / "clean")


def test_it_is_asked_as_the_models_here_are(tmp_path: Path, server: Server) -> None:
    answer(
        server, tmp_path, asks("Why?"), persona="You are {{ item }}.", max_tokens=999, temperature=0.3, seed=5
    )
    assert server.asked[-1] == {
        "model": "parrot",
        "messages": [{"role": "system", "content": "You are x."}, {"role": "user", "content": "Why?"}],
        "temperature": 0.0,
        "max_tokens": 8,
        "seed": 5,
    }
    drawn = write_answers(9, temperature=0.7, top_p=0.9, seed=3)
    answer(server, tmp_path, asks("Why?"), decoding=drawn, seed=5)
    options = {name: value for name, value in server.asked[-1].items() if name not in ("model", "messages")}
    assert options == {"temperature": 0.7, "max_tokens": 9, "seed": 3, "top_p": 0.9}
    # property: what servers name otherwise has both names, and what no server has is left out
    penalised = write_answers(9, repetition_penalty=1.2, no_repeat_ngram_size=3, top_k=5)
    answer(server, tmp_path, asks("Why?"), decoding=penalised)
    options = {name: value for name, value in server.asked[-1].items() if name not in ("model", "messages")}
    penalties = {"repetition_penalty": 1.2, "repeat_penalty": 1.2}
    assert options == {"temperature": 0.0, "max_tokens": 9, **penalties}
    sampled = write_answers(9, 3, temperature=0.7, top_k=5, min_p=0.1, no_repeat_ngram_size=3)
    answer(server, tmp_path, asks("Why?"), decoding=sampled)
    options = {name: value for name, value in server.asked[-1].items() if name not in ("model", "messages")}
    assert options == {"temperature": 0.7, "max_tokens": 9, "seed": 3, "top_k": 5, "min_p": 0.1}
    # property: a model that knows another limit, and no temperature, gets them so
    extra = {"max_tokens": None, "max_completion_tokens": 999, "temperature": None, "top_p": None}
    answer(server, tmp_path, asks("Why?"), decoding=drawn, extra=extra)
    options = {name: value for name, value in server.asked[-1].items() if name not in ("model", "messages")}
    assert options == {"max_completion_tokens": 9, "seed": 3}


def test_cut_and_empty_answers_are_answers(tmp_path: Path, server: Server) -> None:
    asked = asks("Tell me a long story", "Say nothing", "Сколько? 多少？")
    found = answer(server, tmp_path, asked)
    outcomes = [found.outcomes[ask.key] for ask in asked]
    # property: each is asked once, and only the one that was cut counts as unfinished
    assert outcomes == [
        RowResult("You ask: Tell me a long story", False, None, None),
        RowResult("", True, None, None),
        RowResult("You ask: Сколько? 多少？", True, None, None),
    ]
    assert len(server.asked) == 3
    assert found.failure is None


def test_two_servers_do_not_share_a_store(tmp_path: Path, server: Server) -> None:
    with answering_server.serve() as second:
        folder, asked = tmp_path / "data/replies/generate", asks("Why?", "Who?")
        both = [Served("one", server.endpoint()), Served("two", second.endpoint())]
        endpoints.answer_all(both, asked, None, GREEDY, folder)
        # property: two servers that call their models by one name are both asked
        assert (len(server.asked), len(second.asked)) == (2, 2)
        endpoints.answer_all(both[:1], asked, None, GREEDY, folder)
        assert sorted(path.name for path in folder.iterdir()) == ["_replies.json", "one"]
        # property: a contestant that comes back is not paid for again
        endpoints.answer_all(both, asked, None, GREEDY, folder)
        assert (len(server.asked), len(second.asked)) == (2, 2)


def test_without_a_token_the_others_go_on(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_SUCH_TOKEN", raising=False)
    both = [Served("closed", server.endpoint(api_key="NO_SUCH_TOKEN")), Served("open", server.endpoint())]
    came = endpoints.answer_all(both, asks("Why?"), None, GREEDY, tmp_path / "data/replies/generate")
    assert came["closed"].failure
    assert "NO_SUCH_TOKEN, which comparators.closed.endpoint.api_key" in came["closed"].failure
    assert (len(came["closed"].outcomes), len(came["open"].outcomes)) == (0, 1)


def test_what_a_server_thinks_is_no_part_of_its_answer(tmp_path: Path, adapter: Path, server: Server) -> None:
    others = {"parrot": Comparator(endpoint=server.endpoint())}
    hard = [
        type(row).of(
            [Message(role="user", content=f"hard {row.messages[0].content}"), *row.messages[1:]],
            row.provenance,
        )
        for row in SINGLE[:2]
    ]
    run(tmp_path, adapter, hard, replace(CHOSEN, parity_prompts=0), others=others)
    told = {row.prediction for row in read(tmp_path, "parrot")}
    assert told == {f"You ask: {row.messages[0].content}" for row in hard}
