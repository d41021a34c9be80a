"""The invariant of `batches.Store`: an incremental run leaves the bytes of a clean one, and a kill loses one batch."""

import json
import random
import shutil
from pathlib import Path

import pytest

from lectern.core import batches
from lectern.core.batches import Batch, File, Store
from lectern.core.errors import LecternError
from lectern.core.journal import JOURNAL
from lectern.core.manifest import MANIFEST
from lectern.core.schema import Record

SIZE = 3


class Killed(BaseException):
    """Stands for a signal: nothing may catch it."""


class Line(Record):
    """A record: what came of a word, and something beside it that no batch decides."""

    id: str
    shouted: str
    note: str


class Work:
    """Words that are shouted in batches; the neighbours of a word decide a part of what comes, as rounding does."""

    def __init__(self) -> None:
        self.words: dict[str, list[str]] = {"one": ["a", "b", "c", "d", "e"]}
        self.notes = "first"
        self.loudness = 1
        self.results = {"sum": 1}
        self.made: list[Batch] = []
        self.die_after: int | None = None

    def run(self, out: Path) -> None:
        self.made = []
        store = Store(out, Line, lambda line: line.id)
        files = {}
        for name, words in self.words.items():
            files[name] = File(cut := self.cut(name, words), [])
            for batch in cut:
                if store.get(batch) is None:
                    if len(self.made) == self.die_after:
                        raise Killed
                    store.put(batch, self.make(batch))
                    self.made.append(batch)
        keys = []
        for name, number in self.results.items():
            keys.append(batches.make_key(name, number, self.loudness))
            if store.result(keys[-1]) is None:
                store.put_result(keys[-1], {"is": number * self.loudness})
        for name, file in files.items():
            lines = [line for batch in file.batches for line in store.get(batch) or []]
            current = [line.model_copy(update={"note": self.notes}) for line in lines]
            files[name] = File(file.batches, sorted(current, key=lambda line: line.id))
        store.close(files, keys)

    def cut(self, name: str, words: list[str]) -> list[Batch]:
        ordered = sorted(words, key=lambda word: (-len(word), word))
        parts = [ordered[at : at + SIZE] for at in range(0, len(ordered), SIZE)]
        loud = self.loudness if name != "quiet" else 0
        return [Batch(batches.make_key(part, loud), tuple(part)) for part in parts]

    def make(self, batch: Batch) -> list[Line]:
        beside = "".join(batch.ids)
        return [
            Line(id=id, shouted=f"{id.upper()}{batch.key[:4]} of {beside}", note="as made")
            for id in batch.ids
        ]


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def edit(work: Work, out: Path, chance: random.Random) -> None:
    """Do one random thing to what is wanted, to what is there, or to the run itself."""
    name = chance.choice(["one", "two", "quiet"])
    files = [path for path in sorted(out.iterdir()) if path.is_file()]
    kind = chance.choice(
        [
            "add",
            "add",
            "drop",
            "file",
            "louder",
            "note",
            "result",
            "tamper",
            "delete",
            "stray",
            "manifest",
            "kill",
        ]
    )
    if kind in ("add", "kill"):
        new = {f"w{chance.randint(0, 30)}" * chance.randint(1, 3) for _ in range(4)}
        work.words[name] = sorted({*work.words.get(name, []), *new})
    elif kind == "drop" and work.words.get(name):
        work.words[name].remove(chance.choice(work.words[name]))
    elif kind == "file":
        work.words.pop(name, None)
    elif kind == "louder":
        work.loudness = chance.randint(1, 3)
    elif kind == "note":
        work.notes = f"note {chance.random()}"
    elif kind == "result":
        work.results = {chance.choice(["sum", "mean"]): chance.randint(1, 3)}
    elif kind == "tamper" and files:
        path = chance.choice(files)
        path.write_bytes(path.read_bytes().replace(b"W1", b"W7") + b"\n")
    elif kind == "delete" and files:
        chance.choice(files).unlink()
    elif kind == "stray":
        (out / "stray.jsonl").write_text("nobody's")
        (out / "stray").mkdir(exist_ok=True)
    elif kind == "manifest":
        (out / MANIFEST).write_text('{"files": ')
    if kind == "kill":
        work.die_after = chance.randint(0, 2)
        try:
            work.run(out)
        except Killed:
            journal = out / JOURNAL
            if (
                journal.exists() and chance.random() < 0.5
            ):  # the kill may also cut the line that is being written
                journal.write_bytes(journal.read_bytes()[:-7])
        work.die_after = None


@pytest.mark.parametrize("seed", range(20))
def test_incremental_equals_clean_after_random_edits(tmp_path: Path, seed: int) -> None:
    chance, work, out = random.Random(seed), Work(), tmp_path / "out"
    work.run(out)
    for _ in range(15):
        edit(work, out, chance)
        if chance.random() < 0.7:
            work.run(out)
            clean = tmp_path / "clean"
            shutil.rmtree(clean, ignore_errors=True)
            Work.run(work, clean)
            # property: whatever happened before, the bytes are those of a run from nothing
            assert tree(out) == tree(clean)
    work.run(out)
    work.run(out)
    # property: nothing is made twice
    assert work.made == []


def test_a_kill_loses_only_the_batch_that_was_being_made(tmp_path: Path) -> None:
    work, out = Work(), tmp_path / "out"
    work.words = {"one": list("abcdefgh")}
    work.die_after = 2
    with pytest.raises(Killed):
        work.run(out)
    first = work.made
    work.die_after = None
    work.run(out)
    assert (len(first), len(work.made)) == (2, 1)
    # property: the journal is gone, and the next run makes nothing
    assert sorted(path.name for path in out.iterdir()) == ["_manifest.json", "one.jsonl"]


def test_what_somebody_changed_in_the_journal_counts_for_nothing(tmp_path: Path) -> None:
    work, out = Work(), tmp_path / "out"
    work.die_after = 1
    with pytest.raises(Killed):
        work.run(out)
    journal = out / JOURNAL
    journal.write_text(journal.read_text().replace('"shouted": "A', '"shouted": "Z'))
    work.die_after = None
    work.run(out)
    work.run(tmp_path / "clean")
    # property: the batch is made again, as if the line had been cut
    assert tree(out) == tree(tmp_path / "clean")


@pytest.mark.parametrize("writes", range(4))
def test_a_kill_while_the_files_are_written_loses_nothing(
    tmp_path: Path, writes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, out = Work(), tmp_path / "out"
    work.words = {"one": list("abcd"), "two": list("efgh")}
    work.run(out)
    work.words = {"one": list("abcdxyz"), "two": list("efghxyz")}
    write_text, count = batches.io.write_text, iter(range(9))

    def die(path: Path, text: str) -> None:
        if next(count) == writes:
            raise Killed
        write_text(path, text)

    monkeypatch.setattr(batches.io, "write_text", die)
    if writes < 3:
        with pytest.raises(Killed):
            work.run(out)
    monkeypatch.undo()
    work.run(out)
    # property: at whichever of the writes it is killed (two files and the manifest), all batches are still known
    assert work.made == [] or writes == 3
    work.run(tmp_path / "clean")
    assert tree(out) == tree(tmp_path / "clean")


def test_what_is_as_it_was_is_not_written_again(tmp_path: Path) -> None:
    work, out = Work(), tmp_path / "out"
    work.words["two"] = ["x"]
    work.run(out)
    before = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    work.words["two"] = ["y"]
    work.run(out)
    after = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    # property: DVC hashes again only the file that changed
    assert sorted(name for name in before if before[name] != after[name]) == ["_manifest.json", "two.jsonl"]


def test_records_of_an_earlier_schema_are_made_again(tmp_path: Path) -> None:
    work, out = Work(), tmp_path / "out"
    work.run(out)
    lines = (out / "one.jsonl").read_text().replace('"note"', '"remark"')
    (out / "one.jsonl").write_text(lines)
    manifest = json.loads((out / MANIFEST).read_text())
    manifest["files"]["one"]["sha256"] = batches.io.sha256(out / "one.jsonl")
    (out / MANIFEST).write_text(json.dumps(manifest))
    work.run(out)
    assert len(work.made) == 2


def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(LecternError, match=r"out: .*run `dvc repro` again"):
        Work().run(tmp_path / "out")


def test_a_result_of_a_run_that_was_killed_is_known_to_the_next(tmp_path: Path) -> None:
    for value in ({"is": 1}, 0, [2]):
        Store(tmp_path, Line, lambda line: line.id).put_result("key", value)
        # property: nothing was closed, and the last one counts
        assert Store(tmp_path, Line, lambda line: line.id).result("key") == value
