"""The desk of the rows as an element of the page; row_desk.js is what the browser runs."""

from typing import Any

from nicegui import ui

from lectern.apps.web import desk


class RowDesk(ui.element, component="row_desk.js", esm=desk.MODULES):
    """The list, the row that is looked at, its editor; what stands in the element is shown below its own row."""

    def __init__(
        self, view: dict[str, Any], reasons: tuple[str, ...], keys: tuple[tuple[str, str], ...], accepted: str
    ) -> None:
        """
        Args:
            view: the rows around the one that is looked at, `ack` and what else row_desk.js reads.
            reasons: to choose from when a row is rejected.
            keys: key -> what it does.
            accepted: the reason that is written when a row is accepted.
        """
        super().__init__()
        self.classes("w-full")
        self.props["view"] = view
        self.props["reasons"], self.props["help"], self.props["accepted"] = reasons, keys, accepted

    def show(self, view: dict[str, Any]) -> None:
        """Show other rows, or what became of these."""
        self.props["view"] = view
        self.update()
