"""Find the items that become conversations, and the files that each is made from."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from lectern.conversations import metadata, roles, speaker_corrections, voice_matching
from lectern.core import io
from lectern.core.errors import ItemError, LecternError
from lectern.core.item import Item
from lectern.core.schema import Source
from lectern.formats import caption_files

LEAST_EPISODES = 3
"""Episodes that somebody is in at least, to be a host for being in most of them."""
SHOWN = 5
"""How many names a warning lists; it counts the others."""


class Episodes(NamedTuple):
    """The items that become conversations, and what the stage should say about the others."""

    items: list[Item]
    dropped: list[str]
    """items that a correction drops"""
    left_out: list[str]
    """items whose transcription or diarization failed"""
    warnings: list[str]


def find(
    raw: Path,
    transcripts: Mapping[str, Path],
    diarization: Mapping[str, Path],
    folder: Path,
    table: str | None,
    with_regulars: bool = False,
) -> Episodes:
    """Return an item for each recording that was transcribed and diarized, and for each ready transcript.

    Args:
        raw: the folder that holds a folder with an item.json for each item.
        transcripts: item -> file.
        diarization: item -> file.
        folder: of the corrections.
        table: name of the metadata file in that folder; None if there is none.
        with_regulars: whether each item's value `regulars` names its speakers who are in most ready transcripts.

    Raises:
        LecternError: a record, the remembered voices or the metadata file is broken, or a file is missing.
    """
    if not raw.is_dir():
        raise LecternError(f"{raw} does not exist. Run `dvc repro`, which makes what is missing.")
    sources = {p.parent.name: io.read_json(p, Source) for p in sorted(raw.glob("*/item.json"))}
    speech = {name: source for name, source in sources.items() if source.media or source.transcript}
    corrected = {path.stem: path for path in sorted((folder / "speakers").glob("*.yaml"))}
    known_voices = _find_voices(folder / "voices.yaml")
    rows, warnings = _find_rows(folder, table, speech)
    warnings += speaker_corrections.find_strays(corrected, list(speech))
    warnings += [f"{p} is not read: its name must end in .yaml" for p in (folder / "speakers").glob("*.yml")]

    found, dropped, left_out = [], {}, {}
    for name, source in speech.items():
        inputs = {"source": raw / name / "item.json"}
        heard = name in transcripts and name in diarization
        if source.transcript and (source.kind == "transcripts" or not heard):
            inputs["ready"] = raw / name / source.transcript
        elif heard:
            inputs |= {"transcript": transcripts[name], "diarization": diarization[name]} | known_voices
        else:
            left_out[name] = "no transcript" if name not in transcripts else "no diarization"
            continue
        if name in corrected:
            inputs["corrections"] = corrected[name]
            if reason := _read_drop(corrected[name], name):
                dropped[name] = reason
                continue
        found.append(Item(name, inputs, {"metadata": rows[name]} if name in rows else {}))
    if with_regulars:
        found = _add_regulars(found)
    warnings += _list("left out", left_out) + _list("dropped by a correction", dropped)
    return Episodes(found, list(dropped), list(left_out), warnings)


def _add_regulars(found: Sequence[Item]) -> list[Item]:
    names = {item.id: _find_names(item.inputs["ready"]) for item in found if "ready" in item.inputs}
    counts = Counter(name for known in names.values() for name in known)
    least = max(LEAST_EPISODES, len(names) / 2)
    regulars = {name for name, count in counts.items() if count >= least}
    return [
        replace(item, values={**item.values, "regulars": sorted(own)})
        if (own := regulars & names.get(item.id, frozenset()))
        else item
        for item in found
    ]


def _find_names(path: Path) -> frozenset[str]:
    """The names of a ready transcript; empty if it cannot be read, which fails the item when it is made."""
    try:
        return frozenset(filter(roles.is_name, caption_files.find_labels(path)))
    except ItemError:
        return frozenset()


def _read_drop(path: Path, item: str) -> str:
    try:
        return speaker_corrections.read(io.read_written(path), item)[0].drop
    except (ItemError, LecternError):  # raised again when the item is made, and fails this item only
        return ""


def _find_voices(path: Path) -> dict[str, Path]:
    """Return the file of remembered voices. It is checked here, once, since a mistake in it would fail every item."""
    return {"voices": path} if path.is_file() and voice_matching.read(io.read_written(path)) else {}


def _find_rows(
    folder: Path, table: str | None, sources: Mapping[str, Source]
) -> tuple[dict[str, dict[str, object]], list[str]]:
    if table is None:
        return {}, []
    if not (folder / table).is_file():
        raise LecternError(
            f"{folder / table} does not exist. Put it there, or set `converse.metadata` to null."
        )
    rows, unused = metadata.read(io.read_written(folder / table), f"{folder / table}")
    found, strays = metadata.match(rows, sources)
    warnings = _list(
        "rows of the metadata that match no item",
        {row.where: next(iter(row.keys.values())) for row in strays},
    )
    if unused:
        warnings.append(f"{table}: columns that are not used: {', '.join(unused)}")
    return found, warnings


def _list(what: str, reasons: Mapping[str, str]) -> list[str]:
    if not reasons:
        return []
    shown = [f"{name} ({reason})" for name, reason in list(reasons.items())[:SHOWN]]
    return [f"{len(reasons)} {what}: " + ", ".join(shown) + (", ..." if len(reasons) > SHOWN else "")]
