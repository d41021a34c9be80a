"""All pages of the review over one repository."""

from pathlib import Path


def build(root: Path, reviewer: str) -> None:
    """Define the pages.

    Args:
        root: root of the repository.
        reviewer: name of the person in whose name labels are written.
    """
    from nicegui import ui

    from lectern.apps.review import examples_page, labels_page, rebuild_page, speakers_page

    speakers_page.define(root)
    examples_page.define(root)
    labels_page.define(root, reviewer)
    rebuild_page.define(root)

    @ui.page("/")
    def home() -> None:
        ui.navigate.to("/speakers")
