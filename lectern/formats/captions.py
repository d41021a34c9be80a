"""Turn the file of a ready transcript into words with times and into named turns that never overlap."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from lectern.core.errors import ItemError
from lectern.core.schema import SpeakerTurn, Transcript, Word, join_words
from lectern.formats import caption_files
from lectern.formats.caption_files import UNKNOWN, Cue, Said
from lectern.text.unspaced import begins_spaced, guess_language, is_parted, join_pieces

DEFAULT_LANGUAGE = "en"
TURN_GAP = 500
"""Words of one speaker with a silence of at most this many milliseconds between them are one turn."""
NO_END = 400
"""Milliseconds that each word gets in the last cue if that has no end."""


class Ready(NamedTuple):
    """What a ready transcript says: the words, who says them, and what was found while reading it."""

    transcript: Transcript
    turns: list[SpeakerTurn]
    """in order of time, never overlapping; together they cover every word, so that `attribute_words` gives each word
    the speaker that the file gives it. The speaker is the name or label as written, or `UNKNOWN` where the
    file names nobody or says `Unknown`"""
    facts: dict[str, Any]
    """counts of cues, words, speakers and unlabelled words (whose speaker is unknown); then, where there are any, of
    cues that were repaired (`reordered`, `overlapping`, `without_end`) and of lines left out (`caption_files.File`)"""


def read_ready(path: Path, item: str, language: str | None = None) -> Ready:
    """Read a ready transcript.

    Words without times of their own share the time of their cue in proportion to their characters. Cues are put in
    order of time. A cue ends where the next one begins; cues that begin together share the time of the longest one. An
    unlabelled cue belongs to the speaker before it if the file labels only changes of speaker; if the file labels every
    cue, its speaker is unknown.

    Args:
        path: a .vtt, .srt or .json file.
        item: the id that the transcript gets.
        language: code such as `en` (`Source.language`); None takes the language in the file's header, or else that of a
            script without spaces, or else `en`.

    Raises:
        ItemError: the file is not such a transcript; the message names the line.
    """
    found = caption_files.read(path)
    cues, repairs = _order(_carry_labels(found.cues))
    if not cues:
        raise ItemError(
            f"{path.name}: not one of its {len(found.cues)} cues holds a word. Correct the file, or take it out of the "
            "source."
        )
    words, turns = _place(cues)
    transcript = Transcript(
        item=item,
        duration=words[-1].end,
        language=language or found.language or guess_language(join_words(words)) or DEFAULT_LANGUAGE,
        words=words,
    )
    facts = {
        "cues": len(found.cues),
        "words": len(words),
        "speakers": len({turn.speaker for turn in turns} - {UNKNOWN}),
        "unlabelled": sum(len(piece.words) for cue in cues for piece in cue.pieces if piece.label == UNKNOWN),
    }
    return Ready(transcript, turns, facts | dict(sorted((found.facts + repairs).items())))


def _carry_labels(cues: Sequence[Cue]) -> list[Cue]:
    """Give each piece without a label the speaker before it, or UNKNOWN if the file labels every cue.

    A file labels every cue if a labelled piece is followed by the same label more often than by no label.
    """
    pieces = [piece for cue in cues for piece in cue.pieces if piece.words]
    after = [(first.label, second.label) for first, second in pairwise(pieces) if first.label]
    carries = sum(not second for _, second in after) >= sum(first == second for first, second in after)
    current = UNKNOWN
    carried = []
    for cue in cues:
        labelled = []
        for piece in cue.pieces:
            current = piece.label or (current if carries else UNKNOWN)
            labelled.append(piece._replace(label=current))
        carried.append(cue._replace(pieces=labelled))
    return carried


def _order(cues: Iterable[Cue]) -> tuple[list[Cue], Counter[str]]:
    """Return the cues that hold words, in order of time, without overlaps, each at least a millisecond per word long.

    Also count what was repaired for that, by kind.
    """
    repairs: Counter[str] = Counter()
    spoken = [cue for cue in cues if any(piece.words for piece in cue.pieces)]
    repairs["reordered"] = sum(second.start < first.start for first, second in pairwise(spoken))
    repairs["without_end"] = sum(cue.end is None or cue.end <= cue.start for cue in spoken)
    together: list[Cue] = []
    for cue in sorted(spoken, key=lambda cue: cue.start):
        if together and together[-1].start == cue.start:
            repairs["overlapping"] += 1
            longest = max(together[-1].end or 0, cue.end or 0)
            together[-1].pieces.extend(cue.pieces)
            together[-1] = together[-1]._replace(end=longest)
        else:
            together.append(cue._replace(pieces=list(cue.pieces)))
    ordered: list[Cue] = []
    free = 0
    for number, cue in enumerate(together):
        count = sum(len(piece.words) for piece in cue.pieces)
        following = together[number + 1].start if number + 1 < len(together) else None
        start, end = max(cue.start, free), cue.end
        if end is None or end <= cue.start:
            end = following if following is not None else start + NO_END * count
        elif following is not None and end > following:
            repairs["overlapping"] += 1
            end = following
        free = max(end, start + count)
        ordered.append(cue._replace(start=start, end=free))
    return ordered, repairs


def _place(cues: Sequence[Cue]) -> tuple[list[Word], list[SpeakerTurn]]:
    """Return the words with times, and the turns: pieces of one speaker with at most TURN_GAP between them."""
    words: list[Word] = []
    turns: list[tuple[str, int, int]] = []
    for cue in cues:
        said = [word for piece in cue.pieces for word in piece.words]
        labels = [piece.label for piece in cue.pieces for _ in piece.words]
        assert cue.end is not None  # _order gave it one
        for word, label, (start, end) in zip(said, labels, _spread(said, cue.start, cue.end), strict=True):
            spaced = word.spaced
            if spaced is None:
                spaced = is_parted(words[-1].text, word.text) if words else begins_spaced(word.text)
            words.append(
                Word(
                    text=word.text,
                    start=start / 1000,
                    end=end / 1000,
                    probability=word.probability,
                    spaced=spaced,
                )
            )
            if turns and turns[-1][0] == label and start - turns[-1][2] <= TURN_GAP:
                turns[-1] = (label, turns[-1][1], end)
            else:
                turns.append((label, start, end))
    return join_pieces(words), [
        SpeakerTurn(speaker=label, start=a / 1000, end=b / 1000) for label, a, b in turns
    ]


def _spread(words: Sequence[Said], start: int, end: int) -> list[tuple[int, int]]:
    """Return the start and end of each word, in order, between `start` and `end`, all in milliseconds.

    Known times stay. Words between two known times share the time between them in proportion to their characters. Each
    word lasts at least a millisecond.
    """
    places: list[int] = []
    times: list[int | None] = []
    place = 0
    for word in words:
        places += [place, place + len(word.text)]
        times += [word.start, word.end]
        place += len(word.text)
    times[0] = start if times[0] is None else times[0]
    times[-1] = end if times[-1] is None else times[-1]
    known = [number for number, time in enumerate(times) if time is not None]
    filled = [float(times[0] or 0)]
    for first, second in pairwise(known):
        low, high = float(times[first] or 0), float(times[second] or 0)
        span = places[second] - places[first]
        filled += [
            low + (high - low) * ((places[number] - places[first]) / span if span else 1)
            for number in range(first + 1, second + 1)
        ]
    starts, ends = [round(time) for time in filled[::2]], [round(time) for time in filled[1::2]]
    free, limit = start, end
    for number in range(len(words)):
        starts[number] = max(starts[number], free)
        free = ends[number] = max(ends[number], starts[number] + 1)
    for number in reversed(range(len(words))):
        ends[number] = min(ends[number], limit)
        limit = starts[number] = min(starts[number], ends[number] - 1)
    return list(zip(starts, ends, strict=True))
