"""Local recordings: audio or video files in a folder, each with its metadata in files of the same stem.

talk.mp3                the recording
talk.description.txt    as published, with the time-stamped questions (yt-dlp's `talk.description` works too)
talk.info.json          title, url, licence, author, published, chapters, language, hosts, guests (yt-dlp's own works)
talk.truth.json         the true turns, if known: transcription and diarization are scored against them
"""

import re
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lectern.core.errors import ItemError, LecternError
from lectern.core.io import write_json
from lectern.core.item import Item
from lectern.core.printing import warn
from lectern.core.schema import Source
from lectern.formats import audio, tracks
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
    if source.speakers == "files":
        yield from _list_sessions(folder, recordings)
        return
    names = [str(path.relative_to(folder).with_name(folders.find_base(path))) for path in recordings]
    counts = Counter(names)
    for recording, name in zip(recordings, names, strict=True):
        values = {"name": name, "extension": recording.suffix.lower()}
        values |= {"speakers": source.speakers} if source.speakers != "mixed" else {}
        own = name
        if counts[name] > 1:
            own = f"{name}-{recording.suffix[1:]}"
            warn(
                f"fetch: {recording} has the name of another recording, so that its item is {folders.item_id(own)}. "
                "Remove it if it is the same talk"
            )
        yield Item(folders.item_id(own), _find_inputs(recording), values)


def _find_inputs(recording: Path) -> dict[str, Path]:
    beside = {"description": folders.DESCRIPTION, "info": folders.INFO, "truth": folders.TRUTH}
    return folders.find_inputs("media", recording, **beside)


def _list_sessions(folder: Path, recordings: Sequence[Path]) -> Iterator[Item]:
    """Yield an item for each folder that holds a file for each speaker, and say which folders hold one file only.

    Raises:
        LecternError: no folder holds two files.
    """
    sessions: dict[Path, list[Path]] = {}
    for path in recordings:
        sessions.setdefault(path.parent, []).append(path)
    # Zoom keeps the mixed recording above the folder of the speakers' own files.
    inner = {parent for place, files in sessions.items() if len(files) > 1 for parent in place.parents}
    found = {place: files for place, files in sessions.items() if len(files) > 1 and place not in inner}
    for place in sorted(set(sessions) - set(found)):
        warn(f"fetch: {place} is left out: it does not hold a file for each speaker")
    if not found:
        raise LecternError(
            f"corpus.sources: {folder} holds no folder with the files of two speakers. Put the files of each recording "
            "into a folder of their own, or set `speakers` to mixed."
        )
    for place, files in sorted(found.items()):
        name = str(place.relative_to(folder)) if place != folder else folder.name
        beside = _find_inputs(place.with_name(f"{place.name}.folder"))
        own = {f"media_{number}": path for number, path in enumerate(files)}
        values = {"name": name, "extension": ".flac", "tracks": name_speakers([path.stem for path in files])}
        yield Item(
            folders.item_id(name), {**own, **{k: v for k, v in beside.items() if k != "media"}}, values
        )


def name_speakers(stems: Sequence[str]) -> list[str]:
    """The names of speakers from the names of their files, as Zoom, Riverside and people write them.

    `audioAnnLee21234567890` is Ann Lee; of `riverside_ann-lee_show_0001`, what all files have and numbers are left out.
    """
    stems = [re.sub(r"^audio(?=[A-Z]\D*\d{4,}$)|(?<=\D)\d{4,}$", "", stem) for stem in stems]
    parts = [[part for part in re.split(r"[_\s]+|(?<=[a-z])(?=[A-Z])", stem) if part] for stem in stems]
    shared = set.intersection(*map(set, parts))
    names = []
    for stem, own in zip(stems, parts, strict=True):
        kept = [part for part in own if part not in shared and not part.isdecimal()]
        name = " ".join(" ".join(kept).replace("-", " ").split()) or stem
        names.append(name.title() if name.islower() and not re.search(r"\d", name) else name)
    return names if len(set(names)) == len(names) else list(stems)


def fetch_item(item: Item, out: Path) -> Mapping[str, Any]:
    """Copy the recording into the folder `out`, with `item.json` and, if known, `truth.json`.

    The recording is renamed, because a stranger may have chosen its name, which is kept as data.
    """
    out.mkdir()
    media = "recording" + item.values["extension"]
    info = folders.read_info(item.inputs.get("info"))
    speakers = item.values.get("tracks", [])
    if len(speakers) > tracks.MOST:
        raise ItemError(
            f"{item.values['name']} has files of {len(speakers)} speakers; at most {tracks.MOST} can be joined. Take "
            "the files of those who say least out of the folder."
        )
    if speakers:
        tracks.join([item.inputs[f"media_{number}"] for number in range(len(speakers))], out / media)
    else:
        shutil.copyfile(item.inputs["media"], out / media)
    if item.values.get("speakers") == "channels":
        count = audio.count_channels(out / media)
        named = folders.read_names(info, "speakers")
        speakers = named if len(named) == count else [f"speaker_{number}" for number in range(1, count + 1)]
    if truth := item.inputs.get("truth"):
        shutil.copyfile(truth, out / "truth.json")
    source = Source(
        item=item.id,
        kind="media",
        media=media,
        tracks=speakers,
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
