"""The desk of the labels as an element of the page; label_desk.js is what the browser runs."""

from typing import Any

from nicegui import ui

from lectern.apps.web import desk


class LabelDesk(ui.element, component="label_desk.js", esm=desk.MODULES):
    """The case that is to be labelled, and what became of the verdicts before it."""

    def __init__(self, view: dict[str, Any]) -> None:
        """`view`: the next cases, `ack` and what else label_desk.js reads."""
        super().__init__()
        self.classes("w-full")
        self.props["view"] = view

    def show(self, view: dict[str, Any]) -> None:
        """Show other cases, or what became of these."""
        self.props["view"] = view
        self.update()
