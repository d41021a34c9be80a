"""Ready transcripts: WebVTT, SRT, whisperX JSON or Podcasting 2.0 JSON in a folder, without a recording.

talk.vtt                the transcript in UTF-8, which may name speakers (see lectern/formats/caption_files.py)
talk.description.txt    as published, with the time-stamped questions
talk.info.json          title, url, licence, author, published, chapters (yt-dlp's own file works)
"""

import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lectern.core.errors import ItemError
from lectern.core.io import write_json
from lectern.core.item import Item
from lectern.core.schema import Chapter, Source
from lectern.formats import captions
from lectern.settings.sources import TranscriptsSource
from lectern.sources import folders

EXTENSIONS = frozenset({".json", ".srt", ".vtt"})
SIBLINGS = (*folders.INFO, *folders.TRUTH)


def list_items(source: TranscriptsSource) -> Iterator[Item]:
    """Yield an item for each transcript below the folder.

    Raises:
        LecternError: the folder does not exist or holds no transcript.
    """
    folder = Path(source.path)
    transcripts = folders.find_files(folder, "transcript", EXTENSIONS, _is_transcript)
    for transcript in transcripts:
        name = str(transcript.relative_to(folder).with_suffix(""))
        inputs = folders.find_inputs(
            "transcript", transcript, description=folders.DESCRIPTION, info=folders.INFO
        )
        values = {"name": name, "extension": transcript.suffix.lower(), "language": source.language}
        yield Item(folders.item_id(name), inputs, values)


def fetch_item(item: Item, out: Path) -> Mapping[str, Any]:
    """Copy the transcript into the folder `out`, with `item.json`.

    Raises:
        ItemError: it cannot be read as a transcript, or its metadata is malformed.
    """
    out.mkdir()
    transcript = "transcript" + item.values["extension"]
    shutil.copyfile(item.inputs["transcript"], out / transcript)
    ready = captions.read_ready(item.inputs["transcript"], item.id, item.values["language"])
    info = folders.read_info(item.inputs.get("info"))
    source = Source(
        item=item.id,
        kind="transcripts",
        title=folders.read_title(item, info),
        url=folders.first_string(info, "webpage_url", "url"),
        description=folders.read_description(item, info),
        licence=folders.first_string(info, "licence", "license"),
        published=_read_day(info),
        author=folders.first_string(info, "author", "channel", "uploader"),
        transcript=transcript,
        chapters=_read_chapters(info, item.inputs.get("info")),
        language=ready.transcript.language,
    )
    write_json(out / "item.json", source)
    return ready.facts


def _is_transcript(path: Path) -> bool:
    return path.suffix.lower() in EXTENSIONS and not path.name.lower().endswith(SIBLINGS)


def _read_day(info: Mapping[str, Any]) -> str | None:
    """The day of publication; yt-dlp's form 20261122 is converted."""
    day = folders.first_string(info, "published", "upload_date", "release_date")
    return f"{day[:4]}-{day[4:6]}-{day[6:]}" if day and re.fullmatch(r"\d{8}", day) else day


def _read_chapters(info: Mapping[str, Any], path: Path | None) -> list[Chapter]:
    chapters = info.get("chapters") or []
    try:
        return [Chapter(start=c["start_time"], end=c["end_time"], title=c["title"]) for c in chapters]
    except (KeyError, TypeError, ValidationError) as error:
        raise ItemError(
            f"{path}: `chapters` is not a list of objects with start_time, end_time and title. Correct it."
        ) from error
