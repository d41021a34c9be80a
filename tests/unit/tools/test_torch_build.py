"""Which build of torch a machine gets, on a real index and without one."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lectern.tools import torch_build


@pytest.fixture
def index() -> Iterator[str]:
    """The address of a package index that has torch and nothing else."""

    class Index(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/cpu/torch/" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Index) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_without_a_gpu_the_cpu_build_is_taken_from_its_index(index: str) -> None:
    options, reason = torch_build.choose({}, linux=True, nvidia=False, index=f"{index}/cpu")
    assert options == ["--no-deps", "--index-url", f"{index}/cpu"]
    assert "TORCH_INDEX=" in reason, "who wants another build reads how"


@pytest.mark.parametrize("place", ["{index}/other", "http://127.0.0.1:9", "no address"])
def test_an_index_that_does_not_have_it_leaves_pip_s_own_and_says_how_large_that_is(
    index: str, place: str
) -> None:
    options, reason = torch_build.choose({}, linux=True, nvidia=False, index=place.format(index=index))
    assert options == []
    assert "6.5 GB" in reason


def test_a_gpu_another_system_and_a_person_decide_without_asking_anybody() -> None:
    nobody = "http://127.0.0.1:9"
    assert torch_build.choose({}, linux=True, nvidia=True, index=nobody)[0] == []
    assert torch_build.choose({}, linux=False, nvidia=False, index=nobody)[0] == []
    chosen = {"TORCH_INDEX": "https://example.org/simple"}
    for nvidia in (True, False):
        options, _ = torch_build.choose(chosen, linux=True, nvidia=nvidia, index=nobody)
        assert options == ["--index-url", "https://example.org/simple"]


def test_make_can_ask_before_any_package_is_installed() -> None:
    # -S and -I leave out everything but Python's own library; the options alone go to standard output.
    done = subprocess.run(
        [sys.executable, "-I", "-S", "lectern/tools/torch_build.py"],
        capture_output=True,
        text=True,
        check=True,
        env={"TORCH_INDEX": "https://example.org/simple"},
    )
    assert done.stdout == "--index-url https://example.org/simple\n"
    assert done.stderr.startswith("setup: torch comes from https://example.org/simple")
