"""The server of warm processes: imports once, forks for each client. Run: python server.py FOLDER"""

import atexit
import contextlib
import gc
import importlib
import io
import json
import os
import pickle
import runpy
import select
import shutil
import signal
import socket
import sys
import tempfile
import threading
import types

DVC = (
    "dvc.cli.parser",
    "dvc.commands.repro",
    "dvc.repo.reproduce",
    "dvc.repo.commit",
    "dvc.repo.status",
    "celery",
)
LIBRARIES = (
    "hydra",
    "jinja2",
    "numpy",
    "omegaconf",
    "pydantic",
    "regex",
    "scipy.optimize",
    "scipy.stats",
    "torch",
    "transformers",
    "transformers.modeling_utils",
    "transformers.trainer",
    "transformers.models.auto.modeling_auto",
    "transformers.models.llama.modeling_llama",
    "transformers.models.mistral.modeling_mistral",
    "transformers.models.phi.modeling_phi",
    "peft",
)
WEB = (
    "fastapi",
    "uvicorn",
    "socketio",
    "aiohttp",
    "httpx",
    "markdown2",
    "docutils.core",
    "pygments.formatters",
)
"""What NiceGUI imports; it itself reads the environment at once."""
CRAWL = ("scrapy.crawler", "scrapy.core.downloader.handlers.http11", "scrapy.core.engine", "lxml.html")
"""Not Twisted's reactor, which a process installs for itself."""
WANTED = {
    "dvc": DVC,
    "tiny_app": WEB,
    "lectern review": WEB,
    "lectern chat": WEB,
    "lectern.sources.crawl.process": CRAWL,
    "lectern params": (),
    "lectern clean": (),
    "lectern trace": (),
    "lectern compare": (),
    "lectern search": (),
    "lectern update": (),
}
"""Module, or command of lectern -> what it imports of what is dear as it starts; LIBRARIES for all others."""


def main(folder: str) -> list[str]:
    """Serve until nobody holds the other end of `alive`; in a forked process, return what it shall run."""
    del sys.path[0]
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the stages do
    server = socket.socket(socket.AF_UNIX)
    server.bind(f"{folder}/socket")
    server.listen(64)
    # opened for both, so that it waits for nobody; it is closed for writing when the first holder has come
    alive = os.open(f"{folder}/alive", os.O_RDONLY | os.O_NONBLOCK)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    os.dup2(2, 1)
    gone = select.poll()
    gone.register(alive, select.POLLHUP)
    gone.register(server, select.POLLIN)
    while True:
        events = dict(gone.poll())
        if server.fileno() not in events:
            break
        client, _ = server.accept()
        reap()
        asked = receive(client)
        if asked is not None:
            request, files = asked
            prepare(request[0])
            if os.fork() == 0:
                server.close()
                os.close(alive)
                if attend(client, files):
                    client.close()
                    return become(request, files)
            for file in files:
                os.close(file)
        client.close()
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


def reap() -> None:
    """Take note of the children that have ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def receive(client: socket.socket) -> tuple[list, list[int]] | None:
    """What a client sent, with its three open files; None where it has gone."""
    head, files, _, _ = socket.recv_fds(client, 8, 3)
    if len(head) < 8:
        return None
    length, body = int.from_bytes(head, "big"), b""
    while len(body) < length:
        part = client.recv(length - len(body))
        if not part:
            return None
        body += part
    return json.loads(body), files


def prepare(arguments: list[str]) -> None:
    """Import what this will need, if it is asked for the first time."""
    name = arguments[1] if arguments[0] == "-m" else ""
    if name == "lectern" and len(arguments) > 2:
        name = f"lectern {arguments[2]}"
    new = [module for module in WANTED.get(name, LIBRARIES) if module not in sys.modules]
    for module in new:
        importlib.import_module(module)
    if "dvc.repo.reproduce" in new:
        remember_yaml()
    if new:
        gc.collect()
        gc.freeze()


def remember_yaml() -> None:
    """Let a DVC parse each text once. It reads params.yaml a hundred times in a run, and dvc.lock for each stage anew,
    in pure Python, which takes most of its time."""
    from dvc.utils import serialize
    from dvc.utils.serialize import _yaml

    parse, dump, read, written = _yaml.parse_yaml, _yaml._dump, {}, {}

    def parse_once(text: str, path: str, typ: str = "safe") -> object:
        if typ != "safe":  # it is changed and written again, and nobody else has it
            return written.pop(text) if text in written else parse(text, path, typ)
        if text not in read:
            read[text] = pickle.dumps(parse(text, path, typ))
        return pickle.loads(read[text])

    def dump_and_keep(data: object, stream: io.TextIOBase) -> None:
        with io.StringIO() as kept:
            dump(data, kept)
            written.clear()
            written[kept.getvalue()] = data
            stream.write(kept.getvalue())

    _yaml.parse_yaml = serialize.parse_yaml = parse_once
    _yaml._dump = dump_and_keep


def attend(client: socket.socket, files: list[int]) -> bool:
    """Fork once more, and wait: True in the process that shall run; the other tells the client how it ended."""
    process = os.fork()
    if process == 0:
        os.setsid()
        return True
    for file in files:
        os.close(file)
    ended = os.pidfd_open(process)
    while True:
        ready, _, _ = select.select([ended, client], [], [])
        if ended in ready:
            status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
            try:
                client.sendall(str(status).encode())
            finally:
                os._exit(0)
        for number in client.recv(64) or [
            signal.SIGKILL
        ]:  # a client that was killed takes its process with it
            for kill in (os.killpg, os.kill) if number == signal.SIGKILL else (os.kill,):
                with contextlib.suppress(ProcessLookupError):
                    kill(process, number)
            if number == signal.SIGKILL:
                os._exit(0)


def become(request: list, files: list[int]) -> list[str]:
    """Take over the client's arguments, environment, folder and files."""
    arguments, environment, folder, ignored = request
    hub_before = {name: value for name, value in os.environ.items() if name.startswith("HF_")}
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        usual = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
        signal.signal(number, signal.SIG_IGN if number in ignored else usual)
    # New streams: those of the server remember what its files were, such as whether one can seek in them.
    direct = bool(environment.get("PYTHONUNBUFFERED"))
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - open as long as the process runs
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout.reconfigure(line_buffering=direct, write_through=direct)
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    sys.stderr.reconfigure(line_buffering=True)
    sys.executable = environment.get("LECTERN_TESTS_PYTHON", sys.executable)
    tempfile.tempdir = None  # it is found anew
    if {name: value for name, value in environment.items() if name.startswith("HF_")} != hub_before:
        change_hub()
    first = {"-m": folder, "-c": ""}.get(arguments[0], arguments[0].rpartition("/")[0])
    own = environment.get("PYTHONPATH", "")
    sys.path[:0] = [first, *filter(None, own.split(os.pathsep))]
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    gc.enable()
    return arguments


def change_hub() -> None:
    """Let huggingface_hub read its variables again. It and transformers look most constants up when they need them."""
    if (constants := sys.modules.get("huggingface_hub.constants")) is None:
        return
    importlib.reload(constants)
    for name, module in list(sys.modules.items()):
        if name.startswith("huggingface_hub."):
            for constant in vars(module).keys() & {name for name in vars(constants) if name.isupper()}:
                setattr(module, constant, getattr(constants, constant))
    if interface := sys.modules.get("huggingface_hub.hf_api"):
        interface.api.endpoint = constants.ENDPOINT


def run(arguments: list[str]) -> int:
    """Run as `python` would with these arguments; return the exit status."""
    kind, what, *rest = arguments
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    sys.argv = [kind, *rest]
    try:
        if kind == "-m":
            runpy._run_module_as_main(what)
        elif kind != "-c":
            sys.argv = arguments
            runpy.run_path(kind, run_name="__main__")
        else:
            exec(compile(what, "<string>", "exec"), main.__dict__)
    except SystemExit as ended:
        if ended.code is None or isinstance(ended.code, int):
            return (ended.code or 0) & 255
        print(ended.code, file=sys.stderr)
        return 1
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
        return -signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1
    return 0


if __name__ == "__main__":
    status = run(main(sys.argv[1]))
    # as the interpreter ends, but for taking thousands of modules apart
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    if status == -signal.SIGINT:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    os._exit(status)
