"""Drop the times that people write in front of a turn without brackets or with dots: `1.22.00 Ann: Hi.`

Versions, prices and times of day look alike (`1.22.00 is out`). So such times are dropped only where a file has them
before label after label, or at the start of nearly every cue, and they never run back.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from lectern.formats.caption_labels import FULL, is_sound, judge_name, normalise

LEAST = 3
"""Cues at least that begin with a time, in a file whose times stand before no labels."""

_DOTS = r"\d{1,2}\.[0-5]\d\.[0-5]\d"
_COLONS = r"(?:\d{1,2}:)?[0-5]?\d:[0-5]\d"
_TIME = rf"(?P<time>{_DOTS}|{_COLONS})(?![\d:]|[.,]\d)"
_BEFORE = r"^(?P<before>(?:>>+\s*|[-–—]\s+)*)"
_FIRST = re.compile(
    rf"{_BEFORE}(?:[\[(（［]\s?{_TIME}\s?[\])）］]\s*|{_TIME.replace('time', 'bare')}\s+)(?:[-–—|]\s+)?"
)
_BEHIND = re.compile(rf"{_BEFORE}(?P<name>[^.?!…:：\[\]()\0]{{1,60}}?)\s?[\[(]\s?{_TIME}\s?[\])]\s?[:：]\s*")
_LABEL = re.compile(
    r"@?(?P<colon>[^\s:：\[\]()\0][^:：\[\]\0]{0,59}?)\s?[:：](?:\s|$|[^\W\d_])"
    r"|(?:\[|【|［|〔|「|\*\*)(?P<bracket>[^\[\]【】［］〔〕「」*:\0]{1,60}):?(?:\]|】|］|〕|」|\*\*)"
)


class _Found(NamedTuple):
    """A line that begins with a time."""

    cue: int
    row: int
    match: re.Match[str]
    name: str
    """the label beside the time, or """ ""


def drop(cues: Sequence[Sequence[str]]) -> list[list[str]]:
    """Return the lines of each cue without the times that stand in front of turns; other lines stay as they are."""
    shown = [list(lines) for lines in cues]
    for pattern in (_BEHIND, _FIRST):
        found = list(_find(shown, pattern))
        turns = [place for place in found if place.name]
        labels = sum(_find_name(line, 0) != "" for lines in shown for line in lines)
        for times in (turns, found):
            if _are_stamps(times, turns, labels, len(cues)):
                for place in times:
                    shown[place.cue][place.row] = _without_time(place.match)
                break
    return shown


def _are_stamps(times: Sequence[_Found], turns: Sequence[_Found], labels: int, cues: int) -> bool:
    """Whether these times are stamps, in a file with so many labels that have no time before them."""
    if any(_read(first.match) > _read(second.match) for first, second in pairwise(times)):
        return False
    begun = len({place.cue for place in times})
    if times is not turns:
        return begun >= max(LEAST, FULL * cues)
    recurs = len({place.name for place in turns}) < len(turns)
    return len(turns) > 1 and len(turns) >= FULL * (labels + len(turns)) and (recurs or begun >= FULL * cues)


def _find(cues: Sequence[Sequence[str]], pattern: re.Pattern[str]) -> Iterator[_Found]:
    for cue, lines in enumerate(cues):
        for row, line in enumerate(lines):
            if match := pattern.match(line):
                name = match.groupdict().get("name")
                found = _find_name(line, match.end()) if name is None else name * _is_name(name)
                yield _Found(cue, row, match, found)


def _find_name(line: str, at: int) -> str:
    """The name in a label at a place; "" if there is none."""
    match = _LABEL.match(line, at)
    name = (match["colon"] or match["bracket"]) if match else ""
    return name if name and _is_name(name) else ""


def _is_name(text: str) -> bool:
    return judge_name(text) not in ("", "odd") and not is_sound(text)


def _read(match: re.Match[str]) -> int:
    """The time, in seconds."""
    groups = match.groupdict()
    seconds = 0
    for part in re.split("[.:]", groups["time"] or groups["bare"]):
        seconds = 60 * seconds + int(part)
    return seconds


def _without_time(match: re.Match[str]) -> str:
    name = match.groupdict().get("name")
    return normalise(f"{match['before']}{f'{name}: ' if name else ''}{match.string[match.end() :]}")
