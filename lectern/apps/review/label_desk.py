"""The page element on which people label cases; label_desk.js is its part in the browser."""

from typing import Any

from nicegui import ui

from lectern.apps.web import desk


class LabelDesk(ui.element, component="label_desk.js", esm=desk.MODULES):
    """Shows the case to label, and verdicts that could not be saved."""

    def __init__(self, view: dict[str, Any]) -> None:
        """Take `view`: the next cases, `ack`, and the other values that label_desk.js reads."""
        super().__init__()
        self.classes("w-full")
        self.props["view"] = view

    def show(self, view: dict[str, Any]) -> None:
        """Show other cases, or a new state of these."""
        self.props["view"] = view
        self.update()
