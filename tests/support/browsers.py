"""A real Chromium for the tests that look at pages; where there is none, they are skipped and say why."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from lectern.sources.crawl.browser import find

MISSING = "no Chromium on the PATH; Debian: apt install chromium"
needs_chromium = pytest.mark.skipif(find() is None, reason=MISSING)
"""For a test that starts a Chromium otherwise than by the fixture `chromium`, which skips by itself."""


@contextmanager
def start() -> Iterator[Any]:
    """A Chromium, as Playwright drives it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=find(), chromium_sandbox=False)
        yield started
        started.close()


def open_page(page: Any, address: str) -> None:
    """Open a page of an app, and wait until it listens: what is typed before may arrive after a key that is pressed."""
    page.goto(address)
    page.wait_for_function("window.did_handshake")
