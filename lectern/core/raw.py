"""The folders of data/raw, as `fetch` leaves them: one for each item, with item.json and the files that it names."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from lectern.core import io
from lectern.core.errors import LecternError
from lectern.core.schema import Source


def find(raw: Path, what: Literal["media", "document", "table"]) -> Iterator[tuple[Path, Source, Path]]:
    """Yield item.json's path, its record, and the file that it names as `what`, for each item that names one.

    Items come in order of id.

    Raises:
        LecternError: `raw` is missing, or a record in it is broken or names a file that is not there.
    """
    if not raw.is_dir():
        raise LecternError(f"{raw} does not exist. Run `dvc repro`, which makes what is missing.")
    for record in sorted(raw.glob("*/item.json")):
        source = io.read_json(record, Source)
        if (name := getattr(source, what)) is None:
            continue
        if not (file := record.parent / name).is_file():
            raise LecternError(f"{record} names {name!r}, which is not beside it. Run `dvc repro -f fetch`.")
        yield record, source, file
