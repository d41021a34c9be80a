"""Limits of what an item may take: a file that harms its reader is one failed item, and the others are made."""

import json
import os
import resource
from dataclasses import replace
from pathlib import Path

from lectern.core import code, items, limits
from lectern.core.compute import IN_PROCESS
from lectern.core.executors import processes
from lectern.core.item import Item
from lectern.core.limits import Limits
from lectern.core.manifest import MANIFEST
from tests.support import item_makers as makers

SMALL = Limits(seconds=1, megabytes=200, written=10)


def sync(folder: Path, allowed: Limits | None, **contents: str) -> dict[str, str]:
    """Make an item of each text. Returns the errors."""
    folder.mkdir(exist_ok=True)
    for name, text in contents.items():
        (folder / f"{name}.txt").write_text(text)
    found = [Item(name, {"text": folder / f"{name}.txt"}) for name in contents]
    items.sync(
        found,
        folder / "out",
        makers.loader("take_too_much", folder / "log"),
        suffix=".txt",
        params={},
        code=[code],
        allow_failed=1.0,
        compute=IN_PROCESS,
        limits=allowed,
    )
    entries = json.loads((folder / "out" / MANIFEST).read_text())["items"]
    return {name: entry["error"] for name, entry in entries.items() if "error" in entry}


def workers(folder: Path) -> int:
    return len((folder / "log").read_text().split())


def test_whatever_a_file_does_to_its_reader_it_fails_alone_with_its_reason(tmp_path: Path) -> None:
    found = sync(
        tmp_path / "a",
        SMALL,
        a="fine", b="time", c="fine", d="memory", e="fine", f="deep", g="file", h="longer",
    )  # fmt: skip
    assert found.pop("g").endswith("File too large")
    assert found == {
        "b": "it took more than 1 s of CPU time. Leave the file out, or divide it.",
        "d": "reading it takes more memory than there is. Leave it out, or divide it.",
        "f": "its parts are nested too deeply to be read. Leave it out.",
    }
    assert list(items.read(tmp_path / "a/out")) == ["a", "c", "e", "h"]
    # one worker at first, one after that which was ended, and one after that which had no memory left
    assert workers(tmp_path / "a") == 3


def test_what_a_block_may_take_is_no_time_of_the_item(tmp_path: Path) -> None:
    found = sync(tmp_path / "a", SMALL, a="aside", b="aside and more")
    assert found == {"b": "it took more than 1 s of CPU time. Leave the file out, or divide it."}


def test_a_reader_that_crashes_does_so_once(tmp_path: Path) -> None:
    found = sync(tmp_path / "a", SMALL, a="crash", b="fine")
    assert found == {"a": "its reader crashed (SIGABRT). Leave the file out, or save it anew."}
    assert workers(tmp_path / "a") == 2
    # what ends it from outside, as the system does when all memory has ended, may not come again
    assert sync(tmp_path / "b", SMALL, a="bad", b="fine") == {}


def test_a_reader_that_waits_for_ever_is_ended_by_the_clock(tmp_path: Path) -> None:
    found = sync(tmp_path / "a", replace(SMALL, patience=1.5), a="wait", b="fine")
    assert found == {"a": "it took more than 1.5 s of time. Leave the file out, or divide it."}


def test_the_process_of_the_stage_is_not_limited_and_a_thousand_items_start_one_worker(
    tmp_path: Path,
) -> None:
    before = [
        resource.getrlimit(kind)
        for kind in (resource.RLIMIT_CPU, resource.RLIMIT_DATA, resource.RLIMIT_FSIZE)
    ]
    many = {f"item{n}": f"text {n}" for n in range(1000)}
    assert sync(tmp_path / "a", SMALL, **many) == {}
    assert workers(tmp_path / "a") == 1
    assert str(os.getpid()) not in (tmp_path / "a/log").read_text()
    kinds = (resource.RLIMIT_CPU, resource.RLIMIT_DATA, resource.RLIMIT_FSIZE)
    assert [resource.getrlimit(kind) for kind in kinds] == before
    limits.allow(1)
    assert [resource.getrlimit(kind) for kind in kinds] == before
    # without limits the stage makes them itself, and the outputs are the same
    (tmp_path / "a/log").unlink()
    assert sync(tmp_path / "a", None, **many) == {}
    assert not (tmp_path / "a/log").exists(), "limits are in no key"


def test_the_memory_of_one_item_does_not_count_for_the_next(tmp_path: Path) -> None:
    # the worker of this test keeps 150 MB of each item, which may take 200
    found = [Item(name, {}) for name in "abcd"]
    run = processes.run(_load_hoarder, found, tmp_path, "", workers=1, max_tries=1, limits=SMALL)
    assert [made.error for made in run] == [""] * 4


HOARD: list[bytearray] = []


def _load_hoarder() -> object:
    return _hoard


def _hoard(item: Item, path: Path) -> None:
    HOARD.append(bytearray(150_000_000))
    path.write_text(item.id)
