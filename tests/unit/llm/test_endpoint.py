"""Against a real server that fails on purpose: each request is answered or reported, no reply lost, none paid twice."""

import asyncio
import json
import re
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lectern.core.errors import LecternError
from lectern.core.schema import Message
from lectern.llm import client, endpoint
from lectern.llm.replies import Replies
from lectern.llm.request import Reply, Request, make_request
from lectern.settings.llm import LLM
from tests.settings import configure
from tests.support import asking, failing_server

ROOT = Path(__file__).parents[3]
TOKEN = "lectern-test-token-5f0c"


class Server:
    def __init__(self, folder: Path, *options: object) -> None:
        self.log = folder / "log.jsonl"
        self.process, self.url = failing_server.launch("--log", self.log, *options)

    def wait_until_told(self) -> None:
        assert self.process.stdout
        assert self.process.stdout.readline() == "reached\n"

    def calls(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []

    def settings(self, **more: Any) -> dict[str, Any]:
        given = dict(name="x", engine="openai", model="m", base_url=self.url, backoff=0.001, timeout=60.0)
        return given | {"max_tokens": 16, "max_tries": 12} | more

    def llm(self, **more: Any) -> LLM:
        return configure(LLM, **self.settings(**more))


Start = Callable[..., Server]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Server] = []

    def start_one(*options: object) -> Server:
        folder = tmp_path / f"server{len(started)}"
        folder.mkdir()
        started.append(Server(folder, *options))
        return started[-1]

    yield start_one
    for server in started:
        server.process.communicate()


def ask(llm: LLM, count: int, folder: Path) -> client.Answers:
    return client.ask(asking.make_requests(llm, count), llm, folder, "teacher")


def stored(folder: Path, llm: LLM, count: int) -> set[int]:
    """Numbers of the requests with a reply in the store."""
    store = Replies(folder)
    requests = asking.make_requests(llm, count)
    return {number for number, request in enumerate(requests) if store.get(request.key)}


def test_of_thirty_percent_failing_calls_nothing_is_lost_and_nothing_paid_twice(
    start: Start, tmp_path: Path
) -> None:
    server = start("--faults", 0.3)
    llm = server.llm(concurrency=16, timeout=1.0)
    answers = ask(llm, 200, tmp_path / "replies/teach")
    # Every request is answered, and with what it asked for
    assert answers.failed == {}
    for number, request in enumerate(asking.make_requests(llm, 200)):
        reply = answers.replies[request.key]
        assert reply.problem or json.loads(reply.text) == {"answer": f"of request {number}"}
    # A reply is malformed only where its repair was, too; and it was asked for only once
    calls = server.calls()
    whole = Counter(call["number"] for call in calls if call["whole"])
    malformed = [reply for reply in answers.replies.values() if reply.problem]
    assert max(whole.values()) == 2
    assert sum(n == 2 for n in whole.values()) == sum(reply.calls == 2 for reply in answers.replies.values())
    assert all(reply.calls == 2 for reply in malformed)
    assert 0 < len(malformed) < 10
    # Once a good reply was delivered, the request never came again
    delivered: set[int] = set()
    for call in calls:
        assert call["number"] not in delivered
        assert not call["early"], "Retry-After was not kept"
        delivered |= {call["number"]} if call["good"] else set()
    # The test is one: each kind of failure happened, to about three in ten calls
    faults = Counter(call["fault"] for call in calls)
    assert len(faults) == 11
    assert 0.2 < 1 - faults[None] / len(calls) < 0.4
    assert max(call["flying"] for call in calls) <= 16
    # And the store, opened by anybody, answers all without a server
    server.process.communicate()
    assert ask(llm, 200, tmp_path / "replies/teach").asked == 0


def run_client(server: Server, folder: Path, count: int) -> "subprocess.Popen[bytes]":
    settings = json.dumps(server.settings(concurrency=8))
    script = [sys.executable, "-m", "tests.support.asking", str(folder), str(count), settings]
    return subprocess.Popen(script, cwd=ROOT, stderr=subprocess.DEVNULL)


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGKILL,
        pytest.param(signal.SIGINT, marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, marks=pytest.mark.slow),
    ],
    ids=lambda number: number.name,
)
def test_an_interrupted_run_goes_on_and_asks_only_for_what_the_store_lacks(
    start: Start, tmp_path: Path, number: signal.Signals
) -> None:
    kinds = ("500", "cut", "closed", "invalid", "wrong schema")
    server = start("--faults", 0.3, "--kinds", *kinds, "--latency", 0.02, "--tell", 80)
    folder, llm = tmp_path / "replies/teach", server.llm(concurrency=8)
    process = run_client(server, folder, 300)
    server.wait_until_told()
    process.send_signal(number)
    assert process.wait() == -number
    before = server.calls()
    kept = stored(folder, llm, 300)
    good = {call["number"] for call in before if call["good"]}
    assert 50 < len(kept) < 300, "it was to be interrupted in the middle"
    # What was on its way when the process was killed is lost; asked to end, it waits for that, too.
    assert len(good - kept) <= (8 if number == signal.SIGKILL else 0)
    answers = ask(llm, 300, folder)
    assert answers.failed == {}
    assert answers.asked == 300 - len(kept)
    assert {call["number"] for call in server.calls()[len(before) :]} == set(range(300)) - kept
    assert stored(folder, llm, 300) == set(range(300))


def test_a_budget_is_held_whatever_fails(start: Start, tmp_path: Path, capfd: Any) -> None:
    limits = (("max_calls", 40), ("max_total_tokens", 3000), ("max_cost", 0.002))
    for name, limit in limits:
        server = start("--faults", 0.3, "--kinds", "500", "invalid", "wrong schema")
        folder = tmp_path / name / "teach"
        llm = server.llm(concurrency=8, input_price=1.0, output_price=1.0, **{name: limit})
        answers = ask(llm, 100, folder)
        # The server's own count: 60 tokens for each whole reply
        calls = server.calls()
        used = {"max_calls": len(calls), "max_total_tokens": 60 * sum(call["whole"] for call in calls)}
        used["max_cost"] = used["max_total_tokens"] / 1e6
        assert 0.7 * limit < used[name] <= limit
        assert answers.replies
        assert len(answers.replies) + len(answers.failed) == 100
        assert all(f"teacher.{name} = " in reason for reason in answers.failed.values())
        with pytest.raises(LecternError, match=f"teacher.{name} = .*The replies that came are kept"):
            answers.check(0.1, "teacher")
        said = capfd.readouterr().err
        assert "100 calls, about" in said
        assert f"Budget: {name} " in said
        # The next run goes on from there
        again = ask(llm, 100, folder)
        assert again.asked == 100 - len(answers.replies)
        assert len(again.replies) > len(answers.replies)


@pytest.mark.parametrize(("kind", "paid"), [("cut", True), ("not json", True), ("500", False)])
def test_a_call_that_broke_off_counts_as_paid_and_a_refused_one_does_not(
    start: Start, tmp_path: Path, kind: str, paid: bool
) -> None:
    server = start("--faults", 1, "--kinds", kind)
    llm = server.llm(concurrency=1, max_total_tokens=2000)
    answers = ask(llm, 3, tmp_path / "replies/teach")
    assert len(answers.failed) == 3
    assert all("teacher.max_total_tokens" in reason for reason in answers.failed.values()) == paid
    assert (len(server.calls()) < 2000 / 16) if paid else len(server.calls()) == 3 * llm.max_tries


def test_a_token_or_model_that_the_server_does_not_know_stops_the_run_at_once(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    monkeypatch.setenv("LECTERN_TEST_TOKEN", TOKEN)
    for kind in ("401", "404"):
        server = start("--faults", 1, "--kinds", kind)
        llm = server.llm(api_key="LECTERN_TEST_TOKEN", concurrency=4)
        with pytest.raises(LecternError, match=rf"{kind}.*{server.url}.*model is m.*LECTERN_TEST_TOKEN"):
            ask(llm, 100, tmp_path / "replies/teach")
        assert len(server.calls()) <= 4
    assert "lectern-test" not in "".join(capfd.readouterr())


def test_the_token_is_in_no_file_and_no_output(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    monkeypatch.setenv("LECTERN_TEST_TOKEN", TOKEN)
    # This server sends back what it was sent, in half of its answers.
    server = start("--faults", 0.5, "--kinds", "400", "500")
    llm = server.llm(api_key="LECTERN_TEST_TOKEN", max_tries=2)
    answers = ask(llm, 60, tmp_path / "replies/teach")
    assert "authorization" in " ".join(answers.failed.values()).lower(), "it was to send it back"
    assert TOKEN[:12] not in " ".join(answers.failed.values()), "nor a part of it"
    assert TOKEN[:12] not in "".join(capfd.readouterr())
    with pytest.raises(LecternError) as error:
        answers.check(0, "teacher")
    assert TOKEN not in str(error.value)
    assert answers.replies
    assert not any(TOKEN in path.read_text() for path in tmp_path.rglob("*.jsonl") if path != server.log)


@pytest.mark.parametrize("token", [TOKEN, "sk/4+f=Q a", "correct-horse-battery-staple"])
def test_a_token_that_a_good_reply_repeats_is_masked_before_it_is_stored(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any, token: str
) -> None:
    monkeypatch.setenv("LECTERN_TEST_TOKEN", token)
    server = start("--echo")
    answers = ask(server.llm(api_key="LECTERN_TEST_TOKEN"), 3, tmp_path / "replies/teach")
    assert sorted(json.loads(reply.text)["answer"] for reply in answers.replies.values()) == [
        f"with ***, of request {number}" for number in range(3)
    ]
    files = [path.read_text() for path in tmp_path.rglob("*.jsonl") if path != server.log]
    assert files
    assert token not in "".join([*files, *capfd.readouterr()])


@pytest.mark.parametrize("token", ["ollama", "EMPTY", "not-needed", None])
def test_a_word_that_stands_for_no_token_stays_in_a_reply(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, token: str | None
) -> None:
    monkeypatch.setenv("LECTERN_TEST_TOKEN", token or "")
    server = start("--echo")
    llm = server.llm(api_key="LECTERN_TEST_TOKEN" if token else None)
    (reply,) = ask(llm, 1, tmp_path / "replies/teach").replies.values()
    assert json.loads(reply.text)["answer"] == f"with {token or 'none'}, of request 0"


def test_without_its_token_nothing_is_asked(start: Start, tmp_path: Path) -> None:
    server = start()
    with pytest.raises(
        LecternError, match=r"LECTERN_NO_SUCH_TOKEN, which teacher\.api_key names, is not set"
    ):
        ask(server.llm(api_key="LECTERN_NO_SUCH_TOKEN"), 3, tmp_path / "replies/teach")
    assert server.calls() == []


def test_no_token_of_another_service_is_sent(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The package would take these by itself.
    monkeypatch.setenv("OPENAI_API_KEY", TOKEN)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    server = start("--faults", 1, "--kinds", "400")
    answers = ask(server.llm(), 1, tmp_path / "replies/teach")
    (reason,) = answers.failed.values()
    assert "authorization: bearer none" in reason.lower()
    assert TOKEN not in reason


def test_where_nobody_listens_it_stops_soon(tmp_path: Path, capfd: Any) -> None:
    with socket.socket() as taken:  # bound, but it listens to nobody
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        llm = configure(LLM, "x", "openai", "m", base_url=url, concurrency=4, max_tries=3, backoff=0.001)
        answers = ask(llm, 500, tmp_path / "replies/teach")
    assert len(answers.failed) == 500
    assert any(url in reason and "teacher.base_url" in reason for reason in answers.failed.values())
    made = re.search(r"teacher: (\d+) calls", capfd.readouterr().err)
    assert made is not None
    assert 9 <= int(made[1]) <= (endpoint.DOWN_AFTER + 4) * 3
    assert (tmp_path / "replies/teach").is_dir(), "DVC wants it"


def test_a_server_that_only_fails_is_not_asked_to_the_end(start: Start, tmp_path: Path) -> None:
    for kind, most in (
        ("500", (endpoint.DOWN_AFTER + 4) * 3),
        ("400", endpoint.REFUSED_AFTER + 4),
        ("wait", 4),
    ):
        server = start("--faults", 1, "--kinds", kind)
        answers = ask(server.llm(concurrency=4, max_tries=3), 300, tmp_path / kind / "teach")
        assert len(answers.failed) == 300
        assert len(server.calls()) <= most
    assert all("teacher.max_wait" in reason for reason in answers.failed.values())


def test_what_the_server_refuses_fails_alone_and_is_asked_once(start: Start, tmp_path: Path) -> None:
    server = start("--faults", 0.3, "--kinds", "400")
    answers = ask(server.llm(), 60, tmp_path / "replies/teach")
    refused = Counter(call["number"] for call in server.calls() if call["fault"])
    assert len(answers.failed) == len(refused) > 0
    assert set(refused.values()) == {1}
    assert all("400" in reason for reason in answers.failed.values())
    assert len(answers.replies) == 60 - len(refused)


def test_a_reply_that_is_cut_off_or_misshapen_is_kept_with_its_problem(start: Start, tmp_path: Path) -> None:
    for kind, problem in (("truncated", "cut off"), ("wrong schema", "answer"), ("invalid", "not JSON")):
        for repair in (True, False):
            server = start("--faults", 1, "--kinds", kind)
            folder = tmp_path / f"{kind} {repair}" / "teach"
            (reply,) = ask(server.llm(repair=repair), 1, folder).replies.values()
            assert problem in (reply.problem or "")
            assert reply.calls == len(server.calls()) == 1 + repair
            assert reply.input_tokens == 50 * reply.calls
            if repair:  # the error is shown, but as what a stranger wrote
                _, opened, shown = server.calls()[1]["last"].partition('id="reason">\n')
                assert opened
                assert problem in shown.partition("</passage-")[0]
            assert ask(server.llm(), 1, folder).asked == 0


@pytest.mark.parametrize("output", ["json_schema", "json_object", "prompt"])
def test_json_is_asked_for_as_the_settings_say(start: Start, tmp_path: Path, output: str) -> None:
    server = start()
    ask(server.llm(output=output), 1, tmp_path / "replies/teach")
    (call,) = server.calls()
    told = {"type": "json_schema", "json_schema": {"name": "reply", "strict": True, "schema": asking.SCHEMA}}
    wanted = {"json_schema": told, "json_object": {"type": "json_object"}, "prompt": None}
    assert call["format"] == wanted[output]
    assert (json.dumps(asking.SCHEMA) in call["last"]) == (output != "json_schema")


def test_there_are_never_more_tasks_than_calls_in_flight(start: Start) -> None:
    server, tasks, came = start(), [], []

    def done(reply: Reply) -> None:
        tasks.append(len(asyncio.all_tasks()))
        came.append(reply.key)

    llm = server.llm(concurrency=4)
    requests = asking.make_requests(llm, 300)
    assert endpoint.answer(requests, llm, done, "teacher") == {}
    assert sorted(came) == sorted(request.key for request in requests)
    assert max(tasks) <= 2 * 4, (
        "a task that has just ended may still be there, but never one for each request"
    )


def test_a_full_disk_ends_the_run(start: Start) -> None:
    server = start("--latency", 0.01)
    llm = server.llm(concurrency=4)

    def done(reply: Reply) -> None:
        raise LecternError("no space left")

    with pytest.raises(LecternError, match="no space left"):
        endpoint.answer(asking.make_requests(llm, 300), llm, done, "teacher")
    assert len(server.calls()) <= 8


def test_plain_text_and_options_pass_as_they_are(start: Start, tmp_path: Path) -> None:
    server = start()
    llm = server.llm(extra={"max_tokens": None, "max_completion_tokens": 9, "top_k": 3}, seed=1)
    request = make_request(llm, [Message(role="user", content="request 3")])
    assert dict(request.options) == {"temperature": 0.0, "max_completion_tokens": 9, "top_k": 3, "seed": 1}
    (reply,) = client.ask([request, request], llm, tmp_path / "replies/teach", "teacher").replies.values()
    assert reply == Reply(
        key=request.key, model="m", text='{"answer": "of request 3"}', input_tokens=50, output_tokens=10
    )
    assert len(server.calls()) == 1


def test_a_request_is_known_by_all_that_decides_its_reply_and_nothing_else() -> None:
    message = [Message(role="user", content="request 3")]
    llm = configure(LLM, "x", "openai", "m")
    same = make_request(
        configure(LLM, "y", "openai", "m", base_url="http://127.0.0.1:1", concurrency=9), message
    )
    others = [
        make_request(configure(LLM, "x", "openai", "n"), message),
        make_request(configure(LLM, "x", "openai", "m", temperature=0.5), message),
        make_request(configure(LLM, "x", "openai", "m", max_tokens=5), message),
        make_request(llm, message, asking.SCHEMA),
        make_request(llm, [Message(role="system", content="request 3")]),
    ]
    assert make_request(llm, message).key == same.key
    assert len({request.key for request in [same, *others]}) == 6
    assert (
        Request("m", message, None, {"b": 1, "a": 2}).key == Request("m", message, None, {"a": 2, "b": 1}).key
    )


def test_settings_that_cannot_be_are_refused() -> None:
    for given in (
        {"max_cost": 1.0},
        {"base_url": "http://me:secret@127.0.0.1/v1"},
        {"base_url": "http://127.0.0.1/v1?api_key=secret"},
        {"base_url": "http://secret@127.0.0.1/v1"},
        {"backoff": 0},
        {"max_calls": 0},
    ):
        with pytest.raises(ValueError, match=next(iter(given))):
            configure(LLM, "x", "openai", "m", **given)
