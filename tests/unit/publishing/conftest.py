import shutil
from pathlib import Path

import pytest

from tests.unit.apps import tuned_repo
from tests.unit.publishing.running import run


@pytest.fixture(scope="session")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with a tiny tuned model; nobody may change it."""
    root = tmp_path_factory.mktemp("tuned")
    tuned_repo.make(root)
    return root


@pytest.fixture(scope="session")
def exported(tuned: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose tiny model was exported by the command."""
    root = tmp_path_factory.mktemp("exported") / "repo"
    shutil.copytree(tuned, root)
    done = run(root)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "export: models/export: made 6, kept 0"
    return root
