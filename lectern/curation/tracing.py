"""Tell the history of a row, from its source to what a model made of it, as far as the outputs record it."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from lectern.core import io
from lectern.core.errors import LecternError
from lectern.core.printing import indent, one_line
from lectern.core.schema import (
    SPLITS,
    Decision,
    Example,
    GeneralRow,
    Message,
    Passage,
    Prediction,
    Provenance,
    Rating,
    Source,
    TokenRow,
)
from lectern.curation import row_corrections
from lectern.text import evidence

R = TypeVar("R", bound=BaseModel)

MADE = ("examples", "taught")
MIXED = "mixed"
MARGIN = "    | "
"""Precedes each line of a stranger's text, so that it cannot be mistaken for Lectern's."""
OPENING, CLOSING = "[[", "]]"
_ID = re.compile(r'"id": "([0-9a-f]{16})"')
_RENDERED = re.compile(r'"example": "([0-9a-f]{16})", "id": "([0-9a-f]{16})"')
"""Matches a line of `data/sft`."""


def resolve(wanted: str, data: Path) -> str:
    """The full id that begins with `wanted`, of any row that was made, decided on or corrected.

    The id of a part of a dialogue, which only exists in `data/sft`, gives the id of the dialogue.

    Raises:
        LecternError: no row has such an id, or several rows have.
    """
    ids = _list_ids(data)
    found = sorted(id for id in ids if id.startswith(wanted.lower())) or _find_whole(wanted.lower(), data)
    if wanted and len(found) == 1:
        return found[0]
    shown = one_line(wanted)
    if wanted and found:
        rest = f" and {len(found) - 8} more" if len(found) > 8 else ""
        raise LecternError(
            f"{len(found)} rows have an id that begins with {shown!r}: {', '.join(found[:8])}{rest}. Give more of it."
        )
    near = difflib.get_close_matches(wanted.lower(), sorted(ids), n=3, cutoff=0.5)
    raise LecternError(
        f"there is no row {shown!r} among the {len(ids)} of {data}"
        + (f" (near: {', '.join(near)})" if near else "")
        + f". {data / 'curation_decisions.jsonl'} lists every row; `dvc repro curate` makes it."
    )


def trace(row: str, data: Path) -> list[str]:
    """The lines that tell the history of the row with this id. An edited row is found by its old and its new id.

    Raises:
        LecternError: a file that mentions the row is malformed.
    """
    corrections = row_corrections.read(data / "corrections")
    ids = _find_versions(row, data, corrections)
    made = [(path, example) for folder in MADE for path, example in _read_own(data / folder, Example, ids)]
    curated = [example for _, example in _read_own(data / "curated.jsonl", Example, ids)]
    others = f", the same row as {', '.join(sorted(ids - {row}))}" if len(ids) > 1 else ""
    lines = [f"row {row}{others}"]
    for path, example in made:
        lines += ["", f"made in {path}", *_show_origin(example, data)]
    general = [one for _, one in _read_own(data / MIXED, GeneralRow, ids)]
    for one in general:
        place = f"row {one.provenance.row} of data/mix/{one_line(one.provenance.item)}"
        lines += ["", "drawn by the stage mix", f"  {place}, which belongs to no corpus"]
        lines += indent(one.text, MARGIN) if one.text else []
    if not made and not general:
        lines += ["", "made", "  not by any file that is in the data now"]
    chats = {example.id: example.messages for example in [*(example for _, example in made), *curated]}
    chats |= {one.id: one.messages for one in general if one.messages}
    sections: list[tuple[str, Iterable[str], str]] = [
        ("messages", _show_chats(chats), "unknown"),
        ("rating", _show_ratings(data, ids), "none"),
        ("corrections", _show_corrections(corrections, ids), "none"),
        ("decisions", _show_decisions(data, ids), _missing(data / "curation_decisions.jsonl")),
        ("split", _show_splits(data, ids), _missing(data / "splits")),
        ("tokens", _show_tokens(data, ids), _missing(data / "sft")),
        ("answers", _show_answers(data, ids), _missing(data / "predictions")),
    ]
    for title, told, otherwise in sections:
        lines += ["", title, *(list(told) or [f"  {otherwise}"])]
    return lines


def _list_ids(data: Path) -> set[str]:
    files = [path for folder in (*MADE, MIXED) for path in _files(data / folder)]
    files += [path for name in ("curated.jsonl", "curation_decisions.jsonl") for path in _files(data / name)]
    ids = {id for path in files for id in _ID.findall(path.read_text(encoding="utf-8", errors="replace"))}
    for id, entry in row_corrections.read(data / "corrections").items():
        ids |= {id, entry.correction.new_id}
    return ids


def _find_whole(wanted: str, data: Path) -> list[str]:
    """The examples that have a rendered row whose id begins with `wanted`."""
    texts = (path.read_text(encoding="utf-8", errors="replace") for path in _files(data / "sft"))
    found = (pair for text in texts for pair in _RENDERED.findall(text))
    return sorted({example for example, id in found if id.startswith(wanted)})


def _find_versions(row: str, data: Path, corrections: Mapping[str, row_corrections.Entry]) -> set[str]:
    """All ids that the row has had: each edit gave it a new one."""
    links = [(old, entry.correction.new_id) for old, entry in corrections.items()]
    links += [
        (example.provenance.corrected, example.id)
        for _, example in _read(data / "curated.jsonl", Example, {row})
        if example.provenance.corrected
    ]
    ids = {row}
    while more := {id for link in links if ids & set(link) for id in link} - ids:
        ids |= more
    return ids


def _files(place: Path) -> list[Path]:
    if place.is_dir():
        return sorted(place.glob("[!_.]*.jsonl"))
    return [place] if place.is_file() else []


def _read(place: Path, record: type[R], ids: Iterable[str]) -> Iterator[tuple[Path, R]]:
    """The records that mention one of the ids, in a file or in all files of a folder. Other lines are not parsed."""
    mention = re.compile("|".join(sorted(ids)))
    for path in _files(place):
        yield from ((path, found) for _, found in io.read_numbered(path, record, mention.search))


def _read_own(place: Path, record: type[R], ids: set[str]) -> Iterator[tuple[Path, R]]:
    """The records that have one of these ids themselves."""
    return (pair for pair in _read(place, record, ids) if getattr(pair[1], "id", None) in ids)


def _missing(place: Path) -> str:
    return "none" if place.exists() else f"{place} is not there"


def _show_origin(example: Example, data: Path) -> Iterator[str]:
    where = example.provenance
    source = data / "raw" / where.item
    if source.parent == data / "raw" and (source / "item.json").is_file():
        known = io.read_json(source / "item.json", Source)
        yield f"  source    {one_line(known.title)} ({known.kind})"
        if known.url:
            yield f"  url       {one_line(known.url)}"
        for name in filter(None, (known.media, known.transcript, known.document, known.table)):
            yield f"  file      {one_line(str(source / name))}"
    else:
        yield f"  source    {one_line(where.item)} ({source}/item.json is not there)"
    if place := _show_place(where):
        yield f"  place     {place}"
    if where.url:
        yield f"  link      {one_line(where.url)}"
    how = [f"method {one_line(where.method)}"]
    how += [
        f"{name} {one_line(value)}"
        for name, value in (("prompt", where.prompt), ("model", where.model))
        if value
    ]
    yield f"  made by   {', '.join(how)}"
    if where.passage:
        yield from _show_passage(where, data)


def _show_place(where: Provenance) -> str:
    parts = [f"page {where.page}"] if where.page is not None else []
    parts += [f"row {where.row}"] if where.row is not None else []
    parts += [one_line(where.heading)] if where.heading else []
    if where.start is not None:
        parts.append(_clock(where.start) + ("" if where.end is None else f" to {_clock(where.end)}"))
    parts += ["characters {} to {}".format(*where.span)] if where.span else []
    return ", ".join(parts)


def _clock(seconds: float) -> str:
    hours, rest = divmod(int(seconds), 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def _show_passage(where: Provenance, data: Path) -> Iterator[str]:
    assert where.passage
    path = data / "passages" / f"{where.item}.jsonl"
    inside = path.parent == data / "passages"
    found = [passage for _, passage in _read_own(path, Passage, {where.passage})] if inside else []
    yield f"  passage   {where.passage}" + ("" if found else f", which {path} does not have")
    for passage in found:
        spans = evidence.find(where.evidence, evidence.read(passage.text)) if where.evidence else []
        yield from indent(mark(passage.text, spans), MARGIN)
        if where.evidence and spans:
            yield "    between [[ and ]]: the evidence for the answer"
            return
    if where.evidence:
        yield "  evidence"
        yield from indent(where.evidence, MARGIN)


def mark(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """`text` with `[[` and `]]` around each span (start, end) of characters; spans may overlap."""
    edges = [edge for begin, end in spans if begin < end for edge in ((begin, 1), (end, -1))]
    marked, last, depth = "", 0, 0
    for at, step in sorted(edges, key=lambda edge: (edge[0], -edge[1])):
        marked += text[last:at]
        if depth == 0 or depth + step == 0:
            marked += OPENING if step > 0 else CLOSING
        last, depth = at, depth + step
    return marked + text[last:]


def _show_chats(chats: Mapping[str, Sequence[Message]]) -> Iterator[str]:
    for id, messages in chats.items():
        if len(chats) > 1:
            yield f"  of {id}"
        for message in messages:
            yield f"  {message.role}"
            yield from indent(message.content, MARGIN)


def _show_ratings(data: Path, ids: set[str]) -> Iterator[str]:
    for path, rating in _read_own(data / "ratings", Rating, ids):
        by = f"by {one_line(rating.model)}, prompt {one_line(rating.prompt)} ({path})"
        if rating.problem is not None:
            yield f"  failed: {one_line(rating.problem)}, {by}"
            continue
        yield f"  {rating.overall} of 5 {by}"
        for name, score in rating.scores.items():
            yield f"    {one_line(name)} {score}: {one_line(rating.reasons.get(name, ''))}"


def _show_corrections(corrections: Mapping[str, row_corrections.Entry], ids: set[str]) -> Iterator[str]:
    for id, entry in corrections.items():
        if id in ids:
            new = entry.correction.new_id
            yield f"  {entry.where}: {one_line(str(entry.correction))}" + (
                f" ({id} to {new})" if new != id else ""
            )


def _show_decisions(data: Path, ids: set[str]) -> Iterator[str]:
    decisions = [decision for _, decision in _read(data / "curation_decisions.jsonl", Decision, ids)]
    for decision in decisions:
        if decision.id in ids:
            yield f"  {_summarise(decision)}"
    for decision in decisions:
        if decision.outcome == "dropped" and decision.kept_id in ids:
            yield f"  kept in place of {decision.id} ({one_line(decision.item)}): {_summarise(decision)}"


def _summarise(decision: Decision) -> str:
    text = (
        decision.outcome if decision.reason == decision.outcome else f"{decision.outcome}: {decision.reason}"
    )
    if decision.kept_id and decision.outcome == "kept":
        text += f" as {decision.kept_id}"
    elif decision.kept_id:
        text += f" of {decision.kept_id}" + (
            f" ({one_line(decision.kept_item)})" if decision.kept_item else ""
        )
    parts = [text] + ([f"similarity {decision.similarity:g}"] if decision.similarity is not None else [])
    return "; ".join([*parts, *([one_line(decision.detail)] if decision.detail else [])])


def _show_splits(data: Path, ids: set[str]) -> Iterator[str]:
    for name in SPLITS:
        for path, _ in _read_own(data / "splits" / f"{name}.jsonl", Example, ids):
            yield f"  {name} ({path})"


def _show_tokens(data: Path, ids: set[str]) -> Iterator[str]:
    for name in SPLITS:
        for path, row in _read(data / "sft" / f"{name}.jsonl", TokenRow, ids):
            if row.example in ids:
                what = "trained" if name == SPLITS[0] else "scored"
                part = "part {} of {}: ".format(*row.part) if row.part else ""
                yield f"  {part}{len(row.input_ids)} tokens, {sum(row.assistant_masks)} of them {what} ({path})"


def _show_answers(data: Path, ids: set[str]) -> Iterator[str]:
    for path, prediction in _read_own(data / "predictions", Prediction, ids):
        told = path.stem
        if prediction.nll is not None and prediction.tokens:
            told += f", {prediction.nll / prediction.tokens:.2f} nats per token for the true answer"
        yield f"  {told}" + ("" if prediction.finished else ", cut off")
        yield from indent(prediction.prediction, MARGIN)
