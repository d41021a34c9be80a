"""Local recordings: audio or video files in a folder, each with its metadata in files of the same stem.

talk.mp3                the recording
talk.description.txt    as published, with the time-stamped questions (yt-dlp's `talk.description` works too)
talk.info.json          title, url, licence (yt-dlp's own file works)
talk.truth.json         the true turns, if known: transcription and diarization are scored against them
"""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lectern.core.io import write_json
from lectern.core.item import Item
from lectern.core.schema import Source
from lectern.settings.sources import MediaSource
from lectern.sources import folders

EXTENSIONS = frozenset(
    {".aac", ".aif", ".aiff", ".avi", ".flac", ".m4a", ".m4v", ".mka", ".mkv", ".mov", ".mp3", ".mp4"}
    | {".mpeg", ".mpg", ".oga", ".ogg", ".opus", ".wav", ".webm", ".wma"}
)


def list_items(source: MediaSource) -> Iterator[Item]:
    """Yield an item for each recording below the folder.

    Raises:
        LecternError: the folder does not exist or holds no recording.
    """
    folder = Path(source.path)
    for recording in folders.find_files(folder, "recording", EXTENSIONS, _is_recording):
        name = str(recording.relative_to(folder).with_suffix(""))
        inputs = folders.find_inputs(
            "media",
            recording,
            description=folders.DESCRIPTION,
            info=folders.INFO,
            truth=folders.TRUTH,
        )
        yield Item(folders.item_id(name), inputs, {"name": name, "extension": recording.suffix.lower()})


def fetch_item(item: Item, out: Path) -> Mapping[str, Any]:
    """Copy the recording into the folder `out`, with `item.json` and, if known, `truth.json`.

    The recording is renamed, because a stranger may have chosen its name, which is kept as data.
    """
    out.mkdir()
    media = "recording" + item.values["extension"]
    shutil.copyfile(item.inputs["media"], out / media)
    if truth := item.inputs.get("truth"):
        shutil.copyfile(truth, out / "truth.json")
    info = folders.read_info(item.inputs.get("info"))
    source = Source(
        item=item.id,
        kind="media",
        title=folders.read_title(item, info),
        url=folders.first_string(info, "webpage_url", "url"),
        media=media,
        description=folders.read_description(item, info),
        licence=folders.first_string(info, "licence", "license"),
    )
    write_json(out / "item.json", source)
    return {"bytes": (out / media).stat().st_size}


def _is_recording(path: Path) -> bool:
    return path.suffix.lower() in EXTENSIONS
