"""The questions that a description stamps with their times.

Descriptions are typed by people, so the layout is inferred: a stamp stands before or after its text, and lines
without one either continue a question or are something else (headings, links, credits).
"""

import re
from dataclasses import dataclass

_TIME = r"(?:(\d{1,2}):)?(\d{1,3}):(\d{2})(?!:?\d)"
_NUMBERING = r"(?:(?:Q(?:uestion)?\s*\.?\s*\d{1,3}|#\d{1,3})[a-z]?(?![\w])|\d{1,3}[.)](?!\d)|Q(?=\s*[:.)]))"
_STAMP_FIRST = re.compile(rf"^[\W_]*(?:({_NUMBERING})[\W_]*)?(?<!\d){_TIME}", re.IGNORECASE)
_RANGE_END = re.compile(rf"^\W{{0,3}}(?:-|–|—|to|until)\W{{0,3}}{_TIME}", re.IGNORECASE)
_LINK_TARGET = re.compile(r"^\]\([^)\s]*\)")  # of a Markdown link around the stamp
_STAMP_LAST = re.compile(rf"^(?P<text>.*?\S)[\s(\[@–—|-]+{_TIME}[\s)\].]*$")
_LEADING = re.compile(rf"^(?:[\s\-–—•*·|:.,>)\]►▶]+|({_NUMBERING})[\s.:)\-–—]*)", re.IGNORECASE)
_PART = re.compile(r"^\s*\(?[b-h1-9][).]\s+\S", re.IGNORECASE)
_LINK = re.compile(r"https?://|www\.|@\w+\.\w+", re.IGNORECASE)
_ENDS = (".", "!", "?", "？", "؟", "…", ":")
_MARKS = ("?", "？", "؟")
_ASKING = re.compile(
    r"^(?:\(?a[).]\s*)?(?:(?:and|but|so) )?(?:"
    # What follows tells `Why do we` and `What makes` from the headings `Why we`, `How to` and `What the data says`.
    r"(?:who|whom|whose|what|which|when|where|why|how)(?:'s|'re)? "
    r"(?!(?:to|we|i|you|they|he|she|it|the|a|an|my|our|your|their)\b)|"
    r"(?:is|are|am|was|were|do|does|did|has|have|had|can|could|should|shall|will|would|may|might|must)(?:n't)? |"
    r"(?:explain|tell|describe|compare) )",
    re.IGNORECASE,
)
_FRAMES_THE_TALK = re.compile(
    r"^(?:the )?(?:intro|introductions?|outro|welcome|opening|hello|hi|start|closing|goodbye|bye|farewell|end|ending|"
    r"credits|"
    r"thanks|thank you|sponsors?|ad|ads|advertisement|wrap[- ]?up|final words|summary)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Stamp:
    """A time that a description gives, and what stands beside it."""

    start: float  # seconds
    text: str
    is_question: bool


@dataclass(frozen=True)
class Question:
    """A question as typed."""

    start: float  # seconds
    text: str


@dataclass(frozen=True)
class _Entry:
    start: float
    text: str
    numbered: bool


def parse_questions(description: str) -> list[Question]:
    """The stamped questions of a description, in order of time."""
    return [Question(stamp.start, stamp.text) for stamp in parse_stamps(description) if stamp.is_question]


def parse_stamps(description: str) -> list[Stamp]:
    """All that a description stamps, in order of time: a stretch ends at the next stamp, whatever that marks.

    Parts of a question, and lines with the same stamp, stay together. An intro, an outro or a topic is no question.
    """
    lines = [line.rstrip() for line in description.splitlines()]
    first, last = _in_time(_read_first(lines)), _in_time(_read_last(lines))
    return [
        Stamp(e.start, e.text, _is_question(e)) for e in _merge(first if len(first) >= len(last) else last)
    ]


def _seconds(hours: str | None, minutes: str, seconds: str) -> float | None:
    if int(seconds) > 59 or (hours and int(minutes) > 59):
        return None
    return float(int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds))


def _read_first(lines: list[str]) -> list[_Entry]:
    """Entries whose stamp stands before the text; the text may begin on the next line and go on over several."""
    found: list[_Entry] = []
    open_ = False  # may the next line belong to the last entry?
    for line in lines:
        match = _STAMP_FIRST.match(line)
        start = _seconds(*match.groups()[1:]) if match else None
        if match and start is not None:
            rest = _LINK_TARGET.sub("", line[match.end() :])
            rest = _RANGE_END.sub("", rest)
            text, numbered = _clean(rest)
            found.append(_Entry(start, text, numbered or match.group(1) is not None))
            open_ = True
        elif open_ and _continues(found[-1].text, line):
            entry = found.pop()
            text, numbered = (line.strip(), False) if entry.text else _clean(line)
            found.append(_Entry(entry.start, f"{entry.text} {text}".strip(), entry.numbered or numbered))
        elif line.strip() or (found and found[-1].text):
            open_ = False
    return found


def _read_last(lines: list[str]) -> list[_Entry]:
    """Entries whose stamp stands after the text, which may have begun on lines above."""
    found: list[_Entry] = []
    above: list[str] = []
    for line in lines:
        match = None if _STAMP_FIRST.match(line) else _STAMP_LAST.match(line)
        start = _seconds(*match.groups()[1:]) if match else None
        if match and start is not None:
            block = [*above, match["text"]]
            if not found:  # what stands above the first entry may be a heading or a blurb
                begin = len(block) - 1
                while begin and _is_middle(block[begin]):
                    begin -= 1
                block = block[begin:]
            text, numbered = _clean(" ".join(part.strip() for part in block))
            found.append(_Entry(start, text, numbered))
            above = []
        elif not line.strip() or line.rstrip().endswith(":") or _LINK.search(line):
            above = []
        else:
            above.append(line)
    return found


def _is_middle(line: str) -> bool:
    """Does a line look like the middle of something?"""
    return line[:1].isspace() or line.lstrip()[:1].islower() or _PART.match(line) is not None


def _continues(text: str, line: str) -> bool:
    """Does `line`, which has no stamp, go on with `text`?"""
    if not line.strip() or _LINK.search(line):
        return False
    if not text or _is_middle(line):
        return True
    asks = line.rstrip(" \"'”’)").endswith(_MARKS)
    return asks and not any(mark in text for mark in _MARKS) and not _FRAMES_THE_TALK.match(text)


def _clean(text: str) -> tuple[str, bool]:
    """The text without bullets, dashes and numbering around it, and whether it was numbered."""
    numbered = False
    while match := _LEADING.match(text):
        numbered = numbered or match.group(1) is not None
        text = text[match.end() :]
    return " ".join(re.sub(r"[\s\-–—|•]+$", "", text).split()), numbered


def _in_time(found: list[_Entry]) -> list[_Entry]:
    """The longest run of entries whose times do not fall: an hour of the day in a blurb is no stamp."""
    best: list[list[_Entry]] = []
    for entry in found:
        before = max((run for run in best if run[-1].start <= entry.start), key=len, default=[])
        best.append([*before, entry])
    return max(best, key=len, default=[])


def _merge(found: list[_Entry]) -> list[_Entry]:
    """Entries with the same time as one."""
    merged: list[_Entry] = []
    for entry in found:
        if merged and merged[-1].start == entry.start:
            before = merged.pop()
            merged.append(
                _Entry(entry.start, f"{before.text} {entry.text}".strip(), before.numbered or entry.numbered)
            )
        else:
            merged.append(entry)
    return merged


def _is_question(entry: _Entry) -> bool:
    if not entry.text or _LINK.search(entry.text):
        return False
    if any(mark in entry.text for mark in _MARKS):
        return True
    if _FRAMES_THE_TALK.match(entry.text):
        return False
    return entry.numbered or _ASKING.match(entry.text) is not None
