"""The server as a client of OpenAI's API meets it."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from tests.unit.publishing.running import ROOT, run

CHAT: Any = [{"role": "user", "content": "What is a seed?"}]
KEY = "a-key-of-the-test"


@contextmanager
def serving(root: Path, *arguments: str, **env: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    everything = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
        "PYTHONUNBUFFERED": "1",
        **env,
    }
    command = [sys.executable, "-m", "stages.serve", "--port", "0", "--engine", "llama_cpp", *arguments]
    process = subprocess.Popen(
        command, cwd=root, env=everything, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
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
def server(exported: Path) -> Iterator[str]:
    with serving(exported) as (address, _):
        yield address


@pytest.fixture(scope="module")
def client(server: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{server}/v1", api_key="none", max_retries=0)


def ask(client: openai.OpenAI, **options: Any) -> Any:
    given = {"model": "lectern-tiny-llama", "messages": CHAT, "temperature": 0.0, "max_tokens": 12, **options}
    return client.chat.completions.create(**given)


def test_it_lists_the_model_and_answers_in_a_chat(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["lectern-tiny-llama"]
    answer = ask(client)
    assert answer.choices[0].message.content
    assert answer.usage.completion_tokens <= 12
    assert ask(client).choices[0].message.content == answer.choices[0].message.content
    longer = [*CHAT, {"role": "assistant", "content": "A number."}, {"role": "user", "content": "Why?"}]
    assert ask(client, messages=longer).usage.prompt_tokens > answer.usage.prompt_tokens


def test_a_stream_says_the_same(client: openai.OpenAI) -> None:
    parts = list(ask(client, stream=True))
    said = "".join(part.choices[0].delta.content or "" for part in parts if part.choices)
    assert said == ask(client).choices[0].message.content
    assert len(parts) > 5
    assert parts[-1].choices[0].finish_reason == "length"


def test_it_stops_where_it_is_told_to(client: openai.OpenAI) -> None:
    whole = ask(client).choices[0].message.content
    middle = whole[len(whole) // 2 :][:4]
    cut = ask(client, stop=[middle]).choices[0]
    assert cut.message.content == whole.partition(middle)[0]
    assert cut.finish_reason == "stop"
    assert ask(client, max_tokens=3).usage.completion_tokens == 3


def test_many_at_once_are_all_answered_as_one_by_one(client: openai.OpenAI) -> None:
    chats = [[{"role": "user", "content": f"What is {n}?"}] for n in range(8)]
    alone = [ask(client, messages=chat).choices[0].message.content for chat in chats]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda chat: ask(client, messages=chat).choices[0].message.content, chats))
    same = sum(a == b for a, b in zip(alone, together, strict=True))
    assert all(together)
    assert same >= 6, (
        "sums of a batch differ in their last bits, which turns few answers of an untrained model"
    )


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
        b"\xff\xfe",
    ],
)
def test_a_bad_request_is_refused_and_the_server_lives_on(
    server: str, client: openai.OpenAI, body: bytes
) -> None:
    headers = {"content-type": "application/json"}
    answer = httpx.post(f"{server}/v1/chat/completions", content=body, headers=headers, timeout=60)
    assert 400 <= answer.status_code < 600
    assert answer.json()["error"]["message"]
    assert ask(client).choices[0].message.content


def test_no_site_may_read_it_and_what_others_ask_is_not_told(server: str) -> None:
    answer = httpx.get(f"{server}/v1/models", headers={"origin": "https://evil.example"})
    assert answer.headers.get("access-control-allow-origin") not in ("*", "https://evil.example")
    assert httpx.get(f"{server}/slots").status_code >= 400
    assert "<html" not in httpx.get(f"{server}/").text.lower()


def test_the_parity_check_runs_against_the_server(exported: Path, server: str) -> None:
    done = run(exported, "--check", server, module="stages.serve")
    assert done.returncode == 0, done.stderr
    assert re.search(r"the prompts have the tokens of the training; \d+\.\d% of \d+ tokens", done.stdout)
    refused = run(exported, "--check", "http://127.0.0.1:9", module="stages.serve")
    assert refused.returncode == 1
    assert "does not answer" in refused.stderr


def test_a_key_is_wanted_and_reaches_no_file_and_no_output(exported: Path) -> None:
    with serving(exported, LECTERN_API_KEY=KEY) as (address, process):
        with pytest.raises(openai.AuthenticationError):
            ask(openai.OpenAI(base_url=f"{address}/v1", api_key="wrong", max_retries=0))
        known = openai.OpenAI(base_url=f"{address}/v1", api_key=KEY, max_retries=0)
        assert ask(known).choices[0].message.content
        assert KEY not in Path(f"/proc/{process.pid}/cmdline").read_text()
        done = run(exported, "--check", f"{address}/v1", module="stages.serve", LECTERN_API_KEY=KEY)
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
    done = run(exported, "--host", host, "--engine", engine, module="stages.serve", LECTERN_API_KEY="")
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
        module="stages.serve",
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
    done = run(exported, "--engine", "llama_cpp", "--port", port, module="stages.serve")
    assert done.returncode == 1
    assert "--port 0" in done.stderr


def test_the_chat_page_answers_by_the_server(exported: Path, server: str) -> None:
    from threading import Event

    from stages.apps.chat import endpoint
    from stages.core.errors import LecternError
    from stages.core.schema import Message
    from stages.tuning.generation import Decoding

    asked, told = [Message(role="user", content="What is a seed?")], list[str]()
    reply = endpoint.answer(f"{server}/v1", "lectern-tiny-llama", asked, Decoding(8), told.append, Event())
    assert reply.text == told[-1] != ""
    with pytest.raises(LecternError, match="Is the server running"):
        endpoint.answer("http://127.0.0.1:9/v1", "x", asked, Decoding(8), told.append, Event())
