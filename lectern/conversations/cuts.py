"""Stretches of a recording that do not belong to the conversation: intros, adverts, outros.

No content is judged. A stretch is cut because of the title of its chapter, because of where a silence lies, or because
a person gave its times.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from lectern.core.schema import Chapter, SpeakerTurn, Word

_CLOCK = re.compile(r"(?:(\d{1,9}):)?(\d{1,9}):(\d{1,2}(?:\.\d+)?)")


class Span(NamedTuple):
    """A stretch that is cut, in seconds, and the reason under which its words are counted."""

    start: float
    end: float
    reason: str


def parse_time(value: Any) -> float:
    """Read seconds from `83.5`, `1:23.5` or `1:02:03`.

    Raises:
        ValueError: the value has none of these forms; the message says what to write.
    """
    text = str(value).strip()
    if re.fullmatch(r"\d{1,12}(\.\d+)?", text):
        return float(text)
    clock = _CLOCK.fullmatch(text)
    if clock is None or float(clock[3]) >= 60 or (clock[1] and int(clock[2]) >= 60):
        raise ValueError(f"{text!r} is not a time; write seconds (83.5), m:ss (1:23) or h:mm:ss (1:02:03)")
    return int(clock[1] or 0) * 3600 + int(clock[2]) * 60 + float(clock[3])


def find_chapters(chapters: Iterable[Chapter], patterns: Sequence[str]) -> list[Span]:
    """Return the chapters in whose title one of the regular expressions matches, in upper or lower case."""
    wanted = [re.compile(pattern, re.IGNORECASE) for pattern in patterns]
    return [
        Span(chapter.start, chapter.end, "chapter")
        for chapter in chapters
        if any(pattern.search(chapter.title.strip()) for pattern in wanted)
    ]


def find_first_gap(words: Sequence[Word], gap: float, within: float) -> list[Span]:
    """Return the stretch before the first silence of `gap` seconds, if that begins in the first `within` seconds.

    A silence at the very start counts as the first one: then nothing stands before it, and nothing is cut.
    """
    heard = 0.0
    for word in words:
        if heard > within:
            break
        if word.start - heard >= gap:
            return [Span(0.0, heard, "first_gap")] if heard else []
        heard = max(heard, word.end)
    return []


def find_ends(times: Mapping[str, Any], duration: float) -> list[Span]:
    """Return the stretches before `intro_end` and from `outro_start` on, where the metadata gives these times."""
    spans = []
    if "intro_end" in times:
        spans.append(Span(0.0, times["intro_end"], "metadata"))
    if "outro_start" in times:
        spans.append(Span(times["outro_start"], duration, "metadata"))
    return spans


def cut_words(words: Sequence[Word], spans: Sequence[Span]) -> tuple[list[bool], Counter[str]]:
    """Return which words stay, and how many are cut for each reason.

    A word is cut if its middle lies in a span; the first such span gives the reason.
    """
    reasons = [
        next((s.reason for s in spans if s.start <= (word.start + word.end) / 2 < s.end), None)
        for word in words
    ]
    return [reason is None for reason in reasons], Counter(reason for reason in reasons if reason)


def cut_turns(turns: Iterable[SpeakerTurn], spans: Iterable[Span]) -> list[SpeakerTurn]:
    """Return the turns without the parts that lie in the spans."""
    kept = list(turns)
    for span in spans:
        kept = [
            turn.model_copy(update={"start": start, "end": end})
            for turn in kept
            for start, end in (
                (turn.start, min(turn.end, span.start)),
                (max(turn.start, span.end), turn.end),
            )
            if end > start
        ]
    return kept
