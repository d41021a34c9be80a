"""Support for pages on which a user decides about one thing after the other; desk_browser/ is the browser part."""

from asyncio import to_thread
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lectern.apps.web import widgets

MODULES = {"lectern-desk": str(Path(__file__).parent / "desk_browser")}
"""Modules that the scripts of the page elements import."""
STYLE = """
.lectern-dialog { margin: auto; border: none; border-radius: 4px; padding: 0; max-width: min(36rem, 90vw); }
.lectern-dialog::backdrop { background: rgba(0, 0, 0, .4); }
"""

Act = Mapping[str, Any]
"""An act of the user, as the browser sends it: its number `n`, what it is about, and what the user saw."""


def told(text: str, role: str) -> dict[str, Any]:
    """Return a text for the browser: the part that may be shown, the full length, and whether the text is cut.

    The browser counts UTF-16 units, so it cannot conclude from the lengths that the text is cut.
    """
    return {
        "role": role,
        "content": text[: widgets.LONGEST],
        "length": len(text),
        "cut": len(text) > widgets.LONGEST,
    }


class Acts:
    """Processes the acts of one tab, one at a time and in order."""

    def __init__(
        self,
        work: Callable[[Act], dict[str, Any]],
        follow: Callable[[Act, dict[str, Any]], None],
        show: Callable[[], Any],
    ) -> None:
        """
        Args:
            work: called in a thread; writes the decision of an act. Its result is sent to the browser; an exception is
                sent as `error`.
            follow: called afterwards, in the page, with the result; may change the current row of the page.
            show: awaited when no act is left; shows the results.
        """
        self._work, self._follow, self._show = work, follow, show
        self._waiting: deque[Act] = deque()
        self.running = False
        self.last = 0
        """number of the last act that was processed"""

    def take(self, desk: Any, act: Act) -> None:
        """Queue an act; its result is passed to the method `done` of the element `desk`."""
        from nicegui import background_tasks

        self._waiting.append(act)
        if not self.running:
            self.running = True
            background_tasks.create(self._work_off(desk), name="acts of a desk")

    async def _work_off(self, desk: Any) -> None:
        try:
            while self._waiting:
                while self._waiting:
                    act = self._waiting.popleft()
                    result: dict[str, Any] = {}
                    if act.get("decides"):
                        try:
                            result = await to_thread(self._work, act)
                        except Exception as error:  # the user must learn of any error
                            result = {"error": str(error) or type(error).__name__}
                    self.last = int(act["n"])
                    self._follow(act, result)
                    if act.get("decides") and not desk.is_deleted:
                        desk.run_method("done", self.last, result)
                if not desk.is_deleted:
                    with desk:
                        await self._show()
        finally:
            self.running = False
