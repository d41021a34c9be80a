"""What runs on a cluster, without one: how many workers there are, and what a worker does and says."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lectern.core import stage
from lectern.core.errors import ItemError, LecternError
from lectern.core.executors import cluster, crew
from lectern.core.item import Item, Made


def machines(*resources: Mapping[str, float], alive: bool = True) -> list[dict[str, Any]]:
    return [{"Resources": dict(each), "Alive": alive} for each in resources]


def fake_ray(nodes: list[dict[str, Any]]) -> Any:
    return SimpleNamespace(nodes=lambda: nodes, remote=lambda **options: lambda worker: options)


def actors(nodes: list[dict[str, Any]], cpus: float, gpus: float) -> cluster._Actors:
    return cluster._Actors(fake_ray(nodes), lambda: print, Path(), "", {}, cpus, gpus)  # type: ignore[arg-type]


def test_a_machine_holds_as_many_workers_as_what_it_has_least_of() -> None:
    three = machines({"CPU": 8, "GPU": 1}, {"CPU": 3, "GPU": 4}, {"CPU": 16})
    assert actors(three, cpus=2, gpus=1).room() == 1 + 1 + 0
    assert actors(three, cpus=2, gpus=0).room() == 4 + 1 + 8
    assert actors(three, cpus=2, gpus=0.5).room() == 2 + 1 + 0
    # property: a machine that is gone holds none
    assert actors([*three, *machines({"CPU": 99}, alive=False)], cpus=2, gpus=0).room() == 13
    # property: Ray starts nothing again by itself, or an item would be tried more often than is counted
    assert actors(three, cpus=2, gpus=1).actor == {
        "num_cpus": 2, "num_gpus": 1, "max_restarts": 0, "max_task_retries": 0,
    }  # fmt: skip


@pytest.mark.parametrize(("chosen", "started"), [(0, 3), (2, 2), (9, 9)])
def test_the_number_of_workers_is_the_chosen_one_or_else_as_many_as_there_is_room_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chosen: int, started: int
) -> None:
    @contextmanager
    def connected(address: str) -> Iterator[Any]:
        yield fake_ray(machines({"CPU": 3}))

    asked: list[int] = []

    def make_all(actors: Any, items: Any, *, workers: int, max_tries: int) -> Iterator[Made]:
        asked.append(workers)
        yield from (Made(item.id) for item in items)

    monkeypatch.setattr(cluster, "_connected", connected)
    monkeypatch.setattr(crew, "make_all", make_all)

    def run(cpus: float) -> list[str]:
        made = cluster.run(
            lambda: print, [Item("a", {})], tmp_path, "", libraries={}, address="", workers=chosen, cpus=cpus,
            gpus=0, max_tries=2,
        )  # type: ignore[arg-type]  # fmt: skip
        return [one.id for one in made]

    assert run(cpus=1) == ["a"]
    assert asked == [started]
    with pytest.raises(LecternError, match=r"no room for a worker of 4 CPUs and 0 GPUs: lower compute\."):
        run(cpus=4)


def shout(item: Item, path: Path) -> dict[str, int]:
    """Write the item's text in capitals, `times` times."""
    text = item.inputs["text"].read_text()
    if not text:
        raise ItemError("is empty")
    path.mkdir()
    (path / "said.txt").write_text(text.upper() * item.values["times"])
    (path / "sub").mkdir()
    (path / "sub" / item.inputs["text"].name).touch()
    return {"letters": len(text)}


@pytest.fixture(autouse=True)
def prepared(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a worker does to its process, which is none of its own here."""
    done: list[str] = []
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")
    monkeypatch.setattr(cluster, "use_one_blas_thread", lambda: done.append("one thread"))
    monkeypatch.setattr(stage, "quieten_libraries", lambda: done.append("quiet"))
    return done


def loaded(**libraries: str) -> tuple[cluster.Worker, Any]:
    worker = cluster.Worker()
    return worker, worker.load(lambda: shout, libraries)


def test_a_worker_makes_an_item_of_the_bytes_that_it_is_sent(tmp_path: Path, prepared: list[str]) -> None:
    worker, failure = loaded()
    assert prepared == ["quiet", "one thread"], "or two machines would make other bytes"
    assert failure is None
    source = tmp_path / "in.txt"
    source.write_text("hello ")

    def make() -> Any:
        return worker.make("a", {"times": 2}, {"text": (source.name, cluster.pack(source))}, ".out")

    made, packed = make()
    assert (made.id, made.path, made.facts, made.error) == ("a", None, {"letters": 6}, "")
    cluster.unpack(packed, tmp_path / "out")
    found = {
        p.relative_to(tmp_path / "out").as_posix(): p for p in (tmp_path / "out").rglob("*") if p.is_file()
    }
    # property: a folder comes as it is, empty files and folders below it included, and its input keeps its name
    assert sorted(found) == ["said.txt", "sub/in.txt"]
    assert found["said.txt"].read_text() == "HELLO HELLO "
    source.write_text("")
    made, packed = make()
    assert (made.error, made.traceback, packed) == ("is empty", "", None)


def test_a_worker_with_another_library_makes_nothing() -> None:
    _, failure = loaded(numpy="0.0.1")
    assert failure is not None
    assert "has numpy " in failure.reason
    assert "but the driver has 0.0.1, which may make other bytes" in failure.reason
    _, missing = loaded(nonesuch="1")
    assert missing is not None
    assert "could not load: PackageNotFoundError" in missing.reason


def test_a_full_disk_of_a_machine_is_no_failure_of_an_item(monkeypatch: pytest.MonkeyPatch) -> None:
    worker, _ = loaded()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cluster, "unpack", full)
    said = worker.make("a", {}, {"text": ("in.txt", {})}, "")
    assert isinstance(said, cluster._Failure)
    assert "No space left on device" in said.reason


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        (
            "The actor died.\n\tclass_name: Worker\nThe actor is dead because its node died. Worker exit detail: 1.",
            "The actor is dead because its node died",
        ),
        ("Out of memory.\nMore.", "Out of memory"),
        ("", "ValueError"),
    ],
)
def test_what_ray_says_of_a_dead_worker_is_cut_to_its_cause(message: str, cause: str) -> None:
    assert cluster._cause(ValueError(message)) == cause


class Reference:
    """What Ray answers a call by: here, whether and how it has come."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer


class RayError(Exception):
    pass


class FakeRay:
    """Ray, as far as workers are used: each call has its answer at once, but nothing of what is `silent`."""

    exceptions = SimpleNamespace(RayError=RayError)

    def __init__(self, nodes: list[dict[str, Any]], answers: Mapping[str, Any]) -> None:
        self.answers, self.alive, self.killed, self.silent = answers, nodes, list[Any](), False

    def nodes(self) -> list[dict[str, Any]]:
        return self.alive

    def remote(self, **_: Any) -> Any:
        def call(name: str) -> Any:
            return SimpleNamespace(remote=lambda *asked: Reference(self.answers[name]))

        def actor() -> Any:
            return type("Actor", (), {"load": call("load"), "make": call("make")})()

        return lambda worker: SimpleNamespace(remote=actor)

    def wait(self, references: list[Reference], timeout: float) -> tuple[list[Reference], list[Reference]]:
        assert timeout == cluster.PATIENCE
        return ([], references) if self.silent else (references, [])

    def get(self, reference: Reference) -> Any:
        if isinstance(reference.answer, Exception):
            raise reference.answer
        return reference.answer

    def kill(self, actor: Any) -> None:
        self.killed.append(actor)


def crew_of(tmp_path: Path, **answers: Any) -> tuple[cluster._Actors, FakeRay]:
    ray = FakeRay(machines({"CPU": 1}), {"load": None, **answers})
    return cluster._Actors(ray, lambda: shout, tmp_path, ".txt", {}, 1, 0), ray


def test_what_a_worker_made_is_written_here_under_its_items_name(tmp_path: Path) -> None:
    packed = np.frombuffer(b"HELLO", np.uint8)
    actors, _ = crew_of(tmp_path, make=(Made("a", None, {"letters": 5}), packed))
    worker = actors.start()
    assert list(actors.events()) == [(worker, crew.Ready())]
    actors.give(worker, Item("a", {}))
    [(who, made)] = actors.events()
    assert isinstance(made, Made)
    assert who is worker
    assert made.path is not None
    assert (made.path.name, made.path.read_bytes(), made.facts) == ("a.txt", b"HELLO", {"letters": 5})
    # property: an answer is told once
    assert actors.news == {}


def test_a_failed_item_has_no_output_and_a_failed_worker_stops_the_stage(tmp_path: Path) -> None:
    failed = Made("a", error="is empty")
    actors, _ = crew_of(tmp_path, make=(failed, None))
    worker = actors.start()
    list(actors.events())
    actors.give(worker, Item("a", {}))
    assert list(actors.events()) == [(worker, failed)]
    broken, _ = crew_of(tmp_path, load=cluster._Failure("has other libraries"))
    broken.start()
    with pytest.raises(LecternError, match="has other libraries"):
        list(broken.events())


def test_a_worker_that_is_gone_is_told_and_kept_from_coming_back(tmp_path: Path) -> None:
    actors, ray = crew_of(tmp_path, load=RayError("Its node has died."))
    worker = actors.start()
    # property: it is killed for good, or two would make one item where its machine was only slow to answer
    assert list(actors.events()) == [(worker, crew.Died("Its node has died"))]
    assert ray.killed == [worker]


def test_a_cluster_that_lost_its_machines_is_not_waited_for(tmp_path: Path) -> None:
    actors, ray = crew_of(tmp_path)
    actors.start()
    ray.silent = True
    # property: a worker that takes long is waited for as long as there is a machine for it
    assert list(actors.events()) == []
    ray.alive = machines({"CPU": 1}, alive=False)
    with pytest.raises(LecternError, match="has lost every machine that could hold a worker"):
        list(actors.events())
