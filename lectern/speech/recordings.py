"""The recordings among the raw items."""

from pathlib import Path

from lectern.core import raw as folders
from lectern.core.item import Item


def find(raw: Path) -> list[Item]:
    """One item per folder of `raw` whose item.json names a media file, in order of id. Input `media` is that file.

    Raises:
        LecternError: `raw` is missing, or a record in it is broken or names a file that is not there.
    """
    return [Item(record.parent.name, {"media": media}) for record, _, media in folders.find(raw, "media")]
