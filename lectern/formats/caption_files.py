"""Read the formats of ready transcripts (WebVTT, SRT, whisperX JSON, Podcasting 2.0 JSON) into cues with labels.

The parser of cues is our own. webvtt-py, pysubs2 and ttconv drop a cue whose times they cannot read, or take it for
text of the cue before, and none of them keeps line numbers, which an error must name.
"""

import html
import json
import math
import re
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any, NamedTuple

from lectern.core.errors import ItemError
from lectern.core.io import parse_json
from lectern.formats import caption_forms, caption_labels, caption_stamps
from lectern.formats.caption_labels import MARK, UNKNOWN, Labels, name_speaker

MOST_IN_LABEL = 12
"""Words of the longest label, with a time beside it."""
FOLLOWS = 500
"""Rolling captions repeat a cue's lines in the next cue only if that begins at most this many milliseconds later."""


LED = 0.3
"""Least share of cues with a space before their text, in a file with a token of a recogniser in each cue."""
TOKENS = 0.9
"""Least share of cues with at most one word in such a file."""
GROWING = 1 / 3
"""Least share of cues that repeat the one before and add to it, in a file that shows its words one after the other."""


class Said(NamedTuple):
    """A word, with its times in milliseconds and its probability where the file gives them."""

    text: str
    start: int | None = None
    end: int | None = None
    probability: float | None = None
    spaced: bool | None = None
    """whether a space stands before it; None where a line or cue begins, which says nothing"""


class LabelledWords(NamedTuple):
    """Words of a cue under one label. "" means no label; UNKNOWN means a label that names nobody."""

    label: str
    words: list[Said]


class Cue(NamedTuple):
    """A stretch of time, in milliseconds, and what is said in it."""

    start: int
    end: int | None
    """None where the file gives no end"""
    pieces: list[LabelledWords]


class File(NamedTuple):
    """The content of a file, in the file's order."""

    cues: list[Cue]
    language: str | None
    """from the header of the file"""
    facts: Counter[str]
    """lines left out, by reason (repeated_lines, sounds, lines_before_cues), and doubtful_labels: names before a colon
    that were not taken for speakers"""


class _Raw(NamedTuple):
    """A cue of a text file; its lines still hold their labels."""

    start: int
    end: int
    lines: list[str]
    segment: int = 0
    """of a stream (HLS), whose segments are WebVTT files of their own and stand one after the other"""
    goes_on: bool = False
    """whether it is a piece of the word in the cue before"""


class WrongError(Exception):
    """A fault in a file. The message begins with the place, such as `:3: ...`, and is put behind the file's name."""


def read(path: Path) -> File:
    """Read the cues of a .vtt, .srt or .json file.

    Raises:
        ItemError: the file is not UTF-8 text, not of its format, or has times that cannot be read; the message names
            the line, or in JSON the segment.
    """
    text = _read_text(path)
    try:
        return _read_json(text) if path.suffix.lower() == ".json" else _read_captions(text)
    except WrongError as error:
        raise ItemError(f"{path.name}{error}. Correct the file, or take it out of the source.") from error


def find_labels(path: Path) -> set[str]:
    """The labels of the speakers in a file; arguments and errors are those of `read`."""
    return {piece.label for cue in read(path).cues for piece in cue.pieces} - {"", UNKNOWN}


def _read_text(path: Path) -> str:
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ItemError(f"{path.name}:{line}: not UTF-8 ({error.reason}). Save the file as UTF-8.") from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise ItemError(
            f"{path.name}:{line}: the file holds a NUL byte, so it is not text. Put a transcript in UTF-8 there."
        )
    return text


# WebVTT and SRT

_TIME = r"(?:(\d{1,6}):)?(\d{1,3}):(\d{1,2})(?:[.,](\d{1,9}))?"
_TIMING = re.compile(rf"\s*({_TIME})\s*-->\s*({_TIME})(?=\s|$)", re.ASCII)
_LIKE_TIMING = re.compile(r"\s*\d+:[\d:.,]+\s*[-=–—]+>\s*\d", re.ASCII)
_HEADER = re.compile(r"WEBVTT(?:[ \t]|$)")
_MAP = re.compile(
    rf"X-TIMESTAMP-MAP=(?=(?:.*,)?MPEGTS:(?P<ticks>\d{{1,12}}))(?=(?:.*,)?LOCAL:(?P<local>{_TIME}))", re.ASCII
)
_TICKS = 90
"""Ticks of an MPEG clock in a millisecond; the clock starts again after 2^33 of them."""
_HIDDEN = re.compile(r"(?:NOTE(?:\s|$)|(?:STYLE|REGION)\s*$)")
_LANGUAGE = re.compile(r"Language:\s*([A-Za-z]{2,3})\b", re.IGNORECASE)
_TAG = re.compile(
    r"</?(?:[bicuspv]|lang|ruby|rt|font|br|em|strong|span|mark|div)(?:[\s./][^<>]*)?>|\{\\[^{}]*\}",
    re.IGNORECASE,
)
_VOICE_TAG = re.compile(r"<v(?:\.[^\s<>]*)?\s+([^<>]+)>", re.IGNORECASE)
_TIME_TAG = re.compile(rf"<({_TIME})>", re.ASCII)
_INVISIBLE = re.compile("[\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
_ENDED = re.compile(r"[.?!…。？！؟][\"'”’»)\]]*$")
_HIGHLIGHT = re.compile(
    r"<(?:u|b|i|c|font|span|mark|em|strong)(?:[.\s][^<>]*)?>([^<>]*)</(?:u|b|i|c|font|span|mark|em|strong)>"
    r"|\{\\[^{}]*\}([^<>{}]+)\{\\[^{}]*\}",
    re.IGNORECASE,
)
_SOUND = re.compile(r"\[[^\[\]]{1,60}\]|\([^()]{1,40}\)")


def _read_captions(text: str) -> File:
    facts: Counter[str] = Counter()
    lines = [line.removeprefix("\ufeff") for line in re.split("\r\n|\r|\n", text)]
    raw = _mark_pieces(_split_cues(lines, facts))
    raw = _join_growing(_join_highlights(_join_segments(raw, facts), facts), facts)
    raw = [cue._replace(lines=[caption_labels.normalise(_clean(line)) for line in cue.lines]) for cue in raw]
    header = next((n for n, line in enumerate(lines) if not line.strip() or "-->" in line), len(lines))
    languages = filter(None, map(_LANGUAGE.match, lines[1:header]))
    raw = _drop_repeated(raw, facts)
    labels, shown = _find_labels([cue.lines for cue in raw], facts)
    raw = [cue._replace(lines=lines) for cue, lines in zip(raw, shown, strict=True)]
    cues = [Cue(cue.start, cue.end, _split_pieces(cue.lines, labels, facts)) for cue in raw]
    cues = _attach(cues, [cue.goes_on for cue in raw])
    return File(cues, next((match[1].lower() for match in languages), None), facts)


def _find_labels(cues: Sequence[Sequence[str]], facts: Counter[str]) -> tuple[Labels, list[list[str]]]:
    """Find what names the speakers.

    Also return the lines, without the times in front of turns; labels of a rare form are written as usual.
    """
    cues = caption_stamps.drop(cues)
    labels = caption_labels.find(cues, facts)
    if labels != Labels():
        return labels, [list(lines) for lines in cues]
    shown = caption_forms.rewrite(cues, facts)
    return caption_labels.find(shown, Counter()), shown


def _split_cues(lines: Sequence[str], facts: Counter[str]) -> list[_Raw]:
    """Split the lines into cues at the lines of times.

    A blank line inside a cue, or a missing one between two cues, therefore loses nothing.
    """
    webvtt = lines[0].startswith("WEBVTT")
    cues: list[_Raw] = []
    identifier, hidden = 0, webvtt  # the header ends at a blank line, as a comment does
    segment, offsets = 0, list[int]()
    for number, line in enumerate(lines):
        opens = number == 0 or not lines[number - 1].strip()
        if _HEADER.match(line):
            segment, hidden = segment + 1, True
        if line.startswith("X-TIMESTAMP-MAP="):
            offsets += _read_map(line)
            continue
        hidden = hidden or (webvtt and opens and bool(_HIDDEN.match(line)))
        hidden = hidden and bool(line.strip()) and not _TIMING.match(line)
        if hidden or not line.strip():
            continue
        if "-->" in line or _LIKE_TIMING.match(line):
            start, end = _read_timing(line, number + 1)
            shift = offsets[-1] - offsets[0] if offsets else 0
            shift += (shift < -(2**32) // _TICKS) * 2**33 // _TICKS
            cues.append(_Raw(max(0, start + shift), max(0, end + shift), [], segment))
        elif "-->" in "".join(lines[number + 1 : number + 2]) and (
            opens or line.strip() == str(identifier + 1)
        ):
            identifier = int(line) if line.strip().isdecimal() else identifier
        elif cues:
            cues[-1].lines.append(line)
        else:
            facts["lines_before_cues"] += 1
    if not cues:
        raise WrongError(":1: the file has no line of times such as `00:00:01.000 --> 00:00:02.500`")
    return cues


def _find_pieces(texts: Sequence[str]) -> list[bool]:
    """Tell which cues are pieces of the word in the cue before, in a file with a token in each cue.

    whisper.cpp (`--max-len 1`) writes such files, in which a token that begins a word has a space before it.
    """
    spaced = sum(text.startswith(" ") for text in texts)
    tokens = sum(len(text.split()) <= 1 for text in texts)
    if spaced < LED * len(texts) or tokens < TOKENS * len(texts):
        return [False] * len(texts)
    pairs = pairwise(["", *texts])
    return [bool(before.strip()) and not text[:1].isspace() for before, text in pairs]


def _mark_pieces(cues: Sequence[_Raw]) -> list[_Raw]:
    found = _find_pieces(["\n".join(cue.lines) for cue in cues])
    return [cue._replace(goes_on=piece) for cue, piece in zip(cues, found, strict=True)]


def _attach(cues: Sequence[Cue], pieces: Sequence[bool]) -> list[Cue]:
    """Return the cues without a space before those that are a piece of the word in the cue before."""
    attached: list[Cue] = []
    label = ""
    for cue, is_piece in zip(cues, pieces, strict=True):
        first = cue.pieces[0] if cue.pieces else LabelledWords("", [])
        if is_piece and first.words and first.label in ("", label):
            words = [first.words[0]._replace(spaced=False), *first.words[1:]]
            cue = cue._replace(pieces=[first._replace(words=words), *cue.pieces[1:]])
        label = cue.pieces[-1].label if cue.pieces else label
        attached.append(cue)
    return attached


def _read_map(line: str) -> list[int]:
    """Return by how many milliseconds the clock of a stream is ahead of the times of its segment; empty if unknown."""
    match = _MAP.match(line)
    try:
        local = _milliseconds(*match.group(3, 4, 5, 6)) if match else 0
    except ValueError:
        return []
    return [int(match["ticks"]) // _TICKS - local] if match else []


def _join_segments(cues: Sequence[_Raw], facts: Counter[str]) -> list[_Raw]:
    """Join the cues of a stream: one that two segments share stands at the end of one and at the start of the next."""
    joined: list[_Raw] = []
    for cue in cues:
        last = len(joined)
        while last and joined[last - 1].segment >= cue.segment - 1 > 0 and joined[last - 1].end >= cue.start:
            last -= 1
            before = joined[last]
            if before.segment < cue.segment and before.lines == cue.lines:
                joined[last] = before._replace(end=max(before.end, cue.end))
                facts["repeated_lines"] += len(cue.lines)
                break
        else:
            joined.append(cue)
    return joined


def _join_highlights(cues: Sequence[_Raw], facts: Counter[str]) -> list[_Raw]:
    """Join cues that show one text and highlight a word of it after the other, as karaoke and Whisper's captions do.

    The time of a highlight becomes the time of its word.
    """
    joined: list[_Raw] = []
    run: list[tuple[_Raw, int | None]] = []
    reached = -1  # the last place of a highlight in the run
    for cue in [*cues, None]:
        place = None if cue is None else _find_highlight(cue.lines)
        if (
            cue is not None
            and run
            and (place is None or place > reached)
            and cue.start - run[-1][0].end <= FOLLOWS
            and _strip(cue.lines) == _strip(run[-1][0].lines)
        ):
            run.append((cue, place))
            reached = reached if place is None else place
            continue
        if sum(before is not None for _, before in run) > 1:
            joined.append(_join_run(run))
            facts["repeated_lines"] += sum(len(repeated.lines) for repeated, _ in run[1:])
        else:
            joined += [alone for alone, _ in run]
        run = [] if cue is None else [(cue, place)]
        reached = -1 if place is None else place
    return joined


def _join_growing(cues: Sequence[_Raw], facts: Counter[str]) -> list[_Raw]:
    """Join cues that show one text word after word (`Thank`, `Thank you`), each of which repeats those before it.

    Two cues alone are left as they are: somebody may say a word again and go on.
    """
    plain = [[word for line in _strip(cue.lines) for word in line.split()] for cue in cues]
    grows = [
        len(after) > len(before) > 0
        and after[: len(before)] == before
        and cue.start - previous.end <= FOLLOWS
        for (before, after), (previous, cue) in zip(pairwise(plain), pairwise(cues), strict=True)
    ]
    if sum(grows) < max(2, GROWING * len(cues)):
        return list(cues)
    joined: list[_Raw] = []
    run: list[_Raw] = []
    for cue, goes_on in zip(cues, [*grows, False], strict=True):
        run.append(cue)
        if goes_on:
            continue
        if len(run) > 2:
            joined.append(_show_at_once(run))
            facts["repeated_lines"] += sum(len(repeated.lines) for repeated in run[:-1])
        else:
            joined += run
        run = []
    return joined


def _show_at_once(run: Sequence[_Raw]) -> _Raw:
    """Return the last cue of a run, in which each word has the time at which it was first shown."""
    last = run[-1]
    if any("<" in line or "{" in line for line in last.lines):  # tags, which may name a speaker
        return last._replace(start=run[0].start)
    shown = [sum(len(line.split()) for line in cue.lines) for cue in run]
    place, lines = 0, []
    for line in last.lines:
        words = line.split()
        firsts = [
            next(cue for cue, count in zip(run, shown, strict=True) if count > place + n)
            for n in range(len(words))
        ]
        lines.append(
            " ".join(f"<{_write_time(cue.start)}>{word}" for cue, word in zip(firsts, words, strict=True))
        )
        place += len(words)
    return last._replace(start=run[0].start, lines=lines)


def _find_highlight(lines: Sequence[str]) -> int | None:
    """Return how many words stand before the only part of a text that is highlighted; None if there is no such part."""
    text = "\n".join(lines)
    found = list(_HIGHLIGHT.finditer(text))
    return len(_TAG.sub("", text[: found[0].start()]).split()) if len(found) == 1 else None


def _join_run(run: Sequence[tuple[_Raw, int | None]]) -> _Raw:
    times = {place: cue.start for cue, place in run if place}
    place, lines = 0, []
    for line in _strip(run[0][0].lines):
        words = line.split()
        tags = [times.get(place + number) for number in range(len(words))]
        lines.append(
            " ".join(
                word if time is None else f"<{_write_time(time)}>{word}"
                for word, time in zip(words, tags, strict=True)
            )
        )
        place += len(words)
    return run[0][0]._replace(end=run[-1][0].end, lines=lines)


def _strip(lines: Sequence[str]) -> list[str]:
    return [" ".join(_TAG.sub("", line).split()) for line in lines]


def _write_time(time: int) -> str:
    return f"{time // 3_600_000}:{time // 60_000 % 60:02}:{time // 1000 % 60:02}.{time % 1000:03}"


def _read_timing(line: str, number: int) -> tuple[int, int]:
    match = _TIMING.match(line)
    if match is None:
        raise WrongError(
            f":{number}: the times cannot be read ({_shorten(line)}); write them as `00:01.000 --> 00:02.500`"
        )
    try:
        return _milliseconds(*match.group(2, 3, 4, 5)), _milliseconds(*match.group(7, 8, 9, 10))
    except ValueError as error:
        raise WrongError(f":{number}: {error} ({_shorten(line)})") from error


def _milliseconds(hours: str | None, minutes: str, seconds: str, fraction: str | None) -> int:
    if int(seconds) > 59 or (hours and int(minutes) > 59):
        raise ValueError("a time has more than 59 minutes or seconds")
    whole = (int(hours or 0) * 60 + int(minutes)) * 60 + int(seconds)
    return whole * 1000 + int((fraction or "").ljust(3, "0")[:3])


def _shorten(line: str) -> str:
    return repr(line if len(line) <= 60 else line[:57] + "...")


def _clean(line: str) -> str:
    """Return the line without tags and entities; voice and time tags become marks (see `caption_labels.MARK`)."""
    line = _VOICE_TAG.sub(lambda match: f"\0v{match[1].strip()}\0", line)
    line = _TIME_TAG.sub(_mark_time, line)
    line = _TAG.sub(lambda match: " " if match[0].lower().startswith("<br") else "", line)
    return _INVISIBLE.sub("", html.unescape(line)).strip()


def _mark_time(match: re.Match[str]) -> str:
    try:
        return f"\0t{_milliseconds(*match.group(2, 3, 4, 5))}\0"
    except ValueError:
        return ""


def _plain(line: str) -> str:
    return " ".join(MARK.sub("", line).split())


def _drop_repeated(cues: Sequence[_Raw], facts: Counter[str]) -> list[_Raw]:
    """Drop the lines that rolling captions repeat: they show each line again above the next one.

    A file counts as rolling if at least a third of its cues begin with the last lines of the cue before and then go
    on. Elsewhere nothing is dropped, so two people who say the same words one after the other keep them.
    """
    cues = [cue._replace(lines=[line for line in cue.lines if _plain(line)]) for cue in cues]
    cues = [cue for cue in cues if cue.lines]
    shared = [_count_shared(first, second) for first, second in pairwise(cues)]
    rolling = sum(0 < count < len(cue.lines) for count, cue in zip(shared, cues[1:], strict=True))
    if rolling < 2 or rolling * 3 < len(cues):
        return cues
    facts["repeated_lines"] += sum(shared)
    return [cue._replace(lines=cue.lines[count:]) for cue, count in zip(cues, [0, *shared], strict=True)]


def _count_shared(first: _Raw, second: _Raw) -> int:
    """Count the lines that end the first cue and begin the second; 0 if there is more than FOLLOWS between the cues."""
    if second.start - first.end > FOLLOWS:
        return 0
    before, after = [_plain(line) for line in first.lines], [_plain(line) for line in second.lines]
    longest = min(len(before), len(after))
    return next((n for n in range(longest, 0, -1) if before[-n:] == after[:n]), 0)


def _split_pieces(lines: Sequence[str], labels: Labels, facts: Counter[str]) -> list[LabelledWords]:
    """Split the lines of a cue at their labels."""
    dashes = [caption_labels.begins_with_dash(line) for line in lines]
    by_dash = sum(dashes) >= 2 or dashes[:1] == [True]  # a lone dash further down is punctuation
    pieces: list[LabelledWords] = []
    for line in lines:
        for label, text in caption_labels.split_line(line, labels, by_dash):
            if _SOUND.fullmatch(_plain(text)):
                facts["sounds"] += 1
                text = ""
            if label or not pieces:
                pieces.append(LabelledWords(label, []))
            pieces[-1].words.extend(_split_words(text))
    return pieces


def _split_words(text: str) -> list[Said]:
    """Split a text at white space. A word that follows a time tag begins at that time."""
    marks: dict[int, int] = {}
    plain = ""
    for number, part in enumerate(MARK.split(text)):
        if number % 2:
            marks[len(plain)] = int(part)
        else:
            plain += part
    words: list[Said] = []
    left = deque(marks.items())  # both in the order of their places
    for match in re.finditer(r"\S+", plain):
        time = None
        while left and left[0][0] <= match.start():
            time = left.popleft()[1]
        while left and left[0][0] < match.end():  # inside of the word, where it says nothing
            left.popleft()
        words.append(Said(match[0], time, spaced=True if words else None))
    return words


# JSON


def _read_json(text: str) -> File:
    try:
        content = parse_json(text, finite=False)  # Python writes a score that is not a number as NaN
    except json.JSONDecodeError as error:
        raise WrongError(f":{error.lineno}: not JSON ({error.msg})") from error
    except ValueError as error:
        raise WrongError(f": {error}") from error
    segments = content.get("segments") if isinstance(content, dict) else None
    if not isinstance(segments, list) or not all(isinstance(segment, dict) for segment in segments):
        raise WrongError(":1: the file has no list `segments`, which whisperX and Podcasting 2.0 write")
    read: Callable[[Mapping[str, Any], str], Cue] = (
        _read_podcast if any("startTime" in segment for segment in segments) else _read_whisperx
    )
    cues = [read(segment, f": segments[{number}]") for number, segment in enumerate(segments)]
    texts = [str(segment.get("body", segment.get("text")) or "") for segment in segments]
    cues = _attach(cues, _find_pieces(texts))
    language = content.get("language")
    facts: Counter[str] = Counter()
    cues = _find_labels_in_words(cues, facts)
    return File(cues, language if isinstance(language, str) and language else None, facts)


def _find_labels_in_words(cues: list[Cue], facts: Counter[str]) -> list[Cue]:
    """Read labels that stand among the words, as captions that were converted to JSON have them.

    A file that says in another way who speaks keeps that.
    """
    if any(piece.label not in ("", UNKNOWN) for cue in cues for piece in cue.pieces):
        return cues
    lines = [
        caption_labels.normalise(" ".join(word.text for piece in cue.pieces for word in piece.words))
        for cue in cues
    ]
    labels, shown = _find_labels([[line] for line in lines], facts)
    lines = [line for (line,) in shown]
    if labels == Labels() and not any(">>" in line for line in lines):
        return cues
    return [_label_words(cue, line, labels) for cue, line in zip(cues, lines, strict=True)]


def _label_words(cue: Cue, line: str, labels: Labels) -> Cue:
    """Divide the words of a cue at the labels among them, which are no words; the other words keep their times."""
    waiting = [word for piece in cue.pieces for word in piece.words]
    pieces, at = [], 0
    for label, text in caption_labels.split_line(line, labels, by_dash=False):
        own = []
        for token in text.split():
            near = range(at, min(at + MOST_IN_LABEL, len(waiting)))
            place = next((number for number in near if waiting[number].text.endswith(token)), at)
            own.append(waiting[place]._replace(text=token) if place < len(waiting) else Said(token))
            at = place + 1
        pieces.append(LabelledWords(label, own))
    return cue._replace(pieces=pieces)


def _read_whisperx(segment: Mapping[str, Any], where: str) -> Cue:
    """Read a segment of whisperX or Whisper.

    WhisperX gives neither times nor a speaker to words that it cannot align, such as numbers: see `_name_words`.
    """
    words = segment.get("words") or []
    if not isinstance(words, list) or not all(isinstance(word, dict) for word in words):
        raise WrongError(f"{where}.words is not a list of objects")
    text = segment.get("text")
    leads = any(
        str(word.get("word")).startswith(" ") for word in words
    )  # Whisper writes the space with the word
    owner = _speaker(segment, where)
    said: list[Said] = []
    labels: list[str] = []
    at = 0
    for number, word in enumerate(words):
        place = f"{where}.words[{number}]"
        start, end = (_time_of_word(word, name, place) for name in ("start", "end"))
        whole = _string(word, "word", place)
        for count, piece in enumerate(whole.split()):
            found = text.find(piece, at) if isinstance(text, str) else -1
            spaced: bool | None = None
            if said and found >= 0:
                spaced = found > at
            elif said and leads:
                spaced = count > 0 or whole.startswith(" ")
            at = at if found < 0 else found + len(piece)
            said.append(Said(piece, start, end, _probability(word.get("score")), spaced))
            label = _speaker(word, place)
            # A word with times that no turn was found for is nobody's; one without times was not looked at.
            labels.append(label or ("" if start is None or ("speaker" not in word and owner) else UNKNOWN))
    if not said:
        said = _split_words(_string(segment, "text", where))
        labels = [""] * len(said)
    names = _name_words(said, labels, owner)
    pieces = [
        LabelledWords(label, [word for word, _ in group])
        for label, group in groupby(zip(said, names, strict=True), key=lambda pair: pair[1])
    ]
    return Cue(_start(segment, "start", where), _time(segment, "end", where), pieces)


def _name_words(said: Sequence[Said], labels: Sequence[str], segment: str) -> list[str]:
    """Return the labels with those that are missing filled in.

    A word without a label belongs to the speaker of the words around it. Between two speakers, it belongs to the first
    one unless a sentence of that one has just ended. Where no word has a label, the segment's speaker has them all.
    """
    if not any(labels):
        return [segment or UNKNOWN] * len(labels)
    following, upcoming = [], ""
    for label in reversed(labels):
        upcoming = label or upcoming
        following.append(upcoming)
    named: list[str] = []
    for number, (label, after) in enumerate(zip(labels, reversed(following), strict=True)):
        before = named[-1] if named else ""
        ended = number > 0 and _ENDED.search(said[number - 1].text) is not None
        named.append(label or (after if after and (ended or not before) else before))
    return named


def _read_podcast(segment: Mapping[str, Any], where: str) -> Cue:
    spoken = _split_words(_string(segment, "body", where))
    pieces = [LabelledWords(_speaker(segment, where), spoken)]
    return Cue(_start(segment, "startTime", where), _time(segment, "endTime", where), pieces)


def _string(values: Mapping[str, Any], key: str, where: str) -> str:
    value = values.get(key)
    if not isinstance(value, str):
        raise WrongError(f"{where}.{key} is {_shorten(str(value))}, not text")
    return value


def _speaker(values: Mapping[str, Any], where: str) -> str:
    name = _string(values, "speaker", where) if values.get("speaker") is not None else ""
    return name_speaker(name) if name.strip() else ""


def _start(values: Mapping[str, Any], key: str, where: str) -> int:
    time = _time(values, key, where)
    if time is None:
        raise WrongError(f"{where}.{key} is missing")
    return time


def _time(values: Mapping[str, Any], key: str, where: str) -> int | None:
    value = values.get(key)
    if value is None:
        return None
    try:
        seconds = (
            float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else math.nan
        )
    except (ValueError, OverflowError):
        seconds = math.nan
    if not math.isfinite(seconds * 1000) or seconds < 0:
        raise WrongError(f"{where}.{key} is {_shorten(str(value))}, which is not a number of seconds")
    return round(seconds * 1000)


def _time_of_word(word: Mapping[str, Any], key: str, where: str) -> int | None:
    """The time of a word, None where the file writes that it is not a number: a segment without its times is wrong."""
    value = word.get(key)
    return None if isinstance(value, float) and math.isnan(value) else _time(word, key, where)


def _probability(value: Any) -> float | None:
    try:
        return round(float(value), 6) if isinstance(value, int | float) and math.isfinite(value) else None
    except OverflowError:  # JSON may hold whole numbers of any length
        return None
