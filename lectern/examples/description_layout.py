"""Bring the many layouts of descriptions into one form: one time stamp per line, as m:ss, with its text.

People write `1h02m03s`, `82 min` (`unit_stamps`), `０１：０２`, HTML, headings on the line of the first stamp, stamps
on lines of their own and whole lists in one paragraph. After `lay_out` only two layouts are left: the stamp before
its text, or after it.
"""

import html
import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise

from lectern.examples.unit_stamps import Ends, type_units

_DAYTIME = r"(?!\s?[ap]\.?m\b)"  # `7:30 PM` is a time of day, not a stamp
TIME = rf"(?:(\d{{1,2}}):)?(\d{{1,3}}):(\d{{2}})(?!:?\d)(?:[.,]\d{{1,3}}\b)?{_DAYTIME}"
_LETTERED_TIME = r"(?:(\d{1,2})\s?h\s?)?(\d{1,3})\s?m(?:in)?\s?(\d{1,2})\s?s\b"  # 1h02m03s, 1m20s
NUMBERING = r"(?:(?:Q(?:uestion)?\s*\.?\s*\d{1,3}|#\d{1,3})[a-z]?(?![\w])|\d{1,3}[.)](?!\d)|Q(?=\s*[:.)]))"
_BARE_NUMBER = r"\d{1,3}\s*[-–—]?\s+(?=[(\[]?\d{1,3}:\d\d)"
_LETTER = r"[a-h][).](?=\W*\d)"  # `(a) 2:15 What is it?`
STAMP_FIRST = re.compile(
    rf"^[\W_]*(?:({NUMBERING}|{_BARE_NUMBER}|{_LETTER})[\W_]*)?(?<!\d){TIME}", re.IGNORECASE
)
RANGE = rf"\W{{0,3}}(?:[-–—−~→⟶➔]|->|to|until)\W{{0,3}}{TIME}"
RANGE_END = re.compile(rf"^{RANGE}", re.IGNORECASE)
LONGEST_STAMP = 60
"""A stamp is searched in so many characters at either end of a line, which bounds the time for a hostile line."""
_HEADING = re.compile(
    r"^\W*(?:(?:at|from|starts?(?: at)?)\s|[^\n:]{0,60}?"
    r"\b(?:time\W?stamps?|chapters?|questions?|contents?|topics?|index|start|time)\b[^\n\w]{0,2}[:\-–—][ \t]*)"
    rf"(?=[(\[]?{TIME})",
    re.IGNORECASE,
)
_TAG = re.compile(r"<(/?)([a-z][a-z0-9]{0,9})\b[^<>]{0,2000}>", re.IGNORECASE)
_INLINE = {"a", "b", "i", "em", "strong", "span", "u", "code"}
_WIDE_TIME = re.compile(r"[０-９]{1,3}(?:：[０-９]{2}){1,2}")
_LETTERED_FIRST = re.compile(rf"^([\W_]*(?:{NUMBERING}[\W_]*)?){_LETTERED_TIME}", re.IGNORECASE)
_LETTERED_LAST = re.compile(rf"([\s(\[]){_LETTERED_TIME}([\s)\].]*)$", re.IGNORECASE)
_UNIT_ENDS = Ends(
    re.compile(rf"^[\W_]*(?:{NUMBERING}[\W_]*)?(?<!\d){TIME}", re.IGNORECASE),
    re.compile(rf"[\s(\[]{TIME}[\s)\].]*$", re.IGNORECASE),
    rf"[\W_]*(?:{NUMBERING}[\W_]*)?",
    LONGEST_STAMP,
)
_SIGN = re.compile("(?:[0-9]\ufe0f?\u20e3)+|🔟|[①-⑳❶-❿➀-➉➊-➓⓫-⓴⓵-⓾]\ufe0f?")
"""A keycap (of which two are a number of two digits), or a number in a circle."""
_NUMBERED = re.compile(rf"[\W_]*(?:{TIME}[\W_]*)?")
"""What stands before the number of a line."""
_LEADER = re.compile(
    rf"\s*(?:[…‥⋯]\s?|(?:[.·․_∙]\s{{0,2}}){{2,50}})+(?=[(\[]?{TIME}(?:{RANGE})?[)\].]*$)", re.IGNORECASE
)
"""The dots that lead from a text to the stamp behind it, as in a table of contents."""
_ENDS = ("?", "？", "؟", "!", "！", ".", "…", "。")
_BETWEEN = ("|", ";", "/", "•", "·", "→", "➔", "►", "▶", "✦", "★")
"""Signs between two entries of a line."""
_COLONS = str.maketrans("∶꞉ː", ":::")
_FULL_WIDTH = str.maketrans("０１２３４５６７８９：", "0123456789:")


def lay_out(description: str) -> list[str]:
    """Return the lines of a description, with one stamp per line, as m:ss, and without headings before stamps."""
    text = _strip_markup(description).translate(_COLONS)
    lines = type_units([_type_numbers(line.rstrip()) for line in text.splitlines()], _UNIT_ENDS)
    plain = [piece for line in lines for piece in _split_line(_type_stamps(line))]
    bare = [i for i, line in enumerate(plain) if _is_bare_stamp(line)]
    above = all(i and plain[i - 1].strip() and not _is_bare_stamp(plain[i - 1]) for i in bare)
    if bare and above and not (bare[-1] + 1 < len(plain) and plain[bare[-1] + 1].strip()):
        # Each stamp stands below its text, and nothing stands below the last one: move stamps to the lines above.
        for i in bare:
            plain[i - 1], plain[i] = f"{plain[i - 1]} {plain[i].strip()}", ""
    return plain


def _strip_markup(description: str) -> str:
    """Return the text of a description that may be HTML, as the show notes of podcasts are."""
    if not _TAG.search(description):
        return description
    return html.unescape(_TAG.sub(lambda tag: "" if tag[2].lower() in _INLINE else "\n", description))


def _type_numbers(line: str) -> str:
    """Rewrite numbers that are keycaps or stand in circles: as `1.` where they number a line, else as digits."""

    def write(match: re.Match[str]) -> str:
        digits = "".join(map(_type_digit, match[0]))
        numbers = _NUMBERED.fullmatch(line[: match.start()]) if match.start() <= LONGEST_STAMP else None
        return f"{digits}. " if numbers and line[match.end() : match.end() + 1] != ":" else digits

    return _SIGN.sub(write, line)


def _type_digit(character: str) -> str:
    value = unicodedata.numeric(character, None)
    return "10" if character == "🔟" else "" if value is None else str(int(value))


def _type_stamps(line: str) -> str:
    """Rewrite a stamp at either end of a line, such as `1h02m03s` or `０１：０２`, in the form `1:02:03`."""
    cut = max(0, len(line) - 2 * LONGEST_STAMP)
    led = _LEADER.sub(" ", line[cut:])
    line = line if led == line[cut:] else line[:cut].rstrip(" .·․_…‥") + led
    head, middle, tail = line[:LONGEST_STAMP], "", ""
    if len(line) > LONGEST_STAMP:
        cut = max(LONGEST_STAMP, len(line) - LONGEST_STAMP)
        middle, tail = line[LONGEST_STAMP:cut], line[cut:]
    head, tail = (_WIDE_TIME.sub(lambda m: m[0].translate(_FULL_WIDTH), part) for part in (head, tail))
    head = _LETTERED_FIRST.sub(lambda m: m[1] + _type(*m.group(2, 3, 4)), head)
    end = _LETTERED_LAST.sub(lambda m: m[1] + _type(*m.group(2, 3, 4)) + m[5], tail or head)
    return _HEADING.sub("", head + middle + end if tail else end)


def _type(hours: str | None, minutes: str, seconds: str) -> str:
    return f"{hours}:{int(minutes):02}:{int(seconds):02}" if hours else f"{minutes}:{int(seconds):02}"


def _split_line(line: str) -> Iterator[str]:
    """Split a line that holds several stamps, such as a paragraph that lists all chapters, before each stamp."""
    found = [
        m
        for m in re.finditer(rf"(?<![\w:]){TIME}", line, re.IGNORECASE)
        if to_seconds(*m.groups()) is not None
    ]
    times = [to_seconds(*m.groups()) or 0.0 for m in found]
    begins = [m.start() - (line[: m.start()][-1:] in "([") for m in found]
    in_order = all(a < b for a, b in pairwise(times))
    rest = RANGE_END.match(line[found[0].end() :]) if found else None
    if len(found) < 2 or not in_order or rest:
        yield line
        return
    if not STAMP_FIRST.match(line):
        yield from _split_behind(line, [m.end() for m in found], begins)
        return
    apart = all(_ends_entry(line[:b]) for b in begins[1:])
    # a second sentence with a stamp of its own; a stamp with nothing behind it may be the end of the first
    sentences = all(line[:b].rstrip(" -–—|@").endswith(_ENDS) for b in begins[1:])
    spoken = re.search(r"[^\W\d_]", line[found[-1].end() :]) is not None
    if not (apart or len(found) > 2 or (sentences and spoken)):
        yield line
        return
    for begin, end in zip([0, *begins[1:]], [*begins[1:], len(line)], strict=True):
        yield line[begin:end].rstrip(" \t" + "".join(_BETWEEN))


def _ends_entry(text: str) -> bool:
    """Whether a sign or a tab stands at the end of a text, behind which another entry begins."""
    bare = text.rstrip()
    return bare.endswith(_BETWEEN) or "\t" in text[len(bare) :]


def _split_behind(line: str, ends: list[int], begins: list[int]) -> Iterator[str]:
    """Split a line behind each stamp if each ends a sentence and nothing stands behind the last one."""
    asked = all(line[:begin].rstrip(" -–—|@").endswith(_ENDS) for begin in begins)
    if not asked or line[ends[-1] :].strip(" )].|"):
        yield line
        return
    for begin, end in pairwise([0, *ends[:-1], len(line)]):
        yield line[begin:end].lstrip(" )].|;,/•·-–—") if begin else line[begin:end]


def _is_bare_stamp(line: str) -> bool:
    match = STAMP_FIRST.match(line)
    return match is not None and not line[match.end() :].strip(" \t)]}.:-–—|")


def to_seconds(hours: str | None, minutes: str, seconds: str) -> float | None:
    """Convert the groups of TIME to seconds; None if they are not a time, such as `1:75`."""
    if int(seconds) > 59 or (hours and int(minutes) > 59):
        return None
    return float(int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds))
