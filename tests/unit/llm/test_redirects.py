"""An endpoint that leads to another address gets that address neither the token nor a text."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from lectern.core.errors import LecternError
from lectern.llm import client, reaching
from lectern.settings.llm import LLM
from tests.settings import configure
from tests.support import asking

TOKEN = "sk/4+f=Q-1234"


@contextmanager
def serve(status: int, place: str = "") -> Iterator[tuple[str, list[str]]]:
    """A server that answers everything with this status, and the requests that it got."""
    came: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
            came.append(f"{self.command} {self.path} {self.headers} {body}")
            self.send_response(status)
            self.send_header("location", f"{place}{self.path}?key={TOKEN}")
            self.send_header("content-length", "0")
            self.end_headers()

        do_GET = do_POST = answer  # noqa: N815

        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", came
        finally:
            server.shutdown()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_told_and_not_followed(
    status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LECTERN_TEST_TOKEN", TOKEN)
    with serve(400) as (elsewhere, sent), serve(status, elsewhere) as (url, came):
        llm = configure(
            LLM,
            name="x",
            engine="openai",
            model="m",
            base_url=f"{url}/v1",
            api_key="LECTERN_TEST_TOKEN",
            max_tries=2,
        )
        with pytest.raises(LecternError) as told:
            client.ask(asking.make_requests(llm, 3), llm, tmp_path, "teacher")
        with pytest.raises(LecternError) as looked:
            reaching.find_models(llm.base_url, llm.api_key)
    assert sent == []
    assert TOKEN in "".join(came)
    for error in (told, looked):
        assert f"moved to {elsewhere}/v1/" in str(error.value)
        assert "make it the base_url" in str(error.value)
        assert TOKEN not in str(error.value)
    assert TOKEN not in "".join(capfd.readouterr())
