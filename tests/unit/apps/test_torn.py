"""Files of DVC that a kill has cut off: real DVC in a small repository, whose files are cut as a kill cuts them."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from zc import lockfile

from lectern.apps import torn
from lectern.apps.review.rebuilding import Builder
from lectern.core.errors import LecternError
from lectern.tools import run
from tests import warm
from tests.support import small_pipelines

PIPELINE = """
stages:
  first: {cmd: python work.py first, deps: [work.py, source.txt], outs: [first.txt, more.txt]}
  second: {cmd: python work.py second, deps: [work.py, first.txt], outs: [second.txt, third.txt: {persist: true}]}
"""
WORK = """
import pathlib, sys
name = sys.argv[1]
source = pathlib.Path("source.txt").read_text()
if source == f"tear {name}":  # as a kill of DVC in the middle of writing would
    lock = pathlib.Path("dvc.lock")
    lock.write_text(lock.read_text()[:200])
    sys.exit("killed")
for out in {"first": ["first.txt", "more.txt"], "second": ["second.txt", "third.txt"]}[name]:
    pathlib.Path(out).write_text(name + source)
print(f"{name}: made 1")
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository after `lectern run`; each test takes a copy."""
    root = tmp_path_factory.mktemp("built") / "repo"
    small_pipelines.make(root, dvc_yaml=PIPELINE, work_py=WORK, source_txt="one")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "executable", warm.python())
        assert run.main([], root) == 0
    return root


@pytest.fixture
def root(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "executable", warm.python())
    return shutil.copytree(built, tmp_path / "repo")


def dvc(root: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = warm.environment(DVC_NO_ANALYTICS="1")
    return subprocess.run(["dvc", *arguments], cwd=root, env=environment, capture_output=True, text=True)


def commit(root: Path) -> None:
    for command in (["add", "-A"], ["-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qm", "x"]):
        subprocess.run(["git", *command], cwd=root, check=True)


def test_a_torn_dvc_lock_stops_dvc_and_not_lectern_run(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    whole = (root / "dvc.lock").read_bytes()
    cut = whole[: whole.index(b"    - path: source.txt") + 9]
    (root / "dvc.lock").write_bytes(cut)
    assert dvc(root, "repro").returncode != 0
    capfd.readouterr()
    assert run.main([], root) == 0
    told = capfd.readouterr().out
    assert told.startswith(
        "dvc.lock was cut off, because DVC was killed while it wrote it. It has the content again"
    )
    assert "Everything is up to date." in told
    assert (root / "dvc.lock").read_bytes() == whole
    assert (root / torn.ASIDE).read_bytes() == cut


@pytest.mark.parametrize(
    "text", ["", '{"write": {}, "read": {"/x/source.txt": [{"pid": 12, "c', '{"read": ', "[]"]
)
def test_a_torn_list_of_what_runs_stops_dvc_and_not_lectern_run(
    root: Path, capfd: pytest.CaptureFixture[str], text: str
) -> None:
    (root / "source.txt").write_text("two")
    (root / torn.RUNNING).write_text(text)
    assert dvc(root, "repro").returncode != 0
    capfd.readouterr()
    (root / torn.RUNNING).write_text(text)
    assert run.main([], root) == 0
    assert ".dvc/tmp/rwlock, in which DVC lists" in capfd.readouterr().out
    assert (root / "second.txt").read_text() == "secondtwo"


def test_wherever_it_was_cut_the_last_whole_one_comes_back(root: Path) -> None:
    whole = (root / "dvc.lock").read_bytes()
    for cut in range(len(whole)):
        (root / "dvc.lock").write_bytes(whole[:cut])
        assert len(torn.mend(root)) == 1, whole[:cut]
        assert (root / "dvc.lock").read_bytes() == whole
    assert torn.mend(root) == []


def test_what_is_cut_off_while_a_run_goes_on_comes_back_at_its_end(
    root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (root / "source.txt").write_text("tear second")
    assert run.main([], root) != 0
    assert "dvc.lock was cut off" in capfd.readouterr().out
    # the stage that ended in this run is in it, so nothing but the second is out of date
    assert set(torn._read_stages((root / "dvc.lock").read_text()) or {}) == {"first", "second"}
    status = dvc(root, "status").stdout
    assert "second:" in status
    assert "first:\n" not in status


def test_the_rebuild_of_the_review_brings_it_back_and_says_so(root: Path) -> None:
    whole = (root / "dvc.lock").read_bytes()
    (root / "dvc.lock").write_bytes(whole[:100])
    builder = Builder(root)
    job = builder.start(None)
    assert builder.thread is not None
    builder.thread.join(120)
    assert job.outcome == "Done."
    assert job.lines[0].startswith("dvc.lock was cut off")
    assert set(job.states.values()) == {"unchanged"}
    (root / "source.txt").write_text("tear second")
    job = builder.start(None)
    builder.thread.join(120)
    assert job.outcome.startswith("second failed")
    assert job.lines[-1].startswith("dvc.lock was cut off")
    assert torn.mend(root) == []


def test_without_a_copy_it_comes_from_git_and_without_that_it_is_an_error(root: Path) -> None:
    whole = (root / "dvc.lock").read_bytes()
    (root / torn.KEPT).unlink()
    (root / "dvc.lock").write_bytes(whole[:100])
    with pytest.raises(LecternError, match="neither a copy nor git has a whole one"):
        torn.mend(root)
    (root / "dvc.lock").write_bytes(whole)
    commit(root)
    (root / "dvc.lock").write_bytes(whole[:100])
    [said] = torn.mend(root)
    assert "that is committed in git" in said
    assert (root / "dvc.lock").read_bytes() == whole


def test_what_is_whole_is_left_alone(root: Path) -> None:
    lock = root / "dvc.lock"
    whole = lock.read_text()
    first = whole[: whole.index("  second:")]
    # a revision with fewer stages, which was checked out
    lock.write_text(first)
    commit(root)
    assert torn.mend(root) == []
    # a stage that was removed from the pipeline
    lock.write_text(first + "# mine\n")
    assert len(torn.mend(root)) == 1
    (root / "dvc.yaml").write_text(PIPELINE[: PIPELINE.index("  second")])
    lock.write_text(first + "# mine\n")
    assert torn.mend(root) == []
    # a conflict of git, and a mistake of hand in the middle: these are told by DVC
    conflicts = (
        f"<<<<<<< HEAD\n{whole}=======\n{whole}>>>>>>> x\n",
        f"{whole}<<<<<<< HEAD\n=======\n>>>>>>> x\n",
    )
    for text in (*conflicts, whole.replace("  first:", "  first", 1)):
        lock.write_text(text)
        assert torn.mend(root) == []
    lock.unlink()
    assert torn.mend(root) == []


@pytest.mark.parametrize("guard", torn.GUARDS)
def test_nothing_is_touched_while_dvc_writes(root: Path, guard: str) -> None:
    half = (root / "dvc.lock").read_text()[:100]
    (root / "dvc.lock").write_text(half)
    (root / torn.RUNNING).write_text("{")
    held = lockfile.LockFile(str(root / guard))
    try:
        assert torn.mend(root) == []
        assert (root / "dvc.lock").read_text() == half
        assert (root / torn.RUNNING).read_text() == "{"
    finally:
        held.close()
    assert len(torn.mend(root)) == 2


def test_only_a_whole_one_is_kept(root: Path) -> None:
    kept = (root / torn.KEPT).read_text()
    (root / "dvc.lock").write_text(kept[:150])
    torn.keep(root)
    assert (root / torn.KEPT).read_text() == kept
    changed = kept.replace("python work.py first", "python work.py  first")
    (root / "dvc.lock").write_text(changed)
    torn.keep(root)
    assert (root / torn.KEPT).read_text() == changed
