"""What the tests of the applications share."""

import shutil
from pathlib import Path

import pytest

from tests.support import review_repo


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository to review. Nobody may change what is in it."""
    root = tmp_path_factory.mktemp("made") / "repo"
    review_repo.make(root)
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    """A copy of the repository, for one test."""
    return Path(shutil.copytree(made, tmp_path / "repo"))
