"""Serve the sound of recordings, which the browser can play from any second."""

import mimetypes
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lectern.apps.review import recordings


def define(root: Path) -> None:
    """Define the address that serves the sound of existing items, and no other file."""
    from fastapi import HTTPException
    from fastapi.responses import FileResponse
    from nicegui import app

    @app.get("/audio/{item}")
    def give(item: str) -> FileResponse:
        file = recordings.media_file(root, item)
        if file is None:
            raise HTTPException(status_code=404, detail="there is no such recording")
        kind = mimetypes.guess_type(file.name)[0] or ""
        if not kind.startswith(("audio/", "video/")):  # so that a file can never be shown as a page
            kind = "application/octet-stream"
        return FileResponse(file, media_type=kind)


def address(item: str) -> str:
    """Return the address of the sound of an item."""
    return f"/audio/{quote(item, safe='')}"


def player(root: Path, item: str, start: float | None, end: float | None, *, begin: bool = False) -> Any:
    """Show a player of a stretch; return None if the item has no sound.

    Args:
        root: root of the repository.
        item: the recording.
        start: where it begins, in seconds; None for the beginning.
        end: where it ends; None for the end.
        begin: whether it plays at once.
    """
    from nicegui import ui

    if recordings.media_file(root, item) is None:
        return None
    # https://www.w3.org/TR/media-frags/: the browser plays this stretch
    stretch = "" if start is None else f"#t={start:.1f}" + ("" if end is None else f",{end:.1f}")
    shown = ui.audio(address(item) + stretch, autoplay=begin)
    return shown.props("preload=metadata").classes("w-full")
