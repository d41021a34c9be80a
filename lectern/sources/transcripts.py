"""Ready transcripts: WebVTT, SRT, whisperX JSON or Podcasting 2.0 JSON in a folder, without a recording.

talk.vtt                the transcript in UTF-8, which may name speakers (see lectern/formats/caption_files.py)
talk.description.txt    as published, with the time-stamped questions
talk.info.json          title, url, licence, author, published, chapters, hosts, guests (yt-dlp's own file works)

Of the languages that yt-dlp writes (`talk.en.vtt`, `talk.en-orig.vtt`), one is the transcript of `talk`.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lectern.core.io import write_json
from lectern.core.item import Item
from lectern.core.printing import warn
from lectern.core.schema import Source
from lectern.formats import captions
from lectern.settings.sources import TranscriptsSource
from lectern.sources import folders

EXTENSIONS = frozenset({".json", ".srt", ".vtt"})
FORMATS = (".vtt", ".srt", ".json")
"""The endings, in the order in which one of several files of a language is taken."""


def list_items(source: TranscriptsSource) -> Iterator[Item]:
    """Yield an item for each transcript below the folder.

    Raises:
        LecternError: the folder does not exist or holds no transcript.
    """
    folder = Path(source.path)
    transcripts = folders.find_files(folder, "transcript", EXTENSIONS, _is_transcript)
    for transcript in _choose_languages(transcripts, source.language):
        name = str(transcript.relative_to(folder).with_name(folders.find_base(transcript)))
        inputs = folders.find_inputs(
            "transcript", transcript, description=folders.DESCRIPTION, info=folders.INFO
        )
        language = source.language or folders.find_language(transcript)
        values = {"name": name, "extension": transcript.suffix.lower(), "language": language}
        yield Item(folders.item_id(name), inputs, values)


def _choose_languages(transcripts: Sequence[Path], wanted: str | None) -> list[Path]:
    """Keep one file of each talk that yt-dlp wrote in several languages, and say which others are left out."""
    talks: dict[tuple[Path, str], list[Path]] = {}
    for path in transcripts:
        base = folders.find_base(path)
        # Two files whose names show no language are two items of one id, which is an error.
        talks.setdefault((path.parent, base if base != path.stem else path.name), []).append(path)
    chosen = {key: min(paths, key=lambda path: _rank(path, paths, wanted)) for key, paths in talks.items()}
    for key, path in chosen.items():
        if others := [other.name for other in talks[key] if other != path]:
            warn(f"fetch: {path} is taken, and not {', '.join(others)}")
    return sorted(chosen.values())


def _rank(path: Path, paths: Sequence[Path], wanted: str | None) -> tuple[bool, ...]:
    """What speaks against a file: a language that is not the wanted one, or else the original one, or else English."""
    own, originals = folders.find_language(path), [p for p in paths if p.stem.endswith("-orig")]
    best = wanted.partition("-")[0] if wanted else folders.find_language(originals[0]) if originals else "en"
    exact = path.stem.endswith(f".{wanted or best}")
    by_format = [path.suffix.lower() != ending for ending in FORMATS]
    return (own != best, not exact, *by_format, path.stem != min(p.stem for p in paths))


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
        transcript=transcript,
        language=ready.transcript.language,
        **folders.read_about(item, info),
    )
    write_json(out / "item.json", source)
    return ready.facts


def _is_transcript(path: Path) -> bool:
    return path.suffix.lower() in EXTENSIONS and not path.name.lower().endswith(folders.BESIDE)
