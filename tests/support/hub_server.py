"""A model hub on 127.0.0.1: what the client library asks of the real one for a model, and how that one refuses."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

TOKEN = "hf_a_token_with_consent"


@dataclass
class Hub:
    """`commits` holds what each model's revisions are; `folders` its files; `gated` those that want a token."""

    address: str = ""
    commits: dict[str, dict[str, str]] = field(default_factory=dict)
    folders: dict[str, Path] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    def put(self, hub_id: str, commit: str, folder: Path | None = None, *, gated: bool = False) -> None:
        """Have a model whose `main` is `commit`."""
        self.commits[hub_id] = {"main": commit, commit: commit}
        if folder is not None:
            self.folders[hub_id] = folder
        if gated:
            self.gated.add(hub_id)

    def environment(self, home: Path) -> dict[str, str]:
        """What makes a process use this hub, with an empty cache and no token."""
        return {"HF_ENDPOINT": self.address, "HF_HOME": str(home), "HF_HUB_OFFLINE": "0", "HF_TOKEN": ""}


@contextmanager
def serve() -> Iterator[Hub]:
    """Run a hub until the block ends."""
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.answer(send=True)

        def do_HEAD(self) -> None:
            self.answer(send=False)

        def answer(self, send: bool) -> None:
            path = unquote(urlsplit(self.path).path)
            hub.asked.append(path)
            status, headers, body = respond(hub, path, self.headers.get("Authorization") == f"Bearer {TOKEN}")
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if send:
                self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        hub.address = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield hub
        finally:
            server.shutdown()
            thread.join()


Response = tuple[int, dict[str, str], bytes]


def respond(hub: Hub, path: str, allowed: bool) -> Response:
    """Status, headers and body for a path of the hub's interface."""
    information = path.startswith("/api/models/")
    parts = path.removeprefix("/api/models").strip("/").split("/")
    hub_id, action, rest = "/".join(parts[:2]), (parts[2:] or [""])[0], parts[3:]
    if hub_id not in hub.commits:
        # without a token the real hub does not tell a missing model from a private one
        return refuse(404 if allowed else 401, "RepoNotFound", "Repository not found")
    revision = rest[0] if rest else "main"
    commit = hub.commits[hub_id].get(revision)
    if information and action in ("", "revision"):
        if commit is None:
            return refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return as_json(
            {"id": hub_id, "sha": commit, "siblings": [{"rfilename": name} for name in files(hub, hub_id)]}
        )
    if hub_id in hub.gated and not allowed:
        return refuse(401, "GatedRepo", f"Access to model {hub_id} is restricted.")
    if commit is None:
        return refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
    if information:
        return as_json(
            [
                {"type": "file", "path": name, "size": path.stat().st_size, "oid": digest(path)}
                for name, path in files(hub, hub_id).items()
            ]
        )
    found = files(hub, hub_id).get("/".join(rest[1:]))
    if found is None:
        return refuse(404, "EntryNotFound", "Entry not found", {"X-Repo-Commit": commit})
    return 200, {"X-Repo-Commit": commit, "ETag": f'"{digest(found)}"'}, found.read_bytes()


def files(hub: Hub, hub_id: str) -> dict[str, Path]:
    folder = hub.folders.get(hub_id)
    return {path.name: path for path in sorted(folder.iterdir())} if folder else {}


def digest(path: Path) -> str:
    return hashlib.sha1(path.read_bytes()).hexdigest()


def refuse(status: int, code: str, message: str, more: dict[str, str] | None = None) -> Response:
    return status, {"X-Error-Code": code, "X-Error-Message": message, **(more or {})}, b""


def as_json(value: object) -> Response:
    return 200, {"Content-Type": "application/json"}, json.dumps(value).encode()
