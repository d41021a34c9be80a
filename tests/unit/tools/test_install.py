"""How `make setup` installs: by uv with what pip is configured to do, and by pip where uv fails."""

import base64
import hashlib
import os
import subprocess
import sys
import threading
import venv
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lectern.tools import install

ROOT = Path(__file__).parents[3]


def translate(
    pip: dict[str, str], environment: dict[str, str] | None = None, *options: str
) -> tuple[dict[str, str], list[str]]:
    return install.translate(pip, environment or {}, ["--no-deps", *options, "-r", "x.lock"])


def test_what_pip_is_configured_to_do_is_handed_to_uv(tmp_path: Path) -> None:
    found, options = translate(
        {
            "index-url": "https://user:pw@mirror.example/simple",
            "extra-index-url": "\nhttps://a.example/simple\nhttps://b.example/simple",
            "find-links": f"{tmp_path} /no/such/folder https://a.example/wheels.html",
            "trusted-host": "mirror.example other.example:8080",
            "cert": "/etc/ca.pem",
            "proxy": "http://proxy.example:3128",
            "timeout": "60",
            "no-index": "false",
        }
    )
    assert found["UV_DEFAULT_INDEX"] == "https://user:pw@mirror.example/simple"
    assert found["UV_INDEX"] == "https://a.example/simple https://b.example/simple"
    assert found["UV_FIND_LINKS"] == f"{tmp_path},https://a.example/wheels.html", (
        "uv would end at what is not there"
    )
    assert found["UV_INSECURE_HOST"] == "mirror.example other.example:8080"
    assert found["SSL_CERT_FILE"] == "/etc/ca.pem"
    assert "UV_SYSTEM_CERTS" not in found
    assert found["HTTPS_PROXY"] == found["HTTP_PROXY"] == "http://proxy.example:3128"
    assert found["UV_HTTP_TIMEOUT"] == "60"
    assert options == ["--no-deps", "-r", "x.lock"]


def test_without_configuration_uv_looks_where_pip_does() -> None:
    found, options = translate({})
    assert set(found) == {
        "UV_INDEX_STRATEGY",
        "UV_PYTHON_DOWNLOADS",
        "UV_COMPILE_BYTECODE",
        "UV_SYSTEM_CERTS",
    }
    assert translate({"no-index": "true"})[1] == [*options, "--no-index"]
    assert translate({}, {"REQUESTS_CA_BUNDLE": "/ca.pem"})[0]["SSL_CERT_FILE"] == "/ca.pem"


def test_uv_s_own_variables_decide_but_for_an_index_that_is_asked_for() -> None:
    own = {"UV_DEFAULT_INDEX": "https://own.example/simple", "SSL_CERT_FILE": "/own.pem"}
    found, _ = translate({"index-url": "https://pip.example/simple", "cert": "/pip.pem"}, own)
    assert "UV_DEFAULT_INDEX" not in found
    assert "SSL_CERT_FILE" not in found
    found, options = translate({}, own, "--index-url", "https://torch.example/cpu")
    assert found["UV_DEFAULT_INDEX"] == "https://torch.example/cpu"
    assert options == ["--no-deps", "-r", "x.lock"]


def test_a_variable_of_pip_decides_over_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pip.conf").write_text(
        "[global]\nindex-url = https://file.example/simple\ntimeout = 7\n[install]\ntimeout = 9\n"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.setenv("PIP_INDEX_URL", "https://variable.example/simple")
    found = install.read_pip_configuration()
    assert found["index-url"] == "https://variable.example/simple"
    assert found["timeout"] == "9"


NAME = "lectern-test-package"
WHEEL = "lectern_test_package-1.0-py3-none-any.whl"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("wheel") / WHEEL
    info = "lectern_test_package-1.0.dist-info"
    files = {
        "lectern_test_package.py": "installed = True\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {NAME}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = [
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b'=').decode()},"
        for name, text in files.items()
    ]
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in {**files, f"{info}/RECORD": "\n".join([*rows, f"{info}/RECORD,,"])}.items():
            archive.writestr(name, text)
    return path


@pytest.fixture
def index(wheel: Path) -> Iterator[tuple[str, list[str]]]:
    """A package index that has the wheel: its address, and who asked it."""
    asked: list[str] = []

    class Index(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.headers.get("User-Agent", "").partition("/")[0])
            body = b""
            if self.path == f"/simple/{NAME}/":
                body = f'<!DOCTYPE html><html><body><a href="/{WHEEL}">{WHEEL}</a></body></html>'.encode()
            elif self.path == f"/{WHEEL}":
                body = wheel.read_bytes()
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", "text/html" if self.path.endswith("/") else "application/zip")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Index) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/simple", asked
        server.shutdown()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """The Python of an empty environment."""
    venv.create(tmp_path / "target", with_pip=False)
    return tmp_path / "target/bin/python"


def lock(folder: Path, digest: str) -> Path:
    file = folder / "toy.lock"
    file.write_text(f"{NAME}==1.0 \\\n    --hash=sha256:{digest}\n")
    return file


def setup(
    target: Path, requirements: Path, address: str, cache: Path, *more: str
) -> subprocess.CompletedProcess[str]:
    """The step of `make setup`, with pip configured for an index, in an environment that has uv already."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
    env |= {"PIP_INDEX_URL": address, "PIP_CONFIG_FILE": os.devnull, "PIP_CACHE_DIR": str(cache)}
    env |= {"UV_CACHE_DIR": str(cache), "UV_NO_CONFIG": "1"}
    options = ["--no-deps", "--require-hashes", *more, "-r", str(requirements)]
    command = [sys.executable, "lectern/tools/install.py", "--python", str(target), *options]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)


def is_installed(target: Path) -> bool:
    code = "import lectern_test_package"
    return subprocess.run([target, "-c", code], capture_output=True, cwd=target.parent).returncode == 0


def test_a_lock_is_installed_by_uv_from_the_index_of_pip(
    tmp_path: Path, target: Path, wheel: Path, index: tuple[str, list[str]]
) -> None:
    address, asked = index
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    done = setup(target, lock(tmp_path, digest), address, tmp_path / "cache")
    assert (done.returncode, done.stderr) == (0, "")
    assert is_installed(target)
    assert set(asked) == {"uv"}


def test_an_index_that_is_chosen_decides_over_the_configured_one(
    tmp_path: Path, target: Path, wheel: Path, index: tuple[str, list[str]]
) -> None:
    file = lock(tmp_path, hashlib.sha256(wheel.read_bytes()).hexdigest())
    nobody = "http://127.0.0.1:9/simple"
    assert setup(target, file, nobody, tmp_path / "cache", "--index-url", index[0]).returncode == 0
    assert is_installed(target)
    assert set(index[1]) == {"uv"}


def test_another_file_than_the_locked_one_is_installed_by_neither(
    tmp_path: Path, target: Path, index: tuple[str, list[str]]
) -> None:
    address, asked = index
    done = setup(target, lock(tmp_path, "0" * 64), address, tmp_path / "cache")
    assert done.returncode != 0
    assert "pip does, which takes longer" in done.stderr
    assert not is_installed(target)
    assert set(asked) == {"uv", "pip"}


def test_where_uv_cannot_be_had_pip_installs(
    tmp_path: Path,
    target: Path,
    wheel: Path,
    index: tuple[str, list[str]],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(install, "get_uv", lambda _: "no wheel for this machine")
    monkeypatch.setenv("PIP_INDEX_URL", index[0])
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_CACHE_DIR", str(tmp_path / "cache"))
    file = lock(tmp_path, hashlib.sha256(wheel.read_bytes()).hexdigest())
    options = ["--no-deps", "--require-hashes", "-r", str(file)]
    assert install.main(["--python", str(target), *options]) == 0
    assert "no wheel for this machine" in capfd.readouterr().err
    assert is_installed(target)
    assert set(index[1]) == {"pip"}
