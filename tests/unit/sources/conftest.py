"""A site of the test's own, and a project folder that is empty but for what the test puts there."""

import functools
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import warm
from tests.support import server

SMOKE = Path("data/sources/smoke").absolute()


@pytest.fixture(scope="session", autouse=True)
def quick_sessions() -> Iterator[None]:
    """yt-dlp does for each session again what comes out the same: it compares each of its 1,800 extractors with all
    others, and reads the certificates of the web."""
    import certifi
    from yt_dlp.networking import common
    from yt_dlp.utils import _utils

    slow, make = _utils.orderedSet, common.make_ssl_context

    @functools.cache
    def read(_file: str, **options: Any) -> Any:
        return make(**options)

    def order(iterable: Iterable[Any], *, lazy: bool = False) -> Any:
        values = list(iterable)
        return list(dict.fromkeys(values)) if set(map(type, values)) == {str} else slow(values, lazy=lazy)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_utils, "orderedSet", order)
        patch.setattr(common, "make_ssl_context", lambda **options: read(certifi.where(), **options))
        yield


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
