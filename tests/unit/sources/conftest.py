"""A site of the test's own, and a project folder that is empty but for what the test puts there."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import warm
from tests.support import server

SMOKE = Path("data/sources/smoke").absolute()


@pytest.fixture
def site() -> Iterator[server.Site]:
    with server.serve() as running:
        yield running


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, as if it were a clone."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LECTERN_COOKIES", raising=False)
    return tmp_path


@pytest.fixture
def warm_crawls(monkeypatch: pytest.MonkeyPatch) -> None:
    """A crawl is a process that need not import Scrapy again."""
    monkeypatch.setattr(sys, "executable", warm.python())


@pytest.fixture(scope="session")
def mp3() -> bytes:
    return (SMOKE / "smoke-01-logs.mp3").read_bytes()
