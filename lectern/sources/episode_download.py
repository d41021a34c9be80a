"""Download an episode of a listing into a folder of data/raw, and never download it twice.

recording.<container>   its sound
info.json               yt-dlp's metadata, without what changes from day to day
subtitles.<format>      as published
chapters.json           as published (Podcasting 2.0)
download.json           what was downloaded, with which options, and the sha256 of each downloaded file
item.json               all metadata that the pipeline uses, from the files above and the listing's line
"""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lectern.core.errors import ItemError
from lectern.core.io import read_plain, sha256, write_json
from lectern.core.item import Item
from lectern.core.printing import warn
from lectern.core.schema import Chapter, Source
from lectern.formats import captions
from lectern.sources import sound
from lectern.sources.listing import Episode

Download = Callable[[Episode, Path], Sequence[str]]
RECORD = "download.json"


def to_items(
    episodes: Iterator[Episode], options: Mapping[str, Any], transcripts: str = "never"
) -> Iterator[Item]:
    """An item for each episode.

    Args:
        episodes: of the listing.
        options: those that decide what is downloaded.
        transcripts: when a published transcript is used: `named`, `always` or `never`.
    """
    for episode in episodes:
        values = {"episode": episode.model_dump(mode="json"), "options": dict(options)}
        yield Item(episode.item, {}, values | {"transcripts": transcripts})


def fetch(item: Item, out: Path, raw: Path, kind: str, download: Download) -> Mapping[str, Any]:
    """Write the folder `out` of an episode.

    Args:
        item: one of `to_items`.
        out: the folder, which does not exist yet.
        raw: the folder of the finished items. An earlier download of this episode in it is used again if its bytes are
            unchanged and it was made with the same options. So a change of our code, or a corrected line in the
            listing, sends no request to the site. If the download fails, the earlier one is used whatever its options.
        kind: of the source.
        download: writes the recording and its extras into a folder, and returns the names of the extras that could
            not be downloaded.

    Raises:
        ItemError: the download failed, and there is no earlier one.
    """
    episode = Episode.model_validate(item.values["episode"])
    wanted = {"key": episode.key, "options": item.values["options"]}
    earlier = _earlier(raw / item.id, episode.key)
    out.mkdir()
    if earlier.get("wanted") != wanted:
        try:
            missing = list(download(episode, out))
        except ItemError as error:
            if not earlier:
                raise
            warn(f"{item.id}: {error} Kept what was downloaded earlier.")
            shutil.rmtree(out)
            out.mkdir()
        else:
            files = {path.name: sha256(path) for path in sorted(out.iterdir())}
            write_json(out / RECORD, {"wanted": wanted, "files": files, "missing": missing})
            earlier = {}
    if earlier:
        for name in [*earlier["files"], RECORD]:
            _take_over(raw / item.id / name, out / name)
    transcript, reason = _choose_transcript(out, item.values["transcripts"])
    write_json(out / "item.json", _source(episode, out, kind, transcript))
    record = read_plain(out / RECORD)
    (media,) = out.glob("recording.*")
    return {
        "bytes": media.stat().st_size,
        **({"missing": record["missing"]} if record["missing"] else {}),
        **({"transcript": reason} if reason else {}),
    }


def _choose_transcript(folder: Path, when: str) -> tuple[str | None, str]:
    """Return the name of the published transcript if it is used instead of listening, and what is said of that."""
    published = next(iter(sorted(folder.glob("subtitles.*"))), None)
    if published is None or when == "never":
        return None, ""
    try:
        speakers = captions.read_ready(published, "").facts["speakers"]
    except ItemError as error:
        return None, f"not used: {error}"
    if when == "named" and speakers < 2:
        return None, f"not used: it names {speakers} speakers"
    return published.name, "used"


def _earlier(folder: Path, key: str) -> dict[str, Any]:
    """The record of an earlier download of this episode if it is there and complete; empty otherwise."""
    if not (folder / RECORD).is_file():
        return {}
    record = read_plain(folder / RECORD)
    whole = all(
        (folder / name).is_file() and sha256(folder / name) == was for name, was in record["files"].items()
    )
    return record if whole and record["wanted"]["key"] == key else {}


def _take_over(old: Path, new: Path) -> None:
    try:
        os.link(old.resolve(), new)  # the old name is removed soon, so the recording need not be copied
    except OSError:
        shutil.copyfile(old, new)


def _source(episode: Episode, folder: Path, kind: str, transcript: str | None) -> Source:
    info = read_plain(folder / "info.json") if (folder / "info.json").is_file() else {}
    (media,) = folder.glob("recording.*")
    subtitles = next((path.name for path in folder.glob("subtitles.*")), None)
    return Source.model_validate(
        {
            "item": episode.item,
            "kind": kind,
            "title": episode.title,
            "url": info.get("webpage_url") or episode.url,
            "media": media.name,
            "description": info.get("description") or episode.description,
            "licence": info.get("license") or episode.licence,
            "published": info.get("published") or episode.published,
            "author": info.get("channel") or info.get("uploader") or episode.author,
            "language": info.get("language") or episode.language,
            "transcript": transcript,
            "subtitles": subtitles,
            "chapters": _chapters(episode, info, folder, media),
            "hosts": episode.hosts,
            "guests": episode.guests,
        }
    )


def _chapters(episode: Episode, info: Mapping[str, Any], folder: Path, media: Path) -> list[Chapter]:
    """The published chapters, each until the next: from the page, the Podcasting 2.0 file, or the feed."""
    found = [(c.get("start_time"), c.get("title")) for c in info.get("chapters") or []]
    if not found and (folder / "chapters.json").is_file():
        found = [
            (c.get("startTime"), c.get("title"))
            for c in read_plain(folder / "chapters.json")["chapters"]
            if c.get("toc") is not False  # the picture changes, and no chapter begins
        ]
    found = found or [(mark.start, mark.title) for mark in episode.chapters]
    marks = sorted(
        (float(start), str(title or "")) for start, title in found if isinstance(start, int | float)
    )
    if not marks:
        return []
    ends = [*(start for start, _ in marks[1:]), sound.duration(media)]
    return [Chapter(start=s, end=e, title=t) for (s, t), e in zip(marks, ends, strict=True) if 0 <= s < e]
