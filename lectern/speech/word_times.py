"""Give times to words whose times are missing or cannot be true.

An aligner gives no times to words that it cannot spell ("2014", "$5"), and Whisper's attention sometimes gives a word
no length, or a time before that of the word before it.
"""

import bisect
import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from lectern.core.schema import Word
from lectern.text.unspaced import begins_spaced, join_pieces

SHORTEST = 0.02
"""Shortest length of a word in seconds, which is Whisper's step of time. A shorter word's times count as wrong."""


class RawWord(NamedTuple):
    """A word as an engine gives it, with its times in seconds or None."""

    text: str
    start: float | None
    end: float | None
    probability: float | None = None
    spaced: bool = True
    """whether a space stands before it"""


def time_words(raw: Iterable[RawWord], start: float, end: float) -> list[Word]:
    """Give every word a time inside the segment that it was heard in. The order of the words is not changed.

    A word keeps its times unless it has none, is shorter than SHORTEST, or is out of order. The words in order are a
    longest increasing subsequence, so that as few words as possible count as wrong. Words without usable times share
    the time between their neighbours in proportion to their letters; if there is no time between the neighbours, they
    share the time of the neighbours too. At last, pieces that no space parts (`real`, `-world`; `$1`, `,250`) become
    one word, but in scripts that are written without spaces.

    Args:
        raw: the words of one segment, in order of the text; words without text are dropped.
        start: start of the segment in seconds; no word begins earlier.
        end: end of the segment in seconds; no word ends later.

    Returns: words with start <= end; neither starts nor ends ever fall.
    """
    words = [word._replace(text=text) for word in raw if (text := word.text.strip())]
    end = max(start, end)
    spans = [_usable(word, start, end) for word in words]
    kept = _longest_increasing(spans)
    known = {index: _given(spans[index]) for index in kept}
    for index, following in pairwise(kept):  # where words overlap a little, the earlier one is shortened
        known[index] = (known[index][0], min(known[index][1], known[following][0]))
    fixed = _fill(words, known, start, end)
    return join_pieces(
        Word(
            text=word.text,
            start=a,
            end=b,
            probability=None if word.probability is None else round(float(word.probability), 3),
            spaced=word.spaced,
        )
        for word, (a, b) in zip(words, fixed, strict=True)
    )


def space_words(words: Sequence[RawWord], text: str) -> list[RawWord]:
    """Return the words with `spaced` as in the text that they were cut from; a word that is not found there is spaced.

    Args:
        words: of a segment, in order.
        text: of the segment.
    """
    found: list[RawWord] = []
    at = 0
    for word in words:
        bare = word.text.strip()
        place = text.find(bare, at)
        if place >= 0 and bare:
            spaced = place > at if found else begins_spaced(bare)
            word, at = word._replace(spaced=spaced), place + len(bare)
        found.append(word)
    return found


Times = tuple[float, float]


def _given(span: Times | None) -> Times:
    assert span is not None
    return span


def _usable(word: RawWord, start: float, end: float) -> Times | None:
    if word.start is None or word.end is None or not (math.isfinite(word.start) and math.isfinite(word.end)):
        return None
    first, last = max(start, word.start), min(end, word.end)
    return (first, last) if last - first >= SHORTEST - 1e-9 else None


def _longest_increasing(spans: Sequence[Times | None]) -> list[int]:
    """Return the indices of a longest subsequence whose starts never fall and whose middles rise (patience sorting)."""
    tails: list[float] = []
    ends: list[int] = []
    before: dict[int, int | None] = {}
    for index, span in enumerate(spans):
        if span is None:
            continue
        middle = (span[0] + span[1]) / 2
        place = bisect.bisect_left(tails, middle)
        before[index] = ends[place - 1] if place else None
        tails[place : place + 1], ends[place : place + 1] = [middle], [index]
    chosen: list[int] = []
    at = ends[-1] if ends else None
    while at is not None:
        chosen.append(at)
        at = before[at]
    chosen.reverse()
    increasing: list[int] = []
    for index in chosen:
        if not increasing or _given(spans[index])[0] >= _given(spans[increasing[-1]])[0]:
            increasing.append(index)
    return increasing


def _fill(words: Sequence[RawWord], known: dict[int, Times], start: float, end: float) -> list[Times]:
    """Return times for all words: each run of words without times shares the time between the words around it."""
    times: list[Times | None] = [known.get(index) for index in range(len(words))]
    index = 0
    while index < len(words):
        if times[index] is not None:
            index += 1
            continue
        stop = next((i for i in range(index, len(words)) if times[i] is not None), len(words))
        first, last = index, stop
        left = _given(times[first - 1])[1] if first else start
        right = _given(times[last])[0] if last < len(words) else end
        if right - left < SHORTEST * (last - first):
            if first:
                first -= 1
                left = _given(times[first])[0]
            if last < len(words):
                right = _given(times[last])[1]
                last += 1
            right = max(left, right)
        letters = [len(word.text) for word in words[first:last]]
        edges = [left + (right - left) * sum(letters[:i]) / sum(letters) for i in range(len(letters) + 1)]
        times[first:last] = list(pairwise(edges))
        index = stop
    return [_given(span) for span in times]
