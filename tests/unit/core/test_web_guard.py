"""Nothing but a browser on this machine, on the page itself, is answered."""

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from lectern.apps.web import server, widgets
from lectern.core.errors import LecternError
from lectern.core.guard import HEADERS, OWN_NAMES, why_refused
from tests.support import browsers
from tests.support.browsers import needs_chromium
from tests.support.web_app import running

APP = """
from lectern.apps.web import server, widgets

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
        {"host": "localhost:evil.com"},
        {"host": "127.0.0.1:80:80"},
        {"host": "127.0.0.1:99999"},
        {"host": "evil.com@127.0.0.1"},
        {"host": "127.0.0.1/evil.com"},
        {"host": "[::1"},
        {"host": "::1"},
        {"origin": "http://[::1"},
        {"origin": "http://"},
        {"origin": "//127.0.0.1"},
        {"origin": ""},
        {"origin": "http://127.0.0.1:1 https://evil.example"},
    ],
)
def test_what_comes_from_elsewhere_is_refused(app: tuple[str, Path], headers: dict[str, str]) -> None:
    answer = httpx.get(f"{app[0]}/", headers=headers)
    assert answer.status_code == 403
    assert "script" not in answer.text
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
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
    assert why_refused("GET", opened.items()) is None
    assert why_refused("POST", opened.items()) is not None
    assert why_refused("GET", opened.items(), opened=False) is not None, "no link leads to an interface"


def ask_raw(address: str, *lines: bytes, method: bytes = b"GET") -> bytes:
    """The answer to a request with exactly these headers."""
    port = int(address.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"\r\n".join((method + b" / HTTP/1.1", *lines, b"connection: close", b"", b"")))
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [b"host: HERE", b"host: HERE"],
        [b"host: HERE", b"host: evil.example"],
        [b"host: evil.example", b"host: HERE"],
        [b"host: HERE", b"origin: http://HERE", b"origin: https://evil.example"],
        [b"host: HERE", b"origin: http://HERE", b"origin: http://HERE"],
        [b"host: HERE", b"sec-fetch-site: none", b"sec-fetch-site: cross-site"],
        [b"host: HERE", b"origin: http://\xff\xfe"],
        [b"host: 127.0.0.1\xff"],
    ],
)
def test_what_a_browser_sends_once_is_not_taken_twice_and_bytes_are_no_names(
    app: tuple[str, Path], lines: list[bytes]
) -> None:
    here = app[0].removeprefix("http://").encode()
    answer = ask_raw(app[0], *(line.replace(b"HERE", here) for line in lines))
    assert answer.partition(b"\r\n")[0].split()[1] in (b"400", b"403")
    head = answer.partition(b"\r\n\r\n")[0].decode("latin-1").lower().splitlines()
    assert {
        name: value for name, _, value in (line.partition(": ") for line in head) if name in HEADERS
    } == HEADERS
    assert ask_raw(app[0], b"host: " + here).startswith(b"HTTP/1.1 200")


def test_a_preflight_is_refused(app: tuple[str, Path]) -> None:
    asked = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    answer = httpx.options(f"{app[0]}/", headers=asked)
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize(
    "host", ["127.0.0.1:9000", "localhost:9000", "LocalHost:9000", "[::1]:9000", "localhost"]
)
def test_a_tunnel_may_have_another_port(app: tuple[str, Path], host: str) -> None:
    headers = {"host": host, "origin": f"http://{host}", "sec-fetch-site": "same-origin"}
    assert httpx.get(f"{app[0]}/", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("names", "host", "answered"),
    [
        (OWN_NAMES, "box.example:80", False),
        ((*OWN_NAMES, "192.168.0.5"), "192.168.0.5:8080", True),
        ((*OWN_NAMES, "192.168.0.5"), "evil.example", False),
        (None, "box.example:80", True),
        (None, "[fe80::1]:80", True),
        (None, "box.example:evil", False),
        (None, "box example", False),
        (None, "", False),
    ],
)
def test_a_server_answers_to_the_names_that_it_was_given(
    names: tuple[str, ...] | None, host: str, answered: bool
) -> None:
    assert (why_refused("GET", [("Host", host)], names) is None) is answered
    other = [("Host", host), ("Origin", "https://evil.example")]
    assert why_refused("GET", other, names) is not None


def test_a_websocket_from_another_site_is_refused(app: tuple[str, Path]) -> None:
    from websockets.exceptions import InvalidStatus
    from websockets.sync.client import connect

    address = app[0].replace("http", "ws") + "/_nicegui_ws/socket.io/?EIO=4&transport=websocket"
    with connect(address, origin=app[0]) as own:  # type: ignore[arg-type]
        assert str(own.recv(5)).startswith("0{")
    with pytest.raises(InvalidStatus, match="403") as refused:
        connect(address, origin="https://evil.example").__enter__()  # type: ignore[arg-type]
    assert {name: refused.value.response.headers[name] for name in HEADERS} == HEADERS


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

    code = "import sys, lectern.tools.review; sys.exit('nicegui' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[3]).returncode == 0
