import shutil
from pathlib import Path

import pytest

from tests import shared
from tests.support import tuned_repo
from tests.support.running import run


@pytest.fixture(scope="session")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with a tiny tuned model; nobody may change it."""
    return shared.once(tmp_path_factory, "tuned", lambda root: tuned_repo.make(root / "repo")) / "repo"


@pytest.fixture(scope="session")
def exported(tuned: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose tiny model was exported by the command; nobody may change it."""

    def export(folder: Path) -> None:
        shutil.copytree(tuned, folder / "repo")
        done = run(folder / "repo")
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1] == "export: models/export: made 6, kept 0"

    return shared.once(tmp_path_factory, "exported", export) / "repo"
