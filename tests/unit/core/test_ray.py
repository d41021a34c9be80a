"""A real Ray cluster of two nodes on this machine: the same bytes as here, and a node that is killed loses nothing."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

from lectern.core import code, items
from lectern.core import compute as computing
from lectern.core.compute import IN_PROCESS, Workers
from lectern.core.errors import LecternError
from lectern.core.item import Item, Load
from lectern.settings.corpus import Corpus
from lectern.settings.transcribe import Transcribe
from stages import fetch, transcribe
from tests.settings import configure
from tests.support import item_makers as makers

pytestmark = pytest.mark.skipif(find_spec("ray") is None, reason="`make extras` has not installed Ray")


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


class Cluster:
    """A head with one CPU, and nodes with one CPU each, on 127.0.0.1."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        # What a node can import besides the code that the driver sends: the makers, and another version of that code.
        paths = folder / "paths"
        (paths / "tests/support").mkdir(parents=True)
        shutil.copy(makers.__file__, paths / "tests/support")
        (paths / "lectern").mkdir()
        (paths / "lectern/__init__.py").write_text(
            "raise AssertionError('not the code that the driver sent')"
        )
        # A node that is gone is found out faster than by default.
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(paths),
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_health_check_period_ms": "500",
            "RAY_health_check_timeout_ms": "1000",
            "RAY_health_check_failure_threshold": "2",
        }
        self.folder, self.nodes = folder, 0
        # Ends the cluster when its input ends, and so when these tests are killed, too.
        script = (
            "import sys; from tests.support import item_makers as makers; "
            "sys.stdin.read(); makers.kill_node(sys.argv[1])"
        )
        command = [sys.executable, "-c", script, f"{folder}:"]
        self.reaper = subprocess.Popen(command, stdin=subprocess.PIPE)

    def start_head(self) -> None:
        port = self.address.partition(":")[2]
        self._ray("--head", f"--port={port}", f"--temp-dir={self.folder}/r", "--include-dashboard=false")

    def add_node(self) -> None:
        self._ray(f"--address={self.address}")

    def _ray(self, *options: str) -> None:
        """Start a node in the background; each of its processes can be told by a variable of its environment."""
        command = [Path(sys.executable).with_name("ray"), "start", *options, "--num-cpus=1"]
        command += ["--node-ip-address=127.0.0.1", "--object-store-memory=100000000"]
        environment = {**self.environment, makers.NODE: f"{self.folder}:{self.nodes}"}
        with (self.folder / "started").open("a") as log:
            subprocess.run(command, env=environment, stdout=log, stderr=log, check=True, cwd=self.folder)
        self.nodes += 1

    def stop(self) -> None:
        """End this cluster, and no other that the machine may run (`ray stop` would)."""
        running = makers.processes_of(f"{self.folder}:")
        self.reaper.communicate()
        assert running
        assert not psutil.wait_procs(running, timeout=20)[1]


@pytest.fixture(scope="module")
def started() -> Iterator[Cluster]:
    # A short path: those of Ray's sockets have at most 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="ray", dir="/tmp"))
    cluster = Cluster(folder)
    try:
        cluster.start_head()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def two_nodes(started: Cluster) -> Cluster:
    """The cluster, with a second node if a test has killed the last one."""
    if not makers.processes_of(f"{started.folder}:{started.nodes - 1}") or started.nodes == 1:
        started.add_node()
    return started


def sync(found: list[Item], out: Path, load: Load, compute: Workers = IN_PROCESS, **options: object) -> str:
    chosen = {"suffix": ".txt", "params": {}, "code": [code], "allow_failed": 1.0, **options}
    return str(items.sync(found, out, load, compute=compute, **chosen))  # type: ignore[arg-type]


def on(cluster: Cluster, **options: object) -> Workers:
    return replace(IN_PROCESS, executor="ray", address=cluster.address, **options)  # type: ignore[arg-type]


def texts(folder: Path, contents: dict[str, str], **values: str) -> list[Item]:
    folder.mkdir()
    for name, text in contents.items():
        (folder / f"{name}.txt").write_text(text)
    return [Item(name, {"text": folder / f"{name}.txt"}, values) for name in contents]


@pytest.mark.slow
def test_both_nodes_make_items_at_once_with_the_drivers_code(two_nodes: Cluster, tmp_path: Path) -> None:
    # Each item waits for the other, and neither node holds two workers.
    os.mkfifo(tmp_path / "pipe")
    found = [Item(mode, {}, {"pipe": str(tmp_path / "pipe"), "mode": mode}) for mode in ("r", "w")]
    assert sync(found, tmp_path / "out", makers.loader("meet"), on(two_nodes)).startswith("made 2")
    facts = list(items.facts(tmp_path / "out").values())
    assert facts[0]["node"] != facts[1]["node"]
    # The code that was sent, not what another machine may have under the driver's path.
    assert not [fact for fact in facts if Path(fact["code"]).is_relative_to(Path.cwd())]


@pytest.mark.slow
def test_files_and_folders_come_and_go_with_their_names(two_nodes: Cluster, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    (folder / "a folder/deep").mkdir(parents=True)
    (folder / "a folder/deep/bytes").write_bytes(bytes(range(256)) * 5000)
    (folder / "a folder/empty").write_bytes(b"")
    (folder / "naïve name.txt").write_text("text")
    found = [Item(name, {"folder": folder / "a folder", "text": folder / "naïve name.txt"}) for name in "abc"]
    for name, compute in {"ray": on(two_nodes), "here": IN_PROCESS}.items():
        sync(found, tmp_path / name, makers.loader("copy_folder"), compute, suffix="")
    assert tree(tmp_path / "ray") == tree(tmp_path / "here")
    assert "b/a folder/deep/bytes" in tree(tmp_path / "ray")


@pytest.mark.slow
def test_every_failure_is_told_as_here(
    two_nodes: Cluster, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    found = texts(tmp_path / "in", {"a": "item", "b": "unforeseen", "c": "fine"})
    for name, compute in {"ray": on(two_nodes), "here": IN_PROCESS}.items():
        sync(found, tmp_path / name, makers.loader("fail_in_every_way"), compute)
        assert "in fail_in_every_way" in capfd.readouterr().err
    assert tree(tmp_path / "ray") == tree(tmp_path / "here")  # the errors stand in the manifest


@pytest.mark.slow
def test_an_item_that_kills_its_worker_fails_alone(two_nodes: Cluster, tmp_path: Path) -> None:
    found = texts(tmp_path / "in", {"a": "one", "b": "bad", "c": "two", "d": "three"})
    with pytest.raises(
        LecternError, match=r"failed 1\. Failed: b \(its worker died each time, in 2 tries: .*"
    ):
        sync(
            found,
            tmp_path / "out",
            makers.loader("die_at_bad"),
            on(two_nodes, max_tries=2),
            allow_failed=0.0,
        )
    assert list(items.read(tmp_path / "out")) == ["a", "c", "d"]


@pytest.mark.slow
def test_a_node_killed_in_mid_run_loses_nothing(two_nodes: Cluster, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    contents = {f"item{n}": f"text {n}" for n in range(10)}
    values = {"flag": str(tmp_path / "flag"), "pipe": str(tmp_path / "pipe")}
    found = texts(tmp_path / "in", contents, **values)
    (tmp_path / "flag").touch()
    made = sync(found, tmp_path / "ray", makers.loader("lose_second_node"), on(two_nodes))
    assert made == "made 10, kept 0, removed 0, failed 0"
    assert not (tmp_path / "flag").exists(), "the node was not killed"
    # what its head had started ends by itself, a little later
    _, alive = psutil.wait_procs(makers.processes_of(f"{two_nodes.folder}:{two_nodes.nodes - 1}"), timeout=60)
    assert not alive
    sync(found, tmp_path / "here", makers.loader("write_text"))
    assert tree(tmp_path / "ray") == tree(tmp_path / "here")


@pytest.mark.slow
def test_what_a_cluster_cannot_do_is_said(two_nodes: Cluster, tmp_path: Path) -> None:
    found = texts(tmp_path / "in", {"a": "one"})
    with pytest.raises(LecternError, match=r"no room for a worker of 8 CPUs and 0 GPUs: lower compute\.cpus"):
        sync(found, tmp_path / "out", makers.loader("write_text"), on(two_nodes, cpus_per_worker=8))
    with pytest.raises(
        LecternError, match=r"on machine .* could not load: LecternError: the model is nowhere"
    ):
        sync(found, tmp_path / "out", makers.load_badly, on(two_nodes))
    other = {"tqdm": "0.0.1"}
    with (
        closing(
            computing.run(
                on(two_nodes),
                makers.loader("write_text"),
                found,
                tmp_path,
                suffix="",
                libraries=other,
            )
        ) as run,
        pytest.raises(
            LecternError, match=r"has tqdm .* but the driver has 0\.0\.1, .*requirements-all\.lock"
        ),
    ):
        next(run)


@pytest.mark.slow
def test_recordings_are_transcribed_to_the_same_bytes_everywhere(two_nodes: Cluster, tmp_path: Path) -> None:
    source = {"kind": "media", "path": "data/sources/smoke"}
    fetch.main(configure(Corpus, "smoke", [source]), tmp_path / "raw")
    ways = {"here": IN_PROCESS, "processes": replace(IN_PROCESS, workers=2), "ray": on(two_nodes)}
    for name, compute in ways.items():
        params = configure(Transcribe, language="en")
        done = transcribe.main(params, tmp_path / "raw", tmp_path / name, compute=compute)
        assert str(done) == "made 4, kept 0, removed 0, failed 0"
    assert tree(tmp_path / "here") == tree(tmp_path / "processes") == tree(tmp_path / "ray")


def test_no_cluster_and_no_ray_are_said_at_once(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = f"127.0.0.1:{taken.getsockname()[1]}"
    found = texts(tmp_path / "in", {"a": "one"})
    began = time.perf_counter()
    with pytest.raises(LecternError, match=f"no Ray cluster answers at {nobody} .*ray start --head"):
        sync(
            found,
            tmp_path / "out",
            makers.loader("write_text"),
            replace(IN_PROCESS, executor="ray", address=nobody),
        )
    assert time.perf_counter() - began < 20
    script = (
        "import sys\nsys.modules['ray'] = None  # what `import` does where it is not installed\n"
        "from dataclasses import replace\nfrom pathlib import Path\n"
        "from lectern.core import items, stage\nfrom lectern.core.compute import IN_PROCESS\n"
        "stage.run('x', lambda: items.sync([items.Item('a', {})], Path(sys.argv[1]), print, suffix='', params={},\n"
        "    code=[], compute=replace(IN_PROCESS, executor='ray')))\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "x")], capture_output=True, text=True)
    assert done.returncode == 1
    assert "make extras" in done.stderr
    assert "Traceback" not in done.stderr
