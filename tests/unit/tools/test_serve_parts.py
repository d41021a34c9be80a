"""What `lectern serve` does, with a server and an export that only keep what they are asked for."""

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lectern.core.errors import LecternError
from lectern.models import devices
from lectern.tools import serve


@pytest.mark.parametrize(
    ("asked", "gpu", "engine"),
    [
        ("auto", True, "vllm"),
        ("auto", False, "llama_cpp"),
        ("vllm", False, "vllm"),
        ("llama_cpp", True, "llama_cpp"),
    ],
)
def test_the_engine_is_what_was_asked_for_or_fits_the_machine(
    monkeypatch: pytest.MonkeyPatch, asked: str, gpu: bool, engine: str
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: gpu)
    assert serve.choose_engine(asked) == engine


class EndedError(Exception):
    """The process would end here."""


class Parts:
    """Stand for all that serving needs, and keep what they were asked."""

    def __init__(self, patch: pytest.MonkeyPatch, key: str | None = None) -> None:
        self.asked: list[Any] = []
        model = SimpleNamespace(
            name="talks", base=SimpleNamespace(context_length=5000), decoding=SimpleNamespace(kind="greedy")
        )
        self.model = model
        bound = SimpleNamespace(getsockname=lambda: ("::1", 77))
        llama = SimpleNamespace(listening_address="unix:///x/y", close=self.note("close"))
        for where, name, call in (
            (serve.llama_server, "get_key", lambda host: self.asked.append(("key", host)) or key),
            (serve.server, "bind", lambda port, host: self.asked.append(("bind", port, host)) or bound),
            (serve.export, "main", lambda gguf: self.asked.append(("export", gguf))),
            (serve.export, "read_model", lambda: model),
            (serve.exporting, "gguf_file", lambda model, out, kind: Path(f"{model.name}-{kind}.gguf")),
            (
                serve.llama_server,
                "start",
                lambda file, **more: self.asked.append(("start", str(file), more)) or llama,
            ),
            (serve.llama_server, "socket_of", lambda address: address.removeprefix("unix://")),
            (serve.gateway, "build", lambda served, socket: (served, socket)),
            (serve.server, "listen", lambda bound: self.asked.append("listen")),
            (serve.server, "run", lambda app, bound: self.asked.append(("run", app))),
            (serve.engine_options, "list_differences", lambda decoding, engine: ["one differs"]),
            (serve.vllm, "configure", lambda model, out, host, port: {"host": host, "port": port}),
            (
                serve.vllm,
                "write",
                lambda made, decoding, out: self.asked.append(("write", made)) or Path("vllm.yaml"),
            ),
            (serve.vllm, "show", lambda file: f"vllm serve --config {file}"),
            (serve.vllm, "command", lambda file: ["vllm", "serve", str(file)]),
        ):
            patch.setattr(where, name, call)

        def end(status: int) -> None:
            raise EndedError(status)

        patch.setattr(os, "_exit", end)

    def note(self, name: str) -> Callable[[], None]:
        return lambda: self.asked.append(name)


def test_llama_cpp_serves_what_was_exported_and_says_where(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = Parts(monkeypatch, "secret")
    with pytest.raises(EndedError) as ended:
        serve.serve_llama_cpp("q8_0", "::1", 0, None, 50)
    assert ended.value.args == (0,)
    served = serve.gateway.Served("talks", 4096, parts.model.decoding, 50, "::1", "secret")
    assert parts.asked == [
        ("key", "::1"),
        ("bind", 0, "::1"),
        ("export", True),
        ("start", "talks-q8_0.gguf", {"name": "talks", "context": 4096}),
        "listen",
        ("run", (served, "/x/y")),
        "close",
    ]
    told = capsys.readouterr().out.splitlines()
    assert told == [
        "serve: one differs",
        "serve: http://[::1]:77/v1   model talks (q8_0), 4096 tokens   (Ctrl-C ends it)",
        "serve: ended",
    ]


@pytest.mark.parametrize(("length", "context", "room"), [(5000, 9000, 9000), (300, None, 300), (5000, 1, 1)])
def test_the_room_is_what_was_asked_for_or_what_the_model_reads(
    monkeypatch: pytest.MonkeyPatch, length: int, context: int | None, room: int
) -> None:
    parts = Parts(monkeypatch)
    parts.model.base.context_length = length
    with pytest.raises(EndedError):
        serve.serve_llama_cpp("q4_k_m", "127.0.0.1", 8080, context, 1)
    [more] = [each[2] for each in parts.asked if each[0] == "start"]
    assert more["context"] == room


@pytest.mark.parametrize(("context", "max_tokens"), [(0, 1), (None, 0), (-5, 9), (1, -1)])
def test_no_tokens_are_none_to_serve(
    monkeypatch: pytest.MonkeyPatch, context: int | None, max_tokens: int
) -> None:
    parts = Parts(monkeypatch)
    with pytest.raises(LecternError, match=r"^--context and --max-tokens must be at least 1\.$"):
        serve.serve_llama_cpp("q8_0", "127.0.0.1", 0, context, max_tokens)
    assert parts.asked == []


def test_a_server_that_fails_closes_llama_cpp(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = Parts(monkeypatch)

    def fail(app: Any, bound: Any) -> None:
        raise OSError("no")

    monkeypatch.setattr(serve.server, "run", fail)
    with pytest.raises(OSError, match="no"):
        serve.serve_llama_cpp("q8_0", "127.0.0.1", 0, None, 1)
    assert parts.asked[-1] == "close"


@pytest.mark.parametrize(
    ("found", "only_print", "key", "said"),
    [
        ("/bin/vllm", True, None, "vllm serve --config vllm.yaml"),
        ("/bin/vllm", True, "k", "export VLLM_API_KEY=$LECTERN_API_KEY && vllm serve --config vllm.yaml"),
        (None, True, None, "vllm serve --config vllm.yaml"),
        (
            None,
            False,
            None,
            "vLLM is not installed; it needs an environment of its own: pip install vllm. vllm serve "
            "--config vllm.yaml",
        ),
    ],
)
def test_the_command_of_vllm_is_printed_where_it_cannot_or_shall_not_run(
    monkeypatch: pytest.MonkeyPatch, found: str | None, only_print: bool, key: str | None, said: str
) -> None:
    parts = Parts(monkeypatch, key)
    monkeypatch.setattr(serve.shutil, "which", lambda name: found)
    assert serve.serve_vllm("0.0.0.0", 5, only_print=only_print) == said
    assert parts.asked == [("key", "0.0.0.0"), ("export", False), ("write", {"host": "0.0.0.0", "port": 5})]


@pytest.mark.parametrize("key", [None, "k"])
def test_vllm_takes_the_place_of_this_process_and_has_the_key(
    monkeypatch: pytest.MonkeyPatch, key: str | None
) -> None:
    Parts(monkeypatch, key)
    ran: list[Any] = []
    monkeypatch.setattr(serve.shutil, "which", lambda name: "/bin/vllm")
    monkeypatch.setattr(os, "execvpe", lambda *given: ran.append(given))
    monkeypatch.delenv("VLLM_API_KEY", raising=False)
    serve.serve_vllm("127.0.0.1", 5, only_print=False)
    [(name, command, env)] = ran
    assert (name, command) == ("vllm", ["vllm", "serve", "vllm.yaml"])
    assert env.get("VLLM_API_KEY") == key
    assert env["PATH"] == os.environ["PATH"]


@pytest.mark.parametrize("url", ["http://h:1", "http://h:1/", "http://h:1/v1", "http://h:1/v1/"])
def test_a_running_server_is_compared_with_the_original(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    parts = Parts(monkeypatch, "k")
    found = {"same_tokens": 0.9876, "tokens": 100, "prompts": 5, "same_answers": 4}
    monkeypatch.setattr(serve.fidelity, "greet", lambda *given: parts.asked.append(("greet", *given)))
    monkeypatch.setattr(
        serve.fidelity, "measure", lambda *given: parts.asked.append(("measure", *given)) or found
    )
    monkeypatch.setattr(serve.exporting, "ask_original", lambda model, out: "original")
    assert serve.check(url) == (
        "the prompts have the tokens of the training; 98.8% of 100 tokens in 5 answers are the server's most likely "
        "too, 4 whole answers are equal"
    )
    assert parts.asked == [
        ("key", "127.0.0.1"),
        ("greet", "http://h:1", "k"),
        ("measure", "http://h:1", "original", "k"),
    ]


@pytest.mark.parametrize(
    ("asked", "gpu", "major", "precision"),
    [
        ("auto", False, 0, "fp32"),
        ("auto", True, 8, "bf16"),
        ("auto", True, 7, "fp16"),
        ("fp16", True, 9, "fp16"),
    ],
)
def test_the_precision_fits_the_device(
    monkeypatch: pytest.MonkeyPatch, asked: str, gpu: bool, major: int, precision: str
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: gpu)
    monkeypatch.setattr("torch.cuda.get_device_capability", lambda: (major, 9))
    assert devices.choose_precision(asked) == precision


@pytest.mark.parametrize("gpu", [False, True])
def test_the_speed_is_by_the_second_and_names_the_memory_of_a_gpu(
    monkeypatch: pytest.MonkeyPatch, gpu: bool
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: gpu)
    monkeypatch.setattr("torch.cuda.max_memory_allocated", lambda: 1_600_000)
    memory = {"peak_gpu_memory_mb": 2} if gpu else {}
    assert devices.measure_speed(100, 8.04) == {"trained_seconds": 8.0, "tokens_a_second": 12.4, **memory}
    assert devices.measure_speed(100, 0.0) == {"trained_seconds": 0.0, "tokens_a_second": 0.0, **memory}
    assert devices.device().type == ("cuda" if gpu else "cpu")
