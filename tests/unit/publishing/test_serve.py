"""The server as a client of OpenAI's API meets it."""

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from lectern.core.guard import HEADERS
from tests.support.lazily import Lazily
from tests.support.running import ROOT, run

openai = Lazily("openai")

CHAT: Any = [{"role": "user", "content": "What is a seed?"}]
KEY = "a-key-of-the-test"
DEFAULT_TOKENS = 24
"""Of an answer, where the request does not say."""
LONG = 1900
"""Tokens that take this server a minute."""
SECONDS = 1.5
"""In which a whole request has to come."""
SOON = 120.0
"""Seconds, of which a short answer takes one."""
GROWTH = 64e6
"""Bytes of memory: less than one answer with the likeliest 1e9 tokens took for each of its tokens."""
PATIENT = f"""
import runpy
from lectern.apps.web import patience
patience.PatientProtocol.seconds = {SECONDS}
runpy.run_module("lectern", run_name="__main__", alter_sys=True)
"""


@contextmanager
def serving(root: Path, *arguments: str, **env: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    everything = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
        "PYTHONUNBUFFERED": "1",
        **env,
    }
    command = [sys.executable, "-c", PATIENT, "serve", "--port", "0", "--engine", "llama_cpp"]
    command += ["--max-tokens", str(DEFAULT_TOKENS), *arguments]
    with (root / "serve.err").open("w") as errors:
        process = subprocess.Popen(
            command, cwd=root, env=everything, stdout=subprocess.PIPE, stderr=errors, text=True
        )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if found := re.search(r"http://[\d.]+:\d+", line):
                yield found[0], process
                break
        else:
            raise AssertionError("it did not start")
    finally:
        process.kill()
        process.wait(20)


@pytest.fixture(scope="module")
def served(exported: Path) -> Iterator[tuple[str, psutil.Process]]:
    with serving(exported) as (address, process):
        yield address, psutil.Process(process.pid)


@pytest.fixture(scope="module")
def server(served: tuple[str, psutil.Process]) -> str:
    return served[0]


@pytest.fixture(scope="module")
def client(server: str) -> Any:
    return openai.OpenAI(base_url=f"{server}/v1", api_key="none", max_retries=0)


def ask(client: Any, **options: Any) -> Any:
    given = {"model": "lectern-tiny-llama", "messages": CHAT, "temperature": 0.0, "max_tokens": 12, **options}
    return client.chat.completions.create(**given)


def test_it_lists_the_model_and_answers_in_a_chat(client: Any) -> None:
    assert [model.id for model in client.models.list()] == ["lectern-tiny-llama"]
    answer = ask(client)
    assert answer.choices[0].message.content
    assert answer.usage.completion_tokens <= 12
    assert ask(client).choices[0].message.content == answer.choices[0].message.content
    longer = [*CHAT, {"role": "assistant", "content": "A number."}, {"role": "user", "content": "Why?"}]
    assert ask(client, messages=longer).usage.prompt_tokens > answer.usage.prompt_tokens


def test_a_stream_says_the_same(client: Any) -> None:
    parts = list(ask(client, stream=True))
    said = "".join(part.choices[0].delta.content or "" for part in parts if part.choices)
    assert said == ask(client).choices[0].message.content
    assert len(parts) > 5
    assert parts[-1].choices[0].finish_reason == "length"


def test_it_stops_where_it_is_told_to(client: Any) -> None:
    whole = ask(client).choices[0].message.content
    middle = whole[len(whole) // 2 :][:4]
    cut = ask(client, stop=[middle]).choices[0]
    assert cut.message.content == whole.partition(middle)[0]
    assert cut.finish_reason == "stop"
    assert ask(client, max_tokens=3).usage.completion_tokens == 3


def test_many_at_once_are_all_answered_as_one_by_one(client: Any) -> None:
    chats = [[{"role": "user", "content": f"What is {n}?"}] for n in range(8)]
    alone = [ask(client, messages=chat).choices[0].message.content for chat in chats]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda chat: ask(client, messages=chat).choices[0].message.content, chats))
    same = sum(a == b for a, b in zip(alone, together, strict=True))
    assert all(together)
    assert same >= 6, (
        "sums of a batch differ in their last bits, which turns few answers of an untrained model"
    )


TOOL = {
    "type": "function",
    "function": {"name": "look_up", "parameters": {"type": "object", "properties": {}}},
}


def of_schema(schema: dict[str, Any]) -> dict[str, Any]:
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}}


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"{}",
        b'{"messages": "x"}',
        b'{"messages": [{"role": "user"}]}',
        b'{"messages": [{"role": "user", "content": "' + b"word " * 40_000 + b'"}]}',
        b'{"messages": [{"role": "user", "content": "x"}], "max_tokens": "many"}',
        # JSON that Python reads as infinite, and cannot write again
        json.dumps({"messages": CHAT, **of_schema({"const": 999})}).replace("999", "1e999").encode(),
        json.dumps({"messages": CHAT, "tools": [TOOL]})
        .replace('"parameters": {', '"parameters": {"default": 1e999, ')
        .encode(),
        b"\xff\xfe",
    ],
)
def test_a_bad_request_is_refused_and_the_server_lives_on(server: str, client: Any, body: bytes) -> None:
    headers = {"content-type": "application/json"}
    answer = httpx.post(f"{server}/v1/chat/completions", content=body, headers=headers, timeout=60)
    assert answer.status_code == 400, "5xx would be repeated"
    assert answer.json()["error"]["message"]
    assert ask(client).choices[0].message.content


IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
DEEP: dict[str, Any] = {"type": "string"}
for _ in range(20):
    DEEP = {"type": "array", "items": DEEP}


@pytest.mark.parametrize(
    "wrong",
    [
        {"logprobs": True, "top_logprobs": 10**9},
        {"logprobs": True, "top_logprobs": 21},
        {"top_logprobs": 2},
        {"n_probs": 10**9},
        {"n_predict": -1},
        {"max_tokens": 10**9},
        {"max_tokens": 0},
        {"max_completion_tokens": -1},
        {"max_tokens": True},
        {"temperature": -5},
        {"temperature": 2.1},
        {"temperature": "hot"},
        {"top_p": 1.5},
        {"no_repeat_ngram_size": 3},
        {"repeat_penalty": 1.1, "repetition_penalty": 1.2},
        {"n": 10**6},
        {"stop": ["a"] * 5},
        {"stop": ["a" * 10**5]},
        {"stop": [""]},
        {"logit_bias": {str(token): 1.0 for token in range(10**4)}},
        {"logit_bias": {"1": 10**9}},
        {"messages": []},
        {"messages": [{"content": "x"}]},
        {"messages": [{"role": "user"}]},
        {"messages": [{"role": "wizard", "content": "x"}]},
        {"messages": [{"role": "user", "content": [IMAGE]}]},
        {"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]},
        {"messages": [{"role": "user", "content": 5}]},
        {"messages": CHAT * 2000},
        {"tools": [{"type": "x"}]},
        {"tools": [{"type": "function", "function": {"name": "a b"}}]},
        {"tools": [TOOL] * 1000},
        {"tool_choice": {"type": "x"}},
        {"functions": [{"name": "x"}]},
        {"grammar": 'root ::= "a"{1000000}'},
        {"json_schema": {"type": "string"}},
        of_schema({"type": "string", "maxLength": 10**9}),
        of_schema({"type": "array", "minItems": 10**9}),
        of_schema({"type": "array", "items": {"type": "string"}, "minItems": 5, "maxItems": 2}),
        of_schema({"type": "string", "minLength": 5, "maxLength": 2}),
        of_schema({"type": "integer", "minimum": 10**40}),
        of_schema({"type": "integer", "exclusiveMinimum": 5, "exclusiveMaximum": 6}),
        of_schema({"type": "array", "items": {"type": "string", "minLength": -1}}),
        of_schema({"properties": {"a": {"anyOf": [{"maxItems": 1.5}]}}}),
        of_schema({"type": "string", "pattern": "^((a{99}){99}){99}$"}),
        of_schema({"$ref": "https://evil.example/schema"}),
        of_schema(DEEP),
        of_schema({"enum": ["x" * 10**5]}),
        {"response_format": {"type": "xml"}},
        {"lora": [{"id": 0, "scale": 9}]},
        {"id_slot": 0},
        {"stream_options": {"include_usage": True}},
        {"a_field_that_nobody_knows": 1},
        {"seed": 10**30},
    ],
    ids=lambda wrong: json.dumps(wrong)[:60],
)
def test_what_is_above_the_limits_is_refused_and_takes_no_memory(
    served: tuple[str, psutil.Process], wrong: dict[str, Any]
) -> None:
    address, process = served
    httpx.post(f"{address}/v1/chat/completions", json={"messages": CHAT, "max_tokens": 2}, timeout=60)
    before = process.memory_info().rss
    body = {"messages": CHAT, "max_tokens": 32, **wrong}
    answer = httpx.post(f"{address}/v1/chat/completions", json=body, timeout=120)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert error["message"]
    assert process.memory_info().rss - before < GROWTH


@pytest.mark.parametrize(
    "fine",
    [
        {"logprobs": True, "top_logprobs": 20},
        {"temperature": 2, "top_p": 0.5, "top_k": 5, "min_p": 0.1, "repeat_penalty": 1.1},
        {"repetition_penalty": 1.1, "no_repeat_ngram_size": 0},
        {"presence_penalty": -2, "frequency_penalty": 2, "seed": -5, "n": 2},
        {"user": "x", "store": False, "metadata": {}, "service_tier": "auto", "stop": None},
        {"logit_bias": {"5": -100}, "stop": "xyz", "max_tokens": None, "max_completion_tokens": 5},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "What is a seed?"}]}]},
        {"messages": [{"role": "system", "content": ""}, *CHAT], "stream": False},
        {"response_format": {"type": "json_object"}},
        {"tools": [TOOL], "tool_choice": "auto"},
        of_schema({"type": "object", "properties": {"a": {"type": "string", "maxLength": 256}}}),
        of_schema({"type": "array", "items": {"type": "integer", "minimum": 2, "maximum": 2}, "maxItems": 2}),
        {"model": None, "function_call": None, "audio": None},
        {"logprobs": False, "top_logprobs": 0},
        {"messages": [*CHAT, {"role": "assistant", "content": "x", "tool_calls": []}, *CHAT]},
    ],
    ids=lambda fine: json.dumps(fine)[:60],
)
def test_what_clients_may_ask_is_answered_in_little_memory(
    served: tuple[str, psutil.Process], fine: dict[str, Any]
) -> None:
    address, process = served
    before = process.memory_info().rss
    answer = httpx.post(
        f"{address}/v1/chat/completions", json={"messages": CHAT, "max_tokens": 8, **fine}, timeout=120
    )
    assert answer.status_code == 200, answer.text
    assert process.memory_info().rss - before < GROWTH
    if fine.get("logprobs"):
        assert len(answer.json()["choices"][0]["logprobs"]["content"][0]["top_logprobs"]) == 20


def test_an_answer_ends_where_no_limit_is_given(client: Any) -> None:
    answer = ask(client, max_tokens=None)
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == DEFAULT_TOKENS
    assert ask(client, max_tokens=DEFAULT_TOKENS + 2).usage.completion_tokens == DEFAULT_TOKENS + 2
    assert ask(client, max_tokens=None, max_completion_tokens=3).usage.completion_tokens == 3


def test_a_model_or_an_address_that_is_not_there_is_not_found(server: str, client: Any) -> None:
    with pytest.raises(openai.NotFoundError) as error:
        ask(client, model="gpt-9")
    assert error.value.code == "model_not_found"
    assert "lectern-tiny-llama" in error.value.message
    assert client.models.retrieve("lectern-tiny-llama").id == "lectern-tiny-llama"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-9")
    for path in (
        "/slots",
        "/props",
        "/metrics",
        "/lora-adapters",
        "/completions",
        "/v1/completions",
        "/infill",
        "/",
    ):
        for answer in (httpx.get(server + path), httpx.post(server + path, json={"prompt": "x"})):
            assert answer.status_code == 404, path
            assert answer.json()["error"]["code"] == "unknown_url"
    assert httpx.get(f"{server}/v1/chat/completions").status_code == 405
    assert httpx.get(f"{server}/health").json() == {"status": "ok"}


def test_a_body_that_is_too_large_is_not_read(server: str) -> None:
    body = b'{"messages": "' + b"a" * 2_000_000 + b'"}'
    answer = httpx.post(f"{server}/v1/chat/completions", content=body, timeout=60)
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "request_too_large"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/completion", {"prompt": [1, 2], "n_predict": 10**9}),
        ("/completion", {"prompt": [1] * 10**5, "n_predict": 1}),
        ("/completion", {"prompt": [1], "n_predict": 4, "n_probs": 10**9}),
        ("/completion", {"prompt": [-1], "n_predict": 4}),
        ("/completion", {"prompt": "x", "n_predict": 4}),
        ("/tokenize", {"content": ["x"]}),
        ("/tokenize", {"content": "x", "with_pieces": True}),
        ("/apply-template", {"messages": []}),
        ("/apply-template", {"messages": CHAT, "chat_template": "{{ 1 }}"}),
    ],
)
def test_what_the_parity_check_asks_has_limits_too(server: str, path: str, body: dict[str, Any]) -> None:
    answer = httpx.post(server + path, json=body, timeout=60)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"]


FOREIGN: list[dict[str, str]] = [
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": "http://[::1"},
    {"host": "evil.example"},
    {"host": "localhost:evil.com"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors"},
    {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"},
]


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_a_page_of_another_site_may_do_nothing(server: str, headers: dict[str, str]) -> None:
    plain = {"content-type": "text/plain"}  # which a page may send without asking
    body = json.dumps({"messages": CHAT, "max_tokens": 2}).encode()
    answers = [
        httpx.post(f"{server}/v1/chat/completions", content=body, headers=plain | headers, timeout=60),
        httpx.get(f"{server}/v1/models", headers=headers),
        httpx.get(f"{server}/health", headers=headers),
        httpx.options(
            f"{server}/v1/chat/completions", headers={"access-control-request-method": "POST", **headers}
        ),
    ]
    for answer in answers:
        assert answer.status_code == 403
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS
        assert not [name for name in answer.headers if name.startswith("access-control-")]
        assert answer.json()["error"]["message"]


def test_nothing_leads_past_the_guard(served: tuple[str, psutil.Process]) -> None:
    address, process = served
    listening = [one for one in process.net_connections("tcp") if one.status == psutil.CONN_LISTEN]
    assert [one.laddr.port for one in listening] == [int(address.rpartition(":")[2])]
    [inner] = {Path(one.laddr) for one in process.net_connections("unix") if str(one.laddr).endswith(".sock")}
    assert inner.parent.stat().st_mode & 0o777 == 0o700, "no other user may enter"


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_goes_is_written_for_no_longer(server: str, client: Any, stream: bool) -> None:
    """As many as are answered at a time go away; then the next would wait a minute, if they were still written for."""
    body = {"messages": CHAT, "max_tokens": LONG, "stream": stream, "temperature": 0}
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: {server.removeprefix('http://')}\r\n"
    written = json.dumps(body)
    asked = f"{head}content-length: {len(written)}\r\n\r\n{written}".encode()
    for _ in range(2):
        connections = [
            socket.create_connection(("127.0.0.1", int(server.rpartition(":")[2]))) for _ in range(4)
        ]
        for connection in connections:
            connection.sendall(asked)
        if stream:
            for connection in connections:
                assert connection.recv(4096).startswith(b"HTTP/1.1 200"), (
                    "the answer begins before it is whole"
                )
        for connection in connections:
            connection.close()
    began = time.monotonic()
    assert ask(client, max_tokens=2).choices[0].message.content
    assert time.monotonic() - began < SOON


def test_more_than_can_wait_are_told_to_come_again(server: str, client: Any) -> None:
    port = int(server.rpartition(":")[2])
    written = json.dumps({"messages": CHAT, "max_tokens": LONG})
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n"
    asked = f"{head}content-length: {len(written)}\r\n\r\n{written}".encode()
    connections = [socket.create_connection(("127.0.0.1", port)) for _ in range(4 + 32 + 8)]
    try:
        for connection in connections:
            connection.sendall(asked)
        [refused, *_], _, _ = select.select(connections, [], [], SOON)
        assert refused.recv(4096).startswith(b"HTTP/1.1 503")
        with pytest.raises(openai.InternalServerError) as error:
            ask(client, max_tokens=2)
        assert error.value.status_code == 503
        assert error.value.response.headers["retry-after"] == "1"
    finally:
        for connection in connections:
            connection.close()
    patient = openai.OpenAI(base_url=f"{server}/v1", api_key="none", max_retries=5)
    assert ask(patient, max_tokens=2).choices[0].message.content


@pytest.mark.parametrize(
    "half",
    [b"", b"POST /v1/chat/comp", b"POST /tokenize HTTP/1.1\r\nhost: HERE\r\ncontent-length: 9\r\n\r\n{"],
)
def test_half_a_request_is_not_waited_for(server: str, half: bytes) -> None:
    with socket.create_connection(("127.0.0.1", int(server.rpartition(":")[2])), timeout=SOON) as connection:
        connection.sendall(half.replace(b"HERE", server.removeprefix("http://").encode()))
        assert connection.recv(4096).startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_soon_while_it_writes(exported: Path, number: signal.Signals, tmp_path: Path) -> None:
    with serving(exported, TMPDIR=str(tmp_path)) as (address, process):
        known = openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0)
        stream = ask(known, stream=True, max_tokens=LONG)
        next(stream)
        began = time.monotonic()
        process.send_signal(number)
        assert process.wait(10) == 0
        print(f"serve {number.name}: {time.monotonic() - began:.1f} s")
        assert process.stdout is not None
        assert process.stdout.read().strip() == "serve: ended"
        stream.close()
    assert "Traceback" not in (exported / "serve.err").read_text()
    assert not list(tmp_path.glob("lectern-*")), "its socket's folder is removed"


def test_no_site_may_read_it_and_what_others_ask_is_not_told(server: str) -> None:
    answer = httpx.get(f"{server}/v1/models", headers={"origin": "https://evil.example"})
    assert answer.headers.get("access-control-allow-origin") not in ("*", "https://evil.example")
    assert httpx.get(f"{server}/slots").status_code >= 400
    assert "<html" not in httpx.get(f"{server}/").text.lower()


def test_the_parity_check_runs_against_the_server(exported: Path, server: str) -> None:
    done = run(exported, "--check", server, command="serve")
    assert done.returncode == 0, done.stderr
    assert re.search(r"the prompts have the tokens of the training; \d+\.\d% of \d+ tokens", done.stdout)
    refused = run(exported, "--check", "http://127.0.0.1:9", command="serve")
    assert refused.returncode == 1
    assert "does not answer" in refused.stderr


def test_a_key_is_wanted_and_reaches_no_file_and_no_output(exported: Path) -> None:
    with serving(exported, LECTERN_API_KEY=KEY) as (address, process):
        with pytest.raises(openai.AuthenticationError):
            ask(openai.OpenAI(base_url=f"{address}/v1", api_key="wrong", max_retries=0))
        known = openai.OpenAI(base_url=f"{address}/v1", api_key=KEY, max_retries=0)
        assert ask(known).choices[0].message.content
        for headers in (
            {},
            {"authorization": "Bearer x"},
            {"authorization": f"Basic {KEY}"},
            {"x-api-key": KEY[:-1]},
        ):
            for path in (
                "/v1/chat/completions",
                "/tokenize",
                "/apply-template",
                "/completion",
                "/v1/models",
                "/",
            ):
                answer = httpx.post(address + path, json={}, headers=headers)
                assert answer.status_code == 401
                assert answer.json()["error"]["code"] == "invalid_api_key"
        assert httpx.get(f"{address}/health").status_code == 200
        with_key = {"authorization": f"Bearer {KEY}"}
        assert httpx.get(f"{address}/v1/models", headers=with_key).status_code == 200
        for foreign in FOREIGN:
            assert httpx.get(f"{address}/v1/models", headers=with_key | foreign).status_code == 403
        assert KEY not in Path(f"/proc/{process.pid}/cmdline").read_text()
        done = run(exported, "--check", f"{address}/v1", command="serve", LECTERN_API_KEY=KEY)
        assert done.returncode == 0, done.stderr
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert process.stdout is not None
        assert process.stdout.read().strip() == "serve: ended"
    files = [
        path
        for path in (exported / "models/export").rglob("*")
        if path.suffix not in (".gguf", ".safetensors")
    ]
    assert not any(KEY.encode() in path.read_bytes() for path in files if path.is_file())


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.0.1"])
@pytest.mark.parametrize("engine", ["llama_cpp", "vllm"])
def test_others_are_let_in_only_with_a_key(exported: Path, host: str, engine: str) -> None:
    done = run(exported, "--host", host, "--engine", engine, command="serve", LECTERN_API_KEY="")
    assert done.returncode == 1
    assert f"{host} can be reached from other machines" in done.stderr
    assert "LECTERN_API_KEY" in done.stderr


def test_the_command_for_a_gpu_is_printed(exported: Path) -> None:
    done = run(
        exported,
        "--engine",
        "vllm",
        "--print",
        "--host",
        "0.0.0.0",
        command="serve",
        LECTERN_API_KEY=KEY,
    )
    assert done.returncode == 0, done.stderr
    last = done.stdout.splitlines()[-1]
    assert (
        last == "serve: export VLLM_API_KEY=$LECTERN_API_KEY && vllm serve --config models/export/vllm.yaml"
    )
    assert KEY not in (exported / "models/export/vllm.yaml").read_text()


def test_a_port_that_is_taken_is_said(exported: Path, server: str) -> None:
    port = server.rpartition(":")[2]
    done = run(exported, "--engine", "llama_cpp", "--port", port, command="serve")
    assert done.returncode == 1
    assert "--port 0" in done.stderr


def test_the_chat_page_answers_by_the_server(exported: Path, server: str) -> None:
    from threading import Event

    from lectern.apps.chat import endpoint
    from lectern.core.errors import LecternError
    from lectern.core.schema import Message
    from tests.settings import write_answers

    asked, told = [Message(role="user", content="What is a seed?")], list[str]()
    reply = endpoint.answer(
        f"{server}/v1", "lectern-tiny-llama", asked, write_answers(8), told.append, Event()
    )
    assert reply.text == told[-1] != ""
    assert reply.note == ""
    # property: what the server cannot do is said beside the answer
    loopless = write_answers(8, no_repeat_ngram_size=3, repetition_penalty=1.3)
    reply = endpoint.answer(f"{server}/v1", "lectern-tiny-llama", asked, loopless, told.append, Event())
    assert reply.note == endpoint.WITHOUT_NGRAMS
    with pytest.raises(LecternError, match="Check that the server is running"):
        endpoint.answer("http://127.0.0.1:9/v1", "x", asked, write_answers(8), told.append, Event())
