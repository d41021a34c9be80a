"""Read the formats of ready transcripts (WebVTT, SRT, whisperX JSON, Podcasting 2.0 JSON) into cues with labels.

The parser of cues is our own. webvtt-py, pysubs2 and ttconv drop a cue whose times they cannot read, or take it for
text of the cue before, and none of them keeps line numbers, which an error must name.
"""

import html
import json
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any, NamedTuple

from lectern.core.errors import ItemError

UNKNOWN = "unknown"
"""The speaker of words that nobody is known to have said."""
FOLLOWS = 500
"""Rolling captions repeat a cue's lines in the next cue only if that begins at most this many milliseconds later."""
NOBODY = frozenset(
    {"unknown", "unknown speaker", "speaker unknown", "unidentified", "n/a", "none", "?", "undefined"}
)
"""Labels, in lower case, that mean that the speaker is unknown."""
NO_NAMES = frozenset(
    {"note", "notes", "warning", "example", "reminder", "remember", "update", "source", "tip", "p.s", "ps"}
    | {
        "translation",
        "subtitles",
        "subtitles by",
        "captions",
        "transcript",
        "music",
        "lyrics",
        "http",
        "https",
    }
)
"""Words, in lower case, that stand before a colon at the start of a line and do not name a speaker."""
PARTICLES = frozenset(
    {
        "of",
        "the",
        "and",
        "in",
        "van",
        "von",
        "der",
        "den",
        "de",
        "da",
        "di",
        "do",
        "dos",
        "la",
        "le",
        "du",
        "del",
    }
    | {"el", "al", "bin", "ibn", "y", "e", "i"}
)
"""Words that may stand in lower case inside a name."""


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
_HIDDEN = re.compile(r"(?:NOTE(?:\s|$)|(?:STYLE|REGION)\s*$)")
_LANGUAGE = re.compile(r"Language:\s*([A-Za-z]{2,3})\b", re.IGNORECASE)
_TAG = re.compile(
    r"</?(?:[bicuspv]|lang|ruby|rt|font|br|em|strong|span|div)(?:[\s./][^<>]*)?>|\{\\[^{}]*\}", re.IGNORECASE
)
_VOICE_TAG = re.compile(r"<v(?:\.[^\s<>]*)?\s+([^<>]+)>", re.IGNORECASE)
_TIME_TAG = re.compile(rf"<({_TIME})>", re.ASCII)
_INVISIBLE = re.compile("[\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
# Voice and time tags are marked by NULs, which no text holds: `\0vAnna\0`, `\0t1500\0`.
_MARK = re.compile(r"\0t(\d+)\0")
_LABEL = re.compile(
    r"(?:^|(?<=\s)|(?<=\0))(?:\0v([^\0]*)\0|\[(?=[^\[\]]{0,59}[^\W\d_])([^\[\]\0]{1,60})\]\s*:|\[(SPEAKER_\d+)\])\s*"
)
_NAME = re.compile(r"([^\W\d_][^:：\[\]\0]{0,39})(?::(?=\s|$)|：)\s*")
_ARROWS = re.compile(r">>+\s*")
_DASH = re.compile(r"[-–—]\s+")
_OPENING = re.compile(r"^(?:>>+\s*|[-–—]\s+)+")
_ENDED = re.compile(r"[.?!…。？！؟][\"'”’»)\]]*$")
_SOUND = re.compile(r"\[[^\[\]]{1,60}\]|\([^()]{1,40}\)")


def _read_captions(text: str) -> File:
    facts: Counter[str] = Counter()
    lines = re.split("\r\n|\r|\n", text)
    raw = [cue._replace(lines=[_clean(line) for line in cue.lines]) for cue in _split_cues(lines, facts)]
    header = next((n for n, line in enumerate(lines) if not line.strip() or "-->" in line), len(lines))
    languages = filter(None, map(_LANGUAGE.match, lines[1:header]))
    raw = _drop_repeated(raw, facts)
    names = _find_names(raw, facts)
    cues = [Cue(cue.start, cue.end, _split_pieces(cue.lines, names, facts)) for cue in raw]
    return File(cues, next((match[1].lower() for match in languages), None), facts)


def _split_cues(lines: Sequence[str], facts: Counter[str]) -> list[_Raw]:
    """Split the lines into cues at the lines of times.

    A blank line inside a cue, or a missing one between two cues, therefore loses nothing.
    """
    webvtt = lines[0].startswith("WEBVTT")
    cues: list[_Raw] = []
    identifier, hidden = 0, webvtt  # the header ends at a blank line, as a comment does
    for number, line in enumerate(lines):
        opens = number == 0 or not lines[number - 1].strip()
        hidden = hidden or (webvtt and opens and bool(_HIDDEN.match(line)))
        hidden = hidden and bool(line.strip()) and not _TIMING.match(line)
        if hidden or not line.strip():
            continue
        if "-->" in line or _LIKE_TIMING.match(line):
            start, end = _read_timing(line, number + 1)
            cues.append(_Raw(start, end, []))
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
    """Return the line without tags and entities; voice and time tags become marks (see _MARK and _LABEL)."""
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
    return " ".join(_MARK.sub("", line).split())


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
    facts["repeated_lines"] = sum(shared)
    return [cue._replace(lines=cue.lines[count:]) for cue, count in zip(cues, [0, *shared], strict=True)]


def _count_shared(first: _Raw, second: _Raw) -> int:
    """Count the lines that end the first cue and begin the second; 0 if there is more than FOLLOWS between the cues."""
    if second.start - first.end > FOLLOWS:
        return 0
    before, after = [_plain(line) for line in first.lines], [_plain(line) for line in second.lines]
    longest = min(len(before), len(after))
    return next((n for n in range(longest, 0, -1) if before[-n:] == after[:n]), 0)


def _find_names(cues: Sequence[_Raw], facts: Counter[str]) -> frozenset[str]:
    """Find which words that stand as `Name:` at the start of a line are names of speakers.

    A name must recur, and more often than the same word in lower case elsewhere. There must be two such names, or one
    that begins the file or half of its cues. Once there is such a name, the name that begins the file need not recur.
    A file with labels in brackets or with voice tags has no names of this form.
    """
    lines = [line for cue in cues for line in cue.lines]
    if any(_LABEL.search(line) for line in lines):
        return frozenset()
    starts = [_NAME.match(_OPENING.sub("", _MARK.sub("", line))) for line in lines]
    likely = [match[1].strip() if match and _is_like_name(match[1]) else "" for match in starts]
    counts = Counter(filter(None, likely))
    ordinary = Counter(word.strip(".,;:!?") for line in lines for word in line.split())
    small = {name: ordinary[name.lower()] if name != name.lower() else 0 for name in counts}
    recurring = {name for name, count in counts.items() if count > max(1, small[name])}
    names = recurring | set(filter(None, likely[:1])) if recurring else set()
    if len(names) < 2 and names != set(likely[:1]) and 2 * sum(counts[name] for name in names) < len(cues):
        names = set()
    if doubtful := counts.total() - sum(counts[name] for name in names):
        facts["doubtful_labels"] = doubtful
    return frozenset(names)


def _is_like_name(text: str) -> bool:
    """Tell whether a text looks like a name.

    A name is short, each of its words begins with a capital (or is in a script without capitals), and it is not a
    remark such as `Note`.
    """
    words = text.split()
    return (
        1 <= len(words) <= 4
        and text.strip().lower() not in NO_NAMES
        and all(
            character.isalnum() or character in " ._'’-&()/#\u200c\u200d" or _combines(character)
            for character in text
        )
        and not words[0][0].islower()
        and all(not word[0].islower() or word in PARTICLES for word in words)
    )


def _combines(character: str) -> bool:
    return unicodedata.category(character).startswith("M")


def _split_pieces(lines: Sequence[str], names: frozenset[str], facts: Counter[str]) -> list[LabelledWords]:
    """Split the lines of a cue at their labels."""
    dashes = [bool(_DASH.match(line)) for line in lines]
    by_dash = sum(dashes) >= 2 or dashes[:1] == [True]  # a lone dash further down is punctuation
    pieces: list[LabelledWords] = []
    for line in lines:
        for label, text in _split_line(line, names, by_dash):
            if _SOUND.fullmatch(_plain(text)):
                facts["sounds"] += 1
                text = ""
            if label or not pieces:
                pieces.append(LabelledWords(label, []))
            pieces[-1].words.extend(_split_words(text))
    return pieces


def _split_line(line: str, names: frozenset[str], by_dash: bool) -> Iterator[tuple[str, str]]:
    """Yield (label, text) along the line. A dash or `>>` without a label means a new speaker who is not named."""
    label = ""
    while True:
        if (match := _ARROWS.match(line)) or (by_dash and (match := _DASH.match(line))):
            label = label or UNKNOWN
        elif match := _LABEL.match(line) or _match_name(line, label, names):
            label = _name(match)
        else:
            break
        line = line[match.end() :]
    start = 0
    for match in _LABEL.finditer(line):
        yield label, line[start : match.start()]
        label, start = _name(match), match.end()
    yield label, line[start:]


def _match_name(line: str, label: str, names: frozenset[str]) -> re.Match[str] | None:
    match = _NAME.match(line) if label in ("", UNKNOWN) else None
    return match if match and match[1].strip() in names else None


def _name(match: re.Match[str]) -> str:
    name = " ".join(next(group for group in match.groups() if group is not None).split())
    return UNKNOWN if not name or name.lower() in NOBODY else name


def _split_words(text: str) -> list[Said]:
    """Split a text at white space. A word that follows a time tag begins at that time."""
    marks: dict[int, int] = {}
    plain = ""
    for number, part in enumerate(_MARK.split(text)):
        if number % 2:
            marks[len(plain)] = int(part)
        else:
            plain += part
    words: list[Said] = []
    before = 0
    for match in re.finditer(r"\S+", plain):
        times = [time for place, time in marks.items() if before <= place <= match.start()]
        words.append(Said(match[0], times[-1] if times else None, spaced=True if words else None))
        before = match.end()
    return words


# JSON


def _read_json(text: str) -> File:
    try:
        content = json.loads(text)  # Python writes a score that is not a number as NaN, which is no JSON
    except json.JSONDecodeError as error:
        raise WrongError(f":{error.lineno}: not JSON ({error.msg})") from error
    segments = content.get("segments") if isinstance(content, dict) else None
    if not isinstance(segments, list) or not all(isinstance(segment, dict) for segment in segments):
        raise WrongError(":1: the file has no list `segments`, which whisperX and Podcasting 2.0 write")
    read: Callable[[Mapping[str, Any], str], Cue] = (
        _read_podcast if any("startTime" in segment for segment in segments) else _read_whisperx
    )
    cues = [read(segment, f": segments[{number}]") for number, segment in enumerate(segments)]
    language = content.get("language")
    return File(cues, language if isinstance(language, str) and language else None, Counter())


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
    name = " ".join(_string(values, "speaker", where).split()) if values.get("speaker") is not None else ""
    return UNKNOWN if name.lower() in NOBODY else name


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
    except ValueError:
        seconds = math.nan
    if not math.isfinite(seconds) or seconds < 0:
        raise WrongError(f"{where}.{key} is {_shorten(str(value))}, which is not a number of seconds")
    return round(seconds * 1000)


def _time_of_word(word: Mapping[str, Any], key: str, where: str) -> int | None:
    """The time of a word, None where the file writes that it is not a number: a segment without its times is wrong."""
    value = word.get(key)
    return None if isinstance(value, float) and math.isnan(value) else _time(word, key, where)


def _probability(value: Any) -> float | None:
    return round(float(value), 6) if isinstance(value, int | float) and math.isfinite(value) else None
