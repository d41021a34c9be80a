"""Find the source text of a row, to show it beside the row: the words around it, or its passage."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lectern.apps.review import names
from lectern.core import io
from lectern.core.errors import LecternError
from lectern.core.schema import Conversation, Passage, Provenance, join_words
from lectern.text import evidence

AROUND = 8.0
"""Seconds that are shown before and after the words of the row."""


@dataclass(frozen=True)
class Part:
    """A piece of the source's text."""

    text: str
    marked: bool
    """whether this piece is the evidence of the answer"""
    written: str | None = None
    """what stands in the source's file instead, where the text says a name that a person gave later"""


@dataclass(frozen=True)
class Origin:
    """The source of one row."""

    place: str
    """page, heading or time, in words"""
    parts: list[Part]
    missing: str = ""
    """why the text is missing"""


def find(root: Path, where: Provenance) -> Origin:
    """Find the source of a row. If it no longer exists, `missing` says so."""
    try:
        if where.passage is not None:
            return _find_passage(root / "data/passages", where)
        if where.start is not None:
            return _find_words(root / "data/conversations", where)
    except LecternError as error:
        return Origin(describe(where), [], str(error))
    return Origin(describe(where), [])


def describe(where: Provenance) -> str:
    """Write page, heading, row of a table and time, as far as they are known."""
    from lectern.apps.review.recordings import show_time

    told = [f"page {where.page}"] if where.page is not None else []
    told += [where.heading] if where.heading else []
    told += [f"row {where.row} of the table"] if where.row is not None else []
    if where.start is not None:
        told.append(show_time(where.start) + (f" to {show_time(where.end)}" if where.end is not None else ""))
    return ", ".join(told)


def _find_passage(folder: Path, where: Provenance) -> Origin:
    file = _find_file(folder, f"{where.item}.jsonl")
    rows = io.read_jsonl(file, Passage) if file else []
    found = next((passage for passage in rows if passage.id == where.passage), None)
    if found is None:
        return Origin(
            describe(where),
            [],
            "its passage no longer exists: the source was changed, or cut into other passages",
        )
    spans = evidence.find(where.evidence, evidence.read(found.text)) if where.evidence else []
    return Origin(describe(where), list(cut(found.text, spans)))


def _find_file(folder: Path, name: str) -> Path | None:
    """Return the output of an item. Reading the manifest would check all items, which takes much longer."""
    known = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    return folder / name if name in known else None


def cut(text: str, spans: list[tuple[int, int]]) -> Iterator[Part]:
    """Divide a text into pieces; those inside a span are marked. Spans may overlap."""
    at = 0
    for begin, end in sorted(spans):
        if at < begin:
            yield Part(text[at:begin], False)
        if max(at, begin) < end:
            yield Part(text[max(at, begin) : end], True)
        at = max(at, end)
    if at < len(text):
        yield Part(text[at:], False)


def _find_words(folder: Path, where: Provenance) -> Origin:
    file = _find_file(folder, f"{where.item}.json")
    if file is None:
        return Origin(describe(where), [], "its conversation no longer exists")
    assert where.start is not None
    begin, end = where.start, where.end if where.end is not None else where.start
    known, parts = names.read(folder.parent.parent, where.item), []
    for utterance in io.read_json(file, Conversation).utterances:
        if utterance.end < begin - AROUND or utterance.start > end + AROUND:
            continue
        near = [
            (word, begin <= (word.start + word.end) / 2 <= end)
            for word in utterance.words
            if begin - AROUND <= word.start <= end + AROUND
        ]
        if near:
            shown, written = names.show(utterance, known), utterance.speaker
            parts.append(Part(f"{shown}: ", False, f"{written}: "))
            for marked in (False, True, False):
                run = []
                while near and near[0][1] is marked:
                    run.append(near.pop(0)[0])
                if run:
                    parts.append(
                        Part(join_words(run) + (" " if not near or near[0][0].spaced else ""), marked)
                    )
            parts.append(Part("\n", False))
    return Origin(describe(where), parts)
