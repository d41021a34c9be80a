"""Worker processes: the same bytes as without them, and a process that dies takes nothing along but its item."""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Hashable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from threadpoolctl import threadpool_limits

from lectern.core import code, items
from lectern.core.compute import IN_PROCESS, Workers
from lectern.core.errors import LecternError
from lectern.core.executors import crew, processes
from lectern.core.item import Item, Load, Made
from lectern.core.manifest import MANIFEST
from lectern.settings.compute import Compute
from tests.settings import configure
from tests.support import item_makers as makers

TWO = replace(IN_PROCESS, workers=2)


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def texts(folder: Path, **contents: str) -> list[Item]:
    """An item for each text; all of them may see the path of a file that does not exist yet, `flag`."""
    folder.mkdir(exist_ok=True)
    for name, text in contents.items():
        (folder / f"{name}.txt").write_text(text)
    flag = {"flag": str(folder.parent / "flag")}
    return [Item(name, {"text": folder / f"{name}.txt"}, flag) for name in contents]


def sync(found: list[Item], out: Path, load: Load, compute: Workers = TWO, **options: object) -> str:
    chosen = {"suffix": ".txt", "params": {}, "code": [code], "allow_failed": 1.0, **options}
    return str(items.sync(found, out, load, compute=compute, **chosen))  # type: ignore[arg-type]


def errors(out: Path) -> dict[str, str]:
    return {
        name: entry["error"]
        for name, entry in json.loads((out / MANIFEST).read_text())["items"].items()
        if "error" in entry
    }


def pipe(path: Path) -> str:
    os.mkfifo(path)
    return str(path)


def test_two_workers_make_the_same_bytes_at_the_same_time(tmp_path: Path) -> None:
    # Only two processes at once can finish this: each item waits for the other.
    log, meeting = tmp_path / "log", pipe(tmp_path / "meeting")
    found = [Item(mode, {}, {"pipe": meeting, "mode": mode}) for mode in ("r", "w")]
    assert sync(found, tmp_path / "out", makers.loader("meet", log)) == "made 2, kept 0, removed 0, failed 0"
    pids = {facts["pid"] for facts in items.facts(tmp_path / "out").values()}
    assert len(pids) == 2
    assert os.getpid() not in pids
    assert sorted(log.read_text().split()) == sorted(map(str, pids)), "each loaded once"


def test_each_of_many_items_has_the_bytes_of_one_process(tmp_path: Path) -> None:
    found = texts(tmp_path / "in", **{f"item{n}": f"text {n}" for n in range(20)})
    log = tmp_path / "log"
    assert sync(found, tmp_path / "two", makers.loader("write_text", log)).startswith("made 20")
    sync(found, tmp_path / "none", makers.loader("write_text"), IN_PROCESS)
    assert tree(tmp_path / "two") == tree(tmp_path / "none")
    assert len(log.read_text().split()) <= 2
    # The number of workers is in no key: nothing is stale for another one.
    log.unlink()
    for compute in (IN_PROCESS, replace(IN_PROCESS, workers=1), replace(IN_PROCESS, workers=3, max_tries=1)):
        kept = sync(found, tmp_path / "two", makers.loader("write_text", log), compute)
        assert kept == "made 0, kept 20, removed 0, failed 0"
    assert not log.exists()


def test_one_stale_item_starts_one_worker(tmp_path: Path) -> None:
    # Still a process of its own: an item that kills what makes it may not kill the stage.
    log = tmp_path / "log"
    sync(texts(tmp_path / "in", a="one"), tmp_path / "out", makers.loader("write_text", log))
    assert len(log.read_text().split()) == 1
    assert log.read_text().strip() != str(os.getpid())


def test_every_failure_is_told_as_without_workers(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    found = texts(tmp_path / "in", a="item", b="unforeseen", c="nothing", d="fine")
    for name, compute in {"two": TWO, "none": IN_PROCESS}.items():
        assert sync(found, tmp_path / name, makers.loader("fail_in_every_way"), compute).endswith("failed 3")
        assert errors(tmp_path / name)["a"] == "a is bad"
        assert errors(tmp_path / name)["b"] == "ZeroDivisionError: division by zero"
        assert errors(tmp_path / name)["c"].startswith("FileNotFoundError")
        printed = capfd.readouterr().err
        assert "in fail_in_every_way" in printed, (
            "the traceback of what nobody foresaw is there for who mends it"
        )
        assert list(items.read(tmp_path / name)) == ["d"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in", "none", "two"], "the scratch folder is gone"


def test_an_item_that_kills_its_worker_fails_alone(tmp_path: Path) -> None:
    found = texts(tmp_path / "in", a="one", b="bad", c="two", d="three")
    log = tmp_path / "log"
    with pytest.raises(
        LecternError,
        match=r"made 3, .* failed 1\. Failed: b \(its worker died each time, in 3 tries: killed by ",
    ):
        sync(found, tmp_path / "out", makers.loader("die_at_bad", log), allow_failed=0.0)
    assert errors(tmp_path / "out")["b"].endswith(
        "SIGKILL. Too little memory is the usual cause: lower compute.workers."
    )
    assert list(items.read(tmp_path / "out")) == ["a", "c", "d"]
    log.unlink()
    sync(found[1:2], tmp_path / "again", makers.loader("die_at_bad", log))
    assert len(log.read_text().split()) == 3, "one worker for each try"


def test_an_item_whose_worker_dies_once_is_made_by_another(tmp_path: Path) -> None:
    found = texts(tmp_path / "in", **{f"item{n}": f"text {n}" for n in range(6)})
    (tmp_path / "flag").touch()
    assert sync(found, tmp_path / "out", makers.loader("die_once")) == "made 6, kept 0, removed 0, failed 0"
    assert not (tmp_path / "flag").exists()
    sync(found, tmp_path / "clean", makers.loader("write_text"), IN_PROCESS)
    assert tree(tmp_path / "out") == tree(tmp_path / "clean")


def test_a_worker_that_dies_while_it_waits_takes_nothing_along(tmp_path: Path) -> None:
    held = pipe(tmp_path / "held")
    quick, slow = Item("quick", {}), Item("slow", {}, {"pipe": held})
    load = makers.loader("wait_at_pipe")
    with closing(processes.run(load, [slow, quick], tmp_path, "", workers=2, max_tries=1)) as run:
        first = next(run)
        assert first.id == "quick"
        os.kill(first.facts["pid"], signal.SIGKILL)
        Path(held).write_text("go on")
        assert [made.id for made in run] == ["slow"]


def test_a_full_disk_stops_all_workers_and_keeps_what_was_finished(tmp_path: Path) -> None:
    found = texts(tmp_path / "in", a="one", b="bad")
    with pytest.raises(LecternError, match=r"No space left on device .*Free some space"):
        sync(found, tmp_path / "out", makers.loader("fill_disk_at_bad"), replace(IN_PROCESS, workers=1))
    assert sync(found, tmp_path / "out", makers.loader("write_text")) == "made 1, kept 1, removed 0, failed 0"


def test_a_model_that_cannot_be_loaded_stops_the_stage(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    found = texts(tmp_path / "in", a="one", b="two")
    with pytest.raises(LecternError, match=r"^the model is nowhere$"):
        sync(found, tmp_path / "out", makers.load_badly)
    with pytest.raises(LecternError, match="a worker could not load: KeyError: 'model'"):
        sync(found, tmp_path / "out", makers.load_with_bug)
    assert "in load_with_bug" in capfd.readouterr().err


def test_workers_that_die_while_they_load_are_given_up(tmp_path: Path) -> None:
    found, log = texts(tmp_path / "in", a="one"), tmp_path / "log"
    with pytest.raises(
        LecternError, match=r"die before they have loaded: killed by SIGKILL\. .* lower compute"
    ):
        sync(found, tmp_path / "out", makers.functools.partial(makers.load_deadly, log))
    assert log.read_text() == "xxx"


def hanging(tmp_path: Path) -> list[Item]:
    values = {"announce": pipe(tmp_path / "announce"), "hang": pipe(tmp_path / "hang")}
    return [Item(name, {}, values) for name in "ab"]


def await_workers(announce: int, count: int) -> None:
    """Return when as many workers have begun an item."""
    while count:
        assert select.select([announce], [], [], 60)[0], "no worker begins"
        count -= len(os.read(announce, count))


def assert_all_end(announce: int) -> None:
    """Each worker holds the other end of this pipe; the kernel closes it when the last of them is no more."""
    assert select.select([announce], [], [], 20)[0], "a worker lives on"
    assert os.read(announce, 1) == b""


def test_no_worker_outlives_a_killed_driver(tmp_path: Path) -> None:
    found = hanging(tmp_path)
    announce = os.open(tmp_path / "announce", os.O_RDONLY | os.O_NONBLOCK)
    if not (driver := os.fork()):
        sync(found, tmp_path / "out", makers.loader("announce_and_hang"))
        os._exit(1)
    await_workers(announce, 2)
    os.kill(driver, signal.SIGKILL)
    os.waitpid(driver, 0)
    assert_all_end(announce)


@pytest.mark.parametrize("signalled", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_driver_and_workers_without_a_word_too_many(
    tmp_path: Path, signalled: signal.Signals
) -> None:
    hanging(tmp_path)
    announce = os.open(tmp_path / "announce", os.O_RDONLY | os.O_NONBLOCK)
    script = (
        "import sys\nfrom pathlib import Path\nfrom lectern.core import items, stage\n"
        "from dataclasses import replace\nfrom lectern.core.compute import IN_PROCESS\n"
        "from tests.support import item_makers as makers\n"
        "folder = Path(sys.argv[1])\n"
        "values = {name: str(folder / name) for name in ('announce', 'hang')}\n"
        "stage.run('hang', lambda: items.sync([items.Item(n, {}, values) for n in 'ab'], folder / 'out',\n"
        "    makers.loader('announce_and_hang'), suffix='', params={}, code=[],\n"
        "    compute=replace(IN_PROCESS, workers=2)))\n"
    )
    driver = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # what a script starts in the background ignores Ctrl-C, and these tests may be such
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    await_workers(announce, 2)
    if signalled == signal.SIGINT:
        os.killpg(driver.pid, signalled)  # as a terminal does: to the workers too
    else:
        driver.send_signal(signalled)
    _, printed = driver.communicate(timeout=30)
    assert driver.returncode == (1 if signalled == signal.SIGINT else -signal.SIGTERM)
    assert "Traceback" not in printed
    assert ("hang: error: interrupted" in printed) == (signalled == signal.SIGINT)
    assert_all_end(announce)


def test_ctrl_c_is_the_drivers_matter(tmp_path: Path) -> None:
    compute = replace(IN_PROCESS, workers=1, max_tries=1)
    assert sync([Item("a", {})], tmp_path / "out", makers.loader("interrupt_itself"), compute).startswith(
        "made 1"
    )


@pytest.mark.parametrize("chosen", [None, "7"])
def test_the_workers_threads_are_not_more_than_the_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chosen: str | None
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if chosen:
        monkeypatch.setenv("OMP_NUM_THREADS", chosen)
    before = dict(os.environ)
    sync([Item("a", {}), Item("b", {})], tmp_path / "out", makers.loader("tell_process"))
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    threads = {facts["threads"] for facts in items.facts(tmp_path / "out").values()}
    assert threads == {chosen or str(max(1, cores // 2))}
    assert dict(os.environ) == before


@pytest.mark.parametrize(("cores", "threads"), [(12, "6"), (3, "1"), (1, "1"), (None, "1")])
def test_the_workers_share_the_cores_where_a_process_cannot_be_held_to_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cores: int | None, threads: str
) -> None:
    # As on macOS, where the system may not tell the number either.
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(processes, "sys", SimpleNamespace(platform="darwin"))
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    sync([Item("a", {}), Item("b", {})], tmp_path / "out", makers.loader("tell_process"))
    assert {facts["threads"] for facts in items.facts(tmp_path / "out").values()} == {threads}


@pytest.mark.parametrize("compute", [IN_PROCESS, TWO], ids=["here", "workers"])
def test_matrix_products_have_one_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compute: Workers
) -> None:
    # With two, a transcript differed in words from that of a machine with one core.
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    with threadpool_limits(2, user_api="blas"):
        sync([Item("a", {})], tmp_path / "out", makers.loader("tell_blas"), compute)
    threads = items.facts(tmp_path / "out")["a"]["threads"]
    assert threads
    assert set(threads) == {1}


@pytest.mark.parametrize(
    ("number", "cores", "gpu", "workers"),
    [(5, 2, "", 2), (4, 2, "", 0), (5, 1, "", 0), (5, 8, "nvidia-smi", 0)],
)
def test_two_processes_make_many_items_where_they_help(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, cores: int, gpu: str, workers: int
) -> None:
    for folder in ("bin", "empty"):
        (tmp_path / folder).mkdir()
    (tmp_path / "bin/nvidia-smi").write_text("#!/bin/sh\n")
    (tmp_path / "bin/nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / ("bin" if gpu else "empty")))
    monkeypatch.setattr(processes, "count_cores", lambda: cores)
    some = [Item(f"item-{at}", {}) for at in range(number)]
    sync(some, tmp_path / "out", makers.loader("tell_process"), replace(IN_PROCESS, workers=None))
    told = {facts["pid"] for facts in items.facts(tmp_path / "out").values()}
    assert (told == {os.getpid()}) is (workers == 0)
    assert len(told) <= max(workers, 1)


def test_nothing_is_imported_for_nothing(tmp_path: Path) -> None:
    # An idle stage pays for no worker, whatever the section says.
    script = (
        "import sys\nfrom pathlib import Path\nfrom lectern.core import items\n"
        "from dataclasses import replace\nfrom lectern.core.compute import IN_PROCESS\n"
        "for compute in (replace(IN_PROCESS, workers=2), replace(IN_PROCESS, executor='ray')):\n"
        "    items.sync([], Path(sys.argv[1]), None, suffix='', params={}, code=[], compute=compute)\n"
        "heavy = {'ray', 'multiprocessing.connection', 'lectern.core.executors', 'threadpoolctl'} & set(sys.modules)\n"
        "print(heavy)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "out")], capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"


def test_no_more_items_are_out_than_there_are_workers() -> None:
    # What an executor sends away in advance would lie in the memory of the cluster: hours of audio.
    class Counting:
        remedy = ""

        def __init__(self) -> None:
            self.out: list[tuple[int, Item]] = []
            self.started: list[int] = []
            self.most = 0

        def start(self) -> Hashable:
            self.started.append(len(self.started))
            return self.started[-1]

        def give(self, worker: Hashable, item: Item) -> None:
            assert isinstance(worker, int)
            self.out.append((worker, item))
            self.most = max(self.most, len(self.out))

        def events(self) -> Iterator[tuple[Hashable, crew.Ready | Made | crew.Died]]:
            if not self.out:
                yield from [(worker, crew.Ready()) for worker in self.started]
            else:
                worker, item = self.out.pop()
                yield worker, Made(item.id)

    counting = Counting()
    found = [Item(f"item{n}", {}) for n in range(50)]
    made = {made.id for made in crew.make_all(counting, found, workers=3, max_tries=1)}
    assert made == {item.id for item in found}
    assert (counting.most, len(counting.started)) == (3, 3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"executor": "slurm"},
        {"workers": -1},
        {"max_tries": 0},
        {"cpus_per_worker": -1},
        {"cpus_per_worker": 0, "gpus_per_worker": 0},
    ],
)
def test_a_wrong_section_names_the_value(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=str(next(iter(wrong.values())))):
        configure(Compute, **wrong)  # type: ignore[arg-type]
