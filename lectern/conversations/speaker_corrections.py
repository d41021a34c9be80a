"""Apply people's corrections to a diarization.

They stand in data/corrections/speakers/<item>.yaml, which data/corrections/README.md explains.
The file of the diarization is never changed; the corrections are applied to it each time. They all refer to its labels,
and they are applied in a fixed order, whatever their order in the file: split and swap, merge, cut, rename, roles.
"""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator, Field, model_validator

from lectern.conversations.cuts import Span, parse_time
from lectern.core.errors import ItemError
from lectern.core.schema import Role, SpeakerTurn, Word
from lectern.core.yaml_files import Entry, Locate, Name, Place, parse_yaml
from lectern.formats.caption_files import UNKNOWN

FOLDER = "data/corrections/speakers"


Time = Annotated[float, BeforeValidator(parse_time)]


class Stretch(Entry):
    """A stretch of time. Without `start` it begins with the recording; without `end` it ends with it."""

    start: Time = 0.0
    end: Time | None = None

    @model_validator(mode="after")
    def _is_some_part(self) -> "Stretch":
        if not self.model_fields_set & {"start", "end"}:
            raise ValueError("give start, end or both")
        if self.end is not None and self.end <= self.start:
            raise ValueError(f"it ends at {self.end:g} s, not after its start at {self.start:g} s")
        return self


class Split(Stretch):
    """In a stretch, the speech of one label belongs to another label, which may be a new one."""

    speaker: Name
    to: Name


class Swap(Stretch):
    """In a stretch, two labels are exchanged."""

    speakers: Annotated[list[Name], Field(min_length=2, max_length=2)]


class Cut(Stretch):
    """A stretch that does not belong to the conversation."""

    reason: str = ""


def _read_drop(value: Any) -> str:
    text = str(value).strip()
    return {"true": "no reason given", "yes": "no reason given", "false": "", "no": ""}.get(
        text.lower(), text
    )


class Corrections(Entry):
    """The whole file."""

    drop: Annotated[str, BeforeValidator(_read_drop)] = ""
    """why this item is left out, or `true`"""
    split: list[Split] = Field(default_factory=list)
    swap: list[Swap] = Field(default_factory=list)
    merge: dict[Name, Name] = Field(default_factory=dict)
    """label -> the label of the same person that it becomes"""
    cut: list[Cut] = Field(default_factory=list)
    rename: dict[Name, Name] = Field(default_factory=dict)
    """label -> name"""
    roles: dict[Name, Role] = Field(default_factory=dict)
    """label or name -> role"""

    def count(self) -> dict[str, int]:
        """Count the corrections of each kind."""
        kinds = {
            kind: len(getattr(self, kind)) for kind in ("split", "swap", "merge", "cut", "rename", "roles")
        }
        return {kind: number for kind, number in kinds.items() if number}


class Move(NamedTuple):
    """From `start` to `end` (seconds), the speech of `speaker` belongs to `to`; `place` is where the file says so."""

    speaker: str
    start: float
    end: float
    to: str
    place: Place


def read(text: str, item: str) -> tuple[Corrections, Locate]:
    """Read the corrections of an item from the text of its file; also return how to locate a value in it.

    Raises:
        ItemError: it is not YAML, has an unknown key or an impossible value; the message names file and line.
    """
    return parse_yaml(text, Corrections, f"{FOLDER}/{item}.yaml")


def lay_over(
    edits: Corrections, locate: Locate, turns: Sequence[SpeakerTurn], duration: float
) -> tuple[list[SpeakerTurn], list[Span]]:
    """Return the corrected turns, and the stretches to cut.

    Args:
        edits: from `read`.
        locate: from `read`.
        turns: of the diarization; they are not changed.
        duration: of the recording, in seconds.

    Raises:
        ItemError: a label does not exist, a time lies beyond the end, two corrections overlap, or one has no effect.
    """
    labels = {turn.speaker for turn in turns}
    for kind in ("split", "swap", "cut"):
        for index, edit in enumerate(getattr(edits, kind)):
            _check_times(edit, (kind, index), locate, duration)
    moves = _find_moves(edits, locate, turns, labels, duration)
    labels |= {split.to for split in edits.split}
    _check_names(edits, locate, labels)
    _check_overlaps([(cut.start, cut.end or duration, ("cut", i)) for i, cut in enumerate(edits.cut)], locate)
    moved = [
        piece for turn in turns for piece in _move(turn, [m for m in moves if m.speaker == turn.speaker])
    ]
    spans = [Span(cut.start, cut.end or duration, "corrections") for cut in edits.cut]
    return _merge(moved, edits.merge), spans


def claim_unknown(edits: Corrections, words: Sequence[Word], speakers: Sequence[str]) -> list[str]:
    """Return the speakers of the words, where a split of `unknown` has given words without a speaker to somebody."""
    claims = [split for split in edits.split if split.speaker == UNKNOWN]
    return [
        next((edits.merge.get(c.to, c.to) for c in claims if _holds(c, word)), speaker)
        if speaker == UNKNOWN
        else speaker
        for word, speaker in zip(words, speakers, strict=True)
    ]


def find_roles(
    edits: Corrections, locate: Locate, names: Mapping[str, str], labels: Iterable[str]
) -> dict[str, Role]:
    """Return label -> role for the roles that the corrections give, by label or by name.

    Args:
        edits: from `read`.
        locate: from `read`.
        names: label -> name, where the name is known.
        labels: of the speakers, after merging.

    Raises:
        ItemError: nobody has that label or name.
    """
    found: dict[str, Role] = {}
    for key, role in edits.roles.items():
        holders = [label for label in labels if key in (label, names.get(label))]
        if not holders:
            raise ItemError(f"{locate(('roles', key))}: {_unknown(key, {*labels, *names.values()})}")
        found |= dict.fromkeys(holders, role)
    return found


def find_strays(names: Iterable[str], items: Sequence[str]) -> list[str]:
    """Return a line for each correction file whose item does not exist, with the most similar names of items."""
    lines = []
    for name in sorted(set(names) - set(items)):
        near = difflib.get_close_matches(name, items, n=3)
        lines.append(
            f"{FOLDER}/{name}.yaml: there is no item {name!r}"
            + (f"; did you mean {', '.join(near)}?" if near else "")
        )
    return lines


def _check_times(edit: Stretch, place: Place, locate: Locate, duration: float) -> None:
    for name, time in (("start", edit.start), ("end", edit.end)):
        if time is not None and (time > duration or (name == "start" and time == duration)):
            raise ItemError(
                f"{locate((*place, name))}: {time:g} s lies beyond the end of the recording, which is {duration:g} s "
                "long" + ("; leave `end` out to go up to the end" if name == "end" else "")
            )


def _find_moves(
    edits: Corrections, locate: Locate, turns: Sequence[SpeakerTurn], labels: set[str], duration: float
) -> list[Move]:
    moves = [
        Move(split.speaker, split.start, split.end or duration, split.to, ("split", index))
        for index, split in enumerate(edits.split)
    ]
    for index, swap in enumerate(edits.swap):
        one, two = swap.speakers
        end = swap.end or duration
        moves += [Move(a, swap.start, end, b, ("swap", index)) for a, b in ((one, two), (two, one))]
    for move in moves:
        if move.speaker not in labels | {UNKNOWN}:
            raise ItemError(f"{locate(move.place)}: {_unknown(move.speaker, labels)}")
        if move.to in (move.speaker, UNKNOWN):
            raise ItemError(f"{locate(move.place)}: {move.speaker} cannot become {move.to}")
        is_done = _speaks(
            move._replace(speaker=move.to), turns
        )  # a vote on the sentence may have found it as well
        if move.speaker != UNKNOWN and move.place[0] == "split" and not _speaks(move, turns) and not is_done:
            raise ItemError(
                f"{locate(move.place)}: {move.speaker} does not speak from {move.start:g} to {move.end:g} s"
            )
    for speaker in {move.speaker for move in moves}:
        _check_overlaps([(m.start, m.end, m.place) for m in moves if m.speaker == speaker], locate)
    return moves


def _speaks(move: Move, turns: Sequence[SpeakerTurn]) -> bool:
    return any(t.speaker == move.speaker and t.start < move.end and move.start < t.end for t in turns)


def _check_overlaps(stretches: Iterable[tuple[float, float, Place]], locate: Locate) -> None:
    for (_, end, place), (start, _, following) in pairwise(sorted(stretches)):
        if start < end:
            raise ItemError(
                f"{locate(following)}: it begins at {start:g} s, inside {locate(place)}, which ends at {end:g} s"
            )


def _check_names(edits: Corrections, locate: Locate, labels: set[str]) -> None:
    for label, target in edits.merge.items():
        for name in (label, target):
            if name not in labels - {UNKNOWN}:
                raise ItemError(f"{locate(('merge', label))}: {_unknown(name, labels - {UNKNOWN})}")
        if target in edits.merge:
            raise ItemError(
                f"{locate(('merge', label))}: {target} is itself merged into {edits.merge[target]}; merge {label} into "
                "the speaker that stays"
            )
    kept = labels - edits.merge.keys() - {UNKNOWN}
    named: dict[str, str] = {}
    for label, name in edits.rename.items():
        where = locate(("rename", label))
        if label in edits.merge:
            raise ItemError(
                f"{where}: {label} is merged into {edits.merge[label]}; rename that label instead"
            )
        if label not in kept:
            raise ItemError(f"{where}: {_unknown(label, kept)}")
        if name == UNKNOWN:
            raise ItemError(
                f"{where}: a speaker cannot have the name {UNKNOWN}; give the role unknown instead"
            )
        if name in named or name in kept - edits.rename.keys():
            raise ItemError(
                f"{where}: {named.get(name, name)} already has the name {name!r}; merge the two labels"
            )
        named[name] = label


def _unknown(label: str, labels: Iterable[str]) -> str:
    return f"there is no speaker {label!r}; there are {', '.join(sorted(labels)) or 'none'}"


def _holds(stretch: Stretch, word: Word) -> bool:
    middle = (word.start + word.end) / 2
    return stretch.start <= middle and (stretch.end is None or middle < stretch.end)


def _move(turn: SpeakerTurn, moves: Sequence[Move]) -> list[SpeakerTurn]:
    """Divide a turn at the moves, and give each piece its new label. The moves do not overlap each other."""
    pieces, now = [], turn.start
    for move in sorted(moves, key=lambda move: move.start):
        start, end = max(move.start, turn.start), min(move.end, turn.end)
        if start < end:
            pieces += [(now, start, turn.speaker), (start, end, move.to)]
            now = end
    pieces.append((now, turn.end, turn.speaker))
    if len(pieces) == 1:
        return [turn]
    return [SpeakerTurn(speaker=label, start=start, end=end) for start, end, label in pieces if end > start]


def _merge(turns: Sequence[SpeakerTurn], merge: Mapping[str, str]) -> list[SpeakerTurn]:
    """Return the turns with merged labels. Turns of a merged label that overlap become one, so time counts once."""
    if not merge:
        return list(turns)
    renamed = [turn.model_copy(update={"speaker": merge.get(turn.speaker, turn.speaker)}) for turn in turns]
    renamed.sort(key=lambda turn: (turn.start, turn.end, turn.speaker))
    joined: list[SpeakerTurn] = []
    last: dict[str, int] = {}
    for turn in renamed:
        index = last.get(turn.speaker)
        if turn.speaker in merge.values() and index is not None and joined[index].end >= turn.start:
            end = max(joined[index].end, turn.end)
            joined[index] = joined[index].model_copy(update={"end": end})
        else:
            last[turn.speaker] = len(joined)
            joined.append(turn)
    return joined
