"""Install locked packages by uv, which takes a fraction of pip's time, or by pip where uv cannot be had.

Run: .venv/bin/python lectern/tools/install.py [--python PYTHON] [OPTION ...] -r FILE        (`make setup` does)
Installs into PYTHON's environment, else into the one that runs this. OPTIONS are pip's: --no-deps, --require-hashes,
--index-url URL. Only Python's own library is imported here.

uv does not read pip's configuration. What stands there on index, certificates, proxy and hosts is handed on; variables
of uv's own (UV_DEFAULT_INDEX ...) decide where they are set.
"""

import ast
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

LOCK = Path(__file__).parents[2] / "requirements-all.lock"
"""It holds the version of uv and its hashes."""
PIP = ("-m", "pip", "--disable-pip-version-check")
SECTIONS = ("global", "install", ":env:")
"""Of pip's configuration; each decides over those before it."""


def main(arguments: Sequence[str]) -> int:
    """Install by uv, else by pip; returns the exit status."""
    python, options = sys.executable, list(arguments)
    if options[:1] == ["--python"]:
        python, options = options[1], options[2:]
    problem = install_by_uv(python, options)
    if problem is None:
        return 0
    print(
        f"setup: uv does not install these packages ({problem}); pip does, which takes longer",
        file=sys.stderr,
    )
    other = [] if python == sys.executable else ["--python", python]
    return subprocess.call(
        [sys.executable, *PIP, *other, "install", "--quiet", "--progress-bar", "on", *options]
    )


def install_by_uv(python: str, options: Sequence[str], lock: Path = LOCK) -> str | None:
    """Install by uv; returns what went wrong, None where nothing did.

    Args:
        python: of the environment.
        options: pip's, with the file of requirements.
        lock: that pins uv.
    """
    problem = get_uv(lock)
    if problem is not None:
        return problem
    environment, options = translate(read_pip_configuration(), os.environ, options)
    command = [
        str(Path(sys.executable).parent / "uv"),
        "pip",
        "install",
        "--python",
        python,
        "--quiet",
        *options,
    ]
    try:
        done = subprocess.run(command, env={**os.environ, **environment}, stderr=subprocess.PIPE, text=True)
    except OSError as error:  # such as a program for another system
        return str(error)
    if done.returncode == 0:
        return None
    sys.stderr.write(done.stderr)
    return f"exit status {done.returncode}"


def get_uv(lock: Path) -> str | None:
    """Install uv beside this Python, as the lock pins it; returns what went wrong."""
    pinned = re.search(r"(?m)^uv==(?:.*\\\n)*.*\n", lock.read_text(encoding="utf-8"))
    if pinned is None:
        return f"{lock} does not name it"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "uv.txt")
        file.write_text(pinned[0], encoding="utf-8")
        options = ("--quiet", "--no-deps", "--require-hashes", "--only-binary=:all:", "-r", str(file))
        done = subprocess.run([sys.executable, *PIP, "install", *options], stderr=subprocess.PIPE, text=True)
    return (done.stderr.strip().splitlines() or ["pip fails"])[-1] if done.returncode else None


def read_pip_configuration() -> dict[str, str]:
    """What pip's files and variables say, such as {"index-url": "https://..."}."""
    done = subprocess.run([sys.executable, *PIP, "config", "list"], capture_output=True, text=True)
    found: dict[str, dict[str, str]] = {section: {} for section in SECTIONS}
    for line in done.stdout.splitlines():
        name, _, value = line.partition("=")
        section, _, key = name.partition(".")
        if section in found:
            found[section][key] = str(ast.literal_eval(value))
    return {key: value for section in SECTIONS for key, value in found[section].items()}


def translate(
    pip: Mapping[str, str], environment: Mapping[str, str], options: Sequence[str]
) -> tuple[dict[str, str], list[str]]:
    """Variables and options by which uv does what pip would do.

    Args:
        pip: pip's configuration.
        environment: variables that are set already.
        options: pip's, of the command line.
    """
    rest = list(options)
    index = pip.get("index-url")
    if "--index-url" in rest:
        place = rest.index("--index-url")
        index = rest[place + 1]
        del rest[place : place + 2]
    if pip.get("no-index", "").lower() in ("1", "true", "yes", "on"):
        rest.append("--no-index")
    certificate = (
        pip.get("cert") or environment.get("REQUESTS_CA_BUNDLE") or environment.get("CURL_CA_BUNDLE")
    )
    proxy = pip.get("proxy")
    wanted = {
        "UV_DEFAULT_INDEX": index,
        "UV_INDEX": " ".join(pip.get("extra-index-url", "").split()),
        "UV_FIND_LINKS": ",".join(filter(_is_there, pip.get("find-links", "").split())),
        "UV_INSECURE_HOST": " ".join(pip.get("trusted-host", "").split()),
        "UV_HTTP_TIMEOUT": pip.get("timeout") or pip.get("default-timeout"),
        "UV_INDEX_STRATEGY": "unsafe-best-match",  # of all indexes, as pip; the hashes say what is right
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_COMPILE_BYTECODE": "1",  # as pip; else each program would compile when it first imports
        "SSL_CERT_FILE": certificate,
        "SSL_CLIENT_CERT": pip.get("client-cert"),
        "UV_SYSTEM_CERTS": None if certificate else "1",  # as pip
        "HTTPS_PROXY": proxy,
        "HTTP_PROXY": proxy,
    }
    chosen = {name: value for name, value in wanted.items() if value and not environment.get(name)}
    if index and "--index-url" in options:
        chosen["UV_DEFAULT_INDEX"] = index
    return chosen, rest


def _is_there(place: str) -> bool:
    """Whether a place with wheels is an address or exists: pip passes over others, and uv ends at them."""
    return "://" in place or Path(place).exists()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
