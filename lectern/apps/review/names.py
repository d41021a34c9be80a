"""Call the voices of a recording by their names, as far as they are known.

The conversation of an item has the names that were known when it was made. A name that a person gave afterwards stands
in data/corrections, and the pages show it at once.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from lectern.conversations import speaker_corrections, voice_matching
from lectern.core import io
from lectern.core.errors import ItemError, LecternError
from lectern.core.schema import ANSWERING, Conversation, Provenance, Utterance
from lectern.formats.caption_files import UNKNOWN

LABEL = re.compile(r"speaker_\d+")
"""A label of the diarization, which is no name."""


def read(root: Path, item: str) -> Mapping[str, str]:
    """Return label -> name of an item's voices, as data/corrections has them now.

    A file that a person has to mend first gives no names; the page of the speakers says what is wrong with it.
    """
    names: dict[str, str] = {}
    try:
        voices = root / voice_matching.FILE
        if voices.is_file():
            known = voice_matching.read(io.read_written(voices))
            names |= {voice.speaker: voice.name for voice in known if voice.item == item}
        path = root / speaker_corrections.FOLDER / f"{item}.yaml"
        if path.is_file():
            edits, _ = speaker_corrections.read(io.read_written(path), item)
            names |= edits.rename
            names |= {label: names.get(kept, kept) for label, kept in edits.merge.items()}
    except (ItemError, LecternError, UnicodeDecodeError):
        return {}
    return names


def is_name(speaker: str) -> bool:
    """Tell whether a speaker of a conversation has a name, and not only a label."""
    return speaker != UNKNOWN and not LABEL.fullmatch(speaker)


def show(said: Utterance, names: Mapping[str, str]) -> str:
    """Return the speaker's name; of a voice without a name, its label and what is known of its role.

    Args:
        said: what the speaker says.
        names: the result of `read`.
    """
    name = names.get(said.speaker, said.speaker)
    return name if is_name(name) or said.role == "unknown" else f"{name} ({said.role})"


def find_answering(root: Path, where: Provenance) -> str | None:
    """Return the name of the person who speaks longest in an answer's stretch; None if nobody's name is known."""
    if where.start is None or (made := _read_conversation(root, where.item)) is None:
        return None
    begin, end = where.start, where.end if where.end is not None else where.start
    names, seconds = read(root, where.item), dict[str, float]()
    for said in made.utterances:
        common = min(said.end, end) - max(said.start, begin)
        name = names.get(said.speaker, said.speaker)
        if common >= 0 and said.role in ANSWERING and is_name(name):
            seconds[name] = seconds.get(name, 0.0) + common
    return max(seconds, key=lambda name: seconds[name], default=None)


def list_answering(root: Path, item: str) -> dict[str, float]:
    """Return name -> seconds of speech, for the people who answer in an item and whose names are known."""
    made, seconds = _read_conversation(root, item), dict[str, float]()
    names = read(root, item) if made else {}
    for said in made.utterances if made else ():
        name = names.get(said.speaker, said.speaker)
        if said.role in ANSWERING and is_name(name):
            seconds[name] = seconds.get(name, 0.0) + said.end - said.start
    return seconds


def _read_conversation(root: Path, item: str) -> Conversation | None:
    """Return the conversation of an item of the outputs; None if it has none, or none that can be read."""
    folder = root / "data/conversations"
    if not folder.is_dir() or f"{item}.json" not in {each.name for each in folder.iterdir()}:
        return None  # compared before it becomes part of a path, so that no item leads out of the folder
    path = folder / f"{item}.json"
    try:
        return _parse(path, path.stat().st_mtime_ns)
    except LecternError:
        return None


@lru_cache(maxsize=64)
def _parse(path: Path, changed: int) -> Conversation:
    return io.read_json(path, Conversation)
