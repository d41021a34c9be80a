"""Local recordings: audio or video files in a folder, each with what is known of it in files of the same stem.

talk.mp3                the recording
talk.description.txt    as published, with the stamped questions (yt-dlp's `talk.description` serves too)
talk.info.json          title, url, licence (yt-dlp's own file serves)
talk.truth.json         the true turns, where they are known: transcription and diarization are scored against it
"""

import hashlib
import json
import re
import shutil
import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from lectern.core.errors import ItemError, LecternError
from lectern.core.io import write_json
from lectern.core.item import Item
from lectern.core.schema import Source
from lectern.settings.sources import MediaSource

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
    recordings = find_files(folder, "recording", EXTENSIONS, lambda path: path.suffix.lower() in EXTENSIONS)
    for recording in recordings:
        name = str(recording.relative_to(folder).with_suffix(""))
        siblings = {
            "description": find_sibling(recording, ".description.txt", ".description"),
            "info": find_sibling(recording, ".info.json"),
            "truth": find_sibling(recording, ".truth.json"),
        }
        inputs = {"media": recording} | {role: path for role, path in siblings.items() if path is not None}
        yield Item(item_id(name), inputs, {"name": name, "extension": recording.suffix.lower()})


def fetch_item(item: Item, out: Path) -> Mapping[str, Any]:
    """Copy the recording into the folder `out`, with `item.json` and, where it is known, `truth.json`.

    The recording is renamed: its own name is whatever somebody else chose, and stays data.
    """
    out.mkdir()
    media = "recording" + item.values["extension"]
    shutil.copyfile(item.inputs["media"], out / media)
    if truth := item.inputs.get("truth"):
        shutil.copyfile(truth, out / "truth.json")
    info = read_info(item.inputs.get("info"))
    description = read_text(item.inputs["description"]) if "description" in item.inputs else ""
    source = Source(
        item=item.id,
        kind="media",
        title=first_string(info, "title") or Path(item.values["name"]).name,
        url=first_string(info, "webpage_url", "url"),
        media=media,
        description=description or first_string(info, "description") or "",
        licence=first_string(info, "licence", "license"),
    )
    write_json(out / "item.json", source)
    return {"bytes": (out / media).stat().st_size}


def item_id(name: str) -> str:
    """A name that is safe as a file name everywhere: short, ASCII, and different for different names.

    A name that is so already stays; any other is cut to its plain letters and told apart by a digest.
    """
    if re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", name):
        return name
    digest = hashlib.sha256(unicodedata.normalize("NFC", name).encode()).hexdigest()[:8]
    return f"{slug(name) or 'item'}-{digest}"


def slug(text: str) -> str:
    """The plain letters and digits of a text, joined by dashes, at most 48; empty where there are none."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:48].rstrip("-")


def find_files(
    folder: Path, noun: str, extensions: Collection[str], is_wanted: Callable[[Path], bool]
) -> list[Path]:
    """The files below a folder that are wanted, sorted; `noun` and `extensions` say in errors what is looked for.

    Raises:
        LecternError: the folder does not exist or holds none.
    """
    if not folder.is_dir():
        raise LecternError(
            f"corpus.sources: {folder} is not a folder. Put the {noun}s there, or correct `path`."
        )
    found = sorted(path for path in folder.rglob("*") if is_wanted(path) and path.is_file())
    if not found:
        raise LecternError(
            f"corpus.sources: {folder} holds no {noun} (looked for {' '.join(sorted(extensions))})."
        )
    return found


def find_sibling(recording: Path, *suffixes: str) -> Path | None:
    """The first of `<stem><suffix>` beside the file that exists."""
    candidates = (recording.with_name(recording.stem + suffix) for suffix in suffixes)
    return next((path for path in candidates if path.is_file()), None)


def read_info(path: Path | None) -> Mapping[str, Any]:
    """What is known of an item, as `<stem>.info.json` says it; nothing where there is no such file.

    Raises:
        ItemError: it is not a JSON object.
    """
    if path is None:
        return {}
    try:
        info = json.loads(read_text(path))
    except ValueError as error:
        raise ItemError(f"{path} is not JSON ({error}). Correct it, or delete it: it is optional.") from error
    if not isinstance(info, dict):
        raise ItemError(
            f"{path} holds a {type(info).__name__}, not an object. Correct it, or delete it: it is optional."
        )
    return info


def read_text(path: Path) -> str:
    """The text of a file in UTF-8, with or without a byte order mark.

    Raises:
        ItemError: it is in another encoding.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ItemError(f"{path} is not UTF-8 ({error}). Save it as UTF-8.") from error


def first_string(info: Mapping[str, Any], *keys: str) -> str | None:
    """The first of these values that is a text and not empty."""
    return next((info[key] for key in keys if isinstance(info.get(key), str) and info[key]), None)
