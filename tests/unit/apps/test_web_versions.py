"""Nobody's change of a shared small file is lost."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lectern.apps.web import versions

ROOT = Path(__file__).parents[3]
ADD = """
import sys
import threading
from pathlib import Path
from lectern.apps.web import versions
for number in range(50):
    versions.update(Path(sys.argv[1]), lambda now: (now or "") + f"{sys.argv[2]} {number}\\n")
"""


def test_writers_in_several_processes_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "notes/all.txt"
    writers = [subprocess.Popen([sys.executable, "-c", ADD, str(path), name], cwd=ROOT) for name in "abc"]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    lines = path.read_text().splitlines()
    assert sorted(lines) == sorted(f"{name} {number}" for name in "abc" for number in range(50))


def test_a_version_is_of_the_content_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    assert versions.version(path) == versions.ABSENT
    first = versions.update(path, lambda now: "one")
    assert versions.version(path) == first != versions.ABSENT
    assert versions.update(path, lambda now: "two") != first
    assert versions.update(path, lambda now: "one") == first
    assert versions.update(path, lambda now: None) == versions.ABSENT
    assert not path.exists()


def test_a_change_that_fails_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    before = versions.update(path, lambda now: "one")

    def fail(now: str | None) -> str:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        versions.update(path, fail)
    assert versions.version(path) == before
    versions.update(path, lambda now: "after")  # and the lock is free
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]


def test_one_lock_holds_a_folder_however_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    entered = threading.Event()

    def enter() -> None:
        with versions.locked(tmp_path / "link"):
            entered.set()

    with versions.locked(tmp_path / "real/../real"):
        other = threading.Thread(target=enter)
        other.start()
        assert not entered.wait(0.2)
    other.join(10)
    assert entered.is_set()
