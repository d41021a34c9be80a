"""The recordings among the raw items."""

from pathlib import Path

from stages.core import io
from stages.core.errors import LecternError
from stages.core.item import Item
from stages.core.schema import Source


def find(raw: Path) -> list[Item]:
    """One item per folder of `raw` whose item.json names a media file, in order of id. Input `media` is that file.

    Raises:
        LecternError: `raw` is missing, or a record in it is broken or names a file that is not there.
    """
    if not raw.is_dir():
        raise LecternError(f"{raw} does not exist. Run `dvc repro`, which makes what is missing.")
    found = []
    for record in sorted(raw.glob("*/item.json")):
        source = io.read_json(record, Source)
        if source.media is None:
            continue
        media = record.parent / source.media
        if not media.is_file():
            raise LecternError(
                f"{record} names {source.media!r}, which is not beside it. Run the fetch stage again."
            )
        found.append(Item(record.parent.name, {"media": media}))
    return found
