"""What all tests share.

Property tests draw the same examples in every run; `pytest --hypothesis-profile=search` draws others, and more.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from hypothesis import settings

from lectern.core import code

# No deadline: how long an example takes says how busy the machine is.
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.register_profile("search", max_examples=500, deadline=None)
settings.load_profile("fixed")

# A stage reads its own source once, the tests hundreds of times in a process; the result depends on the text alone.
code._bare = cache(code._bare)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A Chromium, as Playwright drives it; where there is none, whoever asks for it is skipped."""
    from tests import browsers

    if browsers.find() is None:
        pytest.skip(browsers.MISSING)
    with browsers.start() as started:
        yield started
