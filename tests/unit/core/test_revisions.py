"""Another revision's files and outputs, from real repositories of git and DVC."""

import shutil
import subprocess
from pathlib import Path

import pytest

from lectern.core import revisions
from lectern.core.errors import LecternError
from tests import warm


def call(folder: Path, *command: str) -> str:
    environment = warm.environment(DVC_NO_ANALYTICS="1")
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def make_repository(folder: Path, below: str = "") -> Path:
    """Two commits: data/rows.jsonl and data/parts, and then other rows. Returns the pipeline's folder."""
    root = folder / below
    (root / "data/parts").mkdir(parents=True)
    call(folder, "git", "init", "-q", "-b", "main")
    for key, value in (("user.name", "Test"), ("user.email", "test@example.org")):
        call(folder, "git", "config", key, value)
    call(root, "dvc", "init", "-q", *(["--subdir"] if below else []))
    (root / "data/parts/a.txt").write_text("a\n")
    (root / "metrics").mkdir()
    for number in ("one", "two"):
        (root / "data/rows.jsonl").write_text(f"{number}\n")
        (root / "metrics/scores.json").write_text(f'"{number} é"\n', encoding="utf-8")
        call(root, "dvc", "add", "-q", "data/rows.jsonl", "data/parts")
        call(root, "git", "add", "-A")
        call(root, "git", "commit", "-qm", number)
    return root


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_repository(tmp_path_factory.mktemp("made"))


def test_files_and_outputs_of_an_earlier_commit_are_read_and_nothing_here_changes(
    made: Path, tmp_path: Path
) -> None:
    before = revisions.find("HEAD~1", made)
    # property: what is read is what the commit held, though other bytes lie in the working tree
    assert before.read("metrics/scores.json") == '"one é"\n'
    assert before.read("metrics/other.json") is None
    assert before.list("metrics") == ["metrics/scores.json"]
    assert before.list("nothing") == []
    assert before.copy("data/rows.jsonl", tmp_path / "rows")
    assert (tmp_path / "rows").read_text() == "one\n"
    assert before.copy("data/parts", tmp_path / "parts")
    assert (tmp_path / "parts/a.txt").read_text() == "a\n"
    assert before.copy("data/parts/a.txt", tmp_path / "part")
    assert not before.copy("data/nothing", tmp_path / "nothing")
    assert call(made, "git", "status", "--porcelain") == ""
    assert (made / "data/rows.jsonl").read_text() == "two\n"
    # property: a folder that is there already is no place to copy to; the copy would lie inside it
    with pytest.raises(ValueError, match="exists"):
        before.copy("data/parts", tmp_path / "parts")


def test_a_pipeline_in_a_folder_of_a_repository_is_read_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_repository(tmp_path / "repository", "some/project")
    for place, given in ((root, Path()), (root / "data", Path("..")), (tmp_path, root)):
        monkeypatch.chdir(place)
        before = revisions.find("main~1", given)
        # property: paths are relative to the pipeline's folder, wherever the process stands
        assert before.read("metrics/scores.json") == '"one é"\n'
        assert before.list("metrics") == ["metrics/scores.json"]
        copied = tmp_path / f"rows of {place.name}"
        assert before.copy("data/rows.jsonl", copied)
        assert copied.read_text() == "one\n"


def test_every_name_that_git_or_dvc_gives_finds_the_commit(made: Path, tmp_path: Path) -> None:
    root = tmp_path / "copy"
    shutil.copytree(made, root, symlinks=True)
    commit = call(root, "git", "rev-parse", "HEAD~1").strip()
    call(root, "git", "branch", "sweep/rate", commit)
    call(root, "git", "tag", "-a", "-m", "first", "v1", commit)
    base = call(root, "git", "rev-parse", "HEAD").strip()
    call(root, "git", "update-ref", f"refs/exps/{base[:2]}/{base[2:]}/quick-rate", commit)
    # property: a branch, a tag with a message, a short name and an experiment lead to one commit, packed or not
    for _ in range(2):
        for name in ("sweep/rate", "v1", commit[:8], "HEAD~1", "quick-rate"):
            assert revisions.find(name, root).commit == commit
        call(root, "git", "pack-refs", "--all")
    # property: a name is no pattern
    with pytest.raises(LecternError, match="git knows no revision"):
        revisions.find("quick-.*", root)
    call(root, "git", "update-ref", f"refs/exps/{commit[:2]}/{commit[2:]}/quick-rate", base)
    with pytest.raises(
        LecternError, match=f"2 experiments are called 'quick-rate'.*{min(base, commit)[:10]}"
    ):
        revisions.find("quick-rate", root)


@pytest.mark.parametrize("name", ["nowhere", "--all", "", "HEAD:metrics", "quick-.*"])
def test_a_name_that_is_none_says_where_names_are(made: Path, name: str) -> None:
    with pytest.raises(LecternError, match=r"git knows no revision .*git branch -a"):
        revisions.find(name, made)


def test_a_folder_without_git_has_no_revisions(tmp_path: Path) -> None:
    with pytest.raises(LecternError, match="git knows no revision 'main'"):
        revisions.find("main", tmp_path)


def test_what_is_in_no_cache_is_named_and_a_remote_that_was_added_since_has_it(
    made: Path, tmp_path: Path
) -> None:
    root = tmp_path / "copy"
    shutil.copytree(made, root, symlinks=True)
    call(root, "dvc", "remote", "add", "-q", "-d", "store", str(tmp_path / "store"))
    shutil.move(
        root / ".dvc/cache/files", tmp_path / "store/files"
    )  # `dvc push` asks the remotes of that commit
    # property: the commit knew no remote, the repository does now
    assert revisions.find("HEAD~1", root).copy("data/rows.jsonl", tmp_path / "rows")
    assert (tmp_path / "rows").read_text() == "one\n"
    shutil.rmtree(root / ".dvc/cache", ignore_errors=True)
    shutil.rmtree(tmp_path / "store")
    for path in ("data/rows.jsonl", "data/parts"):
        with pytest.raises(
            LecternError, match=rf"{path} of revision \w{{10}} is neither .* `dvc fetch --all-commits`"
        ):
            revisions.find("HEAD~1", root).copy(path, tmp_path / "missing")


def test_a_commit_from_before_the_pipeline_has_no_outputs(made: Path, tmp_path: Path) -> None:
    root = tmp_path / "copy"
    shutil.copytree(made, root, symlinks=True)
    tree = call(root, "git", "hash-object", "-w", "-t", "tree", "/dev/null").strip()
    empty = call(root, "git", "commit-tree", "-m", "empty", tree).strip()
    assert not revisions.find(empty, root).copy("data/rows.jsonl", tmp_path / "rows")
    assert revisions.find(empty, root).read("params.yaml") is None
