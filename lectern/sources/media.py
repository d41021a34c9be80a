"""Local recordings: audio or video files in a folder, each with its metadata in files of the same stem.

talk.mp3                the recording
talk.description.txt    as published, with the time-stamped questions (yt-dlp's `talk.description` works too)
talk.info.json          title, url, licence, author, published, chapters, language, hosts, guests (yt-dlp's own works)
talk.truth.json         the true turns, if known: transcription and diarization are scored against them
"""

import shutil
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lectern.core.io import write_json
from lectern.core.item import Item
from lectern.core.schema import Source
from lectern.settings.sources import MediaSource
from lectern.sources import folders

_SUFFIXES = """
    3g2 3gp aac ac3 aif aifc aiff amr ape au avi caf dts eac3 flac flv m2ts m4a m4b m4v mka mkv mov mp2 mp3 mp4 mpeg mpg
    mpga mts oga ogg ogv opus snd spx ts tta wav weba webm wma wmv wv
"""
EXTENSIONS = frozenset(f".{suffix}" for suffix in _SUFFIXES.split())
_SYNC = b"G"
"""The first byte of each packet of an MPEG transport stream."""


def list_items(source: MediaSource) -> Iterator[Item]:
    """Yield an item for each recording below the folder.

    Raises:
        LecternError: the folder does not exist or holds no recording.
    """
    folder = Path(source.path)
    recordings = folders.find_files(folder, "recording", EXTENSIONS, _is_recording)
    names = [str(path.relative_to(folder).with_name(folders.find_base(path))) for path in recordings]
    counts = Counter(names)
    for recording, name in zip(recordings, names, strict=True):
        inputs = folders.find_inputs(
            "media",
            recording,
            description=folders.DESCRIPTION,
            info=folders.INFO,
            truth=folders.TRUTH,
        )
        extension = recording.suffix.lower()
        own = name
        if counts[name] > 1:
            own = f"{name}-{recording.suffix[1:]}"
            print(
                f"fetch: {recording} has the name of another recording, so that its item is {folders.item_id(own)}. "
                "Remove it if it is the same talk",
                file=sys.stderr,
            )
        yield Item(folders.item_id(own), inputs, {"name": name, "extension": extension})


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
        media=media,
        language=folders.first_string(info, "language"),
        **folders.read_about(item, info),
    )
    write_json(out / "item.json", source)
    return {"bytes": (out / media).stat().st_size}


def _is_recording(path: Path) -> bool:
    """Whether a file has the ending of a recording; one in `.ts` may be a program's text."""
    if path.suffix.lower() != ".ts":
        return path.suffix.lower() in EXTENSIONS
    with path.open("rb") as file:
        return file.read(1) == _SYNC
