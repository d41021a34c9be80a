"""Elements that all pages share. Texts of people and models are shown as text, never as markup."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

LONG = 4_000
"""How many characters of a text are shown at first."""
LONGEST = 200_000
"""Greatest number of characters that are shown; with more, a browser is too slow."""


def text(value: str, *, long: int = LONG, classes: str = "") -> Any:
    """Show a text with its line ends; a long one is cut, with a button that shows more."""
    from nicegui import ui

    with ui.column().classes("gap-1 w-full") as whole:
        label = ui.label(value[:long]).classes(f"whitespace-pre-wrap break-words max-w-full {classes}")
        if len(value) > long:
            shown = "all" if len(value) <= LONGEST else f"the first {LONGEST:,}"
            rest = f"show {shown} of {len(value):,} characters"

            def show() -> None:
                label.set_text(value[:LONGEST])
                more.delete()

            more = ui.button(rest, on_click=show).props("flat dense no-caps")
    return whole


def link(url: str | None, shown: str) -> Any:
    """Show a link, if `url` is a web address; else only the text."""
    from nicegui import ui

    if url is None or not is_web_address(url):
        return ui.label(shown)
    return ui.link(shown, url, new_tab=True).props('rel="noopener noreferrer"')


def is_web_address(url: str) -> bool:
    """Tell whether an address is safe as a link: http or https with a host."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


@contextmanager
def waiting(told: str) -> Iterator[Any]:
    """Show a line that says what the page is waiting for; the caller deletes the yielded element."""
    from nicegui import ui

    with ui.row().classes("items-center") as place:
        ui.spinner()
        ui.label(told)
    yield place


@contextmanager
def frame(app: str, pages: Mapping[str, str], here: str) -> Iterator[None]:
    """Show the header of a page with links to the others; the content goes into the block.

    Args:
        app: name of the app, shown on the left.
        pages: title -> path of all pages.
        here: title of this page.
    """
    from nicegui import ui

    ui.colors(primary="#1d5c94")  # white text on it is legible
    with ui.header().classes("items-center gap-6 py-2"):
        ui.label(app).classes("text-lg font-semibold")
        for title, path in pages.items():
            ui.link(title, path).classes(
                "text-white no-underline" + (" font-bold" if title == here else " opacity-80")
            )
    with ui.column().classes("w-full max-w-6xl mx-auto p-2 gap-4"):
        yield
