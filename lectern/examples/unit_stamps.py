"""Read stamps that are typed with units, such as `1h22m`, `82 min`, `90s` and `1時間22分`, and write them as m:ss.

People also write so how long something is (`5 min read`, `90s music`). So they are stamps only where a description has
at least two stamps at the same end of their lines, of any form, and all of these are in order of time.
"""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

_HOURS = r"(?:h|hrs?|hours?|std|時間|小时|小時|시간)\.?"
_MINUTES = r"(?:m|mins?|minutes?|['’′]|分钟|分鐘|分|분)\.?"
_SECONDS = r"(?:s|secs?|seconds?|''|[\"”″]|秒|초)\.?"
_BETWEEN = r"[\s:,]{0,2}"
_UNITS = (
    rf"(?:(?P<h>\d{{1,2}})\s?{_HOURS}(?:{_BETWEEN}(?P<hm>\d{{1,2}})(?:\s?{_MINUTES}"
    rf"(?:{_BETWEEN}(?P<hs>\d{{1,2}})(?:\s?{_SECONDS})?)?)?)?"
    rf"|(?P<m>\d{{1,3}})\s?{_MINUTES}(?:{_BETWEEN}(?P<ms>\d{{1,2}})(?:\s?{_SECONDS})?)?"
    rf"|(?P<s>\d{{1,3}})\s?{_SECONDS})(?![\w'’\"])"
)
_CLOCK = re.compile(r"(?<![\d:])(\d{1,2}):(\d{2})(:\d{2})?\s?(?:h|hrs?)\b\.?", re.IGNORECASE)
"""`1:22h` and `1:22:05 h`."""
_RANGE = re.compile(rf"\s*(?:[-–—]|to|until)\s*{_UNITS}", re.IGNORECASE)


class _Found(NamedTuple):
    """A stamp at an end of a line."""

    seconds: int
    span: tuple[int, int] | None
    """where it stands; None for a stamp of the usual form"""


class Ends(NamedTuple):
    """How the stamps of the usual form are found at either end of a line."""

    first: re.Pattern[str]
    """whose last three groups are hours, minutes and seconds"""
    last: re.Pattern[str]
    before: str
    """what may stand before a stamp at the beginning of a line"""
    longest: int
    """characters at an end of a line in which a stamp is looked for"""


def type_units(lines: Sequence[str], ends: Ends) -> list[str]:
    """Return the lines, in which stamps with units are written as `1:22:00`."""
    typed = [_type_clock(line, ends.longest) for line in lines]
    first = re.compile(rf"^{ends.before}{_UNITS}(?=.*\w)", re.IGNORECASE)
    last = re.compile(rf"(?<=[\s(\[]){_UNITS}[\s)\].]*$", re.IGNORECASE)
    for pattern, usual, at_end in ((first, ends.first, False), (last, ends.last, True)):
        found = {
            n: one
            for n, line in enumerate(typed)
            if (one := _find(line, pattern, usual, at_end, ends.longest))
        }
        times = [one.seconds for one in found.values()]
        if len(times) < 2 or not all(a < b for a, b in pairwise(times)):
            continue
        for number, one in found.items():
            if one.span:
                typed[number] = _write(typed[number], one.seconds, *one.span)
    return typed


def _find(
    line: str, pattern: re.Pattern[str], usual: re.Pattern[str], at_end: bool, longest: int
) -> _Found | None:
    cut = max(0, len(line) - longest) if at_end else 0
    part = line[cut:] if at_end else line[:longest]
    if match := usual.search(part):
        hours, minutes, seconds = match.groups()[-3:]
        return _Found(int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds), None)
    match = pattern.search(part)
    time = _to_seconds(match) if match else None
    if match is None or time is None or (at_end and not part[: match.start()].strip()):
        return None
    begin = min(match.start(name) for name in ("h", "m", "s") if match[name])
    after = len(match[0].rstrip(" )].\t")) + match.start() if at_end else match.end()
    return _Found(time, (cut + begin, cut + after))


def _to_seconds(match: re.Match[str]) -> int | None:
    """The time; None if minutes or seconds beside larger units are more than 59."""
    parts = [int(match[name] or 0) for name in ("hm", "hs", "ms")]
    if max(parts) > 59:
        return None
    minutes = int(match["m"] or 0) + parts[0]
    return int(match["h"] or 0) * 3600 + minutes * 60 + parts[1] + parts[2] + int(match["s"] or 0)


def _write(line: str, seconds: int, begin: int, end: int) -> str:
    rest = line[end:]
    if (match := _RANGE.match(rest)) and (until := _to_seconds(match)) is not None:
        rest = f" - {_type(until)}{rest[match.end() :]}"
    return line[:begin] + _type(seconds) + rest


def _type(seconds: int) -> str:
    hours, minutes = divmod(seconds // 60, 60)
    return f"{hours}:{minutes:02}:{seconds % 60:02}" if hours else f"{minutes}:{seconds % 60:02}"


def _type_clock(line: str, longest: int) -> str:
    head = _CLOCK.sub(lambda match: f"{match[1]}:{match[2]}{match[3] or ':00'}", line[:longest])
    return head + line[longest:]
