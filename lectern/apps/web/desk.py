"""Pages on which a person decides on one thing after the other; browser/index.js is what the browser runs of them."""

from asyncio import to_thread
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lectern.apps.web import widgets

MODULES = {"lectern-desk": str(Path(__file__).parent / "browser")}
"""What the elements' scripts import."""
STYLE = """
.lectern-dialog { margin: auto; border: none; border-radius: 4px; padding: 0; max-width: min(36rem, 90vw); }
.lectern-dialog::backdrop { background: rgba(0, 0, 0, .4); }
"""

Act = Mapping[str, Any]
"""What a person did, as the browser tells it: its number `n`, what it is about, and what of that was on the screen."""


def told(text: str, role: str) -> dict[str, Any]:
    """A text as the browser shows it: as far as it may be shown, its true length, and whether its end is missing.

    The browser counts otherwise (in UTF-16), so it cannot tell the last from the lengths.
    """
    return {
        "role": role,
        "content": text[: widgets.LONGEST],
        "length": len(text),
        "cut": len(text) > widgets.LONGEST,
    }


class Acts:
    """The acts of one tab, worked off one at a time and in their order."""

    def __init__(
        self,
        work: Callable[[Act], dict[str, Any]],
        follow: Callable[[Act, dict[str, Any]], None],
        show: Callable[[], Any],
    ) -> None:
        """
        Args:
            work: writes what an act decides, in a thread; what it returns goes to the browser. What it raises is told
                there as `error`.
            follow: called after it, in the page, with what came of it; changes where the page is.
            show: awaited when no act is left; shows what came of them.
        """
        self._work, self._follow, self._show = work, follow, show
        self._waiting: deque[Act] = deque()
        self.running = False
        self.last = 0
        """number of the last act that was worked off"""

    def take(self, desk: Any, act: Act) -> None:
        """Queue an act; the answer goes to the method `done` of the element `desk`."""
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
                        except Exception as error:  # whatever it is, the person has to know
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
