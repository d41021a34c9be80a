"""Pinning against a hub on 127.0.0.1, in a process of its own: the client library reads the hub's address once."""

import subprocess
from pathlib import Path

import pytest

from lectern.core.errors import LecternError
from lectern.tools import pin
from tests import warm
from tests.support import hub_server

OLD, NEW = "a" * 40, "5f0b02c75b57c5855da9ae460ce51323ea669d8a"
FILE = """# A model (a licence).
name: {name}
source: hub
hub_id: owner/{name}
revision: {revision}  # `lectern pin` fills in the newest commit
context_length: 4096  # tokens
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """conf/base_model of a copy: two models of a hub, one that comes from elsewhere."""
    found = tmp_path / "conf/base_model"
    found.mkdir(parents=True)
    (found / "first.yaml").write_text(FILE.format(name="first", revision="null"))
    (found / "second.yaml").write_text(FILE.format(name="second", revision=OLD))
    (found / "other.yaml").write_text("name: other\nsource: random\n")
    return found


def run(hub: hub_server.Hub, folder: Path, *names: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [warm.python(), "-m", "lectern", "pin", *names],
        cwd=folder.parent.parent,
        env=warm.environment(**hub.environment(folder / "home"), PYTHONPATH=str(Path.cwd())),
        capture_output=True,
        text=True,
    )


def test_each_model_gets_its_commit_and_keeps_its_comments(folder: Path) -> None:
    with hub_server.serve() as hub:
        hub.put("owner/first", NEW)
        hub.put("owner/second", NEW)
        done = run(hub, folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"first: {NEW}\nsecond: {NEW}, before {OLD}\n"
    for name in ("first", "second"):
        assert (folder / f"{name}.yaml").read_text() == FILE.format(name=name, revision=NEW)
    assert (folder / "other.yaml").read_text() == "name: other\nsource: random\n"


def test_one_that_fails_keeps_its_revision_and_the_others_are_pinned(folder: Path) -> None:
    with hub_server.serve() as hub:
        hub.put("owner/first", "main")  # a server that answers with no commit
        hub.put("owner/second", NEW)
        hub.put("owner/third", NEW)
        (folder / "gone.yaml").write_text(FILE.format(name="gone", revision="null"))
        (folder / "third.yaml").write_text(FILE.format(name="third", revision=NEW))
        done = run(hub, folder)
    assert done.returncode == 1
    assert "first: the hub gave 'main' for owner/first" in done.stderr
    assert "gone: the hub has no model owner/gone" in done.stderr
    assert "2 of 4 models could not be pinned" in done.stderr
    assert f"third: {NEW}, as before" in done.stderr
    assert "Traceback" not in done.stderr
    for name, revision in (("first", "null"), ("gone", "null"), ("second", NEW)):
        assert (folder / f"{name}.yaml").read_text() == FILE.format(name=name, revision=revision)


def test_only_what_is_named_is_pinned(folder: Path) -> None:
    with hub_server.serve() as hub:
        hub.put("owner/first", NEW)
        hub.put("owner/second", NEW)
        done = run(hub, folder, "first")
    assert (done.stdout, done.stderr) == (f"first: {NEW}\n", "")
    assert OLD in (folder / "second.yaml").read_text()


def test_a_branch_or_tag_becomes_its_commit(folder: Path) -> None:
    (folder / "second.yaml").write_text(FILE.format(name="second", revision="v1.0"))
    with hub_server.serve() as hub:
        hub.put("owner/second", OLD)
        hub.commits["owner/second"]["v1.0"] = NEW
        done = run(hub, folder, "second")
    assert (done.stdout, done.stderr) == (f"second: {NEW}, before v1.0\n", "")


@pytest.mark.parametrize("name", ["third", "other"])
def test_a_name_without_a_hub_is_refused_before_anything_is_written(folder: Path, name: str) -> None:
    with pytest.raises(
        LecternError, match=f"^{name}: .* has no such base model .* choose one of first, second$"
    ):
        pin.main(["first", name], folder)
    assert "revision: null" in (folder / "first.yaml").read_text()


def test_a_file_without_a_place_for_it_is_named(folder: Path) -> None:
    (folder / "first.yaml").write_text("name: first\nsource: hub\nhub_id: owner/first\n")
    with pytest.raises(LecternError, match=r"first\.yaml has no line `revision:`"):
        pin.main(["first"], folder)


def test_each_shipped_model_of_a_hub_has_a_place_for_it() -> None:
    for path in pin._choose([], Path("conf/base_model")):
        assert len(pin.REVISION.findall(path.read_text())) == 1
