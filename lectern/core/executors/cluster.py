"""Make items on the machines of a Ray cluster.

Each worker is an actor, which loads the model once. The bytes of an item's inputs go to it through Ray's object store,
for no more items at a time than there are workers, and the bytes of its output come back; only the driver writes. The
driver sends its own code along, so that no other version of the code decides the bytes; the libraries
must be installed on each machine, and a worker compares their versions with the driver's before it begins. A packaged
model is unpacked on each machine by itself; a model that is named by its directory must be there under the same
absolute path.
"""

import importlib.metadata
import logging
import os
import shutil
import socket
import tempfile
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import lectern
from lectern.core import instructions, stage
from lectern.core.errors import LecternError
from lectern.core.executors import crew
from lectern.core.item import Item, Load, Made, make_one, use_one_blas_thread
from lectern.core.printing import first_line

PATIENCE = 30.0
"""Seconds without an event after which the driver asks whether the cluster still has room for a worker."""
TIMEOUT = 5.0
"""Seconds to wait for an answer of the cluster's head."""

Packed = np.ndarray | dict[str, np.ndarray]
"""Bytes of a file, or of a directory's files by relative name. The object store does not copy arrays."""


@dataclass(frozen=True)
class _Failure:
    """Why a worker cannot go on, as it reports itself."""

    reason: str


def run(
    load: Load,
    items: Sequence[Item],
    scratch: Path,
    suffix: str,
    *,
    libraries: Mapping[str, str],
    address: str,
    workers: int,
    cpus: float,
    gpus: float,
    max_tries: int,
) -> Iterator[Made]:
    """See `compute.run`. When a worker or a machine dies, each item that it was making loses one try.

    Raises:
        LecternError: Ray is not installed, no cluster answers, the cluster has no room for a worker, or a worker
            cannot load or has other versions of the libraries than the driver.
    """
    with _connected(address) as ray:
        actors = _Actors(ray, load, scratch, suffix, libraries, cpus, gpus)
        if not (room := actors.room()):
            raise LecternError(
                f"the Ray cluster has no room for a worker of {cpus:g} CPUs and {gpus:g} GPUs: lower "
                "compute.cpus_per_worker or compute.gpus_per_worker, or add machines (`ray start --address=...`)."
            )
        yield from crew.make_all(actors, items, workers=workers or room, max_tries=max_tries)


@contextmanager
def _connected(address: str) -> Iterator[Any]:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_NUM_REDIS_GET_RETRIES", "1")  # by default Ray tries a dead cluster for minutes
    try:
        import ray
    except ImportError as error:
        raise LecternError(
            "compute.executor is ray, but the package ray is not installed. Install it by `make extras`, or choose "
            "compute=local."
        ) from error
    address = address or os.environ.get("RAY_ADDRESS") or "auto"
    _knock(address)
    with tempfile.TemporaryDirectory() as folder:
        # A folder with the code alone, as the working directory: then, and only then, Ray does not put the driver's
        # paths first, under which another machine may have another version of the code.
        code = Path(lectern.__file__).parents[1]
        for package in ("lectern", "stages"):
            shutil.copytree(
                code / package, Path(folder) / package, ignore=shutil.ignore_patterns("__pycache__")
            )
        try:
            ray.init(
                address=address,
                runtime_env={"working_dir": folder, "env_vars": instructions.inherited()},
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise _no_cluster(address, first_line(error)) from error
        try:
            yield ray
        finally:
            ray.shutdown()


def _knock(address: str) -> None:
    """Raise an error at once if nothing listens at the address; Ray itself would wait for minutes."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if host and port.isdigit():
        try:
            socket.create_connection((host, int(port)), TIMEOUT).close()
        except OSError as error:
            raise _no_cluster(address, first_line(error)) from error


def _no_cluster(address: str, reason: str) -> LecternError:
    return LecternError(
        f"no Ray cluster answers at {address} ({reason}). Start its "
        "head (`ray start --head --port=6379`), join this machine to it (`ray start --address=HEAD:6379`), and name it "
        "in compute.address or RAY_ADDRESS; or choose compute=local."
    )


class _Actors:
    remedy = (
        "Its machine was lost or has too little memory: a larger compute.cpus_per_worker puts fewer on each."
    )

    def __init__(
        self,
        ray: Any,
        load: Load,
        scratch: Path,
        suffix: str,
        libraries: Mapping[str, str],
        cpus: float,
        gpus: float,
    ) -> None:
        self.ray, self.scratch, self.suffix = ray, scratch, suffix
        self.order = (load, dict(libraries))
        self.share = {name: amount for name, amount in (("CPU", cpus), ("GPU", gpus)) if amount}
        # `crew.make_all` replaces dead workers and counts the tries; Ray itself must restart nothing.
        options = {"num_cpus": cpus, "num_gpus": gpus, "max_restarts": 0, "max_task_retries": 0}
        self.actor = ray.remote(**options)(Worker)
        self.news: dict[Any, Any] = {}  # reference to a pending result -> the actor that will return it

    def room(self) -> int:
        """How many workers the machines that are alive now can hold."""
        machines = [node["Resources"] for node in self.ray.nodes() if node["Alive"]]
        return sum(int(min(m.get(name, 0) / need for name, need in self.share.items())) for m in machines)

    def start(self) -> Hashable:
        actor = self.actor.remote()
        self.news[actor.load.remote(*self.order)] = actor
        return actor

    def give(self, worker: Any, item: Item) -> None:
        inputs = {role: (path.name, pack(path)) for role, path in item.inputs.items()}
        self.news[worker.make.remote(item.id, dict(item.values), inputs, self.suffix)] = worker

    def events(self) -> Iterator[tuple[Hashable, crew.Ready | Made | crew.Died]]:
        done, _ = self.ray.wait(list(self.news), timeout=PATIENCE)
        if not done and not self.room():
            raise LecternError(
                "the Ray cluster has lost every machine that could hold a worker. Add some (`ray start --address=...`) "
                "and run `dvc repro` again: what was finished is kept."
            )
        for reference in done:
            actor = self.news.pop(reference)
            try:
                answer = self.ray.get(reference)
            except self.ray.exceptions.RayError as error:
                self.ray.kill(actor)
                yield actor, crew.Died(_cause(error))
                continue
            if isinstance(answer, _Failure):
                raise LecternError(answer.reason)
            yield actor, self._received(*answer) if answer else crew.Ready()

    def _received(self, made: Made, packed: Packed | None) -> Made:
        if packed is None:
            return made
        path = Path(tempfile.mkdtemp(dir=self.scratch)) / (made.id + self.suffix)
        unpack(packed, path)
        return Made(made.id, path, made.facts)


def _cause(error: Exception) -> str:
    """The line of Ray's message that says what happened; the other lines are ids of its processes."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    causes = [line for line in lines if line.startswith("The actor is dead because")]
    return (causes or lines or [type(error).__name__])[0].partition(" Worker exit detail")[0].rstrip(". ")


class Worker:
    """The actor that runs on a machine of the cluster."""

    def load(self, load: Load, libraries: Mapping[str, str]) -> _Failure | None:
        """Load the model. Returns the failure if that is impossible."""
        here = socket.gethostname()
        stage.quieten_libraries()
        try:
            for name, version in libraries.items():
                found = importlib.metadata.version(name)
                if found != version:
                    return _Failure(
                        f"machine {here} has {name} {found} but the driver has {version}, which may make other bytes: "
                        "install requirements-all.lock on each machine."
                    )
            use_one_blas_thread()
            self._make = load()
        except Exception as error:
            return _Failure(f"a worker on machine {here} could not load: {type(error).__name__}: {error}")
        return None

    def make(
        self, name: str, values: Mapping[str, Any], inputs: Mapping[str, tuple[str, Packed]], suffix: str
    ) -> tuple[Made, Packed | None] | _Failure:
        """Make one item from the bytes of its inputs."""
        with tempfile.TemporaryDirectory() as folder:
            received = {}
            try:
                for number, (role, (file_name, packed)) in enumerate(inputs.items()):
                    received[role] = Path(folder) / str(number) / file_name
                    unpack(packed, received[role])
                made = make_one(self._make, Item(name, received, values), Path(folder), suffix)
                packed_output = pack(made.path) if made.path else None
            except OSError as error:
                return _Failure(
                    f"machine {socket.gethostname()}: {error}. Correct that, or remove the machine from the cluster, "
                    "and run `dvc repro` again: what was finished is kept."
                )
        return Made(name, None, made.facts, made.error, made.traceback), packed_output


def pack(path: Path) -> Packed:
    """The bytes of a file, or of all files below a directory."""
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.is_file())
        return {p.relative_to(path).as_posix(): np.fromfile(p, np.uint8) for p in files}
    return np.fromfile(path, np.uint8)


def unpack(packed: Packed, path: Path) -> None:
    """Write to `path` what `pack` read."""
    if isinstance(packed, dict):
        path.mkdir(parents=True)
        for name, content in packed.items():
            unpack(content, path / name)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        packed.tofile(path)
