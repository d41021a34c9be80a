"""Pages of an app in this process, without a browser: what they show, and what happens when somebody acts on them."""

import asyncio
import os
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch


class Visitor:
    """The one user of NiceGUI's simulation, with the texts and the elements of the page that is open."""

    def __init__(self, user: Any) -> None:
        self.user = user
        self.downloads: dict[str, str] = {}
        """name of a file -> what it holds"""
        self.calls: list[tuple[str, Any]] = []
        """what the page asked the browser's part of an element to do: method, arguments"""
        self.addresses: list[str] = []
        """what the page wrote into the address bar"""
        user.download.content = lambda content, name: self.downloads.update({name: content})
        user.navigate.history.replace = self.addresses.append

    async def open(self, path: str) -> None:
        await self.user.open(path)

    @property
    def texts(self) -> list[str]:
        """All texts that the page shows, from above to below, without the page's header."""
        return [
            str(text)
            for element in self.elements()
            if element.visible and not _in_header(element) and (text := getattr(element, "text", None))
        ]

    def elements(self, kind: type | None = None) -> list[Any]:
        from nicegui import ElementFilter

        with self.user:
            return list(ElementFilter(kind=kind))

    def find(self, kind: type, name: str | None = None, number: int = 0) -> Any:
        """The element of a kind with this text, label or label for screen readers."""
        named = [
            element
            for element in self.elements(kind)
            if name is None
            or name
            in (getattr(element, "text", None), element.props.get("label"), element.props.get("aria-label"))
        ]
        assert len(named) > number, f"there is no {kind.__name__} {name!r} among {self.texts}"
        return named[number]

    async def press(self, name: str, number: int = 0) -> None:
        """Click a button."""
        from nicegui import ui

        await self.trigger(self.find(ui.button, name, number), "click")

    async def trigger(self, element: Any, event: str, args: Any = None) -> None:
        from nicegui.testing.user_interaction import UserInteraction

        UserInteraction(self.user, {element}, None).trigger(event, args)
        await settle()

    async def fill(self, element: Any, value: Any) -> None:
        with self.user:
            element.value = value
        await settle()

    async def tick(self) -> None:
        """Do now what the page does from time to time."""
        from nicegui import ui

        for timer in self.elements(ui.timer):
            with timer.parent_slot:
                if (waiting := timer.callback()) is not None:
                    await waiting
        await settle()

    async def see(self, *texts: str) -> None:
        """Wait until the page shows all these texts."""
        try:
            await until(lambda: set(texts) <= set(self.texts))
        except AssertionError:
            raise AssertionError(
                f"{[t for t in texts if t not in self.texts]} is not among {self.texts}"
            ) from None

    @property
    def told(self) -> list[str]:
        """The notifications until now."""
        return [str(message) for message in self.user.notify.messages]


def _in_header(element: Any) -> bool:
    from nicegui import ui

    return any(isinstance(above, ui.header) for above in element.ancestors())


def visit(define: Callable[[], None], act: Callable[[Visitor], Awaitable[None]]) -> None:
    """Define pages, as the app does when it starts, and let `act` open them and act on them."""
    # NiceGUI reads this when it is imported. It clears the folder whenever a simulation begins or ends.
    storage = Path(tempfile.gettempdir()) / f"lectern-pages-{os.getpid()}"
    with patch.dict(os.environ, NICEGUI_STORAGE_PATH=str(storage)):
        from nicegui import Client, ui
        from nicegui.testing import user_simulation

    async def run() -> None:
        async with user_simulation() as user:
            visitor = Visitor(user)
            called = patch.object(
                ui.element, "run_method", lambda _, name, *values: visitor.calls.append((name, values))
            )
            called.start()
            try:
                define()
                await act(visitor)
            finally:
                called.stop()
                for client in list(Client.instances.values()):
                    client.delete()
                # The simulation would take the modules that define pages out of sys.modules, with all above them.
                Client.page_routes.clear()

    asyncio.run(run())


async def settle() -> None:
    """Let what was started go on for a moment."""
    for _ in range(3):
        await asyncio.sleep(0.001)


async def until(condition: Callable[[], Any]) -> Any:
    """Let the page go on until something holds; return it."""
    for _ in range(12_000):
        if found := condition():
            return found
        await asyncio.sleep(0.005)
    raise AssertionError("it did not come about within a minute")
