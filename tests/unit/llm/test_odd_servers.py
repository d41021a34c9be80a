"""What servers do in the field: how many rows it costs, how many calls, and what is said."""

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

from lectern.core.errors import LecternError
from lectern.llm import client, endpoint
from lectern.llm.replies import Replies
from lectern.llm.request import Reply
from lectern.settings.llm import LLM
from tests.settings import configure
from tests.support import asking, odd_server

GOOD = '{"answer": "yes"}'


def llm(url: str, **more: Any) -> LLM:
    given: dict[str, Any] = {"backoff": 0.001, "timeout": 30.0, "max_tokens": 16, "max_tries": 2, **more}
    return configure(LLM, name="x", engine="openai", model="m", base_url=url, **given)


def ask(settings: LLM, count: int, folder: Path) -> client.Answers:
    return client.ask(
        asking.make_requests(settings, count), settings, folder / "replies" / "teach", "teacher"
    )


def number(body: dict[str, Any]) -> int:
    found = re.search(r"request (\d+)", body["messages"][0]["content"])
    assert found
    return int(found[1])


def say(text: Any, **more: Any) -> tuple[int, dict[str, Any]]:
    return 200, {"content": text, **more}


def refuse(status: int, message: str, **more: Any) -> tuple[int, dict[str, Any]]:
    return status, {"error": {"message": message, **more}}


PARTS = [
    {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
    {"type": "text", "text": GOOD[:8]},
    {"type": "text", "text": GOOD[8:]},
]


@pytest.mark.parametrize(
    ("content", "finish"),
    [
        (PARTS, "stop"),
        (GOOD + "\n" * 400, "length"),
        (f"Here it is:\n\n{GOOD}\n\nI hope this helps!", "stop"),
    ],
)
def test_a_whole_answer_costs_one_call_however_it_is_sent(tmp_path: Path, content: Any, finish: str) -> None:
    with odd_server.serve(lambda body, _: say(content, finish_reason=finish)) as server:
        (reply,) = ask(llm(server.url), 1, tmp_path).replies.values()
    assert (reply.text, reply.problem, reply.calls) == (GOOD, None, 1)


def test_text_that_was_cut_off_stays_cut_off(tmp_path: Path) -> None:
    with odd_server.serve(lambda body, _: say(GOOD[:-3], finish_reason="length")) as server:
        (reply,) = ask(llm(server.url), 1, tmp_path).replies.values()
    assert reply.cut


@pytest.mark.parametrize(
    ("refused", "used"),
    [
        (("json_schema",), "json_object"),
        (("json_schema", "json_object"), None),
    ],
)
@pytest.mark.parametrize(
    "message",
    [
        "This response_format type is unavailable now",
        "The provided JSON schema contains features not supported by xgrammar.",
        "Invalid grammar",
    ],
)
def test_a_server_that_takes_no_schema_is_asked_in_the_next_form(
    tmp_path: Path, refused: tuple[str, ...], used: str | None, message: str, capfd: Any
) -> None:
    def answer(body: dict[str, Any], _: int) -> tuple[int, dict[str, Any]]:
        form = body.get("response_format", {}).get("type")
        return refuse(400, message) if form in refused else say(GOOD)

    with odd_server.serve(answer) as server:
        answers = ask(llm(server.url, concurrency=4), 12, tmp_path)
    assert len(answers.replies) == 12
    # property: one call finds it out for all, and those that the server takes show the schema
    assert len(server.asked) == 12 + len(refused)
    last = server.asked[-1]
    assert last.get("response_format", {}).get("type") == used
    assert json.dumps(asking.SCHEMA) in last["messages"][-1]["content"]
    assert f"output={used or 'prompt'} from now on" in capfd.readouterr().err


def test_an_error_about_something_else_is_no_reason_to_ask_in_another_form(tmp_path: Path) -> None:
    with odd_server.serve(lambda body, _: refuse(400, "the prompt is too long")) as server:
        answers = ask(llm(server.url), 3, tmp_path)
    assert (len(answers.failed), len(server.asked)) == (3, 3)


@pytest.mark.parametrize("place", [0, 5])
@pytest.mark.parametrize("status", [400, 403])
def test_a_prompt_that_is_flagged_costs_its_own_request(tmp_path: Path, place: int, status: int) -> None:
    order: list[int] = []

    def answer(body: dict[str, Any], came: int) -> tuple[int, dict[str, Any]]:
        order.append(number(body))
        if came == place:
            return refuse(status, "Your chosen model requires moderation and your input was flagged")
        return say(GOOD)

    with odd_server.serve(answer) as server:
        answers = ask(llm(server.url, concurrency=1), 10, tmp_path)
    assert (len(answers.replies), len(answers.failed), len(server.asked)) == (9, 1, 10)
    with pytest.raises(LecternError, match=f"1 of 10 calls .*{status}.*flagged"):
        answers.check(0.0, "teacher")


def test_a_403_without_a_word_stops_all_only_before_the_first_answer(tmp_path: Path) -> None:
    with odd_server.serve(lambda body, came: refuse(403, "no") if came == 3 else say(GOOD)) as server:
        answers = ask(llm(server.url, concurrency=1), 8, tmp_path / "later")
    assert (len(answers.replies), len(answers.failed)) == (7, 1)
    with odd_server.serve(lambda body, came: refuse(403, "no")) as server:
        with pytest.raises(LecternError, match="may not use this model"):
            ask(llm(server.url), 8, tmp_path / "first")
        assert len(server.asked) == 1


def test_one_call_goes_ahead_of_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with odd_server.serve(lambda body, _: refuse(404, "no such model")) as server:
        with pytest.raises(LecternError, match="no such model"):
            ask(llm(server.url, concurrency=8), 50, tmp_path / "a")
        assert len(server.asked) == 1
    # property: a slow one holds up the others only for a while
    monkeypatch.setattr(endpoint, "PROBE", 0.05)

    def slow(body: dict[str, Any], came: int) -> tuple[int, dict[str, Any]]:
        time.sleep(0.4)
        return say(GOOD)

    with odd_server.serve(slow) as server:
        assert len(ask(llm(server.url, concurrency=8), 8, tmp_path / "b").replies) == 8
    assert server.most > 1


MANY = 2 * endpoint.MALFORMED_AFTER
"""Requests of a run that has more of them than it takes to give up."""
BAD: list[tuple[dict[str, Any], str, str, int]] = [
    (
        {"content": None, "reasoning_content": GOOD},
        "the reply is empty: the server",
        "reasons, turn that off",
        1,
    ),
    ({"content": "I cannot."}, "the reply is not JSON", "teacher.output=json_schema", 2),
    ({"content": '{"reply": 3}'}, "'answer' is a required property", "teacher.output=json_schema", 2),
    ({"content": GOOD[:9], "finish_reason": "length"}, "was cut off", "Raise teacher.max_tokens", 2),
    ({"content": None, "refusal": "No."}, "the model refused: No", "another model", 1),
]


@pytest.mark.parametrize(("message", "reason", "remedy", "calls"), BAD)
def test_a_run_of_unusable_replies_ends_early_and_says_why(
    tmp_path: Path, message: dict[str, Any], reason: str, remedy: str, calls: int
) -> None:
    with odd_server.serve(lambda body, _: (200, dict(message))) as server:
        settings = llm(server.url, concurrency=4)
        answers = ask(settings, MANY, tmp_path)
        # 20 replies decide, and three more may be on their way
        assert len(server.asked) <= (endpoint.MALFORMED_AFTER + 3) * calls < MANY * calls
    with pytest.raises(LecternError) as caught:
        answers.check(0.5, "teacher")
    told = str(caught.value)
    assert reason in told
    assert remedy in told
    assert "replies of the teacher cannot be used" in told
    # property: nothing of them is kept, so that a mended server at the same address is asked again
    assert (answers.replies, len(answers.failed)) == ({}, MANY)
    with odd_server.serve(lambda body, _: say(GOOD)) as mended:
        again = ask(llm(mended.url, concurrency=4), MANY, tmp_path)
    assert (len(again.replies), again.failed, again.hopeless) == (MANY, {}, None)


def test_a_small_run_of_unusable_replies_fails_too_unless_any_number_may(tmp_path: Path) -> None:
    with odd_server.serve(lambda body, _: say("I cannot.")) as server:
        answers = ask(llm(server.url, repair=False), 4, tmp_path / "four")
        with pytest.raises(LecternError, match=r"4 of 4 replies of the teacher cannot be used; .*, of 4: "):
            answers.check(0.0, "teacher")
        answers.check(1.0, "teacher")
        # property: two say nothing about the rest, and are kept
        few = ask(llm(server.url, repair=False), 2, tmp_path / "two")
        few.check(0.0, "teacher")
        assert ask(llm(server.url, repair=False), 2, tmp_path / "two").asked == 0


def test_some_unusable_replies_are_kept_until_the_server_is_another(tmp_path: Path) -> None:
    def answer(body: dict[str, Any], _: int) -> tuple[int, dict[str, Any]]:
        return say("I cannot." if number(body) % 2 else GOOD)

    with odd_server.serve(answer) as server:
        settings = llm(server.url, repair=False)
        first = ask(settings, 10, tmp_path)
        first.check(0.0, "teacher")
        assert sum(reply.problem is not None for reply in first.replies.values()) == 5
        assert ask(settings, 10, tmp_path).asked == 0
        # property: a change of how fast it is asked asks nothing again, another form does
        assert ask(llm(server.url, repair=False, concurrency=2), 10, tmp_path).asked == 0
        assert ask(llm(server.url, repair=False, output="prompt"), 10, tmp_path).asked == 5
    with odd_server.serve(lambda body, _: say(GOOD)) as mended:
        again = ask(llm(mended.url, repair=False), 10, tmp_path)
        assert again.asked == len(mended.asked) == 5
    assert all(reply.problem is None for reply in again.replies.values())
    assert all(reply.asked is None for reply in again.replies.values())


def test_a_server_that_is_down_costs_no_reply_that_was_unusable(tmp_path: Path) -> None:
    with odd_server.serve(lambda body, _: say("I cannot." if number(body) == 1 else GOOD)) as server:
        ask(llm(server.url, repair=False), 5, tmp_path)
    down = ask(llm("http://127.0.0.1:9/v1", repair=False, max_tries=1), 5, tmp_path)
    assert (down.asked, len(down.replies), down.failed) == (1, 5, {})
    down.check(0.0, "teacher")


def test_a_stored_reply_that_the_code_can_read_by_now_is_read_and_not_asked_again(tmp_path: Path) -> None:
    settings = llm("http://127.0.0.1:9/v1")
    requests = asking.make_requests(settings, 3)
    store = Replies(tmp_path / "replies" / "teach")
    for request in requests:
        text = f"Sure:\n{GOOD}\nBye."
        store.put(Reply(key=request.key, model="m", text=text, problem="the reply is not JSON: ...", calls=2))
    store.close([request.key for request in requests])
    answers = ask(settings, 3, tmp_path)
    assert answers.asked == 0
    assert {(reply.text, reply.problem, reply.calls) for reply in answers.replies.values()} == {
        (GOOD, None, 2)
    }
    assert Replies(tmp_path / "replies" / "teach").get(requests[0].key) == answers.replies[requests[0].key]


def test_a_good_reply_is_stored_without_how_it_was_asked(tmp_path: Path) -> None:
    with odd_server.serve(lambda body, _: say(GOOD)) as server:
        ask(llm(server.url), 3, tmp_path)
    (line, *_) = (tmp_path / "replies/teach").glob("??.jsonl")
    assert "asked" not in json.loads(line.read_text().splitlines()[0])
