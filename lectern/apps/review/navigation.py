"""The pages of the review and where they are."""

from collections.abc import Iterator
from contextlib import contextmanager

from lectern.apps.web import widgets

PAGES = {"Speakers": "/speakers", "Examples": "/examples", "Labels": "/labels", "Rebuild": "/rebuild"}


@contextmanager
def frame(here: str) -> Iterator[None]:
    """The head of a page of the review, and a column for its content."""
    with widgets.frame("Lectern: review", PAGES, here):
        yield
