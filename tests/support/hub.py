"""A model hub on 127.0.0.1 that takes uploads: what the client library asks of the real one to create and to commit."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote_plus, urlsplit

TOKEN = "hf_a_token_that_may_write"


@dataclass
class Hub:
    """What was created and committed, and how it refuses."""

    address: str = ""
    repos: dict[str, bool] = field(default_factory=dict)
    """kind and name -> private"""
    files: dict[str, bytes] = field(default_factory=dict)
    """kind, name and path -> content"""
    stored: dict[str, bytes] = field(default_factory=dict)
    """sha256 -> content of a large file"""
    messages: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    broken: bool = False
    """large files cannot be stored"""
    echoing: bool = False
    """commits are refused with the token that came with them"""


@contextmanager
def serve() -> Iterator[Hub]:
    """Run a hub until the block ends."""
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            self.answer()

        def do_PUT(self) -> None:
            self.answer()

        def answer(self) -> None:
            path = urlsplit(self.path).path
            hub.asked.append(f"{self.command} {path}")
            body = self._body()
            status, told = respond(hub, self.command, path, body, self.headers.get("Authorization", ""))
            content = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") == "chunked":
                parts = []
                while size := int(self.rfile.readline().strip() or b"0", 16):
                    parts.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                return b"".join(parts)
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


def respond(hub: Hub, method: str, path: str, body: bytes, authorization: str) -> tuple[int, Any]:
    """Status and JSON of an answer."""
    parts = path.strip("/").split("/")
    if parts[0] == "store":
        if hub.broken:
            return 500, {"error": "the disk is full"}
        hub.stored[hashlib.sha256(body).hexdigest()] = body
        return 200, {}
    if hub.echoing and "commit" in parts:  # as careless servers do
        return 400, {"error": f"the disk is full, with {authorization} and {quote_plus(authorization)}"}
    if authorization != f"Bearer {TOKEN}":
        return 401, {"error": "Invalid credentials"}
    if path == "/api/repos/create":
        asked = json.loads(body)
        name = f"{asked.get('organization') or 'me'}/{asked['name']}"
        hub.repos[f"{asked.get('type') or 'model'}s/{name}"] = asked.get(
            "private", asked.get("visibility") == "private"
        )
        return 200, {"url": f"{hub.address}/{name}", "id": name, "name": name}
    if path == "/api/validate-yaml":
        return 200, {"errors": [], "warnings": []}
    if path == "/api/whoami-v2":
        return 200, {"name": "me", "type": "user"}
    if parts[-1] == "batch":
        asked = json.loads(body)
        here = [{"oid": each["oid"], "size": each["size"]} for each in asked["objects"]]
        actions = [
            {**each, "actions": {"upload": {"href": f"{hub.address}/store/{each['oid']}"}}}
            if each["oid"] not in hub.stored
            else each
            for each in here
        ]
        return 200, {"transfer": "basic", "objects": actions}
    repo = "/".join(parts[1:4])
    if "preupload" in parts:
        asked = json.loads(body)
        kinds = [
            {
                "path": each["path"],
                "uploadMode": "regular"
                if each["path"].endswith((".json", ".md", ".jinja", "file"))
                else "lfs",
                "shouldIgnore": False,
                "oid": None,
            }
            for each in asked["files"]
        ]
        return 200, {"files": kinds}
    if "commit" in parts:
        for line in filter(None, body.decode().split("\n")):
            told = json.loads(line)
            value = told["value"]
            if told["key"] == "header":
                hub.messages.append(value["summary"])
            elif told["key"] == "file":
                hub.files[f"{repo}/{value['path']}"] = base64.b64decode(value["content"])
            elif told["key"] == "lfsFile":
                hub.files[f"{repo}/{value['path']}"] = hub.stored[value["oid"]]
        commit = "c" * 40
        return 200, {
            "success": True,
            "commitUrl": f"{hub.address}/{repo}/commit/{commit}",
            "commitOid": commit,
        }
    if method == "GET":  # what the repository is
        return 200, {"id": "/".join(parts[2:4]), "sha": "0" * 40, "siblings": []}
    return 404, {"error": f"not found: {path}"}
