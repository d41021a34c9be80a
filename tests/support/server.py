"""A web site on 127.0.0.1 for the tests of what downloads: it counts what is asked of it, and can fail on purpose."""

import ssl
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass(frozen=True)
class Reply:
    """What one path answers. With `only` bytes it cuts the connection after them; `hang` says nothing at all.

    With `stays` it sends the body and then nothing more, without an end. A header that is None is not sent.
    """

    body: bytes = b""
    type: str = "application/octet-stream"
    status: int = 200
    headers: Mapping[str, str | None] = field(default_factory=dict)
    only: int | None = None
    hang: bool = False
    stays: bool = False


@dataclass
class Site:
    """`pages` answer each request alike; what stands in `once` for a path is answered first, in order."""

    address: str = ""
    pages: dict[str, Reply] = field(default_factory=dict)
    once: dict[str, list[Reply]] = field(default_factory=lambda: defaultdict(list))
    hits: list[str] = field(default_factory=list)
    ranges: list[str] = field(default_factory=list)
    cookies: list[str] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)

    def put(self, path: str, body: bytes | str, type: str = "audio/mpeg") -> str:
        """Serve `body` under `path`; return its address."""
        self.pages[path] = Reply(body.encode() if isinstance(body, str) else body, type)
        return self.address + path

    def asked(self, path: str) -> int:
        """How often this path was asked for, whatever its query."""
        return sum(hit.partition("?")[0] == path for hit in self.hits)


@contextmanager
def serve(certificate: Path | None = None) -> Iterator[Site]:
    """Run a site until the block ends; by https with a file of its key and certificate."""
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.answer(send=True)

        def do_HEAD(self) -> None:
            self.answer(send=False)

        def answer(self, send: bool) -> None:
            path = self.path.partition("?")[0]
            site.hits.append(self.path)
            site.headers.append(dict(self.headers))
            site.cookies += [self.headers["Cookie"]] if "Cookie" in self.headers else []
            planned = site.once[path]
            reply = planned.pop(0) if planned else site.pages.get(path, Reply(b"no such page", status=404))
            if reply.hang:
                site.closing.wait()
                self.close_connection = True
                return
            body, status, headers = reply.body, reply.status, dict(reply.headers)
            wanted = self.headers.get("Range")
            if wanted and status == 200:
                site.ranges.append(wanted)
                start = int(wanted.removeprefix("bytes=").partition("-")[0])
                headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
                body, status = body[start:], 206
            self.send_response(status)
            for name, value in {
                "Content-Type": reply.type,
                "Content-Length": str(len(body)),
                **headers,
            }.items():
                if value is not None:
                    self.send_header(name, value)
            self.end_headers()
            if send:
                self.wfile.write(body if reply.only is None else body[: reply.only])
            if reply.stays:
                site.closing.wait()
            self.close_connection = reply.only is not None or reply.stays

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A client that goes away is what some tests are about."""

    with Server(("127.0.0.1", 0), Handler) as server:
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        site.address = f"http{'s' if certificate else ''}://127.0.0.1:{server.server_address[1]}"
        try:
            yield site
        finally:
            site.closing.set()
            server.shutdown()
            thread.join()
