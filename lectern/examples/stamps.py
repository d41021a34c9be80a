"""Read the questions that a description lists with time stamps.

Descriptions are typed by people, so the layout is inferred: a stamp stands before or after its text, and lines
without one either continue a question or are something else (headings, links, credits).
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from lectern.core.schema import Chapter
from lectern.examples.description_layout import (
    LONGEST_STAMP,
    NUMBERING,
    RANGE,
    RANGE_END,
    STAMP_FIRST,
    TIME,
    lay_out,
    to_seconds,
)

_LINK_TARGET = re.compile(r"^\]\([^)\s]*\)")  # of a Markdown link around the stamp
_STAMP_LAST = re.compile(rf"[\s(\[{{@–—|>-]{TIME}(?:{RANGE})?[\s)\]}}.]*$", re.IGNORECASE)
# Signs before a question that do not belong to it: all but those with which a text may begin.
_LEADING = re.compile(rf"^(?:(?:[^\w(\"'“‘«„¿¡$€£#&+<\[]|_)+|({NUMBERING})[\s.:)\-–—]*)", re.IGNORECASE)
_TRAILING = " \t-–—|•·_→>@"
_PART = re.compile(r"^\s*\(?[b-h1-9][).]\s+\S", re.IGNORECASE)
# A first part such as `(a) Why?`. It continues the line above it, but `_is_middle` does not count it: in a block above
# a stamp, the question begins with it.
_FIRST_PART = re.compile(r"^\s*(?:\(?a[).]|\(1\))\s+\S", re.IGNORECASE)
_PART_MARK = re.compile(
    r"(?<!\w)(\(?)([a-h]|[1-9]|i{1,3}|iv|v)\)\s*(?=\w|['\"“¿])|(?<!\w)([a-h1-9])\.\s+(?=\w)", re.I
)
_AND = re.compile(r"[,;]?\s+(?:and|or)\s*$", re.IGNORECASE)
_PART_NAMES = ("abcdefgh", "123456789", ("i", "ii", "iii", "iv", "v"))
_URL = re.compile(r"(?:https?://|www\.)\S*", re.IGNORECASE)
_LINK = re.compile(r"https?://|www\.|@\w+\.\w+", re.IGNORECASE)
_MARKS = ("?", "？", "؟", "\u037e", "՞", "፧")
_QUESTION_ENDS = re.compile(r"[Ͱ-Ͽ]\s?;$|か[。．]?$")  # Greek asks with a semicolon, Japanese with a particle
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
    r"thanks|thank you|sponsors?|ad|ads|advertisement|wrap[- ]?up|final words|summary)\b(?!-\w)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Stamp:
    """A time that a description or a chapter gives, and what stands beside it."""

    start: float  # seconds
    text: str
    is_question: bool
    parts: tuple[str, ...] = ()  # the parts of a question that has several, each readable alone; else empty


@dataclass(frozen=True)
class _Entry:
    start: float
    text: str
    numbered: bool
    parts: tuple[str, ...] = ()


def parse_stamps(description: str) -> list[Stamp]:
    """Return all stamps of a description, in order of time. Stamps that are not questions end the answer before them.

    The parts of a question, and lines with the same stamp, stay together. An intro, an outro or a topic is not a
    question.
    """
    lines = lay_out(description)
    first, last = _in_time(_read_first(lines)), _in_time(_read_last(lines))
    return [
        _stamp(entry, _is_question(entry)) for entry in _merge(first if len(first) >= len(last) else last)
    ]


def read_chapters(chapters: Sequence[Chapter], titles: str) -> list[Stamp]:
    """Convert chapters to stamps. The end of a chapter before a gap is a stamp too, so that it ends the answer.

    Args:
        chapters: of the recording.
        titles: `questions` takes titles that read as questions; `all` takes every title that is not that of an intro
            or outro.
    """
    stamps: list[Stamp] = []
    ordered = sorted(chapters, key=lambda chapter: (chapter.start, chapter.end))
    for chapter, after in zip_longest(ordered, ordered[1:]):
        entry = _Entry(chapter.start, *_clean(chapter.title))
        topic = titles == "all" and entry.text and not _FRAMES_THE_TALK.match(entry.text)
        stamps.append(_stamp(entry, bool(topic) or _is_question(entry)))
        if after is None or chapter.end < after.start:
            stamps.append(Stamp(chapter.end, "", False))
    return stamps


def split_parts(text: str) -> tuple[str, ...]:
    """Split a question such as `About sleep: (a) why, (b) and when?` into its parts.

    Each part gets the words that stand before the first one. A question with one part only gives ().
    """
    marks = list(_PART_MARK.finditer(text))
    for names in _PART_NAMES:
        found: list[re.Match[str]] = []
        for mark in marks:
            if len(found) < len(names) and (mark[2] or mark[3]).lower() == names[len(found)]:
                found.append(mark)
        if len(found) > 1:
            ends = [mark.start() for mark in found[1:]] + [len(text)]
            before = text[: found[0].start()].strip()
            parts = [
                _AND.sub("", text[mark.end() : end]).strip(" ,;")
                for mark, end in zip(found, ends, strict=True)
            ]
            if all(parts):
                return tuple(f"{before} {part}".strip() for part in parts)
    return ()


def _stamp(entry: "_Entry", is_question: bool) -> Stamp:
    return Stamp(entry.start, entry.text, is_question, split_parts(entry.text) or entry.parts)


def _read_first(lines: list[str]) -> list[_Entry]:
    """Read entries whose stamp stands before the text, which may begin on the next line and continue over several."""
    found: list[_Entry] = []
    open_ = False  # may the next line belong to the last entry?
    for line in lines:
        match = STAMP_FIRST.match(line)
        start = to_seconds(*match.groups()[1:]) if match else None
        if match and start is not None:
            rest = _LINK_TARGET.sub("", line[match.end() :])
            rest = RANGE_END.sub("", rest)
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
    """Read entries whose stamp stands after the text, which may begin on lines above."""
    found: list[_Entry] = []
    above: list[str] = []
    for line in lines:
        cut = max(0, len(line) - LONGEST_STAMP)
        match = None if STAMP_FIRST.match(line) else _STAMP_LAST.search(line[cut:])
        start = to_seconds(*match.groups()[:3]) if match else None
        if match and start is not None:
            block = [*above, line[: cut + match.start()]]
            if not found:  # the lines above the first entry may be a heading or a blurb
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
    """Tell whether a line seems to continue the line above it."""
    return line[:1].isspace() or line[:1].islower() or _PART.match(line) is not None


def _continues(text: str, line: str) -> bool:
    """Tell whether `line`, which has no stamp, continues `text`."""
    if not line.strip() or _LINK.search(line):
        return False
    if not text or _PART.match(line) or _FIRST_PART.match(line):
        return True
    if _is_middle(line):  # after a question mark, only another question continues the text
        return not text.endswith(_MARKS) or any(mark in line for mark in _MARKS)
    asks = line.rstrip(" \"'”’)").endswith(_MARKS)
    return asks and not any(mark in text for mark in _MARKS) and not _FRAMES_THE_TALK.match(text)


def _clean(text: str) -> tuple[str, bool]:
    """Return the text without links, bullets, dashes and numbering around it, and whether it was numbered."""
    numbered = False
    text = _URL.sub("", text).strip()
    while match := _LEADING.match(text):
        if match.group(1) and split_parts(text):  # the 1) of `1) Why, 2) and when?` marks a part
            break
        numbered = numbered or match.group(1) is not None
        text = text[match.end() :]
    text = text.rstrip(_TRAILING)
    if text.endswith(("(", "[")):
        text = text[:-1]
    return " ".join(text.split()).rstrip(_TRAILING), numbered


def _in_time(found: list[_Entry]) -> list[_Entry]:
    """Return the longest subsequence of entries whose times do not fall, so that a time of day in a blurb drops out.

    Among several of the same length, the one with the earliest last time is taken. The algorithm is patience sorting
    (Fredman 1975), n log n.
    """
    tails: list[float] = []  # the lowest time at which a run of each length can end
    ends: list[int] = []
    before: list[int] = []
    for index, entry in enumerate(found):
        place = bisect_right(tails, entry.start)
        before.append(ends[place - 1] if place else -1)
        if place == len(tails):
            tails.append(entry.start)
            ends.append(index)
        else:
            tails[place], ends[place] = entry.start, index
    run: list[_Entry] = []
    at = ends[-1] if ends else -1
    while at >= 0:
        run.append(found[at])
        at = before[at]
    return run[::-1]


def _merge(found: list[_Entry]) -> list[_Entry]:
    """Merge entries with the same time into one entry, whose parts they become."""
    merged: list[_Entry] = []
    for entry in found:
        if merged and merged[-1].start == entry.start:
            before = merged.pop()
            merged.append(
                _Entry(
                    entry.start,
                    f"{before.text} {entry.text}".strip(),
                    before.numbered or entry.numbered,
                    tuple(part for part in (*(before.parts or (before.text,)), entry.text) if part),
                )
            )
        else:
            merged.append(entry)
    return merged


def _is_question(entry: _Entry) -> bool:
    if not entry.text or _LINK.search(entry.text):
        return False
    if any(mark in entry.text for mark in _MARKS) or _QUESTION_ENDS.search(entry.text):
        return True
    if _FRAMES_THE_TALK.match(entry.text):
        return False
    return entry.numbered or _ASKING.match(entry.text) is not None
