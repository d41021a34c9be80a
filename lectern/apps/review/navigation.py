"""The names and addresses of the pages of the review."""

from collections.abc import Iterator
from contextlib import contextmanager

from lectern.apps.web import widgets

PAGES = {"Speakers": "/speakers", "Examples": "/examples", "Labels": "/labels", "Rebuild": "/rebuild"}


@contextmanager
def frame(here: str) -> Iterator[None]:
    """Show the header of a page of the review; the content goes into the block."""
    with widgets.frame("Lectern: review", PAGES, here):
        yield
