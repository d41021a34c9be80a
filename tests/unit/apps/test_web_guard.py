"""Nothing but a browser on this machine, on the page itself, is answered."""

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from stages.apps.web import server, widgets
from stages.apps.web.guard import HEADERS, why_refused
from stages.core.errors import LecternError
from tests import browsers
from tests.browsers import needs_chromium
from tests.unit.apps.web_app import running

APP = """
from stages.apps.web import server, widgets

HOSTILE = "<script>document.title = 'taken'</script><img src=x onerror=\\"document.title='taken'\\">" + "a" * 1_000_000

def build():
    from nicegui import ui

    @ui.page("/")
    def home():
        with widgets.frame("app", {"Home": "/"}, "Home"):
            widgets.text(HOSTILE)
            widgets.link("javascript:document.title='taken'", "a <b>place</b>")

server.serve("app", "a page", build, port=0, show=False)
"""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    folder = tmp_path_factory.mktemp("app")
    (folder / "tiny_app.py").write_text(APP)
    with running("tiny_app", folder) as address:
        yield address, folder


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "127.0.0.1.evil.example:80"},
        {"host": "localhost.evil.example"},
        {"host": ""},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site", "sec-fetch-mode": "cors"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"},
    ],
)
def test_what_comes_from_elsewhere_is_refused(app: tuple[str, Path], headers: dict[str, str]) -> None:
    answer = httpx.get(f"{app[0]}/", headers=headers)
    assert answer.status_code == 403
    assert "script" not in answer.text
    socket = httpx.get(f"{app[0]}/_nicegui_ws/socket.io/?EIO=4&transport=polling", headers=headers)
    assert socket.status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec-fetch-site": "none"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"},
    ],
)
def test_the_page_itself_is_answered_and_tells_the_browser_to_load_nothing_from_elsewhere(
    app: tuple[str, Path], headers: dict[str, str]
) -> None:
    answer = httpx.get(f"{app[0]}/", headers=headers)
    assert answer.status_code == 200
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    named = httpx.get(app[0].replace("127.0.0.1", "localhost") + "/")
    assert named.status_code == 200


def test_a_navigation_from_elsewhere_may_open_the_page_but_post_nothing() -> None:
    opened = {"host": "127.0.0.1:1", "sec-fetch-site": "cross-site"}
    opened |= {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert why_refused("GET", opened) is None
    assert why_refused("POST", opened) is not None


def test_a_websocket_from_another_site_is_refused(app: tuple[str, Path]) -> None:
    from websockets.exceptions import InvalidStatus
    from websockets.sync.client import connect

    address = app[0].replace("http", "ws") + "/_nicegui_ws/socket.io/?EIO=4&transport=websocket"
    with connect(address, origin=app[0]) as own:  # type: ignore[arg-type]
        assert str(own.recv(5)).startswith("0{")
    with pytest.raises(InvalidStatus, match="403"), connect(address, origin="https://evil.example"):  # type: ignore[arg-type]
        pass


def test_no_other_address_of_this_machine_reaches_it(app: tuple[str, Path]) -> None:
    port = int(app[0].rpartition(":")[2])
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", port), timeout=5).close()


@needs_chromium
def test_a_site_in_the_same_browser_cannot_use_the_page(app: tuple[str, Path]) -> None:
    """As another site the test takes the other name of this machine, on another port."""
    from functools import partial
    from http.server import HTTPServer, SimpleHTTPRequestHandler
    from threading import Thread

    address, folder = app
    site = folder / "site"
    site.mkdir()
    (site / "index.html").write_text(f"<iframe src='{address}/'></iframe>")
    handler = partial(SimpleHTTPRequestHandler, directory=str(site))
    with HTTPServer(("127.0.0.1", 0), handler) as other, browsers.start() as started:
        Thread(target=other.serve_forever, daemon=True).start()
        page = started.new_page()
        page.goto(f"http://localhost:{other.server_port}/")
        assert "Home" not in page.frames[1].content()
        tried = """async url => {
          const asked = [fetch(url), fetch(url, {mode: "no-cors", method: "POST", body: "x"})]
          const ws = new Promise(done => {
            const socket = new WebSocket(url.replace("http", "ws") + "_nicegui_ws/socket.io/?EIO=4&transport=websocket")
            socket.onopen = () => done("open"); socket.onerror = () => done("refused")
          })
          const [one] = await Promise.allSettled(asked)
          return [one.status, await ws]
        }"""
        assert page.evaluate(tried, f"{address}/") == ["rejected", "refused"]
        other.shutdown()


@needs_chromium
def test_hostile_text_is_shown_as_text_and_a_long_one_in_part(app: tuple[str, Path]) -> None:
    address, _ = app
    with browsers.start() as started:
        page = started.new_page()
        wrong: list[str] = []
        page.on("console", lambda message: wrong.append(message.text))
        page.on("request", lambda request: request.url.startswith(address) or wrong.append(request.url))
        page.goto(f"{address}/")
        page.get_by_text("<script>document.title = 'taken'</script>").wait_for()
        assert page.title() == "a page"
        assert page.locator("a", has_text="place").count() == 0
        page.get_by_role("button", name="show the first 200,000 of 1,000,").click()
        page.wait_for_function("document.body.innerText.length > 200000")
        assert page.title() == "a page"
        assert not wrong


@pytest.mark.parametrize(
    ("url", "fine"),
    [
        ("https://example.org/a?t=83", True),
        ("http://example.org", True),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("//example.org", False),
        ("../../etc/passwd", False),
        ("http://[", False),
        ("", False),
    ],
)
def test_only_web_addresses_become_links(url: str, fine: bool) -> None:
    assert widgets.is_web_address(url) is fine


def test_a_port_that_is_taken_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(LecternError, match=f"port {port} .*--port 0"):
            server.find_port(port)
    with pytest.raises(LecternError, match="port 99999"):
        server.find_port(99999)


def test_the_framework_is_not_imported_with_the_tools() -> None:
    import subprocess

    code = "import sys, stages.review; sys.exit('nicegui' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[3]).returncode == 0
