"""Find the recordings among the raw items."""

from pathlib import Path

from lectern.core import raw as folders
from lectern.core.item import Item


def find(raw: Path) -> list[Item]:
    """Return an item for each folder of `raw` whose item.json names a media file and no transcript, in order of id.

    The input `media` of an item is that file. Its value `tracks` names the speakers of the channels, if each has one.

    Raises:
        LecternError: `raw` is missing, or a record in it is broken or names a missing file.
    """
    return [
        Item(record.parent.name, {"media": media}, {"tracks": source.tracks} if source.tracks else {})
        for record, source, media in folders.find(raw, "media")
        if source.transcript is None
    ]
