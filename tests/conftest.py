"""What all tests share.

Property tests draw the same examples in every run; `pytest --hypothesis-profile=search` draws others, and more.
"""

import gc
import os
import signal
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from lectern.core import code, stage
from tests.support import listing
from tests.warm import workers

# As every stage does before it loads torch. Here several tests share the processor, so threads that wait sleep at once.
os.environ.setdefault("GOMP_SPINCOUNT", "0")
stage.quieten_libraries()

# No deadline, and no complaint of slow drawing: how long an example takes says how busy the machine is.
ANY_SPEED: Any = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("fixed", derandomize=True, **ANY_SPEED)
settings.register_profile("search", max_examples=500, **ANY_SPEED)
settings.load_profile("fixed")

# What a script starts in the background ignores Ctrl-C, which some tests send.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A file system lists a folder in any order; here it is the one that no code can take for sorted.
listing.reverse()

workers.install()

# A stage reads its own source once, the tests hundreds of times in a process; the result depends on the text alone.
code._bare = cache(code._bare)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A Chromium, as Playwright drives it; where there is none, whoever asks for it is skipped."""
    from tests.support import browsers

    if browsers.find() is None:
        pytest.skip(browsers.MISSING)
    with browsers.start() as started:
        yield started


FIGURES = pytest.StashKey[dict[Path, bytes]]()
"""The committed figures as they were when the tests began."""


def read_figures() -> dict[Path, bytes]:
    folder = Path(__file__).parents[1] / "metrics"
    return {path: path.read_bytes() for path in sorted(folder.rglob("*.json"))}


def pytest_sessionstart(session: pytest.Session) -> None:
    if "PYTEST_XDIST_WORKER" not in os.environ:  # once for all workers
        session.config.stash[FIGURES] = read_figures()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run of tests that changed the figures of the repository itself: a stage was run in the wrong folder."""
    before = session.config.stash.get(FIGURES, None)
    if before is None:
        return
    now = read_figures()
    if changed := [path for path in {*before, *now} if before.get(path) != now.get(path)]:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        print(f"\nThese tests changed files of the repository: {', '.join(map(str, sorted(changed)))}")


COLLECTED = pytest.StashKey[frozenset[str]]()
"""The modules that were imported when all tests had been collected."""


def pytest_collection_finish(session: pytest.Session) -> None:
    session.config.stash[COLLECTED] = frozenset(sys.modules)


FROZEN = pytest.StashKey[int]()
"""How many modules were imported when the garbage collector was last told that they stay."""
MANY = 200


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Keep what was imported out of the garbage collector's sight: a training calls it after each run, and it would
    walk through all of torch."""
    imported = len(sys.modules)
    if imported - item.config.stash.get(FROZEN, 0) >= MANY:
        item.config.stash[FROZEN] = imported
        gc.freeze()
