"""The page element on which people review rows; row_desk.js is its part in the browser."""

from typing import Any

from nicegui import ui

from lectern.apps.web import desk


class RowDesk(ui.element, component="row_desk.js", esm=desk.MODULES):
    """Shows the list of rows, the current row and its editor; elements inside it are shown below the current row."""

    def __init__(
        self, view: dict[str, Any], reasons: tuple[str, ...], keys: tuple[tuple[str, str], ...], accepted: str
    ) -> None:
        """
        Args:
            view: the rows around the current one, `ack`, and the other values that row_desk.js reads.
            reasons: reasons that can be chosen when a row is rejected.
            keys: pairs of a key and its action.
            accepted: the reason that is written when a row is accepted.
        """
        super().__init__()
        self.classes("w-full")
        self.props["view"] = view
        self.props["reasons"], self.props["help"], self.props["accepted"] = reasons, keys, accepted

    def show(self, view: dict[str, Any]) -> None:
        """Show other rows, or a new state of these."""
        self.props["view"] = view
        self.update()
