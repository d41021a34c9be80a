"""A folder that is kept between runs: its manifest, what is removed from it, and what a full disk says."""

import errno
from pathlib import Path
from typing import Any

import pytest

from lectern.core import manifest
from lectern.core.errors import LecternError
from lectern.core.journal import JOURNAL
from lectern.core.manifest import MANIFEST


def names(value: Any) -> list[str]:
    return sorted(value["items"])


@pytest.mark.parametrize("text", ["", '{"items": ', "[]", "null", "{}", '{"items": 3}', "\udcff"])
def test_a_damaged_manifest_counts_for_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / MANIFEST
    assert manifest.read(path, names) is None
    manifest.write(path, {"items": {"a": 1}})
    assert manifest.read(path, names) == ["a"]
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert manifest.read(path, names) is None


def test_writing_the_manifest_ends_the_journal_and_touches_nothing_that_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / MANIFEST
    manifest.write(path, {"items": {}})
    before = path.stat().st_ino
    (tmp_path / JOURNAL).write_text("")
    manifest.write(path, {"items": {}})
    assert not (tmp_path / JOURNAL).exists()
    # property: DVC does not hash again what was not written
    assert path.stat().st_ino == before


def test_only_what_is_listed_and_the_journal_stay(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept.txt").touch()
    folder = tmp_path / "folder"
    (folder / "stray" / "deep").mkdir(parents=True)
    (folder / "link").symlink_to(outside, target_is_directory=True)
    for name in ("a.txt", "stray.txt", MANIFEST, JOURNAL):
        (folder / name).touch()
    manifest.remove_unlisted(folder, {"a.txt", MANIFEST})
    assert sorted(path.name for path in folder.iterdir()) == [JOURNAL, MANIFEST, "a.txt"]
    # property: a link goes, not what it names
    assert (outside / "kept.txt").exists()


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "Free some space"),
        (errno.EDQUOT, "Free some space"),
        (errno.EMFILE, "Raise the limit on open files"),
        (errno.EROFS, "Make the directory writable"),
    ],
)
def test_a_disk_that_fails_says_what_to_do(tmp_path: Path, number: int, remedy: str) -> None:
    with (
        pytest.raises(LecternError, match=f"data/raw: .*{remedy}.* and run `lectern export` again"),
        manifest.disk_failures(Path("data/raw"), "`lectern export`"),
    ):
        raise OSError(number, "no")
