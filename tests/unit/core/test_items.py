"""The invariant of `items.sync`: an incremental run leaves the same bytes as a clean one."""

import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from lectern.core import code, items, journal
from lectern.core.compute import IN_PROCESS, Workers
from lectern.core.errors import ItemError, LecternError
from lectern.core.items import Item
from lectern.core.journal import JOURNAL
from lectern.core.manifest import MANIFEST
from tests.support import item_makers as makers
from tests.support import listing

CODE = [code]  # any module will do: these tests change parameters and inputs, not the code


class Killed(BaseException):
    """Stands for a signal: nothing in `sync` may catch it."""


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


class Corpus:
    """Source files on disk and a `make` that writes a function of them; can die before its n-th item."""

    def __init__(self, folder: Path, suffix: str) -> None:
        self.folder, self.suffix, self.params = folder, suffix, {"factor": 1}
        self.die_after: int | None = None
        self.made: list[str] = []
        folder.mkdir()

    def make(self, item: Item, path: Path) -> dict[str, int]:
        if self.die_after is not None and len(self.made) == self.die_after:
            path.write_text("half")
            raise Killed
        text = item.inputs["text"].read_text()
        if "bad" in text:
            raise ItemError(f"{item.id} is bad")
        self.made.append(item.id)
        target = path if self.suffix else path / "content.txt"
        target.parent.mkdir(exist_ok=True)
        target.write_text(text * self.params["factor"])
        return {"characters": len(text)}

    def sync(self, out: Path, **options: float) -> items.SyncResult:
        self.made = []
        found = [Item(p.stem, {"text": p}) for p in self.folder.iterdir()]
        return items.sync(
            found,
            out,
            lambda: self.make,
            suffix=self.suffix,
            params=self.params,
            code=CODE,
            **{"allow_failed": 1.0, **options},
        )

    def write(self, name: str, text: str) -> None:
        (self.folder / f"{name}.txt").write_text(text)


def edit(corpus: Corpus, out: Path, rng: random.Random) -> str:
    """Do one random thing to the sources, the parameters, the outputs, or the run itself."""
    names = sorted(p.stem for p in corpus.folder.iterdir())
    outputs = [p for p in sorted(out.rglob("*")) if p.is_file()]
    kind = rng.choice(
        ["add", "add", "remove", "change", "param", "tamper", "delete", "stray", "kill", "bad", "manifest"]
    )
    if kind in ("add", "kill") or not names:
        for _ in range(rng.randint(1, 3)):
            corpus.write(f"item{rng.randint(0, 30)}", f"text {rng.random()}")
    elif kind == "remove":
        (corpus.folder / f"{rng.choice(names)}.txt").unlink()
    elif kind == "change":
        corpus.write(rng.choice(names), f"changed {rng.random()}")
    elif kind == "bad":
        corpus.write(rng.choice(names), "bad")
    elif kind == "param":
        corpus.params = {"factor": rng.randint(1, 3)}
    elif kind == "tamper" and outputs:
        rng.choice(outputs).write_text("tampered")
    elif kind == "delete" and outputs:
        rng.choice(outputs).unlink()
    elif kind == "stray":
        (out / "stray.txt").write_text("nobody's")
        (out / "stray").mkdir(exist_ok=True)
    elif kind == "manifest" and outputs:
        (out / MANIFEST).write_text('{"items": ')
    if kind == "kill":
        corpus.die_after = rng.randint(0, 2)
        try:
            corpus.sync(out)
        except Killed:
            path = out / JOURNAL
            if path.exists() and rng.random() < 0.5:  # the kill may also cut the line that is being written
                path.write_bytes(path.read_bytes()[:-7])
        finally:
            corpus.die_after = None
    return kind


@pytest.mark.parametrize("suffix", [".txt", ""])
@pytest.mark.parametrize("seed", range(12))
def test_incremental_equals_clean_after_random_edits(tmp_path: Path, seed: int, suffix: str) -> None:
    rng = random.Random(seed)
    corpus, out = Corpus(tmp_path / "sources", suffix), tmp_path / "out"
    corpus.write("first", "text")
    corpus.sync(out)
    for number in range(12):  # 12 edits x 12 seeds x 2 kinds of output
        history = edit(corpus, out, rng)
        corpus.sync(out)
        clean = tmp_path / f"clean{number}" / "out"
        corpus.sync(clean)
        assert tree(out) == tree(clean), f"differs after edit {number}: {history}"


@pytest.mark.parametrize("seed", range(2))
def test_incremental_with_workers_equals_clean_without(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    sources, out = tmp_path / "sources", tmp_path / "out"
    sources.mkdir()

    def sync(target: Path, compute: Workers) -> None:
        found = [Item(p.stem, {"text": p}) for p in sources.iterdir()]
        load = makers.loader("kill_driver" if compute.workers else "write_text")
        options = {"suffix": ".txt", "params": {}, "code": CODE, "allow_failed": 1.0, "compute": compute}
        items.sync(found, target, load, **options)  # type: ignore[arg-type]

    for number in range(6):
        for _ in range(rng.randint(1, 4)):
            (sources / f"item{rng.randint(0, 9)}.txt").write_text(f"text {rng.random()}")
        doomed = rng.choice(sorted(sources.iterdir()))
        if number % 2:  # a worker of the next run kills its driver when it comes to this one
            text = doomed.read_text()
            doomed.write_text("bad")
            if not (driver := os.fork()):
                sync(out, replace(IN_PROCESS, workers=2))
                os._exit(0)
            assert os.waitpid(driver, 0)[1] == signal.SIGKILL
            doomed.write_text(text)
        else:
            doomed.unlink()
        sync(out, replace(IN_PROCESS, workers=2))
        sync(tmp_path / f"clean{number}", IN_PROCESS)
        assert tree(out) == tree(tmp_path / f"clean{number}"), f"differs after edit {number}"
    assert not list(tmp_path.glob(".*")), "a scratch folder stayed behind"


def test_only_what_changed_is_made(tmp_path: Path) -> None:
    corpus, out = Corpus(tmp_path / "sources", ".txt"), tmp_path / "out"
    for number in range(10):
        corpus.write(f"item{number}", f"text {number}")
    assert str(corpus.sync(out)) == "made 10, kept 0, removed 0, failed 0"
    assert str(corpus.sync(out)) == "made 0, kept 10, removed 0, failed 0"
    corpus.write("item10", "new")
    (corpus.folder / "item3.txt").unlink()
    assert str(corpus.sync(out)) == "made 1, kept 9, removed 1, failed 0"
    assert corpus.made == ["item10"]


def test_a_killed_process_loses_one_item(tmp_path: Path) -> None:
    # A real SIGKILL in the middle of the sixth item: five are kept, and nothing else stays behind.
    script = tmp_path / "run.py"
    script.write_text(
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from lectern.core import code, items\n"
        "def make(item, path):\n"
        "    path.write_text(item.id)\n"
        "    if item.id == sys.argv[2]:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "source = Path(__file__)\n"
        "found = [items.Item(f'item{n}', {'source': source}) for n in range(9)]\n"
        "print(items.sync(found, Path(sys.argv[1]), lambda: make, suffix='.txt', params={}, code=[code]))\n"
    )

    def run(out: Path, victim: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(script), str(out), victim]
        environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
        return subprocess.run(command, capture_output=True, text=True, env=environment)

    assert run(tmp_path / "out", "item5").returncode == -9
    assert run(tmp_path / "out", "none").stdout.strip() == "made 4, kept 5, removed 0, failed 0"
    run(tmp_path / "clean", "none")
    assert tree(tmp_path / "out") == tree(tmp_path / "clean")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["clean", "out", "run.py"]


def test_a_failed_item_is_named_and_the_others_go_on(tmp_path: Path) -> None:
    corpus, out = Corpus(tmp_path / "sources", ".txt"), tmp_path / "out"
    for name, text in {"a": "one", "b": "bad", "c": "two"}.items():
        corpus.write(name, text)
    with pytest.raises(LecternError, match=r"made 2, kept 0, removed 0, failed 1\. Failed: b \(b is bad\)"):
        corpus.sync(out, allow_failed=0.0)
    assert list(items.read(out)) == ["a", "c"]
    assert items.facts(out) == {"a": {"characters": 3}, "c": {"characters": 3}}
    # It gets another chance in every run, though its key is the same, and a third may be allowed to fail.
    assert str(corpus.sync(out, allow_failed=0.4)) == "made 0, kept 2, removed 0, failed 1"


@pytest.mark.parametrize(("failed", "rest"), [(5, ""), (6, "; and 1 more"), (8, "; and 3 more")])
def test_of_many_failed_items_the_first_five_are_named(tmp_path: Path, failed: int, rest: str) -> None:
    corpus = Corpus(tmp_path / "sources", ".txt")
    for number in range(failed):
        corpus.write(f"item{number}", "bad")
    with pytest.raises(LecternError) as caught:
        corpus.sync(tmp_path / "out", allow_failed=0.0)
    named = "; ".join(f"item{number} (item{number} is bad)" for number in range(5))
    assert f"Failed: {named}{rest}. " in str(caught.value)


def test_an_unexpected_error_fails_its_item_only(tmp_path: Path) -> None:
    def make(item: Item, path: Path) -> None:
        path.write_text(str(1 / int(item.values["number"])))

    found = [Item(f"item{n}", {}, {"number": n}) for n in range(3)]
    with pytest.raises(LecternError, match=r"item0 \(ZeroDivisionError: division by zero\)"):
        items.sync(found, tmp_path / "out", lambda: make, suffix=".txt", params={}, code=CODE)
    assert list(items.read(tmp_path / "out")) == ["item1", "item2"]


def test_a_full_disk_stops_the_run_and_keeps_what_was_finished(tmp_path: Path) -> None:
    full = {"now": False}

    def make(item: Item, path: Path) -> None:
        if full["now"] and item.id == "item2":
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        path.write_text(item.id)

    def sync() -> items.SyncResult:
        found = [Item(f"item{n}", {}) for n in range(4)]
        return items.sync(
            found, tmp_path / "out", lambda: make, suffix=".txt", params={}, code=CODE, allow_failed=1.0
        )

    full["now"] = True
    with pytest.raises(
        LecternError, match=r"No space left on device .*Free some space and run `dvc repro` again"
    ):
        sync()
    full["now"] = False
    assert str(sync()) == "made 2, kept 2, removed 0, failed 0"


def test_a_really_full_disk(tmp_path: Path) -> None:
    # A file system of 64 KiB in a mount namespace of its own; skipped where the kernel does not allow one.
    mount = f"mount -t tmpfs -o size=64k tmpfs {tmp_path} && exec {sys.executable} - {tmp_path}/out"
    script = (
        "import sys\nfrom pathlib import Path\nfrom lectern.core import code, items, stage\n"
        "make = lambda item, path: path.write_bytes(b'x' * 20_000) and None\n"
        "found = [items.Item(f'item{n}', {}) for n in range(9)]\n"
        "stage.run('full', lambda: items.sync(\n"
        "    found, Path(sys.argv[1]), lambda: make, suffix='.bin', params={}, code=[code]))\n"
    )
    if (
        not shutil.which("unshare")
        or subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode
    ):
        pytest.skip("no mount namespaces here")
    done = subprocess.run(["unshare", "-rm", "sh", "-c", mount], input=script, capture_output=True, text=True)
    if "mount:" in done.stderr:
        pytest.skip(done.stderr)
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_second_kill_loses_one_item_too(tmp_path: Path) -> None:
    # The first kill cuts the journal's last line in two; what the second run writes after it must still be readable.
    corpus, out = Corpus(tmp_path / "sources", ".txt"), tmp_path / "out"
    for number in range(9):
        corpus.write(f"item{number}", f"text {number}")
    for already in (0, 2):
        corpus.die_after = 3
        with pytest.raises(Killed):
            corpus.sync(out)
        assert len(list(journal.read(out / JOURNAL, json.loads))) == already + 3
        path = out / JOURNAL
        path.write_bytes(path.read_bytes()[:-7])
    corpus.die_after = None
    assert str(corpus.sync(out)) == "made 5, kept 4, removed 0, failed 0"


@pytest.mark.parametrize("closed", ["out", "parent"])
def test_a_read_only_out_directory(closed: str) -> None:
    # Not below pytest's own folder, into which no other user may look: root may write anywhere, so as root the sync
    # runs as another user.
    folder = Path(tempfile.mkdtemp())
    out = folder / "out"
    out.mkdir()
    out.chmod(0o555 if closed == "out" else 0o777)
    folder.chmod(0o555 if closed == "parent" else 0o777)
    # Once as itself first, and without code to digest: this repository may lie where the other user cannot look.
    script = (
        "import os, sys, tempfile\nfrom pathlib import Path\nfrom lectern.core import items\n"
        "from lectern.core.errors import LecternError\n"
        "def sync(out):\n"
        "    found = [items.Item('a', {}), items.Item('b', {})]\n"
        "    make = lambda item, path: path.write_text('x') and None\n"
        "    items.sync(found, out, lambda: make, suffix='.txt', params={}, code=[], allow_failed=1.0)\n"
        "with tempfile.TemporaryDirectory() as other: sync(Path(other) / 'out')\n"
        "if os.geteuid() == 0: os.setuid(65534)\n"
        "try: sync(Path(sys.argv[1]))\n"
        "except LecternError as error: print(error)\n"
    )
    try:
        done = subprocess.run([sys.executable, "-c", script, str(out)], capture_output=True, text=True)
    finally:
        folder.chmod(0o777)
        shutil.rmtree(folder)
    assert "Permission denied" in done.stdout, done.stderr
    assert "Make the directory writable" in done.stdout
    assert str(folder) in done.stdout


@pytest.mark.parametrize("name", ["../escape", "a/b", ".hidden", "_manifest", ""])
def test_an_id_cannot_leave_the_directory(tmp_path: Path, name: str) -> None:
    with pytest.raises(LecternError, match="cannot be an item's id"):
        items.sync(
            [Item(name, {})], tmp_path / "out", lambda: lambda i, p: None, suffix="", params={}, code=CODE
        )


def test_two_items_of_one_id_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(LecternError, match="two items have the id 'a'"):
        items.sync(
            [Item("a", {}), Item("a", {})], tmp_path, lambda i, p: None, suffix="", params={}, code=CODE
        )


def test_a_missing_output_is_found_by_the_reader(tmp_path: Path) -> None:
    corpus, out = Corpus(tmp_path / "sources", ".txt"), tmp_path / "out"
    corpus.write("a", "text")
    corpus.sync(out)
    (out / "a.txt").unlink()
    with pytest.raises(LecternError, match=r"a\.txt is missing"):
        items.read(out)
    with pytest.raises(LecternError, match="never finished"):
        items.read(tmp_path / "nowhere")


@pytest.mark.parametrize("changed", ["params", "code", "libraries", "values", "inputs"])
def test_whatever_decides_the_bytes_is_in_the_key(tmp_path: Path, changed: str) -> None:
    source = tmp_path / "source"
    source.write_text("same")
    made = []

    def sync(**different: object) -> items.SyncResult:
        options = {"params": {"a": 1}, "code": [code], "libraries": ["numpy"], **different}
        found = Item("x", {"file": source}, different.pop("values", {"v": 1}))  # type: ignore[arg-type]
        options.pop("values", None)
        out = tmp_path / "out"
        return items.sync(
            [found], out, lambda: lambda i, p: made.append(p.write_text("x")), suffix=".txt", **options
        )

    sync()
    assert sync().kept == 1
    if changed == "inputs":
        source.write_text("other")
    other = {
        "params": {"a": 2},
        "code": [code, items],
        "libraries": ["tqdm"],
        "values": {"v": 2},
        "inputs": None,
    }
    assert sync(**({} if changed == "inputs" else {changed: other[changed]})).made == 1
    assert len(made) == 2


def test_the_order_in_which_a_folder_is_listed_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a file system may list in any order, and another machine has another one
    for name in ("b.txt", "a.txt", "c/d.txt", "c/a.txt"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_text(name)

    def make(item: Item, path: Path) -> None:
        shutil.copytree(item.inputs["folder"], path, dirs_exist_ok=True)

    def sync(out: str) -> items.SyncResult:
        return items.sync(
            [Item("x", {"folder": tmp_path / "in"})],
            tmp_path / out,
            lambda: make,
            suffix="",
            params={},
            code=CODE,
        )

    sync("out")
    listing.straighten(monkeypatch)  # the other tests list from Z to A
    # property: neither the inputs nor the output count as changed, and a clean run says the same of both
    assert sync("out").kept == 1
    assert sync("other").made == 1
    assert tree(tmp_path / "out") == tree(tmp_path / "other")


def test_the_manifest_holds_no_machine(tmp_path: Path) -> None:
    corpus, out = Corpus(tmp_path / "sources", ".txt"), tmp_path / "out"
    corpus.write("a", "text")
    corpus.sync(out)
    manifest = json.loads((out / MANIFEST).read_text())
    assert set(manifest["items"]["a"]) == {"key", "file", "sha256", "facts"}
    assert str(tmp_path) not in (out / MANIFEST).read_text()


@pytest.mark.parametrize("damage", ['{"items": ', '{"items": {"a": {"file": "a.txt"}}}'])
def test_a_damaged_manifest_is_an_error_to_who_reads_and_heals_by_the_next_sync(
    tmp_path: Path, damage: str
) -> None:
    corpus, out = Corpus(tmp_path / "sources", ".txt"), tmp_path / "out"
    corpus.write("a", "text")
    corpus.sync(out)
    whole = tree(out)
    (out / MANIFEST).write_text(damage)
    # property: a later step does not take the folder for an empty one
    for ask in (items.read, items.facts):
        with pytest.raises(LecternError, match=r"_manifest\.json is damaged\. `dvc repro -f` makes it again"):
            ask(out)
    corpus.sync(out)
    assert tree(out) == whole
