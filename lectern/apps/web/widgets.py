"""Elements that all pages share. Texts of people and models are shown as text, never as markup."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

TEXT = "whitespace-pre-wrap wrap-anywhere max-w-full"
"""Classes of a text of people or models: it keeps its line ends, and a word of any length breaks at the line's end."""
STYLE = """
.q-btn.disabled { filter: grayscale(1) opacity(.5); } /* a button with nothing to do is seen to be idle */
.body--dark :is(.q-btn.text-primary, .q-field) { --q-primary: #8fc0ee; } /* the other is too dark there */
.lectern-begin .q-btn__content { text-align: left; }
.lectern-here {
  background: color-mix(in srgb, var(--lectern-here) 20%, transparent);
  border-left-color: var(--lectern-here) !important;
}
body { --lectern-here: var(--q-primary); }
body.body--dark { --lectern-here: #8fc0ee; }
"""
LONG = 4_000
"""How many characters of a text are shown at first."""
BACK = 2.0
"""Seconds that a tab gets to connect again before it counts as closed."""
LONGEST = 200_000
"""Greatest number of characters that are shown; with more, a browser is too slow."""


def text(value: str, *, long: int = LONG, classes: str = "") -> Any:
    """Show a text with its line ends; a long one is cut, with a button that shows more."""
    from nicegui import ui

    with ui.column().classes("gap-1 w-full min-w-0") as whole:
        label = ui.label(value[:long]).classes(f"{TEXT} {classes}")
        if len(value) > long:
            shown = "all" if len(value) <= LONGEST else f"the first {LONGEST:,}"
            rest = f"show {shown} of {len(value):,} characters"

            def show() -> None:
                label.set_text(value[:LONGEST])
                more.delete()

            more = ui.button(rest, on_click=show).props("flat dense no-caps")
    return whole


def link(url: str | None, shown: str) -> Any:
    """Show a link, if `url` is a web address; of another address only the text, and nothing if there is none."""
    from nicegui import ui

    if url is None:
        return None
    if not is_web_address(url):
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


def when_left(act: Callable[[], Any]) -> None:
    """Call a function once nobody looks at this page any more: the tab was closed, or shows another page.

    A connection that comes back within `BACK` seconds was only interrupted.
    """
    from nicegui import ui

    client = ui.context.client

    async def wait() -> None:
        await asyncio.sleep(BACK)
        if not client.has_socket_connection:
            act()

    client.on_disconnect(wait)


async def show_unless_left(showing: Awaitable[None]) -> None:
    """Show the content of a page. Somebody who leaves the page before it is complete causes no error."""
    from nicegui import ui

    client = ui.context.client
    try:
        await showing
    except Exception:
        if not client.is_deleted:
            raise


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
    ui.add_css(STYLE)
    with ui.header().classes("items-center gap-x-6 gap-y-0 py-2"):
        ui.label(app).classes("text-lg font-semibold")
        for title, path in pages.items():
            ui.link(title, path).classes(
                "text-white no-underline" + (" font-bold" if title == here else " opacity-80")
            )
    with ui.column().classes("w-full max-w-6xl mx-auto p-2 gap-4"):
        yield
